"""A registry from which is replicated, and to which, both in memory."""

from typing import Any, Final

from tests.registry import case
from tests.registry.content import LAYER, image
from tests.registry.replication.played import PlayedDownstream
from txregistry.model.digest import Digest
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.replication.copying import Origin
from txregistry.registry.replication.linestatus import LineStatus
from txregistry.registry.replication.replication import Replication
from txregistry.registry.replication.rules import ReplicationRule
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import at_once

APP: Final = RepositoryName("vendor/app")
BASE: Final = RepositoryName("vendor/base")
V1, V2 = Tag("v1"), Tag("v2")
RULE: Final = "sponsor.example-1"
IMAGE: Final = image()
OTHER: Final = image(layers=(b"another layer",))
BLOBS: Final = (b"{}", LAYER, b"another layer")


class ReplicationCase(case.RegistryTestCase):
    """Import the module and inherit."""

    def setUp(self) -> None:
        super().setUp()
        self.downstream = PlayedDownstream()
        self.replication = self.make_replication()
        self.addCleanup(self.end)

    def make_rule(self, **others: Any) -> ReplicationRule:
        """Make a rule of all."""
        return ReplicationRule(RULE, self.downstream, **others)

    def make_replication(
        self,
        *rules: ReplicationRule,
        store: IObjectStore | None = None,
        clock: Any = None,
        **others: Any,
    ) -> Replication:
        """Make what replicates: a second one is a restart of the first."""
        registry = self.registry
        return Replication(
            store or self.store,
            Origin(
                registry.tags, registry.manifests, registry.blobs, registry.referrers
            ),
            clock or self.clock,
            at_once,
            rules or [self.make_rule()],
            chance=lambda: 1.0,
            **others,
        )

    def start(self) -> None:
        """Begin to replicate, until the end of the test."""
        self.replication.start()
        self.pass_()

    def end(self) -> None:
        """End to replicate; nothing is left of it."""
        self.result(self.replication.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def restart(self, *rules: ReplicationRule, **others: Any) -> None:
        """Replicate with new objects over what is in the store."""
        self.end()
        self.replication = self.make_replication(*rules, **others)
        self.start()

    def pass_(self, seconds: float = 0.0) -> None:
        """Let time pass, and all that is to happen meanwhile happen."""
        end = self.clock.seconds() + seconds
        for _ in range(10_000):
            calls = [each.getTime() for each in self.clock.getDelayedCalls()]
            if not calls or min(calls) > end:
                break
            self.clock.advance(max(0.0, min(calls) - self.clock.seconds()))
        else:
            self.fail("it does not come to rest")
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def push_tag(
        self, tag: Tag = V1, data: bytes = IMAGE, name: RepositoryName = APP
    ) -> Digest:
        """Push a tag, with what it needs."""
        for blob in BLOBS:
            self.push_blob(blob, name)
        digest = self.push(data, tag, name)
        self.result(self.replication.note(name, tag, digest))
        return digest

    def push_referrer(self, data: bytes, name: RepositoryName = APP) -> Digest:
        """Push a manifest that refers to another."""
        digest = self.push(data, None, name)
        self.result(self.replication.note_referrer(name, digest))
        return digest

    def jobs(self) -> list[str]:
        """List the jobs that are in the store, by what they are about."""
        cut = len(keys.jobs(RULE))
        return [key[cut:].rpartition("/")[0] for key in self.keys(keys.jobs())]

    def status(self) -> LineStatus:
        """Give how the only rule is."""
        [found] = self.replication.status()
        return found

    def assert_there(self, data: bytes, tag: Tag, name: str = APP.text) -> None:
        """Expect a tag to be there, with all that it needs."""
        self.assertEqual(self.downstream.tag(name, str(tag)), data)
        self.assert_whole(name, data)

    def assert_whole(self, name: str, data: bytes) -> None:
        """Expect all to be there that a manifest needs."""
        digest = Digest.of(data)
        self.assertEqual(self.downstream.manifests.get((name, str(digest))), data)
        manifest = parse_manifest(data, None)
        for blob in manifest.blobs:
            self.assertIn((name, blob.digest), self.downstream.blobs)
        for child in manifest.children:
            found = self.downstream.manifests.get((name, str(child.digest)))
            assert found is not None
            self.assert_whole(name, found)

    def assert_done(self) -> None:
        """Expect that nothing is left to be done."""
        self.assertEqual(self.jobs(), [])
        found = self.status()
        self.assertEqual((found.waiting, found.working, found.more), (0, 0, False))
        self.assertIsNone(found.oldest)
