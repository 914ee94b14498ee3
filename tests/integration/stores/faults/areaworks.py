"""What is done with staging areas while a store has faults."""

from contextlib import suppress
from itertools import count

from tests.integration.stores.faults.works import (
    ALL,
    KEY,
    OTHER,
    Work,
    Wrong,
    read,
    same,
)
from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.streams import BytesReader, read_all


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
