"""Tests of ``txregistry/commands/warm.py``, without another registry."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.program import LIMIT, command, run
from tests.temporary import make_file, make_folder
from tests.transfer.program import environment
from txregistry.commands.main import main


class UsageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})
        self.list = make_file(self, "list", b"alpine:3.20\n")

    def refuse(self, *arguments: str) -> str:
        """Expect that nothing can be done, and give the sentence."""
        with self.assertRaises(SystemExit) as raised:
            main(["warm", *arguments])
        self.assertEqual(raised.exception.code, 2)
        return self.err.getvalue()

    def config(self, text: str) -> str:
        return make_file(self, "config.yml", text.encode())

    def test_no_list(self) -> None:
        self.assertIn("Wrong number of arguments", self.refuse())

    def test_how_many_at_the_same_time(self) -> None:
        for text in ("0", "65", "-1", "x"):
            told = self.refuse(self.list, f"--parallel={text}")
            self.assertIn("must be from 1 to 64", told)

    def test_what_is_no_platform(self) -> None:
        told = self.refuse(self.list, "--platform=linux/amd64", "--platform=windows")
        self.assertIn("--platform: 'windows' is no platform", told)

    def test_no_mirror(self) -> None:
        self.assertIn("mirror.upstreams: there is none", self.refuse(self.list))

    def test_a_mirror_that_may_not_ask(self) -> None:
        text = "mirror: {offline: true, upstreams: [{name: docker.io}]}"
        told = self.refuse(self.list, "--config", self.config(text))
        self.assertIn("mirror.offline", told)

    def test_a_store_in_memory(self) -> None:
        text = "storage: {inmemory: }\nmirror: {upstreams: [{name: docker.io}]}"
        told = self.refuse(self.list, "--config", self.config(text))
        self.assertIn("storage.inmemory", told)

    def test_settings_that_cannot_be_used(self) -> None:
        told = self.refuse(self.list, "--config", self.config("htp: 1"))
        self.assertIn("htp: there is no such setting", told)

    def test_a_list_that_cannot_be_read(self) -> None:
        config = self.config("mirror: {upstreams: [{name: docker.io}]}")
        for path, told in (
            ("/no/such/list", "LIST: '/no/such/list' cannot be read"),
            (make_file(self, "list", b"alpine\xff"), "cannot be read"),
            (make_file(self, "list", b"#" * (4 << 20) + b"\n"), "has more than"),
        ):
            self.assertIn(told, self.refuse(path, "--config", config))

    def test_a_document_that_cannot_be_written(self) -> None:
        config = self.config("mirror: {upstreams: [{name: docker.io}]}")
        told = self.refuse(self.list, "-c", config, "--json", "/no/such/folder/file")
        self.assertIn("--json: '/no/such/folder/file' cannot be written", told)


class ProcessTests(SynchronousTestCase):
    """Docker Hub is a port of this machine at which nobody listens."""

    def setUp(self) -> None:
        self.folder = make_folder(self)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        self.config = self.configure(port)

    def configure(self, port: int) -> str:
        """Write settings with a port that is Docker Hub."""
        settings = {
            "storage": {"filesystem": {"rootdirectory": f"{self.folder}/data"}},
            "mirror": {
                "upstreams": [{"name": "docker.io", "url": f"http://127.0.0.1:{port}"}]
            },
        }
        return make_file(self, "config.yml", json.dumps(settings).encode())

    def warm(self, given: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Fetch what a list names, which is piped in."""
        return run("warm", "-", "--config", self.config, *options, given=given)

    def test_a_list_without_names(self) -> None:
        done = self.warm("# nothing\n\n   \n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(
            done.stdout,
            "0 images are here; 0 blobs, 0 bytes fetched; 0 blobs here already; "
            "0 left out\n",
        )

    def test_a_document_instead(self) -> None:
        done = self.warm("", "--json", "-")
        found = {
            "complete": True,
            "images": 0,
            "manifests": 0,
            "blobs": 0,
            "bytes": 0,
            "present": 0,
            "failed": 0,
            "faults": [],
        }
        self.assertEqual(json.loads(done.stdout), found)

    def test_it_may_be_broken_off(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(LIMIT)
            config = self.configure(listener.getsockname()[1])
            names = make_file(self, "list", b"alpine\n")
            process = subprocess.Popen(
                command("warm", names, "--config", config),
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            asked, _ = listener.accept()  # and never answered
            with asked:
                process.send_signal(signal.SIGINT)
                told = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, told), (130, (b"", b"")))

    def test_what_cannot_be_had_is_told(self) -> None:
        path = f"{self.folder}/report"
        names = "quay.io/a:1\nNONE\nalpine:3.20 # the base\n\x1b[31m\n"
        done = self.warm(names, "--json", path)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        *left_out, last = done.stdout.splitlines()
        self.assertIn("0 images are here", last)
        self.assertIn("4 left out", last)
        found = [each.split(": ")[1] for each in left_out]
        self.assertEqual(
            found,
            [
                "quay.io/a:1",
                "NONE",
                "\\x1b[31m",
                "docker.io/library/alpine:3.20",
            ],
        )
        self.assertIn("The upstream registry docker.io", left_out[-1])
        report = json.loads(Path(path).read_text())
        self.assertEqual((report["complete"], report["failed"]), (False, 4))
        self.assertEqual([each["image"] for each in report["faults"]], found)
        self.assertEqual(len(report["faults"]), 4)
