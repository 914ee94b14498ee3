"""Copy links, each after what it leads to.

Whoever reads the target meanwhile finds nothing that leads nowhere, if he would not in
the source: a link is written when its blob is there; a manifest's, when all is there
that the manifest names; a tag, when its manifest's link is. What is not there yet is
brought first, so that it does not matter what others push meanwhile.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.manifests import MAX_SIZE, parse_manifest
from txregistry.model.names import RepositoryName
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectSource, Key, NotFound, TooLarge
from txregistry.storage.kinds import AnyLink, GzipLink, Link, PastLink, TagLink
from txregistry.tasks import Blocking
from txregistry.transfer.blobcopy import BlobCopy, Ends, Missing
from txregistry.transfer.damage import Damaged

_DEEPEST: Final = 5
"""Indexes within indexes that are looked into."""


@dataclass(frozen=True, slots=True)
class _Need:
    """A link that has to be there before something else."""

    key: Key
    kind: Link


class LinkCopy:
    """Copy links.

    Args:
        ends: From where to where.
        blobs: Brings what they lead to.
        blocking: Where manifests are read.
    """

    def __init__(self, ends: Ends, blobs: BlobCopy, blocking: Blocking) -> None:
        self._ends = ends
        self._blobs = blobs
        self._blocking = blocking

    async def bring(self, key: Key, kind: AnyLink) -> bool:
        """Let the target have a link.

        Returns:
            Whether it has it: not, if it is good for nothing, which is told, or
            deleted.
        """
        report = self._ends.report
        try:
            await self._bring(key, kind, 0)
        except NotFound:
            return False  # it was deleted a moment ago
        except Damaged as error:
            report.leave_out("malformed", key, str(error))
            return False
        except Missing as error:
            report.leave_out("dangling", key, str(error))
            return False
        return True

    async def _bring(self, key: Key, kind: AnyLink, depth: int) -> None:
        """Bring a link.

        Args:
            key: Where it lies.
            kind: What it is.
            depth: How many manifests led to it.

        Raises:
            NotFound: there is none.
            Damaged: it is malformed.
            Missing: what it leads to cannot be had.
        """
        ends = self._ends
        digest = await _read(ends.source, key)
        if digest is None or not _may_hold(kind, digest):
            raise Damaged("it holds no digest, or not its own")
        try:
            copied = await _read(ends.there, key) != digest
        except NotFound:
            copied = True
        if copied:
            await self._bring_needs(kind, digest, depth)
            ends.begun.add(key)
            if ends.target is not None:
                await ends.target.put(key, str(digest).encode("ascii"))
        ends.settle(key, "tags" if isinstance(kind, TagLink) else "links")

    async def _bring_needs(self, kind: AnyLink, digest: Digest, depth: int) -> None:
        """Bring what a link needs.

        Args:
            kind: The link.
            digest: What it holds.
            depth: As above.

        Raises:
            Missing: it cannot be had.
        """
        match kind:
            case PastLink():
                pass  # what a tag once pointed to may be gone
            case TagLink(name) | Link(name, "referrer" | "form"):
                await self._need(_revision(name, digest), depth)
            case Link(name, "revision"):
                await self._blobs.need(digest)
                if depth < _DEEPEST and self._ends.target is not None:
                    await self._bring_named(name, digest, depth + 1)
            case Link() | GzipLink():
                await self._blobs.need(digest)

    async def _bring_named(
        self, name: RepositoryName, digest: Digest, depth: int
    ) -> None:
        """Bring what a manifest names, as far as the source has it."""
        try:
            data = await self._ends.source.get(keys.blob(digest), MAX_SIZE)
            named = await self._blocking(_parse, name, data)
        except (NotFound, TooLarge, ManifestInvalid):
            return  # it names nothing that could be read
        for each in named:
            with suppress(Missing):
                await self._need(each, depth)

    async def _need(self, wanted: _Need, depth: int) -> None:
        """See that the target has a link.

        Raises:
            Missing: it cannot have it.
        """
        key = wanted.key
        if key in self._ends.known:
            return
        try:
            await self._bring(key, wanted.kind, depth)
        except NotFound:
            raise Missing(f"there is no {key}") from None
        except Damaged:
            raise Missing(f"{key} is malformed") from None


async def _read(source: IObjectSource, key: Key) -> Digest | None:
    """Read a link; None where it is malformed.

    Raises:
        NotFound: there is none.
    """
    try:
        data = await source.get(key, keys.LINK_LIMIT)
        return Digest.parse(data.decode("ascii"))
    except (TooLarge, UnicodeDecodeError, DigestInvalid):
        return None


def _may_hold(kind: AnyLink, digest: Digest) -> bool:
    """Whether a link can hold a digest: mostly, that by which it is called.

    Content that is called by another algorithm's lies under its canonical digest.
    """
    match kind:
        case TagLink() | GzipLink() | Link(_, "form"):
            return True
        case PastLink(_, _, own) | Link(_, "referrer", own):
            return digest == own
        case Link(_, _, own):
            return digest == own or digest.algorithm == CANONICAL != own.algorithm


def _parse(name: RepositoryName, data: bytes) -> list[_Need]:
    """Read what a manifest needs.

    Raises:
        ManifestInvalid: it is none.
    """
    manifest = parse_manifest(data, None)
    layers = (
        _Need(keys.layer_link(name, each.digest), Link(name, "layer", each.digest))
        for each in manifest.blobs
    )
    children = (_revision(name, each.digest) for each in manifest.children)
    return [*dict.fromkeys((*layers, *children))]


def _revision(name: RepositoryName, digest: Digest) -> _Need:
    return _Need(keys.revision_link(name, digest), Link(name, "revision", digest))
