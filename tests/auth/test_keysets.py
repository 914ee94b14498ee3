"""Tests of ``txregistry/auth/keysets.py``."""

from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.bearertokens import (
    ED,
    NOW,
    OTHER,
    P256,
    P384,
    P521,
    PrivateKey,
    jwk_of,
    jwks,
    name_of,
    rsa_key,
    trusted,
)
from tests.auth.chained import HOUR, ROOT, authority, certify, usage
from txregistry.auth.keynames import fingerprint
from txregistry.auth.keysets import (
    KeySetError,
    TrustedKeys,
    join,
    parse_bundle,
    parse_jwks,
)

WORDS: Final = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops", "d"]
VALUES: Final = [
    "RSA",
    "EC",
    "OKP",
    "P-256",
    "Ed25519",
    "AQAB",
    "sig",
    "EdDSA",
    "A" * 43,
]
ANY: Final = st.none() | st.integers() | st.text(max_size=9) | st.sampled_from(VALUES)


class ParseJwksTests(SynchronousTestCase):
    def refuse(self, data: bytes, sentence: str) -> None:
        """Make sure that a set is refused, and what is said of it."""
        with self.assertRaises(KeySetError) as caught:
            parse_jwks(data)
        self.assertIn(sentence, str(caught.exception))

    def algorithms(self, key: PrivateKey, **others: object) -> set[str]:
        """Give what a key may be used with."""
        found = parse_jwks(jwks(jwk_of(key, kid="k", **others)))
        return set(found.by_name["k"].algorithms)

    def test_key_has_three_names(self) -> None:
        found = parse_jwks(jwks(jwk_of(ED, kid="mine")))
        self.assertEqual(
            set(found.by_name), {"mine", name_of(ED), fingerprint(ED.public_key())}
        )
        for trusted_key in found.by_name.values():
            self.assertEqual(trusted_key.key, ED.public_key())

    def test_key_without_a_name_has_two(self) -> None:
        found = parse_jwks(jwks(jwk_of(ED)))
        self.assertEqual(
            set(found.by_name), {name_of(ED), fingerprint(ED.public_key())}
        )

    def test_algorithm_fits_the_key(self) -> None:
        rsa = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
        for key, expected in (
            (ED, {"EdDSA"}),
            (P256, {"ES256"}),
            (P384, {"ES384"}),
            (P521, {"ES512"}),
            (rsa_key(), rsa),
        ):
            self.assertEqual(self.algorithms(key), expected)

    def test_algorithm_may_be_told(self) -> None:
        self.assertEqual(self.algorithms(rsa_key(), alg="PS256"), {"PS256"})

    def test_algorithm_that_does_not_fit_is_refused(self) -> None:
        for key, alg in ((ED, "RS256"), (P256, "ES384"), (rsa_key(), "EdDSA")):
            self.refuse(jwks(jwk_of(key, alg=alg)), f"cannot be used with {alg}")

    def test_there_are_no_bounds_in_time(self) -> None:
        key = trusted(ED).by_name[name_of(ED)]
        self.assertLess(key.since, 0)
        self.assertGreater(key.until, 1e18)

    def test_nobody_is_an_authority(self) -> None:
        self.assertEqual(trusted(ED).authorities, ())

    def test_what_is_not_for_us_is_left_out(self) -> None:
        k1 = ec.derive_private_key(5, ec.SECP256K1()).public_key()
        ed448 = Ed448PrivateKey.generate().public_key()
        for entry in (
            {"kty": "new", "x": "y"},
            {"x": "y"},
            {"kty": 7},
            {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
            ECAlgorithm.to_jwk(k1, as_dict=True),
            OKPAlgorithm.to_jwk(ed448, as_dict=True),
            jwk_of(P256, use="enc"),
            jwk_of(P256, key_ops=["encrypt"]),
            jwk_of(P256, key_ops="verify"),
            jwk_of(rsa_key(), alg="RSA-OAEP"),
            jwk_of(rsa_key(), alg="HS256"),
            jwk_of(rsa_key(), alg="none"),
            jwk_of(rsa_key(), alg=256),
        ):
            self.assertEqual(parse_jwks(jwks(entry, jwk_of(ED))), trusted(ED))
            self.refuse(jwks(entry), "No key of the set")

    def test_what_is_for_signatures_is_taken(self) -> None:
        for others in ({"use": "sig"}, {"key_ops": ["sign", "verify"]}):
            self.assertEqual(self.algorithms(ED, **others), {"EdDSA"})

    def test_further_members_say_nothing(self) -> None:
        entry = jwk_of(ED, x5u="https://evil.example", x5c=["!"], ext=True, x5t=1)
        self.assertEqual(parse_jwks(jwks(entry)), trusted(ED))

    def test_empty_set_is_refused(self) -> None:
        self.refuse(jwks(), "No key of the set")

    def test_private_key_is_refused(self) -> None:
        for key in (
            OKPAlgorithm.to_jwk(OTHER, as_dict=True),
            ECAlgorithm.to_jwk(P256, as_dict=True),
            RSAAlgorithm.to_jwk(rsa_key(), as_dict=True),
            {"kty": "oct", "k": "c2VjcmV0"},
        ):
            self.refuse(jwks(jwk_of(ED), key), "Key number 2 is private or secret")

    def test_name_that_is_there_twice_is_refused(self) -> None:
        self.refuse(
            jwks(jwk_of(ED, kid="k"), jwk_of(P256, kid="k")),
            "Two keys have the name 'k'",
        )

    def test_two_keys_without_names_are_taken(self) -> None:
        self.assertEqual(len(trusted(ED, P256).by_name), 4)

    def test_same_key_may_have_two_names(self) -> None:
        found = parse_jwks(jwks(jwk_of(ED, kid="old"), jwk_of(ED, kid="new")))
        self.assertEqual(found.by_name["old"], found.by_name["new"])

    def test_name_that_is_no_text_is_refused(self) -> None:
        for name in (1, None, ["k"]):
            self.refuse(jwks(jwk_of(ED, kid=name)), "a name that is no text")

    def test_weak_key_is_refused(self) -> None:
        self.refuse(jwks(jwk_of(rsa_key(1024))), "has 1024 bits")

    def test_slow_key_is_refused(self) -> None:
        modulus = "gA" + "A" * 1396 + "AB"
        self.refuse(jwks({"kty": "RSA", "e": "AQAB", "n": modulus}), "has 8400 bits")

    def test_key_that_proves_nothing_is_refused(self) -> None:
        self.refuse(jwks({**jwk_of(rsa_key()), "e": "AQ"}), "cannot be read")

    def test_malformed_key_is_refused(self) -> None:
        for entry in (
            {"kty": "RSA"},
            {"kty": "RSA", "n": "AQAB", "e": 3},
            {"kty": "RSA", "n": "", "e": ""},
            {"kty": "EC", "crv": "P-256"},
            {"kty": "OKP", "crv": "Ed25519"},
            {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
            {"kty": "OKP", "crv": "P-256", "x": "A" * 43},
            {"kty": "EC", "crv": "Ed25519", "x": "A" * 43, "y": "A" * 43},
            {**jwk_of(P256), "y": "A" * 43},
            {**jwk_of(P256), "crv": "P-384"},
        ):
            self.refuse(jwks(entry), "Key number 1 cannot be read")

    def test_what_is_no_set_is_refused(self) -> None:
        for data in (
            b"",
            b"{}",
            b"[]",
            b"null",
            b'{"keys": {}}',
            b'{"keys": [1]}',
            b'{"keys": null}',
            b"\xff",
            b'{"keys": [' + b"[" * 100_000,
            b'{"keys": [' + b'{"a":' * 100_000,
            ROOT.pem,
        ):
            self.refuse(data, "This is no JSON Web Key Set")

    def test_large_set_is_refused(self) -> None:
        self.refuse(b" " * (1 << 20) + b"{}", "has more than 1048576 bytes")
        self.refuse(jwks(*[{"kty": "new"}] * 1001), "has more than 1000 keys")

    @given(st.binary() | st.recursive(ANY, st.lists).map(msgspec.json.encode))
    def test_any_bytes_are_refused(self, data: bytes) -> None:
        with self.assertRaises(KeySetError):
            parse_jwks(data)

    @given(st.dictionaries(st.sampled_from(WORDS), ANY))
    def test_any_entry_is_read_or_refused(self, entry: dict[str, Any]) -> None:
        try:
            found = parse_jwks(jwks(entry))
        except KeySetError:
            return
        self.assertTrue(found.by_name)


class ParseBundleTests(SynchronousTestCase):
    def refuse(self, data: bytes, sentence: str) -> None:
        """Make sure that a bundle is refused, and what is said of it."""
        with self.assertRaises(KeySetError) as caught:
            parse_bundle(data)
        self.assertIn(sentence, str(caught.exception))

    def test_certificates_are_authorities(self) -> None:
        other = certify("other", ED)
        found = parse_bundle(b"Ours:\n" + ROOT.pem + b"\n" + other.pem)
        self.assertEqual(found.authorities, (ROOT.certificate, other.certificate))

    def test_their_keys_are_trusted_while_they_are_valid(self) -> None:
        key = parse_bundle(ROOT.pem).by_name[name_of(P256)]
        self.assertEqual(key.key, P256.public_key())
        self.assertEqual(key.algorithms, {"ES256"})
        self.assertEqual((key.since, key.until), (NOW - HOUR, NOW + HOUR))

    def test_they_have_fingerprints(self) -> None:
        found = parse_bundle(ROOT.pem)
        self.assertIn(fingerprint(P256.public_key()), found.by_name)

    def test_key_of_an_unknown_type_signs_no_token(self) -> None:
        for key in (
            Ed448PrivateKey.generate(),
            ec.generate_private_key(ec.SECP256K1()),
        ):
            pem = certify("odd", key, ROOT).pem  # type: ignore[arg-type]  # on purpose
            found = parse_bundle(pem)
            self.assertEqual((len(found.by_name), len(found.authorities)), (0, 1))

    def test_weak_key_is_refused(self) -> None:
        weak = certify("weak", rsa_key(1024), None, authority(), usage(certify=True))
        self.refuse(ROOT.pem + weak.pem, "Certificate number 2 has 1024 bits")

    def test_private_key_is_refused(self) -> None:
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            secret = P256.private_bytes(Encoding.PEM, form, NoEncryption())
            self.refuse(ROOT.pem + secret, "There is a private key")

    def test_what_is_no_certificate_is_refused(self) -> None:
        for data in (
            b"",
            b"nothing",
            jwks(jwk_of(ED)),
            ROOT.pem.replace(b"\nM", b"\nA"),
        ):
            self.refuse(data, "no certificate in PEM form")

    def test_large_bundle_is_refused(self) -> None:
        self.refuse(b" " * (1 << 20) + ROOT.pem, "has more than 1048576 bytes")
        self.refuse(certify("s", ED).pem * 1001, "has more than 1000 certificates")

    @given(st.binary(), st.integers(0, len(ROOT.pem)))
    def test_any_bytes_are_read_or_refused(self, data: bytes, place: int) -> None:
        changed = ROOT.pem[:place] + data + ROOT.pem[place:]
        for text in (data, changed, ROOT.pem[:place]):
            try:
                self.assertTrue(parse_bundle(text).authorities)
            except KeySetError:
                continue


class JoinTests(SynchronousTestCase):
    def test_has_the_keys_of_all(self) -> None:
        joined = join([trusted(ED), parse_bundle(ROOT.pem)])
        self.assertLessEqual({name_of(ED), name_of(P256)}, set(joined.by_name))
        self.assertEqual(joined.authorities, (ROOT.certificate,))

    def test_same_key_may_be_in_both(self) -> None:
        joined = join([trusted(P256), parse_bundle(ROOT.pem)])
        self.assertEqual(joined.by_name, trusted(P256).by_name)

    def test_name_of_two_keys_is_refused(self) -> None:
        sets = [parse_jwks(jwks(jwk_of(key, kid="k"))) for key in (ED, OTHER)]
        with self.assertRaises(KeySetError) as caught:
            join(sets)
        self.assertIn("'k'", str(caught.exception))

    def test_no_key_at_all_is_refused(self) -> None:
        for sets in ([], [TrustedKeys()]):
            with self.assertRaises(KeySetError):
                join(sets)
