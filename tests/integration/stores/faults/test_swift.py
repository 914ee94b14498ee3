"""Tests of ``txregistry/storage/swift.py`` under faults, before Swift."""

from typing import ClassVar

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.interfaces import IReactorTime

from tests.integration.stores import service, test_swift
from tests.integration.stores.faults import areaworks, contract, late, storms, works
from tests.integration.stores.faults.contract import Trial
from tests.integration.stores.faults.works import LONG
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.swift import SwiftObjectStore
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftlogin import SwiftLogin1
from txregistry.storage.swiftsession import SwiftIdentity
from txregistry.storage.swifttempurl import TempUrls

SEGMENT = 16 * 1024


class SwiftBehindCase(contract.BehindCase, test_swift.SwiftStoreCase):
    """Stores behind proxies."""

    streams = True
    much = bytes(range(251)) * 1200
    dynamic: ClassVar = False

    def setUp(self) -> None:
        super().setUp()
        self.service.put(self.container, b"", X_Container_Meta_Temp_URL_Key="key")
        self._plain = self.open_container()

    def open_plain(self, root: str) -> IObjectStore:
        return self.make(self._plain, root)

    def open_behind(self, trial: Trial) -> IObjectStore:
        url = f"{trial.proxy.url}/auth/v1.0"
        login = SwiftLogin1(url, service.USER, service.KEY)
        identity = SwiftIdentity(trial.server, login, IReactorTime(reactor))
        container = SwiftContainer(trial.server, identity, self.container)
        return self.make(container, trial.root)

    def make(self, container: SwiftContainer, root: str) -> SwiftObjectStore:
        """Make a store of a container."""
        clock = IReactorTime(reactor)
        return SwiftObjectStore(
            container,
            clock,
            root,
            largest=SEGMENT,
            dynamic=self.dynamic,
            urls=TempUrls(container, clock),
        )


class SwiftFaultTests(SwiftBehindCase, contract.FaultContract):
    """The contract."""

    async def test_redirect(self) -> None:
        await self.suffer(works.Redirect)

    async def test_go_straight_without_a_size(self) -> None:
        await self.suffer(lambda: areaworks.Direct(LONG, told=False))


class SwiftLateTests(SwiftBehindCase, late.LateContract):
    """What comes late."""


class DynamicLateTests(SwiftLateTests):
    """What comes late, where large objects consist of what is listed."""

    dynamic = True


class SwiftStormTests(SwiftBehindCase, storms.StormContract):
    """Many faults."""


class DynamicStormTests(SwiftStormTests):
    """Many faults, where large objects consist of what is listed."""

    dynamic = True
