"""The store in S3 that the settings describe."""

from typing import Any, Final

from twisted.web.client import HTTPConnectionPool

from txregistry.assembly.storeagent import make_store_agent
from txregistry.settings.section import SettingsError
from txregistry.settings.storage import S3
from txregistry.storage.credentials import (
    CredentialSource,
    FoundCredentials,
    S3Credentials,
)
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.remote import Advice, RemoteServer
from txregistry.storage.s3 import S3ObjectStore
from txregistry.storage.s3client import Keeping
from txregistry.storage.s3copying import Copying
from txregistry.storage.s3endpoint import find_endpoint
from txregistry.tasks import Blocking

_SECTION: Final = "storage.s3"
_REGION: Final = "us-east-1"
"""What services are in that have no regions."""
_CONTEST: Final = 0.25
"""Seconds for others to write what is to be written once, where it is not Amazon's."""
_NO_CLASS: Final = "NONE"
"""How Distribution is told to leave the storage class to the bucket."""


def make_s3_store(
    s3: S3,
    reactor: Any,
    blocking: Blocking,
    pool: HTTPConnectionPool,
    *,
    redirects: bool = True,
) -> IObjectStore:
    """Make the store.

    Args:
        s3: Its settings.
        reactor: The reactor.
        blocking: Where bytes are hashed, and credentials are looked for.
        pool: Keeps the connections.
        redirects: Whether clients are sent to the bucket.

    Raises:
        SettingsError: it cannot be used.
    """
    trust = f"{_SECTION}.cas"
    agent = make_store_agent(reactor, pool, trust, s3.cas, verify=not s3.skipverify)
    place = f"{_SECTION}.regionendpoint" if s3.regionendpoint else f"{_SECTION}.region"
    server = RemoteServer(agent, reactor, advice=Advice(place, trust))
    storage_class = s3.storageclass
    try:
        return S3ObjectStore(
            server,
            _endpoint(s3),
            s3.region or _REGION,
            s3.bucket,
            _credentials(s3, reactor, blocking),
            s3.rootdirectory,
            clock=reactor,
            blocking=blocking,
            memory=PartMemory(s3.memory),
            virtual_host=not s3.is_path_style,
            keeping=Keeping(
                encrypt=s3.encrypt,
                kms_key=s3.keyid or None,
                storage_class=None if storage_class == _NO_CLASS else storage_class,
                acl=s3.objectacl or None,
            ),
            section=_SECTION,
            contest=_CONTEST if s3.regionendpoint else 0.0,
            part_size=s3.chunksize,
            redirects=redirects,
            public=s3.redirectendpoint or "",
            copying=Copying(
                threshold=s3.multipartcopythresholdsize,
                chunk=s3.multipartcopychunksize,
                at_once=s3.multipartcopymaxconcurrency,
            ),
        )
    except ValueError as error:
        raise SettingsError(f"{_SECTION}: {error}.") from error


def _endpoint(s3: S3) -> str:
    if s3.regionendpoint:
        return s3.endpoint
    return find_endpoint(
        s3.region,
        secure=s3.secure,
        dual_stack=s3.usedualstack,
        accelerate=s3.accelerate,
        fips=s3.usefipsendpoint,
    )


def _credentials(s3: S3, reactor: Any, blocking: Blocking) -> CredentialSource:
    if s3.accesskey and s3.secretkey:
        return S3Credentials(s3.accesskey, s3.secretkey, s3.sessiontoken or None)
    return FoundCredentials(blocking, reactor, s3.profile, section=_SECTION)
