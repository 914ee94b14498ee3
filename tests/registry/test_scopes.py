"""Tests of ``txregistry/registry/scopes.py``."""

from tests.registry.case import NAME, RegistryTestCase
from txregistry.model.images import ImageId
from txregistry.registry.scopes import Scope


class ScopeTests(RegistryTestCase):
    def test_where_nobody_is_to_be_asked_every_image_may_be(self) -> None:
        scope = Scope((NAME,), "me")
        self.assertTrue(self.result(scope.announced(ImageId("a" * 64))))
        self.assertTrue(self.result(scope.usable(ImageId("a" * 64))))
