"""Whatever members an archive has, it is read or refused, and nothing is left."""

import tarfile
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from zope.interface import implementer

from tests.integration.clients.images import digest_of, make_image
from tests.registry.case import NAME, RegistryTestCase
from tests.temporary import make_folder
from tests.transfer.archives import case
from tests.transfer.archives.building import (
    END,
    Member,
    header,
    layout,
    link,
    member,
    pack,
    place,
    saved,
)
from tests.transfer.archives.case import IT
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore
from txregistry.streams import BytesReader, IReader
from txregistry.tasks import at_once
from txregistry.transfer.archives.reading import ArchiveReader
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveRefused,
    ArchiveTooLarge,
)

APP = make_image("app")
OLD = "a" * 64
GOOD = (*layout({"1": APP}), *saved({"app:1": APP}))
NAMES = st.one_of(
    st.text(st.sampled_from("ab./\0\udcff\x1bé"), max_size=8),
    st.sampled_from(
        [
            "index.json", "manifest.json", "oci-layout", "repositories", "c.json",
            f"{OLD}/layer.tar", f"{OLD}.tar", f"{OLD}.json", f"blobs/sha256/{OLD}",
            place(APP.digest), place(digest_of(b"")), "n" * 300,
        ]
    ),
)  # fmt: skip
DATA = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"{}", b"[]", b'[{"Config":"c.json","Layers":["a"]}]',
            b'{"schemaVersion":2,"manifests":[]}', APP.manifest.data,
        ]
    ),
)  # fmt: skip
KINDS = st.sampled_from([bytes((kind,)) for kind in b"\x0001234567gxKLSMVD"])
MEMBERS: st.SearchStrategy[Member] = st.one_of(
    st.sampled_from(GOOD),
    st.tuples(NAMES, DATA),
    st.builds(link, NAMES, NAMES),
    st.builds(member, NAMES, KINDS, size=st.sampled_from([0, 1, 512, 1 << 62])),
)


def try_to_pack(members: list[Member]) -> bytes:
    """Write an archive, but for members that cannot be written."""
    packed = b""
    for each in members:
        try:
            packed += pack([each], b"")
        except (tarfile.TarError, ValueError):
            continue
    return packed


class AnyArchiveTests(case.ArchiveTestCase):
    def try_it(self, data: bytes) -> None:
        """An archive is read or refused; then nothing is there but what was read."""
        self.setUp()

        async def work() -> bool:
            try:
                async with self.make_reader().open(BytesReader(data)) as archive:
                    image = archive.images[0]
                    await archive.publish(NAME, (IT,), image)
            except ArchiveRefused:
                return False
            return True

        if self.result(work()):
            self.assertNothingStaged()
            self.assertEqual(self.tags(), ["it"])
        else:
            self.assertEqual(self.keys(), ())

    @given(st.lists(MEMBERS, max_size=8), st.sampled_from([END, b"", b"garbage"]))
    def test_any_members(self, members: list[Member], end: bytes) -> None:
        self.try_it(try_to_pack(members) + end)

    @given(st.permutations(GOOD), st.lists(MEMBERS, max_size=2))
    def test_good_ones_in_any_order_and_more(
        self, members: list[Member], more: list[Member]
    ) -> None:
        self.try_it(try_to_pack([*more, *members]) + END)

    @given(
        st.sampled_from([pack(layout({"1": APP})), pack(saved({"app:1": APP}))]),
        st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=3),
    )
    def test_good_ones_with_other_bytes(
        self, good: bytes, changes: list[tuple[int, int]]
    ) -> None:
        data = bytearray(good)
        for offset, byte in changes:
            data[offset % len(data)] = byte
        self.try_it(bytes(data))

    @given(st.binary(max_size=3000))
    def test_any_bytes(self, data: bytes) -> None:
        self.try_it(data)


@implementer(IReader)
class Repeating:
    """Give a beginning, and then something again and again."""

    def __init__(self, first: bytes, then: bytes, size: int) -> None:
        self._first = first
        self._then = then
        self._left = size

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        if self._first:
            data, self._first = self._first[:limit], self._first[limit:]
            return data
        data = self._then[: min(limit, self._left)]
        self._left -= len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""


class MemoryTests(RegistryTestCase):
    def make_store(self) -> IObjectStore:
        """Make a store that keeps nothing in memory."""
        return FilesystemObjectStore(
            make_folder(self), keys.PRIVATE + "scratch/", at_once, keys.COMPANIONS
        )

    def peak(
        self, source: IReader, kind: type[ArchiveRefused] = ArchiveMalformed
    ) -> int:
        """Say how many bytes are in use at once while an archive is refused."""

        async def work() -> None:
            async with ArchiveReader(self.registry, at_once).open(source):
                pass

        tracemalloc.start()
        try:
            self.fails(kind, work())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def test_large_members(self) -> None:
        size = 24 << 20
        first = header(member("large", size=size))
        source = Repeating(first, b"\1" * (1 << 20), size + 512)
        self.assertLess(self.peak(source), 4 << 20)

    def test_many_members(self) -> None:
        one = header(member("blobs", tarfile.DIRTYPE))
        source = Repeating(b"", one * 1000, len(one) * 10_000)
        self.assertLess(self.peak(source, ArchiveTooLarge), 4 << 20)
