"""What stands before the routes of version 1.

They put what they find out to, or in the place of, what the path says.

Source: Docker Registry API v1, section "Authorization".
"""

from typing import Any, Final

from txregistry.model.access import Action
from txregistry.model.errors import Unauthorized
from txregistry.web.guards import Guard
from txregistry.web.request import RegistryRequest
from txregistry.web.v1.access import NEEDED, V1Access

TOKEN: Final = (b"Token",)
PASSWORD: Final = (b'Basic realm="auth required"',)
EITHER: Final = (b'Basic realm="auth required",Token',)
"""Challenges; both are in one line, as engines read only the first."""


class _ActionGuard:
    """Ask whether somebody may do something.

    Args:
        access: Decides.
        action: What.
        tells: Whether the route is told who asks, as ``asking``.
    """

    def __init__(
        self, access: V1Access, action: Action, *, tells: bool = False
    ) -> None:
        self.needs = action.value
        self._access = access
        self._action = action
        self._tells = tells


class V1RepositoryGuard(_ActionGuard):
    """Ask whether somebody may do something to the repository in the path.

    ``name`` becomes what version 2 calls it.
    """

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`."""
        request.challenges = TOKEN
        asking, arguments["name"] = await self._access.to_repository(
            request, arguments["name"], self._action
        )
        if self._tells:
            arguments["asking"] = asking


class V1ImageGuard(_ActionGuard):
    """Ask whether somebody may do something to the image in the path.

    In the place of ``text`` come its ``image_id`` and ``scope``, where it may be.
    """

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`."""
        request.challenges = TOKEN
        text = arguments.pop("text")
        asking, scope, image_id = await self._access.to_image(
            request, text, self._action
        )
        arguments.update(scope=scope, image_id=image_id)
        if self._tells:
            arguments["asking"] = asking


class IndexGuard:
    """Ask whether somebody may do something to what an Index has of a repository.

    Routes are told who asks, as ``asking``, and what version 2 calls the repository, as
    ``resolved``.

    Args:
        access: Decides.
        action: What.
    """

    def __init__(self, access: V1Access, action: Action) -> None:
        self.needs = action.value
        self._access = access
        self._action = action

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`."""
        request.challenges = EITHER
        action = self._action
        asking = await self._access.caller(request)
        if asking.grant is not None and action is Action.PULL:
            # The question whether a token is good: also one for writing or deleting.
            action = NEEDED[asking.grant.access]
        asking, resolved = await self._access.to_repository(
            request, arguments["name"], action
        )
        arguments.update(asking=asking, resolved=resolved)


class SearchGuard:
    """Ask who somebody is who is to be shown what they may see, as ``caller``."""

    needs = "list all"

    def __init__(self, access: V1Access) -> None:
        self._access = access

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`."""
        request.challenges = EITHER
        asking = await self._access.caller(request)
        if asking.grant is not None or not self._access.may_search(asking.caller):
            raise Unauthorized  # a token is for one repository
        arguments["caller"] = asking.caller


class StatusGuard:
    """Ask whether somebody may know how the registry is."""

    needs = "admin all"

    def __init__(self, access: V1Access) -> None:
        self._access = access

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`."""
        del arguments
        request.challenges = PASSWORD
        await self._access.to_status(request)


class UserGuard:
    """Ask whether what somebody shows of who they are is good."""

    needs = "log-in"

    def __init__(self, access: V1Access) -> None:
        self._access = access

    async def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> None:
        """See `Guard`."""
        del arguments
        request.challenges = EITHER
        if not await self._access.is_known(request):
            raise Unauthorized


class V1Guards:
    """The guards of version 1.

    Args:
        access: What they all ask.
    """

    def __init__(self, access: V1Access) -> None:
        self.pull: Guard = V1RepositoryGuard(access, Action.PULL)
        self.pull_telling: Guard = V1RepositoryGuard(access, Action.PULL, tells=True)
        self.push: Guard = V1RepositoryGuard(access, Action.PUSH)
        self.delete: Guard = V1RepositoryGuard(access, Action.DELETE)
        self.pull_image: Guard = V1ImageGuard(access, Action.PULL)
        self.pull_image_telling: Guard = V1ImageGuard(access, Action.PULL, tells=True)
        self.push_image: Guard = V1ImageGuard(access, Action.PUSH)
        self.index_pull: Guard = IndexGuard(access, Action.PULL)
        self.index_push: Guard = IndexGuard(access, Action.PUSH)
        self.index_delete: Guard = IndexGuard(access, Action.DELETE)
        self.search: Guard = SearchGuard(access)
        self.status: Guard = StatusGuard(access)
        self.user: Guard = UserGuard(access)
