"""Tests of ``txregistry/storage/room.py``."""

import os
from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.storage.interfaces import StorageFull
from txregistry.storage.room import Room

_FLOOR = 1000


class RoomTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.looks = 0
        self.free = 0
        self.patch(os, "statvfs", self.look)
        self.room = Room("/", _FLOOR, self.clock.seconds)

    def look(self, root: str) -> SimpleNamespace:
        del root
        self.looks += 1
        return SimpleNamespace(f_bavail=self.free, f_frsize=1)

    def test_the_floor_stays_free(self) -> None:
        self.free = _FLOOR + 10
        self.room.take(10)
        with self.assertRaisesRegex(StorageFull, "1010 bytes are free; 11 more"):
            self.room.take(11)

    def test_much_room_is_not_looked_at_for_each(self) -> None:
        self.free = _FLOOR + 8000
        for _ in range(11):
            self.room.take(90)
        self.assertEqual(self.looks, 1)

    def test_it_is_looked_at_again_before_it_is_full(self) -> None:
        self.free = _FLOOR + 8000
        self.room.take(0)
        self.room.take(900)
        self.free = _FLOOR
        self.assertRaises(StorageFull, self.room.take, 101)

    def test_it_is_looked_at_again_after_a_while(self) -> None:
        self.free = _FLOOR + 8000
        self.room.take(0)
        self.free = _FLOOR
        self.clock.advance(1)
        self.assertRaises(StorageFull, self.room.take, 1)

    def test_nothing_is_granted_by_what_was_refused(self) -> None:
        self.free = _FLOOR + 8000
        self.room.take(0)
        self.free = _FLOOR
        self.assertRaises(StorageFull, self.room.take, 5000)
        self.assertRaises(StorageFull, self.room.take, 1)
