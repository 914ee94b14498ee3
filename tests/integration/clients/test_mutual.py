"""Clients that show certificates: who is let in, what for, and until when."""

import subprocess
from contextlib import closing

from tests.integration.clients import certified, mutual
from tests.integration.clients.containerd import Ctr
from tests.integration.clients.couriers import Crane, Oras, Regctl, Skopeo
from tests.integration.clients.images import digest_of, make_image
from tests.integration.clients.keepers import Buildah, Docker, Podman
from tests.integration.clients.mutual import AT_ONCE, ask_on
from tests.integration.clients.programs import find
from tests.integration.clients.remote import with_digest
from tests.integration.tuned import wait_for

LARGE = bytes(range(256)) * (256 * 1024)
"""More than all buffers between a server and a client that does not read: 64 MiB."""
SOME = 1024 * 1024
IMAGE = make_image("mutual")


class SkopeoTests(certified.CertifiedCase):
    courier = Skopeo


class PodmanTests(certified.CertifiedCase):
    courier = Podman


class BuildahTests(certified.CertifiedCase):
    courier = Buildah


class OrasTests(certified.CertifiedCase):
    courier = Oras


class RegctlTests(certified.CertifiedCase):
    courier = Regctl


class ContainerdTests(certified.CertifiedCase):
    """Its ``hosts.toml`` is as ``docs/certificates.md`` has it."""

    courier = Ctr


class DockerTests(certified.CertifiedCase):
    """It finds them below ``/etc/docker/certs.d``, which the engine sees as we like."""

    courier = Docker
    elsewhere = True


class CraneTests(mutual.MutualCase):
    """It has no way to show a certificate, and so gets nowhere."""

    def setUp(self) -> None:
        find(Crane.program)
        super().setUp()

    def test_is_refused(self) -> None:
        crane = Crane(self, self.host, self.authority.client("alice"))
        crane.refuse_push("alice/app:1", IMAGE)
        complaint = crane.refuse_pull("alice/app:1")
        self.assertRegex(complaint, "certificate required|bad certificate")


class RevokedTests(mutual.MutualCase):
    """What becomes of what was begun before a certificate was revoked."""

    def setUp(self) -> None:
        super().setUp()
        self.alice = self.remote_of(self.authority.client("alice", "ops"))
        self.files = self.authority.client("bob", "ops")
        self.bob = self.remote_of(self.files)

    def revoke(self) -> None:
        """Revoke bob's certificate, and wait until that is in force."""
        self.assertTrue(self.bob.is_let_in())
        self.authority.revoke("bob")
        wait_for(lambda: not self.bob.is_let_in(), "bob is refused", AT_ONCE)

    def push_large(self) -> str:
        """Push what takes long; give its path."""
        return f"/v2/ops/large/blobs/{self.alice.push_blob('ops/large', LARGE)}"

    def test_a_transfer_ends_whole_and_nothing_comes_after_it(self) -> None:
        path = self.push_large()
        with closing(self.bob.connect()) as kept, closing(self.alice.connect()) as hers:
            self.assertEqual(ask_on(hers, "GET", "/v2/").status, 200)
            kept.request("GET", path)
            response = kept.getresponse()
            found = response.read(SOME)
            self.revoke()
            found += response.read()
            self.assertTrue(found == LARGE)
            # The connection is the one from before: no handshake refuses him.
            answer = ask_on(kept, "GET", "/v2/")
            self.assertEqual(answer.status, 403)
            self.assertEqual(answer.json()["errors"][0]["code"], "DENIED")
            self.assertEqual(answer.headers["Connection"], "close")
            self.assertEqual(ask_on(hers, "HEAD", path).status, 200)

    def test_an_upload_ends_and_cannot_be_closed(self) -> None:
        upload = self.bob.demand(202, "POST", "/v2/ops/new/blobs/uploads/").location
        with closing(self.bob.connect()) as kept:
            kept.putrequest("PATCH", upload)
            kept.putheader("Content-Length", str(len(LARGE)))
            kept.endheaders()
            kept.send(LARGE[:SOME])
            self.revoke()
            kept.send(LARGE[SOME:])
            response = kept.getresponse()
            response.read()
            self.assertEqual(response.status, 202)
            self.assertEqual(response.headers["Range"], f"0-{len(LARGE) - 1}")
            end = with_digest(upload, digest_of(LARGE))
            self.assertEqual(ask_on(kept, "PUT", end).status, 403)
        self.alice.demand(404, "HEAD", f"/v2/ops/new/blobs/{digest_of(LARGE)}")

    def test_a_session_ticket_is_of_no_use(self) -> None:
        with closing(self.bob.connect()) as first:
            self.assertEqual(ask_on(first, "GET", "/v2/").status, 200)
            ticket = first.sock.session
        with closing(self.bob.connect(ticket)) as second:
            self.assertEqual(ask_on(second, "GET", "/v2/").status, 200)
            self.assertTrue(second.sock.session_reused)
        self.revoke()
        with closing(self.bob.connect(ticket)) as third:
            self.assertRaises(OSError, ask_on, third, "GET", "/v2/")

    def test_curl_reads_to_the_end(self) -> None:
        """The same with a client of others: it reads no faster than we do."""
        identity = (
            *("--silent", "--show-error", "--cacert", str(self.files / "ca.crt")),
            *("--cert", str(self.files / "client.cert")),
            *("--key", str(self.files / "client.key")),
            *("--write-out", "%{stderr}%{http_code} %{num_connects}\n"),
        )
        path, second = self.push_large(), self.directory / "second"
        large = ("--output", "-", f"https://{self.host}{path}")
        small = ("--output", str(second), f"https://{self.host}/v2/")
        command = [find("curl"), *identity, *large, "--next", *identity, *small]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as curl:
            assert curl.stdout is not None
            assert curl.stderr is not None
            found = curl.stdout.read(SOME)
            self.revoke()
            self.assertIsNone(curl.poll())
            found += curl.stdout.read()
            told = curl.stderr.read().decode()
        self.assertTrue(found == LARGE)
        # It asked again on the same connection, and made no other.
        self.assertEqual(told.splitlines(), ["200 1", "403 0"])
        self.assertIn("DENIED", second.read_text())

    def test_the_log_says_who_was_refused_and_why(self) -> None:
        with closing(self.bob.connect()) as kept:
            self.assertEqual(ask_on(kept, "GET", "/v2/").status, 200)
            self.revoke()
            self.assertEqual(ask_on(kept, "GET", "/v2/").status, 403)
        self.assertFalse(self.bob.is_let_in())
        self.assertIn("was not let in by TLS", self.daemon.log)
        self.assertRegex(self.daemon.log, "no longer: CN=bob,OU=ops: .*revoked")
