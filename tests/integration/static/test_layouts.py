"""The daemon serves OCI layouts, which lie on a medium that cannot be written to."""

import os
import subprocess
from pathlib import Path

from tests.integration.clients import case, programs
from tests.integration.clients.images import (
    Image,
    Index,
    make_image,
    make_index,
    write_layout,
)
from tests.integration.clients.remote import Remote
from tests.integration.daemon import Daemon
from tests.integration.engines.engine import Engine
from tests.transfer.static.case import ExportTestCase
from tests.web.v1.images import BASE, TOP, T
from txregistry.model.names import RepositoryName, Tag

ABSENT = "sha256:" + "0" * 64


class LayoutCase(case.ClientCase):
    begins = False

    def setUp(self) -> None:
        super().setUp()
        self.image, self.index = make_image("layout"), make_index("layout")
        self.medium = self.directory / "medium"

    def mount(self) -> None:
        """Let nobody write to the medium: not even root, where that can be."""
        if os.geteuid() != 0:
            for folder, _, _ in os.walk(self.medium):
                os.chmod(folder, 0o500)
                self.addCleanup(os.chmod, folder, 0o755)
            return
        mount = (programs.find("mount"), "--bind", "--options", "ro")
        done = subprocess.run(
            [*mount, str(self.medium), str(self.medium)],
            check=False,
            capture_output=True,
            timeout=60,
        )
        if done.returncode:
            programs.skip("nothing can be mounted here")
        self.addCleanup(
            subprocess.run,
            [programs.find("umount"), str(self.medium)],
            check=True,
            timeout=60,
        )

    def serve_medium(self) -> Remote:
        """Let the daemon serve the medium."""
        self.mount()
        daemon = self.serve(Daemon(self.medium))
        self.host = daemon.host
        self.daemon = daemon
        self.remote = Remote(daemon.host)
        return self.remote

    def state(self) -> list[tuple[str, int, int]]:
        """Say which files the medium has, since when."""
        return sorted(
            (str(path), path.lstat().st_ino, path.lstat().st_mtime_ns)
            for path in self.medium.rglob("*")
        )

    def assertRefusesChanges(self, remote: Remote, name: str, target: Image) -> None:
        """Nothing can be pushed or deleted."""
        for method, path in (
            ("POST", f"/v2/{name}/blobs/uploads/"),
            ("POST", f"/v2/{name}/blobs/uploads/?mount={ABSENT}&from=x"),
            ("PUT", f"/v2/{name}/manifests/new"),
            ("PUT", f"/v2/other/manifests/{target.digest}"),
            ("DELETE", f"/v2/{name}/manifests/{target.digest}"),
            ("DELETE", f"/v2/{name}/manifests/1"),
            ("DELETE", f"/v2/{name}/blobs/{target.config.digest}"),
        ):
            body = target.manifest.data if method == "PUT" else b""
            kind = {"Content-Type": target.manifest.media_type}
            answer = remote.demand(405, method, path, body, kind)
            self.assertEqual(answer.json()["errors"][0]["code"], "UNSUPPORTED")


class SkopeosLayoutTests(LayoutCase):
    program = "skopeo"

    def test_what_skopeo_wrote(self) -> None:
        source = self.directory / "source"
        write_layout(source, {"image": self.image, "index": self.index})
        for tag, name in (("image", "1.0"), ("index", "2.0")):
            self.client.run(
                *("copy", "--all", "--preserve-digests"),
                f"oci:{source}:{tag}",
                f"oci:{self.medium}:{name}",
            )
        remote = self.serve_medium()
        self.assertHolds("medium", "1.0", self.image)
        self.assertHolds("medium", "2.0", self.index)
        self.assertEqual(remote.catalog(), ["medium"])
        self.assertEqual(remote.tags("medium"), ["1.0", "2.0"])
        self.client.run(
            *("copy", "--all", "--preserve-digests", "--src-tls-verify=false"),
            f"docker://{self.host}/medium:2.0",
            f"oci:{self.directory}/pulled:it",
        )
        self.assertLayoutHolds(self.directory / "pulled", self.index)


class ServedLayoutTests(LayoutCase):
    def test_changes_are_refused_and_nothing_is_written(self) -> None:
        write_layout(self.medium, {"1": self.image, "2": self.index})
        before = self.state()
        remote = self.serve_medium()
        self.assertHolds("medium", "1", self.image)
        self.assertRefusesChanges(remote, "medium", self.image)
        remote.demand(200, "GET", f"/v2/medium/referrers/{self.image.digest}")
        pulled = Engine("1.6.2", remote.host).pull("medium", "1")
        found = [pulled.layers[each] for each in pulled.ancestry[::-1]]
        self.assertTrue(found == [layer.data for layer in self.image.layers])
        self.daemon.restart()
        self.assertHolds("medium", "2", self.index)
        self.daemon.stop()
        self.assertEqual(self.state(), before)

    def test_wrong_content_is_not_served(self) -> None:
        write_layout(self.medium, {"1": self.image, "2": make_image("other")})
        blobs = self.medium / "blobs/sha256"
        layer = self.image.layers[0]
        encoded = layer.digest.partition(":")[2]
        (blobs / encoded).write_bytes(bytes(len(layer.data)))
        target = blobs / self.image.layers[1].digest.partition(":")[2]
        target.unlink()
        target.symlink_to("/etc/passwd")
        remote = self.serve_medium()
        with self.assertRaises(Exception):  # noqa: B017 - it breaks off, or is refused
            remote.blob("medium", layer.digest)
        remote.demand(404, "GET", f"/v2/medium/blobs/{layer.digest}")
        path = f"/v2/medium/blobs/{self.image.layers[1].digest}"
        answer = remote.demand(503, "GET", path)
        self.assertNotIn(b"root", answer.body)
        self.assertHolds("medium", "2", make_image("other"))

    def test_a_layout_that_is_none_stops_the_start(self) -> None:
        write_layout(self.medium, {"1": self.image})
        Path(self.medium, "index.json").write_text("{")
        with self.assertRaises(AssertionError) as caught:
            Daemon(self.medium)
        self.assertIn("storage.ocilayout.rootdirectory", str(caught.exception))
        self.assertNotIn("Traceback", str(caught.exception))


class ExportedTests(LayoutCase, ExportTestCase):
    """What `txregistry export` wrote."""

    def setUp(self) -> None:
        LayoutCase.setUp(self)
        medium = self.medium
        ExportTestCase.setUp(self)
        self.tree.root = medium

    def targets(self) -> dict[str, Image | Index]:
        """Give the images, by their tags."""
        return {
            "1": self.image,
            "2": self.index,
            "3": make_image("dockers", docker=True),
            "4": make_index("dockers", docker=True),
        }

    def test_a_static_tree(self) -> None:
        nested = RepositoryName("a/b__c/d")
        for tag, target in self.targets().items():
            self.push_image(target, tag)
            self.push_image(target, tag, nested)
        self.push_images(BASE, TOP, name=nested)
        self.point(TOP, Tag("old"), nested)
        self.export()
        remote = self.serve_medium()
        for tag, target in self.targets().items():
            for name in ("team/app", str(nested)):
                self.assertHolds(name, tag, target)
        self.assertEqual(remote.catalog(), [str(nested), "team/app"])
        self.assertRefusesChanges(remote, "team/app", self.image)
        pulled = Engine("1.6.2", remote.host).pull(str(nested), "old")
        self.assertEqual(len(pulled.ancestry), 2)
        self.assertNotEqual(pulled.id, T)  # it is the image of version 2 that is here
