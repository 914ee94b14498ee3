"""All that a repository of an OCI layout has, under the keys of our own store.

It is found by reading manifests, from those that the index names: each is checked
against its digest, and what the layout says of sizes is believed of none.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.descriptors import MANIFESTS, Descriptor
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.manifests import MAX_SIZE, Manifest, parse_manifest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.layoutindex import BLOBS, Listed
from txregistry.tasks import Blocking, breathe

MOST_LINKS: Final = 200_000
"""Keys that a repository has at most: some 400 bytes of memory each."""

_LONG: Final = 64 * 1024
"""Bytes of a manifest that takes a while to be parsed."""
_PAUSE: Final = 10
"""Manifests after which others have their turn."""
_log = Logger()


@dataclass(frozen=True, slots=True)
class LayoutContents:
    """What one repository has.

    Attributes:
        links: What each link says, by its key.
        order: The keys, sorted.
        aliases: Where the manifests lie that are named by another algorithm than that
            under which a registry looks for them.
    """

    links: Mapping[str, str]
    order: Sequence[str]
    aliases: Mapping[Digest, Digest]

    def names(self, prefix: str, after: str) -> Iterator[str]:
        """Give what is directly below a prefix, in order, groups with ``/`` at the end.

        Args:
            prefix: Ends in ``/``.
            after: Only what sorts after it, or begins as it does.
        """
        place = bisect_left(self.order, max(prefix, _group(after, prefix)))
        while place < len(self.order) and self.order[place].startswith(prefix):
            key = self.order[place]
            name = _group(key, prefix)
            yield name
            end = name[:-1] + "0" if name != key else name + "\0"  # "0" follows "/"
            place = bisect_left(self.order, end, place)


def place_in_layout(digest: Digest) -> Key:
    """Place content in a layout."""
    return Key(f"{BLOBS}/{digest.algorithm}/{digest.encoded}")


class LayoutReading:
    """Find out what repositories have.

    Args:
        files: The layout's files.
        clock: Lets others have their turn.
        blocking: Where long documents are parsed.
        most: Keys that a repository has at most.
    """

    def __init__(
        self,
        files: IObjectSource,
        clock: IReactorTime,
        blocking: Blocking,
        most: int = MOST_LINKS,
    ) -> None:
        self._most = most
        self._files = files
        self._clock = clock
        self._blocking = blocking

    async def read(self, name: RepositoryName, listed: Listed) -> LayoutContents:
        """Read all manifests of a repository.

        Raises:
            StorageUnavailable: a file cannot be read, or the repository is too large.
        """
        found = _Found(name)
        waiting = list(listed.roots)
        seen = set(waiting)
        count = 0
        while waiting:
            count += 1
            if not count % _PAUSE:
                await breathe(self._clock)
            digest = waiting.pop()
            manifest = await self._manifest(name, digest, found)
            if manifest is None:
                continue
            for each in found.take(digest, manifest):
                if each.digest not in seen:
                    seen.add(each.digest)
                    waiting.append(each.digest)
            if len(found.links) + len(seen) > self._most:
                raise StorageUnavailable(
                    f"{name} has more than the {self._most} parts that are served of "
                    "one repository of an OCI layout"
                )
        return await self._blocking(found.finish, listed.tags)

    async def _manifest(
        self, name: RepositoryName, digest: Digest, found: "_Found"
    ) -> Manifest | None:
        """Read a manifest; None where it is not there, or is not what it should be."""
        try:
            data = await self._files.get(place_in_layout(digest), MAX_SIZE)
        except NotFound:
            reason = "it is not there"
        except TooLarge:
            reason = f"it has more than {MAX_SIZE} bytes"
        else:
            if Digest.of(data, digest.algorithm) == digest:
                try:
                    if len(data) > _LONG:
                        manifest = await self._blocking(parse_manifest, data, None)
                    else:
                        manifest = parse_manifest(data, None)
                except ManifestInvalid as error:
                    reason = error.message
                else:
                    if digest.algorithm != CANONICAL:
                        found.aliases[Digest.of(data)] = digest
                    found.stored[digest] = Digest.of(data)
                    return manifest
            else:
                reason = "its content has another digest"
        _log.warn(
            "The manifest {digest} of {name} in the OCI layout counts as absent: "
            "{reason}",
            digest=str(digest),
            name=str(name),
            reason=reason,
        )
        return None


@dataclass(slots=True)
class _Found:
    """What was found so far of a repository."""

    name: RepositoryName
    links: dict[str, str] = field(default_factory=dict)
    aliases: dict[Digest, Digest] = field(default_factory=dict)
    stored: dict[Digest, Digest] = field(default_factory=dict)

    def take(self, digest: Digest, manifest: Manifest) -> Iterator[Descriptor]:
        """Take a manifest in; give the manifests that it lists."""
        stored = self.stored[digest]
        for each in {digest, stored}:
            self.links[keys.revision_link(self.name, each)] = str(stored)
        if manifest.subject is not None:
            key = keys.referrer_link(self.name, manifest.subject.digest, stored)
            self.links[key] = str(stored)
        for blob in manifest.blobs:
            self._take_blob(blob)
        for child in manifest.children:
            if child.media_type in MANIFESTS:
                yield child
            else:  # as BuildKit's caches have it
                self._take_blob(child)

    def finish(self, tags: Mapping[str, Digest]) -> LayoutContents:
        """Let tags point to manifests that are there; give everything."""
        for text, digest in tags.items():
            if digest in self.stored:
                tag = Tag(text)
                self.links[keys.tag_link(self.name, tag)] = str(digest)
                self.links[keys.tag_history_link(self.name, tag, digest)] = str(digest)
        return LayoutContents(self.links, sorted(self.links), self.aliases)

    def _take_blob(self, blob: Descriptor) -> None:
        self.links[keys.layer_link(self.name, blob.digest)] = str(blob.digest)


def _group(key: str, prefix: str) -> str:
    """Give the group that a key is in below a prefix; the key, where it is in none."""
    if not key.startswith(prefix):
        return key
    slash = key.find("/", len(prefix))
    return key if slash < 0 else key[: slash + 1]
