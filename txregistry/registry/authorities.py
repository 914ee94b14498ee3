"""Who stands for a token of version 1, and what it grants.

Either this registry can tell by itself, because the token is signed by an Index that it
trusts; or it has to ask the Index each time, as the first registries did: for that, see
``askedauthority.py``.
"""

import hashlib

from zope.interface import implementer

from txregistry.auth.tokens import PresentedToken, TokenVerifier
from txregistry.registry.interfaces import Grant, IAuthority


@implementer(IAuthority)
class SignedAuthority:
    """Believe tokens that are signed by an Index of ours."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def grant(self, presented: PresentedToken) -> Grant:
        """See `IAuthority`."""
        claims = self._verifier.verify(presented)
        return Grant(
            claims.repository,
            claims.access,
            new_owner("token", claims.identity.name, claims.nonce),
            claims.expires,
            holder=claims.identity,
        )


def new_owner(*parts: str) -> str:
    """Name who pushes, in a form that can stand in a key and tells nothing."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
