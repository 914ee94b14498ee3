"""Certificates that clients have shown lately: those who come again are read once."""

from datetime import datetime
from typing import Final, NamedTuple

from cryptography import x509
from OpenSSL import SSL

from txregistry.tls.steps import shown_digest

_MOST: Final = 1024


class Shown(NamedTuple):
    """What a client has shown.

    Attributes:
        certificate: Its certificate.
        until: When that ends to be good.
    """

    certificate: x509.Certificate
    until: datetime


class ShownCertificates:
    """Read certificates, and keep the last ones.

    A certificate is found again by the SHA-256 of all of it. Whether it is good is not
    remembered here: that is for whoever asks.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[bytes, Shown] = {}

    def __len__(self) -> int:
        """Say how many are kept."""
        return len(self._known)

    def of(self, connection: SSL.Connection) -> Shown | None:
        """Give what a client has shown; None if nothing.

        Args:
            connection: Where its handshake was.

        Raises:
            SSL.Error: OpenSSL cannot say.
        """
        digest = shown_digest(connection)
        if digest is None:
            return None
        known = self._known.pop(digest, None)
        if known is None:
            found = connection.get_peer_certificate(as_cryptography=True)
            if found is None:
                return None
            known = Shown(found, found.not_valid_after_utc)
            if len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
        self._known[digest] = known
        return known
