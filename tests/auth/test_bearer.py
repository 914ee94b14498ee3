"""Tests of ``txregistry/auth/bearer.py``."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.bearertokens import (
    ACCESS,
    ED,
    ISSUER,
    NOW,
    OTHER,
    P256,
    SERVICE,
    claims,
    encode,
    rsa_key,
    sign,
    trusted,
)
from tests.contracts import identifier
from txregistry.auth.bearer import (
    LONGEST,
    BearerIdentifier,
    BearerVerifier,
    OwnBearerIdentifier,
    parse_bearer,
)
from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.auth.issuing import BearerIssuer
from txregistry.auth.keysets import parse_jwks
from txregistry.model.access import ANONYMOUS, Action, Identity
from txregistry.model.errors import Unauthorized
from txregistry.model.tokenscopes import TokenScopes

SCOPES: Final = TokenScopes({"acme/web": Action.PULL.included})
TOKEN: Final = sign(claims())


def make_clock(now: float = NOW) -> Clock:
    """Make a clock that shows a time."""
    clock = Clock()
    clock.advance(now)
    return clock


def bearer(token: str) -> Credentials:
    """Show a token."""
    return Credentials(f"Bearer {token}")


class ParseBearerTests(SynchronousTestCase):
    def refuse(self, header: str) -> None:
        with self.assertRaises(Unauthorized):
            parse_bearer(header)

    def test_gives_the_token(self) -> None:
        self.assertEqual(parse_bearer("Bearer aA0.b_-.c"), "aA0.b_-.c")

    def test_scheme_is_of_any_case(self) -> None:
        self.assertEqual(parse_bearer("bEARER  a.b.c"), "a.b.c")

    def test_other_schemes_are_not_read(self) -> None:
        for header in ("", "Basic Og==", "Bearers a.b.c", "Bearer\ta.b.c", "a.b.c"):
            self.assertIsNone(parse_bearer(header))

    def test_malformed_tokens_are_refused(self) -> None:
        for text in (
            "Bearer",
            "Bearer ",
            "Bearer a",
            "Bearer a.b",
            "Bearer a.b.",
            "Bearer .b.c",
            "Bearer a..c",
            "Bearer a.b.c.d",
            "Bearer a.b.c.d.e",
            "Bearer a.b.c ",
            "Bearer a.b.c\n",
            "Bearer a.b.c=",
            "Bearer a.b.c,x",
            "Bearer a.b+.c",
            "Bearer a.b/.c",
            "Bearer a b.c.d",
            "Bearer é.b.c",
            "Bearer a.b.\0",
            "Bearer Bearer a.b.c",
            'Bearer "a.b.c"',
        ):
            self.refuse(text)

    def test_long_header_is_refused(self) -> None:
        longest = f"Bearer a.b.{'c' * (LONGEST - 11)}"
        self.assertEqual(parse_bearer(longest), longest[7:])
        self.refuse(f"{longest}c")

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            token = parse_bearer(f"Bearer {text}")
        except Unauthorized:
            return
        assert token is not None
        self.assertEqual(token.count("."), 2)


class BearerIdentifierTests(identifier.IdentifierContract):
    scheme = "Bearer"

    def make_identifier(self) -> IIdentifier:
        self.clock = make_clock()
        return BearerIdentifier(
            BearerVerifier(trusted(ED, rsa_key()), ISSUER, SERVICE, self.clock)
        )

    def credentials(self, name: str) -> Credentials:
        return bearer(sign(claims(sub=name)))

    def wrong(self) -> Iterable[Credentials]:
        yield Credentials("Bearer")
        yield Credentials("bearer e30.e30.e30")
        yield bearer(sign(claims(), OTHER))
        yield bearer(sign(claims(), P256, "ES256"))
        yield bearer(sign(claims(exp=NOW - 61)))
        yield bearer(sign(claims(nbf=NOW + 61)))
        yield bearer(sign(claims(iss="evil.example")))
        yield bearer(sign(claims(aud="other.example")))
        yield bearer(f"{TOKEN[:-2]}AA")

    def test_token_decides_alone(self) -> None:
        self.assertEqual(
            self.known(bearer(TOKEN)), Caller(Identity("bob"), SCOPES, delegated=True)
        )

    def test_what_others_say_of_groups_does_not_count(self) -> None:
        caller = self.known(bearer(sign(claims(groups=["admins"]))))
        self.assertEqual(caller.identity.groups, frozenset())

    def test_who_has_no_name_is_anonymous(self) -> None:
        for name in ("", None):
            caller = self.known(bearer(sign(claims(sub=name))))
            self.assertEqual(caller, Caller(ANONYMOUS, SCOPES, delegated=True))

    def test_null_is_no_name(self) -> None:
        caller = self.known(bearer(sign({**claims(), "sub": None})))
        self.assertTrue(caller.identity.is_anonymous)

    def test_token_for_nothing_is_good_for_nothing(self) -> None:
        nothing: list[object] = [None, [], {}, "", 1, [None], [{"type": "repository"}]]
        for access in nothing:
            caller = self.known(bearer(sign({**claims(), "access": access})))
            self.assertEqual(caller.scopes, TokenScopes({}))

    def test_one_malformed_entry_does_no_harm_to_the_rest(self) -> None:
        caller = self.known(bearer(sign(claims(access=[1, {"type": 2}, *ACCESS]))))
        self.assertEqual(caller.scopes, SCOPES)

    def test_a_million_of_bytes_is_refused(self) -> None:
        for more in ({"x": "x" * 1_000_000}, {"access": ACCESS * 20_000}):
            self.refuse(bearer(sign(claims(**more))))

    def test_expires_while_it_is_known(self) -> None:
        shown = bearer(TOKEN)
        self.known(shown)
        self.clock.advance(359)
        self.known(shown)
        self.clock.advance(1)
        self.refuse(shown)


class OwnBearerIdentifierTests(identifier.IdentifierContract):
    scheme = "Bearer"
    groups: ClassVar = {"bob": frozenset({"ops", "dev"})}

    def setUp(self) -> None:
        self.clock = make_clock()
        self.issuer = BearerIssuer(ED, ISSUER, SERVICE, self.clock, lambda: "1")
        super().setUp()

    def make_identifier(self) -> IIdentifier:
        keys = parse_jwks(self.issuer.jwks())
        return OwnBearerIdentifier(BearerVerifier(keys, ISSUER, SERVICE, self.clock))

    def token(self, identity: Identity) -> Credentials:
        """Show a token that we have issued."""
        return bearer(self.issuer.issue(identity, SCOPES))

    def credentials(self, name: str) -> Credentials:
        return self.token(Identity(name, self.groups.get(name, frozenset())))

    def wrong(self) -> Iterable[Credentials]:
        yield Credentials("Bearer")
        for other in (
            BearerIssuer(OTHER, ISSUER, SERVICE, self.clock, lambda: "1"),
            BearerIssuer(ED, "evil.example", SERVICE, self.clock, lambda: "1"),
            BearerIssuer(ED, ISSUER, "other.example", self.clock, lambda: "1"),
            BearerIssuer(ED, ISSUER, SERVICE, self.clock, lambda: "1", -61.0),
        ):
            yield bearer(other.issue(Identity("bob"), SCOPES))

    def test_policy_has_to_allow_it_as_well(self) -> None:
        identity = Identity("bob", frozenset({"dev"}))
        self.assertEqual(self.known(self.token(identity)), Caller(identity, SCOPES))

    def test_nobody_is_in_no_group(self) -> None:
        shown = self.token(Identity("", frozenset({"admins"})))
        self.assertEqual(self.known(shown), Caller(ANONYMOUS, SCOPES))

    def test_groups_that_are_none_do_not_count(self) -> None:
        for groups, found in (("admins", set()), ([1, None, ["x"], "a"], {"a"})):
            caller = self.known(bearer(sign(claims(groups=groups))))
            self.assertEqual(caller.identity.groups, found)

    def test_where_it_was_issued_does_not_count(self) -> None:
        shown = self.token(Identity("bob", address="192.0.2.1"))
        self.assertEqual(self.known(shown).identity.address, "")


class AnyTokenTests(SynchronousTestCase):
    """Tokens of which a part is anything."""

    def refuse(self, token: str) -> None:
        verifier = BearerVerifier(trusted(ED), ISSUER, SERVICE, make_clock())
        known = BearerIdentifier(verifier)
        done = Deferred.fromCoroutine(known.identify(bearer(token)))
        self.failureResultOf(done, Unauthorized)

    @given(st.binary(), st.binary(), st.binary())
    def test_any_bytes_are_refused(self, one: bytes, two: bytes, three: bytes) -> None:
        self.refuse(".".join(encode(part) for part in (one, two, three)))

    @given(
        st.dictionaries(
            st.sampled_from(["alg", "kid", "jwk", "x5c", "crit", "typ", "b64"]),
            st.none()
            | st.sampled_from(["EdDSA", "none", "HS256", "RS256"])
            | st.integers()
            | st.lists(st.text())
            | st.dictionaries(st.text(), st.text()),
        )
    )
    def test_any_header_is_refused(self, header: dict[str, Any]) -> None:
        parts = (encode(header), encode(claims()), encode(b"s" * 64))
        self.refuse(".".join(parts))

    @given(st.binary())
    def test_any_payload_that_is_signed_is_refused(self, payload: bytes) -> None:
        self.refuse(sign(payload))
