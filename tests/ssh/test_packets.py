"""Tests of ``txregistry/ssh/packets.py``."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.conch.ssh.transport import SSHCiphers
from twisted.trial.unittest import SynchronousTestCase

from txregistry.ssh.packets import (
    COUNTER,
    GALOIS,
    LONGEST,
    MACS,
    Ciphers,
    PacketInvalid,
)

KINDS = [
    (b"none", b"none"),
    *((cipher, mac) for cipher in COUNTER for mac in MACS),
    *((cipher, b"hmac-sha2-256") for cipher in GALOIS),
]
KEYS = (b"i" * 64, b"k" * 64, b"s" * 64)


def make(kind: tuple[bytes, bytes]) -> Ciphers:
    """Make ciphers whose both directions are the same."""
    cipher, mac = kind
    made = Ciphers(cipher, cipher, mac, mac)
    vector, key, secret = KEYS
    made.setKeys(vector, key, vector, key, secret, secret)
    return made


class PacketTests(SynchronousTestCase):
    def opened(self, kind: tuple[bytes, bytes], data: bytes, step: int) -> list[bytes]:
        """Open packets of which some bytes come at a time."""
        opener, begin = make(kind).opener, 0
        found: list[bytes] = []
        for end in range(step, len(data) + step, step):
            while (
                got := opener.open(len(found), memoryview(data)[begin:end])
            ) is not None:
                found.append(got[0])
                begin += got[1]
        self.assertEqual(begin, len(data))
        return found

    def sealed(self, kind: tuple[bytes, bytes], payloads: Sequence[bytes]) -> bytes:
        """Seal packets."""
        sealer = make(kind).sealer
        return b"".join(
            b"".join(sealer.seal(number, payload[:3], memoryview(payload)[3:]))
            for number, payload in enumerate(payloads)
        )

    @given(
        st.sampled_from(KINDS),
        st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=4),
        st.integers(1, 60),
    )
    def test_what_is_sealed_is_opened(
        self, kind: tuple[bytes, bytes], payloads: list[bytes], step: int
    ) -> None:
        data = self.sealed(kind, payloads)
        self.assertEqual(self.opened(kind, data, step), payloads)

    def test_conch_reads_what_is_in_counter_mode(self) -> None:
        for cipher in COUNTER:
            for mac in MACS:
                theirs = SSHCiphers(cipher, cipher, mac, mac)
                vector, key, secret = KEYS
                theirs.setKeys(vector, key, vector, key, secret, secret)
                data = self.sealed((cipher, mac), [b"payload"])
                size = theirs.verifyDigestSize
                packet = theirs.decrypt(data[:-size])
                self.assertEqual(packet[5 : -packet[4]], b"payload")
                self.assertTrue(theirs.verify(0, packet, data[-size:]))

    def test_what_was_changed_is_not_opened(self) -> None:
        for kind in KINDS[1:]:
            data = self.sealed(kind, [b"payload", b"more of it"])
            for place in range(4, 36):  # in the first of them
                changed = bytearray(data)
                changed[place] ^= 1
                opener = make(kind).opener
                self.assertRaises(PacketInvalid, opener.open, 0, memoryview(changed))

    def test_the_length_cannot_be_changed_unseen(self) -> None:
        for kind in KINDS[1:]:
            data = self.sealed(kind, [b"p" * 100] * 4)
            changed = bytearray(data)
            changed[3] ^= 16
            opener = make(kind).opener
            with self.assertRaises(PacketInvalid):
                for _ in range(4):
                    opener.open(0, memoryview(changed))

    def test_packets_come_in_their_order(self) -> None:
        for kind in KINDS[1:]:
            sealer = make(kind).sealer
            sealer.seal(0, b"first")
            second = b"".join(sealer.seal(1, b"second"))
            opener = make(kind).opener
            self.assertRaises(PacketInvalid, opener.open, 0, memoryview(second))

    def test_lengths_that_cannot_be(self) -> None:
        opener = make(KINDS[0]).opener
        for length in (0, 1, 5, 11, LONGEST + 4, 0xFFFFFFFC):
            data = length.to_bytes(4) + bytes(100)
            self.assertRaises(PacketInvalid, opener.open, 0, memoryview(data))

    def test_a_packet_says_something(self) -> None:
        opener = make(KINDS[0]).opener
        for padding in (0, 3, 11, 12, 255):
            data = (12).to_bytes(4) + bytes([padding]) + bytes(11)
            self.assertRaises(PacketInvalid, opener.open, 0, memoryview(data))

    @given(st.sampled_from(KINDS), st.binary(max_size=200))
    def test_any_bytes_are_opened_or_are_none(
        self, kind: tuple[bytes, bytes], data: bytes
    ) -> None:
        try:
            make(kind).opener.open(0, memoryview(data))
        except PacketInvalid as error:
            self.assertTrue(str(error).isprintable())
