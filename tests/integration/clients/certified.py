"""What each client that shows a certificate may do, and until when."""

from collections.abc import Iterator
from pathlib import Path

from tests.integration.clients import mutual
from tests.integration.clients.couriers import Courier
from tests.integration.clients.images import make_image
from tests.integration.clients.mutual import AT_ONCE, CertificateAuthority
from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK
from tests.integration.tuned import wait_for

IMAGE = make_image("mutual")


class CertifiedCase(mutual.MutualCase):
    """What holds for each client that can show a certificate.

    Import the module and inherit as ``certified.CertifiedCase``.
    """

    courier: type[Courier]

    def setUp(self) -> None:
        find(self.courier.program)
        super().setUp()

    def courier_of(self, files: Path) -> Courier:
        """Make a client that has these files."""
        return self.courier(self, self.host, files)

    def strangers(self) -> Iterator[Path]:
        """Make those who must not be let in, though some are called as alice is."""
        other = CertificateAuthority(self.directory / "other", LOOPBACK)
        yield self.authority.stranger("nobody")
        yield self.authority.adopt(other.client("alice", "ops"))
        yield self.authority.client_of_days("alice", -30, -1)
        yield self.authority.client_of_days("alice", 1, 30)

    def assert_refused(self, files: Path) -> None:
        """Nothing comes of what somebody tries, and nothing was told to them."""
        stranger = self.courier_of(files)
        stranger.refuse_pull("alice/open:1")
        stranger.refuse_push("alice/app:2", IMAGE)
        # TLS is where it ends: they do not come as far as to be told by HTTP.
        self.assertRaises(OSError, self.remote_of(files).ask, "GET", "/v2/")

    def test_certificates(self) -> None:
        """Push and pull, by name and by group; be refused; be revoked."""
        alice = self.courier_of(self.authority.client("alice"))
        alice.push("alice/app:1", IMAGE)
        alice.pull("alice/app:1", IMAGE)
        alice.push("alice/open:1", IMAGE)
        alice.refuse_push("ops/app:1", IMAGE)
        bob = self.courier_of(self.authority.client("bob", "dev", "ops"))
        bob.push("ops/app:1", IMAGE)
        bob.pull("ops/app:1", IMAGE)
        bob.pull("alice/open:1", IMAGE)
        bob.refuse_pull("alice/app:1")
        bob.refuse_push("alice/app:2", IMAGE)
        for files in self.strangers():
            self.assert_refused(files)
        self.assertEqual(
            {each["who"] for each in self.records() if each["outcome"] == "done"},
            {"alice", "bob"},
        )
        self.authority.revoke("bob")
        again = self.remote_of(self.authority.folder / "clients" / "bob")
        wait_for(lambda: not again.is_let_in(), "bob is refused", AT_ONCE)
        bob.refuse_pull("alice/open:1")
        bob.refuse_push("ops/app:2", IMAGE)
        alice.pull("alice/open:1", IMAGE)
