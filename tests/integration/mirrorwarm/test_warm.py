"""``txregistry warm`` beside a mirror that runs, and another registry behind it."""

import json
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.program import run
from tests.integration.clients.images import (
    OCI_MANIFEST,
    Image,
    Index,
    contents_of,
    make_image,
    make_index,
)
from tests.integration.clients.remote import AnswerError, Remote
from tests.integration.daemon import Daemon
from tests.integration.tuned import TunedDaemon
from tests.temporary import make_folder

BASE, OLD, NEW = (make_image(name) for name in ("base", "old", "new"))
MULTI = make_index("multi")
SIGNATURE = b"a signature"


class WarmTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(make_folder(self))
        self.hub = Daemon(self.folder / "hub")
        self.addCleanup(self.hub.discard)
        settings: dict[str, Any] = {
            "mirror": {"upstreams": [{"name": "docker.io", "url": self.hub.url}]}
        }
        self.mirror = TunedDaemon(self.folder / "mirror", settings)
        self.addCleanup(self.mirror.discard)
        self.there, self.here = Remote(self.hub.host), Remote(self.mirror.host)

    def warm(self, names: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Fetch what a list names, while the mirror runs."""
        config = str(self.mirror.scratch / "config.yml")
        return run("warm", "-", "--config", config, *options, given=names)

    def report(self, names: str, *options: str) -> dict[str, Any]:
        """Fetch what a list names, all of it, and give the document."""
        path = self.folder / "report.json"
        done = self.warm(names, "--json", str(path), *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def has(self, name: str, reference: str, target: Image | Index) -> None:
        """Expect that the mirror serves an image, with all that it needs."""
        pulled = self.here.fetch(f"docker.io/{name}", reference)
        self.assertEqual(pulled, contents_of(target))

    def test_images_are_here_when_the_other_registry_is_gone(self) -> None:
        self.there.push("library/base", "1", BASE)
        self.there.push("team/app", "1", OLD)
        for tag in ("3.1", "3.2", "4.0"):
            self.there.push("team/multi", tag, MULTI)
        names = (
            "# what we need\n"
            "base:1  # as docker says it\n"
            "docker.io/library/base:1\n"
            f"team/app@{OLD.digest}\n"
            "docker.io/team/multi:3.*\n"
        )
        found = self.report(names, "--parallel", "2")
        blobs = {each.digest: each for each in (*BASE.blobs, *OLD.blobs, *MULTI.blobs)}
        size = sum(len(each.data) for each in blobs.values())
        self.assertEqual(
            (found["images"], found["blobs"], found["bytes"]), (4, len(blobs), size)
        )
        again = self.report(names)
        self.assertEqual((again["images"], again["blobs"]), (4, 0))
        self.hub.kill()
        self.has("library/base", "1", BASE)
        self.has("team/app", OLD.digest, OLD)
        self.has("team/multi", "3.2", MULTI)
        self.assertEqual(self.here.tags("docker.io/team/multi"), ["3.1", "3.2"])
        done = self.warm(names)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn("The upstream registry docker.io", done.stdout)
        self.has("library/base", "1", BASE)

    def test_the_mirror_serves_what_is_new_at_once(self) -> None:
        self.there.push("team/app", "1", OLD)
        self.has("team/app", "1", OLD)
        self.there.push("team/app", "1", NEW)
        self.has("team/app", "1", OLD)  # it is fresh enough
        self.assertEqual(self.report("team/app:1")["images"], 1)
        self.hub.kill()
        self.has("team/app", "1", NEW)

    def test_one_platform_and_what_refers_to_it(self) -> None:
        self.there.push("team/multi", "1", MULTI)
        image, other = MULTI.images
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.example.signature",
            "config": image.config.descriptor(),
            "layers": [
                {
                    "mediaType": "application/vnd.example.signature",
                    "digest": self.there.push_blob("team/multi", SIGNATURE),
                    "size": len(SIGNATURE),
                }
            ],
            "subject": image.manifest.descriptor(),
        }
        data = json.dumps(document).encode()
        digest = self.there.push_manifest("team/multi", "signature", OCI_MANIFEST, data)
        options = ("--platform", f"linux/{image.architecture}", "--referrers")
        found = self.report("team/multi:1", *options)
        self.assertEqual((found["manifests"], found["images"]), (3, 1))
        self.hub.kill()
        self.has("team/multi", image.digest, image)
        name = "docker.io/team/multi"
        self.assertEqual(self.here.referrers(name, image.digest), [digest])
        layer = document["layers"][0]["digest"]  # type: ignore[index]  # as above
        self.assertEqual(self.here.blob(name, str(layer)), SIGNATURE)
        with self.assertRaises(AnswerError):
            self.here.manifest(name, other.digest)

    def test_an_image_that_cannot_be_had_does_not_stop_others(self) -> None:
        self.there.push("library/base", "1", BASE)
        done = self.warm("ghcr.io/a/b:1\nbase:2\nbase:9.*\nbase:1\n")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(
            {line.split(": ")[1] for line in lines[:-1]},
            {"ghcr.io/a/b:1", "docker.io/library/base:2", "base:9.*"},
        )
        self.assertTrue(lines[-1].startswith("1 images are here; 4 blobs, "), lines)
        self.hub.kill()
        self.has("library/base", "1", BASE)
