"""Tests of ``txregistry/model/digest.py``."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest, new_hashing, parse_algorithm
from txregistry.model.errors import DigestInvalid

HEX = "0123456789abcdef"
SHA256 = "sha256:" + "a" * 64


class DigestTests(SynchronousTestCase):
    @given(st.text(HEX, min_size=64, max_size=64))
    def test_sha256_is_64_digits(self, encoded: str) -> None:
        digest = Digest.parse(f"sha256:{encoded}")
        self.assertEqual((digest.algorithm, digest.encoded), ("sha256", encoded))

    @given(st.text(HEX, min_size=128, max_size=128))
    def test_sha512_is_128_digits(self, encoded: str) -> None:
        self.assertEqual(Digest.parse(f"sha512:{encoded}").encoded, encoded)

    @given(st.sampled_from(("sha256", "sha512")), st.text(HEX, max_size=130))
    def test_another_length_is_refused(self, algorithm: str, encoded: str) -> None:
        if len(encoded) == {"sha256": 64, "sha512": 128}[algorithm]:
            encoded += "0"
        with self.assertRaises(DigestInvalid):
            Digest.parse(f"{algorithm}:{encoded}")

    @given(st.text(max_size=140))
    def test_any_text_is_a_digest_or_refused(self, text: str) -> None:
        try:
            digest = Digest.parse(text)
        except DigestInvalid:
            return
        self.assertEqual(str(digest), text)

    @given(st.binary(), st.sampled_from(("sha256", "sha512")))
    def test_names_content(self, data: bytes, algorithm: str) -> None:
        digest = Digest.of(data, algorithm)
        self.assertEqual(digest.encoded, hashlib.new(algorithm, data).hexdigest())

    @given(st.binary())
    def test_what_it_says_can_be_read_again(self, data: bytes) -> None:
        digest = Digest.of(data)
        self.assertEqual(Digest.parse(str(digest)), digest)

    def test_upper_case_is_refused(self) -> None:
        with self.assertRaises(DigestInvalid):
            Digest.parse("sha256:" + "A" * 64)

    def test_unknown_algorithm_is_refused(self) -> None:
        with self.assertRaises(DigestInvalid):
            Digest.parse("md5:" + "a" * 32)

    def test_newline_at_the_end_is_refused(self) -> None:
        with self.assertRaises(DigestInvalid):
            Digest.parse(SHA256 + "\n")

    def test_digits_of_other_scripts_are_refused(self) -> None:
        with self.assertRaises(DigestInvalid):
            Digest.parse("sha256:" + "\u0663" * 64)

    def test_refusal_repeats_no_more_than_a_little(self) -> None:
        with self.assertRaises(DigestInvalid) as raised:
            Digest.parse("x" * 100_000)
        self.assertLess(len(str(raised.exception.detail)), 300)

    def test_hashing_in_pieces_comes_to_the_same(self) -> None:
        hashing = new_hashing()
        hashing.update(b"ab")
        hashing.update(b"c")
        self.assertEqual(hashing.hexdigest(), Digest.of(b"abc").encoded)


class AlgorithmTests(SynchronousTestCase):
    def test_sha512_is_known(self) -> None:
        self.assertEqual(parse_algorithm("sha512"), "sha512")

    def test_refusal_tells_what_is_known(self) -> None:
        with self.assertRaises(DigestInvalid) as raised:
            parse_algorithm("md5")
        self.assertIn("sha256, sha512", raised.exception.message)
