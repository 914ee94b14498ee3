"""Tests of ``txregistry/command.py``."""

import io
import os
import sys

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.command import main


class CheckConfigTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})

    def write(self, text: str) -> str:
        return make_file(self, "config.yml", text.encode())

    def fail_with(self, *arguments: str) -> str:
        with self.assertRaises(SystemExit) as raised:
            main(arguments)
        self.assertEqual(raised.exception.code, 2)
        return self.err.getvalue()

    def test_settings_in_force_are_printed_as_yaml(self) -> None:
        main(["check-config", "--config", self.write("http: {addr: ':5001'}")])
        document = yaml.safe_load(self.out.getvalue())
        self.assertEqual(document["http"]["addr"], ":5001")

    def test_what_is_printed_can_be_read_again(self) -> None:
        main(["check-config"])
        printed = self.out.getvalue()
        main(["check-config", "--config", self.write(printed)])
        self.assertEqual(self.out.getvalue(), printed * 2)

    def test_settings_without_meaning_are_told(self) -> None:
        main(["check-config", "--config", self.write("redis: {addr: x}")])
        self.assertEqual(
            self.err.getvalue(), "redis: the setting has no meaning here.\n"
        )

    def test_mistake_ends_with_2(self) -> None:
        told = self.fail_with("check-config", "--config", self.write("htp: 1"))
        self.assertIn("htp: there is no such setting", told)

    def test_no_command_ends_with_2(self) -> None:
        self.assertIn("A command is needed", self.fail_with())

    def test_unknown_command_ends_with_2(self) -> None:
        self.assertIn("txregistry: ", self.fail_with("fly"))
