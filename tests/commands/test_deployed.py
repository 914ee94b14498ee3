"""Tests of ``docs/deploy``: what operators copy is what is accepted."""

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from bcrypt import gensalt, hashpw
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import Files, issue
from tests.temporary import make_folder
from txregistry.commands.main import main
from txregistry.settings.roles import ROLES

_FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "deploy"
_PLACE: Final = "/etc/txregistry"
"""Where the settings say that files lie."""
_CONTENT: Final = "/var/lib/registry"


class DeployedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = make_folder(self)
        files = Files(self.folder)
        ours = issue("registry", authority=True)
        for name in ("server.pem", "clients-ca.pem", "tokens.pem"):
            files.put(name, ours.pem)
        files.put("server.key", ours.key_pem)
        files.put("docker.io", b"us:secret\n")
        files.put("htpasswd", b"alice:" + hashpw(b"secret", gensalt(4)) + b"\n")
        for each in Path(self.folder).iterdir():
            each.chmod(0o640)
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})

    def check(self, role: str) -> dict[str, Any]:
        """Check a role's settings, with files that are there; give those in force."""
        text = (_FOLDER / f"{role}.yml").read_text()
        here = text.replace(_PLACE, self.folder).replace(_CONTENT, self.folder)
        path = Path(self.folder, "config.yml")
        path.write_text(here)
        main(["check-config", "--config", str(path)])
        found: dict[str, Any] = yaml.safe_load(self.out.getvalue())
        return found

    def test_each_role_has_settings(self) -> None:
        self.assertEqual({each.stem for each in _FOLDER.glob("*.yml")}, set(ROLES))

    def accept(self, role: str) -> None:
        """See that a role's settings are accepted, and that nothing is doubted."""
        found = self.check(role)
        self.assertEqual(found["role"], role)
        self.assertTrue(found["auth"]["rules"] or role == "sponsor")
        self.assertEqual(self.err.getvalue(), "")

    def test_private(self) -> None:
        self.accept("private")

    def test_vendor(self) -> None:
        self.accept("vendor")

    def test_sponsor(self) -> None:
        self.accept("sponsor")

    def test_mirror(self) -> None:
        self.accept("mirror")


class ContainerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.text = (_FOLDER / "Containerfile").read_text()

    def test_it_runs_what_the_service_runs(self) -> None:
        words = [
            word
            for each in re.findall(
                r"^(?:ENTRYPOINT|CMD) (.*)$", self.text, re.MULTILINE
            )
            for word in json.loads(each)
        ]
        service = (_FOLDER / "txregistry.service").read_text().splitlines()
        self.assertIn(f"ExecStart={' '.join(words)}", service)

    def test_all_that_is_copied_is_there(self) -> None:
        copied = re.findall(r"^COPY (?!--)(.*) \S+$", self.text, re.MULTILINE)
        names = " ".join(copied).split()
        self.assertIn("txregistry", names)
        for name in names:
            self.assertTrue((_FOLDER.parents[1] / name).exists(), name)
