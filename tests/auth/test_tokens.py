"""Tests of ``txregistry/auth/tokens.py``."""

import re
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth import tokens
from txregistry.auth.tokens import (
    Claims,
    PresentedToken,
    TokenSigner,
    TokenVerifier,
    parse_authorization,
)
from txregistry.model.access import ANONYMOUS, Access, Identity
from txregistry.model.errors import Unauthorized
from txregistry.model.names import RepositoryName

WEB: Final = RepositoryName("acme/web")
BOB: Final = Identity("bob", frozenset({"ops", "dev"}))
KEY: Final = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER: Final = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TOKEN: Final = 'signature=k7Q,repository="acme/web",access=write'


def presented(header: str) -> PresentedToken:
    """Read a header that has a token."""
    found = parse_authorization(header)
    assert found is not None
    return found


class ParseAuthorizationTests(SynchronousTestCase):
    def refuse(self, header: str) -> None:
        with self.assertRaises(Unauthorized):
            parse_authorization(header)

    def test_has_what_it_says(self) -> None:
        self.assertEqual(
            parse_authorization(f"Token {TOKEN}"),
            PresentedToken(TOKEN, "k7Q", WEB, Access.WRITE, ""),
        )

    def test_keeps_the_header_of_the_client(self) -> None:
        header = f"Token Token {TOKEN}"
        self.assertEqual(presented(header).header, header)

    def test_all_that_clients_write_is_the_same(self) -> None:
        for header in (
            f"Token Token {TOKEN}",
            f"token {TOKEN}",
            f"TOKEN tOken {TOKEN}",
            f"Token {TOKEN.replace(',', ', ')}",
            'Token access=write,repository="acme/web",signature=k7Q',
        ):
            self.assertEqual(presented(header), presented(f"Token {TOKEN}"))

    def test_two_names_of_one_repository_are_the_same(self) -> None:
        short = presented('Token signature=k,repository="solo",access=read')
        full = presented('Token signature=k,repository="library/solo",access=read')
        self.assertEqual(short, full)
        self.assertEqual(short.repository, RepositoryName("solo"))

    def test_canonical_text_has_a_namespace(self) -> None:
        self.assertEqual(
            presented('Token signature=k,repository="solo",access=read').text,
            'signature=k,repository="library/solo",access=read',
        )

    def test_all_accesses_are_read(self) -> None:
        for access in Access:
            header = f'Token signature=k,repository="a/b",access={access}'
            self.assertIs(presented(header).access, access)

    def test_scheme_alone_is_anonymous(self) -> None:
        for header in ("Token", "Token ", "token"):
            self.assertIsNone(parse_authorization(header))

    def test_other_schemes_are_not_read(self) -> None:
        for header in ("", "Basic Og==", "Bearer x", f"Tokens {TOKEN}", TOKEN):
            self.assertIsNone(parse_authorization(header))

    def test_field_that_is_there_twice_is_refused(self) -> None:
        for more in ("access=read", "access=write", 'repository="a/b"', "signature=x"):
            self.refuse(f"Token {TOKEN},{more}")

    def test_unknown_field_is_refused(self) -> None:
        self.refuse(f"Token {TOKEN},user=root")

    def test_missing_field_is_refused(self) -> None:
        fields = TOKEN.split(",")
        for place in range(3):
            self.refuse("Token " + ",".join(fields[:place] + fields[place + 1 :]))

    def test_other_spellings_are_refused(self) -> None:
        for text in (
            "Token",
            "Token ",
            f" {TOKEN}",
            f"{TOKEN} ",
            f"{TOKEN},",
            f",{TOKEN}",
            f"{TOKEN}\n",
            TOKEN.replace(",", ",  "),
            TOKEN.replace(",", " ,"),
            TOKEN.replace(",", ",\t"),
            TOKEN.replace(",", ";"),
            TOKEN.replace("=", ": "),
            TOKEN.replace("=", " = "),
            TOKEN.replace('"', ""),
            TOKEN.replace('"', "'"),
            TOKEN.replace("k7Q", '"k7Q"'),
            TOKEN.replace("k7Q", ""),
            TOKEN.replace("k7Q", "k 7Q"),
            TOKEN.replace("k7Q", "k\u00e97Q"),
            TOKEN.replace("k7Q", "k\x007Q"),
            TOKEN.replace("signature", "Signature"),
            TOKEN.replace("write", "WRITE"),
            TOKEN.replace("write", "admin"),
            TOKEN.replace("write", ""),
            TOKEN.replace("write", '"write"'),
            TOKEN.replace('"acme/web"', '"'),
            f"Token Token {TOKEN}",
        ):
            self.refuse(f"Token {text}")

    def test_repository_that_is_none_is_refused(self) -> None:
        for name in ("", "acme/../web", "Acme/web", "acme/web/", "acme/web\\", "a%2fb"):
            self.refuse(f'Token signature=k,repository="{name}",access=read')

    def test_long_header_is_refused(self) -> None:
        self.refuse(f"Token {TOKEN.replace('k7Q', 'k' * 4096)}")

    @given(st.text('tokensignature= ,"acme/web:repository\n', max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            found = parse_authorization(f"Token {text}")
        except Unauthorized:
            return
        self.assertTrue(found is None or found.repository.text)

    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
    def test_canonical_text_is_read_as_what_it_was(self, signature: str) -> None:
        try:
            found = parse_authorization(
                f'Token signature={signature},repository="solo",access=read'
            )
        except Unauthorized:
            return
        assert found is not None
        self.assertEqual(parse_authorization(f"Token {found.text}"), found)


class TokenTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000_000)
        self.signer = TokenSigner(KEY, self.clock)
        self.verifier = TokenVerifier([KEY.public_key()], self.clock)

    def issue(
        self,
        repository: RepositoryName = WEB,
        access: Access = Access.READ,
        identity: Identity = BOB,
    ) -> str:
        """Make a token that is good for an hour."""
        return self.signer.issue(repository, access, identity, 3600, "n-1")

    def present(self, text: str) -> PresentedToken:
        """Give a token as a client does."""
        return presented(f"Token {text}")

    def refuse(self, token: PresentedToken) -> None:
        with self.assertRaises(Unauthorized):
            self.verifier.verify(token)


class IssueTests(TokenTestCase):
    def test_is_as_it_stands_in_a_header(self) -> None:
        self.assertIsNotNone(
            re.fullmatch(
                r'signature=[A-Za-z0-9._-]+,repository="acme/web",access=read',
                self.issue(),
            )
        )

    def test_has_a_namespace_always(self) -> None:
        token = self.issue(RepositoryName("solo"))
        self.assertIn('repository="library/solo"', token)

    @given(TEXTS, st.frozensets(TEXTS, max_size=4))
    def test_any_identity_is_safe_in_a_header(
        self, name: str, groups: frozenset[str]
    ) -> None:
        identity = Identity(name, groups)
        token = self.present(self.issue(identity=identity))
        self.assertEqual(self.verifier.verify(token).identity, identity)

    def test_nonce_tells_tokens_apart(self) -> None:
        first = self.signer.issue(WEB, Access.READ, BOB, 60, "1")
        second = self.signer.issue(WEB, Access.READ, BOB, 60, "2")
        self.assertNotEqual(first, second)

    def test_what_is_no_nonce_is_refused(self) -> None:
        for nonce in ("", "a b", "é", "x" * 65, "a\n"):
            with self.assertRaises(ValueError):
                self.signer.issue(WEB, Access.READ, BOB, 60, nonce)

    def test_what_no_header_has_room_for_is_refused(self) -> None:
        groups = frozenset(f"group-{number}" for number in range(500))
        with self.assertRaises(ValueError):
            self.issue(identity=Identity("bob", groups))


class VerifyTests(TokenTestCase):
    def test_says_what_was_issued(self) -> None:
        self.assertEqual(
            self.verifier.verify(self.present(self.issue())),
            Claims(WEB, Access.READ, BOB, 1_000_003_600, "n-1"),
        )

    def test_may_be_issued_to_nobody_in_particular(self) -> None:
        claims = self.verifier.verify(self.present(self.issue(identity=ANONYMOUS)))
        self.assertEqual(claims.identity, ANONYMOUS)

    def test_repository_is_in_its_short_form(self) -> None:
        token = self.present(self.issue(RepositoryName("solo")))
        self.assertEqual(self.verifier.verify(token).repository, RepositoryName("solo"))

    def test_can_be_used_many_times(self) -> None:
        token = self.present(self.issue())
        first = self.verifier.verify(token)
        self.assertEqual([self.verifier.verify(token) for _ in range(3)], [first] * 3)

    def test_access_cannot_be_widened(self) -> None:
        self.refuse(self.present(self.issue().replace("read", "write")))

    def test_repository_cannot_be_changed(self) -> None:
        self.refuse(self.present(self.issue().replace("acme/web", "acme/secret")))

    def test_what_was_verified_cannot_be_widened_then(self) -> None:
        token = self.present(self.issue())
        self.verifier.verify(token)
        self.refuse(replace(token, access=Access.WRITE))
        self.refuse(replace(token, repository=RepositoryName("acme/secret")))

    def test_no_character_can_be_changed(self) -> None:
        token = self.present(self.issue())
        self.verifier.verify(token)
        for place, letter in enumerate(token.signature):
            other = "A" if letter != "A" else "B"
            signature = token.signature[:place] + other + token.signature[place + 1 :]
            self.refuse(replace(token, signature=signature))

    def test_no_character_can_be_left_out_or_added(self) -> None:
        signature = self.present(self.issue()).signature
        for changed in (
            signature[:-1],
            signature[1:],
            f"{signature}A",
            f"{signature}.",
        ):
            self.refuse(self.present(self.issue().replace(signature, changed)))

    def test_other_key_is_unknown(self) -> None:
        self.signer = TokenSigner(OTHER, self.clock)
        self.refuse(self.present(self.issue()))

    def test_other_key_under_the_name_of_ours_is_false(self) -> None:
        ours = tokens.key_id(KEY.public_key())
        theirs = tokens.key_id(OTHER.public_key())
        self.signer = TokenSigner(OTHER, self.clock)
        self.refuse(self.present(self.issue().replace(theirs, ours)))

    def test_one_of_several_keys_is_enough(self) -> None:
        self.verifier = TokenVerifier(
            [OTHER.public_key(), KEY.public_key()], self.clock
        )
        self.verifier.verify(self.present(self.issue()))

    def test_without_keys_all_are_false(self) -> None:
        self.verifier = TokenVerifier([], self.clock)
        self.refuse(self.present(self.issue()))

    def test_another_version_is_refused(self) -> None:
        self.refuse(self.present(self.issue().replace("signature=1.", "signature=2.")))

    def test_tokens_of_other_indexes_are_refused(self) -> None:
        for signature in ("k7Q", "1.", "1..", "1...", "....", "."):
            self.refuse(self.present(TOKEN.replace("k7Q", signature)))

    def test_is_good_until_it_expires(self) -> None:
        token = self.present(self.issue())
        self.clock.advance(3599)
        self.verifier.verify(token)
        self.clock.advance(1)
        self.refuse(token)

    def test_what_was_never_seen_before_it_expired_is_refused(self) -> None:
        token = self.present(self.issue())
        self.clock.advance(3600)
        self.refuse(token)

    def test_clock_of_the_issuer_may_be_ahead_somewhat(self) -> None:
        ahead = Clock()
        ahead.advance(self.clock.seconds() + 300)
        self.signer = TokenSigner(KEY, ahead)
        self.verifier.verify(self.present(self.issue()))

    def test_token_of_the_future_is_refused(self) -> None:
        ahead = Clock()
        ahead.advance(self.clock.seconds() + 301)
        self.signer = TokenSigner(KEY, ahead)
        self.refuse(self.present(self.issue()))

    def test_no_more_is_remembered_than_there_is_room_for(self) -> None:
        self.patch(tokens, "_REMEMBERED", 2)
        for nonce in "abcd":
            text = self.signer.issue(WEB, Access.READ, BOB, 60, nonce)
            self.verifier.verify(self.present(text))
        self.assertEqual(len(self.verifier._verified), 2)

    def test_what_is_false_is_not_remembered(self) -> None:
        self.refuse(self.present(self.issue().replace("read", "write")))
        self.assertEqual(len(self.verifier._verified), 0)
