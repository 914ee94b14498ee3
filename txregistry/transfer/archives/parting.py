"""An archive, taken apart while it comes: from its first byte to its last."""

from collections.abc import Sized

from twisted.internet.interfaces import IReactorTime

from txregistry.model.descriptors import OCI_MANIFEST, Descriptor
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.tarballs import TarEntry
from txregistry.streams import BytesReader, IReader, read_all
from txregistry.tasks import Blocking
from txregistry.transfer.archives.contents import Contents
from txregistry.transfer.archives.documents import (
    MAX_LAYERS,
    SavedImage,
    check_layout,
    config_descriptor,
    layer_type,
    make_manifest,
    names_of,
    read_index,
    read_saved,
)
from txregistry.transfer.archives.images import ArchivedImage, merge
from txregistry.transfer.archives.limits import ArchiveLimits
from txregistry.transfer.archives.members import Members, printable
from txregistry.transfer.archives.places import (
    BUNDLE,
    DOCUMENTS,
    INDEX,
    LAYOUT,
    MANIFEST,
    REPOSITORIES,
    digest_of_blob,
    digest_of_config,
    is_file,
    is_passed_over,
    place_of,
    target_of,
)
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveTooLarge,
    ArchiveUnsupported,
    ArchiveWrongDigest,
)
from txregistry.transfer.archives.staging import Keeping, Staged


class Reading:
    """One archive, while it comes.

    Args:
        clock: Lets others have their turn.
        staging: Where its content goes.
        blocking: Where documents are read, which may be long.
        limits: How much it may have.
        unpacks: Whether the staging says what layers unpack to.
    """

    def __init__(
        self,
        clock: IReactorTime,
        staging: Keeping,
        blocking: Blocking,
        limits: ArchiveLimits,
        *,
        unpacks: bool = True,
    ) -> None:
        self.contents = Contents(staging, blocking, limits, unpacks=unpacks)
        self.bundle: bytes | None = None
        self._clock = clock
        self._staging = staging
        self._blocking = blocking
        self._limits = limits
        self._places: set[str] = set()
        self._files: dict[str, Staged] = {}
        self._links: dict[str, str] = {}
        self._documents: dict[str, bytes] = {}

    async def run(self, reader: IReader) -> tuple[ArchivedImage, ...]:
        """Take everything in; give the images, each of which was checked."""
        members = Members(reader, self._limits, self._clock)
        while (entry := await members.next()) is not None:
            await self._take(entry, members)
        images = merge(await self._find_images())
        self.bundle = self._documents.get(BUNDLE)
        self._documents.clear()  # they may be long
        if not images:
            raise ArchiveMalformed("There is no image in the archive.")
        seen: set[Digest] = set()
        for image in images:
            async for _ in self.contents.walk(image.descriptor, seen):
                pass
        return images

    async def _take(self, entry: TarEntry, members: Members) -> None:
        place = place_of(entry, self._limits)
        if entry.is_directory:
            return
        if place in self._places:
            raise ArchiveMalformed(
                f"The archive has two members of the name {printable(place)}."
            )
        self._places.add(place)
        if not is_file(entry):
            self._links[place] = target_of(place, entry.linkname)
        elif place in DOCUMENTS:
            reader = members.open(entry.size)
            data = None
            if entry.size <= self._limits.document:
                data = await read_all(reader, entry.size)
            if data is None:
                raise ArchiveTooLarge(
                    f"The archive's {place} has more than {self._limits.document} "
                    "bytes."
                )
            # What old engines say of names, newer ones say elsewhere.
            self._documents[place] = b"" if place == REPOSITORIES else data
        elif not is_passed_over(place):
            await self._stage(place, entry.size, members)

    async def _stage(self, place: str, size: int, members: Members) -> None:
        if size > self._limits.size:
            raise ArchiveTooLarge(
                f"The member {printable(place)} has more than {self._limits.size} "
                "bytes."
            )
        named = digest_of_blob(place)
        algorithm = CANONICAL if named is None else named.algorithm
        staged = await self._staging.add(members.open(size), size, algorithm)
        if named is not None:
            if staged.found.named != named:
                raise ArchiveWrongDigest(
                    f"The content of {printable(place)} has the digest "
                    f"{staged.found.named}."
                )
            self.contents.blobs[named] = staged
        self._files[place] = staged

    async def _find_images(self) -> list[ArchivedImage]:
        if LAYOUT in self._documents:
            check_layout(self._documents[LAYOUT])
        found: list[ArchivedImage] = []
        if INDEX in self._documents:
            children = await self._blocking(read_index, self._documents[INDEX])
            self._check_count(children)
            found = [
                ArchivedImage(each, names_of(each.annotations)) for each in children
            ]
            for image in found:
                if image.descriptor.digest not in self.contents.blobs:
                    raise ArchiveMalformed(
                        f"The archive's {INDEX} names {image.descriptor.digest}, which "
                        "is not in it."
                    )
        if not found and MANIFEST in self._documents:
            saved = await self._blocking(read_saved, self._documents[MANIFEST])
            self._check_count(saved)
            return [await self._make(each) for each in saved]
        if not found and INDEX not in self._documents:
            if REPOSITORIES in self._documents:
                raise ArchiveUnsupported(
                    "The archive was saved by an engine older than Docker 1.10; load "
                    "it into a newer one, and save it from there."
                )
            raise ArchiveMalformed(
                f"The archive has neither an {INDEX} nor a {MANIFEST}: it is none of "
                "images."
            )
        return found

    def _check_count(self, images: Sized) -> None:
        if len(images) > self._limits.manifests:
            raise ArchiveTooLarge(f"The archive has {len(images)} images.")

    async def _make(self, saved: SavedImage) -> ArchivedImage:
        """Make the manifest of an image that docker saved."""
        if len(saved.layers or ()) > MAX_LAYERS:
            raise ArchiveTooLarge(f"An image has more than {MAX_LAYERS} layers.")
        config = self._resolve(saved.config)
        named = digest_of_config(saved.config)
        if named is not None and named != config.found.stored:
            raise ArchiveWrongDigest(
                f"The content of {printable(saved.config)} has the digest "
                f"{config.found.stored}."
            )
        layers = [self._resolve(place) for place in saved.layers or ()]
        data = make_manifest(
            config_descriptor(self._keep(config), config.found.size),
            [
                Descriptor(
                    layer_type(each.found.compression),
                    self._keep(each),
                    each.found.size,
                )
                for each in layers
            ],
        )
        made = await self._staging.add(BytesReader(data), len(data))
        digest = self._keep(made)
        return ArchivedImage(
            Descriptor(OCI_MANIFEST, digest, len(data)), tuple(saved.names or ())
        )

    def _keep(self, staged: Staged) -> Digest:
        """Let the contents have what is called by its own digest."""
        self.contents.blobs[staged.found.stored] = staged
        return staged.found.stored

    def _resolve(self, place: str) -> Staged:
        """Find the content of a member, through at most one link."""
        staged = self._files.get(self._links.get(place, place))
        if staged is None:
            raise ArchiveMalformed(
                f"The archive's {MANIFEST} names {printable(place)}, which is not in "
                "it."
            )
        return staged
