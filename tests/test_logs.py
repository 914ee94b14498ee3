"""Tests of ``txregistry/logs.py``."""

import io
import json
from typing import Any

from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txregistry.logs import JsonLogObserver, TextLogObserver, make_observer
from txregistry.model.durations import Duration


class LogsTestCase(SynchronousTestCase):
    def log(self, observer: ILogObserver) -> Logger:
        return Logger(namespace="txregistry.tested", observer=observer)


class TextTests(LogsTestCase):
    def setUp(self) -> None:
        self.file = io.StringIO()
        self.observer = TextLogObserver(self.file)

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(ILogObserver, self.observer))

    def test_line_has_time_place_level_and_text(self) -> None:
        self.observer(
            {
                "log_time": 1_700_000_000.5,
                "log_namespace": "a.b",
                "log_format": "{n} things",
                "n": 7,
            }
        )
        self.assertEqual(
            self.file.getvalue(), "2023-11-14T22:13:20Z [a.b#info] 7 things\n"
        )

    def test_further_lines_are_set_in(self) -> None:
        self.log(self.observer).warn("{text}", text="one\ntwo\n")
        self.assertTrue(self.file.getvalue().endswith("#warn] one\n\ttwo\n"))

    def test_who_is_quoted_does_nothing_to_a_terminal(self) -> None:
        self.log(self.observer).warn("{text}", text="\x1b[2J\r\x9b\tbücher\u202e")
        line = self.file.getvalue()
        self.assertTrue(line.endswith("] \\x1b[2J\\r\\x9b\tbücher\\u202e\n"), line)

    def test_failure_has_its_traceback(self) -> None:
        self.log(self.observer).failure("Oh", Failure(ValueError("reason")))
        self.assertIn("ValueError: reason", self.file.getvalue())

    def test_line_of_a_request_is_told_as_it_is(self) -> None:
        self.log(self.observer).info("{access}", access="GET {x}")
        self.assertTrue(self.file.getvalue().endswith("#info] GET {x}\n"))


class JsonTests(LogsTestCase):
    def setUp(self) -> None:
        self.file = io.StringIO()
        self.observer = JsonLogObserver(self.file)

    def line(self) -> Any:
        text = self.file.getvalue()
        self.assertEqual(text.count("\n"), 1)
        return json.loads(text)

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(ILogObserver, self.observer))

    def test_line_has_what_a_text_has(self) -> None:
        self.observer(
            {
                "log_time": 1_700_000_000.5,
                "log_namespace": "a.b",
                "log_format": "{n} things",
                "n": 7,
            }
        )
        self.assertEqual(
            self.line(),
            {
                "time": "2023-11-14T22:13:20Z",
                "level": "info",
                "logger": "a.b",
                "message": "7 things",
                "n": 7,
            },
        )

    def test_text_of_several_lines_is_one_line(self) -> None:
        self.log(self.observer).info("{text}", text="one\ntwo")
        self.assertEqual(self.line()["message"], "one\ntwo")

    def test_failure_is_told(self) -> None:
        self.log(self.observer).failure("Oh", Failure(ValueError("reason")))
        self.assertIn("ValueError: reason", self.line()["failure"])

    def test_fields_that_json_has_not_are_text(self) -> None:
        self.log(self.observer).info("x", field=("a", 1))
        self.assertEqual(self.line()["field"], "('a', 1)")

    def test_numbers_of_a_kind_of_their_own_are_text(self) -> None:
        self.log(self.observer).info("x", field=Duration(1.5))
        self.assertEqual(self.line()["field"], "1.5")

    def test_field_does_not_take_the_place_of_the_level(self) -> None:
        self.observer({"log_format": "x", "level": "mine"})
        self.assertEqual(self.line()["level"], "info")


class LevelTests(LogsTestCase):
    def told(self, level: str) -> list[str]:
        file = io.StringIO()
        teller = self.log(make_observer(file, "text", level))
        teller.debug("debug")
        teller.info("info")
        teller.warn("warn")
        teller.error("error")
        return [line.split()[-1] for line in file.getvalue().splitlines()]

    def test_warnings_and_worse(self) -> None:
        self.assertEqual(self.told("warn"), ["warn", "error"])

    def test_everything(self) -> None:
        self.assertEqual(self.told("debug"), ["debug", "info", "warn", "error"])

    def test_json_is_chosen(self) -> None:
        file = io.StringIO()
        self.log(make_observer(file, "json", "info")).info("x")
        self.assertEqual(json.loads(file.getvalue())["message"], "x")


class WorkerTests(LogsTestCase):
    """Lines of several workers come in one stream."""

    def line(self, formatter: str, **fields: Any) -> str:
        file = io.StringIO()
        teller = self.log(make_observer(file, formatter, "info", 3))
        teller.info(f"{{{next(iter(fields))}}}", **fields)
        return file.getvalue()

    def test_a_line_says_whose_it_is(self) -> None:
        self.assertIn(
            " [worker 3 txregistry.tested#info] x\n", self.line("text", t="x")
        )

    def test_line_of_a_request_is_as_always(self) -> None:
        told = self.line("text", access="GET")
        self.assertTrue(told.endswith("Z [txregistry.tested#info] GET\n"), told)

    def test_json_has_a_field_for_it(self) -> None:
        self.assertEqual(json.loads(self.line("json", t="x"))["worker"], 3)

    def test_nobody_else_says_to_be_another_one(self) -> None:
        self.assertEqual(json.loads(self.line("json", worker=7))["worker"], 3)
