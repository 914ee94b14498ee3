"""A test case with a registry that has quotas."""

from typing import Any

from tests.registry.case import V1, chunk
from tests.registry.collection import case
from tests.registry.content import CONFIG, image
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.quotas.figures import FRESH
from txregistry.registry.quotas.rules import Quota, QuotaRules
from txregistry.registry.quotas.tally import Tallying
from txregistry.registry.repositories import Registry
from txregistry.tasks import at_once

APP = RepositoryName("team/app")
WEB = RepositoryName("team/web")
ELSEWHERE = RepositoryName("other/app")


class QuotaTestCase(case.CollectionTestCase):
    """The repositories below ``team`` have a quota. Inherit as ``case.QuotaTestCase``.

    Attributes:
        quotas: All quotas.
    """

    quotas: tuple[Quota, ...] = (Quota(("team/**",), 2000, 3),)

    def make_registry(self, **switches: Any) -> Registry:
        """See `RegistryTestCase`."""
        return super().make_registry(**{"quotas": self.quotas, **switches})

    def make_collector(self, owner: str) -> Collector:
        """See `CollectionTestCase`."""
        bare = self.make_registry(floor=None, quotas=())
        tallying = Tallying(bare.store, QuotaRules(self.quotas), self.clock, at_once)
        return Collector(
            bare,
            at_once,
            case.FLOOR,
            owner,
            Contents(bare.store, at_once),
            KeepingAll(),
            tallying=tallying,
        )

    def used(self, registry: Registry | None = None) -> list[tuple[int, int]]:
        """Say how much is used of each quota, as far as a registry knows after a while.

        Returns:
            Bytes and tags.
        """
        self.clock.advance(FRESH)
        uses = self.result((registry or self.registry).quotas.uses())
        return [(use.usage.bytes, use.usage.tags) for use in uses]

    def push_image(
        self, name: RepositoryName, *layers: bytes, tag: Tag = V1
    ) -> tuple[bytes, int]:
        """Push an image.

        Returns:
            Its manifest, and how much all of it takes.
        """
        for each in (CONFIG, *layers):
            self.push_blob(each, name)
        data = image(layers=layers)
        self.push(data, tag, name)
        return data, len(CONFIG) + sum(map(len, layers)) + len(data)

    def refused(self, data: bytes, name: RepositoryName = APP) -> Denied:
        """Expect that a blob is refused, and leaves nothing."""
        before = self.keys()
        digest = Digest.of(data)
        work = self.registry.uploads.push(name, digest, chunk(data))
        error = self.fails(Denied, work)
        assert isinstance(error, Denied)
        self.assertEqual(self.keys(), before)
        return error
