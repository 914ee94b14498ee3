"""What the documents of an archive say, and the manifest that docker's have not.

Source: OCI image-spec 1.1, "Image Layout" and "Image Configuration"; Docker's image
specification 1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from txregistry.model.compression import Compression
from txregistry.model.descriptors import CONFIGS, OCI_CONFIG, OCI_MANIFEST, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.manifests import Manifest, parse_manifest
from txregistry.transfer.archives.places import INDEX, LAYOUT, MANIFEST
from txregistry.transfer.archives.refusals import ArchiveMalformed, ArchiveUnsupported

MAX_LAYERS: Final = 1000
"""Layers of one image that docker saved: its engine has 127 at most."""

_TAR: Final = "application/vnd.oci.image.layer.v1.tar"
_LAYERS: Final = {
    Compression.NONE: _TAR,
    Compression.GZIP: f"{_TAR}+gzip",
    Compression.ZSTD: f"{_TAR}+zstd",
}
_TARS: Final = frozenset(
    {
        *_LAYERS.values(),
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)


class SavedImage(msgspec.Struct, frozen=True):
    """One image in docker's ``manifest.json``.

    Attributes:
        config: The member that is its config.
        names: What it is called, each with a tag.
        layers: The members that are its layers, the base first.
    """

    config: str = msgspec.field(name="Config")
    names: list[str] | None = msgspec.field(name="RepoTags", default=None)
    layers: list[str] | None = msgspec.field(name="Layers", default=None)


class _Layout(msgspec.Struct):
    version: str = msgspec.field(name="imageLayoutVersion")


class _RootFs(msgspec.Struct):
    diff_ids: list[str] | msgspec.UnsetType | None = msgspec.UNSET


class _Config(msgspec.Struct):
    rootfs: _RootFs | None = None


T = TypeVar("T")

_layout_decoder: Final = msgspec.json.Decoder(_Layout)
_saved_decoder: Final = msgspec.json.Decoder(list[SavedImage])
_config_decoder: Final = msgspec.json.Decoder(_Config)


def check_layout(data: bytes) -> None:
    """See that a layout is of a version that is known.

    Raises:
        ArchiveMalformed: that cannot be read.
        ArchiveUnsupported: it is of another.
    """
    version = _decode(_layout_decoder, data, LAYOUT).version
    if not version.startswith("1."):
        raise ArchiveUnsupported("The archive is an OCI layout of an unknown version.")


def read_index(data: bytes) -> tuple[Descriptor, ...]:
    """Give what a layout's index lists.

    Raises:
        ArchiveMalformed: it cannot be read.
    """
    try:
        manifest = parse_manifest(data, None)
    except ManifestInvalid as error:
        raise ArchiveMalformed(
            f"The archive's {INDEX} cannot be used: {error.message}"
        ) from None
    if not manifest.is_index:
        raise ArchiveMalformed(f"The archive's {INDEX} is no index.")
    return manifest.children


def read_saved(data: bytes) -> tuple[SavedImage, ...]:
    """Give the images that docker's manifest lists.

    Raises:
        ArchiveMalformed: it cannot be read.
    """
    saved = _decode(_saved_decoder, data, MANIFEST)
    return tuple(saved)


def read_diff_ids(data: bytes) -> tuple[Digest, ...] | None:
    """Give the digests of the unpacked layers, as a config says them.

    Returns:
        The digests; None where it says none.

    Raises:
        ArchiveMalformed: it is no config.
    """
    rootfs = _decode(_config_decoder, data, "config of an image").rootfs
    if rootfs is None or rootfs.diff_ids is msgspec.UNSET:
        return None
    try:
        return tuple(map(Digest.parse, rootfs.diff_ids or ()))
    except DigestInvalid:
        raise ArchiveMalformed(
            "The config of an image has something else than digests for its layers."
        ) from None


def layer_type(compression: Compression) -> str:
    """Give the media type of a layer.

    Raises:
        ArchiveUnsupported: there is none.
    """
    found = _LAYERS.get(compression)
    if found is None:
        raise ArchiveUnsupported(
            f"A layer is packed with {compression}, for which images have no type; "
            "pack it with gzip or zstd, or not at all."
        )
    return found


def is_tar(layer: Descriptor) -> bool:
    """Say whether a layer is a part of a file system, which a config speaks of."""
    return layer.media_type in _TARS


def is_runnable(manifest: Manifest) -> bool:
    """Say whether a manifest is of an image that can be run; attestations cannot."""
    if manifest.is_index:
        return False
    config, *layers = manifest.blobs
    return config.media_type in CONFIGS and all(map(is_tar, layers))


def make_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """Write the manifest of an image: of the same parts always the same bytes."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    return msgspec.json.encode(document)


def config_descriptor(digest: Digest, size: int) -> Descriptor:
    """Describe a config that docker saved."""
    return Descriptor(OCI_CONFIG, digest, size)


def names_of(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Give the name that an index gives one of its members."""
    for key in ("io.containerd.image.name", "org.opencontainers.image.ref.name"):
        if key in annotations:
            return (annotations[key],)
    return ()


def _decode(decoder: msgspec.json.Decoder[T], data: bytes, what: str) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ArchiveMalformed(
            f"The {what} in the archive is not the JSON that it should be."
        ) from None
