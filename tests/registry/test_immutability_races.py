"""Tags that stay, and requests that run at the same time."""

from typing import Any

from hypothesis import given

from tests.registry import images, interleaving
from tests.registry import test_immutability as immutable
from tests.registry.images import BASE, ENGINE, oci_image, tar
from tests.registry.interleaving import MANY, ORDERS, Request
from tests.registry.test_immutability import (
    FIRST,
    NAME,
    ONE,
    OTHER,
    RULES,
    SECOND,
    TWO,
    V1,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied, RegistryError
from txregistry.model.images import ImageId
from txregistry.model.names import Tag
from txregistry.registry.repositories import Registry


class RaceCase(immutable.ImmutableCase, interleaving.InterleavingTestCase):
    def make_registry(self, **switches: Any) -> Registry:
        return Registry(
            self.store,
            self.clock,
            self.queue,
            new_session=self.new_session,
            immutability=RULES,
            **switches,
        )

    def push_later(
        self, data: bytes, *tags: Tag, registry: Registry | None = None
    ) -> Request:
        acceptance = (registry or self.registry).acceptance
        return lambda: acceptance.push(NAME, Digest.of(data), data, None, tags)

    def won(self, results: list[object]) -> list[bool]:
        """Say who was not refused."""
        for result in results:
            error = getattr(result, "value", None)
            if isinstance(error, RegistryError):
                self.assertIsInstance(error, Denied)
        return [getattr(result, "value", None) is None for result in results]


class RaceTests(RaceCase):
    @MANY
    @given(ORDERS)
    def test_one_of_two_wins_and_the_other_leaves_no_trace(
        self, order: list[int]
    ) -> None:
        self.setUp()
        results = self.run_all(
            order,
            self.push_later(FIRST, Tag("a"), V1),
            self.push_later(SECOND, V1, Tag("a")),
        )
        first, second = self.won(results)
        self.assertNotEqual(first, second)
        winner, loser = (ONE, TWO) if first else (TWO, ONE)
        for tag in (V1, Tag("a")):
            self.assertEqual(self.found(tag), winner)
        self.assertFalse(self.result(self.registry.manifests.holds(NAME, loser)))

    @MANY
    @given(ORDERS)
    def test_one_of_two_processes_wins(self, order: list[int]) -> None:
        self.setUp()
        other = self.make_registry()
        results = self.run_all(
            order,
            self.push_later(FIRST, V1),
            self.push_later(SECOND, V1, registry=other),
        )
        first, second = self.won(results)
        self.assertNotEqual(first, second)
        self.assertEqual(self.found(), ONE if first else TWO)

    @MANY
    @given(ORDERS)
    def test_two_who_push_the_same_both_win(self, order: list[int]) -> None:
        self.setUp()
        results = self.run_all(order, *[self.push_later(FIRST, V1)] * 2)
        self.assertEqual(self.won(results), [True, True])

    @MANY
    @given(ORDERS)
    def test_tag_made_while_its_manifest_is_deleted_is_whole(
        self, order: list[int]
    ) -> None:
        self.setUp()
        self.push(FIRST, OTHER, NAME)
        pushed, _ = self.won(
            self.run_all(
                order,
                self.push_later(FIRST, V1),
                lambda: self.registry.acceptance.delete(NAME, ONE),
            )
        )
        self.assertTrue(pushed)
        work = self.registry.manifests.find(NAME, V1)
        self.assertEqual(self.result(work).data, FIRST)

    @MANY
    @given(ORDERS)
    def test_tag_made_while_its_repository_is_deleted_is_whole(
        self, order: list[int]
    ) -> None:
        self.setUp()
        self.push(FIRST, OTHER, NAME)
        pushed, _ = self.won(
            self.run_all(
                order,
                self.push_later(FIRST, V1),
                lambda: self.registry.acceptance.delete_all(NAME),
            )
        )
        self.assertTrue(pushed)
        work = self.registry.manifests.find(NAME, V1)
        self.assertEqual(self.result(work).data, FIRST)


class Version1RaceTests(RaceCase, images.ImageTestCase):
    @MANY
    @given(ORDERS)
    def test_one_of_both_versions_wins(self, order: list[int]) -> None:
        self.setUp()
        self.push_images(BASE, name=NAME)
        image_id = ImageId(BASE.image_id)
        results = self.run_all(
            order,
            lambda: self.registry.image_tags.point(NAME, V1, image_id, ENGINE),
            self.push_later(FIRST, V1),
        )
        first, second = self.won(results)
        self.assertNotEqual(first, second)
        self.assertEqual(self.found() == ONE, second)

    @MANY
    @given(ORDERS)
    def test_tag_set_while_its_manifest_is_deleted_is_whole_or_not_there(
        self, order: list[int]
    ) -> None:
        self.setUp()
        image = oci_image([tar(one="1"), tar(two="2"), tar(three="3")])
        self.push_oci(image, OTHER, name=NAME)
        self.derived(image.top, NAME)
        self.run_all(
            order,
            lambda: self.registry.acceptance.delete(NAME, image.digest),
            lambda: self.registry.image_tags.point(NAME, V1, image.top, ENGINE),
        )
        if self.found() is not None:
            self.assertTrue(
                self.result(self.registry.manifests.holds(NAME, image.digest))
            )
