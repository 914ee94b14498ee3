"""Which request of an engine carries Basic, which a token, and which nothing."""

import base64
from enum import Enum, auto

from tests.integration.engines.connection import Reply
from tests.integration.engines.releases import Release

Credentials = tuple[str, str]
"""A user and a password."""


class Route(Enum):
    """What is asked, as far as authorization minds."""

    ANNOUNCEMENT = auto()
    """PUT of a repository or its images, to the index."""
    INDEX = auto()
    """GET from the index."""
    REGISTRY = auto()
    """Images and tags."""


def basic(credentials: Credentials | None) -> str:
    """Write the value of a header; without credentials, user and password are empty."""
    user, password = credentials or ("", "")
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Basic {encoded}"


class Authorization:
    """What is sent as ``Authorization`` in one push, pull or search.

    Args:
        release: The engine's release.
        credentials: Whom it is logged in as; None for nobody.
        always: Whether everything is asked with Basic: over TLS, if the registry says
            that it is standalone or says nothing.

    Attributes:
        tokens: The tokens of the index, one for each header line.
    """

    def __init__(
        self, release: Release, credentials: Credentials | None, *, always: bool
    ) -> None:
        self._release = release
        self._credentials = credentials
        self._always = always
        self.tokens: list[str] = []

    def header(self, route: Route) -> str:
        """Give the value for a request; "" for no header.

        The word Token is put in front of what the index gave, though it may be there
        already. Docker up to 1.6 does so with nothing behind it, too.
        """
        if self._always:
            return basic(self._credentials)
        if route is not Route.REGISTRY and self._credentials is not None:
            return basic(self._credentials)
        if self._release.keeps_tokens:
            return f"Token {','.join(self.tokens)}" if self.tokens else ""
        if route is Route.ANNOUNCEMENT:
            return basic(None)
        if route is Route.INDEX:
            return ""
        return f"Token {','.join(self.tokens)}"

    def hear(self, reply: Reply) -> None:
        """Take notice of an answer: from 1.7 on, any token in it replaces all."""
        tokens = reply.values("X-Docker-Token")
        if self._release.keeps_tokens and not self._always and tokens:
            self.tokens = tokens

    def take(self, reply: Reply) -> bool:
        """Take the tokens of the index, up to 1.6; later releases have them already.

        Returns:
            Whether there are any.
        """
        if not reply.header("X-Docker-Token"):
            return False
        if not self._release.keeps_tokens:
            self.tokens = reply.values("X-Docker-Token")
        return True
