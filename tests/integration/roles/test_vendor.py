"""A vendor's registry: what is public is for everybody, the rest for customers."""

from typing import Any

from tests.integration.clients.couriers import Courier, Crane, Skopeo
from tests.integration.clients.keepers import Docker
from tests.integration.daemon import DaemonError
from tests.integration.roles import case
from tests.integration.roles.case import ALICE, BOB, OLD, WRONG
from tests.integration.tuned import TunedDaemon

PUBLIC, OTHER = "public/app", "customers/app"


class VendorTests(case.RoleCase):
    """Alice is of the vendor, and bob a customer."""

    def setUp(self) -> None:
        super().setUp()
        self.fill(PUBLIC, OTHER)
        self.serve("vendor", auth=self.auth())

    def auth(self) -> dict[str, Any]:
        """Give the accounts, and who is of the vendor."""
        return {**self.accounts(), "groups": {"vendor": ["alice"]}}

    def check(self, courier: type[Courier]) -> None:
        """Everybody tries everything."""
        self.assertMay(None, pull=(PUBLIC,), courier=courier)
        self.assertMayNot(None, pull=(OTHER,), push=(PUBLIC, OTHER), courier=courier)
        self.assertMay(BOB, pull=(PUBLIC, OTHER), courier=courier)
        self.assertMayNot(BOB, push=(PUBLIC, OTHER), courier=courier)
        self.assertMay(ALICE, push=(PUBLIC, OTHER, "new/app"), courier=courier)

    def test_skopeo(self) -> None:
        self.check(Skopeo)
        self.assertRefused(self.client().refuse_login(*WRONG))

    def test_crane(self) -> None:
        self.check(Crane)
        found = self.client(Crane).client.text("catalog", self.daemon.host).split()
        self.assertEqual(found, [PUBLIC])
        bob = self.client(Crane, BOB).client
        found = bob.text("catalog", self.daemon.host).split()
        self.assertEqual(found, [OTHER, "new/app", PUBLIC])

    def test_docker(self) -> None:
        client = self.client(Docker)
        client.pull(f"{PUBLIC}:1", self.image)
        self.assertRefused(client.refuse_pull(f"{OTHER}:1"))
        client.log_in(*BOB)
        client.pull(f"{OTHER}:1", self.image)
        self.assertRefused(client.refuse_push(f"{OTHER}:2", self.image))
        client.log_in(*ALICE)
        client.push(f"{OTHER}:2", self.image)

    def test_only_the_vendor_deletes(self) -> None:
        place = f"{self.daemon.host}/{PUBLIC}:1"
        for user in (None, BOB):
            client = self.client(Crane, user).client
            self.assertRefused(client.refuse("delete", place))
        self.client(Crane, ALICE).client.run("delete", place)
        self.assertEqual(self.remote.tags(PUBLIC), [])

    def test_old_engines(self) -> None:
        for release in OLD:
            public, other = f"public/by-{release}", f"customers/by-{release}"
            vendor = self.engine(release, ALICE)
            images = {
                name: self.push_old(vendor, name, release) for name in (public, other)
            }
            nobody, bob = self.engine(release), self.engine(release, BOB)
            self.assertPullsOld(nobody, public, images[public])
            self.assertRefusedOld(nobody, other, release)
            self.assertPushRefusedOld(nobody, public, release)
            for name, pushed in images.items():
                self.assertPullsOld(bob, name, pushed)
                self.assertPushRefusedOld(bob, name, release)


class NobodyTests(case.RoleCase):
    def test_nothing_is_served_where_nobody_could_push(self) -> None:
        error = self.assertRaises(
            DaemonError,
            TunedDaemon,
            self.directory / "registry",
            {},
            options=("--role", "vendor"),
        )
        self.assertIn("role: 'vendor' needs", str(error))
