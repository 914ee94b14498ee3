"""Tests of which keys ``txregistry/auth/bearer.py`` trusts."""

from typing import Final

from tests.auth.bearercase import (
    CHAIN,
    EXPIRED,
    FALSE,
    UNFIT,
    UNREADABLE,
    UNTRUSTED,
    VerifierCase,
)
from tests.auth.bearertokens import (
    ED,
    NOW,
    OTHER,
    P256,
    P384,
    P521,
    PrivateKey,
    claims,
    jwk_of,
    jwks,
    name_of,
    rsa_key,
    sign,
    trusted,
)
from tests.auth.chained import BETWEEN, HOUR, ROOT, authority, certify, usage
from txregistry.auth.keynames import fingerprint
from txregistry.auth.keysets import join, parse_bundle, parse_jwks

TOKEN: Final = sign(claims())
SIGNER: Final = certify("signer", P521, BETWEEN, usage(sign=True))
BUNDLE: Final = parse_bundle(ROOT.pem)


class KeyTests(VerifierCase):
    def test_all_types_of_keys(self) -> None:
        keys: list[tuple[PrivateKey, str]] = [
            (ED, "EdDSA"),
            (P256, "ES256"),
            (P384, "ES384"),
            (P521, "ES512"),
            *(
                (rsa_key(), f"{kind}{bits}")
                for kind in ("RS", "PS")
                for bits in (256, 384, 512)
            ),
        ]
        verifier = self.make(trusted(*{key: None for key, _ in keys}))
        for key, alg in keys:
            self.accept(sign(claims(), key, alg), verifier)

    def test_all_names_of_a_key(self) -> None:
        verifier = self.make(parse_jwks(jwks(jwk_of(ED, kid="mine"))))
        for name in ("mine", name_of(ED), fingerprint(ED.public_key())):
            self.accept(sign(claims(), header={"kid": name}), verifier)

    def test_key_of_a_certificate_in_the_bundle(self) -> None:
        verifier = self.make(BUNDLE)
        for name in (name_of(P256), fingerprint(P256.public_key())):
            self.accept(sign(claims(), P256, "ES256", {"kid": name}), verifier)

    def test_unknown_key_is_refused(self) -> None:
        self.refuse(sign(claims(), OTHER), UNTRUSTED)

    def test_key_without_a_name_is_refused(self) -> None:
        for header in ({}, {"kid": ""}, {"kid": None}):
            self.refuse(sign(claims(), header=header), UNTRUSTED)

    def test_name_of_another_key_is_refused(self) -> None:
        self.refuse(sign(claims(), OTHER, header={"kid": name_of(ED)}), FALSE)

    def test_key_in_the_token_is_no_reason_to_trust_it(self) -> None:
        named = {"kid": name_of(ED)}
        for header in ({"jwk": jwk_of(OTHER)}, {"jwk": jwk_of(OTHER), **named}):
            self.refuse(sign(claims(), OTHER, header=header), UNTRUSTED)
        claimed = {"jwk": jwk_of(OTHER, kid=name_of(ED))}
        self.refuse(sign(claims(), OTHER, header=claimed), UNTRUSTED)

    def test_key_in_the_token_may_be_a_trusted_one(self) -> None:
        self.accept(sign(claims(), header={"jwk": jwk_of(ED, kid="any")}))

    def test_trusted_key_in_a_token_of_another_key_is_refused(self) -> None:
        self.refuse(sign(claims(), OTHER, header={"jwk": jwk_of(ED)}), FALSE)

    def test_what_is_no_key_in_the_token_is_refused(self) -> None:
        for jwk in ({}, {"kty": "oct", "k": "x"}, {"kty": ["EC"]}, {"kty": "OKP"}):
            self.refuse(sign(claims(), header={"jwk": jwk}), UNTRUSTED)
        for other in ("x", 1, [jwk_of(ED)]):
            self.refuse(sign(claims(), header={"jwk": other}), UNREADABLE)

    def test_where_keys_could_be_got_is_not_read(self) -> None:
        places = {"jku": "https://evil.example", "x5u": "https://evil.example"}
        self.accept(sign(claims(), header={"kid": name_of(ED), **places}))
        self.refuse(sign(claims(), OTHER, header=places), UNTRUSTED)
        self.accept(sign(claims(), header={"kid": name_of(ED), "jku": [1], "x5u": {}}))


class ChainTests(VerifierCase):
    def setUp(self) -> None:
        super().setUp()
        self.verifier = self.make(join([BUNDLE, trusted(ED)]))

    def token(self, *chain: str, **header: object) -> str:
        """Make a token that brings a chain of certificates along."""
        return sign(claims(), P521, "ES512", {"x5c": chain, **header})

    def test_certified_key_is_trusted(self) -> None:
        self.accept(self.token(SIGNER.text, BETWEEN.text))

    def test_name_does_not_count_then(self) -> None:
        self.accept(self.token(SIGNER.text, BETWEEN.text, kid="any"))

    def test_chain_of_others_is_refused(self) -> None:
        foreign = certify("root", P384, None, authority(), usage(certify=True))
        signer = certify("signer", P521, foreign, usage(sign=True))
        for chain in ([signer.text], [signer.text, foreign.text], [SIGNER.text], ["x"]):
            self.refuse(self.token(*chain), CHAIN)

    def test_bad_chain_is_refused_whatever_the_name(self) -> None:
        token = sign(claims(), header={"x5c": ["x"], "kid": name_of(ED)})
        self.refuse(token, CHAIN)

    def test_empty_chain_is_refused(self) -> None:
        self.refuse(self.token(), "The chain has not 1 to 4 certificates.")

    def test_chain_of_another_key_is_refused(self) -> None:
        signer = certify("signer", P384, BETWEEN, usage(sign=True))
        header = {"x5c": [signer.text, BETWEEN.text]}
        self.refuse(sign(claims(), OTHER, "EdDSA", header), UNFIT)
        self.refuse(sign(claims(), P521, "ES384", header, by="ES512"), FALSE)

    def test_expired_chain_is_refused(self) -> None:
        signer = certify("signer", P521, BETWEEN, until=-1)
        self.refuse(self.token(signer.text, BETWEEN.text), CHAIN)

    def test_chain_that_is_not_for_signatures_is_refused(self) -> None:
        signer = certify("signer", P521, BETWEEN, usage())
        self.refuse(self.token(signer.text, BETWEEN.text), CHAIN)

    def test_chain_expires_while_the_token_is_known(self) -> None:
        signer = certify("signer", P521, BETWEEN, until=100)
        token = self.token(signer.text, BETWEEN.text)
        self.accept(token)
        self.clock.advance(99)
        self.accept(token)
        self.clock.advance(1)
        self.refuse(token, EXPIRED)

    def test_certificate_in_the_bundle_expires(self) -> None:
        token = sign(claims(exp=NOW + 9 * HOUR), P256, "ES256")
        self.accept(token)
        self.clock.advance(HOUR)
        self.refuse(token, EXPIRED)

    def test_chain_says_nothing_where_there_is_no_bundle(self) -> None:
        verifier = self.make(trusted(ED))
        token = sign(claims(), header={"x5c": ["x"], "kid": name_of(ED)})
        self.accept(token, verifier)
        self.refuse(self.token(SIGNER.text, BETWEEN.text), UNTRUSTED, verifier)

    def test_chain_of_another_form_is_refused(self) -> None:
        for chain in ("x", {"0": SIGNER.text}, [1], [[SIGNER.text]]):
            self.refuse(sign(claims(), P521, "ES512", {"x5c": chain}), UNREADABLE)


class RotationTests(VerifierCase):
    def test_new_key_is_trusted_from_then_on(self) -> None:
        token = sign(claims(), OTHER)
        self.refuse(token, UNTRUSTED)
        self.verifier.trust(trusted(ED, OTHER))
        self.accept(token)
        self.accept(TOKEN)

    def test_tokens_of_a_key_that_is_gone_are_refused(self) -> None:
        self.accept(TOKEN)
        self.verifier.trust(trusted(OTHER))
        self.refuse(TOKEN, UNTRUSTED)

    def test_tokens_of_an_authority_that_is_gone_are_refused(self) -> None:
        verifier = self.make(BUNDLE)
        token = sign(claims(), P521, "ES512", {"x5c": [SIGNER.text, BETWEEN.text]})
        self.accept(token, verifier)
        verifier.trust(trusted(ED))
        self.refuse(token, UNTRUSTED, verifier)

    def test_name_that_goes_to_another_key_takes_its_tokens(self) -> None:
        verifier = self.make(parse_jwks(jwks(jwk_of(ED, kid="k"))))
        token = sign(claims(), header={"kid": "k"})
        self.accept(token, verifier)
        verifier.trust(parse_jwks(jwks(jwk_of(OTHER, kid="k"))))
        self.refuse(token, FALSE, verifier)
