"""Tests of ``txregistry/registry/checking/storecheck.py`` and what it looks with."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from tests.registry.case import NAME, OTHER, V1
from tests.registry.checking import case
from tests.registry.checking.case import (
    CHILD,
    INDEX,
    MULTI,
    NEW,
    SIGNATURE,
    blob,
    layer,
    past,
    revision,
)
from tests.registry.content import encode, image, index
from txregistry.auth.patterns import Patterns
from txregistry.model.descriptors import OCI_INDEX
from txregistry.model.digest import Digest
from txregistry.model.names import Tag
from txregistry.registry.checking.findings import Finding
from txregistry.registry.checking.storecheck import StoreCheck, Wanted
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    Key,
    Page,
    Stat,
    StorageUnavailable,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once

TAG = keys.tag_link(NAME, V1)
THEIRS = Patterns([str(OTHER)]).match


class WantedTests(case.CheckTestCase):
    def test_quick_check_does_not_hash(self) -> None:
        self.put(blob(b"a layer"), b"a lAyer")
        self.assertEqual(self.found(hashing=False), [])

    def test_quick_check_sees_manifests_that_rotted(self) -> None:
        self.put(blob(NEW), b"{}")
        found = self.found(hashing=False)
        self.assertEqual(
            found,
            [("broken-tag", TAG), ("rotten-blob", blob(NEW))],
        )

    def test_only_some_repositories(self) -> None:
        for key in (layer(b"{}"), layer(b"{}", OTHER), f"{keys.ROOT}blobs/x"):
            self.put(key, b"")
        self.put(f"{keys.layer_links(NAME)}x", b"")
        found = self.found(chosen=THEIRS)
        self.assertEqual(found, [("malformed-link", layer(b"{}", OTHER))])

    def test_only_what_some_repositories_link_is_hashed(self) -> None:
        for data in (b"a layer", b"another layer"):
            self.put(blob(data), b"rotten")
        found = self.found(chosen=THEIRS)
        self.assertEqual(found, [("rotten-blob", blob(b"a layer"))])

    def test_mirrored_repository_may_lack_what_its_manifests_name(self) -> None:
        self.delete(blob(CHILD), revision(CHILD), layer(b"another layer"))
        self.assertEqual(self.found(partial=lambda name: name == NAME), [])

    def test_tree_of_another_registry_needs_no_index_of_referrers(self) -> None:
        self.delete(
            keys.secret("cookies"),
            keys.referrer_link(NAME, Digest.of(NEW), Digest.of(SIGNATURE)),
        )
        self.assertEqual(self.found(), [])

    def test_nothing_at_all(self) -> None:
        self.delete(*map(Key, self.keys()))
        self.assertEqual(self.found(), [])

    def test_no_more_is_hashed_than_may_be(self) -> None:
        self.push_blob(b"x" * 10_000)
        check = self.make_check(Wanted(rate=1000))
        done = Deferred.fromCoroutine(check.run())
        for _ in range(3000):
            self.clock.advance(0)
        self.assertNoResult(done)
        for _ in range(3000):
            self.clock.advance(0.01)
        self.assertEqual(self.successResultOf(done).counts, {})

    def test_is_broken_off(self) -> None:
        class Stop(Exception):
            pass

        def hear(position: object) -> None:
            raise Stop(position)

        check = StoreCheck(
            self.store, None, self.clock, at_once, print, hear, flat=True
        )
        self.fails(Stop, check.run())

    def make_check(self, wanted: Wanted) -> StoreCheck:
        told: list[Finding] = []
        return StoreCheck(
            self.store, None, self.clock, at_once, told.append, flat=True, wanted=wanted
        )


class ContentTests(case.CheckTestCase):
    def test_manifest_of_another_algorithm(self) -> None:
        data = image(layers=[b"a layer"], subject=NEW)
        self.push(data, Digest.of(data, "sha512"))
        self.assertEqual(self.found(), [])

    def test_manifest_of_another_algorithm_alone(self) -> None:
        data = image(layers=[b"a layer"], subject=NEW)
        self.push(data, Digest.of(data, "sha512"))
        self.delete(revision(data), layer(b"{}"))
        self.assertEqual(self.found(), [("unlinked-layer", layer(b"{}"))])

    def test_layer_of_elsewhere_may_be_absent(self) -> None:
        kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        absent = {
            "mediaType": kind,
            "digest": str(Digest.of(b"far")),
            "size": 3,
            "urls": ["https://example.org/"],
        }
        self.push(image(layers=[absent]))
        self.assertEqual(self.found(), [])

    def test_index_of_blobs(self) -> None:
        data = encode(
            {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": [
                    {
                        "mediaType": "application/vnd.oci.image.layer.v1.tar",
                        "digest": str(Digest.of(b"a layer")),
                        "size": 7,
                    }
                ],
            }
        )
        self.push(data)
        self.assertEqual(self.found(), [])
        self.delete(layer(b"a layer"))
        self.assertIn(("unlinked-layer", layer(b"a layer")), self.found())

    def test_what_stops_the_collection_of_others_is_told_to_do_so(self) -> None:
        self.put(f"{keys.layer_links(NAME)}sha256/x/link", b"x")
        self.put(f"{keys.layer_links(NAME)}x", b"x")
        stops = [each.key for each in self.check() if "collect garbage" in each.text]
        self.assertEqual(stops, [f"{keys.layer_links(NAME)}sha256/x/link"])

    def test_indexes_of_indexes(self) -> None:
        data = INDEX
        for _ in range(3):
            data = index([data])
            self.push(data, MULTI)
        self.delete(layer(b"of the member"), blob(b"of the member"))
        self.assertEqual(
            self.found(),
            [
                ("absent-content", revision(CHILD)),
                ("broken-tag", keys.tag_link(NAME, MULTI)),
            ],
        )

    def test_blob_that_is_not_linked_yet_is_no_orphan(self) -> None:
        self.put(blob(b"just now"), b"just now")
        self.assertEqual(self.found(), [])

    def test_many_things_are_told_in_short(self) -> None:
        layers = [b"%d" % number for number in range(5)]
        for each in layers:
            self.push_blob(each)
        self.push(image(layers=layers))
        self.delete(*map(blob, layers), *map(layer, layers))
        (told,) = self.check()
        self.assertIn(" and 2 more", told.text)


class ChangingStore(MemoryObjectStore):
    """A store that fails, or changes, under the hands of who looks at it."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.shut: set[str] = set()
        self.full = False
        self.before_list: dict[str, Callable[[], object]] = {}

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        self._check(key)
        return await super().get(key, limit)

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        self._check(key)
        return await super().stat(key)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        if self.full:
            raise StorageUnavailable("full")
        return await super().put(key, data, if_absent=if_absent)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        self.before_list.pop(prefix, lambda: None)()
        return await super().list(prefix, after=after, limit=limit, delimiter=delimiter)

    def _check(self, key: str) -> None:
        if key in self.shut:
            raise StorageUnavailable("shut")


class FaultTests(case.CheckTestCase):
    store: ChangingStore

    def make_store(self) -> IObjectStore:
        return ChangingStore(self.clock)

    def test_what_cannot_be_read_is_told(self) -> None:
        for key in (layer(b"{}"), revision(NEW), TAG, blob(CHILD), past(NEW)):
            self.store.shut = {key}
            before = self.check()
            self.store.shut.clear()
            told = {(each.sort, each.key) for each in before}
            self.assertLessEqual(told, {("unreadable", key), *self.broken(key)}, key)
            self.assertTrue(told or key == past(NEW), key)

    def broken(self, key: str) -> set[tuple[str, str]]:
        """Say what is broken as well while something cannot be read."""
        if key == blob(CHILD):
            return {("broken-tag", keys.tag_link(NAME, MULTI))}
        return set()

    def test_store_that_cannot_be_written(self) -> None:
        self.delete(layer(b"{}"))
        self.store.full = True
        (told,) = self.check(mend=True)
        self.assertEqual((told.state, told.is_fault), ("failed", True))

    def test_store_that_cannot_be_listed_to_its_end(self) -> None:
        def fail() -> None:
            raise StorageUnavailable("shut")

        self.put(layer(b"{}"), b"")
        self.store.before_list = {keys.tags(NAME): fail}
        told: list[Finding] = []
        check = StoreCheck(
            self.store, None, self.clock, at_once, told.append, flat=True
        )
        self.fails(StorageUnavailable, check.run())
        self.assertEqual([each.sort for each in told], ["malformed-link"])
        self.assertEqual(check.findings.faults, 1)

    def test_push_meanwhile_is_nothing_wrong(self) -> None:
        data = image(layers=[b"a new layer"], subject=NEW)

        def push() -> None:
            self.push_blob(b"a new layer")
            self.push(data, Tag("new"))

        for prefix in (
            keys.REPOSITORIES,
            keys.layer_links(NAME),
            keys.revision_links(NAME),
            keys.tags(NAME),
        ):
            self.store.before_list = {prefix: push}
            self.assertEqual(self.check(mend=True), [], prefix)
            self.assertEqual(self.store.before_list, {})
            work = self.registry.acceptance.delete(NAME, Digest.of(data))
            self.result(work)
            self.delete(layer(b"a new layer"), blob(b"a new layer"))

    def test_deletion_meanwhile_is_nothing_wrong(self) -> None:
        def delete() -> None:
            self.result(self.registry.acceptance.delete(NAME, MULTI))
            self.result(self.registry.acceptance.delete(NAME, Digest.of(INDEX)))

        self.store.before_list = {keys.tags(NAME): delete}
        self.assertEqual(self.check(mend=True), [])
