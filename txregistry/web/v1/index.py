"""What an Index answers about repositories: pushes announced, images listed, tokens.

An Index may be part of a registry, or stand alone in front of several.

Source: Docker Registry API v1, "The index API".
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from txregistry.auth.tokens import TokenSigner
from txregistry.model.access import Access as TokenAccess
from txregistry.model.errors import (
    DataInvalid,
    ImageIdInvalid,
    NameInvalid,
    NameUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.lists import Incomplete
from txregistry.registry.repositories import Registry
from txregistry.tasks import breathe
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.switches import require_writes
from txregistry.web.v1.access import V1Access, V1Caller
from txregistry.web.v1.answers import answer, no_content, read_json
from txregistry.web.v1.guards import V1Guards

_R: Final = "/v1/repositories/<v1name:name>"
_LIMIT: Final = 4 * 1024 * 1024
_PAUSE: Final = 2000
"""Ids after which others have their turn."""

_MOST: Final = 20_000
_RESERVED: Final = frozenset({"tags", "images", "json", "properties", "auth", "layer"})
"""Ends of routes: a repository named so could not be asked for."""

_LIFETIMES: Final = {
    TokenAccess.READ: 3600.0,
    TokenAccess.WRITE: 12 * 3600.0,
    TokenAccess.DELETE: 3600.0,
}
"""Seconds for which tokens are good: none can be renewed in the middle of a push."""


class _Listed(msgspec.Struct):
    """An image in a list; the rest of what engines say of it is not needed."""

    id: str


class IndexRoutes:
    """Answer what is asked of an Index.

    Args:
        registry: Where lists are kept.
        access: Who may do what.
        signer: Makes tokens.
        endpoints: Where pushes and pulls go, ``host[:port]`` each; none for the address
            at which the client reached us.
        new_nonce: Makes what tells tokens apart.
        alone: Whether the images are elsewhere, on other hosts.
        standalone: Whether clients may come back without a token.
    """

    def __init__(
        self,
        registry: Registry,
        access: V1Access,
        signer: TokenSigner,
        endpoints: Sequence[str],
        new_nonce: Callable[[], str],
        *,
        alone: bool,
        standalone: bool,
    ) -> None:
        self._registry = registry
        self._access = access
        self._signer = signer
        self._endpoints = endpoints
        self._new_nonce = new_nonce
        self._alone = alone
        self._standalone = standalone

    async def announce(
        self,
        request: RegistryRequest,
        name: RepositoryName,
        resolved: RepositoryName,
    ) -> list[ImageId]:
        """Take a list of images that are to be pushed, or were.

        Raises:
            NameInvalid: the repository could not be asked for.
        """
        if name.text.rpartition("/")[2] in _RESERVED:
            raise NameInvalid(
                "The last component of this name has a meaning of its own"
            )
        require_writes(self._registry, resolved)
        listed = await read_json(request, _LIMIT, list[_Listed], "Error Decoding JSON")
        ids = await self._read_ids(listed)
        if ids:
            await self._registry.announcements.add(resolved, ids)
        return ids

    async def _read_ids(self, listed: Sequence[_Listed]) -> list[ImageId]:
        """Read a list of images.

        Raises:
            DataInvalid: one of them can be no image, or they are too many.
        """
        if len(listed) > _MOST:
            raise DataInvalid("Invalid data")
        ids = []
        for place, each in enumerate(listed):
            if not (place + 1) % _PAUSE:
                await breathe(self._registry.clock)
            try:
                ids.append(ImageId.parse(each.id))
            except ImageIdInvalid:
                raise DataInvalid("Invalid data") from None
        return ids

    async def note(
        self,
        request: RegistryRequest,
        asking: V1Caller,
        name: RepositoryName,
        ids: Sequence[ImageId],
    ) -> None:
        """Remember what was announced, where clients may come back without a token."""
        if self._standalone and asking.grant is None and ids:
            owner = self._access.owner(request, asking.identity)
            await self._registry.announcements.note(owner, name, ids)

    async def settle(
        self, request: RegistryRequest, asking: V1Caller, name: RepositoryName
    ) -> None:
        """Take it that a push has ended."""
        if self._standalone:
            owner = self._access.owner(request, asking.identity)
            await self._registry.announcements.settle(owner, name)

    def hand_out(
        self,
        request: RegistryRequest,
        asking: V1Caller,
        name: RepositoryName,
        access: TokenAccess,
    ) -> None:
        """Tell a client where to go, and give it a token if it wants one."""
        headers = request.responseHeaders
        headers.setRawHeaders("x-docker-endpoints", self._endpoints or [_here(request)])
        wanted = (request.header(b"x-docker-token") or "").lower() == "true"
        if asking.sent_token or not (wanted or self._standalone):
            return  # for a token none is given: it would last longer each time
        token = self._signer.issue(
            name, access, asking.identity, _LIFETIMES[access], self._new_nonce()
        )
        if wanted:
            headers.setRawHeaders("x-docker-token", [token])
            headers.setRawHeaders("www-authenticate", [f"Token {token}"])
        if self._standalone:
            self._access.keep(request, token)

    async def images(
        self, name: RepositoryName, architecture: str
    ) -> list[dict[str, str]]:
        """List the images of a repository.

        Raises:
            NameUnknown: there is no such repository.
            UpstreamSilent: there is none here, and the registry that may have it cannot
                be asked.
            UpstreamInvalid: likewise.
        """
        announced = await self._registry.announcements.all(name)
        found = dict.fromkeys(announced or ())
        if not self._alone:
            tagged = await self._registry.image_tags.ids(name, architecture)
            found.update(dict.fromkeys(sorted(tagged)))
            try:
                mirrored = await self._registry.mirror.tag_ids(name) or {}
            except Incomplete as incomplete:
                if announced is None and not found and incomplete.failure is not None:
                    raise incomplete.failure from incomplete
                mirrored = {}
            found.update(dict.fromkeys(sorted(map(str, mirrored.values()))))
        if announced is None and not found:
            raise NameUnknown("images not found")
        return [{"id": each} for each in found]

    async def may_use(self, name: RepositoryName, text: str) -> bool:
        """Say whether a repository may use an image."""
        try:
            image_id = ImageId.parse(text)
        except ImageIdInvalid:
            return False
        if text in (await self._registry.announcements.all(name) or ()):
            return True
        return not self._alone and await self._registry.images.holds(name, image_id)


def add_index_routes(app: App, guards: V1Guards, routes: IndexRoutes) -> None:
    """Add PUT of ``{R}/``, all of ``{R}/images``, ``{R}/auth`` and ``{R}/layer``."""

    async def put_repository(
        request: RegistryRequest,
        name: RepositoryName,
        resolved: RepositoryName,
        asking: V1Caller,
    ) -> bytes:
        ids = await routes.announce(request, name, resolved)
        await routes.note(request, asking, resolved, ids)
        routes.hand_out(request, asking, name, TokenAccess.WRITE)
        return answer(request, "")

    for place, path in enumerate(("/", "")):
        app.route(
            f"/v1/repositories/<v1name:name>{path}",
            methods=["PUT"],
            guard=guards.index_push,
            endpoint=f"put_repository_{place}",
        )(put_repository)

    @app.route(f"{_R}/images", methods=["PUT"], guard=guards.index_push)
    async def put_images(
        request: RegistryRequest,
        name: RepositoryName,
        resolved: RepositoryName,
        asking: V1Caller,
    ) -> bytes:
        await routes.announce(request, name, resolved)
        await routes.settle(request, asking, resolved)
        return no_content(request)

    @app.route(f"{_R}/images", methods=["GET"], guard=guards.index_pull)
    async def get_images(
        request: RegistryRequest,
        name: RepositoryName,
        resolved: RepositoryName,
        asking: V1Caller,
    ) -> bytes:
        found = await routes.images(resolved, request.engine.architecture)
        routes.hand_out(request, asking, name, TokenAccess.READ)
        return answer(request, found)

    @app.route(f"{_R}/images", methods=["DELETE"], guard=guards.index_delete)
    def delete_images(
        request: RegistryRequest,
        name: RepositoryName,
        resolved: RepositoryName,
        asking: V1Caller,
    ) -> bytes:
        del resolved
        routes.hand_out(request, asking, name, TokenAccess.DELETE)
        return no_content(request)

    @app.route(f"{_R}/auth", methods=["PUT"], guard=guards.index_delete)
    def put_auth(
        request: RegistryRequest,
        name: RepositoryName,
        resolved: RepositoryName,
        asking: V1Caller,
    ) -> bytes:
        del name, resolved, asking
        return answer(request, "OK")

    @app.route(f"{_R}/layer/<text>/access", methods=["GET"], guard=guards.index_pull)
    async def get_layer_access(
        request: RegistryRequest,
        name: RepositoryName,
        text: str,
        resolved: RepositoryName,
        asking: V1Caller,
    ) -> bytes:
        del name, asking
        return answer(request, {"access": await routes.may_use(resolved, text)})


def _here(request: RegistryRequest) -> str:
    """Give the address at which a client reached us, from the socket itself.

    What the client calls us is no settings, and could be anybody's word.
    """
    address = request.getHost()
    host = getattr(address, "host", "localhost")
    port = getattr(address, "port", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
