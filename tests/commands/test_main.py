"""Tests of ``txregistry/commands/main.py``."""

import io
import json
import os
import subprocess
import sys

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.commands import program
from tests.temporary import make_file, make_folder
from tests.transfer.program import environment
from txregistry.commands.main import Options, main


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

    def test_secrets_are_not_printed(self) -> None:
        s3 = {"bucket": "b", "region": "r", "accesskey": "a", "secretkey": "hush"}
        swift = {"authurl": "http://a/v1", "container": "c", "username": "u"}
        upstream = {"name": "a", "username": "u", "password": "hush"}
        tunnel = {"name": "a", "proxy": "http://u:hush@proxy.example:3128"}
        for settings in (
            {"storage": {"s3": s3}},
            {"storage": {"swift": {**swift, "password": "hush"}}},
            {"mirror": {"upstreams": [upstream]}},
            {"mirror": {"upstreams": [tunnel]}},
            {"proxy": {"remoteurl": "https://a", "username": "u", "password": "hush"}},
            {"replication": [{"to": "https://a", "username": "u", "password": "hush"}]},
        ):
            text = json.dumps(settings)
            main(["check-config", "--config", self.write(text)])
            printed = self.out.getvalue()
            self.assertNotIn("hush", printed)
            self.assertIn("(not shown)", printed)

    def test_settings_without_meaning_are_told(self) -> None:
        main(["check-config", "--config", self.write("redis: {addr: x}")])
        self.assertEqual(
            self.err.getvalue(), "redis: the setting has no meaning here.\n"
        )

    def test_mistake_ends_with_2(self) -> None:
        told = self.fail_with("check-config", "--config", self.write("htp: 1"))
        self.assertIn("htp: there is no such setting", told)

    def test_files_that_the_start_would_refuse_are_refused(self) -> None:
        for text, told in (
            ("auth: {htpasswd: {path: /none}}", "auth.htpasswd.path: '/none'"),
            (
                "http: {addr: ':1', tls: {certificate: /none, key: /none}}",
                "http.tls.certificate: '/none'",
            ),
            ("http: {addr: ':1'}\nindex: {key: /none}", "index.key: '/none'"),
            ("http: {listen: ['tpc:1']}", "http.listen: 'tpc:1'"),
            ("index: {url: 'ftp://x'}", "index.url: 'ftp://x'"),
        ):
            self.err.truncate(0)
            self.assertIn(told, self.fail_with("check-config", "-c", self.write(text)))

    def test_nothing_is_written(self) -> None:
        folder = make_folder(self)
        data, audit = f"{folder}/data", f"{folder}/audit"
        text = (
            f"storage: {{filesystem: {{rootdirectory: {data}}}}}\n"
            f"audit: {{enabled: true, file: {audit}}}"
        )
        main(["check-config", "--config", self.write(text)])
        self.assertEqual(os.listdir(folder), [])

    def test_a_role_is_spelt_out(self) -> None:
        main(["check-config", "--role", "mirror"])
        rules = yaml.safe_load(self.out.getvalue())["auth"]["rules"]
        self.assertEqual(
            [(each["who"], each["repositories"], each["may"]) for each in rules],
            [
                (["authenticated"], ["private", "private/**"], ["push", "delete"]),
                (["everyone"], ["private", "private/**"], []),
                (["everyone"], ["**"], ["pull"]),
            ],
        )

    def test_no_command_ends_with_2(self) -> None:
        self.assertIn("A command is needed", self.fail_with())

    def test_unknown_command_ends_with_2(self) -> None:
        self.assertIn("txregistry: ", self.fail_with("fly"))


class CommandsTests(SynchronousTestCase):
    def test_each_is_there_when_it_is_asked_for(self) -> None:
        for name, _, make, told in Options.subCommands:
            made = make()
            self.assertTrue(callable(made.run), name)
            self.assertTrue(told.endswith("."), name)

    def test_none_is_loaded_before_that(self) -> None:
        program = (
            "import sys; import txregistry.commands.main; "
            "print([each for each in sys.modules if each.startswith('txregistry.')])"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", program],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for each in ("web", "registry", "client", "assembly"):
            self.assertNotIn(f"txregistry.{each}", loaded)


class PipeTests(SynchronousTestCase):
    def test_nobody_reads_what_it_says(self) -> None:
        out, into = os.pipe()
        os.close(out)
        try:
            done = subprocess.run(
                program.command("gc", "--help"),
                env=environment(),
                stdout=into,
                stderr=subprocess.PIPE,
                timeout=program.LIMIT,
                check=False,
            )
        finally:
            os.close(into)
        self.assertEqual((done.returncode, done.stderr), (1, b""))
