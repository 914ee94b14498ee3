"""Processes that are killed amid what they write, on files."""

import os
import signal
import time
from typing import Final, NoReturn

from tests.figures import tell
from tests.registry.breaking import stepping
from tests.registry.breaking.breakable import BreakableStore
from tests.registry.breaking.contract import Open
from tests.registry.breaking.node import Node
from tests.registry.breaking.works import Work
from tests.registry.faulty import Killed
from tests.temporary import make_folder
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.tasks import at_once

_ENDED: Final = 7
"""The status of a process that came to its end."""


def some(count: int) -> range:
    """Choose some writes: others for each number of them."""
    return range(1 + count % 8, count, 8)


class FilesTests(stepping.SteppingCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("fsync", "fdatasync"):  # the machine itself goes on
            self.patch(os, name, os.fstat)

    def make_place(self) -> Open:
        root = os.path.join(make_folder(self), "store")
        self.clock.rightNow = time.time()  # as files are written

        def open_() -> FilesystemObjectStore:
            scratch = f"{keys.PRIVATE}scratch"
            return FilesystemObjectStore(root, scratch, at_once, keys.COMPANIONS)

        return open_

    def run_to_death(self, work: Work, node: Node, write: int) -> bool:
        child = os.fork()
        if not child:
            try:
                store = node.store
                assert isinstance(store, BreakableStore)
                store.stop_before(write, _kill)
                self.go_on(work.run(node))
            finally:
                os._exit(_ENDED)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            self.assertEqual(os.WTERMSIG(status), signal.SIGKILL)
            return True
        self.assertEqual(os.WEXITSTATUS(status), _ENDED)
        return False

    def test_process_is_killed(self) -> None:
        count = self.try_all(self.try_kills, some)
        self.assertGreater(count, 30)
        tell(f"files: killed before {count} writes: {count} steps tried")

    def test_no_room_is_left(self) -> None:
        count = self.try_all(self.try_full_disk, some)
        self.assertGreater(count, 15)
        tell(f"files: full before {count} writes: {count} steps tried")


def _kill() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise Killed  # it never comes to that
