"""What is done with a store while it has faults, and what must be true then."""

from abc import ABC, abstractmethod
from contextlib import suppress
from itertools import count

from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.streams import BytesReader, read_all

ALL = 1 << 30
KEY = Key("docker/registry/v2/some/thing/data")
OTHER = Key("docker/registry/v2/some/other/data")
BEFORE = b"what was there"
SMALL = b"what is to be there"
LONG = bytes(range(251)) * 140
"""Several parts, and several segments, as the tests have them."""


class Wrong(AssertionError):
    """Something is not as it must be."""


def same(found: object, wanted: object, what: str) -> None:
    """Expect two values to be equal.

    Raises:
        Wrong: they are not.
    """
    if found != wanted:
        raise Wrong(f"{what}: {found!r:.120}, not {wanted!r:.120}")


async def read(store: IObjectStore, key: Key) -> bytes | None:
    """Read an object; None where there is none."""
    try:
        return await store.get(key, ALL)
    except NotFound:
        return None


async def read_area(area: IStagingArea) -> bytes | None:
    """Read what an area holds; None where it holds nothing.

    Raises:
        Wrong: that is not of the size that it tells.
    """
    try:
        size = await area.size()
        found = await read_all(await area.open(0, size + 1), ALL)
    except NotFound:
        return None
    assert found is not None
    same(len(found), size, "the size of an area")
    return found


class Work(ABC):
    """Something that is done.

    Attributes:
        repeatable: Whether each request of it may be made again.
        spares: Whether it may be done although some request was not.
        shares: Whether several may use what was prepared for one.
    """

    repeatable = True
    spares = False
    shares = False

    async def prepare(  # noqa: B027 - some need nothing
        self, store: IObjectStore
    ) -> None:
        """Put what has to be there, by a store without faults."""

    @abstractmethod
    async def run(self, store: IObjectStore) -> None:
        """Do it.

        Raises:
            Wrong: it came to what it must not come to.
        """

    async def verify(  # noqa: B027 - some leave nothing
        self, store: IObjectStore, *, done: bool
    ) -> None:
        """Look at what came of it, by a store without faults.

        Args:
            store: The store.
            done: Whether it was said to be done.

        Raises:
            Wrong: something is not as it must be.
        """

    async def again(self, store: IObjectStore) -> None:
        """Do it again, when the faults are over; by default, as before."""
        await self.run(store)


class Stat(Work):
    """Look at an object."""

    shares = True

    async def prepare(self, store: IObjectStore) -> None:
        """See `Work`."""
        await store.put(KEY, BEFORE)

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        same((await store.stat(KEY)).size, len(BEFORE), "the size")


class Get(Stat):
    """Read a small object."""

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        same(await store.get(KEY, ALL), BEFORE, "the object")


class Open(Work):
    """Read part of an object."""

    repeatable = False  # what was handed out is not taken back
    shares = True

    async def prepare(self, store: IObjectStore) -> None:
        """See `Work`."""
        await store.put(KEY, LONG)

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        reader = await store.open(KEY, 7, len(LONG) - 7)
        same(await read_all(reader, ALL), LONG[7:-7], "the bytes")


class Miss(Work):
    """Look for what is not there: that must be known, not guessed."""

    spares = True  # who may read need not be allowed to look at the whole
    shares = True

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        for look in (lambda: store.get(KEY, 9), lambda: store.stat(KEY)):
            try:
                await look()
            except NotFound:
                continue
            raise Wrong("there was something")


class List(Work):
    """List keys and groups."""

    shares = True
    keys = ("k/a", "k/b", "k/c/d", "k/c/e")

    async def prepare(self, store: IObjectStore) -> None:
        """See `Work`."""
        for key in self.keys:
            await store.put(Key(key), b"")

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        page = await store.list("k/", limit=9)
        same((page.names, page.more), (self.keys, False), "the keys")
        page = await store.list("k/", limit=2, delimiter=True)
        same((page.names, page.more), (("k/a", "k/b"), True), "the groups")


class Put(Work):
    """Write an object in place of another."""

    async def prepare(self, store: IObjectStore) -> None:
        """See `Work`."""
        await store.put(KEY, BEFORE)

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        same(await store.put(KEY, SMALL), True, "putting")

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        found = await read(store, KEY)
        if done or found != BEFORE:
            same(found, SMALL, "the object")


class PutFirst(Work):
    """Write an object where there is none: nobody else does."""

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        same(await store.put(KEY, SMALL, if_absent=True), True, "being the first")

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        found = await read(store, KEY)
        if done or found is not None:
            same(found, SMALL, "the object")

    async def again(self, store: IObjectStore) -> None:
        """See `Work`: it may be there, and then it is ours from before."""
        await store.put(KEY, SMALL, if_absent=True)


class PutSecond(Put):
    """Do not write an object where there is one, and know that, were it the same."""

    shares = True

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        same(await store.put(KEY, BEFORE, if_absent=True), False, "being the first")

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        del done
        same(await read(store, KEY), BEFORE, "the object")


class Delete(Work):
    """Delete objects, and one that is absent."""

    def __init__(self, count: int) -> None:
        self._keys = [Key(f"k/{place}") for place in range(count)]

    async def prepare(self, store: IObjectStore) -> None:
        """See `Work`."""
        for key in (*self._keys, KEY):
            await store.put(key, BEFORE)

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        await store.delete([*self._keys, OTHER])

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        for key in self._keys:
            found = await read(store, key)
            if done or found is not None:
                same(found, None if done else BEFORE, "what was deleted")
        same(await read(store, KEY), BEFORE, "the others")


class Check(Work):
    """Find out whether the store can be used."""

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        await store.check()


class Sweep(Work):
    """Look for what was left behind."""

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        same(await store.sweep(1e9), 0, "what was left behind")


class Redirect(Work):
    """Sign a URL; where the service does not say that it knows such, there is none."""

    spares = True

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        url = await store.redirect(KEY, "GET", 60.0)
        if url is not None and KEY not in url:
            raise Wrong(f"{url} leads elsewhere")


class AreaWork(Work):
    """Something that is done with a staging area.

    Args:
        pieces: What was appended before.
    """

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self._whole = b"".join(pieces)
        self._area: IStagingArea | None = None

    async def prepare(self, store: IObjectStore) -> None:
        """See `Work`."""
        area = store.stage(KEY)
        for piece in self._pieces:
            await area.append(BytesReader(piece), lambda _: None, len(piece))

    def area(self, store: IObjectStore) -> IStagingArea:
        """Give the area, the same each time."""
        self._area = self._area or store.stage(KEY)
        return self._area


class Hold(AreaWork):
    """Ask what an area holds."""

    shares = True

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        area = self.area(store)
        same(await area.size(), len(self._whole), "the size")
        same((await area.held()).size, len(self._whole), "the size")


class ReadArea(AreaWork):
    """Read what an area holds."""

    repeatable = False  # what was handed out is not taken back
    shares = True

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        reader = await self.area(store).open(3, len(self._whole))
        same(await read_all(reader, ALL), self._whole[3:], "the bytes")


class Append(AreaWork):
    """Append something to what was appended before.

    Args:
        data: What is appended.
        pieces: What was appended before.
        repeatable: Whether requests of it may be made again.
    """

    def __init__(self, data: bytes, *pieces: bytes, repeatable: bool = True) -> None:
        super().__init__(*pieces)
        self._data = data
        self.repeatable = repeatable

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        seen: list[bytes] = []
        area, data = self.area(store), self._data
        size = await area.append(BytesReader(data), seen.append, len(data))
        same(size, len(self._whole + data), "the size")
        same(b"".join(seen), data, "what was shown")

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        found = await read_area(store.stage(KEY)) or b""
        whole = self._whole + self._data
        if done:
            same(found, whole, "what was appended")
        same(found, whole[: len(found)], "what there is of it")
        if len(found) < len(self._whole):
            raise Wrong("what was appended before is gone")

    async def again(self, store: IObjectStore) -> None:
        """See `Work`: go on from where it is, and make an object of it."""
        whole = self._whole + self._data
        area = store.stage(KEY)
        try:
            size = await area.size()
        except NotFound:
            size = 0
        rest = BytesReader(whole[size:])
        same(await area.append(rest, lambda _: None, None), len(whole), "the size")
        await area.commit(OTHER)
        same(await read(store, OTHER), whole, "what was made of it")


class Commit(AreaWork):
    """Make an object of what an area holds; each makes another one."""

    shares = True
    _names = count()

    def __init__(self, *pieces: bytes) -> None:
        super().__init__(*pieces)
        self._final = Key(f"{OTHER}-{next(self._names)}")

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        await self.area(store).commit(self._final)

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        found = await read(store, self._final)
        if done or found is not None:
            same(found, self._whole, "the object")
        same(await read_area(store.stage(KEY)), self._whole, "the area")


class CommitWhatIsHeld(Commit):
    """Make an object of what an area says that it holds, of no more and no less."""

    shares = False

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        area = store.stage(KEY)
        self._said = (await area.held()).size
        await area.commit(self._final)

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        found = await read(store, self._final)
        if done or found is not None:
            same(found, self._whole[: self._said], "the object")
        same(await read_area(store.stage(KEY)), self._whole, "the area")


class Discard(AreaWork):
    """Forget what an area holds."""

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        await self.area(store).discard()

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        try:
            found = await read_area(store.stage(KEY))
        except StorageUnavailable:
            if done:
                raise
            return  # half of it is gone, and it says so
        if done or found is not None:
            same(found, None if done else self._whole, "the area")


class Direct(Work):
    """Let bytes go to where they will lie, as a push in one request does.

    Args:
        data: The bytes.
        told: Whether it is told how many will come.
        tries: How often it is tried to commit, until that succeeds.
    """

    repeatable = False

    def __init__(self, data: bytes, *, told: bool = True, tries: int = 1) -> None:
        self._data = data
        self._expected = len(data) if told else None
        self._tries = tries
        self.spares = tries > 1

    async def run(self, store: IObjectStore) -> None:
        """See `Work`."""
        area = store.stage(KEY, OTHER)
        try:
            reader = BytesReader(self._data)
            size = await area.append(reader, lambda _: None, self._expected)
            same(size, len(self._data), "the size")
            for _ in range(self._tries - 1):
                with suppress(StorageUnavailable):
                    await area.commit(OTHER)
            await area.commit(OTHER)
        finally:
            await area.discard()

    async def verify(self, store: IObjectStore, *, done: bool) -> None:
        """See `Work`."""
        found = await read(store, OTHER)
        if done or found is not None:
            same(found, self._data, "the object")
