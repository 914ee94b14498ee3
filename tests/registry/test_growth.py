"""A page costs as many requests of the store among many entries as among few."""

import os
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any

from tests.asked import AskedStore
from tests.registry.case import NAME, RegistryTestCase
from tests.registry.content import numbered
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import Key
from txregistry.tasks import at_once

SUBJECT = b"subject"
DIGEST = Digest.of(SUBJECT)
LINK = str(DIGEST).encode()

Ask = Callable[[Registry], Coroutine[Any, Any, Any]]
Objects = Iterator[tuple[Key, bytes]]


class CountedFiles(FilesystemObjectStore):
    """Files, with a count of what is looked at."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: list[str] = []

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        self.asked.append(key)
        return await super().get(key, limit)

    async def names(self, prefixes: Sequence[str]) -> Sequence[Sequence[str]]:
        """See `IFolders`."""
        self.asked += prefixes
        return await super().names(prefixes)


def repositories(count: int) -> Objects:
    """Give small repositories, some of them nested, and names of all kinds."""
    for number in range(count):
        team, rest = divmod(number, 10)
        name = RepositoryName(f"team{team:03}/app{rest:02}{'-web' * (rest % 2)}")
        yield keys.revision_link(name, DIGEST), LINK
        yield keys.layer_link(name, DIGEST), LINK


def tags(count: int) -> Objects:
    """Give tags, of names of all kinds."""
    for number in range(count):
        tag = Tag(f"1.{number // 40:02}.{number % 40:02}{'-rc.1' * (number % 3)}")
        yield keys.tag_link(NAME, tag), LINK


def referrers(count: int) -> Objects:
    """Give manifests that refer to one that is not there."""
    for number in range(count):
        data = numbered(number, SUBJECT)
        digest = Digest.of(data)
        link = str(digest).encode()
        yield keys.blob(digest), data
        yield keys.revision_link(NAME, digest), link
        yield keys.referrer_link(NAME, DIGEST, digest), link


class GrowthTests(RegistryTestCase):
    """Without folders, each look is a request."""

    few = 120
    many = 1200
    catalog_cost: tuple[int, ...] = (3,)
    tags_cost: tuple[int, ...] = (5,)
    referrers_cost: tuple[int, ...] = (60, 4)

    def make(self, objects: Objects) -> AskedStore | CountedFiles:
        """Make a store."""
        return AskedStore(self.clock, dict(objects))

    def cost(self, objects: Objects, asks: Iterable[Ask]) -> list[int]:
        """Count what is asked by a process that was just started, and once more."""
        store = self.make(objects)
        costs = []
        for ask in asks:
            registry = Registry(store, self.clock, at_once)
            for _ in range(2):
                store.asked.clear()
                self.result(ask(registry))
                costs.append(len(store.asked))
        return costs

    def assertCosts(
        self, make: Callable[[int], Objects], asks: list[Ask], most: tuple[int, ...]
    ) -> None:
        """Pages among many cost no more than among few, and no more than so much."""
        few, many = (self.cost(make(count), asks) for count in (self.few, self.many))
        for place, (one, other) in enumerate(zip(few, many, strict=True)):
            self.assertLessEqual(other, one, f"page {place // 2}")
            self.assertLessEqual(other, most[place % len(most)], f"page {place // 2}")

    def test_catalog(self) -> None:
        self.assertCosts(
            repositories,
            [
                lambda registry: registry.catalog.page("", 40),
                lambda registry: registry.catalog.page("team000/app05", 40),
            ],
            self.catalog_cost,
        )

    def test_tags(self) -> None:
        self.assertCosts(
            tags,
            [
                lambda registry: registry.tags.page(NAME, "", 40),
                lambda registry: registry.tags.page(NAME, "1.00.30", 40),
            ],
            self.tags_cost,
        )

    def test_referrers(self) -> None:
        """What they say is read once; whether they are there is asked each time."""

        def ask(after: str) -> Ask:
            return lambda registry: registry.referrers.page(
                NAME, DIGEST, after=after, limit=40, room=1 << 20
            )

        self.assertCosts(referrers, [ask(""), ask("sha256:7")], self.referrers_cost)


class FolderGrowthTests(GrowthTests):
    """With folders, each look is at one of them, or at a file."""

    few = 90
    many = 270
    catalog_cost = (60, 120)  # what has just changed is not believed the second time
    tags_cost = (1,)
    referrers_cost = (110, 60)

    def make(self, objects: Objects) -> CountedFiles:
        """Make a store."""
        root = make_folder(self)
        for key, data in objects:
            path = os.path.join(root, key)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        return CountedFiles(root, f"{keys.PRIVATE}scratch", at_once, keys.COMPANIONS)
