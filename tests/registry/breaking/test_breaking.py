"""Works that are broken off at each of their writes, in memory."""

from tests.figures import tell
from tests.registry.breaking import stepping
from tests.registry.breaking.contract import Open
from txregistry.storage.memory import MemoryObjectStore


class MemoryTests(stepping.SteppingCase):
    def make_place(self) -> Open:
        store = MemoryObjectStore(self.clock)
        return lambda: store

    def test_process_ends(self) -> None:
        count = self.try_all(self.try_kills)
        self.assertGreater(count, 400)
        tell(f"memory: ended before each of {count} writes: {count} steps tried")

    def test_no_room_is_left(self) -> None:
        count = self.try_all(self.try_full_disk)
        self.assertGreater(count, 150)
        tell(f"memory: full before each of {count} writes: {count} steps tried")
