"""Images, indexes and other content to push."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from txregistry.model.descriptors import OCI_INDEX, OCI_MANIFEST
from txregistry.model.digest import Digest

CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG: Final = b"{}"
LAYER: Final = b"a layer"
BLOBS: Final = (CONFIG, LAYER)


def descriptor(
    data: bytes, media_type: str, algorithm: str = "sha256", **more: object
) -> dict[str, object]:
    """Describe some content."""
    return {
        "mediaType": media_type,
        "digest": str(Digest.of(data, algorithm)),
        "size": len(data),
        **more,
    }


def image(
    config: bytes = CONFIG,
    layers: Sequence[bytes | dict[str, object]] = (LAYER,),
    subject: bytes | None = None,
    **more: object,
) -> bytes:
    """Make an image manifest; a layer may be given as its descriptor."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, CONFIG_TYPE),
        "layers": [
            descriptor(layer, LAYER_TYPE) if isinstance(layer, bytes) else layer
            for layer in layers
        ],
        **more,
    }
    if subject is not None:
        document["subject"] = descriptor(subject, OCI_MANIFEST)
    return encode(document)


def index(manifests: Sequence[bytes], **more: object) -> bytes:
    """Make an image index."""
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [descriptor(each, OCI_MANIFEST) for each in manifests],
            **more,
        }
    )


def numbered(number: int, subject: bytes | None = None) -> bytes:
    """Make an image that differs from those of other numbers."""
    return image(subject=subject, annotations={"number": str(number)})


def encode(document: Mapping[str, object]) -> bytes:
    """Write a document as bytes."""
    return json.dumps(document).encode()
