"""Packets as they go over the wire: sealed, and opened again.

Conch has AES in counter mode, with a MAC beside it, which keeps a processor much busier
than AES in Galois/counter mode; and it copies what came again and again. So packets are
ours.

Source: RFC 4253, section 6; RFC 5647 and OpenSSH's PROTOCOL, section 1.6, for GCM.
"""

import hmac
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from twisted.conch.ssh.transport import SSHCiphers

GALOIS: Final[Mapping[bytes, int]] = {
    b"aes128-gcm@openssh.com": 16,
    b"aes256-gcm@openssh.com": 32,
}
"""Ciphers that need no MAC, and the bytes of their keys."""
COUNTER: Final[Mapping[bytes, int]] = {
    b"aes128-ctr": 16,
    b"aes256-ctr": 32,
    b"aes192-ctr": 24,
}
MACS: Final[Mapping[bytes, tuple[str, int]]] = {
    b"hmac-sha2-256": ("sha256", 32),
    b"hmac-sha2-512": ("sha512", 64),
}

LONGEST: Final = 256 * 1024
"""Bytes of a packet."""
_LENGTH: Final = 4
_LEAST_PADDING: Final = 4
_PLAIN_BLOCK: Final = 8
_BLOCK: Final = 16
_TAG: Final = 16
_FIXED: Final = 4
_COUNTED: Final = 8
_COUNTS: Final = 1 << 64


class PacketInvalid(Exception):
    """What came is no packet, or was changed on its way."""


class Sealer(Protocol):
    """Seals packets, one after the other."""

    def seal(self, sequence: int, *payload: bytes | memoryview) -> list[bytes]:
        """Seal a packet, whose payload there is in pieces, and give it in others."""


class Opener(Protocol):
    """Opens packets, one after the other."""

    def open(self, sequence: int, data: memoryview) -> tuple[bytes, int] | None:
        """Open the packet with which some bytes begin.

        Returns:
            Its payload, and how many bytes it had; None if it is not there whole.

        Raises:
            PacketInvalid: it is none.
        """


class Ciphers(SSHCiphers):
    """How packets are sealed and opened, once there are keys."""

    sealer: Sealer
    opener: Opener

    def setKeys(
        self,
        outIV: bytes,
        outKey: bytes,
        inIV: bytes,
        inKey: bytes,
        outInteg: bytes,
        inInteg: bytes,
    ) -> None:
        """Take the keys."""
        self.sealer = _make(self.outCipType, self.outMACType, outIV, outKey, outInteg)
        self.opener = _make(self.inCipType, self.inMACType, inIV, inKey, inInteg)


class Plain:
    """Packets that are not sealed at all, before there are keys."""

    def seal(self, sequence: int, *payload: bytes | memoryview) -> list[bytes]:
        """See `Sealer`."""
        del sequence
        return [_frame(payload, _PLAIN_BLOCK, _LENGTH)]

    def open(self, sequence: int, data: memoryview) -> tuple[bytes, int] | None:
        """See `Opener`."""
        del sequence
        if len(data) < _LENGTH:
            return None
        whole = _LENGTH + _length(data, _PLAIN_BLOCK, _LENGTH)
        if len(data) < whole:
            return None
        return _payload(bytes(data[_LENGTH:whole])), whole


class Counted:
    """Packets in counter mode, with a MAC behind each.

    Args:
        key: The key.
        vector: The first counter.
        mac: The hash of the MAC, and its bytes.
        secret: The key of the MAC.
    """

    def __init__(
        self, key: bytes, vector: bytes, mac: tuple[str, int], secret: bytes
    ) -> None:
        self._cipher = Cipher(AES(key), CTR(vector)).encryptor()
        self._hash, self._size = mac
        self._secret = secret[: self._size]
        self._first = b""

    def seal(self, sequence: int, *payload: bytes | memoryview) -> list[bytes]:
        """See `Sealer`."""
        packet = _frame(payload, _BLOCK, _LENGTH)
        return [self._cipher.update(packet), self._mac(sequence, packet)]

    def open(self, sequence: int, data: memoryview) -> tuple[bytes, int] | None:
        """See `Opener`."""
        if not self._first:
            if len(data) < _BLOCK:
                return None
            self._first = self._cipher.update(data[:_BLOCK])
        end = _LENGTH + _length(memoryview(self._first), _BLOCK, _LENGTH)
        if len(data) < end + self._size:
            return None
        packet = self._first + self._cipher.update(data[_BLOCK:end])
        self._first = b""
        mac = self._mac(sequence, packet)
        if not hmac.compare_digest(mac, data[end : end + self._size]):
            raise PacketInvalid("a packet was changed on its way")
        return _payload(packet[_LENGTH:]), end + self._size

    def _mac(self, sequence: int, packet: bytes) -> bytes:
        data = struct.pack(">L", sequence & 0xFFFFFFFF) + packet
        return hmac.digest(self._secret, data, self._hash)


class Galois:
    """Packets in Galois/counter mode: their length can be read, and not be changed.

    Args:
        key: The key.
        vector: The first nonce: a part that stays, and a counter.
    """

    def __init__(self, key: bytes, vector: bytes) -> None:
        self._cipher = AESGCM(key)
        self._fixed = vector[:_FIXED]
        self._count = int.from_bytes(vector[_FIXED : _FIXED + _COUNTED])

    def seal(self, sequence: int, *payload: bytes | memoryview) -> list[bytes]:
        """See `Sealer`."""
        del sequence
        packet = memoryview(_frame(payload, _BLOCK, 0))
        length = bytes(packet[:_LENGTH])
        return [length, self._cipher.encrypt(self._next(), packet[_LENGTH:], length)]

    def open(self, sequence: int, data: memoryview) -> tuple[bytes, int] | None:
        """See `Opener`."""
        del sequence
        if len(data) < _LENGTH:
            return None
        end = _LENGTH + _length(data, _BLOCK, 0) + _TAG
        if len(data) < end:
            return None
        try:
            packet = self._cipher.decrypt(
                self._next(), data[_LENGTH:end], data[:_LENGTH]
            )
        except InvalidTag:
            raise PacketInvalid("a packet was changed on its way") from None
        return _payload(packet), end

    def _next(self) -> bytes:
        nonce = self._fixed + self._count.to_bytes(_COUNTED)
        self._count = (self._count + 1) % _COUNTS
        return nonce


def _make(
    cipher: bytes, mac: bytes, vector: bytes, key: bytes, secret: bytes
) -> Plain | Counted | Galois:
    if cipher in GALOIS:
        return Galois(key[: GALOIS[cipher]], vector)
    if cipher in COUNTER:
        return Counted(key[: COUNTER[cipher]], vector[:_BLOCK], MACS[mac], secret)
    return Plain()


def _frame(payload: Sequence[bytes | memoryview], block: int, counted: int) -> bytes:
    """Fill a payload up to whole blocks.

    Args:
        payload: The payload, in pieces.
        block: Bytes of a block.
        counted: How many bytes of the length itself are part of the blocks.
    """
    size = sum(map(len, payload))
    padding = block - (size + 1 + counted) % block
    if padding < _LEAST_PADDING:
        padding += block
    head = struct.pack(">LB", size + 1 + padding, padding)
    return b"".join((head, *payload, os.urandom(padding)))


def _length(data: memoryview, block: int, counted: int) -> int:
    """Read how many bytes of a packet follow its length.

    Raises:
        PacketInvalid: there is no such packet.
    """
    length = int.from_bytes(data[:_LENGTH])
    if length > LONGEST or (length + counted) % block or length < block - counted:
        raise PacketInvalid("a packet has no length that one can have")
    return length


def _payload(packet: bytes) -> bytes:
    """Part what a packet says from its padding.

    Raises:
        PacketInvalid: there is nothing else in it.
    """
    padding = packet[0]
    if padding < _LEAST_PADDING or padding + 1 >= len(packet):
        raise PacketInvalid("a packet has nothing in it")
    return packet[1 : len(packet) - padding]
