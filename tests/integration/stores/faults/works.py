"""What is done with a store while it has faults, and what must be true then."""

from abc import ABC, abstractmethod

from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    NotFound,
)
from txregistry.streams import read_all

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
