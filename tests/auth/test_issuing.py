"""Tests of ``txregistry/auth/issuing.py``."""

from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.bearertokens import (
    ED,
    ISSUER,
    NOW,
    P256,
    P384,
    P521,
    SERVICE,
    PrivateKey,
    name_of,
    rsa_key,
)
from txregistry.auth.bearer import BearerVerifier
from txregistry.auth.issuing import BearerIssuer
from txregistry.auth.keynames import public_jwk
from txregistry.auth.keysets import parse_jwks
from txregistry.model.access import ANONYMOUS, Action, Identity
from txregistry.model.tokenscopes import TokenScopes

SCOPES = TokenScopes({"acme/web": Action.PUSH.included}, catalog=True)
BOB = Identity("bob", frozenset({"ops", "dev"}))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


class BearerIssuerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW + 0.7)

    def make(self, key: PrivateKey = ED, lifetime: float = 300.0) -> BearerIssuer:
        """Make an issuer."""
        return BearerIssuer(key, ISSUER, SERVICE, self.clock, lambda: "id-1", lifetime)

    def said(self, token: str) -> dict[str, Any]:
        """Give what a token says to others."""
        found: dict[str, Any] = jwt.decode(
            token,
            ED.public_key(),
            ["EdDSA"],
            {"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            audience=SERVICE,
            issuer=ISSUER,
        )
        return found

    def test_says_what_others_read(self) -> None:
        self.assertEqual(
            self.said(self.make().issue(BOB, SCOPES)),
            {
                "iss": ISSUER,
                "sub": "bob",
                "aud": SERVICE,
                "exp": NOW + 300,
                "nbf": NOW,
                "iat": NOW,
                "jti": "id-1",
                "access": [
                    {
                        "type": "repository",
                        "name": "acme/web",
                        "actions": ["pull", "push"],
                    },
                    {"type": "registry", "name": "catalog", "actions": ["*"]},
                ],
                "groups": ["dev", "ops"],
            },
        )

    def test_nobody_has_an_empty_name_and_no_groups(self) -> None:
        said = self.said(self.make().issue(ANONYMOUS, TokenScopes({})))
        self.assertEqual((said["sub"], said["access"]), ("", []))
        self.assertNotIn("groups", said)

    def test_header_names_the_key(self) -> None:
        header = jwt.get_unverified_header(self.make().issue(BOB, SCOPES))
        self.assertEqual(header, {"typ": "JWT", "alg": "EdDSA", "kid": name_of(ED)})

    def test_set_of_keys_has_the_public_key(self) -> None:
        for key, alg in (
            (ED, "EdDSA"),
            (P256, "ES256"),
            (P384, "ES384"),
            (P521, "ES512"),
            (rsa_key(), "RS256"),
        ):
            (entry,) = msgspec.json.decode(self.make(key).jwks())["keys"]
            expected = public_jwk(key.public_key())
            expected.update(use="sig", alg=alg, kid=name_of(key))
            self.assertEqual(entry, expected)

    def test_who_trusts_the_set_trusts_the_tokens(self) -> None:
        for key in (ED, P256, P384, P521, rsa_key()):
            issuer = self.make(key)
            keys = parse_jwks(issuer.jwks())
            verifier = BearerVerifier(keys, ISSUER, SERVICE, self.clock)
            claims = verifier.verify(issuer.issue(BOB, SCOPES))
            self.assertEqual(
                (claims.name, claims.groups, claims.scopes), ("bob", BOB.groups, SCOPES)
            )

    def test_lifetime_may_be_other(self) -> None:
        issuer = self.make(lifetime=60.0)
        self.assertEqual(self.said(issuer.issue(BOB, SCOPES))["exp"], NOW + 60)
        self.assertEqual(issuer.lifetime, 60.0)

    def test_weak_key_is_refused(self) -> None:
        for key in (rsa_key(1024), ec.derive_private_key(5, ec.SECP256K1())):
            with self.assertRaises(ValueError):
                self.make(key)

    def test_too_many_groups_are_refused(self) -> None:
        groups = frozenset(f"group-{number}" for number in range(2000))
        with self.assertRaises(ValueError):
            self.make().issue(Identity("bob", groups), SCOPES)

    def test_thirty_long_names_fit(self) -> None:
        names = [f"{'a' * 237}{number:03}" for number in range(30)]
        asked = TokenScopes.parse(" ".join(f"repository:{each}:*" for each in names))
        self.assertEqual(len(asked.repositories), 30)
        self.assertLess(len(self.make().issue(BOB, asked)), 16_000)

    @given(TEXTS, st.frozensets(TEXTS, max_size=5))
    def test_any_name_and_groups(self, name: str, groups: frozenset[str]) -> None:
        issuer = self.make()
        keys = parse_jwks(issuer.jwks())
        verifier = BearerVerifier(keys, ISSUER, SERVICE, self.clock)
        claims = verifier.verify(issuer.issue(Identity(name, groups), SCOPES))
        self.assertEqual((claims.name, claims.groups), (name, groups))
