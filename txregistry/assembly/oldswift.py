"""Data of docker-registry that is in a container of Swift."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from txregistry.assembly.oldplaces import SwiftPlace
from txregistry.assembly.oldserver import open_server
from txregistry.settings.section import SettingsError
from txregistry.storage.interfaces import IObjectSource
from txregistry.storage.swift import SwiftObjectSource
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftlogin import SwiftLogin1
from txregistry.storage.swiftsession import SwiftIdentity


@asynccontextmanager
async def open_swift(place: SwiftPlace, reactor: Any) -> AsyncIterator[IObjectSource]:
    """Read from it, within a block.

    Raises:
        SettingsError: what was said of it cannot be used.
    """
    async with open_server(reactor) as server:
        try:
            login = SwiftLogin1(place.url, place.user, place.key)
        except ValueError as error:
            raise SettingsError(f"ST_AUTH: {error}.") from error
        identity = SwiftIdentity(server, login, reactor)
        container = SwiftContainer(server, identity, place.container)
        yield SwiftObjectSource(container, place.prefix)
