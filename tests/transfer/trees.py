"""Trees as the Python docker-registry left them, with whatever may be wrong there."""

import json
from collections.abc import Sequence
from typing import Final

from tests.web.v1.images import V1Image, document, layer_of
from txregistry.model.checksums import TarSum
from txregistry.storage.interfaces import Key

PROPERTIES: Final = {
    "last_update": 1400000000,
    "docker_version": "1.5.0",
    "docker_go_version": "go1.4.1",
    "kernel": "3.13.0",
    "os": "linux",
    "arch": "amd64",
}


class OldTreeBuilder:
    """Write files as docker-registry 0.9 did.

    Attributes:
        files: What was written; a test may change it.
    """

    def __init__(self) -> None:
        self.files: dict[Key, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        """Write any file."""
        self.files[Key(name)] = data

    def remove(self, name: str) -> None:
        """Remove a file."""
        del self.files[Key(name)]

    def image(
        self,
        image: V1Image,
        below: Sequence[str] = (),
        checksums: Sequence[str] | None = None,
    ) -> None:
        """Write an image that is complete.

        Args:
            image: The image.
            below: Its ancestors, its parent first.
            checksums: What its checksums are; by default its simple one.
        """
        place = f"images/{image.image_id}"
        self.put(f"{place}/json", image.json)
        self.put(f"{place}/layer", image.layer)
        self.put(f"{place}/ancestry", json.dumps([image.image_id, *below]).encode())
        stored = [image.payload] if checksums is None else [*checksums]
        self.put(f"{place}/_checksum", json.dumps(stored).encode())

    def tag(self, folder: str, tag: str, image_id: str) -> None:
        """Write a tag, and its properties.

        Args:
            folder: Namespace and repository, as they lie there.
            tag: The tag, likewise.
            image_id: What it names.
        """
        place = f"repositories/{folder}"
        self.put(f"{place}/tag_{tag}", image_id.encode())
        self.put(f"{place}/tag{tag}_json", json.dumps(PROPERTIES).encode())
        self.put(f"{place}/_index_images", b"[]")


def make_chain(count: int) -> list[V1Image]:
    """Make images that stand on each other, the base first."""
    images: list[V1Image] = []
    for number in range(1, count + 1):
        image_id = f"{number:064x}"
        parent = images[-1].image_id if images else None
        layer = layer_of(file=f"number {number}")
        images.append(V1Image(image_id, document(image_id, parent), layer))
    return images


def tarsum(image: V1Image) -> str:
    """Give the TarSum of an image."""
    hashing = TarSum(image.json)
    hashing.update(image.layer)
    return hashing.finish()
