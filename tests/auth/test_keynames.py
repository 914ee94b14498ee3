"""Tests of ``txregistry/auth/keynames.py``."""

import base64
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.bearertokens import ED, P256, P384, P521, rsa_key
from txregistry.auth.keynames import (
    fingerprint,
    jwk_thumbprint,
    public_jwk,
    thumbprint,
)

# RFC 7638, section 3.1.
N: Final = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu"
    "hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN"
    "5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
    "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBni"
    "Iqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
RSA_THUMBPRINT: Final = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

# RFC 8037, appendix A.2 and A.3.
ED_X: Final = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
ED_THUMBPRINT: Final = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

# Distribution, "Token Authentication Implementation".
EC_X: Final = "m7zUpx3b-zmVE5cymSs64POG9QcyEpJaYCD82-549_Q"
EC_Y: Final = "dU3biz8sZ_8GPB-odm8Wxz3lNDr1xcAQQPQaOcr1fmc"
EC_FINGERPRINT: Final = "PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6"


def number(text: str) -> int:
    """Read a number as keys have it."""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


class PublicJwkTests(SynchronousTestCase):
    def test_rsa_is_as_in_the_specification(self) -> None:
        key = RSAPublicNumbers(65537, number(N)).public_key()
        self.assertEqual(public_jwk(key), {"e": "AQAB", "kty": "RSA", "n": N})

    def test_coordinates_keep_their_zeros(self) -> None:
        for secret in (379, 43):  # the first byte is zero: of x, and of y
            key = ec.derive_private_key(secret, ec.SECP256R1()).public_key()
            written = public_jwk(key)
            self.assertIn("A", (written["x"][0], written["y"][0]))
            self.assertEqual((len(written["x"]), len(written["y"])), (43, 43))

    def test_curve_has_its_name(self) -> None:
        for key, curve in ((P256, "P-256"), (P384, "P-384"), (P521, "P-521")):
            self.assertEqual(public_jwk(key.public_key())["crv"], curve)

    @given(st.integers(1, 1 << 255))
    def test_any_point_is_written_as_it_is(self, secret: int) -> None:
        key = ec.derive_private_key(secret, ec.SECP256R1()).public_key()
        written = public_jwk(key)
        self.assertEqual(
            (number(written["x"]), number(written["y"])),
            (key.public_numbers().x, key.public_numbers().y),
        )


class ThumbprintTests(SynchronousTestCase):
    def test_rsa_is_as_in_the_specification(self) -> None:
        key = RSAPublicNumbers(65537, number(N)).public_key()
        self.assertEqual(thumbprint(key), RSA_THUMBPRINT)

    def test_ed25519_is_as_in_the_specification(self) -> None:
        data = base64.urlsafe_b64decode(ED_X + "=")
        key = Ed25519PublicKey.from_public_bytes(data)
        self.assertEqual(thumbprint(key), ED_THUMBPRINT)

    def test_of_a_written_key_is_the_same(self) -> None:
        for key in (ED, P256, P384, P521, rsa_key()):
            written = {**public_jwk(key.public_key()), "kid": "x", "use": "sig"}
            self.assertEqual(jwk_thumbprint(written), thumbprint(key.public_key()))

    def test_what_is_no_key_has_none(self) -> None:
        for jwk in (
            {},
            {"kty": "oct", "k": "x"},
            {"kty": ["RSA"]},
            {"kty": "RSA", "n": N},
            {"kty": "RSA", "n": N, "e": 65537},
        ):
            self.assertIsNone(jwk_thumbprint(jwk))


class FingerprintTests(SynchronousTestCase):
    def test_is_as_in_the_specification(self) -> None:
        numbers = ec.EllipticCurvePublicNumbers(
            number(EC_X), number(EC_Y), ec.SECP256R1()
        )
        self.assertEqual(fingerprint(numbers.public_key()), EC_FINGERPRINT)
