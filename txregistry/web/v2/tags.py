"""``/v2/<name>/tags/list``."""

from typing import Final

from txregistry.model.errors import NameUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.lists import Incomplete
from txregistry.registry.repositories import Registry
from txregistry.registry.tags import TagsPage
from txregistry.web.guards import Guards
from txregistry.web.paging import link_next, wanted_count
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.staleness import warn_of_old
from txregistry.web.v2.answers import json_answer

_MOST: Final = 10_000


def add_tag_routes(app: App, guards: Guards, registry: Registry) -> None:
    """Add ``/v2/<name>/tags/list``."""

    @app.route("/v2/<name:name>/tags/list", methods=["GET"], guard=guards.listing)
    async def list_tags(request: RegistryRequest, name: RepositoryName) -> bytes:
        count = wanted_count(request, _MOST)
        last = request.query(b"last") or ""
        try:
            page = await registry.mirror.list_tags(name, last, count, request.passed)
        except Incomplete as incomplete:
            page = await _tags_here(registry, name, last, count, incomplete)
            warn_of_old(request)
        passed = request.passed is not None
        if not page.tags and (
            passed or not await registry.manifests.has_repository(name)
        ):
            raise NameUnknown(f"There is no repository {name}; check its name.")
        if page.more and page.tags:
            link_next(request, str(page.tags[-1]), count)
        return json_answer(
            request, {"name": str(name), "tags": [tag.text for tag in page.tags]}
        )


async def _tags_here(
    registry: Registry,
    name: RepositoryName,
    after: str,
    limit: int | None,
    incomplete: Incomplete,
) -> TagsPage:
    """Give some tags of those that are here, in place of another registry's.

    Raises:
        RegistryError: there are none, and the other registry may have some.
    """
    page = await registry.tags.page(name, after, limit)
    if not page.tags and incomplete.failure is not None:
        raise incomplete.failure
    return page
