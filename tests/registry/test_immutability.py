"""Tests of ``txregistry/registry/immutability.py``, and of all who must heed it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.registry import images
from tests.registry.case import RegistryTestCase
from tests.registry.content import index, numbered
from tests.registry.images import BASE, ENGINE, TOP, oci_image, tar
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied, ManifestUnknown
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag, fallback_tag
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.tasks import at_once

NAME = RepositoryName("release/app")
FREE = RepositoryName("team/app")
V1 = Tag("v1")
OTHER = Tag("latest")
FIRST, SECOND = numbered(1), numbered(2)
ONE, TWO = Digest.of(FIRST), Digest.of(SECOND)
RULES = Immutability([ImmutableTags(("release/**",), ("v*",))])


class RulesTests(SynchronousTestCase):
    def protects(self, tags: str, tag: str, repositories: str = "**") -> bool:
        """Say whether a tag stays."""
        rule = ImmutableTags(tuple(repositories.split()), tuple(tags.split()))
        return Immutability([rule]).protects(NAME, Tag(tag))

    def test_without_a_rule_no_tag_stays(self) -> None:
        self.assertFalse(Immutability().protects(NAME, V1))
        self.assertFalse(Immutability().concerns(NAME))

    def test_tag_is_told_by_a_pattern(self) -> None:
        for tags, tag, wanted in (
            ("v1", "v1", True),
            ("v1", "v10", False),
            ("v1", "V1", False),
            ("v*", "v1.2", True),
            ("v*", "v", True),
            ("v*", "xv1", False),
            ("*", "x", True),
            ("*-rc*", "v1-rc2", True),
            ("*-rc*", "v1", False),
            ("v1.0", "v1x0", False),
            ("a v*", "v1", True),
            ("a v*", "b", False),
            ("Release_*", "Release_1", True),
        ):
            self.assertEqual(self.protects(tags, tag), wanted, (tags, tag))

    def test_repository_is_told_by_a_pattern(self) -> None:
        for repositories, wanted in (
            ("release/**", True),
            ("other release/app", True),
            ("other/**", False),
        ):
            self.assertEqual(self.protects("*", "x", repositories), wanted)
            rules = Immutability([ImmutableTags(tuple(repositories.split()), ("*",))])
            self.assertEqual(rules.concerns(NAME), wanted)

    def test_one_of_several_rules_is_enough(self) -> None:
        rules = Immutability(
            [
                ImmutableTags(("other/**",), ("*",)),
                ImmutableTags(("release/*",), ("v*",)),
            ]
        )
        self.assertTrue(rules.protects(NAME, V1))
        self.assertFalse(rules.protects(NAME, OTHER))

    @given(st.binary(), st.sampled_from(("sha256", "sha512")))
    def test_fallback_tags_never_stay(self, data: bytes, algorithm: str) -> None:
        tag = fallback_tag(Digest.of(data, algorithm))
        for tags in ("*", "sha*", str(tag)):
            self.assertFalse(self.protects(tags, str(tag)))

    def test_what_looks_like_them_may_stay(self) -> None:
        tag = f"{fallback_tag(ONE)}.sig"
        self.assertTrue(self.protects("*", tag))
        self.assertTrue(self.protects("*", "sha256-" + "a" * 63))

    def refuse(self, rule: ImmutableTags, why: str) -> None:
        """Expect a rule to be refused."""
        good = ImmutableTags(("**",), ("*",))
        with self.assertRaisesRegex(ValueError, f"Rule 2: .*{why}"):
            Immutability([good, rule])

    def test_rule_about_nothing_is_refused(self) -> None:
        self.refuse(ImmutableTags((), ("v*",)), "which repositories and which tags")
        self.refuse(ImmutableTags(("**",), ()), "which repositories and which tags")

    def test_what_is_no_pattern_is_refused(self) -> None:
        for pattern in ("", "v 1", "[v]", "v/1", "v1\n", "é", "v" * 129):
            self.refuse(ImmutableTags(("**",), ("v*", pattern)), "no pattern of tags")
        self.refuse(ImmutableTags(("a//b",), ("v*",)), "The pattern 'a//b'")


class CheckTests(SynchronousTestCase):
    def test_absent_tag_may_be_made(self) -> None:
        RULES.check_move(NAME, V1, None, ONE)

    def test_tag_may_be_set_to_what_it_is(self) -> None:
        RULES.check_move(NAME, V1, ONE, ONE)

    def test_tag_cannot_be_moved(self) -> None:
        with self.assertRaises(Denied) as raised:
            RULES.check_move(NAME, V1, ONE, TWO)
        self.assertEqual(
            raised.exception.message,
            "The tag v1 of release/app is immutable (a rule of the registry's "
            "settings); push under another tag.",
        )

    def test_other_tags_can(self) -> None:
        RULES.check_move(NAME, OTHER, ONE, TWO)
        RULES.check_move(FREE, V1, ONE, TWO)

    def test_tag_cannot_be_deleted(self) -> None:
        with self.assertRaisesRegex(Denied, "The tag v1 of release/app is immutable"):
            RULES.check_delete(NAME, V1)

    def test_other_tags_can_be_deleted(self) -> None:
        RULES.check_delete(NAME, OTHER)
        RULES.check_delete(FREE, V1)


class ImmutableCase(RegistryTestCase):
    """Inherit as ``test_immutability.ImmutableCase``, or from what does."""

    def setUp(self) -> None:
        super().setUp()
        self.push_blobs(NAME)
        self.push_blobs(FREE)

    def make_registry(self, **switches: Any) -> Registry:
        return Registry(
            self.store,
            self.clock,
            at_once,
            new_session=self.new_session,
            immutability=RULES,
            **switches,
        )

    def found(self, tag: Tag = V1, name: RepositoryName = NAME) -> Digest | None:
        """Say where a tag points."""
        return self.result(self.registry.tags.find(name, tag))

    def denied(self, work: Any) -> None:
        """Expect a refusal that changes nothing in the store."""
        before = {key: self.get(key) for key in self.keys()}
        self.fails(Denied, work)
        self.assertEqual({key: self.get(key) for key in self.keys()}, before)


class PushTests(ImmutableCase):
    def push_work(self, data: bytes, reference: Reference, *tags: Tag) -> Any:
        """Push a manifest."""
        return self.registry.acceptance.push(NAME, reference, data, None, tags)

    def test_tag_is_made_once(self) -> None:
        self.push(FIRST, V1, NAME)
        self.assertEqual(self.found(), ONE)
        self.denied(self.push_work(SECOND, V1))
        self.assertEqual(self.found(), ONE)

    def test_same_may_be_pushed_again(self) -> None:
        for _ in range(2):
            self.push(FIRST, V1, NAME)
        self.assertEqual(self.found(), ONE)

    def test_same_bytes_under_another_digest_are_a_move(self) -> None:
        self.push(FIRST, V1, NAME)
        self.denied(self.push_work(FIRST, Digest.of(FIRST, "sha512"), V1))

    def test_further_tags_are_heeded(self) -> None:
        self.push(FIRST, V1, NAME)
        self.denied(self.push_work(SECOND, TWO, Tag("new"), V1))
        self.denied(self.push_work(SECOND, Tag("new"), V1))
        self.assertIsNone(self.found(Tag("new")))

    def test_other_tags_are_moved(self) -> None:
        for data, digest in ((FIRST, ONE), (SECOND, TWO)):
            self.push(data, OTHER, NAME)
            self.push(data, V1, FREE)
            self.assertEqual(self.found(OTHER), digest)
            self.assertEqual(self.found(V1, FREE), digest)

    def test_refusal_comes_before_what_is_missing(self) -> None:
        self.push(FIRST, V1, NAME)
        self.denied(self.push_work(index([numbered(7)]), V1))

    def test_tag_that_a_crash_left_unreadable_is_made(self) -> None:
        self.put(keys.tag_link(NAME, V1), b"")
        self.push(FIRST, V1, NAME)
        self.assertEqual(self.found(), ONE)

    def test_tag_has_a_history_as_others(self) -> None:
        self.push(FIRST, V1, NAME)
        link = self.get(keys.tag_history_link(NAME, V1, ONE))
        self.assertEqual(link, str(ONE).encode())

    def test_tag_cannot_be_moved_past_manifests(self) -> None:
        self.push(FIRST, V1, NAME)
        self.denied(self.registry.tags.point(NAME, V1, TWO))

    def test_referrers_are_taken_though_every_tag_stays(self) -> None:
        rules = Immutability([ImmutableTags(("**",), ("*",))])
        self.registry = Registry(self.store, self.clock, at_once, immutability=rules)
        self.push(FIRST, V1, NAME)
        referrers = [numbered(place, FIRST) for place in (3, 4)]
        for data in referrers:
            self.push(data, None, NAME)
        work = self.registry.manifests.find(NAME, fallback_tag(ONE))
        found = {each.digest for each in self.result(work).parse().children}
        self.assertEqual(found, set(map(Digest.of, referrers)))
        for data in referrers:
            self.result(self.registry.acceptance.delete(NAME, Digest.of(data)))
        self.assertIsNone(self.found(fallback_tag(ONE)))


class DeleteTests(ImmutableCase):
    def setUp(self) -> None:
        super().setUp()
        self.push(FIRST, V1, NAME)

    def delete(self, reference: Reference, name: RepositoryName = NAME) -> Any:
        """Delete a tag or a manifest."""
        return self.registry.acceptance.delete(name, reference)

    def test_tag_stays(self) -> None:
        self.denied(self.delete(V1))

    def test_manifest_that_it_points_to_stays(self) -> None:
        self.push(FIRST, OTHER, NAME)
        self.denied(self.delete(ONE))

    def test_manifest_stays_by_its_other_digest(self) -> None:
        other = self.push(FIRST, Digest.of(FIRST, "sha512"), NAME)
        self.denied(self.delete(other))

    def test_other_tags_of_it_go(self) -> None:
        self.push(FIRST, OTHER, NAME)
        self.result(self.delete(OTHER))
        self.assertIsNone(self.found(OTHER))
        self.assertEqual(self.found(), ONE)

    def test_other_manifests_go(self) -> None:
        self.push(SECOND, OTHER, NAME)
        self.result(self.delete(TWO))
        self.assertEqual(self.tags(NAME), ["v1"])

    def test_elsewhere_it_goes(self) -> None:
        self.push(FIRST, V1, FREE)
        self.result(self.delete(V1, FREE))
        self.push(FIRST, V1, FREE)
        self.result(self.delete(ONE, FREE))
        self.assertEqual(self.tags(FREE), [])

    def test_tag_that_is_not_there_is_unknown(self) -> None:
        self.fails(ManifestUnknown, self.delete(Tag("v2")))

    def test_manifest_that_is_not_there_is_unknown(self) -> None:
        self.fails(ManifestUnknown, self.delete(TWO))

    def test_repository_stays(self) -> None:
        self.push(SECOND, OTHER, NAME)
        self.denied(self.registry.image_tags.remove_all(NAME))

    def test_repository_without_such_tags_goes(self) -> None:
        self.push(FIRST, V1, FREE)
        self.result(self.registry.image_tags.remove_all(FREE))
        self.assertEqual(self.tags(FREE), [])


class Version1Tests(images.ImageTestCase, ImmutableCase):
    """Version 1: Docker Registry API v1, "Tags"."""

    def setUp(self) -> None:
        super().setUp()
        self.push_images(BASE, TOP, name=NAME)
        self.point(BASE, V1, NAME)

    def point_work(self, image_id: str, tag: Tag = V1) -> Any:
        """Set a tag."""
        return self.registry.image_tags.point(NAME, tag, ImageId(image_id), ENGINE)

    def test_tag_stays(self) -> None:
        self.denied(self.point_work(TOP.image_id))
        self.assertEqual(self.named(V1, NAME), ImageId(BASE.image_id))

    def test_same_may_be_set_again(self) -> None:
        self.point(BASE, V1, NAME)
        self.assertEqual(self.named(V1, NAME), ImageId(BASE.image_id))

    def test_other_tags_are_moved(self) -> None:
        for image in (BASE, TOP):
            self.point(image, OTHER, NAME)
            self.assertEqual(self.named(OTHER, NAME), ImageId(image.image_id))

    def test_image_that_version_2_pushed_moves_it_no_more(self) -> None:
        image = oci_image([tar(one="1")])
        self.push_oci(image, OTHER, name=NAME)
        self.named(OTHER, NAME)
        self.derived(image.top, NAME)
        self.denied(self.point_work(image.top.text))
        self.result(self.point_work(image.top.text, Tag("v2")))
        self.assertEqual(self.found(Tag("v2")), image.digest)

    def test_tag_is_not_removed(self) -> None:
        self.denied(self.registry.image_tags.remove(NAME, V1))

    def test_repository_is_not_removed(self) -> None:
        self.point(TOP, OTHER, NAME)
        self.denied(self.registry.image_tags.remove_all(NAME))
