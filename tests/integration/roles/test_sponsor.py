"""A sponsor's registry: it knows nobody, and does what the tokens of others allow."""

from typing import Any

from tests.integration.clients.couriers import Courier, Crane, Skopeo
from tests.integration.clients.keepers import Docker
from tests.integration.daemon import Daemon, DaemonError
from tests.integration.engines.authorization import Credentials, basic
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import EngineError
from tests.integration.engines.test_separate import write_keys
from tests.integration.roles import case
from tests.integration.roles.case import ALICE, BOB, OLD, PASSWORDS, WRONG
from tests.integration.tokenservice import TokenService
from tests.integration.tuned import TunedDaemon

RULES = [
    {"who": ["alice"], "repositories": ["acme/**"], "may": ["push", "delete"]},
    {"who": ["bob"], "repositories": ["acme/**"], "may": ["pull"]},
    {"who": ["everyone"], "repositories": ["acme/open"], "may": ["pull"]},
]


def grants(account: str, name: str) -> frozenset[str]:
    """Say the same as `RULES`, for the service of tokens."""
    if account == "alice" and name.startswith("acme/"):
        return frozenset({"pull", "push", "delete"})
    if name == "acme/open" or (account == "bob" and name.startswith("acme/")):
        return frozenset({"pull"})
    return frozenset()


class SponsorTests(case.RoleCase):
    """An Index, and a service of tokens, know who may do what."""

    sponsor: Daemon
    index: Daemon

    def setUp(self) -> None:
        super().setUp()
        self.fill("acme/app", "acme/open", "other/app")
        key, public = write_keys(self.directory, "index")
        self.service = TokenService(self.directory, PASSWORDS, grants)
        self.addCleanup(self.service.stop)
        auth = self.service.settings()
        self.sponsor = self.serve("sponsor", auth=auth, index={"trust": [public]})
        self.run_index(key)
        self.daemon = self.sponsor

    def run_index(self, key: str, place: str = "index") -> Daemon:
        """Run an Index that sends engines to the sponsor."""
        alone = {"alone": True, "key": key, "endpoints": [self.sponsor.host]}
        auth = {**self.accounts(), "rules": RULES}
        self.index = self.serve("private", place, auth=auth, index=alone)
        return self.index

    def at_index(self, release: str, user: Credentials | None) -> Engine:
        """Make an engine that is set at the Index."""
        return self.engine(release, user, at=self.index.host)

    def check(self, courier: type[Courier]) -> None:
        """Everybody tries everything, with tokens of the service."""
        self.assertMay(None, pull=("acme/open",), courier=courier)
        self.assertMayNot(
            None, pull=("acme/app",), push=("acme/open",), courier=courier
        )
        self.assertMay(BOB, pull=("acme/app", "acme/open"), courier=courier)
        self.assertMayNot(BOB, pull=("other/app",), push=("acme/app",), courier=courier)
        self.assertMay(ALICE, push=("acme/app", "acme/new"), courier=courier)
        self.assertMayNot(
            ALICE, pull=("other/app",), push=("other/app",), courier=courier
        )

    def test_skopeo(self) -> None:
        self.check(Skopeo)
        self.assertRefused(self.client().refuse_login(*WRONG))

    def test_crane(self) -> None:
        self.check(Crane)

    def test_docker(self) -> None:
        client = self.client(Docker)
        client.pull("acme/open:1", self.image)
        self.assertRefused(client.refuse_pull("acme/app:1"))
        client.log_in(*ALICE)
        client.push("acme/app:2", self.image)
        self.assertRefused(client.refuse_push("other/app:2", self.image))

    def test_nothing_without_tokens(self) -> None:
        for headers in ({}, {"Authorization": basic(ALICE)}):
            for name in ("acme/app", "acme/open", "other/app"):
                for method, path in (
                    ("GET", "manifests/1"),
                    ("GET", "tags/list"),
                    ("POST", "blobs/uploads/"),
                    ("DELETE", "manifests/1"),
                ):
                    target = f"/v2/{name}/{path}"
                    self.remote.demand(401, method, target, headers=headers)
        for path in ("/v1/repositories/acme/app/tags", f"/v1/images/{'0' * 64}/json"):
            self.remote.demand(401, "GET", path)

    def test_old_engines_come_by_way_of_the_index(self) -> None:
        for release in OLD:
            name = f"acme/by-{release}"
            images = self.push_old(self.at_index(release, ALICE), name, release)
            self.assertPullsOld(self.at_index(release, BOB), name, images)
            self.assertPushRefusedOld(self.at_index(release, BOB), name, release)
            self.assertRefusedOld(self.at_index(release, None), name, release)
            self.assertRefusedOld(self.at_index(release, WRONG), name, release)
            other = f"other/by-{release}"
            self.assertPushRefusedOld(self.at_index(release, ALICE), other, release)
            self.assertRaises(
                EngineError, self.push_old, self.engine(release, ALICE), name, release
            )

    def test_old_engines_pull_what_is_open(self) -> None:
        for release in OLD:
            images = self.push_old(self.at_index(release, ALICE), "acme/open", release)
            self.assertPullsOld(self.at_index(release, None), "acme/open", images)

    def test_tokens_of_another_index_are_none(self) -> None:
        key, _ = write_keys(self.directory, "other")
        self.run_index(key, "other")
        for release in OLD:
            engine = self.at_index(release, ALICE)
            self.assertRaises(EngineError, self.push_old, engine, "acme/x", release)

    def test_both_versions_see_the_same(self) -> None:
        images = self.push_old(self.at_index("1.6.2", ALICE), "acme/old", "1.6.2")
        bob = self.client(Crane, BOB).client
        document = bob.json("manifest", f"{self.sponsor.host}/acme/old:latest")
        self.assertEqual(len(document["layers"]), len(images))


class UnknownTests(case.RoleCase):
    """It is not served where nobody else is there to decide."""

    def assertServesNothing(self, words: str, **settings: Any) -> None:
        """It does not start, and says why."""
        error = self.assertRaises(
            DaemonError,
            TunedDaemon,
            self.directory / "registry",
            settings,
            options=("--role", "sponsor"),
        )
        self.assertIn("role: 'sponsor' needs", str(error))
        self.assertIn(words, str(error))

    def test_an_index_is_needed_for_version_1(self) -> None:
        self.assertServesNothing("index.trust")

    def test_a_service_of_tokens_is_needed_for_version_2(self) -> None:
        _, public = write_keys(self.directory, "index")
        self.assertServesNothing("token", index={"trust": [public]})
