"""A mirror: everybody pulls, and nobody pushes but below its own private prefix."""

from tests.integration.clients.couriers import Courier, Crane, Skopeo
from tests.integration.clients.keepers import Docker
from tests.integration.roles import case
from tests.integration.roles.case import ALICE, BOB, OLD, WRONG

NAMES = ("library/alpine", "team/app")
PRIVATE = "private/app"


class MirrorTests(case.RoleCase):
    """What others have is there for everybody; what is private, for who is known."""

    def setUp(self) -> None:
        super().setUp()
        self.fill(*NAMES, PRIVATE)
        self.serve("mirror", auth=self.accounts())

    def check(self, courier: type[Courier]) -> None:
        """Everybody tries everything."""
        self.assertMay(None, pull=NAMES, courier=courier)
        self.assertMayNot(
            None, pull=(PRIVATE,), push=(*NAMES, PRIVATE), courier=courier
        )
        self.assertMay(
            BOB, pull=(*NAMES, PRIVATE), push=("private/new",), courier=courier
        )
        self.assertMayNot(BOB, push=NAMES, courier=courier)

    def test_skopeo(self) -> None:
        self.check(Skopeo)
        self.assertRefused(self.client().refuse_login(*WRONG))

    def test_crane(self) -> None:
        self.check(Crane)
        host = self.daemon.host
        found = self.client(Crane).client.text("catalog", host).split()
        self.assertEqual(found, list(NAMES))
        found = self.client(Crane, ALICE).client.text("catalog", host).split()
        self.assertEqual(found, [NAMES[0], PRIVATE, "private/new", NAMES[1]])

    def test_docker(self) -> None:
        client = self.client(Docker)
        client.pull(f"{NAMES[0]}:1", self.image)
        self.assertRefused(client.refuse_pull(f"{PRIVATE}:1"))
        self.assertRefused(client.refuse_push(f"{NAMES[0]}:2", self.image))
        client.log_in(*BOB)
        client.push(f"{PRIVATE}:2", self.image)
        client.pull(f"{PRIVATE}:2", self.image)
        self.assertRefused(client.refuse_push(f"{NAMES[0]}:2", self.image))

    def test_deletes_are_for_private_ones_too(self) -> None:
        client = self.client(Crane, BOB).client
        for name in NAMES:
            self.assertRefused(client.refuse("delete", f"{self.daemon.host}/{name}:1"))
        client.run("delete", f"{self.daemon.host}/{PRIVATE}:1")

    def test_old_engines(self) -> None:
        for release in OLD:
            name = f"private/by-{release}"
            bob, nobody = self.engine(release, BOB), self.engine(release)
            images = self.push_old(bob, name, release)
            self.assertPullsOld(bob, name, images)
            self.assertRefusedOld(nobody, name, release)
            for other in NAMES:
                self.assertPushRefusedOld(nobody, other, release)
                self.assertPushRefusedOld(bob, other, release)


class UnknownTests(case.RoleCase):
    """Without accounts nobody is known, and so nobody pushes at all."""

    def setUp(self) -> None:
        super().setUp()
        self.fill(*NAMES, PRIVATE)
        self.serve("mirror")

    def test_clients(self) -> None:
        for courier in (Skopeo, Crane):
            self.assertMay(None, pull=NAMES, courier=courier)
            self.assertMayNot(
                None, pull=(PRIVATE,), push=(*NAMES, PRIVATE), courier=courier
            )

    def test_docker(self) -> None:
        client = self.client(Docker)
        client.pull(f"{NAMES[0]}:1", self.image)
        self.assertRefused(client.refuse_pull(f"{PRIVATE}:1"))
        self.assertRefused(client.refuse_push(f"{PRIVATE}:2", self.image))

    def test_old_engines(self) -> None:
        for release in OLD:
            for name in (*NAMES, PRIVATE):
                self.assertPushRefusedOld(self.engine(release), name, release)

    def test_old_engines_pull_what_was_there(self) -> None:
        self.daemon.stop()
        self.serve("private")
        pushed = {
            release: self.push_old(self.engine(release), f"team/{release}", release)
            for release in OLD
        }
        self.daemon.stop()
        self.serve("mirror")
        for release, images in pushed.items():
            self.assertPullsOld(self.engine(release), f"team/{release}", images)
