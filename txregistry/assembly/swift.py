"""The store in Swift, or Cloud Files, that the settings describe."""

from typing import Any, Final
from urllib.parse import urlsplit

from twisted.web.client import HTTPConnectionPool

from txregistry.assembly.storeagent import make_store_agent
from txregistry.settings.section import SettingsError
from txregistry.settings.storage import Swift
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.remote import Advice, RemoteServer
from txregistry.storage.swift import LARGEST, SwiftObjectStore
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftlogin import (
    Keystone,
    SwiftEndpoint,
    SwiftLogin1,
    SwiftLogin2,
    SwiftLogin3,
)
from txregistry.storage.swiftsession import ISwiftLogin, SwiftIdentity
from txregistry.storage.swifttempurl import TempUrls

_SECTION: Final = "storage.swift"
_RACKSPACE: Final = ".rackspacecloud.com"
_V1: Final = 1
_V2: Final = 2


def make_swift_store(
    swift: Swift,
    reactor: Any,
    pool: HTTPConnectionPool,
    *,
    redirects: bool = True,
) -> IObjectStore:
    """Make the store.

    Args:
        swift: Its settings.
        reactor: The reactor.
        pool: Keeps the connections.
        redirects: Whether clients are sent to the container.

    Raises:
        SettingsError: it cannot be used.
    """
    trust = f"{_SECTION}.cas"
    agent = make_store_agent(
        reactor, pool, trust, swift.cas, verify=not swift.insecureskipverify
    )
    place = f"{_SECTION}.authurl"
    if swift.version != _V1:
        place += f", {_SECTION}.region and {_SECTION}.endpointtype"
    server = RemoteServer(agent, reactor, advice=Advice(place, trust))
    try:
        login = _login(swift)
    except ValueError as error:
        raise SettingsError(f"{_SECTION}.authurl: {error}.") from error
    who = ("username", "password")
    if swift.applicationcredentialid:
        who = ("applicationcredentialid", "applicationcredentialsecret")
    advice = "look at " + " and ".join(f"{_SECTION}.{each}" for each in who)
    where = f"look at {_SECTION}.authurl and {_SECTION}.authversion"
    identity = SwiftIdentity(server, login, reactor, advice, where)
    container = SwiftContainer(
        server, identity, swift.container, create=swift.create, section=_SECTION
    )
    urls = TempUrls(
        container,
        reactor,
        swift.secretkey,
        of_container=swift.tempurlcontainerkey,
        methods=swift.tempurlmethods,
    )
    return SwiftObjectStore(
        container,
        reactor,
        swift.prefix,
        largest=swift.chunksize or LARGEST,
        dynamic=swift.writedlo,
        urls=urls if redirects else None,
    )


def _login(swift: Swift) -> ISwiftLogin:
    user, password = swift.username or "", swift.password or ""
    if swift.version == _V1:
        return SwiftLogin1(swift.authurl, user, password)
    endpoint = SwiftEndpoint(
        swift.region,
        swift.endpointtype,
        f"look at {_SECTION}.region, {_SECTION}.endpointtype and {_SECTION}.tenant",
    )
    if swift.version == _V2:
        host = urlsplit(swift.authurl).hostname or ""
        return SwiftLogin2(
            swift.authurl,
            user,
            password,
            api_key=f".{host}".endswith(_RACKSPACE),
            tenant=(swift.tenant, swift.tenantid),
            endpoint=endpoint,
        )
    credential = None
    if swift.applicationcredentialid:
        secret = swift.applicationcredentialsecret or ""
        credential = (swift.applicationcredentialid, secret)
    told = Keystone(
        user=(user, None),
        password=password,
        domain=(swift.domain, swift.domainid),
        project=(swift.tenant, swift.tenantid),
        project_domain=(swift.tenantdomain, swift.tenantdomainid),
        trust=swift.trustid,
        credential=credential,
    )
    return SwiftLogin3(swift.authurl, told, endpoint)
