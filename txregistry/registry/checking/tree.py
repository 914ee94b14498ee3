"""The tree that is checked: what lies in a store, and who mends it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.lanes import Lanes
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.manifests import MAX_SIZE, Manifest, parse_manifest
from txregistry.model.names import RepositoryName
from txregistry.registry.checking.findings import Findings
from txregistry.registry.checking.knowndigests import KnownDigests
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    Key,
    NotFound,
    StorageUnavailable,
    TooLarge,
)
from txregistry.tasks import Blocking, breathe

PAGE: Final = 1000
_PAUSE: Final = 20
"""Keys after which others have their turn."""
_AT_ONCE: Final = 16
"""Small objects that are read at the same time."""
_LARGE: Final = 64 * 1024
"""Bytes of a manifest that takes long to read."""


class Malformed(Exception):
    """A link is no digest; the text says what it is.

    Args:
        text: What it is.
        guess: What it means, if that can be told.
    """

    def __init__(self, text: str, guess: Digest | None = None) -> None:
        super().__init__(text)
        self.guess = guess


@dataclass(frozen=True, slots=True)
class Position:
    """How far a check is.

    Attributes:
        stage: What is being looked at.
        objects: How many of these were.
        passed: Bytes that were hashed.
    """

    stage: str
    objects: int
    passed: int


@dataclass(slots=True)
class Tree:
    """What is checked.

    Attributes:
        source: Where it lies.
        target: The same, to be mended; None where nothing is to be changed.
        flat: Whether it lies in a store that has no folders.
        clock: Tells the time, and lets others have their turn.
        blocking: Where bytes are hashed, and large manifests read.
        findings: Takes what is wrong.
        hear: Hears how far the check is; what it raises breaks it off.
        blobs: The blobs that there are.
        rotten: Those of them that are not what they are called.
    """

    source: IObjectSource
    target: IObjectStore | None
    flat: bool
    clock: IReactorTime
    blocking: Blocking
    findings: Findings
    hear: Callable[[Position], None]
    blobs: KnownDigests = field(default_factory=KnownDigests)
    rotten: set[Digest] = field(default_factory=set)
    stage: str = ""
    objects: int = 0
    passed: int = 0

    def begin(self, stage: str) -> None:
        """Begin to look at something else."""
        self.stage, self.objects = stage, 0

    def count(self, objects: int, passed: int = 0) -> None:
        """Take it that so much was looked at."""
        self.objects += objects
        self.passed += passed
        self.hear(Position(self.stage, self.objects, self.passed))

    def lanes(self) -> Lanes:
        """Give lanes in which small objects are looked at."""
        return Lanes(_AT_ONCE)

    @property
    def mender(self) -> IObjectStore:
        """Who changes the store.

        Raises:
            StorageUnavailable: nobody does.
        """
        if self.target is None:
            raise StorageUnavailable("it is only read")
        return self.target

    async def pages(
        self, prefix: str, *, delimiter: bool = False
    ) -> AsyncIterator[tuple[str, ...]]:
        """Give keys below a prefix, page by page, and let others have their turn."""
        after, more = "", True
        while more:
            page = await self._list(prefix, after, delimiter=delimiter)
            if page[0]:
                yield page[0]
            after, more = (page[0] or ("",))[-1], page[1]

    async def keys(self, prefix: str, *, delimiter: bool = False) -> AsyncIterator[str]:
        """Give keys below a prefix."""
        async for page in self.pages(prefix, delimiter=delimiter):
            for count, key in enumerate(page):
                if not count % _PAUSE:
                    self.count(min(_PAUSE, len(page) - count))
                    await breathe(self.clock)
                yield key

    async def is_there(self, digest: Digest) -> bool:
        """Say whether there is a blob, be it only since a moment ago."""
        if digest in self.rotten:
            return False
        if self.blobs.holds(digest):
            return True
        try:
            await self.source.stat(keys.blob(digest))
        except NotFound:
            return False
        return True

    async def age(self, key: str) -> float | None:
        """Say how many seconds ago an object was written; None where it is gone."""
        try:
            stat = await self.source.stat(Key(key))
        except NotFound:
            return None
        return self.clock.seconds() - stat.modified

    async def read_link(self, key: Key) -> Digest:
        """Follow a link.

        Raises:
            NotFound: there is none.
            Malformed: it is no digest.
        """
        try:
            data = await self.source.get(key, keys.LINK_LIMIT)
        except TooLarge:
            raise Malformed("it is too long for a link") from None
        if not data:
            raise Malformed("it is empty")
        try:
            return Digest.parse(data.decode("ascii"))
        except (DigestInvalid, UnicodeDecodeError):
            pass
        try:
            guess = Digest.parse(data.decode("ascii").strip())
        except (DigestInvalid, UnicodeDecodeError):
            raise Malformed(f"its {len(data)} bytes are no digest") from None
        raise Malformed("there is white space around its digest", guess)

    async def read_manifest(self, digest: Digest) -> Manifest:
        """Read a manifest.

        Args:
            digest: What it is stored under.

        Raises:
            NotFound: it is not there.
            Malformed: it is not what its digest says.
            ManifestInvalid: it is none that a registry of today keeps.
        """
        try:
            data = await self.source.get(keys.blob(digest), MAX_SIZE)
        except TooLarge:
            raise ManifestInvalid("It is too large for a manifest.") from None
        if Digest.of(data, digest.algorithm) != digest:
            raise Malformed("its content has another digest")
        if len(data) > _LARGE:
            return await self.blocking(parse_manifest, data, None)
        return parse_manifest(data, None)

    async def put_link(self, key: Key, digest: Digest) -> None:
        """Write a link."""
        await self.mender.put(key, str(digest).encode("ascii"))

    async def add_link(self, key: Key, digest: Digest) -> bool:
        """Write a link where there is none.

        Returns:
            Whether nobody else had done so.
        """
        data = str(digest).encode("ascii")
        return await self.mender.put(key, data, if_absent=True)

    async def _list(
        self, prefix: str, after: str, *, delimiter: bool
    ) -> tuple[tuple[str, ...], bool]:
        try:
            page = await self.source.list(
                prefix, after=after, limit=PAGE, delimiter=delimiter
            )
        except NotFound:
            return (), False
        return page.names, page.more


@dataclass(slots=True)
class Contents:
    """What a repository has.

    Attributes:
        name: The repository.
        layers: Names of the blobs that it has the right to.
        revisions: Names of its manifests.
        linked: Names of what it has the right to, or would have after mending.
        aliases: Other names of its manifests, by what they are stored under.
        incomplete: Manifests of which something is gone, and those that need them.
    """

    name: RepositoryName
    layers: KnownDigests = field(default_factory=KnownDigests)
    revisions: KnownDigests = field(default_factory=KnownDigests)
    linked: set[Digest] = field(default_factory=set)
    aliases: dict[Digest, set[Digest]] = field(default_factory=dict)
    incomplete: set[Digest] = field(default_factory=set)

    def holds_blob(self, digest: Digest) -> bool:
        """Say whether it has the right to a blob."""
        return self.layers.holds(digest) or digest in self.linked

    def holds_manifest(self, digest: Digest) -> bool:
        """Say whether it has a manifest."""
        return self.revisions.holds(digest) or digest in self.linked

    def spoil(self, stored: Digest) -> None:
        """Take it that something is gone that a manifest needs."""
        self.incomplete |= {stored, *self.aliases.get(stored, ())}
