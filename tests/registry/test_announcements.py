"""Tests of ``txregistry/registry/announcements.py``."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.registry.case import NAME, OTHER, RegistryTestCase
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry import announcements
from txregistry.registry.announcements import Announcements
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.storage.memory import MemoryObjectStore

A, B, C = (ImageId(letter * 64) for letter in "abc")


def numbered(number: int) -> ImageId:
    """Make an id."""
    return ImageId(f"{number:064x}")


@implementer(IObjectStore)
class SlowStore(MemoryObjectStore):
    """A store whose every get waits for its turn."""

    waiting: list[Deferred[None]]
    waits = False

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        await self._turn()
        return await super().get(key, limit)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        await self._turn()
        return await super().put(key, data, if_absent=if_absent)

    async def delete(self, keys: object) -> None:
        """See `IObjectStore`."""
        await self._turn()
        await super().delete(keys)  # type: ignore[arg-type]  # as it came

    async def _turn(self) -> None:
        if self.waits:
            turn: Deferred[None] = Deferred()
            self.waiting.append(turn)
            await turn


class ListTests(RegistryTestCase):
    def add(self, *ids: ImageId, name: RepositoryName = NAME) -> None:
        self.result(self.registry.announcements.add(name, ids))

    def all(self, name: RepositoryName = NAME) -> list[str] | None:
        return self.result(self.registry.announcements.all(name))

    def lists(self) -> int:
        return len(self.keys(keys.announcements(NAME)))

    def test_there_is_none_before_the_first(self) -> None:
        self.assertIsNone(self.all())

    def test_order_is_kept(self) -> None:
        self.add(C, A, B)
        self.assertEqual(self.all(), [str(C), str(A), str(B)])

    def test_image_is_listed_once(self) -> None:
        self.add(A, A, B)
        self.add(B, C)
        found = self.all() or []
        self.assertEqual(sorted(found), [str(A), str(B), str(C)])

    def test_empty_list_is_one(self) -> None:
        self.add()
        self.assertEqual(self.all(), [])

    def test_repositories_have_their_own(self) -> None:
        self.add(A)
        self.add(B, name=OTHER)
        self.assertEqual(self.all(), [str(A)])

    def test_same_list_again_takes_no_room(self) -> None:
        for _ in range(3):
            self.add(A, B)
        self.assertEqual(self.lists(), 1)

    def test_many_lists_become_one(self) -> None:
        for number in range(16):
            self.add(numbered(number))
        self.assertEqual(self.lists(), 16)
        self.add(numbered(16))
        self.assertEqual(self.lists(), 1)
        self.assertEqual(
            sorted(self.all() or []), [str(numbered(number)) for number in range(17)]
        )

    def test_nothing_is_lost_where_the_new_list_says_all(self) -> None:
        for number in range(15):
            self.add(numbered(number))
        everything = [numbered(number) for number in range(15)]
        merged = self.all() or []
        self.add(*map(ImageId, merged))
        self.assertEqual(self.lists(), 16)
        self.add(*everything)
        self.assertEqual(set(self.all() or []), set(map(str, everything)))

    def test_damaged_list_is_passed_over(self) -> None:
        self.add(A)
        for number, data in enumerate((b"", b"{}", b"[1]", b" " * (5 << 20))):
            self.put(f"{keys.announcements(NAME)}{number}", data)
        self.assertEqual(self.all(), [str(A)])

    def test_oldest_are_left_out_where_there_are_too_many(self) -> None:
        self.patch(announcements, "_MOST", 20)
        for number in range(100):
            self.add(numbered(number))
        self.assertLessEqual(len(self.all() or []), 20 + 16)
        self.assertIn(str(numbered(99)), self.all() or [])

    def test_what_is_announced_again_is_new(self) -> None:
        self.patch(announcements, "_MOST", 5)
        for number in range(16):
            self.add(numbered(number))
        first = ImageId((self.all() or [])[0])
        self.add(first)
        self.assertEqual(self.lists(), 1)
        self.assertIn(str(first), self.all() or [])

    def test_forgotten_they_are_gone(self) -> None:
        self.add(A)
        self.assertTrue(self.result(self.registry.announcements.forget(NAME)))
        self.assertIsNone(self.all())
        self.assertFalse(self.result(self.registry.announcements.forget(NAME)))

    @settings(max_examples=60)
    @given(st.integers(13, 17), st.lists(st.integers(0, 9), min_size=1, max_size=40))
    def test_pushes_at_the_same_time_lose_nothing(
        self, before: int, order: list[int]
    ) -> None:
        self.setUp()
        store = SlowStore(self.clock)
        store.waiting = []
        lists = Announcements(store, self.clock)
        wanted = set()
        for number in range(before):
            self.result(lists.add(NAME, [numbered(number)]))
            wanted.add(str(numbered(number)))
        store.waits = True
        adding = []
        for number in range(100, 103):
            wanted.add(str(numbered(number)))
            work = lists.add(NAME, [numbered(number), numbered(number - 100)])
            adding.append(Deferred.fromCoroutine(work))
        turn = 0
        while store.waiting:
            place = order[turn % len(order)] % len(store.waiting)
            store.waiting.pop(place).callback(None)
            turn += 1
        for each in adding:
            self.successResultOf(each)
        store.waits = False
        found = self.result(lists.all(NAME))
        self.assertEqual(set(found or []), wanted)


class NoteTests(RegistryTestCase):
    def note(self, *ids: ImageId, name: RepositoryName = NAME) -> None:
        self.result(self.registry.announcements.note("me", name, ids))

    def noted(self, image_id: ImageId, owner: str = "me") -> list[RepositoryName]:
        return list(self.result(self.registry.announcements.noted(owner, image_id)))

    def test_repository_is_found(self) -> None:
        self.note(A, B)
        self.assertEqual(self.noted(B), [NAME])

    def test_image_of_no_note_has_none(self) -> None:
        self.note(A)
        self.assertEqual(self.noted(B), [])

    def test_notes_are_their_owners(self) -> None:
        self.note(A)
        self.assertEqual(self.noted(A, "somebody else"), [])

    def test_all_repositories_are_found(self) -> None:
        nested = RepositoryName(f"{NAME}/nested")
        for name in (NAME, OTHER, nested):
            self.note(A, name=name)
        self.assertEqual(set(self.noted(A)), {NAME, OTHER, nested})

    def test_later_note_replaces_an_earlier_one(self) -> None:
        self.note(A)
        self.note(B)
        self.assertEqual(self.noted(A), [])

    def test_note_holds_for_an_hour(self) -> None:
        self.note(A)
        self.clock.advance(3600)
        self.assertEqual(self.noted(A), [NAME])

    def test_note_expires_and_goes(self) -> None:
        self.note(A)
        self.clock.advance(3601)
        self.assertEqual(self.noted(A), [])
        self.assertEqual(self.keys(keys.announcers("me")), ())

    def test_push_that_ended_is_noted_no_more(self) -> None:
        self.note(A)
        self.result(self.registry.announcements.settle("me", NAME))
        self.assertEqual(self.noted(A), [])

    def test_damaged_note_is_passed_over(self) -> None:
        self.note(A)
        self.put(keys.announcer("me", OTHER), b"{")
        self.put(f"{keys.announcers('me')}Strange/_images", b"{}")
        self.assertEqual(self.noted(A), [NAME])
