"""Tests of ``txregistry/commands/mirrorconfig.py``."""

import io
import json
import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import issue
from tests.temporary import make_file, make_folder
from txregistry.commands.main import main

CONFIG = """
http: {host: 'https://mirror.example:5000'}
mirror:
  upstreams:
    - {name: docker.io, hosts: [mirror.example]}
    - {name: quay.io}
"""
DAEMON = "etc/docker/daemon.json"
HOSTS = "etc/containerd/certs.d/quay.io/hosts.toml"
REGISTRIES = "etc/containers/registries.conf.d/50-txregistry.conf"


class MirrorConfigCase(SynchronousTestCase):
    config = CONFIG

    def setUp(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})
        self.folder = Path(make_folder(self), "root")

    def tell(self, *arguments: str) -> str:
        """Run the command, and give what it prints."""
        for printed in (self.out, self.err):
            printed.truncate(0)
            printed.seek(0)
        path = make_file(self, "config.yml", self.config.encode())
        main(["mirror-config", *arguments, "--config", path])
        return self.out.getvalue()

    def write(self, *arguments: str) -> str:
        """Run the command with a folder to write to."""
        return self.tell(*arguments, "--output", str(self.folder))

    def refuse(self, *arguments: str) -> str:
        """Run the command, which cannot be done, and give the sentence."""
        with self.assertRaises(SystemExit) as raised:
            self.tell(*arguments)
        self.assertEqual((raised.exception.code, self.out.getvalue()), (2, ""))
        said = self.err.getvalue().splitlines()[-1]
        self.assertTrue(said.startswith("txregistry: "), said)
        return said

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def authority(self) -> str:
        """Write a certificate, and give where it is."""
        return make_file(self, "ca.pem", issue("root", authority=True).pem)


class PrintingTests(MirrorConfigCase):
    def test_each_file_has_its_path_before_it(self) -> None:
        told = self.tell("containerd")
        self.assertEqual(told.count("\n# /etc/containerd/certs.d/quay.io/"), 1)
        self.assertTrue(told.startswith("# /etc/containerd/certs.d/docker.io/"))
        self.assertIn("\n\n# A piece of /etc/containerd/config.toml", told)
        line, _, text = self.tell("docker").partition("\n")
        self.assertEqual(line, "# /etc/docker/daemon.json")
        mirrors = {"registry-mirrors": ["https://mirror.example:5000"]}
        self.assertEqual(json.loads(text), mirrors)
        self.assertIn("# /etc/containers/registries.conf.d/50-", self.tell("podman"))

    def test_remarks_are_no_part_of_it(self) -> None:
        self.tell("docker")
        remarks = self.err.getvalue().splitlines()
        self.assertEqual([each[:2] for each in remarks], ["# ", "# "])

    def test_url_goes_over_http_host(self) -> None:
        told = self.tell("containerd", "--url", "http://[::1]:6000/")
        self.assertIn('[host."http://[::1]:6000"]', told)
        self.assertNotIn("mirror.example", told)

    def test_authority_is_printed(self) -> None:
        told = self.tell("podman", "--ca", self.authority())
        self.assertIn("# /etc/containers/certs.d/mirror.example:5000/ca.crt\n", told)
        self.assertIn("-----BEGIN CERTIFICATE-----", told)

    def test_proxy_is_an_upstream_too(self) -> None:
        self.config = (
            "http: {host: 'https://m.example'}\n"
            "proxy: {remoteurl: 'https://registry-1.docker.io'}"
        )
        self.assertIn('"https://m.example"', self.tell("docker"))


class WritingTests(MirrorConfigCase):
    def test_files_are_written_below_a_folder(self) -> None:
        told = self.write("containerd")
        self.assertIn('server = "https://quay.io"', self.path(HOSTS).read_text())
        self.assertTrue(told.startswith("# A piece of /etc/containerd/config.toml"))
        self.assertIn(f"# Written: {self.path(HOSTS)}\n", self.err.getvalue())
        self.assertEqual(self.write("podman"), "")
        self.assertIn('prefix = "docker.io"', self.path(REGISTRIES).read_text())

    def test_what_is_written_is_what_is_printed(self) -> None:
        options = ("docker", "--ca", self.authority())
        printed = self.tell(*options)
        self.write(*options)
        found = {
            f"/{path.relative_to(self.folder)}": path.read_text()
            for path in self.folder.rglob("*")
            if path.is_file()
        }
        written = "\n".join(
            f"# {path}\n{found[path]}" for path in sorted(found, reverse=True)
        )
        self.assertEqual(written, printed)

    def test_it_can_be_written_again(self) -> None:
        for client in ("docker", "containerd", "podman"):
            self.write(client)
            self.write(client)
            self.assertNotIn("Written", self.err.getvalue())

    def test_own_files_are_made_anew(self) -> None:
        self.write("containerd")
        self.write("containerd", "--url", "https://other.example")
        self.assertIn("https://other.example", self.path(HOSTS).read_text())
        left = [each.name for each in self.folder.rglob("*.new")]
        self.assertEqual(left, [])

    def test_files_of_others_stay_as_they_are(self) -> None:
        for client, place in (("docker", DAEMON), ("containerd", HOSTS)):
            path = self.path(place)
            path.parent.mkdir(parents=True)
            path.write_text("{}")
            told = self.refuse(client, "--output", str(self.folder))
            self.assertIn(f"--output: {path} is there", told)
            self.assertEqual(path.read_text(), "{}")
        self.assertFalse(self.path("etc/containerd/certs.d/docker.io").exists())

    def test_folder_that_cannot_be_written_to_is_refused(self) -> None:
        self.folder.write_text("no folder")
        told = self.refuse("podman", "--output", str(self.folder))
        self.assertIn("--output: ", told)
        self.assertIn(str(self.folder), told)


class RefusalTests(MirrorConfigCase):
    def test_client_that_is_none(self) -> None:
        told = self.refuse("cups")
        self.assertIn("'cups' cannot be used; it must be one of: docker,", told)

    def test_nothing_to_mirror(self) -> None:
        self.config = "http: {host: 'https://mirror.example'}"
        self.assertIn("mirror.upstreams: there is none", self.refuse("docker"))

    def test_no_place(self) -> None:
        self.config = "mirror: {upstreams: [{name: quay.io}]}"
        told = self.refuse("podman")
        self.assertIn("--url: say how clients reach the mirror", told)

    def test_place_that_is_none(self) -> None:
        for url in ("mirror.example", "https://mirror.example/v2", "https://a:70000"):
            self.assertIn("--url: ", self.refuse("podman", "--url", url))

    def test_authority_that_is_none(self) -> None:
        path = make_file(self, "ca.pem", b"nothing")
        for each in (path, f"{path}.not"):
            self.assertIn("--ca: ", self.refuse("podman", "--ca", each))

    def test_authority_without_tls(self) -> None:
        options = ("--url", "http://mirror.example", "--ca", self.authority())
        self.assertIn("--ca: http://mirror", self.refuse("podman", *options))

    def test_settings_that_cannot_be_used(self) -> None:
        self.config = "mirror: {upstreams: [{name: '!'}]}"
        self.assertIn("mirror.upstreams[0].name", self.refuse("docker"))

    def test_too_few_or_many_words(self) -> None:
        for words in ((), ("docker", "podman")):
            self.assertIn("Wrong number of arguments", self.refuse(*words))
