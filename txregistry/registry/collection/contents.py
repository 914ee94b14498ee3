"""What manifests name, as compact as memory has room for."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.manifests import MAX_SIZE, parse_manifest
from txregistry.registry.imagetags import ID_ANNOTATION
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge
from txregistry.tasks import Blocking

_BUDGET: Final = 16 * 1024 * 1024
_OVERHEAD: Final = 700
"""Bytes that an entry takes beside its digests, roughly."""
_LARGE: Final = 64 * 1024
_WIDTH: Final = 40
"""Bytes of a SHA-256, and of a size."""
_MOST: Final = 2**63 - 1


class Unreadable(Exception):
    """A manifest is there and cannot be read: nobody knows what it names."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(digest)
        self.digest = digest


@dataclass(frozen=True, slots=True)
class Content:
    """What a manifest names.

    Attributes:
        size: Its own bytes.
        subject: What it refers to.
        image_id: The image of version 1 that it was made from.
        is_index: Whether it lists manifests, not layers.
        named: Blobs and members, of SHA-256: the digests' bytes and their sizes.
        others: Those of other algorithms.
    """

    size: int = 0
    subject: Digest | None = None
    image_id: str | None = None
    is_index: bool = False
    named: bytes = b""
    others: tuple[Digest, ...] = ()

    def digests(self) -> Iterator[bytes]:
        """Give what it names by SHA-256, as bytes."""
        for start in range(0, len(self.named), _WIDTH):
            yield self.named[start : start + _WIDTH - 8]

    def sizes(self) -> Iterator[tuple[bytes, int]]:
        """Give the same, with sizes as the manifest says them."""
        for start in range(0, len(self.named), _WIDTH):
            entry = self.named[start : start + _WIDTH]
            yield entry[:-8], int.from_bytes(entry[-8:])


class _FsLayer(msgspec.Struct, rename={"blob_sum": "blobSum"}):
    blob_sum: str


class _Schema1(msgspec.Struct, rename={"fs_layers": "fsLayers"}):
    fs_layers: list[_FsLayer]


class Contents:
    """Find out what manifests name, and remember it: it cannot change.

    Args:
        store: Where manifests are.
        blocking: Where large ones are read.
    """

    def __init__(self, store: IObjectStore, blocking: Blocking) -> None:
        self._store = store
        self._blocking = blocking
        self._known: OrderedDict[Digest, Content] = OrderedDict()
        self._held = 0

    async def of(self, stored: Digest) -> Content | None:
        """Say what a manifest names.

        Args:
            stored: The digest under which it lies in the store.

        Returns:
            That; None where it is not there, so that it names nothing any more.

        Raises:
            Unreadable: it is there, and damaged or no manifest.
            StorageUnavailable: it cannot be read at present.
        """
        found = self._known.get(stored)
        if found is not None:
            self._known.move_to_end(stored)
            return found
        try:
            data = await self._store.get(keys.blob(stored), MAX_SIZE)
            if len(data) > _LARGE:
                found = await self._blocking(_read, stored, data)
            else:
                found = _read(stored, data)
        except NotFound:
            return None
        except (TooLarge, ManifestInvalid, DigestInvalid):
            raise Unreadable(stored) from None
        if stored not in self._known:
            self._known[stored] = found
            self._held += _weight(found)
        while self._held > _BUDGET and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._held -= _weight(oldest)
        return found


def _weight(content: Content) -> int:
    return len(content.named) + _OVERHEAD * (1 + len(content.others))


def _read(stored: Digest, data: bytes) -> Content:
    """Understand a manifest.

    Raises:
        ManifestInvalid: it is none, or damaged.
        DigestInvalid: likewise.
    """
    if Digest.of(data) != stored:
        raise ManifestInvalid("It is damaged.")
    try:
        manifest = parse_manifest(data, None)
    except ManifestInvalid:
        return _read_schema1(data)
    return _content(
        len(data),
        None if manifest.subject is None else manifest.subject.digest,
        manifest.annotations.get(ID_ANNOTATION),
        (*manifest.blobs, *manifest.children),
        is_index=manifest.is_index,
    )


def _read_schema1(data: bytes) -> Content:
    """Understand what old registries kept, and this one does not take any more."""
    try:
        document = msgspec.json.decode(data, type=_Schema1)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestInvalid("It is no manifest.") from error
    digests = [Digest.parse(layer.blob_sum) for layer in document.fs_layers]
    descriptors = [Descriptor("", each, 0) for each in digests]
    return _content(len(data), None, None, descriptors)


def _content(
    size: int,
    subject: Digest | None,
    image_id: str | None,
    descriptors: Iterable[Descriptor],
    *,
    is_index: bool = False,
) -> Content:
    named = bytearray()
    others = []
    for digest, length in {each.digest: each.size for each in descriptors}.items():
        if digest.algorithm == CANONICAL:
            named += bytes.fromhex(digest.encoded)
            named += min(length, _MOST).to_bytes(8)
        else:
            others.append(digest)
    return Content(size, subject, image_id, is_index, bytes(named), tuple(others))
