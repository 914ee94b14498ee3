"""``/v2/<name>/blobs/<digest>``."""

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.model.ranges import parse_range
from txregistry.registry.repositories import Registry
from txregistry.web.conditions import describe, is_unchanged, wants_range
from txregistry.web.guards import Guards
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.sendfile import Sender
from txregistry.web.switches import require_deletes
from txregistry.web.v2.answers import empty_answer


def add_blob_routes(
    app: App, guards: Guards, registry: Registry, sender: Sender
) -> None:
    """Add ``/v2/<name>/blobs/<digest>``. ``HEAD`` comes with ``GET``."""

    @app.route(
        "/v2/<name:name>/blobs/<digest:digest>", methods=["GET"], guard=guards.pull
    )
    async def get_blob(
        request: RegistryRequest, name: RepositoryName, digest: Digest
    ) -> None:
        wanted = wants_range(request, digest)
        whole = wanted is None and request.method != b"HEAD"
        blob = await registry.mirror.find_blob(
            name, digest, request.passed, whole=whole
        )
        headers = request.responseHeaders
        describe(request, digest, forever=True)
        headers.put(b"Accept-Ranges", b"bytes")
        unchanged = is_unchanged(request, digest)
        if unchanged or request.method == b"HEAD":
            request.again = registry.mirror.again(name)
        if unchanged:
            request.setResponseCode(304)
            return
        if request.method != b"HEAD":  # which is known here
            url = await blob.elsewhere()
            if url is not None:
                headers.setRawHeaders("cache-control", ["no-store"])
                headers.setRawHeaders("content-length", ["0"])
                headers.setRawHeaders("location", [url])
                request.setResponseCode(307)
                return
        start, stop = 0, blob.size
        span = None if wanted is None else parse_range(wanted, blob.size)
        if span is not None:
            start, stop = span
            request.setResponseCode(206)
            headers.setRawHeaders(
                "content-range", [f"bytes {start}-{stop - 1}/{blob.size}"]
            )
        headers.put(b"Content-Type", b"application/octet-stream")
        headers.put(b"Content-Length", b"%d" % (stop - start))
        if request.method != b"HEAD":
            await sender.send(request, await blob.open(start, stop))

    @app.route(
        "/v2/<name:name>/blobs/<digest:digest>", methods=["DELETE"], guard=guards.delete
    )
    async def delete_blob(
        request: RegistryRequest, name: RepositoryName, digest: Digest
    ) -> bytes:
        require_deletes(registry)
        await registry.acceptance.delete_blob(name, digest)
        return empty_answer(request, 202, {})
