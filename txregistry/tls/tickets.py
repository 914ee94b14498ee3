"""Keys of session tickets that several processes share.

A client that comes back shows a ticket: its session, encrypted with keys of the context
that it was made by. Those are made at random for each context. OpenSSL has a call to
set them (``SSL_CTX_set_tlsext_ticket_keys``, which copies 80 bytes to where they are),
but neither pyOpenSSL nor the library in the wheels of cryptography lets anybody call
it. So the 80 bytes are put where they belong by hand, once it is *proved* where that
is: a ticket of the context begins with the name of its keys, which is looked for in the
context, and ends in an HMAC that only the right key, found beside it, can have made.
The kernel copies the bytes (``/proc/self/mem``), so that a wrong guess could fail, but
not crash. Afterwards another ticket proves that the keys are in force. Where any of
this does not hold, nothing is changed: then sessions go on at the process alone that
they began at.
"""

import hmac
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from OpenSSL import SSL

_NAME: Final = 16
_KEY: Final = 32
"""Bytes of a name, and of each of two keys: for the HMAC, and for AES."""
_CONTEXT: Final = 4096
"""Bytes of a context among which the name of its keys is looked for."""
_POINTER: Final = struct.Struct("P")
_PIECE: Final = 64 * 1024
_FLIGHTS: Final = 4
"""Turns of both sides in a handshake, with what comes after it, at most."""
_INFO: Final = b"txregistry session tickets: "
_TICKET: Final = 0xAA
"""The tag of the ticket in the form that OpenSSL writes sessions in."""


@dataclass(frozen=True, slots=True)
class TicketKeys:
    """What tickets are made with.

    Attributes:
        name: Tells those apart that are made with others.
        mac: Signs them.
        cipher: Encrypts them.
    """

    name: bytes
    mac: bytes
    cipher: bytes

    @classmethod
    def derive(cls, secret: bytes, state: bytes) -> "TicketKeys":
        """Make the keys for one state of what is asked of clients.

        Who got in by another state is verified in full when coming back: a ticket of
        it cannot be read with these.

        Args:
            secret: What all processes have, and nobody else.
            state: Another one whenever something else is good or asked for.
        """
        made = HKDF(SHA256(), _NAME + 2 * _KEY, salt=None, info=_INFO + state)
        data = made.derive(secret)
        return cls(data[:_NAME], data[_NAME:-_KEY], data[-_KEY:])

    def made(self, ticket: bytes) -> bool:
        """Say whether a ticket was made with these."""
        body, signature = ticket[:-_KEY], ticket[-_KEY:]
        found = hmac.digest(self.mac, body, sha256)
        return ticket[:_NAME] == self.name and hmac.compare_digest(found, signature)


class TicketsUnknown(Exception):
    """It cannot be proved where a context has its keys, so they stay as they are."""


def share_tickets(context: SSL.Context, keys: TicketKeys) -> None:
    """Have a context make its session tickets with keys of ours.

    Args:
        context: The context; all else is set, and nobody uses it yet.
        keys: The keys.

    Raises:
        TicketsUnknown: this OpenSSL is made otherwise; nothing is changed.
    """
    try:
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            _Place.find(context, memory.fileno()).put(keys)
        proved = keys.made(_ticket_of(context))
    except (OSError, AttributeError, SSL.Error, ValueError) as error:
        raise TicketsUnknown(f"{type(error).__name__}: {error}") from error
    if not proved:
        raise TicketsUnknown("other keys are in force")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a context has its keys: the name, and the two others elsewhere."""

    memory: int
    name: int
    secret: int

    @classmethod
    def find(cls, context: SSL.Context, memory: int) -> "_Place":
        """Find the place of a context's keys, and prove that it is the one.

        Raises:
            ValueError: there is none.
        """
        ticket = _ticket_of(context)
        address = _address_of(context)
        whole = os.pread(memory, _CONTEXT, address)
        offset = whole.find(ticket[:_NAME])
        while offset >= 0:  # what lies behind the context may have a copy of the name
            secret = _points_to(memory, whole, offset + _NAME, ticket)
            if secret is not None:
                return cls(memory, address + offset, secret)
            offset = whole.find(ticket[:_NAME], offset + 1)
        raise ValueError("the keys are not where they were expected")

    def put(self, keys: TicketKeys) -> None:
        """Put other keys there."""
        os.pwrite(self.memory, keys.name, self.name)
        os.pwrite(self.memory, keys.mac + keys.cipher, self.secret)


def _points_to(memory: int, whole: bytes, offset: int, ticket: bytes) -> int | None:
    """Give the address that stands somewhere, if the keys of a ticket are there."""
    if offset + _POINTER.size > len(whole):
        return None
    (address,) = _POINTER.unpack_from(whole, offset)
    try:
        found = os.pread(memory, 2 * _KEY, address)
    except (OSError, OverflowError):  # it is no address
        return None
    keys = TicketKeys(ticket[:_NAME], found[:_KEY], found[_KEY:])
    return address if keys.made(ticket) else None


def _address_of(context: SSL.Context) -> int:
    from OpenSSL._util import ffi  # noqa: PLC0415 - private: it may be gone

    pointer: Any = context._context  # noqa: SLF001 - likewise
    return int(ffi.cast("uintptr_t", pointer))


def _ticket_of(server: SSL.Context) -> bytes:
    """Have a context make a ticket, for a client in memory.

    Raises:
        ValueError: it makes none.
    """
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    client.set_connect_state()
    served = SSL.Connection(server, None)
    served.set_accept_state()
    served.set_verify(SSL.VERIFY_NONE)  # this client is nobody
    for _ in range(_FLIGHTS):
        _step(client, served)
        _step(served, client)
    with suppress(SSL.WantReadError):
        client.recv(1)  # takes in what follows a handshake
    session: Any = client.get_session()
    if session is None:
        raise ValueError("there was no handshake")
    return _find_ticket(_encode(session))


def _step(one: SSL.Connection, other: SSL.Connection) -> None:
    with suppress(SSL.WantReadError):
        one.do_handshake()
    with suppress(SSL.WantReadError):
        while True:
            other.bio_write(one.bio_read(_PIECE))


def _encode(session: Any) -> bytes:
    """Write a session in OpenSSL's own form, which is ASN.1."""
    from OpenSSL._util import ffi, lib  # noqa: PLC0415 - private: it may be gone

    pointer = session._session  # noqa: SLF001 - likewise
    size = lib.i2d_SSL_SESSION(pointer, ffi.NULL)
    data = ffi.new("unsigned char[]", size)
    lib.i2d_SSL_SESSION(pointer, ffi.new("unsigned char **", data))
    return bytes(ffi.buffer(data, size))


def _find_ticket(session: bytes) -> bytes:
    """Find the ticket in a session.

    Raises:
        ValueError: there is none.
    """
    _, body, _ = _element(session, 0)
    place = 0
    while place < len(body):
        tag, content, place = _element(body, place)
        if tag == _TICKET:
            return _element(content, 0)[1]
    raise ValueError("there is no ticket in the session")


def _element(data: bytes, place: int) -> tuple[int, bytes, int]:
    """Read an element of ASN.1: its tag, what is in it, and where it ends."""
    if len(data) < place + 2:
        raise ValueError("a session ends too early")
    tag, size = data[place], data[place + 1]
    place += 2
    if size & 0x80:
        count = size & 0x7F
        size = int.from_bytes(data[place : place + count])
        place += count
    return tag, data[place : place + size], place + size
