"""A registry against a model, through any history of requests."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.registry.case import NAME, OTHER, RegistryTestCase, chunk
from tests.registry.content import BLOBS, numbered
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    ManifestUnknown,
    NameUnknown,
    ReferenceUnknown,
)
from txregistry.model.names import RepositoryName, Tag

REPOSITORIES = st.sampled_from((NAME, OTHER))
BLOB = st.sampled_from(BLOBS)
IMAGES = st.sampled_from([numbered(number) for number in range(3)])
ALGORITHMS = st.sampled_from(("sha256", "sha512"))
TAGS = st.sampled_from([Tag(text) for text in ("v1", "v1.0", "v1-rc", "latest")])


class RegistryHistory(RuleBasedStateMachine):
    """Ask a registry, keep account, and compare."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[RepositoryName, set[bytes]] = {NAME: set(), OTHER: set()}
        self.images: dict[RepositoryName, dict[Digest, bytes]] = {NAME: {}, OTHER: {}}
        self.tags: dict[RepositoryName, dict[Tag, Digest]] = {NAME: {}, OTHER: {}}

    @initialize()
    def begin(self) -> None:
        """Make an empty registry."""
        self.case = RegistryTestCase()
        self.case.setUp()

    def ask(self, work: Any, *refusals: type[Exception]) -> bool:
        """Say whether a request was granted."""
        done = self.case.finish(work)
        failed: list[Any] = []
        _ = done.addErrback(failed.append)
        for failure in failed:
            if failure.check(*refusals) is None:
                failure.raiseException()
        return not failed

    @rule()
    def restart(self) -> None:
        """Let another process go on."""
        self.case.registry = self.case.make_registry()

    @rule(name=REPOSITORIES, data=BLOB, algorithm=ALGORITHMS)
    def push_blob(self, name: RepositoryName, data: bytes, algorithm: str) -> None:
        """Push a blob."""
        digest = Digest.of(data, algorithm)
        assert self.ask(self.case.registry.uploads.push(name, digest, chunk(data)))
        self.blobs[name].add(data)

    @rule(data=BLOB)
    def mount(self, data: bytes) -> None:
        """Mount a blob."""
        work = self.case.registry.blobs.mount(OTHER, Digest.of(data), NAME)
        found = self.case.result(work)
        assert found == (data in self.blobs[NAME])
        if found:
            self.blobs[OTHER].add(data)

    @rule(name=REPOSITORIES, data=BLOB)
    def delete_blob(self, name: RepositoryName, data: bytes) -> None:
        """Delete a blob."""
        work = self.case.registry.blobs.unlink(name, Digest.of(data))
        assert self.ask(work, BlobUnknown) == (data in self.blobs[name])
        self.blobs[name].discard(data)

    @rule(name=REPOSITORIES, data=IMAGES, algorithm=ALGORITHMS, tags=st.lists(TAGS))
    def push(
        self, name: RepositoryName, data: bytes, algorithm: str, tags: list[Tag]
    ) -> None:
        """Push an image, and tag it."""
        digest = Digest.of(data, algorithm)
        work = self.case.registry.acceptance.push(name, digest, data, None, tags)
        granted = self.ask(work, ReferenceUnknown)
        assert granted == (self.blobs[name] == set(BLOBS))
        if granted:
            self.images[name] |= {digest: data, Digest.of(data): data}
            self.tags[name] |= dict.fromkeys(tags, digest)

    @rule(name=REPOSITORIES, data=IMAGES)
    def delete_image(self, name: RepositoryName, data: bytes) -> None:
        """Delete an image."""
        digest = Digest.of(data)
        work = self.case.registry.acceptance.delete(name, digest)
        granted = self.ask(work, ManifestUnknown, NameUnknown)
        assert granted == (digest in self.images[name])
        gone = {digest, Digest.of(data, "sha512")}
        images, tags = self.images[name], self.tags[name]
        self.images[name] = {key: images[key] for key in images.keys() - gone}
        self.tags[name] = {tag: to for tag, to in tags.items() if to not in gone}

    @rule(name=REPOSITORIES, tag=TAGS)
    def delete_tag(self, name: RepositoryName, tag: Tag) -> None:
        """Delete a tag."""
        work = self.case.registry.acceptance.delete(name, tag)
        granted = self.ask(work, ManifestUnknown, NameUnknown)
        assert granted == (self.tags[name].pop(tag, None) is not None)

    @invariant()
    def every_name_leads_where_it_should(self) -> None:
        """Compare manifests and tags."""
        for name, images in self.images.items():
            for digest, data in images.items():
                found = self.case.result(
                    self.case.registry.manifests.find(name, digest)
                )
                assert found.data == data
            for tag, digest in self.tags[name].items():
                found = self.case.result(self.case.registry.manifests.find(name, tag))
                assert found.digest == digest

    @invariant()
    def lists_are_complete(self) -> None:
        """Compare lists."""
        for name, tags in self.tags.items():
            assert self.case.tags(name) == sorted(map(str, tags))
        page = self.case.result(self.case.registry.catalog.page("", 9))
        assert list(page.names) == [name for name in (NAME, OTHER) if self.images[name]]

    @invariant()
    def blobs_are_held(self) -> None:
        """Compare blobs."""
        for name, held in self.blobs.items():
            for data in BLOBS:
                work = self.case.registry.blobs.holds(name, Digest.of(data))
                assert self.case.result(work) == (data in held)


class HistoryTests(SynchronousTestCase):
    def test_memory(self) -> None:
        case = RegistryHistory.TestCase
        case.settings = settings(max_examples=40, stateful_step_count=25)
        case("runTest").runTest()
