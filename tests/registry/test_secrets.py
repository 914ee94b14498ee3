"""Tests of ``txregistry/registry/secrets.py``."""

from tests.registry.case import RegistryTestCase
from txregistry.registry.secrets import find_secret
from txregistry.storage import keys


class SecretsTests(RegistryTestCase):
    def find(self, purpose: str = "cookies") -> bytes:
        return self.result(find_secret(self.store, purpose))

    def test_secret_has_32_bytes(self) -> None:
        self.assertEqual(len(self.find()), 32)

    def test_every_node_has_the_same(self) -> None:
        self.assertEqual(self.find(), self.find())

    def test_every_purpose_has_its_own(self) -> None:
        self.assertNotEqual(self.find("cookies"), self.find("tokens"))

    def test_who_comes_second_takes_that_of_the_first(self) -> None:
        self.put(keys.secret("cookies"), b"x" * 32)
        self.assertEqual(self.find(), b"x" * 32)

    def test_something_else_in_its_place_is_no_secret(self) -> None:
        self.put(keys.secret("cookies"), b"short")
        failure = self.fails(ValueError, find_secret(self.store, "cookies"))
        self.assertIn(keys.secret("cookies"), str(failure))

    def test_something_larger_in_its_place_is_no_secret_either(self) -> None:
        for size in (33, 1 << 20):
            self.put(keys.secret("cookies"), b"x" * size)
            failure = self.fails(ValueError, find_secret(self.store, "cookies"))
            self.assertIn(keys.secret("cookies"), str(failure))
