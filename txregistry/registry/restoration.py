"""Let tags point to what they pointed to before, and bring back deleted ones.

Nothing is made up: a tag goes back only to a manifest that it pointed to, or that the
repository has, and only where that is whole. A manifest that was deleted with its tag
can be had as long as its bytes are in the store.
"""

from collections.abc import Collection
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import (
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    ReferenceUnknown,
)
from txregistry.model.manifests import MAX_SIZE, parse_manifest, summarize_manifest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.acceptance import Acceptance
from txregistry.registry.blobs import Blobs
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.tags import Tags
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge
from txregistry.tasks import breathe


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a tag.

    Attributes:
        digest: What it points to now.
        before: What it pointed to before; None where it was not there.
    """

    digest: Digest
    before: Digest | None


class Restoration:
    """Undo what was done to tags.

    Args:
        store: Where deleted manifests may still be.
        tags: The tags.
        manifests: What they point to.
        blobs: What that names.
        acceptance: Takes in again what was deleted.
        clock: Lets others have their turn.
        complete: Whether what a manifest names must be there.
    """

    def __init__(
        self,
        store: IObjectStore,
        tags: Tags,
        manifests: Manifests,
        blobs: Blobs,
        acceptance: Acceptance,
        clock: IReactorTime,
        *,
        complete: bool,
    ) -> None:
        self._store = store
        self._tags = tags
        self._manifests = manifests
        self._blobs = blobs
        self._acceptance = acceptance
        self._clock = clock
        self._complete = complete

    async def undo(
        self, name: RepositoryName, tag: Tag, to: Digest | None = None
    ) -> Restored:
        """Let a tag point to what it pointed to before.

        A tag that is there goes back to the latest other manifest that it pointed to:
        so doing it twice changes nothing. One that was deleted comes back.

        Args:
            name: The repository.
            tag: The tag.
            to: What it is to point to: a manifest that it pointed to at some time, or
                one that the repository has; None for what it pointed to before.

        Raises:
            ManifestUnknown: there is nothing to go back to, or it is gone.
            ReferenceUnknown: what the manifest names is gone.
            Denied: the tag has to stay where it is.
        """
        before = await self._tags.find(name, tag)
        digest = await self._before(name, tag, before) if to is None else to
        await self._tags.check_moves(name, [tag], digest)
        found = await self._find(name, tag, digest)
        if self._complete:
            await self._check_whole(name, found)
        # Pushing it again tells all who have to know, and makes whatever is to go
        # look at it anew.
        await self._acceptance.push(
            name, digest, found.data, found.media_type, tags=[tag]
        )
        return Restored(digest, before)

    async def _before(
        self, name: RepositoryName, tag: Tag, present: Digest | None
    ) -> Digest:
        """Say what a tag pointed to before.

        Raises:
            ManifestUnknown: nobody remembers, or not well enough.
        """
        history = self._tags.history
        if present is None:
            for deletion in await history.deletions(name, tag):
                return deletion.digest
        past = await history.past(name, tag)
        others = [each for each in past if each.digest != present]
        if len(others) > 1 and others[0].when == others[1].when:
            raise ManifestUnknown(
                f"It is not certain where the tag {tag} of {name} pointed before: to "
                f"{others[0].digest} or to {others[1].digest}; say which.",
                {"tag": str(tag)},
            )
        if others:
            return others[0].digest
        raise ManifestUnknown(
            f"The tag {tag} of {name} pointed to nothing before that is remembered.",
            {"tag": str(tag)},
        )

    async def _find(
        self, name: RepositoryName, tag: Tag, digest: Digest
    ) -> StoredManifest:
        """Find a manifest that the repository has, or had for this tag.

        Raises:
            ManifestUnknown: it is gone, or was never here.
        """
        try:
            return await self._manifests.find(name, digest)
        except (ManifestUnknown, NameUnknown):
            past = await self._tags.history.past(name, tag)
        if digest not in {each.digest for each in past}:
            raise ManifestUnknown(
                f"The repository {name} has no manifest {digest}, nor did {tag} ever "
                "point to it, as far as is remembered.",
                {"digest": str(digest)},
            )
        found = await self._read(digest)
        if found is None:
            raise ManifestUnknown(
                f"The manifest {digest} was deleted, and its content is gone; push it "
                "again.",
                {"digest": str(digest)},
            )
        return found

    async def _read(self, digest: Digest) -> StoredManifest | None:
        """Read a manifest that was deleted; None where its bytes are gone as well."""
        if digest.algorithm != CANONICAL:
            return None  # the link that said under what it is stored is gone
        try:
            data = await self._store.get(keys.blob(digest), MAX_SIZE)
            if Digest.of(data) != digest:
                return None
            return StoredManifest(digest, data, summarize_manifest(data).media_type)
        except (NotFound, TooLarge, ManifestInvalid):
            return None

    async def _check_whole(self, name: RepositoryName, top: StoredManifest) -> None:
        """See that all is there that a manifest needs, also by way of others.

        Raises:
            ReferenceUnknown: something is not.
        """
        missing: list[str] = []
        waiting, seen = [top], {top.digest}
        while waiting:
            found = waiting.pop()
            manifest = parse_manifest(found.data, found.media_type)
            for blob in manifest.blobs:
                if blob.is_nondistributable or blob.digest in seen:
                    continue
                seen.add(blob.digest)
                await self._note_blob(name, blob.digest, missing)
            for child in manifest.children:
                if child.digest in seen:
                    continue
                seen.add(child.digest)
                try:
                    waiting.append(await self._manifests.find(name, child.digest))
                except (ManifestUnknown, NameUnknown):
                    await self._note_blob(name, child.digest, missing)
        if missing:
            raise ReferenceUnknown(missing)

    async def _note_blob(
        self, name: RepositoryName, digest: Digest, missing: list[str]
    ) -> None:
        await breathe(self._clock)
        if not await self._blobs.holds(name, digest):
            missing.append(str(digest))


def describe_missing(digests: Collection[str]) -> str:
    """Say in a sentence what keeps a tag from going back."""
    shown = ", ".join(sorted(digests)[:3])
    more = f" and {len(digests) - 3} more" if len(digests) > 3 else ""  # noqa: PLR2004
    return (
        f"What it pointed to needs {shown}{more}, which this repository has no more; "
        "push that image again, or go back to another one with --to."
    )
