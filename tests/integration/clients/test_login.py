"""Clients log in, rightly and wrongly, and then push and pull: each in each way."""

from typing import Any

from tests.integration.clients import logins
from tests.integration.clients.logins import RULES


class BasicTests(logins.LoginCase):
    """Passwords go with every request; who has none cannot even begin."""

    mixes = False

    def auth(self) -> dict[str, Any]:
        """See `LoginCase`."""
        return {**self.htpasswd(), "rules": RULES}


class EndpointTests(logins.LoginCase):
    """Passwords go to a place of the registry's own, which gives tokens."""

    def auth(self) -> dict[str, Any]:
        """See `LoginCase`."""
        return {**self.htpasswd(), "endpoint": {"enabled": True}, "rules": RULES}


class ServiceTests(logins.LoginCase):
    """Passwords go to a service elsewhere, whose tokens decide."""

    def auth(self) -> dict[str, Any]:
        """See `LoginCase`."""
        return self.run_service(host=self.tokens_at).settings()
