"""Tests of archives that come into repositories with a quota."""

from typing import Any

from tests.integration.clients.images import make_image
from tests.registry.case import NAME
from tests.transfer.archives import case
from tests.transfer.archives.building import pack, saved
from txregistry.model.errors import Denied
from txregistry.model.names import Tag
from txregistry.registry.quotas.rules import Quota
from txregistry.registry.repositories import Registry
from txregistry.streams import BytesReader

APP = make_image("app")


class QuotaTests(case.ArchiveTestCase):
    limit = 1024 * 1024

    def make_registry(self, **switches: Any) -> Registry:
        """See `RegistryTestCase`."""
        quotas = (Quota((str(NAME),), self.limit, 1),)
        return super().make_registry(quotas=quotas, **switches)

    def used(self) -> tuple[int, int]:
        """Say how much is used: bytes, and tags."""
        (use,) = self.result(self.registry.quotas.uses())
        return use.usage.bytes, use.usage.tags

    def test_an_image_that_fits(self) -> None:
        self.read(saved({"app:1": APP}))
        used = self.used()
        self.read(saved({"app:1": APP}))
        self.assertEqual(self.used(), used)
        self.assertEqual(used[1], 1)

    def test_an_image_that_does_not_fit_leaves_nothing(self) -> None:
        self.limit = 1000
        self.registry = self.make_registry()
        before = self.keys()
        error = self.fails(Denied, self.bring(pack(saved({"app:1": APP}))))
        self.assertIn("The quota of library/alpine has no room for this", error.message)
        self.assertEqual(self.keys(), before)
        self.assertEqual(self.used(), (0, 0))

    def test_a_tag_too_many(self) -> None:
        self.read(saved({"app:1": APP}))
        before = self.keys()
        other = (Tag("other"),)
        self.fails(Denied, self.bring(pack(saved({"app:1": APP})), tags=other))
        self.assertEqual(self.keys(), before)

    def test_what_is_rescued_of_a_broken_archive_has_to_fit(self) -> None:
        self.limit = 1
        self.registry = self.make_registry()
        data = pack(saved({"app:1": APP}))
        before = self.keys()

        async def resume() -> None:
            source = BytesReader(data[: len(data) // 2])
            async with self.make_reader().open(source, NAME):
                pass

        self.fails(Exception, resume())
        self.assertEqual(self.keys(), before)
