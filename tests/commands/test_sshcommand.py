"""Tests of ``txregistry/commands/sshcommand.py``: what OpenSSH's server runs."""

import json
from pathlib import Path

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from tests.commands.zygote import Ended, shared
from tests.integration.clients.images import make_image, write_archive
from tests.temporary import make_file, make_folder
from txregistry.commands.sshcommand import SshCommand


class OptionsTests(SynchronousTestCase):
    def refuse(self, told: str, *arguments: str) -> None:
        """Expect options to be refused."""
        options = SshCommand()
        error = self.assertRaises(usage.UsageError, options.parseOptions, arguments)
        self.assertIn(told, str(error))

    def test_it_must_be_known_where_and_what(self) -> None:
        self.refuse("one of --root and --config", "--allow", "**:pull")
        self.refuse("one of", "--root", "a", "--config", "b", "--allow", "**:pull")
        self.refuse("--allow is needed", "--root", "a")
        self.refuse("--allow is needed", "--root", "a", "--identity", "alice")
        self.refuse("--allow is needed", "--config", "a")

    def test_what_cannot_be(self) -> None:
        self.refuse("--root: 's3://a'", "--root", "s3://a", "--allow", "**:pull")
        self.refuse("--allow: 'x'", "--root", "a", "--allow", "x")
        self.refuse("'all' is nothing", "--root", "a", "--allow", "x:all")
        allowed = ("--root", "a", "--allow", "**:pull")
        for name in ("", "@team", "everyone", "a\nb"):
            self.refuse("is nobody's name", *allowed, "--identity", name)

    def test_the_rules_of_the_settings_may_say_what(self) -> None:
        SshCommand().parseOptions(("--config", "a", "--identity", "alice"))


class RunTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = make_folder(self)

    def ask(self, command: str, given: bytes = b"", *more: str) -> Ended:
        """Run a command as OpenSSH's server does."""
        rights = more or ("--root", self.folder, "--allow", "team/**:pull,push")
        return shared().run(
            "txregistry",
            "ssh-command",
            *rights,
            "--identity",
            "alice",
            given=given,
            SSH_CONNECTION="192.0.2.1 1 192.0.2.2 22",
            SSH_ORIGINAL_COMMAND=command,
        )

    def test_puts_and_gets(self) -> None:
        path = Path(self.folder) / "image.tar"
        write_archive(path, make_image("linux/amd64"), "app:1")
        put = self.ask("put team/app:1", path.read_bytes())
        self.assertEqual((put.status, put.err), (0, ""))
        got = self.ask("get team/app:1")
        self.assertEqual((got.status, got.err), (0, ""))
        again = self.ask("put team/copy:1", got.out)
        self.assertEqual(again.out, put.out)
        self.assertEqual(self.ask("list").out, b"team/app\nteam/copy\n")

    def test_no_folder_is_made(self) -> None:
        root = Path(self.folder) / "none"
        done = self.ask("list", b"", "--root", str(root), "--allow", "**:pull")
        self.assertEqual((done.status, done.out), (2, b""))
        self.assertRegex(done.err, r"\Atxregistry: --root: there is no such [^\n]+\n\Z")
        self.assertFalse(root.exists())

    def test_refuses_in_one_line(self) -> None:
        for command, status in (
            ("", 2),
            ("sh -c id", 2),
            ("get team/app; id", 2),
            ("get other:1", 4),
            ("get team/none:1", 3),
            ("put team/app:1", 5),
        ):
            done = self.ask(command)
            self.assertEqual((done.status, done.out), (status, b""), command)
            self.assertTrue(done.err.startswith("txregistry: "), done.err)
            self.assertEqual(done.err.count("\n"), 1, done.err)

    def test_the_rules_of_the_settings_decide(self) -> None:
        rules = "{who: [alice], repositories: ['team/*'], may: [list]}"
        text = (
            f"storage: {{filesystem: {{rootdirectory: {self.folder}}}}}\n"
            f"auth: {{htpasswd: {{path: none}}, rules: [{rules}]}}\n"
            f"audit: {{enabled: true, file: {self.folder}/audit}}\n"
        )
        path = make_file(self, "config.yml", text.encode())
        done = self.ask("get team/app:1", b"", "--config", path)
        self.assertEqual(done.status, 4)
        done = self.ask("tags team/app", b"", "--config", path)
        self.assertEqual(done.status, 3)
        records = Path(self.folder, "audit").read_text().splitlines()
        self.assertEqual(
            [json.loads(each)["outcome"] for each in records], ["refused", "failed"]
        )
        self.assertEqual(json.loads(records[0])["who"], "alice")
        self.assertEqual(json.loads(records[0])["from"], "192.0.2.1")
