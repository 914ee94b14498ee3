"""Broken buckets and containers are mended, and Distribution serves them again."""

import json

from tests.commands.program import run
from tests.integration.clients.images import Content, digest_of
from tests.integration.stores import (
    interchange,
    test_s3distribution,
    test_swiftdistribution,
)
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys

APP = RepositoryName("team/app")
ROTTEN = b"rots away"


def digest(content: Content) -> Digest:
    """Give the digest of some content as a value."""
    return Digest.parse(content.digest)


class FsckCase(interchange.StoreInterchangeCase):
    """What Distribution wrote is broken."""

    root = ""
    """What names begin with beside the key."""

    def put(self, key: str, data: bytes) -> None:
        """Write an object past both of them."""
        self.service.put(f"{self.container}/{self.root}/{key}", data)

    def fsck(self, *options: str, status: int) -> list[str]:
        """Check the store, and give the sorts of what was found."""
        path = self.directory / "fsck.yml"
        path.write_text(json.dumps({"storage": self.storage()}))
        done = run("fsck", *options, "--rate", "0", "--config", str(path))
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        lines = [line for line in done.stdout.splitlines() if ": docker/" in line]
        return sorted(line.partition(":")[0] for line in lines)

    def break_and_mend(self) -> None:
        """Break what was pushed in several ways, and see it mended and served."""
        other = self.as_peer()
        other.push("team/app", "1", self.image)
        other.push("team/app", "2", self.docker)
        other.push_blob("team/app", ROTTEN)
        self.rest()
        self.put(keys.layer_link(APP, digest(self.image.layers[0])), b"")
        self.put(keys.tag_link(APP, Tag("1")), b"")
        self.remove(keys.layer_link(APP, digest(self.docker.config)))
        self.remove(keys.tag_link(APP, Tag("2")))
        rotten = Digest.parse(digest_of(ROTTEN))
        self.remove(keys.blob(rotten))
        self.put(keys.blob(rotten), b"rotten")
        found = self.fsck("--repair", status=0)
        wanted = [
            "dangling-layer",
            "lost-tag",
            "lost-tag",
            "malformed-link",
            "rotten-blob",
            "unlinked-layer",
        ]
        self.assertEqual(found, wanted)
        self.assertEqual(self.fsck(status=0), ["quarantined"])
        self.collect()
        other = self.as_peer()
        self.assertSame(other, "team/app", "1", self.image)
        self.assertSame(other, "team/app", "2", self.docker)
        other.demand(404, "GET", f"/v2/team/app/blobs/{rotten}")


class S3FsckTests(FsckCase, test_s3distribution.S3Case):
    """Distribution 3."""

    root = test_s3distribution.ROOT

    def test_mended_store_is_served_and_collected(self) -> None:
        self.break_and_mend()


class SwiftFsckTests(FsckCase, test_swiftdistribution.SwiftCase):
    """Distribution 2, which has Swift."""

    root = f"{test_swiftdistribution.PREFIX}/files"

    def test_mended_store_is_served_and_collected(self) -> None:
        self.break_and_mend()
