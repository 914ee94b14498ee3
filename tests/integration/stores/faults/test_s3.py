"""Tests of ``txregistry/storage/s3.py`` under faults, before Swift's S3 API."""

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets

from tests.integration.stores import s3case, service
from tests.integration.stores.faults import contract, late, storms
from tests.integration.stores.faults.contract import Trial
from txregistry.storage.credentials import S3Credentials
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.s3 import S3ObjectStore
from txregistry.storage.s3copying import Copying
from txregistry.tasks import at_once

PART = s3case.PART


class S3BehindCase(contract.BehindCase, s3case.S3StoreCase):
    """Stores behind proxies."""

    def open_plain(self, root: str) -> IObjectStore:
        return self.open_store(root)

    def open_behind(self, trial: Trial) -> IObjectStore:
        return S3ObjectStore(
            trial.server,
            trial.proxy.url,
            service.REGION,
            self.container,
            S3Credentials(service.USER, service.KEY),
            trial.root,
            clock=reactor,
            blocking=at_once,
            memory=trial.memory,
            part_size=PART,
            copying=Copying(2 * PART, PART, at_once=2, least=s3case.LEAST),
        )


class S3FaultTests(S3BehindCase, contract.FaultContract):
    """The contract."""


class S3LateTests(S3BehindCase, late.LateContract):
    """What comes late.

    The state of an upload has one name, so that one which comes late may take the place
    of another: then less was appended than was acknowledged, and that is known.
    """

    exact = False


class S3StormTests(S3BehindCase, storms.StormContract):
    """Many faults."""
