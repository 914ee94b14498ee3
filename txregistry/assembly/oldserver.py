"""A server that data of docker-registry is read from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from txregistry.client.agent import make_agent, make_pool
from txregistry.storage.remote import RemoteServer

_CONNECT: Final = 10.0
"""Seconds in which a connection must come about."""


@asynccontextmanager
async def open_server(reactor: Any) -> AsyncIterator[RemoteServer]:
    """Ask servers, and close the connections at the end."""
    pool = make_pool(reactor)
    agent = make_agent(
        reactor,
        trust=None,
        client_certificate=None,
        connect_timeout=_CONNECT,
        pool=pool,
    )
    try:
        yield RemoteServer(agent, reactor)
    finally:
        await pool.closeCachedConnections()
