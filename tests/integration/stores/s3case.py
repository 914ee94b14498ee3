"""Stores and sources in a bucket of the service."""

from typing import Any

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets

from tests.integration.stores import service
from txregistry.storage.credentials import S3Credentials
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.s3 import S3ObjectStore
from txregistry.storage.s3copying import Copying
from txregistry.storage.s3source import S3ObjectSource
from txregistry.tasks import at_once

PART = 16 * 1024
LEAST = 16
"""Bytes in parts: the service of the tests does not insist on more."""


class S3Case(service.ServiceCase):
    """Make sources of the test's own bucket."""

    def open_source(
        self,
        root: str = "",
        bucket: str = "",
        credentials: S3Credentials | None = None,
        region: str = service.REGION,
    ) -> S3ObjectSource:
        """Read what lies in a bucket."""
        return S3ObjectSource(
            self.server,
            self.service.url,
            region,
            bucket or self.container,
            credentials or S3Credentials(service.USER, service.KEY),
            root,
        )


class S3StoreCase(S3Case):
    """Make stores in the test's own bucket."""

    def open_store(
        self, root: str = "", bucket: str = "", **settings: Any
    ) -> S3ObjectStore:
        """Keep objects in a bucket, with parts that are small."""
        rules: dict[str, Any] = {
            "clock": reactor,
            "blocking": at_once,
            "memory": PartMemory(1 << 20),
            "part_size": PART,
            "copying": Copying(threshold=2 * PART, chunk=PART, at_once=4, least=LEAST),
        }
        return S3ObjectStore(
            self.server,
            self.service.url,
            service.REGION,
            bucket or self.container,
            S3Credentials(service.USER, service.KEY),
            root,
            **(rules | settings),
        )
