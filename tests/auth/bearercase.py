"""What tests of ``txregistry/auth/bearer.py`` share."""

from typing import Any, Final

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.bearertokens import (
    ED,
    ISSUER,
    NOW,
    SERVICE,
    trusted,
)
from txregistry.auth.bearer import BearerVerifier
from txregistry.auth.keysets import TrustedKeys
from txregistry.model.errors import Unauthorized

UNREADABLE: Final = "it cannot be read"
UNTRUSTED: Final = "its key is not trusted"
FALSE: Final = "its signature is false"
UNFIT: Final = "its key does not fit its algorithm"
NOT_ALLOWED: Final = "it is signed by an algorithm that is not allowed"
EXPIRED: Final = "it has expired, or a certificate has"
EARLY: Final = "it is not good yet: is a clock wrong?"
CRITICAL: Final = "it has to be understood in ways that we do not know"
CHAIN: Final = "The chain is malformed, or not trusted."


class VerifierCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.verifier = self.make(trusted(ED))

    def make(self, keys: TrustedKeys, **others: Any) -> BearerVerifier:
        """Make a verifier of its own."""
        return BearerVerifier(keys, ISSUER, SERVICE, self.clock, **others)

    def accept(self, token: str, verifier: BearerVerifier | None = None) -> None:
        """Make sure that a token is good."""
        self.assertEqual((verifier or self.verifier).verify(token).name, "bob")

    def refuse(
        self, token: str, reason: str, verifier: BearerVerifier | None = None
    ) -> None:
        """Make sure that a token is refused, why, and that only the log says so."""
        with capturedLogs() as logs, self.assertRaises(Unauthorized) as caught:
            (verifier or self.verifier).verify(token)
        self.assertEqual([event["reason"] for event in logs], [reason])
        self.assertEqual(str(caught.exception), str(Unauthorized()))
