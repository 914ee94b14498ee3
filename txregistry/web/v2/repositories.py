"""``/v2/<name>/_txregistry/repository/all``: a repository as a whole.

The specification knows no such thing. This is an extension as it wants them: no name
has a component that begins with ``_``, so nobody means something else by it.

Source: OCI Distribution 1.1, "Extensions API for Distribution".
"""

from txregistry.model.errors import NameUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry
from txregistry.web.guards import Guards
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.switches import require_deletes, require_writes
from txregistry.web.v2.answers import empty_answer


def add_repository_routes(app: App, guards: Guards, registry: Registry) -> None:
    """Add DELETE of ``/v2/<name>/_txregistry/repository/all``."""

    @app.route(
        "/v2/<name:name>/_txregistry/repository/all",
        methods=["DELETE"],
        guard=guards.admin,
    )
    async def delete_repository(
        request: RegistryRequest, name: RepositoryName
    ) -> bytes:
        require_writes(registry)
        require_deletes(registry)
        registry.mirror.check_removal(name)
        if not await registry.removal.delete(name):
            raise NameUnknown(f"There is no repository {name}; check its name.")
        return empty_answer(request, 202, {})
