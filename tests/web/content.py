"""Content to push, and what it is called."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

ABSENT = "sha256:" + "0" * 64
"""A digest of which there is no content anywhere."""

ABSENT_512 = "sha512:" + "0" * 128

CONFIG = b'{"architecture": "amd64", "os": "linux"}'
LAYER = b"a layer, or as good as one"


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Name some content."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(data: bytes, media_type: str, /, **more: Any) -> dict[str, Any]:
    """Describe some content."""
    return {
        "mediaType": media_type,
        "digest": digest_of(data),
        "size": len(data),
        **more,
    }


def write(document: Mapping[str, Any]) -> bytes:
    """Write a document, such that no other program would write the same bytes."""
    return json.dumps(document, indent=3).encode() + b"\n"


def image_document(
    config: bytes = CONFIG,
    layers: Sequence[bytes] = (LAYER,),
    media_type: str = OCI_MANIFEST,
    **more: Any,
) -> dict[str, Any]:
    """Make an image manifest that names a config and layers; and what more it has."""
    return {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [descriptor(layer, OCI_LAYER) for layer in layers],
        **more,
    }


def image(
    config: bytes = CONFIG,
    layers: Sequence[bytes] = (LAYER,),
    media_type: str = OCI_MANIFEST,
    **more: Any,
) -> bytes:
    """Write an image manifest."""
    return write(image_document(config, layers, media_type, **more))


def index(
    *children: bytes,
    media_type: str = OCI_INDEX,
    child_type: str = OCI_MANIFEST,
    **more: Any,
) -> bytes:
    """Write an index of manifests."""
    return write(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": [descriptor(child, child_type) for child in children],
            **more,
        }
    )


def signature(subject: bytes, artifact_type: str = "example/signature") -> bytes:
    """Write a manifest that refers to another."""
    return image(
        layers=(),
        artifactType=artifact_type,
        subject=descriptor(subject, OCI_MANIFEST),
    )
