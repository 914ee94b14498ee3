"""Tests of ``txregistry/ssh/keyfile.py``."""

import os

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.ssh.keys import ALICE, BOB, line
from tests.temporary import make_file
from txregistry.ssh.keyfile import KeyFile
from txregistry.ssh.keys import KeysError
from txregistry.tasks import at_once


class KeyFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.path = make_file(self, "keys", line(ALICE, "alice"))
        self.keys = KeyFile(self.path, self.clock, at_once)

    def write(self, data: bytes) -> None:
        """Write the file anew, and let a moment pass."""
        with open(self.path, "wb") as file:
            file.write(data)
        self.clock.advance(2)

    def names(self) -> list[str]:
        """Say who is known."""
        found = [
            self.successResultOf(self.keys.find(key.public().blob()))
            for key in (ALICE, BOB)
        ]
        return [each.name for each in found if each is not None]

    def test_knows_whose_key_is_there(self) -> None:
        self.assertEqual(self.names(), ["alice"])

    def test_the_file_is_read_again_when_it_changed(self) -> None:
        self.write(line(BOB, "bob"))
        self.assertEqual(self.names(), ["bob"])
        self.write(line(ALICE, "alice") + line(BOB, "robert"))
        self.assertEqual(self.names(), ["alice", "robert"])

    def test_it_is_not_looked_at_all_the_time(self) -> None:
        with open(self.path, "wb") as file:
            file.write(line(BOB, "bob"))
        self.assertEqual(self.names(), ["alice"])
        self.clock.advance(1)
        self.assertEqual(self.names(), ["bob"])

    def test_the_keys_stay_where_the_file_cannot_be_used(self) -> None:
        with capturedLogs() as events:
            self.write(b"garbage\n")
            self.assertEqual(self.names(), ["alice"])
            self.clock.advance(2)
            self.assertEqual(self.names(), ["alice"])
            os.remove(self.path)
            self.clock.advance(2)
            self.assertEqual(self.names(), ["alice"])
        told = [event["reason"] for event in events if "reason" in event]
        self.assertEqual(len(told), 2)  # each trouble once
        self.assertIn("line 1", told[0])
        self.assertIn("cannot be read", told[1])
        self.write(line(BOB, "bob"))
        self.assertEqual(self.names(), ["bob"])

    def test_a_file_that_cannot_be_used_is_no_beginning(self) -> None:
        for path in (self.path + ".none", make_file(self, "keys", b"garbage\n")):
            error = self.assertRaises(KeysError, KeyFile, path, self.clock, at_once)
            self.assertIn(path, str(error))
