"""A test case that copies from one store in memory to another."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.registry.case import RegistryTestCase
from tests.registry.content import CONFIG, LAYER, image, index
from tests.registry.faulty import FaultyStore
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectSource, IObjectStore, Key, Stat
from txregistry.storage.kinds import (
    Blob,
    DeletedTag,
    Document,
    GzipLink,
    Job,
    Link,
    PastLink,
    Secret,
    TagLink,
    recognize,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import IReader
from txregistry.tasks import at_once
from txregistry.transfer.copyreport import CopyReport
from txregistry.transfer.storecopy import StoreCopy

A, B, NESTED = (RepositoryName(text) for text in ("a", "b", "a/0/c"))
V1, V2 = Tag("v1"), Tag("v2")
IMAGE: Final = image()
OTHER: Final = image(layers=(b"another layer",))
INDEX: Final = index([IMAGE, OTHER])
CONTENTS: Final = (b"", CONFIG, LAYER, b"another layer", IMAGE, OTHER, INDEX)
PRIVATE: Final = b'{"access":"private"}'


def link(data: bytes, algorithm: str = "sha256") -> bytes:
    """Give what a link to some content holds."""
    return str(Digest.of(data, algorithm)).encode()


def pushed(
    name: RepositoryName, manifest: bytes, *tags: Tag
) -> Iterator[tuple[Key, bytes]]:
    """Give the objects of an image or index that is pushed, in order."""
    found = parse_manifest(manifest, None)
    known = {Digest.of(data): data for data in CONTENTS}
    for each in found.children:
        yield from pushed(name, known[each.digest])
    for each in found.blobs:
        yield keys.blob(each.digest), known[each.digest]
        yield keys.layer_link(name, each.digest), str(each.digest).encode()
    digest = Digest.of(manifest)
    yield keys.blob(digest), manifest
    yield keys.revision_link(name, digest), link(manifest)
    for tag in tags:
        yield keys.tag_link(name, tag), link(manifest)
        yield keys.tag_history_link(name, tag, digest), link(manifest)


def sound(objects: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give what must be copied of some objects, by a way of its own."""
    return {key: data for key, data in objects.items() if is_sound(objects, key)}


def is_sound(objects: Mapping[str, bytes], key: str) -> bool:  # noqa: PLR0911 - one for each kind
    """Whether an object must be copied."""
    if key not in objects:
        return False
    kind = recognize(key)
    if isinstance(kind, Document | Job | DeletedTag | Secret):
        return True
    if isinstance(kind, Blob):
        return has_digest(objects[key], kind.digest)
    try:
        target = Digest.parse(objects[key].decode())
    except (DigestInvalid, UnicodeDecodeError):
        return False
    match kind:
        case PastLink(name, tag, digest):
            return digest == target and is_sound(objects, keys.tag_link(name, tag))
        case TagLink(name) | Link(name, "form"):
            return is_sound(objects, keys.revision_link(name, target))
        case Link(name, "referrer", digest):
            there = is_sound(objects, keys.revision_link(name, target))
            return digest == target and there
        case Link(_, _, digest):
            algorithms = (digest.algorithm, target.algorithm)
            own = digest == target or algorithms == ("sha512", "sha256")
            return own and is_sound(objects, keys.blob(target))
        case GzipLink():
            return is_sound(objects, keys.blob(target))
    return False


def has_digest(data: bytes, digest: Digest) -> bool:
    """Whether content has a digest."""
    return hashlib.new(digest.algorithm, data).hexdigest() == digest.encoded


class Target(FaultyStore):
    """Where something is copied to; nothing in it leads nowhere at any time.

    Attributes:
        source: Where it is copied from.
        writes: Keys that were written, in order.
        strict: Whether what is written must be good.
    """

    strict = True

    source: MemoryObjectStore
    writes: list[str]

    def _write(self, key: Key, data: bytes) -> None:
        self.writes.append(key)
        if self.strict:
            self._check(key, data)
        super()._write(key, data)

    def _check(self, key: Key, data: bytes) -> None:
        """See that something may be written: not before what it needs."""
        there = {**contents(self), key: data}
        source = contents(self.source)
        assert is_sound(there, key) or key not in source, key
        kind = recognize(key)
        if isinstance(kind, Link) and kind.role == "revision":
            manifest = there[keys.blob(Digest.parse(data.decode()))]
            for needed in needs(kind.repository, manifest):
                assert needed in there or not is_sound(source, needed), key


def needs(name: RepositoryName, manifest: bytes) -> list[Key]:
    """Give the links that a manifest needs."""
    try:
        found = parse_manifest(manifest, None)
    except ManifestInvalid:
        return []
    return [
        *(keys.layer_link(name, each.digest) for each in found.blobs),
        *(keys.revision_link(name, each.digest) for each in found.children),
    ]


def contents(store: MemoryObjectStore) -> dict[str, bytes]:
    """Give all objects of a store."""
    return {key: data for key, (data, _) in store._objects.items()}


class Lively(MemoryObjectStore):
    """A store to which somebody pushes whenever it is looked at.

    Attributes:
        coming: What is pushed.
        each: How many objects at a time.
    """

    coming: Iterator[tuple[Key, bytes]] = iter(())
    each = 1

    def push(self) -> None:
        """Push some objects."""
        for _ in range(self.each):
            for key, data in self.coming:
                self._write(key, data)
                break

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        found = await super().stat(key)
        self.push()
        return found

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        found = await super().get(key, limit)
        self.push()
        return found

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        self.push()
        return await super().open(key, start, stop)

    async def list(self, *args: Any, **kwargs: Any) -> Any:
        """See `IObjectStore`."""
        found = await super().list(*args, **kwargs)
        self.push()
        return found


class StoreCopyCase(RegistryTestCase):
    """Copy from ``self.store``, which a registry serves, to ``self.target``."""

    def setUp(self) -> None:
        super().setUp()
        self.target = self.make_target()

    def make_target(self, objects: Mapping[Key, bytes] | None = None) -> Target:
        """Make a store to copy to."""
        target = Target(self.clock)
        target.writes = []
        assert isinstance(self.store, MemoryObjectStore)
        target.source = self.store
        for key, data in (objects or {}).items():
            MemoryObjectStore._write(target, key, data)
        return target

    def make_copy(
        self,
        source: IObjectSource | None = None,
        target: IObjectStore | None = None,
        **switches: Any,
    ) -> StoreCopy:
        """Make a copy that is begun anew."""
        into = target or self.target
        return StoreCopy(
            source or self.store,
            into,
            into,
            self.clock,
            at_once,
            new_session=self.new_session,
            **switches,
        )

    def copy(self, **switches: Any) -> CopyReport:
        """Copy."""
        return self.result(self.make_copy(**switches).run())

    def put_all(self, objects: Iterator[tuple[Key, bytes]]) -> None:
        """Write objects where is copied from, past the registry."""
        for key, data in objects:
            self.put(key, data)

    def expect_all(
        self, edit: Callable[[dict[str, bytes]], object] | None = None
    ) -> None:
        """Expect the target to have all that is sound, and nothing else.

        Args:
            edit: Changes what is expected.
        """
        assert isinstance(self.store, MemoryObjectStore)
        wanted = sound(contents(self.store))
        if edit is not None:
            edit(wanted)
        self.assertEqual(contents(self.target), wanted)

    def troubles(self, report: CopyReport) -> list[tuple[str, str]]:
        """Give what was left out."""
        return [(each.trouble, each.key) for each in report.left_out]
