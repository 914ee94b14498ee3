"""Tests of ``txregistry/registry/repositories.py``."""

from tests.registry.case import RegistryTestCase
from txregistry.model.names import RepositoryName

SOLO = RepositoryName("solo")
LIBRARY = RepositoryName("library/solo")


class ResolveTests(RegistryTestCase):
    """For version 1, ``solo`` and ``library/solo`` are one repository."""

    def resolve(self, name: RepositoryName) -> RepositoryName:
        return self.result(self.registry.resolve(name))

    def test_new_one_has_the_short_name(self) -> None:
        self.assertEqual(self.resolve(SOLO), SOLO)

    def test_one_that_has_the_short_name_keeps_it(self) -> None:
        self.push_blob(b"x", SOLO)
        self.assertEqual(self.resolve(SOLO), SOLO)

    def test_one_that_has_only_the_long_name_is_found(self) -> None:
        self.push_blob(b"x", LIBRARY)
        self.assertEqual(self.resolve(SOLO), LIBRARY)

    def test_of_both_it_is_the_short_one(self) -> None:
        for name in (LIBRARY, SOLO):
            self.push_blob(b"x", name)
        self.assertEqual(self.resolve(SOLO), SOLO)

    def test_other_namespaces_are_what_they_say(self) -> None:
        name = RepositoryName("acme/solo")
        self.push_blob(b"x", LIBRARY)
        self.assertEqual(self.resolve(name), name)
