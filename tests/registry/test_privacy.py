"""Tests of ``txregistry/registry/privacy.py``."""

from tests.registry.case import NAME, OTHER, RegistryTestCase
from txregistry.model.names import RepositoryName
from txregistry.registry.privacy import Properties
from txregistry.storage import keys


class PrivacyTests(RegistryTestCase):
    def set(self, name: RepositoryName = NAME) -> None:
        work = self.registry.privacy.set(name, Properties("private"))
        self.result(work)

    def is_private(self, name: RepositoryName = NAME) -> bool:
        return self.result(self.registry.privacy.is_private(name))

    def test_repository_is_public_unless_somebody_said_not(self) -> None:
        self.assertFalse(self.is_private())

    def test_what_was_said_is_remembered(self) -> None:
        self.set()
        self.registry = self.make_registry()
        self.assertTrue(self.is_private())

    def test_it_can_be_public_again(self) -> None:
        self.set()
        self.result(self.registry.privacy.set(NAME, Properties("public")))
        self.assertFalse(self.is_private())

    def test_it_says_nothing_of_others(self) -> None:
        self.set()
        for name in (OTHER, RepositoryName("library"), RepositoryName(f"{NAME}/x")):
            self.assertFalse(self.is_private(name))

    def test_forgotten_it_is_public(self) -> None:
        self.set()
        self.result(self.registry.privacy.forget(NAME))
        self.assertFalse(self.is_private())

    def test_what_cannot_be_read_lets_nobody_in(self) -> None:
        for data in (b"", b"[]", b'{"access": "open"}', b" " * 2000):
            self.put(keys.repository_properties(NAME), data)
            self.assertTrue(self.is_private())
