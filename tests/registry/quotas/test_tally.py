"""Tests of ``txregistry/registry/quotas/tally.py``: what rounds of collection count."""

from typing import Final

from tests.registry.case import V1, chunk
from tests.registry.collection.case import FLOOR
from tests.registry.content import CONFIG, LAYER
from tests.registry.quotas import case
from tests.registry.quotas.case import APP, ELSEWHERE, WEB
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.collection.collector import NotOurTurn
from txregistry.registry.collection.lease import LIFE
from txregistry.registry.collection.report import QuotaReport
from txregistry.registry.quotas.counts import Count, Usage, read_count, write_count
from txregistry.registry.quotas.rules import Quota
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, Key, Page, Stat
from txregistry.storage.passing import PassingStore
from txregistry.tasks import at_once

BIG: Final = b"b" * 1500


class TellingStore(PassingStore):
    """A flat store, which tells sizes with a listing, and what was looked at."""

    def __init__(self, store: IObjectStore, untold: frozenset[str]) -> None:
        super().__init__(store)
        self.flat = True
        self.looked: list[str] = []
        self._untold = untold

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        self.looked.append(key)
        return await super().stat(key)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        page = await super().list(prefix, after=after, limit=limit, delimiter=delimiter)
        sizes = {
            name: (await self._store.stat(Key(name))).size
            for name in page.names
            if name.endswith("/data") and name not in self._untold
        }
        return Page(page.names, page.more, sizes)


class TallyTests(case.QuotaTestCase):
    quotas: tuple[Quota, ...] = (
        Quota(("team/**",), 4000, 3),
        Quota(("team/app", "other/*"), None, 3),
        Quota(("nobody/**",), 1),
    )

    def push_all(self) -> list[tuple[int, int]]:
        """Push two images that share a layer, and one elsewhere.

        Returns:
            What quotas count then.
        """
        first, _ = self.push_image(APP, LAYER, BIG)
        second, _ = self.push_image(WEB, LAYER)
        third, _ = self.push_image(ELSEWHERE, BIG)
        self.result(self.registry.quotas.flush())
        shared = len(CONFIG) + len(BIG)
        return [
            (shared + len(LAYER) + len(first) + len(second), 2),
            (shared + len(LAYER) + len(first) + len(third), 2),
            (0, 0),
        ]

    def counted(self) -> Count:
        """Give what is written down."""
        return self.result(read_count(self.store))

    def test_each_blob_is_counted_once_for_each_quota(self) -> None:
        wanted = self.push_all()
        report = self.collect()
        told = [(each.bytes, each.tags) for each in report.quotas]
        self.assertEqual(told, wanted)
        self.assertEqual(
            report.quotas[0],
            QuotaReport("team/**", wanted[0][0], 4000, 2, 3),
        )
        self.assertEqual(self.counted().quotas["other/* team/app"], Usage(*wanted[1]))
        self.assertEqual(self.used(), wanted)
        self.assertEqual(self.used(self.make_registry()), wanted)

    def test_another_process_knows_what_was_let_in_since(self) -> None:
        wanted = self.push_all()
        self.collect()
        self.push_blob(b"x" * 100, WEB)
        other = self.make_registry()
        wanted[0] = (wanted[0][0] + 100, wanted[0][1])
        self.assertEqual(self.used(), wanted)
        self.assertEqual(self.used(other), wanted)

    def test_estimates_are_corrected(self) -> None:
        wanted = self.push_all()
        for data in (CONFIG, LAYER, BIG):  # in the middle of a push to another process
            self.push_blob(data, RepositoryName("team/other"))
        self.assertEqual(self.used()[2], wanted[2])
        self.assertGreaterEqual(self.used()[0], wanted[0])
        self.collect()
        self.assertEqual(self.used(), wanted)

    def test_what_was_collected_makes_room(self) -> None:
        self.push_blob(b"b" * 3500, APP)
        self.used()
        self.refused(b"x" * 1000)
        self.collect()
        self.refused(b"x" * 1000)  # nobody needs it, but it is there
        self.clock.advance(FLOOR)
        self.collect()
        self.assertEqual(self.used()[0], (0, 0))
        self.push_blob(b"x" * 1000, APP)

    def test_tags_that_were_removed_elsewhere_make_room(self) -> None:
        self.push_image(APP, LAYER)
        self.used()
        other = self.make_registry(quotas=())
        self.result(other.acceptance.delete(APP, V1))
        self.assertEqual(self.used()[0][1], 1)
        self.collect()
        self.assertEqual(self.used()[0][1], 0)

    def test_nothing_is_written_when_dry(self) -> None:
        wanted = self.push_all()
        self.used()
        before = self.keys()
        report = self.collect(dry_run=True)
        told = [(each.bytes, each.tags) for each in report.quotas]
        self.assertEqual(told, wanted)
        self.assertEqual(self.keys(), before)

    def test_a_round_of_some_repositories_counts_nothing(self) -> None:
        self.push_all()
        report = self.collect(only=lambda name: name == APP)
        self.assertEqual(report.quotas, [])
        self.assertEqual(self.counted(), Count())

    def test_links_that_lead_nowhere_count_nothing(self) -> None:
        wanted = self.push_all()
        self.put(keys.layer_link(APP, Digest.of(b"gone")), b"")
        self.put(f"{keys.BLOBS}sha256/zz/what", b"somebody else's")
        self.collect()
        self.assertEqual(self.used(), wanted)

    def test_uploads_count_nothing(self) -> None:
        wanted = self.push_all()
        session = self.result(self.registry.uploads.begin(WEB))
        self.result(self.registry.uploads.append(WEB, session, chunk(b"x" * 99)))
        self.collect()
        self.assertEqual(self.used(), wanted)

    def test_numbers_grow_although_clocks_go_back(self) -> None:
        self.collect()
        first = self.counted()
        self.assertEqual(first.begun, first.number)
        later = first.number + 10**9
        self.result(write_count(self.store, Count(later, later, first.quotas)))
        self.collect()
        self.assertEqual(self.counted().number, later + 1)

    def test_a_count_that_cannot_be_read_is_made_anew(self) -> None:
        wanted = self.push_all()
        self.push_blob(b"x", WEB)
        self.result(self.registry.quotas.flush())
        self.put(keys.quota_count(), b"{" * 99)
        self.put(keys.quota_addition("hostile"), b"[" * 99)
        self.collect()
        self.assertEqual(self.used()[1], wanted[1])
        self.assertEqual(self.used()[0][0], wanted[0][0] + 1)
        self.assertNotIn(keys.quota_addition("hostile"), self.keys())

    def test_what_ended_processes_let_in_is_forgotten(self) -> None:
        self.push_blob(LAYER, APP)
        self.result(self.registry.quotas.flush())
        self.registry = self.make_registry()
        prefix = keys.quota_additions()
        self.assertEqual(len(self.keys(prefix)), 1)
        for _ in range(3):
            self.collect()
        self.assertEqual(self.keys(prefix), ())

    def test_sizes_come_with_the_listing(self) -> None:
        wanted = self.push_all()
        untold = frozenset([keys.blob(Digest.of(BIG))])
        plain, self.store = self.store, TellingStore(self.store, untold)
        telling = self.store
        self.collector = self.make_collector("other")
        self.collect()
        looked = {key for key in telling.looked if key.startswith(keys.BLOBS)}
        self.assertEqual(looked, untold)
        self.store = plain
        self.registry = self.make_registry()
        self.assertEqual(self.used(), wanted)

    def test_counting_alone_removes_nothing(self) -> None:
        wanted = self.push_all()
        self.push_blob(b"nobody's", ELSEWHERE)
        self.result(self.registry.quotas.flush())
        before = self.keys()
        self.assertTrue(self.wait_for(self.collector.count()))
        self.assertEqual(sorted({*before, keys.quota_count()}), [*self.keys()])
        wanted[1] = (wanted[1][0] + 8, wanted[1][1])
        self.assertEqual(self.used(), wanted)

    def test_counting_when_it_is_time(self) -> None:
        self.assertTrue(self.wait_for(self.collector.count()))
        self.assertFalse(self.wait_for(self.collector.count()))
        self.assertFalse(self.wait_for(self.collector.count(3600.0)))
        self.clock.advance(3600)
        self.assertTrue(self.wait_for(self.collector.count(3600.0)))
        self.quotas = (*self.quotas, Quota(("other/**",), 9))
        self.collector = self.make_collector("first")
        self.assertTrue(self.wait_for(self.collector.count()))

    def test_one_counts_at_a_time(self) -> None:
        other = self.make_collector("other")
        self.put(keys.collection_lease(), b'{"owner": "somebody who died", "turn": 1}')
        with self.assertRaises(NotOurTurn):
            self.wait_for(other.count())
        self.clock.advance(LIFE)
        self.assertTrue(self.wait_for(other.count()))


class FilesystemTests(case.QuotaTestCase):
    quotas = (Quota(("team/**",), 4000),)

    def make_store(self) -> IObjectStore:
        """See `RegistryTestCase`."""
        scratch = f"{keys.PRIVATE}scratch/"
        return FilesystemObjectStore(
            make_folder(self), scratch, at_once, keys.COMPANIONS
        )

    def test_files_are_counted(self) -> None:
        _, size = self.push_image(APP, LAYER, BIG)
        second, _ = self.push_image(WEB, LAYER)
        estimated = self.used()
        self.collect()
        self.assertEqual(self.used(), [(size + len(second), 2)])
        self.assertEqual(self.used(), estimated)
        self.refused(b"x" * 3000)
