"""OCI images in the form of Docker's schema 2, for engines that know no other.

Config and layers stay the same content; only their media types, and so the manifest's
own digest, are others.

Source: Docker's image manifest V2, schema 2, and manifest list; OCI image-spec 1.1,
"Image Manifest" and "Image Index".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from txregistry.model import gojson
from txregistry.model.descriptors import (
    CONFIGS,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_TAR,
    IMAGES,
    Descriptor,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.gojson import Value
from txregistry.model.manifests import parse_manifest

_FOREIGN_TAR: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"
_OCI_FOREIGN_TAR: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
_LAYERS: Final = {
    "application/vnd.oci.image.layer.v1.tar": DOCKER_TAR,
    "application/vnd.oci.image.layer.v1.tar+gzip": DOCKER_LAYER,
    _OCI_FOREIGN_TAR: _FOREIGN_TAR,
    f"{_OCI_FOREIGN_TAR}+gzip": f"{_FOREIGN_TAR}.gzip",
    DOCKER_TAR: DOCKER_TAR,
    DOCKER_LAYER: DOCKER_LAYER,
    _FOREIGN_TAR: _FOREIGN_TAR,
    f"{_FOREIGN_TAR}.gzip": f"{_FOREIGN_TAR}.gzip",
}

_T = TypeVar("_T")

_UNKNOWN: Final = "unknown"
_VARIANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "amd64": ("", "v1"),
    "arm": ("", "v7", "v6", "v5"),
    "arm64": ("", "v8"),
}
"""What runs on the usual machine of an architecture, the best first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A descriptor as it stands in schema 2."""

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: Descriptor) -> "Entry":
        """Describe some content."""
        return cls(content.media_type, content.digest, content.size)

    def to_json(self) -> dict[str, Value]:
        """Give the form that stands in a manifest, members in Docker's order."""
        found: dict[str, Value] = {
            "mediaType": self.media_type,
            "size": self.size,
            "digest": str(self.digest),
        }
        return {**found, "urls": self.urls} if self.urls else found


class _Urls(msgspec.Struct):
    urls: list[str] | None = None


class _Layers(msgspec.Struct):
    layers: list[_Urls]


class _Platform(msgspec.Struct):
    architecture: str
    os: str
    variant: str | None = None
    os_version: str | None = msgspec.field(default=None, name="os.version")
    os_features: list[str] | None = msgspec.field(default=None, name="os.features")
    features: list[str] | None = None

    @property
    def is_known(self) -> bool:
        """Whether it says on what something runs: attestations run on nothing."""
        return not {self.architecture, self.os} & {"", _UNKNOWN}

    def to_json(self) -> dict[str, Value]:
        """Give the form that stands in a manifest list."""
        more: dict[str, Value] = {
            "os.version": self.os_version,
            "os.features": self.os_features,
            "variant": self.variant,
            "features": self.features,
        }
        return {
            "architecture": self.architecture,
            "os": self.os,
            **{name: value for name, value in more.items() if value},
        }


class _Child(msgspec.Struct):
    platform: _Platform | None = None


class _Children(msgspec.Struct):
    manifests: list[_Child]


_layers_decoder: Final = msgspec.json.Decoder(_Layers)
_children_decoder: Final = msgspec.json.Decoder(_Children)


def to_schema2(document: bytes, replacements: Mapping[Digest, Descriptor]) -> bytes:
    """Write an image manifest as one of schema 2.

    Annotations, the subject and the artifact type are left out: schema 2 has no place
    for them, and whoever wants them asks for the manifest as it was pushed.

    Args:
        document: An image manifest, of OCI or already of Docker.
        replacements: What to name in place of some layers, such as those that engines
            cannot decompress.

    Raises:
        ManifestInvalid: it cannot be read, or is no image, or has a layer that schema 2
            cannot name and that is not replaced.
    """
    manifest = parse_manifest(document, None)
    if manifest.is_index or manifest.blobs[0].media_type not in CONFIGS:
        raise ManifestInvalid("The manifest is not that of an image.")
    config, *layers = manifest.blobs
    urls = _decode(_layers_decoder, document).layers
    return write_manifest(
        Entry(DOCKER_CONFIG, config.digest, config.size),
        [
            _layer(replacements.get(layer.digest, layer), found.urls or [])
            for layer, found in zip(layers, urls, strict=True)
        ],
        {},
    )


def to_list(document: bytes, children: Mapping[Digest, Descriptor]) -> bytes:
    """Write an image index as a manifest list.

    Annotations are left out, as of `to_schema2`.

    Args:
        document: An image index, of OCI or already of Docker.
        children: What each of its members became. Members that are not in it are left
            out, as are those that run on no platform.

    Raises:
        ManifestInvalid: it cannot be read, or is no index.
    """
    listed: list[Value] = []
    for child, platform in _platforms(document):
        became = children.get(child.digest)
        if became is not None and became.media_type == DOCKER_MANIFEST:
            listed.append(
                {**Entry.of(became).to_json(), "platform": platform.to_json()}
            )
    return _write(
        {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": listed},
    )


def choose_platform(document: bytes, os: str, architecture: str) -> Digest | None:
    """Choose the image that runs on a machine of which no more is known.

    One that names no variant is the best; then ``v7``, ``v6`` and ``v5`` of ``arm``,
    ``v8`` of ``arm64`` and ``v1`` of ``amd64``. Other variants might not run. Of
    several that are as good, it is the first.

    Args:
        document: An image index or a manifest list.
        os: As Go calls it: ``linux``.
        architecture: Likewise: ``amd64``.

    Returns:
        The image manifest's digest; None if none of the index's is for such a machine.

    Raises:
        ManifestInvalid: it cannot be read, or is no index.
    """
    found: dict[str, Digest] = {}
    for child, platform in _platforms(document):
        same = (platform.os, platform.architecture) == (os, architecture)
        if same and child.media_type in IMAGES:
            found.setdefault(platform.variant or "", child.digest)
    variants = _VARIANTS.get(architecture, ("",))
    return next((found[each] for each in variants if each in found), None)


def write_manifest(
    config: Entry, layers: Sequence[Entry], annotations: Mapping[str, str]
) -> bytes:
    """Write a manifest as the Docker engine does, three blanks deep.

    Args:
        config: The image's config.
        layers: Its layers, the base first.
        annotations: Left out if empty.
    """
    document: dict[str, Value] = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": config.to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    if annotations:
        document["annotations"] = {
            name: annotations[name] for name in sorted(annotations)
        }
    return _write(document)


def _write(document: Mapping[str, Value]) -> bytes:
    return msgspec.json.format(gojson.encode(document), indent=3)


def _layer(layer: Descriptor, urls: Sequence[str]) -> Entry:
    media_type = _LAYERS.get(layer.media_type)
    if media_type is None:
        raise ManifestInvalid(
            f"A layer of type {layer.media_type[:200]!r} has no form in schema 2."
        )
    # Engines refuse addresses beside a layer that is to be had from the registry.
    kept = tuple(urls) if layer.is_nondistributable else ()
    return Entry(media_type, layer.digest, layer.size, kept)


def _platforms(document: bytes) -> list[tuple[Descriptor, _Platform]]:
    manifest = parse_manifest(document, None)
    if not manifest.is_index:
        raise ManifestInvalid("The manifest is no index.")
    found = _decode(_children_decoder, document).manifests
    return [
        (child, each.platform)
        for child, each in zip(manifest.children, found, strict=True)
        if each.platform is not None and each.platform.is_known
    ]


def _decode(decoder: msgspec.json.Decoder[_T], document: bytes) -> _T:
    try:
        return decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestInvalid("The manifest cannot be read.") from error
