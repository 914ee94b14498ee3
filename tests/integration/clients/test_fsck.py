"""Broken trees are mended, and Distribution serves and collects them again."""

import shutil
from pathlib import Path

from tests.commands.program import run
from tests.integration.clients import test_interchange
from tests.integration.clients.images import Content
from tests.integration.daemon import DaemonError
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys

APP = RepositoryName("team/app")
MULTI = RepositoryName("team/multi")
NESTED = RepositoryName(test_interchange.NESTED)


def digest(content: Content) -> Digest:
    """Give the digest of some content as a value."""
    return Digest.parse(content.digest)


class FsckTests(test_interchange.InterchangeCase):
    """What Distribution 3 wrote is broken, as crashes and disks break it."""

    def path(self, key: str) -> Path:
        return self.data / key

    def fsck(self, *options: str, status: int) -> list[str]:
        """Check the tree, and give the sorts of what was found."""
        done = run("fsck", *options, "--rate", "0", "--storage", str(self.data))
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        lines = [line for line in done.stdout.splitlines() if ": docker/" in line]
        return sorted(line.partition(":")[0] for line in lines)

    def test_mended_tree_is_served_and_collected(self) -> None:
        other = self.as_peer()
        self.push_all(other)
        self.push_referrer(other)
        self.rest()
        self.assertEqual(self.fsck(status=0), [])
        layer = digest(self.image.layers[0])
        self.path(keys.layer_link(APP, layer)).write_bytes(b"")
        revision = keys.revision_link(APP, digest(self.docker.manifest))
        self.path(revision).write_bytes(self.docker.digest.encode() + b"\n")
        self.path(keys.tag_link(APP, Tag("1"))).write_bytes(b"")
        self.path(keys.tag_link(APP, Tag("2"))).unlink()
        for child in self.index.manifests[:-1]:
            link = self.path(keys.revision_link(MULTI, digest(child)))
            link.unlink(missing_ok=True)
        shutil.rmtree(self.path(keys.layer_links(NESTED)))
        self.path(f"{keys.tags(APP)}nothing/current").mkdir(parents=True)
        with self.assertRaises(DaemonError):
            self.collect()
        found = self.fsck(status=1)
        self.assertIn("missing-folder", found)
        self.assertEqual(self.fsck("--repair", status=0), found)
        self.assertEqual(self.fsck(status=0), [])
        self.assertAllThere(self.as_peer())
        self.collect()
        self.assertAllThere(self.as_peer())
        self.assertAllThere(self.as_ours())

    def test_rotten_layer_is_healed_by_their_client(self) -> None:
        other = self.as_peer()
        other.push("team/app", "1", self.image)
        layer = keys.blob(digest(self.image.layers[0]))
        self.path(layer).write_bytes(b"rotten")
        found = self.fsck("--repair", status=1)  # while it is served
        self.assertIn("rotten-blob", found)
        other = self.as_peer()
        other.demand(404, "GET", f"/v2/team/app/blobs/{self.image.layers[0].digest}")
        other.push("team/app", "1", self.image)
        self.assertSame(other, "team/app", "1", self.image)
        self.assertEqual(self.fsck(status=0), ["quarantined"])

    def test_undone_and_removed_tags_are_so_for_all(self) -> None:
        remote = self.as_ours()  # it goes on while the commands run
        remote.push("team/app", "1", self.image)
        remote.push("team/app", "1", self.docker)
        manifest = f"team/app@{self.docker.digest}"
        for command in (("undo", "team/app:1"), ("rm", manifest)):
            done = run(*command, "--storage", str(self.data))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertSame(remote, "team/app", "1", self.image)
        remote.demand(404, "GET", f"/v2/team/app/manifests/{self.docker.digest}")
        other = self.as_peer()
        self.assertSame(other, "team/app", "1", self.image)
        done = run("rm", "team/app", "--repository", "--yes", "-s", str(self.data))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.as_peer().catalog(), [])
        self.collect()
