"""A registry with accounts, for clients that log in."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.containerd import Ctr
from tests.integration.clients.couriers import Courier, Crane, Oras, Regctl, Skopeo
from tests.integration.clients.images import make_image
from tests.integration.clients.keepers import Buildah, Docker, Podman
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Remote
from tests.integration.daemon import LOOPBACK, Daemon
from tests.integration.tokenservice import TokenService
from tests.integration.tuned import TunedDaemon, write_htpasswd

PASSWORDS = {"alice": "open sesame", "bob": "l'étoile: où?"}
RULES = [
    {"who": ["alice"], "repositories": ["**"], "may": ["push", "delete"]},
    {"who": ["everyone"], "repositories": ["public/**"], "may": ["pull"]},
    {"who": ["bob"], "repositories": ["team/**"], "may": ["pull"]},
]
"""Alice may do everything, bob may pull what is the team's, and all what is public."""

PUBLIC, TEAM = make_image("public"), make_image("team")


def grants(account: str, name: str) -> frozenset[str]:
    """Say the same as `RULES`, for a service of tokens."""
    if account == "alice":
        return frozenset({"pull", "push", "delete"})
    if name.startswith("public/") or (account == "bob" and name.startswith("team/")):
        return frozenset({"pull"})
    return frozenset()


class AccountsCase(SynchronousTestCase):
    """Import the module and inherit as ``logins.AccountsCase``."""

    daemon: TunedDaemon
    """What was served last."""

    def setUp(self) -> None:
        self.directory = make_directory(self)

    def htpasswd(self) -> dict[str, Any]:
        """Write the accounts to a file; give the setting."""
        path = write_htpasswd(self.directory / "htpasswd", PASSWORDS)
        return {"htpasswd": {"realm": "the team's", "path": str(path)}}

    def run_service(self, **more: Any) -> TokenService:
        """Run a service of tokens until the end of the test."""
        service = TokenService(self.directory, PASSWORDS, grants, **more)
        self.addCleanup(service.stop)
        return service

    def serve(self, auth: dict[str, Any], **more: Any) -> TunedDaemon:
        """Run a registry until the end of the test.

        Args:
            auth: Its setting.
            more: Other settings.
        """
        settings = {"auth": auth, **more}
        self.daemon = TunedDaemon(self.directory / "registry", settings)
        self.keep(self.daemon)
        return self.daemon

    def keep(self, daemon: Daemon) -> Remote:
        """Stop a registry at the end of the test, and look whether all went well."""
        self.addCleanup(self._finish, daemon)
        return Remote(daemon.host)

    def _finish(self, daemon: Daemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)


class LoginCase(AccountsCase):
    """What holds for each client, however one becomes known.

    Import the module and inherit as ``logins.LoginCase``.
    """

    tokens_at = LOOPBACK
    """What a service of tokens is to be called, if there is one."""
    mixes = True
    """Whether clients can pull without an account where others need one."""

    def auth(self) -> dict[str, Any]:
        """Give the setting; what it needs runs from now on."""
        raise NotImplementedError

    def check(self, courier: type[Courier]) -> None:
        """Log in rightly and wrongly; push and pull as somebody, and as nobody."""
        find(courier.program)
        self.tokens_at = courier.tokens_at
        client = courier(self, self.serve(self.auth()).host)
        client.refuse_push("team/app:1", TEAM)
        self.assert_wrong_passwords_are_refused(client)
        client.log_in("alice", PASSWORDS["alice"])
        client.push("team/app:1", TEAM)
        client.push("public/app:1", PUBLIC)
        client.pull("team/app:1", TEAM)
        client.log_out()
        client.refuse_pull("team/app:1")
        if self.mixes:
            client.pull("public/app:1", PUBLIC)
            client.refuse_push("public/app:2", TEAM)
        client.log_in("bob", PASSWORDS["bob"])
        client.pull("team/app:1", TEAM)
        client.pull("public/app:1", PUBLIC)
        client.refuse_push("team/app:2", PUBLIC)
        client.refuse_pull("other/app:1")

    def assert_wrong_passwords_are_refused(self, client: Courier) -> None:
        """Nobody is let in by one, nor by the name of nobody."""
        if client.verifies:
            client.refuse_login("alice", PASSWORDS["bob"])
            client.refuse_login("mallory", "x")
        else:
            client.log_in("alice", PASSWORDS["bob"])
            client.refuse_push("team/app:1", TEAM)
            client.log_out()

    def test_docker(self) -> None:
        self.check(Docker)

    def test_containerd(self) -> None:
        self.check(Ctr)

    def test_podman(self) -> None:
        self.check(Podman)

    def test_buildah(self) -> None:
        self.check(Buildah)

    def test_skopeo(self) -> None:
        self.check(Skopeo)

    def test_crane(self) -> None:
        self.check(Crane)

    def test_oras(self) -> None:
        self.check(Oras)

    def test_regctl(self) -> None:
        self.check(Regctl)
