"""Data directories change hands between this registry and Distribution 2 and 3."""

import json
from pathlib import Path

from tests.integration.clients import case
from tests.integration.clients.images import (
    OCI_MANIFEST,
    Content,
    Image,
    Index,
    contents_of,
    make_image,
    make_index,
)
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Remote
from tests.integration.daemon import Daemon, Peer

NESTED = "a/very/deep-ly/nested_place/app"


class InterchangeCase(case.ClientCase):
    """Distribution and this registry in turn, on the same content.

    Where that is elsewhere, both read the same settings.
    """

    begins = False
    peer = "registry"
    keeps_parts = True
    """Whether what has no tag, but an index that has one names it, outlives ``-m``."""

    def setUp(self) -> None:
        self.peer_path = find(self.peer)
        self.ours: Daemon | None = None
        self.all: list[Daemon] = []
        super().setUp()
        self.image = make_image("interchange")
        self.docker = make_image("docker", docker=True)
        self.index = make_index("interchange")

    @property
    def data(self) -> Path:
        """The directory that changes hands."""
        return self.directory / "registry"

    def as_peer(self) -> Remote:
        """Serve the content by Distribution from now on."""
        other = self.run_peer()
        return Remote(other.host)

    def run_peer(self) -> Peer:
        """Run Distribution instead of what ran before."""
        self.rest()
        storage = self.storage()
        settings = {"storage": storage} if storage else {}
        other = Peer(self.peer_path, self.data, settings)
        self.addCleanup(other.discard)
        self.all.append(other)
        return other

    def as_ours(self) -> Remote:
        """Serve the content by this registry from now on."""
        self.rest()
        if self.ours is None:
            self.ours = self.run_daemon("registry")
            self.all.append(self.ours)
        else:
            self.ours.start()
        return Remote(self.ours.host)

    def rest(self) -> None:
        """Let nobody serve the content."""
        for each in self.all:
            each.stop()

    def collect(self, *options: str) -> None:
        """Let Distribution remove what nothing needs, while nobody serves it."""
        other = self.run_peer()
        other.stop()
        other.collect(*options)

    def push_all(self, remote: Remote) -> None:
        """Push one of each kind."""
        remote.push("team/app", "1", self.image)
        remote.push("team/app", "2", self.docker)
        remote.push("team/multi", "all", self.index)
        remote.push(NESTED, "latest", self.image)

    def assertAllThere(self, remote: Remote) -> None:
        """Everything that was pushed can be pulled, byte for byte."""
        self.assertAllServed(remote)
        self.assertEqual(sorted(remote.tags("team/app")), ["1", "2"])
        self.assertEqual(
            sorted(remote.catalog()), sorted(["team/app", "team/multi", NESTED])
        )

    def assertAllServed(self, remote: Remote) -> None:
        """Whatever else is there, what was pushed can be pulled."""
        for name, tag, target in (
            ("team/app", "1", self.image),
            ("team/app", "2", self.docker),
            ("team/multi", "all", self.index),
            (NESTED, "latest", self.image),
        ):
            self.assertSame(remote, name, tag, target)

    def assertSame(
        self, remote: Remote, name: str, tag: str, target: Image | Index
    ) -> None:
        """One image is there, all its parts byte for byte."""
        self.assertEqual(remote.digest(name, tag), target.digest)
        self.assertSameBytes(remote.fetch(name, tag), contents_of(target))

    def push_referrer(self, remote: Remote) -> Content:
        """Push something that refers to the image."""
        manifest = Content(
            OCI_MANIFEST,
            json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_MANIFEST,
                    "artifactType": "application/x-note",
                    "config": self.image.config.descriptor(),
                    "layers": [],
                    "subject": self.image.manifest.descriptor(),
                }
            ).encode(),
        )
        remote.push_manifest(
            "team/app", manifest.digest, manifest.media_type, manifest.data
        )
        return manifest


class InterchangeTests(InterchangeCase):
    """Distribution 3; the subclass runs the same with Debian's release of 2."""

    def test_serves_what_distribution_wrote(self) -> None:
        self.push_all(self.as_peer())
        self.assertAllThere(self.as_ours())

    def test_writes_what_distribution_serves(self) -> None:
        self.push_all(self.as_ours())
        self.assertAllThere(self.as_peer())

    def test_takes_turns(self) -> None:
        self.as_ours().push("team/app", "1", self.image)
        self.as_peer().push("team/app", "1", self.docker)
        remote = self.as_ours()
        self.assertSame(remote, "team/app", "1", self.docker)
        remote.push("team/app", "2", self.image)
        other = self.as_peer()
        self.assertSame(other, "team/app", "1", self.docker)
        self.assertSame(other, "team/app", "2", self.image)

    def test_deletes_what_distribution_wrote(self) -> None:
        self.push_all(self.as_peer())
        remote = self.as_ours()
        remote.delete("team/app", self.docker.digest)
        self.assertEqual(remote.tags("team/app"), ["1"])
        other = self.as_peer()
        self.assertEqual(other.tags("team/app"), ["1"])
        other.demand(404, "GET", f"/v2/team/app/manifests/{self.docker.digest}")
        self.assertSame(other, "team/app", "1", self.image)

    def test_sees_what_distribution_deleted(self) -> None:
        self.push_all(self.as_ours())
        self.as_peer().delete("team/app", self.docker.digest)
        remote = self.as_ours()
        self.assertEqual(remote.tags("team/app"), ["1"])
        remote.demand(404, "GET", "/v2/team/app/manifests/2")
        self.assertSame(remote, "team/app", "1", self.image)

    def test_survives_distributions_collection(self) -> None:
        remote = self.as_ours()
        self.push_all(remote)
        remote.push("team/app", "gone", make_image("gone"))
        remote.delete("team/app", make_image("gone").digest)
        referrer = self.push_referrer(remote)
        self.collect()
        remote = self.as_ours()
        self.assertAllServed(remote)
        self.assertEqual(
            remote.referrers("team/app", self.image.digest), [referrer.digest]
        )
        layer = make_image("gone").layers[0].digest
        remote.demand(404, "GET", f"/v2/team/app/blobs/{layer}")
        remote.push("team/app", "back", make_image("gone"))
        self.assertSame(remote, "team/app", "back", make_image("gone"))
        self.assertAllServed(self.as_peer())

    def test_survives_collection_of_what_has_no_tag(self) -> None:
        remote = self.as_ours()
        remote.push("team/app", "1", self.image)
        remote.push("team/app", "1", self.docker)
        if self.keeps_parts:
            remote.push("team/multi", "all", self.index)
        self.collect("--delete-untagged")
        remote = self.as_ours()
        remote.demand(404, "GET", f"/v2/team/app/manifests/{self.image.digest}")
        self.assertSame(remote, "team/app", "1", self.docker)
        if self.keeps_parts:
            self.assertSame(remote, "team/multi", "all", self.index)
        remote.push("team/app", "2", self.image)
        other = self.as_peer()
        self.assertSame(other, "team/app", "1", self.docker)
        self.assertSame(other, "team/app", "2", self.image)


class Interchange2Tests(InterchangeTests):
    """The same with Distribution 2.8, as Debian has it."""

    peer = "docker-registry"
    keeps_parts = False
