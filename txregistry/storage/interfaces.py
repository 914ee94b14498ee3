"""The interface to bytes that are kept."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NewType

from zope.interface import Attribute, Interface

from txregistry.streams import IReader

Key = NewType("Key", str)
"""Where an object lies: names joined by ``/``. Only ``storage/keys.py`` makes them."""


MARK_LIMIT: Final = 256
"""Bytes in the mark of a staging area at most."""


class NotFound(Exception):
    """There is no such object. A fault or a refusal is never this."""


class TooLarge(Exception):
    """An object has more bytes than the caller wants."""


class StorageUnavailable(Exception):
    """The store cannot be asked, read or written at present."""


class StorageFull(StorageUnavailable):
    """The store has no room for what it was to keep."""


class Overtaken(StorageUnavailable):
    """Somebody else wrote to the same place meanwhile, so that nothing was written."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of an object without reading it.

    Attributes:
        size: Its bytes.
        modified: When it was written, in seconds since 1970.
        identity: A value that differs from before whenever the object was written
            again; for comparison only.
    """

    size: int
    modified: float
    identity: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing.

    Attributes:
        names: Whole keys of objects, and of what groups them (with the delimiter at
            the end), in byte order.
        more: Whether the listing goes on after the last of them.
        sizes: Bytes of those objects of which the store told that with the listing;
            of others a look tells, which costs little where it did not.
    """

    names: tuple[str, ...]
    more: bool
    sizes: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Held:
    """What a staging area holds.

    Attributes:
        size: Bytes.
        mark: What the latest append left there; empty where it left nothing.
    """

    size: int
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How a store is.

    Attributes:
        free: Bytes that fit in still; None where the backend cannot tell.
    """

    free: int | None


class IObjectSource(Interface):
    """Objects under keys, to be read. Safe to call concurrently.

    Every method raises `StorageUnavailable` where the store cannot be asked; so does a
    reader that it gave, where the rest of the bytes cannot be had.
    """

    async def stat(key: Key) -> Stat:
        """Look at an object.

        Raises:
            NotFound: there is no such object.
        """

    async def get(key: Key, limit: int) -> bytes:
        """Read a small object whole.

        Args:
            key: Where it lies.
            limit: Bytes that it may have.

        Raises:
            NotFound: there is no such object.
            TooLarge: it has more bytes.
        """

    async def open(key: Key, start: int, stop: int) -> IReader:
        """Open part of an object: the range of RFC 9110, 14.1.2, but half-open.

        Returns:
            A reader, which the caller closes, of the bytes from offset ``start`` up to
            but not including ``stop``. What is read is of one version of the object,
            even when it is written or deleted meanwhile.

        Raises:
            NotFound: there is no such object.
        """

    async def list(
        prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """List keys that begin with a prefix, in byte order.

        Args:
            prefix: Ends in ``/``.
            after: Only what sorts strictly after this, a whole name as in a page.
            limit: Names in the page at most.
            delimiter: Give what has a further ``/`` as its group: one name, up to and
                with that ``/``.
        """


class IProof(Interface):
    """What proves that listings still hold."""

    def holds() -> bool:
        """Say whether they do: not where nothing tells so."""


class IFolders(Interface):
    """Groups that are folders: listing one costs as much as listing it whole."""

    async def names(prefixes: Sequence[str]) -> Sequence[Sequence[str]]:
        """List what lies directly below prefixes, as it is now.

        Args:
            prefixes: Each ends in ``/``.

        Returns:
            For each prefix its names, without the prefix, in byte order; those of
            groups end in ``/``. They are not to be changed, as others have the same.

        Raises:
            StorageUnavailable: they cannot be listed.
        """

    def proof(listings: Mapping[str, Sequence[str]]) -> IProof | None:
        """Give what will prove that listings still hold, sooner than to list again.

        Args:
            listings: What was listed a moment ago, the very sequences, by prefixes.

        Returns:
            None where nothing can prove it, maybe for as long as they are new.
        """


class IObjectStore(IObjectSource):
    """Objects under keys, to be read and written. Safe to call concurrently.

    Every method raises `StorageUnavailable` where the store cannot be asked.
    """

    flat = Attribute(
        "Whether a listing of all that lies below a prefix costs as little as one of "
        "its groups, and may go on after what is no name."
    )

    folders = Attribute("`IFolders`, where groups are folders; None where not.")

    async def put(key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """Write a small object whole: durable at the end, or not there at all.

        Args:
            key: Where it is to lie.
            data: Its bytes.
            if_absent: Leave an object that is there as it is.

        Returns:
            Whether it was written; with ``if_absent``, to one of several racers only.

        Raises:
            StorageFull: there is no room.
        """

    def stage(key: Key, final: Key | None = None) -> "IStagingArea":
        """Name a staging area: bytes on their way to becoming an object.

        It survives a restart. Nothing is touched until one of its methods is called.

        Args:
            key: What it is named by.
            final: Where it will lie, if that is known: the bytes may go there at once,
                to be seen by nobody before they are committed. Such an area is for
                work that is one piece. It is appended to once and committed to no
                other key, and what was appended is durable, can be read, survives a
                restart and has a size for others only once it is committed. Whoever
                made it discards it in the end, whatever happened.
        """

    async def delete(keys: Iterable[Key]) -> None:
        """Delete objects, in the order given; those that are absent are fine."""

    async def redirect(key: Key, method: str, lifetime: float) -> str | None:
        """Sign a URL under which a client finds an object itself.

        Args:
            key: Where it lies.
            method: ``GET`` or ``HEAD``.
            lifetime: Seconds for which the URL is good.

        Returns:
            The URL; None where the backend has none to give.
        """

    async def check() -> Health:
        """Find out whether the store can be reached, read and written."""

    async def sweep(age: float, *, dry_run: bool = False) -> int:
        """Remove what work that was broken off left, and no key or area leads to.

        Args:
            age: Seconds; what was begun later is left alone, since it may go on.
            dry_run: Only count.

        Returns:
            How many things there were.
        """


class IStagingArea(Interface):
    """The bytes of one upload, appended in order.

    Two calls on one area at the same time are the caller's mistake.
    """

    key = Attribute("The `Key` it was named by.")
    lasting = Attribute("Whether others find what an append that broke off left.")
    growing = Attribute("Whether what was appended can be read while more of it comes.")

    async def size() -> int:
        """Say how many bytes it holds.

        Raises:
            NotFound: nothing was ever appended.
        """

    async def held() -> Held:
        """Say what it holds. What this object does next is of just that.

        Raises:
            NotFound: nothing was ever appended.
        """

    async def append(
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """Append everything from a reader.

        Args:
            source: Where the bytes come from; it is not closed.
            observe: Called with each piece, in order, as it is written; maybe in
                another thread, one call at a time.
            expected: How many bytes will come, where that is known: a hint.
            mark: Gives a line of up to `MARK_LIMIT` bytes that is kept with what the
                area holds, until the next append. It is called when all is written,
                or as much as came of it, so it should say of how much it speaks.

        Returns:
            How many bytes the area holds then, all of them durable.

        Raises:
            StorageFull: there is no room. What was appended before stays.
            Overtaken: another node has appended to it, or discarded it, meanwhile.
            Exception: whatever the reader raises; what it gave before is kept.
        """

    async def open(start: int, stop: int) -> IReader:
        """Open part of what it holds, as `IObjectSource.open` does.

        Raises:
            NotFound: nothing was ever appended.
        """

    async def commit(key: Key) -> None:
        """Make what it holds the object under a key, in place of what was there.

        Atomic, and durable at the end. The area holds its bytes until it is discarded,
        so that a crash before what must follow loses nothing; appending to it then does
        not touch the object.

        Raises:
            NotFound: nothing was ever appended.
        """

    async def discard() -> None:
        """Forget what it holds; harmless where there is nothing."""
