"""``/v2/<name>/manifests/<reference>``."""

from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestTooLarge, TooManyTags
from txregistry.model.manifests import MAX_SIZE
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.streams import BytesReader, read_all
from txregistry.web.conditions import accepted_types, describe, is_unchanged
from txregistry.web.guards import Guards
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.sendfile import Sender
from txregistry.web.switches import require_deletes, require_writes
from txregistry.web.v2.answers import empty_answer

_MOST_TAGS: Final = 100
_AT_ONCE: Final = 64 * 1024
"""Bytes that are written in one piece: more would pile up before slow readers."""


def add_manifest_routes(
    app: App, guards: Guards, registry: Registry, sender: Sender
) -> None:
    """Add ``/v2/<name>/manifests/<reference>``. ``HEAD`` comes with ``GET``."""

    @app.route(
        "/v2/<name:name>/manifests/<reference:reference>",
        methods=["GET"],
        guard=guards.pull,
    )
    async def get_manifest(
        request: RegistryRequest, name: RepositoryName, reference: Reference
    ) -> bytes:
        pulled = await registry.mirror.find_manifest(name, reference, request.passed)
        found = pulled.manifest
        request.again = registry.mirror.again(name, reference, found.digest)
        if isinstance(reference, Tag):
            accepted = accepted_types(request)
            if accepted and found.media_type not in accepted:
                request.again = None  # it depends on more than that
                found = await registry.forms.choose(
                    name, found, accepted, request.engine
                )
            request.responseHeaders.addRawHeader(b"Vary", b"Accept")
        headers = request.responseHeaders
        forever = isinstance(reference, Digest)
        describe(request, found.digest, forever=forever)
        if pulled.age is not None:
            headers.setRawHeaders("age", [f"{pulled.age:.0f}"])
        if pulled.fault:  # RFC 7234, section 5.5.2
            headers.setRawHeaders("warning", ['111 - "Revalidation Failed"'])
        if is_unchanged(request, found.digest):
            request.setResponseCode(304)
            return b""
        headers.setRawHeaders(b"Content-Type", [found.media_type])
        headers.put(b"Content-Length", b"%d" % found.size)
        if found.size > _AT_ONCE and request.method != b"HEAD":
            await sender.send(request, BytesReader(found.data))
            return b""
        return found.data

    @app.route(
        "/v2/<name:name>/manifests/<reference:reference>",
        methods=["PUT"],
        guard=guards.push,
    )
    async def put_manifest(
        request: RegistryRequest, name: RepositoryName, reference: Reference
    ) -> bytes:
        require_writes(registry, name)
        tags = [Tag.parse(text) for text in request.queries(b"tag")]
        if len(tags) > _MOST_TAGS:
            raise TooManyTags(f"One request can set {_MOST_TAGS} tags at most.")
        data = None
        if (request.body_length or 0) <= MAX_SIZE:
            data = await read_all(request.reader(), MAX_SIZE)
        if data is None:
            raise ManifestTooLarge(f"A manifest can have {MAX_SIZE} bytes at most.")
        accepted = await registry.acceptance.push(
            name, reference, data, request.header(b"content-type"), tags
        )
        headers = {
            "location": f"/v2/{name}/manifests/{accepted.digest}",
            "docker-content-digest": str(accepted.digest),
        }
        if accepted.subject is not None:
            headers["oci-subject"] = str(accepted.subject)
        for tag in tags:
            request.responseHeaders.addRawHeader("oci-tag", str(tag))
        return empty_answer(request, 201, headers)

    @app.route(
        "/v2/<name:name>/manifests/<reference:reference>",
        methods=["DELETE"],
        guard=guards.delete,
    )
    async def delete_manifest(
        request: RegistryRequest, name: RepositoryName, reference: Reference
    ) -> bytes:
        require_deletes(registry)
        await registry.acceptance.delete(name, reference)
        return empty_answer(request, 202, {})
