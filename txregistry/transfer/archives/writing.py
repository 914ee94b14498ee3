"""Write images as one archive, which every engine and tool loads.

It is an OCI layout, and has the list of ``docker save`` beside, as the engine writes it
since version 25. The same images always give the same bytes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from txregistry.model.descriptors import (
    MANIFESTS,
    OCI_INDEX,
    Descriptor,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, ManifestInvalid
from txregistry.model.manifests import Manifest, parse_manifest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.blobs import Blob
from txregistry.registry.mirror.platforms import Platforms
from txregistry.streams import IReader
from txregistry.tasks import Blocking, breathe
from txregistry.transfer.archives.bundles import Bundle, BundledImage
from txregistry.transfer.archives.contents import MAX_DEPTH
from txregistry.transfer.archives.documents import is_runnable
from txregistry.transfer.archives.naming import Naming
from txregistry.transfer.archives.origins import Origin
from txregistry.transfer.archives.places import (
    BUNDLE,
    INDEX,
    LAYOUT,
    MANIFEST,
    place_of_blob,
)
from txregistry.transfer.archives.selection import Selected, engine_child, select
from txregistry.transfer.archives.stream import (
    END,
    ArchiveStream,
    Entry,
    KeptManifest,
    Source,
    StoredBlob,
    Written,
)

_LAYOUT_DATA: Final = b'{"imageLayoutVersion":"1.0.0"}'
_RUN: Final = 50
"""Look-ups after which others have their turn."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image that an archive is to have."""

    name: RepositoryName
    reference: Reference


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """An archive that is ready to be read.

    Attributes:
        entries: Its members.
        digests: Of what the images are, in the order in which they were wanted.
        left_out: What the other end has.
        identity: Equal for archives that are the same to the byte, and for no others:
            who resumes gives it, lest a tag moved meanwhile.
    """

    entries: tuple[Entry, ...]
    digests: tuple[Digest, ...]
    left_out: frozenset[Digest]
    identity: Digest

    @property
    def blobs(self) -> dict[Digest, int]:
        """The blobs in it, with their sizes: what the other end may have already."""
        return {
            entry.source.blob.digest: entry.size
            for entry in self.entries
            if isinstance(entry.source, StoredBlob)
        }

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(entry.length for entry in self.entries) + len(END)

    def open(self, start: int = 0) -> IReader:
        """Read it from an offset on, without reading what is before."""
        return ArchiveStream(self.entries, start)


@dataclass(slots=True)
class _Gathered:
    """What goes into an archive, as far as it was found."""

    documents: dict[str, Source] = field(default_factory=dict)
    blobs: dict[str, Source] = field(default_factory=dict)
    absent: set[Digest] = field(default_factory=set)
    left_out: set[Digest] = field(default_factory=set)
    tops: list[dict[str, object]] = field(default_factory=list)
    loads: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    count: int = 0


class ArchiveWriter:
    """Write archives of what a registry has.

    Args:
        origin: Where the images are.
        blocking: Where documents are read, which may be long.
        naming: What images are called where the archive is loaded.
        platforms: Which members of an index are wanted.
        engine: For which platform docker loads an index.
        have: What the other end has, so that it is left out; manifests never are.
    """

    def __init__(
        self,
        origin: Origin,
        blocking: Blocking,
        *,
        naming: Naming | None = None,
        platforms: Platforms | None = None,
        engine: str = "linux/amd64",
        have: Collection[Digest] = (),
    ) -> None:
        self._origin = origin
        self._blocking = blocking
        self._naming = naming or Naming()
        self._platforms = platforms or Platforms()
        self._engine = engine
        self._have = frozenset(have)

    async def plan(
        self, wanted: Sequence[Wanted], *, bundled: bool = False
    ) -> ArchivePlan:
        """Find all that an archive is to have.

        Args:
            wanted: The images.
            bundled: Whether a document goes with them that says what there is.

        Raises:
            ManifestUnknown: the repository has no such image, or none for the
                platforms, or lacks one that an index lists.
            NameUnknown: there is no such repository.
            BlobUnknown: a part of an image is not there, is damaged, or is not as long
                as the image says.
            ManifestInvalid: an index says nothing of platforms that can be read, or
                lies too deep in others.
        """
        gathered, digests = _Gathered(), []
        for each in wanted:
            found = await self._origin.manifests.find(each.name, each.reference)
            top = await self._blocking(select, found, self._platforms)
            if top.only_child is not None:
                only = top.only_child.digest
                found = await self._origin.manifests.find(each.name, only)
                top = Selected.of(found)
            digests.append(top.descriptor.digest)
            await self._gather(gathered, each.name, top)
            await self._load(gathered, each, top)
            gathered.tops.append(self._top(each, top))
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": gathered.tops,
        }
        saved = [
            {"Config": config, "RepoTags": names, "Layers": layers}
            for (config, *layers), names in gathered.loads.items()
        ]
        documents = {LAYOUT: _LAYOUT_DATA, INDEX: msgspec.json.encode(index)}
        if bundled:
            documents[BUNDLE] = _bundle(wanted, digests, gathered).encode()
        if saved:
            documents[MANIFEST] = msgspec.json.encode(saved)
        entries = _entries(documents, gathered)
        return ArchivePlan(
            entries,
            tuple(digests),
            frozenset(gathered.left_out),
            _identify(documents, entries),
        )

    async def _gather(
        self,
        gathered: _Gathered,
        name: RepositoryName,
        selected: Selected,
        depth: int = 0,
    ) -> None:
        """Take a manifest in, with all that it names."""
        if depth > MAX_DEPTH:
            raise ManifestInvalid("The image's indexes lie too deep in each other.")
        descriptor, data = selected.descriptor, selected.data
        place = place_of_blob(descriptor.digest)
        if place in gathered.documents:
            return
        gathered.documents[place] = (
            Written(data)
            if selected.is_new
            else KeptManifest(
                self._origin.manifests, name, descriptor.digest, descriptor.size
            )
        )
        manifest = await self._parse(selected)
        for child in manifest.children:
            if child.media_type in MANIFESTS:
                found = await self._origin.manifests.find(name, child.digest)
                await self._gather(gathered, name, Selected.of(found), depth + 1)
            else:
                await self._gather_blob(gathered, name, child)
        for blob in manifest.blobs:
            await self._gather_blob(gathered, name, blob)

    async def _gather_blob(
        self, gathered: _Gathered, name: RepositoryName, wanted: Descriptor
    ) -> None:
        gathered.count += 1
        if not gathered.count % _RUN:
            await breathe(self._origin.clock)
        place = place_of_blob(wanted.digest)
        if wanted.digest in self._have:
            gathered.left_out.add(wanted.digest)
        elif place not in gathered.blobs:
            try:
                blob = await self._origin.blobs.find(name, wanted.digest)
            except BlobUnknown:
                if not wanted.is_nondistributable:
                    raise
                gathered.absent.add(wanted.digest)
            else:
                _check_size(blob, wanted)
                gathered.blobs[place] = StoredBlob(self._origin.blobs, blob)

    async def _load(
        self, gathered: _Gathered, wanted: Wanted, selected: Selected
    ) -> None:
        """Let docker load an image, if it can."""
        manifest = await self._parse(selected)
        if manifest.is_index:
            child = await self._blocking(
                engine_child, selected.data, manifest, self._engine
            )
            if child is None:
                return
            found = await self._origin.manifests.find(wanted.name, child.digest)
            manifest = await self._parse(Selected.of(found))
        parts = [blob.digest for blob in manifest.blobs]
        gone = gathered.absent | gathered.left_out
        if not is_runnable(manifest) or not gone.isdisjoint(parts):
            return
        names = gathered.loads.setdefault(tuple(map(place_of_blob, parts)), [])
        if isinstance(wanted.reference, Tag):
            names.append(self._naming.familiar(wanted.name, wanted.reference))

    async def _parse(self, selected: Selected) -> Manifest:
        media_type = selected.descriptor.media_type
        return await self._blocking(parse_manifest, selected.data, media_type)

    def _top(self, wanted: Wanted, selected: Selected) -> dict[str, object]:
        """Name an image in the index of the layout."""
        found = selected.descriptor.to_json()
        if isinstance(wanted.reference, Tag):
            found["annotations"] = {
                "io.containerd.image.name": self._naming.full(
                    wanted.name, wanted.reference
                ),
                "org.opencontainers.image.ref.name": str(wanted.reference),
            }
        return found


def _check_size(blob: Blob, wanted: Descriptor) -> None:
    if blob.size != wanted.size:
        raise BlobUnknown(
            f"The image says that {wanted.digest} has {wanted.size} bytes; it has "
            f"{blob.size}.",
            {"digest": str(wanted.digest)},
        )


def _bundle(
    wanted: Sequence[Wanted], digests: Sequence[Digest], gathered: _Gathered
) -> Bundle:
    """Say what there is."""
    images = []
    for each, digest in zip(wanted, digests, strict=True):
        tag = each.reference if isinstance(each.reference, Tag) else None
        images.append(BundledImage(each.name, tag, digest))
    contents = {**gathered.documents, **gathered.blobs}
    return Bundle(
        tuple(images),
        {_digest_at(place): source.size for place, source in contents.items()},
    )


def _digest_at(place: str) -> Digest:
    _, algorithm, encoded = place.split("/")
    return Digest(algorithm, encoded)


def _entries(documents: dict[str, bytes], gathered: _Gathered) -> tuple[Entry, ...]:
    """Put all in order: what says what there is comes first."""
    blobs = {**gathered.documents, **gathered.blobs}
    folders = dict.fromkeys(place.rpartition("/")[0] for place in blobs)
    return (
        *(Entry(place, Written(data)) for place, data in documents.items()),
        *map(Entry, ("blobs", *sorted(folders))),
        *(Entry(place, source) for place, source in blobs.items()),
    )


def _identify(documents: dict[str, bytes], entries: tuple[Entry, ...]) -> Digest:
    """Hash what determines every byte: places of blobs are digests of their content."""
    said = [[entry.place, entry.size] for entry in entries]
    texts = {place: data.decode() for place, data in documents.items()}
    return Digest.of(msgspec.json.encode([texts, said]))
