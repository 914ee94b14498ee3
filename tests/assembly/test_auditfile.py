"""Tests of ``txregistry/assembly/auditfile.py``."""

import json
import os
import stat
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from tests.web.exchange import lines, logged
from txregistry.assembly.auditfile import AuditFile, AuditLog, append
from txregistry.tasks import at_once


class _Held:
    """Blocking work that is done when the test says so."""

    def __init__(self) -> None:
        self.held: list[Any] = []

    def __call__(self, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        done: Deferred[Any] = Deferred()
        self.held.append(lambda: done.callback(work(*args, **kwargs)))
        return done

    def go_on(self) -> None:
        """Do what waits."""
        held, self.held = self.held, []
        for each in held:
            each()


class AuditFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.join(make_folder(self), "audit")

    def read(self) -> list[Any]:
        """Give the records in the file."""
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_each_record_is_a_line(self) -> None:
        audit = AuditFile(self.path, at_once)
        for number in range(3):
            audit.write({"n": number, "who": "renée\n"})
        self.assertEqual(self.read(), [{"n": n, "who": "renée\n"} for n in range(3)])

    def test_only_its_owner_may_read_it(self) -> None:
        AuditFile(self.path, at_once).write({})
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_goes_on_where_it_ended(self) -> None:
        append(self.path, b'{"n":0}\n')
        AuditFile(self.path, at_once).write({"n": 1})
        self.assertEqual(self.read(), [{"n": 0}, {"n": 1}])

    def test_goes_on_in_a_new_file_when_the_old_is_moved(self) -> None:
        audit = AuditFile(self.path, at_once)
        audit.write({"n": 0})
        os.rename(self.path, f"{self.path}.1")
        audit.write({"n": 1})
        self.assertEqual(self.read(), [{"n": 1}])

    def test_is_written_in_batches_and_whole_at_the_end(self) -> None:
        held = _Held()
        audit = AuditFile(self.path, held)
        for number in range(5):
            audit.write({"n": number})
        self.assertEqual(len(held.held), 1)
        closed = Deferred.fromCoroutine(audit.close())
        held.go_on()
        self.assertNoResult(closed)
        held.go_on()
        self.assertIsNone(self.successResultOf(closed))
        self.assertEqual(self.read(), [{"n": n} for n in range(5)])

    def test_trouble_is_logged_with_what_is_lost_and_ends(self) -> None:
        os.mkdir(self.path)
        audit = AuditFile(self.path, at_once)
        with logged() as events:
            audit.write({"n": 0})
            audit.write({"n": 1})
        told = [line for line in lines(events) if "audit.file" in line]
        self.assertEqual(len(told), 2)
        self.assertIn("2 records are lost so far", told[1])
        os.rmdir(self.path)
        audit.write({"n": 2})
        self.assertEqual(self.read(), [{"n": 2}])

    def test_what_waits_is_bounded(self) -> None:
        held = _Held()
        audit = AuditFile(self.path, held)
        for _ in range(40):
            audit.write({"x": "y" * 1024 * 1024})
        while held.held:
            held.go_on()
        self.assertLessEqual(os.stat(self.path).st_size, 17 * 1024 * 1024 + 2000)


class AuditLogTests(SynchronousTestCase):
    def test_a_record_is_a_line_of_the_log(self) -> None:
        with logged() as events:
            AuditLog().write({"who": "bob", "did": "{push}"})
        self.assertIn('{"who":"bob","did":"{push}"}', "\n".join(lines(events)))
