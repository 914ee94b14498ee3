"""Tests of ``txregistry/registry/formlinks.py``."""

from tests.registry.case import NAME, V1, RegistryTestCase
from tests.registry.content import image, numbered
from txregistry.model.digest import Digest
from txregistry.registry.formlinks import FormLinks
from txregistry.registry.links import write_link
from txregistry.storage import keys

DATA = image()


class FormLinksTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()
        self.links = FormLinks(
            self.store, self.registry.manifests, self.registry.tags, self.registry.reach
        )
        self.digest, self.form = self.push(DATA), self.push(numbered(1))
        key = keys.schema2_form(NAME, self.digest)
        self.result(write_link(self.store, key, self.form))

    def form_of(self) -> Digest | None:
        return self.result(self.links.find(NAME, self.digest))

    def forget(self) -> None:
        self.result(self.links.forget(NAME, self.digest))

    def holds(self) -> bool:
        return self.result(self.registry.manifests.holds(NAME, self.form))

    def test_form_is_found(self) -> None:
        self.assertEqual(self.form_of(), self.form)

    def test_manifest_without_one_has_none(self) -> None:
        found = self.links.find(NAME, self.form)
        self.assertIsNone(self.result(found))

    def test_forgotten_it_is_gone(self) -> None:
        self.forget()
        self.assertIsNone(self.form_of())
        self.assertFalse(self.holds())

    def test_forgotten_it_stays_where_a_tag_points_to_it(self) -> None:
        self.push(numbered(1), V1)
        self.forget()
        self.assertIsNone(self.form_of())
        self.assertTrue(self.holds())

    def test_what_has_none_can_be_forgotten(self) -> None:
        for _ in range(2):
            self.forget()

    def test_replaced_the_other_is_gone(self) -> None:
        other = self.push(numbered(2))
        self.result(self.links.replace(NAME, self.digest, other))
        self.assertEqual(self.form_of(), other)
        self.assertFalse(self.holds())

    def test_forgotten_it_stays_where_a_tag_points_to_its_other_digest(self) -> None:
        data = numbered(1)
        other = self.push(data, Digest.of(data, "sha512"))
        self.result(self.registry.tags.point(NAME, V1, other))
        self.forget()
        self.assertTrue(self.holds())
