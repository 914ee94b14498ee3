"""A private registry: everything is for whoever gets in."""

import ssl

from tests.integration.clients import mutual
from tests.integration.clients.case import make_directory
from tests.integration.clients.couriers import Crane, Skopeo
from tests.integration.clients.images import make_image
from tests.integration.clients.keepers import Docker
from tests.integration.clients.mutual import CertificateAuthority, make_context
from tests.integration.daemon import LOOPBACK, Daemon
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import EngineError
from tests.integration.engines.images import make_images
from tests.integration.engines.served import assert_same_images
from tests.integration.roles import case
from tests.integration.roles.case import ALICE, BOB, OLD, WRONG
from tests.integration.tuned import TunedDaemon

NAMES = ("team/app", "public/app", "private/app", "solo")


class OpenTests(case.RoleCase):
    """On a loopback address, with no settings at all: whoever is at this machine."""

    def setUp(self) -> None:
        super().setUp()
        self.keep(Daemon(self.directory / "registry", "--role", "private"))

    def test_skopeo_pushes_and_pulls_everywhere(self) -> None:
        self.assertMay(None, push=NAMES)

    def test_crane_pushes_pulls_lists_and_deletes(self) -> None:
        self.assertMay(None, push=NAMES, courier=Crane)
        client = self.client(Crane).client
        listed = client.text("catalog", self.daemon.host).split()
        self.assertEqual(sorted(listed), sorted(NAMES))
        client.run("delete", f"{self.daemon.host}/team/app:1")
        self.assertEqual(self.remote.tags("team/app"), [])

    def test_docker_pushes_and_pulls(self) -> None:
        self.assertMay(None, push=("team/app",), courier=Docker)

    def test_old_engines_push_and_pull(self) -> None:
        for release in OLD:
            name = f"team/by-{release}"
            images = self.push_old(self.engine(release), name, release)
            self.assertPullsOld(self.engine(release), name, images)
            self.client(Crane).client.run("manifest", f"{self.daemon.host}/{name}")


class AccountsTests(case.RoleCase):
    """With accounts, everything is for those who have one."""

    def setUp(self) -> None:
        super().setUp()
        self.fill("team/app")
        self.serve("private", auth=self.accounts())

    def test_who_has_an_account_may_do_everything(self) -> None:
        for courier in (Skopeo, Crane):
            self.assertMay(BOB, pull=("team/app",), push=NAMES, courier=courier)

    def test_who_has_none_may_do_nothing(self) -> None:
        for courier in (Skopeo, Crane):
            self.assertMayNot(None, pull=("team/app",), push=("solo",), courier=courier)
        self.assertRefused(self.client().refuse_login(*WRONG))

    def test_old_engines(self) -> None:
        for release in OLD:
            name = f"team/by-{release}"
            images = self.push_old(self.engine(release, ALICE), name, release)
            self.assertPullsOld(self.engine(release, BOB), name, images)
            self.assertRefusedOld(self.engine(release), name, release)
            self.assertRefusedOld(self.engine(release, WRONG), name, release)


class CertificatesTests(mutual.MutualCase):
    """With certificates, everything is for those who have one, and the role rules."""

    def setUp(self) -> None:
        self.directory = make_directory(self)
        self.authority = CertificateAuthority(self.directory / "certs", LOOPBACK)
        settings = self.authority.settings()
        place = self.directory / "registry"
        self.daemon = TunedDaemon(place, settings, options=("--role", "private"))
        self.serve(self.daemon)
        self.host = f"{LOOPBACK}:{self.daemon.port}"
        self.image = make_image("role")

    def test_who_has_one_may_do_everything(self) -> None:
        bob = Skopeo(self, self.host, self.authority.client("bob"))
        for name in NAMES:
            bob.push(f"{name}:1", self.image)
            bob.pull(f"{name}:1", self.image)
        place = f"docker://{self.host}/solo:1"
        files = f"--cert-dir={bob.certificates}"
        bob.client.run("delete", files, place)

    def test_who_has_none_is_not_let_in(self) -> None:
        stranger = Skopeo(self, self.host, self.authority.stranger("nobody"))
        stranger.refuse_push("solo:1", self.image)
        stranger.refuse_pull("solo:1")

    def test_old_engines(self) -> None:
        known = make_context(self.authority.client("bob"))
        for release in OLD:
            name = f"team/by-{release}"
            images = make_images(name, release, depth=2)
            engine = self.engine(release, known)
            engine.push(name, images, {"latest": images[-1].id})
            assert_same_images(self, engine.pull(name, "latest"), images)
            unknown = make_context(self.authority.stranger(release))
            stranger = self.engine(release, unknown)
            self.assertRaises(EngineError, stranger.pull, name, "latest")

    def engine(self, release: str, context: ssl.SSLContext) -> Engine:
        """Make an engine with certificates."""
        return Engine(release, self.host, tls=context)
