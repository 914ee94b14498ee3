"""Both ends of TLS, in memory."""

import contextlib
from typing import Any

from OpenSSL import SSL

from tests.authorities import Issued, issue
from txregistry.tls.steps import shake_hands, take_in

SERVER, CLIENT = issue("server"), issue("client")
#: Bytes that are more than there ever are.
ALL = 1 << 16


def make_pair(known: Issued | None) -> tuple[SSL.Connection, SSL.Connection]:
    """Make a client, which has a certificate maybe, and a server that asks for it."""
    ends = []
    for method, own in (
        (SSL.TLS_CLIENT_METHOD, known),
        (SSL.TLS_SERVER_METHOD, SERVER),
    ):
        context = SSL.Context(method)
        if own is not None:
            key: Any = own.key
            context.use_certificate(own.certificate)
            context.use_privatekey(key)
        ends.append(context)
    ends[1].set_verify(SSL.VERIFY_PEER, lambda *_: True)
    client, server = (SSL.Connection(context, None) for context in ends)
    client.set_connect_state()
    server.set_accept_state()
    return client, server


def shake(known: Issued | None = CLIENT) -> tuple[SSL.Connection, SSL.Connection]:
    """Let a client and a server get to know each other."""
    client, server = make_pair(known)
    told = []
    for _ in range(2):
        with contextlib.suppress(SSL.WantReadError):
            client.do_handshake()
        take_in(server, client.bio_read(ALL))
        told.append(shake_hands(server))
        client.bio_write(server.bio_read(ALL))
    if told != [False, True]:
        raise AssertionError(told)
    return client, server
