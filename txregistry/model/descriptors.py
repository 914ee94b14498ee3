"""Descriptors, and the media types that mean something to a registry.

Source: OCI image-spec 1.1, "Descriptors" and "Media Types"; Docker's image manifest V2,
schema 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from txregistry.model.digest import Digest

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
SCHEMA1: Final = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_TAR: Final = "application/vnd.docker.image.rootfs.diff.tar"
CONFIGS: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG})
"""Types of configs that make a manifest one of an image, which can be run."""

IMAGES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS: Final = IMAGES | INDEXES

_NONDISTRIBUTABLE: Final = (
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Some content: its type, its name and its size in bytes."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_nondistributable(self) -> bool:
        """Whether the content is to be had elsewhere, and not pushed to registries."""
        return self.media_type.startswith(_NONDISTRIBUTABLE)

    def to_json(self) -> dict[str, object]:
        """Give the form that stands in an image index."""
        document: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.artifact_type is not None:
            document["artifactType"] = self.artifact_type
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return document
