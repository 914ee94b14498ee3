"""Tests of ``txregistry/allocator.py``."""

import subprocess
import sys
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.transfer.program import environment

_PROGRAM: Final = """\
import ctypes, threading
from txregistry.allocator import keep_buffers

keep_buffers()
kept, gate = [], threading.Barrier(5)

def allocate():
    kept.append(bytes(300_000))
    gate.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for each in threads:
    each.start()
gate.wait()
for each in threads:
    each.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


class ArenaTests(SynchronousTestCase):
    def test_threads_share_what_was_let_go(self) -> None:
        told = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertEqual(told.count("<heap nr="), 1, told)
