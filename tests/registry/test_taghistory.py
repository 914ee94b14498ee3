"""Tests of ``txregistry/registry/taghistory.py``."""

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag, fallback_tag
from txregistry.registry.taghistory import Deletion
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, StorageFull
from txregistry.storage.memory import MemoryObjectStore

FIRST = Digest.of(b"first")
SECOND = Digest.of(b"second")
THIRD = Digest.of(b"third", "sha512")


class HistoryTestCase(RegistryTestCase):
    def point(self, digest: Digest, tag: Tag = V1) -> float:
        """Let a tag point to something a second later, and give the time."""
        self.clock.advance(1)
        self.result(self.registry.tags.point(NAME, tag, digest))
        return self.clock.seconds()

    def remove(self, tag: Tag = V1) -> float:
        self.clock.advance(1)
        self.result(self.registry.tags.remove(NAME, tag))
        return self.clock.seconds()

    def past(self, tag: Tag = V1) -> list[tuple[Digest, float]]:
        found = self.result(self.registry.tags.history.past(NAME, tag))
        return [(each.digest, each.when) for each in found]

    def deletions(self, tag: Tag = V1) -> list[Deletion]:
        return self.result(self.registry.tags.history.deletions(NAME, tag))

    def deleted(self, name: RepositoryName = NAME) -> list[Deletion]:
        async def gather() -> list[Deletion]:
            return [each async for each in self.registry.tags.history.deleted(name)]

        return self.result(gather())


class PastTests(HistoryTestCase):
    def test_tag_that_never_was_has_none(self) -> None:
        self.assertEqual((self.past(), self.deletions()), ([], []))

    def test_latest_comes_first(self) -> None:
        times = [self.point(each) for each in (FIRST, THIRD, SECOND)]
        wanted = [(SECOND, times[2]), (THIRD, times[1]), (FIRST, times[0])]
        self.assertEqual(self.past(), wanted)

    def test_tag_that_came_back_is_told_once(self) -> None:
        self.point(FIRST)
        second = self.point(SECOND)
        again = self.point(FIRST)
        self.assertEqual(self.past(), [(FIRST, again), (SECOND, second)])

    def test_of_this_tag_only(self) -> None:
        self.point(FIRST)
        self.point(SECOND, Tag("v1.1"))
        self.assertEqual([digest for digest, _ in self.past()], [FIRST])

    def test_file_of_somebody_else_is_passed_over(self) -> None:
        self.point(FIRST)
        self.put(f"{keys.tag_history(NAME, V1)}sha256/x/link", b"x")
        self.put(f"{keys.tag_history(NAME, V1)}stray", b"x")
        self.assertEqual([digest for digest, _ in self.past()], [FIRST])

    def test_more_links_than_a_page(self) -> None:
        digests = [Digest.of(b"%d" % number) for number in range(1200)]
        for digest in digests:
            self.put(keys.tag_history_link(NAME, V1, digest), str(digest).encode())
            self.clock.advance(1)
        found = [digest for digest, _ in self.past()]
        self.assertEqual(found, digests[::-1])


class DeletedTests(HistoryTestCase):
    def test_past_outlives_the_tag(self) -> None:
        first, second = self.point(FIRST), self.point(SECOND)
        self.remove()
        self.assertEqual(self.past(), [(SECOND, second), (FIRST, first)])
        self.assertEqual(self.tags(), [])

    def test_deletion_is_told(self) -> None:
        self.point(FIRST)
        when = self.remove()
        self.assertEqual(self.deletions(), [Deletion(V1, FIRST, when)])

    def test_later_tag_of_the_name_has_the_past_of_both(self) -> None:
        first = self.point(FIRST)
        self.remove()
        second = self.point(SECOND)
        self.assertEqual(self.past(), [(SECOND, second), (FIRST, first)])

    def test_latest_deletion_comes_first(self) -> None:
        for digest in (FIRST, SECOND):
            self.point(digest)
            self.remove()
        found = [each.digest for each in self.deletions()]
        self.assertEqual(found, [SECOND, FIRST])

    def test_only_the_latest_deletions_are_remembered(self) -> None:
        digests = [Digest.of(b"%d" % number) for number in range(14)]
        for digest in digests:
            self.point(digest)
            self.remove()
        found = [each.digest for each in self.deletions()]
        self.assertEqual(found, digests[:3:-1])

    def test_deleted_tags_of_a_repository_are_told_once(self) -> None:
        for tag, digest in ((V1, FIRST), (V1, SECOND), (Tag("v2"), FIRST)):
            self.point(digest, tag)
            self.remove(tag)
        found = [(each.tag.text, each.digest) for each in self.deleted()]
        self.assertEqual(found, [("v1", SECOND), ("v2", FIRST)])
        self.assertEqual(self.deleted(OTHER), [])

    def test_nested_repository_has_its_own(self) -> None:
        nested = RepositoryName(f"{NAME}/tools")
        self.result(self.registry.tags.point(nested, V1, FIRST))
        self.result(self.registry.tags.remove(nested, V1))
        self.assertEqual(self.deleted(), [])
        self.assertEqual([each.digest for each in self.deleted(nested)], [FIRST])

    def test_fallback_tag_is_not_remembered(self) -> None:
        self.point(FIRST, fallback_tag(SECOND))
        self.remove(fallback_tag(SECOND))
        self.assertEqual(self.keys(), ())

    def test_tag_with_a_lost_history_is_remembered(self) -> None:
        self.put(keys.tag_link(NAME, V1), str(FIRST).encode())
        when = self.remove()
        self.assertEqual(self.past(), [(FIRST, when)])

    def test_malformed_memory_counts_as_absent(self) -> None:
        for number, data in enumerate((b"", b"{}", b"\xff", b'{"past":[["x",1]]}')):
            self.put(keys.deleted_tag(NAME, V1, number, FIRST), data)
        self.put(keys.deleted_tag(NAME, V1, 9, FIRST), b"x" * 70_000)
        self.put(f"{keys.deleted_tag_prefix(NAME, V1)}else", b"{}")
        self.assertEqual(self.past(), [])
        self.assertEqual(len(self.deletions()), 5)

    def test_forgotten_repository_leaves_nothing(self) -> None:
        for tag in (V1, Tag("v2")):
            self.point(FIRST, tag)
            self.remove(tag)
        self.result(self.registry.tags.history.forget(NAME))
        self.assertEqual(self.keys(), ())


class ExpireTests(HistoryTestCase):
    def expire(self, age: float, *, dry_run: bool = False) -> int:
        work = self.registry.tags.history.expire(age, dry_run=dry_run)
        return self.result(work)

    def test_old_deletions_are_forgotten(self) -> None:
        self.point(FIRST)
        self.remove()
        self.clock.advance(100)
        self.point(SECOND)
        self.remove()
        self.assertEqual(self.expire(100, dry_run=True), 1)
        self.assertEqual(len(self.deletions()), 2)
        self.assertEqual(self.expire(100), 1)
        self.assertEqual([each.digest for each in self.deletions()], [SECOND])

    def test_many(self) -> None:
        for number in range(1200):
            self.put(keys.deleted_tag(NAME, V1, number, FIRST), b"{}")
        self.put(f"{keys.all_deleted_tags()}strange", b"{}")
        self.assertEqual(self.expire(0), 1200)
        self.assertEqual(self.keys(), (f"{keys.all_deleted_tags()}strange",))


class FullStore(MemoryObjectStore):
    """A store with room for links only."""

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        if key.startswith(keys.PRIVATE):
            raise StorageFull(key)
        return await super().put(key, data, if_absent=if_absent)


class FullTests(HistoryTestCase):
    def make_store(self) -> FullStore:
        return FullStore(self.clock)

    def test_tag_is_deleted_all_the_same(self) -> None:
        self.point(FIRST)
        self.remove()
        self.assertEqual((self.keys(), self.past()), ((), []))
