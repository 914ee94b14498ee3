"""Tests of ``txregistry/ssh/keys.py``."""

import struct
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st
from twisted.conch.ssh.keys import Key
from twisted.trial.unittest import SynchronousTestCase

from tests.ssh.keys import ALICE, BOB, line, make_dsa, make_ecdsa, make_rsa
from txregistry.ssh.keys import KeysError, KnownKey, fingerprint, parse_keys, wire

PATH = "keys"
DATA = b"what is signed"


def blob(key: Key) -> bytes:
    """Give a key as it goes over the wire."""
    found: bytes = key.public().blob()
    return found


class ParseTests(SynchronousTestCase):
    def known(self, *lines: bytes) -> dict[bytes, str]:
        """Say whose keys a file has."""
        found = parse_keys(PATH, b"".join(lines))
        return {key: each.name for key, each in found.items()}

    def refusal(self, data: bytes) -> str:
        """A file is refused; say why."""
        return str(self.assertRaises(KeysError, parse_keys, PATH, data))

    def test_the_comment_says_whose_key_it_is(self) -> None:
        self.assertEqual(
            self.known(line(ALICE, "alice@laptop"), line(BOB, "Bob  B.")),
            {blob(ALICE): "alice@laptop", blob(BOB): "Bob  B."},
        )

    def test_an_option_says_it_whatever_the_comment_says(self) -> None:
        found = self.known(line(ALICE, "laptop", 'identity="alice"'))
        self.assertEqual(found, {blob(ALICE): "alice"})

    def test_passes_over_comments_and_empty_lines(self) -> None:
        data = b"# keys\n\n  \r\n" + line(ALICE, "alice").replace(b"\n", b"\r\n")
        self.assertEqual(self.known(data), {blob(ALICE): "alice"})

    def test_knows_all_kinds_that_are_good(self) -> None:
        curves = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
        keys = [ALICE, make_rsa(2048), *map(make_ecdsa, curves)]
        found = self.known(*(line(key, "alice") for key in keys))
        self.assertEqual(set(found), set(map(blob, keys)))

    def test_refuses_weak_keys(self) -> None:
        self.assertIn("RSA key of 1024 bits", self.refusal(line(make_rsa(1024), "a")))
        self.assertIn("DSA key, which is too weak", self.refusal(line(make_dsa(), "a")))

    def test_refuses_certificates(self) -> None:
        data = b"ssh-ed25519-cert-v01@openssh.com AAAA alice\n"
        self.assertIn("has a certificate", self.refusal(data))

    def test_refuses_options_that_it_does_not_know(self) -> None:
        for option in ("no-pty", 'from="10.0.0.0/8"', 'command="id"', "restrict"):
            told = self.refusal(line(ALICE, "alice", option))
            self.assertIn(f"has the option {option.partition('=')[0]!r}", told)
            both = self.refusal(line(ALICE, "alice", f'identity="alice",{option}'))
            self.assertIn("line 1: has the option", both)

    def test_refuses_keys_of_nobody(self) -> None:
        for name in ("", "everyone", "authenticated", "anonymous", "@team", "a\x01b"):
            told = self.refusal(line(BOB, "bob") + line(ALICE, name))
            self.assertIn("keys, line 2: does not say whose key it is", told)
        self.assertIn("whose key", self.refusal(line(ALICE, "a", 'identity=""')))

    def test_refuses_a_key_twice(self) -> None:
        told = self.refusal(line(ALICE, "alice") + line(ALICE, "bob"))
        self.assertEqual(told, "keys, line 2: has the key of 'alice' once more.")

    def test_refuses_what_is_damaged(self) -> None:
        good = line(ALICE, "alice")
        for bad in (
            good.replace(b"ssh-ed25519", b"ssh-rsa"),
            good.replace(b"AAAAC3", b"AAAAC4"),
            good.replace(b" alice", b"AA alice"),
            b"ssh-ed25519\n",
            b"ssh-ed25519 !!!! alice\n",
            b"ssh-ed25519 AAAA alice\n",
            b"garbage\n",
            b"\xff\xfe\n",
            b"x" * 20_000 + b"\n",
        ):
            self.assertIn("keys, line 1: ", self.refusal(bad))
        self.assertIn("more than", self.refusal(b"#\n" * (3 << 20)))

    @given(st.binary(max_size=300))
    def test_any_bytes_are_read_or_refused(self, data: bytes) -> None:
        try:
            parse_keys(PATH, data)
        except KeysError as error:
            self.assertTrue(str(error).isprintable())


class VerifyTests(SynchronousTestCase):
    def known(self, key: Key) -> KnownKey:
        """Know a key."""
        (found,) = parse_keys(PATH, line(key, "alice")).values()
        return found

    def good(self, key: Key, algorithm: bytes, data: bytes = DATA) -> bool:
        """Say whether what a key signs is good for the data."""
        signature = key.sign(DATA, signatureType=algorithm)
        return self.known(key).verify(algorithm, signature, data)

    def test_a_signature_is_good_for_what_was_signed(self) -> None:
        rsa = make_rsa(2048)
        pairs: list[tuple[Key, bytes]] = [
            (ALICE, b"ssh-ed25519"),
            (rsa, b"rsa-sha2-256"),
            (rsa, b"rsa-sha2-512"),
            (make_ecdsa(), b"ecdsa-sha2-nistp256"),
        ]
        for key, algorithm in pairs:
            self.assertTrue(self.good(key, algorithm), algorithm)
            self.assertFalse(self.good(key, algorithm, b"other"), algorithm)

    def test_nothing_is_good_by_sha1(self) -> None:
        rsa = make_rsa(2048)
        self.assertFalse(self.good(rsa, b"ssh-rsa"))
        self.assertFalse(self.known(rsa).signs_by(b"ssh-rsa"))
        weak = rsa.sign(DATA, signatureType=b"ssh-rsa")
        self.assertFalse(self.known(rsa).verify(b"rsa-sha2-256", weak, DATA))

    def test_the_signature_of_another_is_not_good(self) -> None:
        signature = BOB.sign(DATA)
        self.assertFalse(self.known(ALICE).verify(b"ssh-ed25519", signature, DATA))

    def test_a_signature_ends_where_it_ends(self) -> None:
        signature = ALICE.sign(DATA) + b"\0"
        self.assertFalse(self.known(ALICE).verify(b"ssh-ed25519", signature, DATA))

    @given(st.binary(max_size=200))
    def test_no_other_bytes_are_good(self, signature: bytes) -> None:
        for algorithm in (b"ssh-ed25519", b"ssh-rsa", b"", signature[:20]):
            self.assertFalse(self.known(ALICE).verify(algorithm, signature, DATA))

    def security_key(self, flags: int) -> tuple[KnownKey, bytes, bytes]:
        """Sign as a security key does.

        Returns:
            The key, the algorithm, and the signature.
        """
        private: Any = ed25519.Ed25519PrivateKey.from_private_bytes(b"s" * 32)
        kind = b"sk-ssh-ed25519@openssh.com"
        public = private.public_key().public_bytes_raw()
        key = Key.fromString(wire(kind, public, b"ssh:"), type="blob")
        marks = struct.pack(">BL", flags, 7)
        signed = sha256(b"ssh:").digest() + marks + sha256(DATA).digest()
        signature = wire(kind, private.sign(signed)) + marks
        (known,) = parse_keys(PATH, line(key, "alice")).values()
        return known, kind, signature

    def test_a_security_key_was_touched(self) -> None:
        known, kind, signature = self.security_key(flags=1)
        self.assertTrue(known.verify(kind, signature, DATA))
        self.assertFalse(known.verify(kind, signature, b"other"))
        self.assertFalse(known.verify(kind, signature[:-1], DATA))
        untouched, kind, signature = self.security_key(flags=0)
        self.assertFalse(untouched.verify(kind, signature, DATA))

    def test_is_shown_as_openssh_shows_it(self) -> None:
        shown = self.known(ALICE).fingerprint
        self.assertEqual(shown, fingerprint(blob(ALICE)))
        self.assertEqual(shown, "SHA256:MEflzmy6hlCyjCwUMWY05BP0w/ypa9ng2gm4h3GQCFM")
