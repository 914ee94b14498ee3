"""``/v2/<name>/referrers/<digest>``."""

from typing import Final

from msgspec import Raw

from txregistry.model.descriptors import OCI_INDEX
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.lists import Incomplete
from txregistry.registry.repositories import Registry
from txregistry.web.guards import Guards
from txregistry.web.paging import link_next, wanted_count
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.staleness import warn_of_old
from txregistry.web.v2.answers import json_answer

_MOST: Final = 10_000
_ROOM: Final = 4 * 1000 * 1000
"""Bytes of one answer: containerd reads no more, and does not follow links."""


def add_referrer_routes(app: App, guards: Guards, registry: Registry) -> None:
    """Add ``/v2/<name>/referrers/<digest>``, which is never 404."""

    @app.route(
        "/v2/<name:name>/referrers/<digest:digest>", methods=["GET"], guard=guards.pull
    )
    async def list_referrers(
        request: RegistryRequest, name: RepositoryName, digest: Digest
    ) -> bytes:
        count = wanted_count(request, _MOST)
        try:
            await registry.mirror.fetch_referrers(name, digest, request.passed)
        except Incomplete:  # else signatures would seem not to be there
            warn_of_old(request)
        types = frozenset(request.queries(b"artifactType"))
        page = await registry.referrers.page(
            name,
            digest,
            types=types,
            after=request.query(b"last") or "",
            limit=_MOST if count is None else max(1, count),
            room=_ROOM,
        )
        if types:
            request.responseHeaders.setRawHeaders(
                "oci-filters-applied", ["artifactType"]
            )
        if page.more:
            link_next(request, str(page.descriptors[-1].digest), count)
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [Raw(each) for each in page.documents],
        }
        return json_answer(request, document, OCI_INDEX)
