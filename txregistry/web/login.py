"""How clients can become known, and how they are told.

Source: OCI Distribution 1.1, "Authentication"; Distribution, "Token Authentication
Specification"; RFC 7617; RFC 9110, section 11.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from txregistry.web.request import RegistryRequest

TOKENS_AT: Final = "/auth/token"
"""Where our own tokens are given."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """How clients can become known.

    Attributes:
        service: What the registry is called at the service of tokens; None where no
            tokens are taken.
        token_realm: The URL of that service; None for ourselves.
        basic_realm: What passwords are for; None where none are taken.
        certificates: Whether client certificates tell who somebody is.
    """

    service: str | None = None
    token_realm: str | None = None
    basic_realm: str | None = None
    certificates: bool = False

    @property
    def challenges(self) -> bool:
        """Whether a client can be told what to send."""
        return self.service is not None or self.basic_realm is not None

    @property
    def is_known(self) -> bool:
        """Whether anybody can be known at all."""
        return self.challenges or self.certificates

    def challenge(
        self, request: RegistryRequest, scopes: Sequence[str], error: str | None
    ) -> list[bytes]:
        """Write what a client is told to send.

        Where a token will do, it is told of nothing else: Docker tries all that it is
        told of, and fails for want of a password where it needs none. Basic is taken
        all the same from who sends it unasked.
        """
        if self.service is not None:
            realm = self.token_realm or f"{request.base_url}{TOKENS_AT}"
            parts = [f'realm="{realm}"', f'service="{self.service}"']
            if scopes:
                parts.append(f'scope="{" ".join(scopes)}"')
            if error:
                parts.append(f'error="{error}"')
            return [f"Bearer {','.join(parts)}".encode("latin-1")]
        if self.basic_realm is not None:
            return [f'Basic realm="{self.basic_realm}"'.encode("latin-1")]
        return []
