"""``/v2/<name>/blobs/uploads/``: begin, append, finish, cancel."""

from txregistry.model.access import Action
from txregistry.model.digest import Digest, parse_algorithm
from txregistry.model.errors import DigestInvalid, NameInvalid, UploadOutOfOrder
from txregistry.model.names import RepositoryName
from txregistry.model.ranges import parse_chunk_range, upload_range
from txregistry.registry.repositories import Registry
from txregistry.registry.uploads import Chunk
from txregistry.web.access import Access
from txregistry.web.guards import Guards
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.switches import require_writes
from txregistry.web.v2.answers import empty_answer


def add_upload_routes(app: App, guards: Guards, registry: Registry) -> None:
    """Add ``/v2/<name>/blobs/uploads/`` and the sessions below it."""

    @app.route("/v2/<name:name>/blobs/uploads/", methods=["POST"], guard=guards.push)
    async def begin_upload(request: RegistryRequest, name: RepositoryName) -> bytes:
        require_writes(registry, name)
        mount = request.query(b"mount")
        if mount is not None:
            digest = Digest.parse(mount)
            if await _mount(registry, guards.access, request, name, digest):
                return _created(request, name, digest)
        wanted = request.query(b"digest")
        if wanted is not None:
            digest = Digest.parse(wanted)
            if request.body_length != 0 or digest == Digest.of(b"", digest.algorithm):
                await registry.uploads.push(name, digest, _chunk(request))
                return _created(request, name, digest)
        algorithm = request.query(b"digest-algorithm")
        if algorithm is not None:
            parse_algorithm(algorithm)
        session = await registry.uploads.begin(name)
        return _state(request, 202, name, session, 0)

    @app.route(
        "/v2/<name:name>/blobs/uploads/<session>", methods=["GET"], guard=guards.push
    )
    async def get_upload(
        request: RegistryRequest, name: RepositoryName, session: str
    ) -> bytes:
        offset = await registry.uploads.offset(name, session)
        return _state(request, 204, name, session, offset)

    @app.route(
        "/v2/<name:name>/blobs/uploads/<session>", methods=["PATCH"], guard=guards.push
    )
    async def append_upload(
        request: RegistryRequest, name: RepositoryName, session: str
    ) -> bytes:
        require_writes(registry, name)
        try:
            offset = await registry.uploads.append(name, session, _chunk(request))
        except UploadOutOfOrder as error:
            _state(request, 416, name, session, error.offset)
            raise
        return _state(request, 202, name, session, offset)

    @app.route(
        "/v2/<name:name>/blobs/uploads/<session>", methods=["PUT"], guard=guards.push
    )
    async def finish_upload(
        request: RegistryRequest, name: RepositoryName, session: str
    ) -> bytes:
        require_writes(registry, name)
        wanted = request.query(b"digest")
        if wanted is None:
            raise DigestInvalid("An upload ends with PUT and ?digest=<digest>.")
        digest = Digest.parse(wanted)
        try:
            await registry.uploads.finish(name, session, digest, _chunk(request))
        except UploadOutOfOrder as error:
            _state(request, 416, name, session, error.offset)
            raise
        return _created(request, name, digest)

    @app.route(
        "/v2/<name:name>/blobs/uploads/<session>", methods=["DELETE"], guard=guards.push
    )
    async def cancel_upload(
        request: RegistryRequest, name: RepositoryName, session: str
    ) -> bytes:
        await registry.uploads.cancel(name, session)
        return empty_answer(request, 204, {})


async def _mount(
    registry: Registry,
    access: Access,
    request: RegistryRequest,
    name: RepositoryName,
    digest: Digest,
) -> bool:
    """Mount a blob if that can be; where it cannot, the client uploads it instead."""
    try:
        text = request.query(b"from")
        source = RepositoryName.parse(text) if text else None
    except NameInvalid:
        return False
    if access.open:
        return await registry.blobs.mount(name, digest, source)
    caller = await access.caller(request)

    async def readable(other: RepositoryName) -> bool:
        return await access.sees(caller, other, Action.PULL)

    return await registry.blobs.mount(name, digest, source, readable)


def _chunk(request: RegistryRequest) -> Chunk:
    span = request.header(b"content-range")
    return Chunk(
        request.reader(),
        request.body_length,
        None if span is None else parse_chunk_range(span),
    )


def _created(request: RegistryRequest, name: RepositoryName, digest: Digest) -> bytes:
    return empty_answer(
        request,
        201,
        {
            "location": f"/v2/{name}/blobs/{digest}",
            "docker-content-digest": str(digest),
        },
    )


def _state(
    request: RegistryRequest,
    status: int,
    name: RepositoryName,
    session: str,
    offset: int,
) -> bytes:
    return empty_answer(
        request,
        status,
        {
            "location": f"/v2/{name}/blobs/uploads/{session}",
            "range": upload_range(offset),
            "docker-upload-uuid": session,
        },
    )
