"""Data of docker-registry that is in a bucket of S3."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from txregistry.assembly.oldplaces import S3Place
from txregistry.assembly.oldserver import open_server
from txregistry.settings.section import SettingsError
from txregistry.storage.credentials import S3Credentials
from txregistry.storage.interfaces import IObjectSource
from txregistry.storage.s3source import S3ObjectSource


@asynccontextmanager
async def open_s3(place: S3Place, reactor: Any) -> AsyncIterator[IObjectSource]:
    """Read from it, within a block.

    Raises:
        SettingsError: what was said of it cannot be used.
    """
    async with open_server(reactor) as server:
        try:
            source = S3ObjectSource(
                server,
                place.endpoint or f"https://s3.{place.region}.amazonaws.com",
                place.region,
                place.bucket,
                S3Credentials(place.access, place.secret, place.token),
                place.prefix,
                # No certificate is for a bucket with a dot.
                virtual_host=place.endpoint is None and "." not in place.bucket,
            )
        except ValueError as error:
            raise SettingsError(f"s3://{place.bucket}: {error}.") from error
        yield source
