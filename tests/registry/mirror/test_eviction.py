"""Tests of ``txregistry/registry/mirror/eviction.py``."""

from typing import Any

from tests.registry.collection import case
from tests.registry.collection.case import FLOOR
from tests.registry.content import CONFIG, image, index
from tests.registry.mirror.played import PlayedUpstream
from txregistry.auth.patterns import Patterns
from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.interfaces import IKeeping
from txregistry.registry.mirror.eviction import Eviction
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules, Pin
from txregistry.registry.repositories import Registry
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.storage import keys
from txregistry.tasks import at_once

DAY = 86_400.0
NAME = RepositoryName("other/team/app")
OWN = RepositoryName("team/app")
LARGE = 1000


def layer(number: int) -> bytes:
    """Make a layer of `LARGE` bytes."""
    return f"{number:0{LARGE}}".encode()


def numbered(number: int) -> bytes:
    """Make an image with a layer of its own."""
    return image(layers=[layer(number)])


class EvictionCase(case.CollectionTestCase):
    keep: float | None = 10 * DAY
    limit: int | None = None

    def make_registry(self, **switches: Any) -> Registry:
        pin = Pin(Patterns(["team/*"]), TagPatterns(["pinned-*"]))
        rule = MirrorRule(PlayedUpstream(), "other/", keep=self.keep, pinned=(pin,))
        return super().make_registry(mirrored=MirrorRules([rule]), **switches)

    def make_keeping(self, registry: Registry, contents: Contents) -> IKeeping:
        rules = self.registry.mirror.rules
        uses = self.registry.uses
        return Eviction(registry, rules, uses, contents, at_once, self.limit)

    def fill(
        self, number: int, reference: Reference | None, name: RepositoryName = NAME
    ) -> Digest:
        """Have an image here."""
        for data in (CONFIG, layer(number)):
            self.push_blob(data, name)
        return self.push(numbered(number), reference, name)

    def use(self, *references: Reference) -> None:
        """Use something."""
        self.registry.uses.note(NAME, *references)

    def is_here(self, number: int) -> bool:
        """Say whether the content of an image is here."""
        return self.is_stored(layer(number)) and self.is_stored(numbered(number))

    def collect_quickly(self) -> None:
        """Do rounds, in which no time passes that counts."""
        for _ in range(4):
            self.collect()
            self.clock.advance(FLOOR)


class AgeTests(EvictionCase):
    def test_what_nobody_uses_goes(self) -> None:
        self.use(Tag("old"), self.fill(1, Tag("old")))
        self.use(Tag("new"), self.fill(2, Tag("new")))
        self.clock.advance(9 * DAY)
        self.use(Tag("new"))
        self.collect_quickly()
        self.assertTrue(self.is_here(1))
        self.clock.advance(2 * DAY)
        self.collect_quickly()
        self.assertFalse(self.is_here(1))
        self.assertTrue(self.is_here(2))
        self.assertEqual(self.tags(NAME), ["new"])

    def test_what_is_ours_stays(self) -> None:
        self.fill(1, Tag("v1"), OWN)
        self.clock.advance(1000 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_here(1))

    def test_what_is_pinned_stays(self) -> None:
        self.fill(1, Tag("pinned-1"))
        self.use(Tag("pinned-1"))
        self.clock.advance(1000 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_here(1))

    def test_of_what_nothing_is_known_is_used_now(self) -> None:
        self.fill(1, Tag("v1"))
        digest = self.fill(2, None)
        self.clock.advance(1000 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_here(1) and self.is_here(2))
        self.clock.advance(8 * DAY)
        self.use(digest)
        self.clock.advance(3 * DAY)
        self.collect_quickly()
        self.assertFalse(self.is_here(1))
        self.assertTrue(self.is_here(2))

    def test_what_a_used_index_lists_stays(self) -> None:
        for number in (1, 2):
            self.fill(number, None)
        listed = self.push(index([numbered(1), numbered(2)]), Tag("all"), NAME)
        self.use(Tag("all"), listed)
        self.collect_quickly()
        self.clock.advance(8 * DAY)
        self.use(Tag("all"))
        self.clock.advance(8 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_here(1) and self.is_here(2))

    def test_what_refers_to_it_stays_as_long(self) -> None:
        digest = self.fill(1, Tag("v1"))
        signature = image(layers=[layer(1)], subject=numbered(1))
        self.push(signature, None, NAME)
        self.use(Tag("v1"), digest)
        self.collect_quickly()
        self.clock.advance(8 * DAY)
        self.use(Tag("v1"))
        self.clock.advance(8 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_stored(signature))
        self.clock.advance(8 * DAY)
        self.collect_quickly()
        self.assertFalse(self.is_stored(signature))
        self.assertEqual(self.keys(keys.ROOT), ())

    def test_what_is_pulled_while_it_is_condemned_stays(self) -> None:
        digest = self.fill(1, Tag("v1"))
        self.use(Tag("v1"), digest)
        self.clock.advance(11 * DAY)
        self.collect()
        self.assertEqual(self.tags(NAME), [])
        found = self.registry.manifests.find(NAME, digest)
        self.result(found)
        self.use(digest)
        self.collect_quickly()
        self.assertTrue(self.is_here(1))

    def test_tag_about_another_image_stays_with_that(self) -> None:
        digest = self.fill(1, Tag("v1"))
        signature = Tag(f"sha256-{digest.encoded}.sig")
        self.use(Tag("v1"), digest, signature, self.fill(2, signature))
        self.clock.advance(9 * DAY)
        self.use(Tag("v1"), digest)
        self.clock.advance(9 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_here(1) and self.is_here(2))
        self.clock.advance(9 * DAY)
        for _ in range(2):
            self.collect_quickly()
        self.assertFalse(self.is_here(1) or self.is_here(2))

    def test_dry_run_removes_no_tag(self) -> None:
        self.fill(1, Tag("v1"))
        self.use(Tag("v1"))
        self.clock.advance(11 * DAY)
        report = self.collect(dry_run=True)
        self.assertEqual(report.tags_removed, 1)
        self.assertEqual(self.tags(NAME), ["v1"])


class SizeTests(EvictionCase):
    keep = None
    limit = 5 * LARGE

    def fill_all(self) -> None:
        """Have six images, each used an hour after the one before."""
        for number in range(6):
            digest = self.fill(number, Tag(f"v{number}"))
            self.use(Tag(f"v{number}"), digest)
            self.clock.advance(3600)

    def test_least_recently_used_go_until_it_fits(self) -> None:
        self.fill_all()
        self.use(Tag("v0"))
        self.collect_quickly()
        # An image is larger than its layer.
        self.assertEqual(
            [number for number in range(6) if self.is_here(number)], [0, 4, 5]
        )

    def test_of_what_was_used_at_once_some_stays(self) -> None:
        for number in range(6):
            self.use(Tag(f"v{number}"), self.fill(number, Tag(f"v{number}")))
        self.collect_quickly()
        self.assertEqual(sum(map(self.is_here, range(6))), 3)

    def test_what_is_larger_than_all_is_kept_as_the_latest(self) -> None:
        self.limit = 10
        self.collector = self.make_collector("another")
        self.fill_all()
        self.collect_quickly()
        self.assertEqual(
            [self.is_here(number) for number in range(6)], [False] * 5 + [True]
        )

    def test_of_what_nothing_is_known_is_used_now(self) -> None:
        self.use(Tag("v1"), self.fill(1, Tag("v1")))
        self.fill(2, None)
        self.collect_quickly()
        self.assertTrue(self.is_here(2))

    def test_what_fits_stays(self) -> None:
        for number in range(3):
            self.use(Tag("v1"), self.fill(number, Tag(f"v{number}")))
        self.clock.advance(1000 * DAY)
        self.collect_quickly()
        self.assertTrue(all(map(self.is_here, range(3))))

    def test_what_is_shared_counts_once(self) -> None:
        for number in range(20):
            data = image(layers=[layer(1)], annotations={"number": str(number)})
            for blob in (CONFIG, layer(1)):
                self.push_blob(blob, NAME)
            self.push(data, Tag(f"v{number}"), NAME)
        self.limit = 20 * len(numbered(1)) + 2 * LARGE
        self.collector = self.make_collector("another")
        self.collect_quickly()
        self.assertEqual(len(self.tags(NAME)), 20)
