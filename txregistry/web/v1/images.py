"""``/v1/images/<id>/...``, read.

Source: Docker Registry API v1, "Images".
"""

import re
from typing import Final

from txregistry.auth.interfaces import Caller
from txregistry.model.access import ANONYMOUS, Action
from txregistry.model.compression import Compression
from txregistry.model.errors import ImageInProgress, ImageUnknown
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.model.ranges import parse_range
from txregistry.registry.blobs import Blob
from txregistry.registry.images import Image
from txregistry.registry.repositories import Registry
from txregistry.registry.scopes import Scope
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.sendfile import Sender
from txregistry.web.v1.access import V1Access, V1Caller
from txregistry.web.v1.answers import answer, forbid_keeping, keep, raw_answer
from txregistry.web.v1.guards import V1Guards

_RANGE: Final = re.compile(r"bytes=[ ]*(?:([0-9]{1,18})-([0-9]{0,18})|-[0-9]{1,18})")


class ImageRoutes:
    """Answer what is asked of images.

    Args:
        registry: Where they are.
        access: Who may see which.
        sender: Sends layers.
    """

    def __init__(self, registry: Registry, access: V1Access, sender: Sender) -> None:
        self._registry = registry
        self._access = access
        self._sender = sender

    async def find(
        self, request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> tuple[RepositoryName, Image]:
        """Find an image in what a request is about, and where it is.

        Raises:
            ImageUnknown: there is none that may be seen.
            ImageInProgress: who asks is about to push it.
        """
        architecture = request.engine.architecture
        registry = self._registry
        if await registry.image_uploads.in_progress(scope, image_id):
            raise ImageInProgress
        found = []
        # A push to several repositories at once goes on until all of them have it.
        for name in scope.names:
            await registry.mirror.ensure_image(name, image_id)
            try:
                image = await registry.derived.find(name, image_id, architecture)
                found.append((name, image))
            except ImageUnknown:
                if scope.everywhere:
                    raise
        # Ids are anybody's: where they mean several images, nobody says which is meant.
        meant = {(each.json, each.layer.diff_id) for _, each in found}
        if not found or (len(meant) > 1 and not scope.everywhere):
            raise ImageUnknown
        name, image = found[0]
        private = await registry.privacy.is_private(name)
        if private and not await scope.usable(image_id):
            raise ImageUnknown
        return name, image

    async def is_public(self, name: RepositoryName) -> bool:
        """Say whether everybody may see what is in a repository."""
        return await self._access.may(Caller(ANONYMOUS), name, Action.PULL)

    async def keep(self, request: RegistryRequest, name: RepositoryName) -> bool:
        """Say for how long an answer is good; True where the client has it already."""
        now = self._registry.clock.seconds()
        return keep(request, public=await self.is_public(name), now=now)

    async def send_json(
        self, request: RegistryRequest, name: RepositoryName, image: Image
    ) -> bytes:
        """Answer an image's JSON, with what is known of its layer."""
        size = await self._size(request, name, image)
        headers = request.responseHeaders
        if size is not None:
            headers.setRawHeaders("x-docker-size", [str(size)])
        sums = [each for each in image.checksums if each.startswith("sha256:")]
        if sums:
            headers.setRawHeaders("x-docker-checksum-payload", sums)
        return raw_answer(request, image.json, kept=True)

    async def send_layer(
        self, request: RegistryRequest, name: RepositoryName, image: Image
    ) -> None:
        """Answer an image's layer: from the store, or as it is made readable."""
        headers = request.responseHeaders
        headers.setRawHeaders("content-type", ["application/octet-stream"])
        blob = await self._readable(name, image)
        if blob is None:
            if request.method != b"HEAD":
                stored = await self._registry.blobs.find(name, image.layer.digest)
                filling = self._registry.transcoding.begin(name, stored)
                await self._sender.send(request, filling.reader())
            return
        start, stop = 0, blob.size
        headers.setRawHeaders("accept-ranges", ["bytes"])
        span = _wanted_range(request, blob.size)
        if span is not None:
            start, stop = span
            request.setResponseCode(206)
            headers.setRawHeaders(
                "content-range", [f"bytes {start}-{stop - 1}/{blob.size}"]
            )
        headers.setRawHeaders("content-length", [str(stop - start)])
        if request.method != b"HEAD":
            reader = await self._registry.blobs.open(blob, start, stop)
            await self._sender.send(request, reader)

    async def _readable(self, name: RepositoryName, image: Image) -> Blob | None:
        """Give an image's layer as engines can read it; None while that is not made."""
        blob = await self._registry.blobs.find(name, image.layer.digest)
        if image.layer.compression is not Compression.ZSTD:
            return blob
        return await self._registry.transcoding.find(name, blob)

    async def _size(
        self, request: RegistryRequest, name: RepositoryName, image: Image
    ) -> int | None:
        """Say how many bytes the layer will have; None while nobody knows.

        Engines up to 0.10 do without a layer rather than without its size.
        """
        blob = await self._readable(name, image)
        if blob is None:
            stored = await self._registry.blobs.find(name, image.layer.digest)
            if request.engine.needs_sizes:
                blob = await self._registry.transcoding.make(name, stored)
            else:
                self._registry.transcoding.begin(name, stored)
        return None if blob is None else blob.size


def add_image_routes(
    app: App, guards: V1Guards, routes: ImageRoutes, registry: Registry
) -> None:
    """Add ``/v1/images/<id>/`` and ``json``, ``layer``, ``ancestry``, and the rest."""

    @app.route("/v1/images/<text>/json", methods=["GET"], guard=guards.pull_image)
    async def get_image_json(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> bytes:
        name, image = await routes.find(request, scope, image_id)
        if await routes.keep(request, name):
            return b""
        return await routes.send_json(request, name, image)

    @app.route("/v1/images/<text>/layer", methods=["GET"], guard=guards.pull_image)
    async def get_image_layer(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> None:
        name, image = await routes.find(request, scope, image_id)
        if not await routes.keep(request, name):
            await routes.send_layer(request, name, image)

    @app.route("/v1/images/<text>/ancestry", methods=["GET"], guard=guards.pull_image)
    async def get_image_ancestry(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> bytes:
        name, image = await routes.find(request, scope, image_id)
        if await routes.keep(request, name):
            return b""
        ancestry = await registry.derived.ancestry(
            name, image.image_id, request.engine.architecture
        )
        return answer(request, [str(each) for each in ancestry], kept=True)

    @app.route("/v1/images/<text>/files", methods=["GET"], guard=guards.pull_image)
    async def get_image_files(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> bytes:
        name, image = await routes.find(request, scope, image_id)
        if await routes.keep(request, name):
            return b""
        files = await registry.image_files.files(name, image)
        return raw_answer(request, files, kept=True)

    @app.route("/v1/images/<text>/diff", methods=["GET"], guard=guards.pull_image)
    async def get_image_diff(
        request: RegistryRequest, scope: Scope, image_id: ImageId
    ) -> bytes:
        name, image = await routes.find(request, scope, image_id)
        if await routes.keep(request, name):
            return b""
        diff = await registry.image_files.diff(name, image)
        return raw_answer(request, diff, kept=True)


def add_private_image_routes(
    app: App, guards: V1Guards, routes: ImageRoutes, registry: Registry
) -> None:
    """Add ``/v1/private_images/<id>/``: for tokens of private repositories alone."""

    async def find(
        request: RegistryRequest, asking: V1Caller, scope: Scope, image_id: ImageId
    ) -> tuple[RepositoryName, Image]:
        name, image = await routes.find(request, scope, image_id)
        sent = asking.grant or asking.kept
        if sent is None or not await registry.privacy.is_private(name):
            raise ImageUnknown
        forbid_keeping(request)
        return name, image

    @app.route(
        "/v1/private_images/<text>/json",
        methods=["GET"],
        guard=guards.pull_image_telling,
    )
    async def get_private_json(
        request: RegistryRequest, asking: V1Caller, scope: Scope, image_id: ImageId
    ) -> bytes:
        return await routes.send_json(
            request, *await find(request, asking, scope, image_id)
        )

    @app.route(
        "/v1/private_images/<text>/layer",
        methods=["GET"],
        guard=guards.pull_image_telling,
    )
    async def get_private_layer(
        request: RegistryRequest, asking: V1Caller, scope: Scope, image_id: ImageId
    ) -> None:
        await routes.send_layer(request, *await find(request, asking, scope, image_id))

    @app.route(
        "/v1/private_images/<text>/files",
        methods=["GET"],
        guard=guards.pull_image_telling,
    )
    async def get_private_files(
        request: RegistryRequest, asking: V1Caller, scope: Scope, image_id: ImageId
    ) -> bytes:
        files = await registry.image_files.files(
            *await find(request, asking, scope, image_id)
        )
        return raw_answer(request, files)


def _wanted_range(request: RegistryRequest, size: int) -> tuple[int, int] | None:
    """Read the ``Range`` of a layer; what cannot be read is passed over.

    Raises:
        RangeUnsatisfiable: it begins at the layer's end, or after it.
    """
    text = request.header(b"range")
    match = None if text is None else _RANGE.fullmatch(text)
    if text is None or match is None or request.method != b"GET":
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    return parse_range(text, size)
