"""``/v1/images/<id>/...``, written: the parts of an image that is pushed.

Source: Docker Registry API v1, "Images".
"""

from txregistry.model.images import MAX_JSON, ImageId
from txregistry.registry.repositories import Registry
from txregistry.registry.scopes import Scope
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.switches import require_writes
from txregistry.web.v1.answers import answer, read_body
from txregistry.web.v1.guards import V1Guards


def add_image_upload_routes(app: App, guards: V1Guards, registry: Registry) -> None:
    """Add PUT of ``/v1/images/<id>/json``, ``/layer`` and ``/checksum``."""
    uploads = registry.image_uploads

    @app.route("/v1/images/<text>/json", methods=["PUT"], guard=guards.push_image)
    async def put_image_json(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> bytes:
        require_writes(registry)
        json = await read_body(request, MAX_JSON)
        checksum = request.header(b"x-docker-checksum") or None
        await uploads.begin(scope, image_id, json, checksum)
        return answer(request, value=True)

    @app.route("/v1/images/<text>/layer", methods=["PUT"], guard=guards.push_image)
    async def put_image_layer(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> bytes:
        require_writes(registry)
        await uploads.take_layer(scope, image_id, request.reader(), request.body_length)
        return answer(request, value=True)

    @app.route("/v1/images/<text>/checksum", methods=["PUT"], guard=guards.push_image)
    async def put_image_checksum(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> bytes:
        require_writes(registry)
        await uploads.finish(
            scope,
            image_id,
            request.header(b"x-docker-checksum-payload"),
            request.header(b"x-docker-checksum"),
        )
        return answer(request, value=True)
