"""Nodes in one process: registries that share nothing but a store of the service."""

from typing import Any

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from tests.integration.stores import service
from txregistry.assembly.secrets import find_settled
from txregistry.registry.repositories import Registry
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import at_once

NODES = 6
ROUNDS = 2


class SharingCase(service.ServiceCase):
    """Import the module and inherit as ``sharing.SharingCase``."""

    def open_shared(self, root: str = "") -> IObjectStore:
        """Open the test's store anew.

        Args:
            root: Where in it; other places share nothing.
        """
        raise NotImplementedError

    def joiner(self, store: Any) -> Any:
        """Give what makes a blob of what was uploaded, in a store."""
        raise NotImplementedError

    def open_node(self) -> Registry:
        """Make a registry on the test's store."""
        return Registry(self.open_shared(), IReactorTime(reactor), at_once)


class SecretContract(SharingCase):
    """Nodes that start at the same time on an empty store have the same keys."""

    async def test_all_find_the_same(self) -> None:
        for number in range(ROUNDS):
            stores = [self.open_shared(f"{number}") for _ in range(NODES + 1)]
            late = stores.pop()
            found = await gatherResults([self.find(each) for each in stores])
            found.append(await self.find(late))
            self.assertEqual(found[1:], found[:-1])

    def find(self, store: IObjectStore) -> Deferred[dict[str, bytes]]:
        """Find the secrets as a node does that starts."""
        return Deferred.fromCoroutine(find_settled(store, IReactorTime(reactor)))
