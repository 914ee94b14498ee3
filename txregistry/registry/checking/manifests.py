"""Manifests: whether a repository has all that they need."""

from collections.abc import Callable
from typing import Final, Literal

from txregistry.lanes import Lanes
from txregistry.model.descriptors import MANIFESTS, Descriptor
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.manifests import Manifest
from txregistry.model.names import RepositoryName
from txregistry.registry.checking.contents import tell_rotten
from txregistry.registry.checking.referrers import ReferrerCheck
from txregistry.registry.checking.tree import Contents, Malformed, Tree
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, NotFound, StorageUnavailable
from txregistry.tasks import breathe

_AT_ONCE: Final = 4
"""Manifests that are in memory at the same time."""
_BATCH: Final = 100
"""References after which others have their turn."""
_DEEPEST: Final = 5
"""Indexes within indexes that are looked into where they are not linked themselves."""
_SHOWN: Final = 3
"""Digests that are told of what is gone."""


class ManifestCheck:
    """See whether manifests are whole.

    Args:
        tree: Where they are.
        referrers: Hears which of them refer to others.
        partial: Whether a repository may lack what its manifests name, as those of
            other registries may that are mirrored.
    """

    def __init__(
        self,
        tree: Tree,
        referrers: ReferrerCheck,
        partial: Callable[[RepositoryName], bool],
    ) -> None:
        self._tree = tree
        self._referrers = referrers
        self._partial = partial

    async def check(self, found: Contents) -> None:
        """Look at all manifests of a repository."""
        prefix = keys.revision_links(found.name)
        lanes = Lanes(_AT_ONCE)
        async for key in self._tree.keys(prefix):
            digest = _parse(prefix, key)
            if digest is not None and found.revisions.holds(digest):
                await lanes.begin(self._look(found, Key(key), digest))
        await lanes.settle()
        while found.incomplete and await self._spread(found, prefix):
            pass

    async def is_whole(self, found: Contents, stored: Digest, depth: int = 0) -> bool:
        """See whether a manifest is, and tell what it lacks.

        Args:
            found: What its repository has.
            stored: What it is stored under.
            depth: How many manifests led to it that the repository does not link.
        """
        manifest = await self._read(found, stored)
        if manifest is None:
            return False
        if manifest.subject is not None:
            await self._referrers.note(found, manifest.subject.digest, stored)
        if self._partial(found.name):
            return True
        gone = []
        for count, each in enumerate((*manifest.blobs, *manifest.children), 1):
            if not count % _BATCH:
                await breathe(self._tree.clock)
            is_child = count > len(manifest.blobs)
            if not await self._has(found, stored, each, depth, is_child=is_child):
                gone.append(str(each.digest))
        if gone:
            shown = ", ".join(gone[:_SHOWN])
            more = f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
            await self._tree.findings.tell(
                "absent-content",
                keys.revision_link(found.name, stored),
                f"the manifest names what is gone: {shown}{more}",
                "push the image again, restore the content from a backup, or remove "
                "it with 'txregistry rm NAME@DIGEST'",
            )
            found.spoil(stored)
        return not gone

    async def _look(self, found: Contents, key: Key, digest: Digest) -> None:
        stored = digest
        if digest.algorithm != CANONICAL:
            try:
                stored = await self._tree.read_link(key)
            except (NotFound, Malformed, StorageUnavailable):
                return  # which was told
            if found.revisions.holds(stored):
                return  # it has its turn under that name
        await self.is_whole(found, stored)

    async def _read(self, found: Contents, stored: Digest) -> Manifest | None:
        """Read a manifest; None where it cannot be served, which is told."""
        tree, key = self._tree, keys.revision_link(found.name, stored)
        if stored in tree.rotten:
            found.spoil(stored)
            return None
        try:
            return await tree.read_manifest(stored)
        except NotFound:
            found.spoil(stored)
        except Malformed as error:
            await tell_rotten(tree, stored, str(error))
            found.spoil(stored)
        except StorageUnavailable as fault:
            await tree.findings.tell(
                "unreadable",
                keys.blob(stored),
                f"it cannot be read: {fault}",
                "see who may read it, or restore it from a backup",
            )
            found.spoil(stored)
        except ManifestInvalid as error:
            await tree.findings.tell(
                "unknown-manifest",
                key,
                f"what it leads to is no manifest that is served: {error.message}",
                "Distribution's garbage collection may stop at it; remove it with "
                "'txregistry rm NAME@DIGEST', unless old clients need it",
            )
        return None

    async def _has(
        self,
        found: Contents,
        parent: Digest,
        wanted: Descriptor,
        depth: int,
        *,
        is_child: bool,
    ) -> bool:
        """Say whether a repository has what a manifest names, or can have it."""
        digest = wanted.digest
        if found.holds_blob(digest) or (is_child and found.holds_manifest(digest)):
            return True
        if not is_child and wanted.is_nondistributable:
            return True
        if digest.algorithm != CANONICAL or not await self._tree.is_there(digest):
            return False
        if is_child and wanted.media_type.lower() in MANIFESTS:
            if depth >= _DEEPEST or not await self.is_whole(found, digest, depth + 1):
                return False
            key = keys.revision_link(found.name, digest)
            await self._link(found, "unlinked-manifest", key, digest, parent)
        else:
            key = keys.layer_link(found.name, digest)
            await self._link(found, "unlinked-layer", key, digest, parent)
        return True

    async def _link(
        self,
        found: Contents,
        sort: Literal["unlinked-manifest", "unlinked-layer"],
        key: Key,
        digest: Digest,
        parent: Digest,
    ) -> None:
        """Tell that a link is missing to what a manifest names."""
        tree = self._tree
        if digest in found.linked:
            return  # another manifest, a moment ago
        found.linked.add(digest)
        tree.blobs.mark(digest)

        async def is_missing() -> bool:
            try:
                return await tree.read_link(key) is None
            except NotFound:
                return True
            except Malformed:
                return False  # which is told for itself

        async def mend() -> bool:
            return await tree.is_there(digest) and await tree.add_link(key, digest)

        if await is_missing():
            await tree.findings.tell(
                sort,
                key,
                f"the manifest {parent} names it, and its content is there, but the "
                "repository has no link to it",
                "repair makes the link",
                mend,
            )

    async def _spread(self, found: Contents, prefix: str) -> bool:
        """Note which indexes need manifests of which something is gone.

        Returns:
            Whether there were any that were not noted before.
        """
        before = len(found.incomplete)
        async for key in self._tree.keys(prefix):
            digest = _parse(prefix, key)
            if digest is None or digest.algorithm != CANONICAL:
                continue
            if digest in found.incomplete or not found.revisions.holds(digest):
                continue
            try:
                manifest = await self._tree.read_manifest(digest)
            except (NotFound, Malformed, ManifestInvalid, StorageUnavailable):
                continue
            if any(each.digest in found.incomplete for each in manifest.children):
                found.spoil(digest)
        return len(found.incomplete) > before


def _parse(prefix: str, key: str) -> Digest | None:
    try:
        digest = keys.reference_digest(prefix, key)
    except DigestInvalid:
        return None  # somebody else's file
    return digest if keys.link(prefix, digest) == key else None
