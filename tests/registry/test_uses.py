"""Tests of ``txregistry/registry/uses.py``."""

from tests.registry import faulty
from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from txregistry.model.digest import Digest
from txregistry.model.names import Tag
from txregistry.registry.uses import Uses
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore

DIGEST = Digest.of(b"")


class UsesTests(RegistryTestCase):
    def make_store(self) -> IObjectStore:
        self.faulty = faulty.FaultyStore(self.clock)
        return self.faulty

    def setUp(self) -> None:
        super().setUp()
        self.uses = self.make_uses()

    def make_uses(self) -> Uses:
        """Make what notes uses: another node, or the same after a restart."""
        return Uses(self.store, self.clock)

    def read(self) -> dict[str, int]:
        """Give what another node reads."""
        return dict(self.result(self.make_uses().read(NAME)))

    def flush(self) -> None:
        """Write down."""
        self.result(self.uses.flush())

    def test_what_is_noted_is_written_down(self) -> None:
        self.uses.note(NAME, V1, DIGEST)
        self.assertEqual(self.read(), {})
        self.flush()
        now = self.uses.now()
        self.assertEqual(self.read(), {"v1": now, str(DIGEST): now})

    def test_what_is_noted_is_known_here_at_once(self) -> None:
        self.uses.note(NAME, V1)
        self.assertEqual(self.result(self.uses.read(NAME)), {"v1": self.uses.now()})

    def test_latest_counts_of_whichever_node(self) -> None:
        other = self.make_uses()
        self.uses.note(NAME, V1)
        self.clock.advance(3600)
        other.note(NAME, V1, Tag("v2"))
        self.result(other.flush())
        self.flush()
        now = other.now()
        self.assertEqual(self.read(), {"v1": now, "v2": now})

    def test_clock_that_is_ahead_does_not_count(self) -> None:
        self.uses.note(NAME, V1)
        self.flush()
        self.clock.rightNow -= 86_400
        self.assertEqual(self.read(), {"v1": self.uses.now()})

    def test_second_use_soon_after_costs_nothing(self) -> None:
        self.uses.note(NAME, V1)
        self.flush()
        self.faulty.fail_before(1, kills=False)
        self.clock.advance(60)
        self.uses.note(NAME, V1)
        self.flush()
        self.assertFalse(self.faulty.failed)

    def test_what_cannot_be_written_is_another_time(self) -> None:
        self.uses.note(NAME, V1)
        self.uses.note(OTHER, V1)
        self.faulty.fail_before(1, kills=False)
        self.flush()
        self.assertTrue(self.faulty.failed)
        self.flush()
        self.assertEqual(self.read(), {"v1": self.uses.now()})

    def test_what_is_damaged_tells_nothing(self) -> None:
        for data in (b"", b"[]", b'{"v1": "x"}', b"\xff", b"x" * (5 << 20)):
            self.put(keys.uses(NAME), data)
            self.assertEqual(self.read(), {})

    def test_least_recent_are_forgotten(self) -> None:
        self.uses.note(NAME, Tag("old"))
        self.flush()
        self.clock.advance(3600)
        self.uses.note(NAME, *(Tag(f"v{number}") for number in range(20_000)))
        self.flush()
        found = self.read()
        self.assertEqual(len(found), 20_000)
        self.assertNotIn("old", found)
