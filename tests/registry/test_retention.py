"""Tests of ``txregistry/registry/retention.py``."""

from twisted.logger import capturedLogs

from tests.registry.collection import case
from tests.registry.collection.case import FLOOR
from tests.registry.content import CONFIG, image, index
from txregistry.auth.patterns import Patterns
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.interfaces import IKeeping
from txregistry.registry.repositories import Registry
from txregistry.registry.retention import Retention, RetentionRule
from txregistry.registry.tagpatterns import TagPatterns

DAY = 86_400.0
HOUR = 3600.0
NAME = RepositoryName("team/app")
OTHER = RepositoryName("keep/app")
ALL = TagPatterns(["*"])
TEAM = Patterns(["team/**"])


def layer(number: int) -> bytes:
    """Make a layer."""
    return f"layer {number}".encode()


def numbered(number: int) -> bytes:
    """Make an image with a layer of its own."""
    return image(layers=[layer(number)])


class RetentionCase(case.CollectionTestCase):
    rules: tuple[RetentionRule, ...] = ()
    sweeping = False

    def make_keeping(self, registry: Registry, contents: Contents) -> IKeeping:
        del contents
        return Retention(
            registry, self.rules, self.registry.uses, sweeping=self.sweeping
        )

    def follow(self, *rules: RetentionRule, sweeping: bool = False) -> None:
        """Collect by some rules from now on."""
        self.rules, self.sweeping = rules, sweeping
        self.collector = self.make_collector("another")

    def fill(
        self, number: int, tag: str | None = None, name: RepositoryName = NAME
    ) -> Digest:
        """Push an image."""
        for data in (CONFIG, layer(number)):
            self.push_blob(data, name)
        return self.push(numbered(number), None if tag is None else Tag(tag), name)

    def fill_all(self, count: int = 6) -> None:
        """Push images, a day after another."""
        for number in range(count):
            self.fill(number, f"v{number}")
            self.clock.advance(DAY)

    def collect_quickly(self) -> None:
        """Do rounds, in which no time passes that counts."""
        for _ in range(4):
            self.collect()
            self.clock.advance(FLOOR)


class TagsTests(RetentionCase):
    def test_newest_stay(self) -> None:
        self.fill_all()
        self.follow(RetentionRule(TEAM, ALL, newest=2))
        self.collect_quickly()
        self.assertEqual(self.tags(NAME), ["v4", "v5"])

    def test_what_was_pushed_lately_stays(self) -> None:
        self.fill_all()
        self.follow(RetentionRule(TEAM, ALL, pushed=3.5 * DAY))
        self.collect_quickly()
        self.assertEqual(self.tags(NAME), ["v3", "v4", "v5"])

    def test_what_was_pulled_lately_stays(self) -> None:
        self.fill_all()
        self.follow(RetentionRule(TEAM, ALL, newest=1, pulled=2 * DAY))
        self.registry.uses.note(NAME, Tag("v0"))
        self.clock.advance(DAY)
        self.collect_quickly()
        self.assertEqual(self.tags(NAME), ["v0", "v5"])

    def test_what_is_named_stays(self) -> None:
        self.fill_all()
        keep = TagPatterns(["v1", "x*"])
        self.follow(RetentionRule(TEAM, ALL, newest=1, keep=keep))
        self.collect_quickly()
        self.assertEqual(self.tags(NAME), ["v1", "v5"])

    def test_first_rule_that_is_about_a_tag_counts(self) -> None:
        self.fill_all()
        first = RetentionRule(TEAM, TagPatterns(["v1", "v2"]), newest=1)
        self.follow(first, RetentionRule(TEAM, ALL, newest=1))
        self.collect_quickly()
        self.assertEqual(self.tags(NAME), ["v2", "v5"])

    def test_other_repositories_and_tags_stay(self) -> None:
        self.fill_all()
        for number in range(3):
            self.fill(number, f"v{number}", OTHER)
        self.follow(RetentionRule(TEAM, TagPatterns(["v0", "v1", "v2"]), newest=1))
        self.collect_quickly()
        self.assertEqual(self.tags(NAME), ["v2", "v3", "v4", "v5"])
        self.assertEqual(self.tags(OTHER), ["v0", "v1", "v2"])

    def test_manifests_stay(self) -> None:
        self.fill_all()
        self.follow(RetentionRule(TEAM, ALL, newest=1))
        self.collect_quickly()
        self.assertTrue(self.is_stored(layer(0)))

    def test_rule_that_removes_everything_is_not_followed(self) -> None:
        self.fill_all(2)
        self.clock.advance(10 * DAY)
        rule = RetentionRule(TEAM, ALL, pushed=DAY)
        self.follow(rule)
        with capturedLogs() as logs:
            self.collect()
        self.assertIn("retention", str(logs[0]["log_format"]))
        self.assertEqual(self.tags(NAME), ["v0", "v1"])
        self.follow(rule, sweeping=True)
        self.collect()
        self.assertEqual(self.tags(NAME), [])

    def test_dry_run_tells_what_would_go(self) -> None:
        self.fill_all(3)
        self.follow(RetentionRule(TEAM, ALL, newest=2))
        report = self.collect(dry_run=True)
        wanted = f"team/app:v0 ({Digest.of(numbered(0))})"
        self.assertEqual((report.tags_removed, report.tags), (1, [wanted]))
        self.assertEqual(len(self.tags(NAME)), 3)


class UntaggedTests(RetentionCase):
    rule = RetentionRule(TEAM, ALL, untagged=3 * DAY)

    def test_what_has_no_tag_goes_after_a_while(self) -> None:
        self.follow(self.rule)
        self.fill(0, "v1")
        self.clock.advance(100 * DAY)
        self.fill(1, "v1")
        self.collect_quickly()
        self.clock.advance(2 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_stored(layer(0)))
        self.clock.advance(DAY + HOUR)
        self.collect_quickly()
        self.assertFalse(self.is_stored(layer(0)))
        self.assertTrue(self.is_stored(layer(1)))

    def test_what_is_pulled_stays(self) -> None:
        self.follow(self.rule)
        digest = self.fill(0)
        self.collect_quickly()
        for _ in range(4):
            self.clock.advance(2 * DAY)
            self.registry.uses.note(NAME, digest)
            self.collect_quickly()
        self.assertTrue(self.is_stored(layer(0)))

    def test_what_has_a_tag_again_begins_anew(self) -> None:
        self.follow(self.rule)
        digest = self.fill(0)
        self.collect_quickly()
        self.clock.advance(2 * DAY)
        self.result(self.registry.acceptance.point(NAME, Tag("v1"), digest))
        self.collect_quickly()
        self.clock.advance(10 * DAY)
        self.fill(1, "v1")
        self.collect_quickly()
        self.assertTrue(self.is_stored(layer(0)))

    def test_members_and_referrers_stay_with_what_has_a_tag(self) -> None:
        self.follow(self.rule)
        for number in (0, 1):
            self.fill(number)
        self.push(index([numbered(0), numbered(1)]), Tag("all"), NAME)
        signature = image(layers=[layer(0)], subject=numbered(0))
        self.push(signature, None, NAME)
        self.collect_quickly()
        self.clock.advance(10 * DAY)
        self.collect_quickly()
        self.assertTrue(self.is_stored(layer(1)) and self.is_stored(signature))
        self.assertEqual(len(self.tags(NAME)), 2)  # and that of the referrers
        self.result(self.registry.acceptance.delete(NAME, Tag("all")))
        self.collect_quickly()
        self.clock.advance(10 * DAY)
        for _ in range(3):
            self.collect_quickly()
            self.clock.advance(10 * DAY)
        self.assertFalse(self.is_stored(layer(1)) or self.is_stored(signature))
        self.assertEqual(self.tags(NAME), [])
