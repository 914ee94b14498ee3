"""A push, as engines go about it."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.integration.engines.connection import Header, Reply, Url
from tests.integration.engines.errors import EngineError, Unreachable
from tests.integration.engines.gojson import GoError, strings
from tests.integration.engines.images import FakeImage
from tests.integration.engines.index import Index
from tests.integration.engines.session import Session

_JSON: Header = ("Content-Type", "application/json")
_CHUNKS = (10, 1, 4000, 32768)
"""The sizes of the chunks of a layer, over and over, in bytes."""


@dataclass
class Pushed:
    """What a push did, by the ids of images; with several registries, for each.

    Attributes:
        sent: Sent in whole.
        found: There already, by a GET.
        skipped: There already, by the answer to a PUT.
    """

    sent: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class Push:
    """One push.

    Args:
        session: The session.
        name: The repository.
        images: The images that the engine has.
        tags: The ids of tags.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        images: Sequence[FakeImage],
        tags: Mapping[str, str],
    ) -> None:
        self._session = session
        self._name = name
        self._tags = tags
        self._images = list_images(images, tags)
        self._pushed = Pushed()

    def run(self) -> Pushed:
        """Push everything."""
        index = Index(self._session)
        registries = index.announce(self._name, list(self._entries()))
        for registry in registries:
            self._push_to(registry)
        index.conclude(self._name, registries)
        return self._pushed

    def _entries(self) -> Iterator[dict[str, str]]:
        for image in self._images:
            tags = self._tags_of(image)
            yield from ({"id": image.id, "Tag": tag} for tag in tags)
            if not tags:
                yield {"id": image.id}

    def _tags_of(self, image: FakeImage) -> list[str]:
        return [tag for tag, own in self._tags.items() if own == image.id]

    def _push_to(self, registry: str) -> None:
        release = self._session.setting.release
        there: dict[str, bool] = {}
        if release.looks_up_first:
            there = self._look_up(registry)
        for image in self._images:
            if image.id not in there:
                there[image.id] = self._is_there(registry, image)
            if there[image.id]:
                self._pushed.found.append(image.id)
            else:
                self._send(f"{registry}images/{image.id}/", image)
            for tag in self._tags_of(image):
                self._put_tag(registry, tag, image.id)

    def _look_up(self, registry: str) -> dict[str, bool]:
        """Ask for all images, several at a time."""
        workers = min(self._session.setting.release.lookups, len(self._images))
        with ThreadPoolExecutor(workers) as pool:
            there = pool.map(
                lambda image: self._is_there(registry, image), self._images
            )
            return {
                image.id: found
                for image, found in zip(self._images, there, strict=True)
            }

    def _is_there(self, registry: str, image: FakeImage) -> bool:
        url = Url.parse(f"{registry}images/{image.id}/json")
        try:
            reply = self._session.ask("GET", url)
        except Unreachable:
            return False
        reply.close()
        return reply.status == 200

    def _send(self, base: str, image: FakeImage) -> None:
        if not self._put_json(base, image):
            self._pushed.skipped.append(image.id)
            return
        self._put_layer(base, image)
        self._put_checksum(base, image)
        self._pushed.sent.append(image.id)

    def _put_json(self, base: str, image: FakeImage) -> bool:
        url = Url.parse(f"{base}json")
        reply = self._session.must("PUT", url, headers=(_JSON,), body=image.json)
        body = reply.body()
        if reply.status == 401 and url.scheme == "http":
            raise EngineError(
                "HTTP code 401, Docker will not send auth headers over HTTP."
            )
        return reply.status == 200 or not self._is_told_there(reply, body)

    def _put_layer(self, base: str, image: FakeImage) -> None:
        headers: tuple[Header, ...] = ()
        if self._session.setting.release.types_layers:
            headers = (("Content-Type", "application/octet-stream"),)
        chunks = tuple(cut_chunks(image.layer))
        url = Url.parse(f"{base}layer")
        reply = self._session.must("PUT", url, headers=headers, chunks=chunks)
        body = reply.body()
        if reply.status != 200:
            raise EngineError(
                f"Received HTTP code {reply.status} while uploading layer: "
                + self._session.setting.shown(body)
            )

    def _put_checksum(self, base: str, image: FakeImage) -> None:
        headers = (
            ("X-Docker-Checksum", image.tarsum),
            ("X-Docker-Checksum-Payload", image.payload_sum),
        )
        reply = self._session.must("PUT", Url.parse(f"{base}checksum"), headers=headers)
        body = reply.body()
        if reply.status != 200 and self._is_told_there(reply, body):
            raise EngineError("Image already exists")

    def _is_told_there(self, reply: Reply, body: bytes) -> bool:
        """Read an error: the one text counts, whatever the status.

        Raises:
            EngineError: it is another error, or cannot be read.
        """
        try:
            if strings(body, whole=True).get("error") == "Image already exists":
                return True
            shown = self._session.setting.shown(body)
        except GoError as error:
            shown = self._session.setting.shown(str(error).encode())
        raise EngineError(f"HTTP code {reply.status} while uploading metadata: {shown}")

    def _put_tag(self, registry: str, tag: str, image: str) -> None:
        url = Url.parse(f"{registry}repositories/{self._name}/tags/{tag}")
        body = f'"{image}"'.encode()
        reply = self._session.must("PUT", url, headers=(_JSON,), body=body)
        reply.close()
        if reply.status not in (200, 201):
            raise EngineError(
                f"Internal server error: {reply.status} trying to push tag {tag} on "
                + self._name
            )


def list_images(
    images: Sequence[FakeImage], tags: Mapping[str, str]
) -> list[FakeImage]:
    """List the images that a push of tags sends: those below go first, and once."""
    known = {image.id: image for image in images}
    listed: dict[str, FakeImage] = {}
    for top in tags.values():
        chain = []
        image = known.get(top)
        if image is None:
            raise EngineError(f"No such id: {top}")
        while image is not None and image.id not in listed:
            chain.append(image)
            parent = image.parent
            if parent and parent not in known:
                raise EngineError(f"No such id: {parent}")
            image = known.get(parent)
        listed |= {image.id: image for image in reversed(chain)}
    if not listed:
        raise EngineError("No images found for the requested repository / tag")
    return list(listed.values())


def cut_chunks(layer: bytes) -> Iterator[bytes]:
    """Cut a layer in chunks, as small and as large as an engine's come."""
    start = number = 0
    while start < len(layer):
        size = _CHUNKS[number % len(_CHUNKS)]
        yield layer[start : start + size]
        start, number = start + size, number + 1
