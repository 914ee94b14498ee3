"""Tests of ``txregistry/storage/timed.py`` and ``txregistry/metrics/actions.py``."""

from collections.abc import Mapping

from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.contracts import objectstore
from tests.contracts.storecase import KEY, OTHER, StoreTestCase
from tests.metrics.figures import Samples, labels, samples
from tests.storage.case import FolderTestCase
from txregistry.metrics.actions import ActionTimes
from txregistry.storage.evidence import IWitnessed
from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    NotFound,
    Stat,
    StorageUnavailable,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.storage.passing import PassingStore
from txregistry.storage.timed import TimedStore
from txregistry.streams import BytesReader

ACTION = "registry_storage_action_seconds"


class TimedStoreContractTests(objectstore.ObjectStoreContract):
    def make_store(self, objects: Mapping[Key, bytes]) -> IObjectStore:
        return TimedStore(MemoryObjectStore(Clock(), objects), ActionTimes("memory"))

    def reopen(self, store: IObjectStore) -> IObjectStore:
        return store


class Gone(PassingStore):
    """A store that cannot be used."""

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        raise StorageUnavailable(key)


class TimesTests(StoreTestCase):
    def setUp(self) -> None:
        self.times = ActionTimes("inmemory")
        self.inner = MemoryObjectStore(Clock())
        self.store = TimedStore(self.inner, self.times)

    def found(self) -> Samples:
        return samples(self.times.families())

    def counts(self) -> dict[str, float]:
        """Say how often each was done."""
        return {
            dict(labelled)["action"]: value
            for (name, labelled), value in self.found().items()
            if name == f"{ACTION}_count"
        }

    def test_nothing_was_done(self) -> None:
        self.assertEqual(self.found(), {})

    def test_all_is_called_as_distribution_calls_it(self) -> None:
        store = self.store
        self.result(store.put(KEY, b"data"))
        self.result(store.stat(KEY))
        self.result(store.get(KEY, 10))
        self.result(self.result(store.open(KEY, 0, 4)).close())
        self.result(store.list("", limit=1))
        self.result(store.redirect(KEY, "GET", 1.0))
        self.result(store.delete([KEY]))
        area = store.stage(KEY)
        self.result(area.append(BytesReader(b"x"), lambda _: None, None))
        self.result(area.commit(OTHER))
        self.assertEqual(
            self.counts(),
            dict.fromkeys(
                (
                    *("PutContent", "Stat", "GetContent", "Reader", "List"),
                    *("RedirectURL", "Delete", "Move"),
                ),
                1,
            ),
        )
        last = labels(driver="inmemory", action="Stat", le="+Inf")
        self.assertEqual(self.found()[f"{ACTION}_bucket", last], 1)

    def test_what_is_not_there_is_no_failure(self) -> None:
        self.fails(NotFound, self.store.stat(KEY))
        self.assertEqual(self.counts(), {"Stat": 1})
        self.assertNotIn(
            "txregistry_storage_failures_total", {name for name, _ in self.found()}
        )

    def test_what_fails_is_counted_as_such_too(self) -> None:
        store = TimedStore(Gone(self.inner), self.times)
        self.fails(StorageUnavailable, store.stat(KEY))
        self.assertEqual(self.counts(), {"Stat": 1})
        labelled = labels(driver="inmemory", action="Stat")
        self.assertEqual(self.found()["txregistry_storage_failures_total", labelled], 1)


class WitnessedTests(FolderTestCase):
    def test_what_proves_answers_is_handed_on(self) -> None:
        inner = self.open_store(self.make_root())
        store = TimedStore(inner, ActionTimes("filesystem"))
        self.assertTrue(verifyObject(IWitnessed, store))
        self.assertIs(store.witness, IWitnessed(inner).witness)

    def test_nothing_is_where_there_is_nothing(self) -> None:
        store = TimedStore(MemoryObjectStore(Clock()), ActionTimes("inmemory"))
        self.assertFalse(IWitnessed.providedBy(store))
