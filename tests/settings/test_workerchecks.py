"""Tests of ``txregistry/settings/workerchecks.py``."""

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import MOST_WORKERS, Http


class WorkersTests(SynchronousTestCase):
    def read(self, text: str, **more: str) -> Http:
        """Read the settings as they are given by variables."""
        settings, _ = load_settings(None, {"REGISTRY_HTTP_WORKERS": text, **more})
        return settings.http

    def refuse(self, text: str, *told: str, **more: str) -> None:
        with self.assertRaises(SettingsError) as raised:
            self.read(text, **more)
        for each in ("http.workers", *told):
            self.assertIn(each, str(raised.exception))

    def test_there_are_none_unless_told(self) -> None:
        self.assertEqual(Http().worker_count, 1)

    def test_there_are_as_many_as_are_said(self) -> None:
        for count in (1, 2, MOST_WORKERS):
            self.assertEqual(self.read(str(count)).worker_count, count)

    def test_there_may_be_one_for_each_processor(self) -> None:
        affinity: Any = lambda _: {0, 1, 5}  # noqa: E731 - as of the kernel
        self.patch(os, "sched_getaffinity", affinity)
        self.assertEqual(self.read("auto").worker_count, 3)

    def test_there_are_never_too_many(self) -> None:
        self.patch(os, "sched_getaffinity", lambda _: set(range(500)))
        self.assertEqual(self.read("auto").worker_count, MOST_WORKERS)

    def test_other_numbers_are_refused(self) -> None:
        for text in ("0", "-1", "65", "many", "''"):
            self.refuse(text, "from 1 to 64, or 'auto'")

    def test_what_is_neither_is_refused(self) -> None:
        for text in ("true", "1.5", "[2]"):
            self.refuse(text)

    def test_memory_is_nothing_to_share(self) -> None:
        memory = {"REGISTRY_STORAGE": "inmemory"}
        self.refuse("2", "storage.inmemory", **memory)
        self.assertEqual(self.read("1", **memory).worker_count, 1)
