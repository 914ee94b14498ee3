"""What every `IObjectSource` must do, as its docstrings promise.

Inherit as ``objectsource.ObjectSourceContract``, so that it is not collected itself.
Unlike `ObjectStoreContract` it awaits: some sources are on the other side of a socket.
"""

from collections.abc import Awaitable, Mapping
from random import Random
from typing import Any, Final

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from tests.contracts.keyspace import grouped, listed
from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    Page,
    TooLarge,
)
from txregistry.streams import CHUNK, IReader, read_all

KEY: Final = Key("images/one/layer")
DATA: Final = b"0123456789"
LARGE: Final = Random(1).randbytes(3 * 1024 * 1024 + 17)  # noqa: S311 - an example
KEYS: Final = tuple(
    map(
        Key,
        (
            "k/a-b",
            "k/a.b/x",
            "k/a/a",
            "k/a/b/c",
            "k/a/b/d",
            "k/a0",
            "k/aB/x",
            "k/ab",
            "k/b/a",
            "k2/a",
        ),
    )
)
"""Names that sort differently before a ``/`` than they do alone."""
STRANGE: Final = tuple(
    map(
        Key,
        (
            "s/ a b",
            "s/a+b",
            "s/a%2Fb",
            "s/a&b=c;d",
            "s/a<b>'\"",
            "s/a?b#c",
            "s/tag_1:2@3,$!*()",
            "s/~",
            "s/\xe9",
            "s/\u65e5\u672c",
            "s/\U0001f600",
        ),
    )
)
"""Names that are quoted in URLs, in XML or in JSON."""


class ObjectSourceContract(TestCase):
    """``stat``, ``get``, ``open`` and ``list``."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        """Make a source of its own that has some objects."""
        raise NotImplementedError

    async def fails(self, kind: type[Exception], work: Awaitable[Any]) -> None:
        """Expect some work to fail."""
        with self.assertRaises(kind):
            await work

    async def read_range(self, source: IObjectSource, start: int, stop: int) -> bytes:
        """Read part of an object."""
        reader: IReader = await source.open(KEY, start, stop)
        data = await read_all(reader, 1 << 30)
        assert data is not None
        return data

    async def list_pages(
        self, source: IObjectSource, prefix: str, limit: int, *, delimiter: bool
    ) -> list[str]:
        """List everything in pages of some length."""
        names: list[str] = []
        after, more = "", True
        while more:
            page = await source.list(
                prefix, after=after, limit=limit, delimiter=delimiter
            )
            self.assertLessEqual(len(page.names), limit)
            names += page.names
            after, more = (page.names or ("",))[-1], page.more
        return names

    async def test_interface(self) -> None:
        self.assertTrue(verifyObject(IObjectSource, await self.make_source({})))

    async def test_stat_tells_the_size(self) -> None:
        source = await self.make_source({KEY: DATA})
        self.assertEqual((await source.stat(KEY)).size, 10)

    async def test_stat_of_nothing_in_it(self) -> None:
        source = await self.make_source({KEY: b""})
        self.assertEqual((await source.stat(KEY)).size, 0)

    async def test_stat_of_what_is_absent(self) -> None:
        source = await self.make_source({})
        await self.fails(NotFound, source.stat(KEY))

    async def test_stat_of_a_group(self) -> None:
        source = await self.make_source({KEY: DATA})
        await self.fails(NotFound, source.stat(Key("images/one")))

    async def test_identity_stays_while_nothing_is_written(self) -> None:
        source = await self.make_source({KEY: DATA})
        before = (await source.stat(KEY)).identity
        self.assertEqual((await source.stat(KEY)).identity, before)

    async def test_identities_of_different_objects_differ(self) -> None:
        other = Key("images/two/layer")
        source = await self.make_source({KEY: DATA, other: DATA[::-1]})
        first, second = await source.stat(KEY), await source.stat(other)
        self.assertNotEqual(first.identity, second.identity)

    async def test_get_gives_it_whole(self) -> None:
        source = await self.make_source({KEY: DATA})
        self.assertEqual(await source.get(KEY, 99), DATA)

    async def test_get_of_as_much_as_the_limit(self) -> None:
        source = await self.make_source({KEY: DATA})
        self.assertEqual(await source.get(KEY, 10), DATA)

    async def test_get_of_more_than_the_limit(self) -> None:
        source = await self.make_source({KEY: DATA})
        await self.fails(TooLarge, source.get(KEY, 9))

    async def test_get_of_much_more_than_the_limit(self) -> None:
        source = await self.make_source({KEY: LARGE})
        await self.fails(TooLarge, source.get(KEY, 9))

    async def test_get_of_nothing_in_it(self) -> None:
        source = await self.make_source({KEY: b""})
        self.assertEqual(await source.get(KEY, 0), b"")

    async def test_get_of_what_is_absent(self) -> None:
        source = await self.make_source({})
        await self.fails(NotFound, source.get(KEY, 9))

    async def test_get_of_a_group(self) -> None:
        source = await self.make_source({KEY: DATA})
        await self.fails(NotFound, source.get(Key("images/one"), 9))

    async def test_get_of_what_lies_below_an_object(self) -> None:
        source = await self.make_source({KEY: DATA})
        await self.fails(NotFound, source.get(Key(f"{KEY}/more"), 9))

    async def test_get_of_strange_names(self) -> None:
        objects = {key: key.encode() for key in STRANGE}
        source = await self.make_source(objects)
        found = {key: await source.get(key, 99) for key in STRANGE}
        self.assertEqual(found, objects)

    async def test_open_gives_ranges(self) -> None:
        source = await self.make_source({KEY: DATA})
        for start, stop in (
            (0, 10),
            (0, 1),
            (3, 7),
            (9, 10),
            (5, 99),
            (0, 10**15),
            (10, 11),
            (50, 99),
            (4, 4),
            (7, 3),
        ):
            found = await self.read_range(source, start, stop)
            self.assertEqual(found, DATA[start:stop], f"{start}-{stop}")

    async def test_open_of_nothing_in_it(self) -> None:
        source = await self.make_source({KEY: b""})
        self.assertEqual(await self.read_range(source, 0, 99), b"")

    async def test_open_of_much(self) -> None:
        source = await self.make_source({KEY: LARGE})
        self.assertTrue(await self.read_range(source, 0, 1 << 40) == LARGE)

    async def test_open_of_the_middle_of_much(self) -> None:
        source = await self.make_source({KEY: LARGE})
        found = await self.read_range(source, 1_000_001, 2_000_002)
        self.assertTrue(found == LARGE[1_000_001:2_000_002])

    async def test_open_of_what_is_absent(self) -> None:
        source = await self.make_source({})
        await self.fails(NotFound, source.open(KEY, 0, 9))

    async def test_open_of_nothing_of_what_is_absent(self) -> None:
        source = await self.make_source({})
        await self.fails(NotFound, source.open(KEY, 3, 3))

    async def test_open_of_a_group(self) -> None:
        source = await self.make_source({KEY: DATA})
        await self.fails(NotFound, source.open(Key("images/one"), 0, 9))

    async def test_a_read_gives_no_more_than_its_limit(self) -> None:
        source = await self.make_source({KEY: DATA})
        reader: IReader = await source.open(KEY, 0, 10)
        self.assertEqual(await reader.read(3), b"012")
        self.assertEqual(await reader.read(1), b"3")
        await reader.close()

    async def test_the_end_is_told_more_than_once(self) -> None:
        source = await self.make_source({KEY: b"x"})
        reader: IReader = await source.open(KEY, 0, 1)
        found = [await reader.read(9) for _ in range(3)]
        self.assertEqual(found, [b"x", b"", b""])
        await reader.close()

    async def test_reader_closes_twice(self) -> None:
        source = await self.make_source({KEY: DATA})
        reader: IReader = await source.open(KEY, 0, 10)
        await reader.close()
        await reader.close()

    async def test_reader_closes_in_the_middle(self) -> None:
        source = await self.make_source({KEY: LARGE})
        reader: IReader = await source.open(KEY, 0, len(LARGE))
        await reader.read(CHUNK)
        await reader.close()
        self.assertEqual((await source.stat(KEY)).size, len(LARGE))

    async def test_many_are_read_at_once(self) -> None:
        source = await self.make_source({KEY: DATA})
        readers: list[IReader] = [await source.open(KEY, n, 10) for n in range(5)]
        found = [await reader.read(1) for reader in readers]
        self.assertEqual(found, [b"0", b"1", b"2", b"3", b"4"])
        for reader in readers:
            await reader.close()

    async def test_lists_what_begins_with_a_prefix(self) -> None:
        source = await self.make_source(dict.fromkeys(KEYS, b"x"))
        for prefix in ("k/", "k/a/", "k/a/b/", "k2/"):
            page = await source.list(prefix, limit=100)
            self.assertEqual(page, Page(tuple(listed(KEYS, prefix)), more=False))

    async def test_groups_by_the_delimiter(self) -> None:
        source = await self.make_source(dict.fromkeys(KEYS, b"x"))
        for prefix in ("k/", "k/a/", "k/a/b/", "k2/"):
            page = await source.list(prefix, limit=100, delimiter=True)
            self.assertEqual(page, Page(tuple(grouped(KEYS, prefix)), more=False))

    async def test_page_begins_after_any_name_and_ends_at_the_limit(self) -> None:
        source = await self.make_source(dict.fromkeys(KEYS, b"x"))
        places = ("a", *KEYS, "k/a/", "k/a/b/", "k/a/zz", "k/zz", "z")
        for delimiter in (False, True):
            whole = (grouped if delimiter else listed)(KEYS, "k/")
            for after in places:
                wanted = [name for name in whole if name > after]
                page = await source.list(
                    "k/", after=after, limit=2, delimiter=delimiter
                )
                self.assertEqual(
                    page, Page(tuple(wanted[:2]), more=len(wanted) > 2), after
                )

    async def test_pages_give_everything_once(self) -> None:
        source = await self.make_source(dict.fromkeys(KEYS, b"x"))
        for limit in (1, 2, 3):
            found = await self.list_pages(source, "k/", limit, delimiter=False)
            self.assertEqual(found, listed(KEYS, "k/"))

    async def test_pages_of_groups_give_everything_once(self) -> None:
        source = await self.make_source(dict.fromkeys(KEYS, b"x"))
        for limit in (1, 2, 3):
            found = await self.list_pages(source, "k/", limit, delimiter=True)
            self.assertEqual(found, grouped(KEYS, "k/"))

    async def test_lists_strange_names(self) -> None:
        source = await self.make_source(dict.fromkeys(STRANGE, b"x"))
        page = await source.list("s/", limit=100)
        self.assertEqual(page.names, tuple(listed(STRANGE, "s/")))

    async def test_pages_of_strange_names_give_everything_once(self) -> None:
        source = await self.make_source(dict.fromkeys(STRANGE, b"x"))
        found = await self.list_pages(source, "s/", 1, delimiter=True)
        self.assertEqual(found, listed(STRANGE, "s/"))

    async def test_nothing_is_listed_below_what_is_absent(self) -> None:
        source = await self.make_source({KEY: DATA})
        for delimiter in (False, True):
            page = await source.list("absent/", limit=9, delimiter=delimiter)
            self.assertEqual(page, Page((), more=False))

    async def test_nothing_is_listed_where_nothing_is(self) -> None:
        source = await self.make_source({})
        self.assertEqual(await source.list("k/", limit=9), Page((), more=False))
