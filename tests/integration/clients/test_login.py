"""Clients log in, rightly and wrongly, and then push and pull: each in each way."""

from typing import Any

from tests.integration.clients import logins
from tests.integration.clients.containerd import Ctr
from tests.integration.clients.couriers import Crane, Oras, Regctl, Skopeo
from tests.integration.clients.keepers import Buildah, Docker, Podman
from tests.integration.clients.logins import RULES


class LoginContract(logins.LoginCase):
    """A test for each client."""

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


class BasicTests(LoginContract):
    """Passwords go with every request; who has none cannot even begin."""

    mixes = False

    def auth(self) -> dict[str, Any]:
        """See `LoginCase`."""
        return {**self.htpasswd(), "rules": RULES}


class EndpointTests(LoginContract):
    """Passwords go to a place of the registry's own, which gives tokens."""

    def auth(self) -> dict[str, Any]:
        """See `LoginCase`."""
        return {**self.htpasswd(), "endpoint": {"enabled": True}, "rules": RULES}


class ServiceTests(LoginContract):
    """Passwords go to a service elsewhere, whose tokens decide."""

    def auth(self) -> dict[str, Any]:
        """See `LoginCase`."""
        return self.run_service().settings()


del LoginContract
