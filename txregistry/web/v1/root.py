"""All routes of version 1, as far as a daemon has them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from klein import Klein

from txregistry.model.access import ANONYMOUS
from txregistry.model.errors import Denied, Unauthorized
from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry
from txregistry.web.request import RegistryRequest
from txregistry.web.sendfile import Sender
from txregistry.web.v1.access import Access
from txregistry.web.v1.images import (
    ImageRoutes,
    add_image_routes,
    add_private_image_routes,
)
from txregistry.web.v1.index import IndexRoutes, add_index_routes
from txregistry.web.v1.search import add_search_routes
from txregistry.web.v1.status import add_status_routes
from txregistry.web.v1.tags import add_repository_routes, add_tag_routes_of_v1
from txregistry.web.v1.uploads import add_image_upload_routes
from txregistry.web.v1.users import add_user_routes


@dataclass(frozen=True, slots=True)
class Version1:
    """What version 1 is to be.

    Attributes:
        access: Who may do what.
        index: The Index, where this daemon is one.
        registry: Whether it is a registry, or an Index alone.
        standalone: What it says of itself, see `add_status_routes`.
        administrators: Who may know how it is; whoever has an account, where none are
            named, and everybody where there are no accounts.
    """

    access: Access
    index: IndexRoutes | None
    registry: bool = True
    standalone: bool = False
    administrators: frozenset[str] = frozenset()

    async def admit(self, request: RegistryRequest) -> None:
        """Let somebody know how the registry is.

        Raises:
            Unauthorized: nobody knows who they are.
            Denied: they are no administrator.
        """
        request.challenge = b'Basic realm="auth required"'
        caller = await self.access.caller(request)
        if not self.access.knows_accounts:
            return
        if caller.grant is not None or caller.identity == ANONYMOUS:
            raise Unauthorized
        if self.administrators and caller.identity.name not in self.administrators:
            raise Denied("You are no administrator of this registry")


def add_v1_routes(
    app: Klein, version: Version1, registry: Registry, sender: Sender
) -> None:
    """Add the routes of version 1."""
    access = version.access
    add_status_routes(app, registry.store, version.admit, standalone=version.standalone)
    if version.registry:
        routes = ImageRoutes(registry, access, sender)
        add_image_routes(app, routes, registry)
        add_private_image_routes(app, routes, access, registry)
        add_image_upload_routes(app, registry, access)
        add_tag_routes_of_v1(app, registry, access)
        add_repository_routes(app, registry, access)
    if version.index is not None:
        add_index_routes(app, version.index)
        add_user_routes(app, access)

        def names() -> AsyncIterator[RepositoryName]:
            catalog = registry.catalog if version.registry else registry.announced
            return catalog.all()

        add_search_routes(app, names, access)
