"""Data directories change hands between this registry and Distribution 2 and 3."""

import json
import subprocess
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
from tests.integration.daemon import Peer, write_settings

NESTED = "a/very/deep-ly/nested_place/app"


class InterchangeTests(case.ClientCase):
    """Distribution 3; the subclass runs the same with Debian's release of 2."""

    peer = "registry"

    def setUp(self) -> None:
        self.peer_path = find(self.peer)
        super().setUp()
        self.daemon.stop()
        self.image = make_image("interchange")
        self.docker = make_image("docker", docker=True)
        self.index = make_index("interchange")

    @property
    def data(self) -> Path:
        """The directory that changes hands."""
        return self.directory / "registry"

    def as_peer(self) -> Remote:
        """Serve the directory by Distribution from now on."""
        self.daemon.stop()
        self.other = Peer(self.peer_path, self.data)
        self.addCleanup(self.other.discard)
        return Remote(self.other.host)

    def as_ours(self) -> Remote:
        """Serve the directory by this registry from now on."""
        if hasattr(self, "other"):
            self.other.stop()
        self.daemon.start()
        return Remote(self.daemon.host)

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
        self.daemon.stop()
        settings = write_settings(self.directory, self.data, self.daemon.port, {})
        subprocess.run(
            [self.peer_path, "garbage-collect", str(settings)],
            check=True,
            capture_output=True,
            timeout=60,
        )
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


class Interchange2Tests(InterchangeTests):
    """The same with Distribution 2.8, as Debian has it."""

    peer = "docker-registry"
