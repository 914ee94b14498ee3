"""OCI layouts for tests, as some tool or somebody hostile writes them."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from txregistry.model.descriptors import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from txregistry.model.digest import Digest

REF = "org.opencontainers.image.ref.name"
NAME = "io.containerd.image.name"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class LayoutFolder:
    """A layout that is written as it is told.

    Args:
        root: Its folder.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.listed: list[dict[str, Any]] = []
        self.write("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        self.list()

    def path(self, place: str) -> str:
        """Give the path of a file."""
        return os.path.join(self.root, place)

    def write(self, place: str, data: bytes) -> None:
        """Write a file, in place of what is there."""
        path = self.path(place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.new", "wb") as file:
            file.write(data)
        os.rename(f"{path}.new", path)

    def blob(self, data: bytes, algorithm: str = "sha256") -> Digest:
        """Add a blob."""
        digest = Digest.of(data, algorithm)
        self.write(f"blobs/{digest.algorithm}/{digest.encoded}", data)
        return digest

    def document(
        self, document: Mapping[str, Any], algorithm: str = "sha256"
    ) -> dict[str, Any]:
        """Add a manifest; give its descriptor."""
        data = json.dumps(document).encode()
        digest = self.blob(data, algorithm)
        return describe(document["mediaType"], digest, len(data))

    def image(
        self,
        *layers: bytes,
        config: bytes = b"{}",
        algorithm: str = "sha256",
        **more: Any,
    ) -> dict[str, Any]:
        """Add an image; give the descriptor of its manifest."""
        parts = [
            describe(LAYER, self.blob(data, algorithm), len(data)) for data in layers
        ]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": describe(OCI_CONFIG, self.blob(config), len(config)),
            "layers": parts,
            **more,
        }
        return self.document(manifest, algorithm)

    def index(self, *children: Mapping[str, Any]) -> dict[str, Any]:
        """Add an index; give its descriptor."""
        return self.document(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children)}
        )

    def list(self, *images: Mapping[str, Any]) -> None:
        """Let the layout's own index list some images besides."""
        self.listed += map(dict, images)
        document = {"schemaVersion": 2, "manifests": self.listed}
        self.write("index.json", json.dumps(document).encode())


def describe(media_type: str, digest: Digest, size: int) -> dict[str, Any]:
    """Write a descriptor."""
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def named(descriptor: Mapping[str, Any], **annotations: str) -> dict[str, Any]:
    """Name an image: ``ref`` and ``name`` are the two annotations that do so."""
    keys = {"ref": REF, "name": NAME}
    said = {keys[key]: text for key, text in annotations.items()}
    return {**descriptor, "annotations": said}


def digest_of(descriptor: Mapping[str, Any]) -> Digest:
    """Read the digest of a descriptor."""
    return Digest.parse(descriptor["digest"])


def layers_of(folder: LayoutFolder, descriptor: Mapping[str, Any]) -> Sequence[Digest]:
    """Read the digests of an image's layers."""
    digest = digest_of(descriptor)
    with open(folder.path(f"blobs/{digest.algorithm}/{digest.encoded}")) as file:
        return [Digest.parse(each["digest"]) for each in json.load(file)["layers"]]
