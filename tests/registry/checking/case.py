"""A test case with a tree that can be broken, checked and mended."""

from typing import Any

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from tests.registry.content import image, index
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.checking.findings import Finding
from txregistry.registry.checking.storecheck import StoreCheck, Wanted
from txregistry.registry.manifests import StoredManifest
from txregistry.storage import keys
from txregistry.storage.interfaces import Key
from txregistry.tasks import at_once

DAY = 24 * 3600.0

OLD = image(layers=[b"of the old one"])
NEW = image(layers=[b"a layer", b"another layer"])
CHILD = image(layers=[b"of the member"])
INDEX = index([CHILD])
SIGNATURE = image(layers=[b"a signature"], subject=NEW)
THEIRS = image(layers=[b"a layer"])
BLOBS = (
    b"{}",
    b"a layer",
    b"another layer",
    b"of the old one",
    b"of the member",
    b"a signature",
)
MULTI = Tag("multi")

Told = list[tuple[str, str]]
"""Sorts and keys of what was found."""


class CheckTestCase(RegistryTestCase):
    """Check a tree that a registry has written."""

    flat = True
    folder: str | None = None

    def setUp(self) -> None:
        """Fill the tree with some of everything."""
        super().setUp()
        self.put(keys.secret("cookies"), b"x" * 32)
        for data in BLOBS:
            self.push_blob(data)
        self.push(OLD, V1)
        self.pass_time()
        self.push(NEW, V1)
        self.push(CHILD)
        self.push(INDEX, MULTI)
        self.push(SIGNATURE)
        for data in BLOBS[:2]:
            self.push_blob(data, OTHER)
        self.push(THEIRS, V1, OTHER)
        self.pass_time()

    def pass_time(self) -> None:
        """Let some time pass, for what is written then."""
        self.clock.advance(60)

    def check(self, *, mend: bool = False, **wanted: Any) -> list[Finding]:
        """Check the tree, and give what was told."""
        told: list[Finding] = []
        check = StoreCheck(
            self.store,
            self.store if mend else None,
            self.clock,
            at_once,
            told.append,
            flat=self.flat,
            wanted=Wanted(folder=self.folder, **wanted),
        )
        findings = self.result(check.run())
        self.assertEqual(findings.faults, sum(each.is_fault for each in told))
        return told

    def found(self, **wanted: Any) -> Told:
        """Check the tree, which is not to be changed, and give what was found."""
        before = self.everything()
        told = self.check(**wanted)
        self.assertEqual(self.everything(), before)
        return sorted((each.sort, each.key) for each in told)

    def everything(self) -> dict[str, bytes]:
        """Read all that is kept."""
        return {key: self.get(key) for key in self.keys()}

    def delete(self, *gone: Key) -> None:
        """Delete something, past the registry."""
        self.result(self.store.delete(gone))

    def pulls(self, tag: Tag = V1, name: RepositoryName = NAME) -> bytes | None:
        """Pull what a tag points to, with all that it names, as after a restart."""
        self.registry = self.make_registry()

        async def find() -> StoredManifest | None:
            try:
                return await self.registry.manifests.find(name, tag)
            except ManifestUnknown:
                return None

        found = self.result(find())
        if found is None:
            return None
        waiting = [found]
        while waiting:
            manifest = waiting.pop().parse()
            for blob in manifest.blobs:
                self.assertEqual(
                    Digest.of(self.pull_blob(blob.digest, name)), blob.digest
                )
            for child in manifest.children:
                work = self.registry.manifests.find(name, child.digest)
                waiting.append(self.result(work))
        return found.data

    def referrers(self) -> list[Digest]:
        """Ask who refers to the image."""
        self.registry = self.make_registry()
        work = self.registry.referrers.page(NAME, Digest.of(NEW), limit=9, room=99999)
        return [each.digest for each in self.result(work).descriptors]


def revision(data: bytes, name: RepositoryName = NAME) -> Key:
    """Give the key of the link to a manifest."""
    return keys.revision_link(name, Digest.of(data))


def layer(data: bytes, name: RepositoryName = NAME) -> Key:
    """Give the key of the link to a blob."""
    return keys.layer_link(name, Digest.of(data))


def blob(data: bytes) -> Key:
    """Give the key of a blob."""
    return keys.blob(Digest.of(data))


def past(data: bytes, tag: Tag = V1) -> Key:
    """Give the key of a link of a tag's history."""
    return keys.tag_history_link(NAME, tag, Digest.of(data))
