"""``/v2/_catalog``."""

from functools import partial
from typing import Final

from txregistry.registry.repositories import Registry
from txregistry.web.guards import Guards
from txregistry.web.paging import link_next, wanted_count
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.v2.answers import json_answer

_USUAL: Final = 100
_MOST: Final = 1000


def add_catalog_routes(app: App, guards: Guards, registry: Registry) -> None:
    """Add ``/v2/_catalog``."""

    @app.route("/v2/_catalog", methods=["GET"], guard=guards.catalog)
    async def list_repositories(request: RegistryRequest) -> bytes:
        wanted = wanted_count(request, _MOST)
        count = _USUAL if wanted is None else wanted
        access = guards.access
        shown = None
        if not access.open:
            shown = partial(access.lists, await access.caller(request))
        async with access.walk(request):
            page = await registry.catalog.page(
                request.query(b"last") or "", count, shown
            )
        if page.more and page.names:
            link_next(request, str(page.names[-1]), count)
        return json_answer(
            request, {"repositories": [name.text for name in page.names]}
        )
