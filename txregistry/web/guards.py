"""What stands before a route: who may have it answered.

Every route has a guard, or it cannot be added. It is asked when the headers are in, and
before any of the body is read.
"""

from collections.abc import Coroutine
from typing import Any, Final, Protocol

from txregistry.model.access import Action
from txregistry.web.access import Access
from txregistry.web.request import RegistryRequest


class Guard(Protocol):
    """Who may have a route answered."""

    needs: str
    """What one needs, in a word: an action, or ``nothing``."""

    def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> Coroutine[Any, Any, None] | None:
        """Let a request go on; the failure that it raises is its answer.

        Args:
            request: The request.
            arguments: What the path says. What the guard finds out can be put to it, or
                in its place.

        Returns:
            What to wait for; None where nothing needs to be found out.
        """


class _Everybody:
    needs = "nothing"

    def admit(self, request: RegistryRequest, arguments: dict[str, Any], /) -> None:
        """See `Guard`."""


EVERYBODY: Final[Guard] = _Everybody()
"""For what only tells that this is a registry, or decides by itself."""


class RepositoryGuard:
    """Ask whether somebody may do something to the repository in the path.

    Args:
        access: Decides.
        action: What.
    """

    def __init__(self, access: Access, action: Action) -> None:
        self.needs = action.value
        self._access = access
        self._action = action

    def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> Coroutine[Any, Any, None] | None:
        """See `Guard`."""
        if self._access.open:
            return None
        return self._access.to_repository(request, arguments["name"], self._action)


class RegistryGuard:
    """Ask whether somebody may do something to the registry as a whole.

    Args:
        access: Decides.
        action: What.
    """

    def __init__(self, access: Access, action: Action) -> None:
        self.needs = f"{action.value} all"
        self._access = access
        self._action = action

    def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> Coroutine[Any, Any, None] | None:
        """See `Guard`."""
        del arguments
        if self._access.open:
            return None
        return self._access.to_registry(request, self._action)


class LogInGuard:
    """Ask whether what somebody shows of who they are is good."""

    needs = "log-in"

    def __init__(self, access: Access) -> None:
        self._access = access

    def admit(
        self, request: RegistryRequest, arguments: dict[str, Any], /
    ) -> Coroutine[Any, Any, None] | None:
        """See `Guard`."""
        del arguments
        return None if self._access.open else self._access.to_log_in(request)


class Guards:
    """The guards of version 2.

    Attributes:
        access: What they all ask.
        log_in: Before what tells whether one is known.
        listing: Before what a repository has.
        pull: Before its content.
        push: Before what changes it.
        delete: Before what takes from it.
        admin: Before what takes all of it.
        catalog: Before the names of all that one may see.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.log_in: Guard = LogInGuard(access)
        self.listing: Guard = RepositoryGuard(access, Action.LIST)
        self.pull: Guard = RepositoryGuard(access, Action.PULL)
        self.push: Guard = RepositoryGuard(access, Action.PUSH)
        self.delete: Guard = RepositoryGuard(access, Action.DELETE)
        self.admin: Guard = RepositoryGuard(access, Action.ADMIN)
        self.catalog: Guard = RegistryGuard(access, Action.LIST)
