"""The index of an OCI layout: which repositories there are, and what tags name."""

import os
import stat as modes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from twisted.logger import Logger

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.layoutnames import IMAGE_NAME, REF_NAME, name_image
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.reading import READ, faults

LAYOUT: Final = "oci-layout"
INDEX: Final = "index.json"
BLOBS: Final = "blobs"

_LAYOUT_LIMIT: Final = 4096
_INDEX_LIMIT: Final = 32 * 1024 * 1024
_MOST: Final = 100_000
"""Images that an index lists at most."""
_LATEST: Final = Tag("latest")
_log = Logger()

Identity = tuple[int, int, int, int]
"""What differs as soon as the index is another."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What an index lists of one repository.

    Attributes:
        tags: What each tag names.
        roots: All that is named, by a tag or not.
    """

    tags: Mapping[str, Digest]
    roots: frozenset[Digest]


@dataclass(frozen=True, slots=True)
class LayoutIndex:
    """An index that was read.

    Attributes:
        identity: See `identify`.
        repositories: What is in each, by its name.
    """

    identity: Identity
    repositories: Mapping[str, Listed]


class _Version(msgspec.Struct):
    version: str = msgspec.field(name="imageLayoutVersion")


class _Annotations(msgspec.Struct):
    ref_name: str | None = msgspec.field(name=REF_NAME, default=None)
    image_name: str | None = msgspec.field(name=IMAGE_NAME, default=None)


class _Descriptor(msgspec.Struct):
    digest: str
    annotations: _Annotations | None = None


class _Index(msgspec.Struct):
    schema_version: int = msgspec.field(name="schemaVersion")
    manifests: list[_Descriptor] | None = None


_version_decoder: Final = msgspec.json.Decoder(_Version)
_index_decoder: Final = msgspec.json.Decoder(_Index)


def check_layout(root: str) -> None:
    """See that a folder is an OCI layout, of a version that is known; this blocks.

    Raises:
        StorageUnavailable: it is none.
    """
    data, _ = _read(root, LAYOUT, _LAYOUT_LIMIT)
    try:
        version = _version_decoder.decode(data).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StorageUnavailable(f"{LAYOUT} in {root} cannot be read") from None
    if not version.startswith("1."):
        raise StorageUnavailable(f"{root} is an OCI layout of an unknown version")


def identify(root: str) -> Identity:
    """Look at which index a layout has at this moment.

    Raises:
        StorageUnavailable: there is none: the medium may be gone.
    """
    with faults(INDEX, absence=False):
        return _identity(os.lstat(os.path.join(root, INDEX)))


def read_index(root: str, default: RepositoryName) -> LayoutIndex:
    """Read the index of a layout; this blocks.

    Args:
        root: The folder.
        default: The repository of images that have no more than a tag.

    Raises:
        StorageUnavailable: it cannot be read, or lists too much.
    """
    data, identity = _read(root, INDEX, _INDEX_LIMIT)
    try:
        document = _index_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StorageUnavailable(f"{INDEX} in {root} is no image index") from None
    listed = document.manifests or []
    if len(listed) > _MOST:
        raise StorageUnavailable(
            f"{INDEX} in {root} lists {len(listed)} images; {_MOST} at most are served"
        )
    tags: dict[str, dict[str, Digest]] = {}
    roots: dict[str, set[Digest]] = {}
    for name, tag, digest in _name_all(listed, default):
        roots.setdefault(name.text, set()).add(digest)
        known = tags.setdefault(name.text, {})
        if tag is not None and known.setdefault(tag.text, digest) != digest:
            _log.warn(
                "{index} gives the tag {name}:{tag} to two images; the first has it",
                index=os.path.join(root, INDEX),
                name=str(name),
                tag=str(tag),
            )
    repositories = {
        name: Listed(tags[name], frozenset(named)) for name, named in roots.items()
    }
    return LayoutIndex(identity, repositories)


def _name_all(
    listed: list[_Descriptor], default: RepositoryName
) -> Iterator[tuple[RepositoryName, Tag | None, Digest]]:
    for each in listed:
        try:
            digest = Digest.parse(each.digest)
        except DigestInvalid:
            _log.warn("An OCI layout lists what has no digest; it is passed over")
            continue
        said = each.annotations or _Annotations()
        name, tag = name_image(said.ref_name, said.image_name, default)
        named = said.ref_name is not None or said.image_name is not None
        if not named and len(listed) == 1:
            tag = _LATEST  # as skopeo and buildah write it, if they are told no name
        yield name, tag, digest


def _read(root: str, name: str, limit: int) -> tuple[bytes, Identity]:
    """Read one of the two documents, which are no links."""
    path = os.path.join(root, name)
    with faults(path, absence=False):
        descriptor = os.open(path, READ | os.O_NOFOLLOW)
        try:
            found = os.fstat(descriptor)
            if not modes.S_ISREG(found.st_mode):
                raise StorageUnavailable(f"{path} is no file")
            data = _read_open(descriptor, limit + 1)
        finally:
            os.close(descriptor)
    if len(data) > limit:
        raise StorageUnavailable(f"{path} has more than {limit} bytes")
    return data, _identity(found)


def _read_open(descriptor: int, most: int) -> bytes:
    pieces: list[bytes] = []
    while most and (piece := os.read(descriptor, most)):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
