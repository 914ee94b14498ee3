"""Registries that want to know who asks, and that prove who they are."""

from tests.integration.clients.mutual import CertificateAuthority
from tests.integration.daemon import LOOPBACK
from tests.integration.images import case
from tests.integration.images.case import IMAGE
from tests.integration.tuned import TunedDaemon, write_htpasswd
from tests.transfer.archives.building import layout, pack

GIVEN = pack(layout({"1": IMAGE}))
NAME = "team/app:1"


class SecureTests(case.JourneyCase):
    def test_certificates(self) -> None:
        authority = CertificateAuthority(self.directory / "certs", LOOPBACK)
        daemon = TunedDaemon(self.directory / "registry", authority.settings())
        self.addCleanup(daemon.discard)
        files = authority.client("alice")
        url = f"https://{daemon.host}"
        known = ("--cacert", files / "ca.crt")
        shown = ("--cert", files / "client.cert", "--key", files / "client.key")
        said = self.fails(6, "registryput", url, NAME, given=GIVEN)
        self.assertIn("does not prove who it is", said)
        said = self.fails(6, "registryput", url, NAME, *known, given=GIVEN)
        self.assertIn("wants another certificate", said)
        self.run_well("registryput", url, NAME, *known, *shown, given=GIVEN)
        told = self.run_well("registryget", url, NAME, *known, *shown, "--verify")
        self.assertEqual(told.decode().strip(), IMAGE.digest)

    def test_passwords(self) -> None:
        accounts = write_htpasswd(self.directory / "accounts", {"alice": "secret-1"})
        auth = {
            "auth": {
                "htpasswd": {"realm": "ours", "path": str(accounts)},
            }
        }
        daemon = TunedDaemon(self.directory / "registry", auth)
        self.addCleanup(daemon.discard)
        self.fails(4, "registryput", daemon.url, NAME, given=GIVEN)
        wrong = self.directory / "wrong"
        wrong.write_text("alice:secret-2\n")
        said = self.fails(
            4, "registryput", daemon.url, NAME, "--credentials", wrong, given=GIVEN
        )
        self.assertNotIn("secret", said)
        right = self.directory / "right"
        right.write_text("alice:secret-1\n")
        options = ("--credentials", right)
        self.run_well("registryput", daemon.url, NAME, *options, given=GIVEN)
        done = self.zygote.run(
            "registryget",
            *(daemon.url, NAME, "--verify"),
            TXREGISTRY_USERNAME="alice",
            TXREGISTRY_PASSWORD="secret-1",
        )
        self.assertEqual((done.status, done.err), (0, ""))
