"""``/v1/images/<id>/...``, written: the parts of an image that is pushed.

Source: Docker Registry API v1, "Images".
"""

from klein import Klein

from txregistry.model.access import Action
from txregistry.model.images import MAX_JSON
from txregistry.registry.repositories import Registry
from txregistry.web.request import RegistryRequest
from txregistry.web.switches import require_writes
from txregistry.web.v1.access import Access
from txregistry.web.v1.answers import answer, read_body


def add_image_upload_routes(app: Klein, registry: Registry, access: Access) -> None:
    """Add PUT of ``/v1/images/<id>/json``, ``/layer`` and ``/checksum``."""
    uploads = registry.image_uploads

    @app.route("/v1/images/<text>/json", methods=["PUT"])
    async def put_image_json(request: RegistryRequest, text: str) -> bytes:
        scope, image_id = await access.to_image(request, text, Action.PUSH)
        require_writes(registry)
        json = await read_body(request, MAX_JSON)
        checksum = request.header(b"x-docker-checksum") or None
        await uploads.begin(scope, image_id, json, checksum)
        return answer(request, value=True)

    @app.route("/v1/images/<text>/layer", methods=["PUT"])
    async def put_image_layer(request: RegistryRequest, text: str) -> bytes:
        scope, image_id = await access.to_image(request, text, Action.PUSH)
        require_writes(registry)
        await uploads.take_layer(scope, image_id, request.reader(), request.body_length)
        return answer(request, value=True)

    @app.route("/v1/images/<text>/checksum", methods=["PUT"])
    async def put_image_checksum(request: RegistryRequest, text: str) -> bytes:
        scope, image_id = await access.to_image(request, text, Action.PUSH)
        require_writes(registry)
        await uploads.finish(
            scope,
            image_id,
            request.header(b"x-docker-checksum-payload"),
            request.header(b"x-docker-checksum"),
        )
        return answer(request, value=True)
