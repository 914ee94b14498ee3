"""Tests of which tokens ``txregistry/auth/bearer.py`` takes for genuine."""

import hashlib
import hmac
from typing import Final

from tests.auth.bearercase import (
    CRITICAL,
    EARLY,
    EXPIRED,
    FALSE,
    NOT_ALLOWED,
    UNFIT,
    UNREADABLE,
    UNTRUSTED,
    VerifierCase,
)
from tests.auth.bearertokens import (
    ED,
    ISSUER,
    NOW,
    OTHER,
    P256,
    P384,
    P521,
    SERVICE,
    PrivateKey,
    claims,
    encode,
    jwk_of,
    jwks,
    name_of,
    public_pem,
    rsa_key,
    sign,
    trusted,
)
from txregistry.auth.keysets import parse_jwks
from txregistry.model.errors import Unauthorized

TOKEN: Final = sign(claims())


class AlgorithmTests(VerifierCase):
    def test_none_is_refused(self) -> None:
        for alg in ("none", "None", "NONE", "nOnE", ""):
            header = encode({"alg": alg, "kid": name_of(ED)})
            for signature in ("", encode(b"x" * 64)):
                self.refuse(f"{header}.{encode(claims())}.{signature}", NOT_ALLOWED)

    def test_missing_algorithm_is_refused(self) -> None:
        for header in (b'{"kid":"x"}', b'{"alg":null}', b'{"alg":["EdDSA"]}'):
            self.refuse(sign(claims(), header=header), UNREADABLE)

    def test_public_key_is_no_secret(self) -> None:
        for key in (ED, P256, rsa_key()):
            verifier = self.make(trusted(key))
            jwk = encode(jwk_of(key)).encode()
            for secret in (public_pem(key), public_pem(key).strip(), jwk, b""):
                for alg, digest in (
                    ("HS256", hashlib.sha256),
                    ("HS512", hashlib.sha512),
                ):
                    header = encode({"alg": alg, "kid": name_of(key)})
                    said = f"{header}.{encode(claims())}"
                    mac = hmac.digest(secret, said.encode(), digest)
                    self.refuse(f"{said}.{encode(mac)}", NOT_ALLOWED, verifier)

    def test_algorithm_of_another_type_of_key_is_refused(self) -> None:
        verifier = self.make(trusted(ED, P256, P384, rsa_key()))
        keys: list[tuple[PrivateKey, str]] = [
            (ED, "EdDSA"),
            (P256, "ES256"),
            (P384, "ES384"),
            (rsa_key(), "RS256"),
        ]
        for key, by in keys:
            for _, alg in keys:
                if alg != by:
                    token = sign(claims(), key, alg, by=by)
                    self.refuse(token, UNFIT, verifier)

    def test_algorithm_that_was_not_used_is_refused(self) -> None:
        verifier = self.make(trusted(rsa_key()))
        for alg, by in (("RS256", "PS256"), ("RS512", "RS256"), ("PS256", "RS256")):
            self.refuse(sign(claims(), rsa_key(), alg, by=by), FALSE, verifier)

    def test_algorithm_that_the_set_does_not_tell_is_refused(self) -> None:
        verifier = self.make(parse_jwks(jwks(jwk_of(rsa_key(), alg="RS512"))))
        self.accept(sign(claims(), rsa_key(), "RS512"), verifier)
        self.refuse(sign(claims(), rsa_key(), "RS256"), UNFIT, verifier)

    def test_algorithm_that_is_not_allowed_is_refused(self) -> None:
        verifier = self.make(trusted(ED, rsa_key()), algorithms=["RS256"])
        self.accept(sign(claims(), rsa_key(), "RS256"), verifier)
        self.refuse(sign(claims(), rsa_key(), "RS384"), NOT_ALLOWED, verifier)
        self.refuse(TOKEN, NOT_ALLOWED, verifier)

    def test_unknown_algorithms_cannot_be_allowed(self) -> None:
        for algorithms in (["HS256"], ["RS256", "none"], ["rs256"], []):
            with self.assertRaises(ValueError):
                self.make(trusted(ED), algorithms=algorithms)


class ClaimTests(VerifierCase):
    def test_other_issuer_is_refused(self) -> None:
        for issuer in ("", "evil.example", f"{ISSUER} ", ISSUER.upper()):
            self.refuse(sign(claims(iss=issuer)), "it is of another issuer")

    def test_other_service_is_refused(self) -> None:
        for service in ("", "other.example", f"{SERVICE}.evil", [], ["other.example"]):
            self.refuse(sign(claims(aud=service)), "it is for another service")

    def test_one_of_several_services_may_be_ours(self) -> None:
        self.accept(sign(claims(aud=["other.example", SERVICE])))

    def test_what_must_be_there_must_be_there(self) -> None:
        for name in ("iss", "aud", "exp"):
            self.refuse(sign(claims(**{name: None})), UNREADABLE)

    def test_what_may_be_missing_may_be(self) -> None:
        self.accept(sign(claims(nbf=None, iat=None, jti=None, access=None)))

    def test_other_types_are_refused(self) -> None:
        for others in (
            {"iss": [ISSUER]},
            {"aud": {SERVICE: True}},
            {"aud": [SERVICE, 1]},
            {"sub": 7},
            {"sub": ["bob"]},
            {"exp": str(NOW + 60)},
            {"exp": True},
            {"nbf": "0"},
            {"iat": [0]},
        ):
            self.refuse(sign(claims(**others)), UNREADABLE)

    def test_dates_may_have_fractions(self) -> None:
        self.accept(sign(claims(exp=NOW + 0.5, nbf=NOW - 0.5, iat=NOW - 0.5)))

    def test_far_dates_are_what_they_are(self) -> None:
        self.accept(sign(claims(exp=1e300, nbf=-1e300, iat=0)))
        self.refuse(sign(claims(exp=-1e300)), EXPIRED)
        self.refuse(sign(claims(nbf=1e300)), EARLY)

    def test_what_is_no_number_is_refused(self) -> None:
        for number in (b"1e999", b"NaN", b"Infinity", b"1" * 5000, b"-", b"0x7"):
            payload = b'{"iss":"auth.example","aud":"registry.example","exp":%b}'
            self.refuse(sign(payload % number), UNREADABLE)

    def test_expired_is_refused_after_the_leeway(self) -> None:
        self.accept(sign(claims(exp=NOW - 59)))
        self.refuse(sign(claims(exp=NOW - 60)), EXPIRED)

    def test_future_is_refused_before_the_leeway(self) -> None:
        for name in ("nbf", "iat"):
            self.accept(sign(claims(**{name: NOW + 60})))
            self.refuse(sign(claims(**{name: NOW + 61})), EARLY)

    def test_future_comes(self) -> None:
        token = sign(claims(nbf=NOW + 90))
        self.refuse(token, EARLY)
        self.clock.advance(30)
        self.accept(token)

    def test_leeway_may_be_other(self) -> None:
        verifier = self.make(trusted(ED), leeway=0.0)
        self.accept(sign(claims(exp=NOW + 1)), verifier)
        self.refuse(sign(claims(exp=NOW)), EXPIRED, verifier)
        self.refuse(sign(claims(nbf=NOW + 1)), EARLY, verifier)

    def test_what_is_no_name_is_refused(self) -> None:
        for name in ("\0", "bob\n", "\x7f", "\x85", "b" * 1025):
            self.refuse(sign(claims(sub=name)), "it is issued to what is no name")

    def test_names_may_have_letters_of_all_languages(self) -> None:
        for name in ("renée", "ボブ", "b" * 1024, "spiffe://example/bob"):
            self.assertEqual(self.verifier.verify(sign(claims(sub=name))).name, name)


class FormTests(VerifierCase):
    def test_changed_claims_are_refused(self) -> None:
        header, _, signature = TOKEN.split(".")
        changed = encode(claims(sub="root"))
        self.refuse(f"{header}.{changed}.{signature}", FALSE)

    def test_changed_header_is_refused(self) -> None:
        _, payload, signature = TOKEN.split(".")
        changed = encode({"alg": "EdDSA", "typ": "x", "kid": name_of(ED)})
        self.refuse(f"{changed}.{payload}.{signature}", FALSE)

    def test_empty_or_short_signature_is_refused(self) -> None:
        said = TOKEN.rpartition(".")[0]
        for signature in (b"\0", b"\0" * 63, b"\0" * 64, b"\0" * 65):
            self.refuse(f"{said}.{encode(signature)}", FALSE)

    def test_zeros_are_no_signature_of_any_curve(self) -> None:
        for key, alg, size in ((P256, "ES256", 64), (P521, "ES512", 132)):
            said = sign(claims(), key, alg).rpartition(".")[0]
            token = f"{said}.{encode(bytes(size))}"
            self.refuse(token, FALSE, self.make(trusted(key)))

    def test_other_spelling_of_a_signature_is_refused(self) -> None:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        place = alphabet.index(TOKEN[-1])
        same_bytes = TOKEN[:-1] + alphabet[place + 1]  # four bits of it say nothing
        with self.assertRaises(Unauthorized):
            self.verifier.verify(same_bytes)
        with self.assertRaises(Unauthorized):
            self.verifier.verify(f"{TOKEN}==")

    def test_what_cannot_be_read_is_refused(self) -> None:
        for data in (
            b"",
            b"null",
            b"[]",
            b"{",
            b"{}x",
            b"\xff{}",
            b'{"alg":"\xff"}',
            b'{"alg":"\\ud800"}',
            b"[" * 12_000,
            b'{"a":' * 2_000,
            b'{"alg":"EdDSA","x5c":' + b"[" * 5_000,
        ):
            self.refuse(sign(claims(), header=data or b" "), UNREADABLE)
            self.refuse(sign(data or b" "), UNREADABLE)

    def test_bombs_that_are_signed_are_refused(self) -> None:
        said = b'{"iss":"auth.example","aud":"registry.example","exp":1e12,"access":'
        for bomb in (b"[" * 5_000, b'{"a":' * 2_000, b"[" * 5_000 + b"]" * 5_000):
            self.refuse(sign(said + bomb + b"}"), UNREADABLE)

    def test_critical_header_is_refused(self) -> None:
        named = {"kid": name_of(ED)}
        for crit in (["b64"], ["exp"], [], None, "x"):
            self.refuse(sign(claims(), header={**named, "crit": crit}), CRITICAL)
        b64 = {**named, "b64": False, "crit": ["b64"]}
        self.refuse(sign(claims(), header=b64), CRITICAL)

    def test_type_does_not_count(self) -> None:
        for kind in ("JWT", "at+jwt", None, 1):
            self.accept(sign(claims(), header={"kid": name_of(ED), "typ": kind}))


class RememberingTests(VerifierCase):
    def test_many_tokens_are_good(self) -> None:
        tokens = [sign(claims(jti=str(number))) for number in range(1100)]
        for token in tokens:
            self.accept(token)
        self.assertLessEqual(len(self.verifier._verified), 1000)
        self.accept(tokens[0])

    def test_same_words_with_another_signature_are_refused(self) -> None:
        self.accept(TOKEN)
        said = TOKEN.rpartition(".")[0]
        self.refuse(f"{said}.{encode(b's' * 64)}", FALSE)

    def test_what_is_refused_is_not_remembered(self) -> None:
        for number in range(10):
            self.refuse(sign(claims(jti=str(number)), OTHER), UNTRUSTED)
        self.assertEqual(len(self.verifier._verified), 0)
