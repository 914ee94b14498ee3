"""All routes of version 1, as far as a daemon has them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry
from txregistry.web.routing import App
from txregistry.web.sendfile import Sender
from txregistry.web.v1.access import V1Access
from txregistry.web.v1.guards import V1Guards
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
    """

    access: V1Access
    index: IndexRoutes | None
    registry: bool = True
    standalone: bool = False


def add_v1_routes(
    app: App, version: Version1, registry: Registry, sender: Sender
) -> None:
    """Add the routes of version 1."""
    access = version.access
    guards = V1Guards(access)
    add_status_routes(app, guards, registry.store, standalone=version.standalone)
    if version.registry:
        routes = ImageRoutes(registry, access, sender)
        add_image_routes(app, guards, routes, registry)
        add_private_image_routes(app, guards, routes, registry)
        add_image_upload_routes(app, guards, registry)
        add_tag_routes_of_v1(app, guards, registry)
        add_repository_routes(app, guards, registry)
    if version.index is not None:
        add_index_routes(app, guards, version.index)
        add_user_routes(app, guards)

        def names() -> AsyncIterator[RepositoryName]:
            catalog = registry.catalog if version.registry else registry.announced
            return catalog.all()

        add_search_routes(app, guards, names, access)
