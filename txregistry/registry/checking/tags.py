"""Tags: whether they point to something that can be pulled."""

from dataclasses import dataclass, field
from typing import Final

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import DigestInvalid, TagInvalid
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.checking.findings import Mend
from txregistry.registry.checking.manifests import ManifestCheck
from txregistry.registry.checking.tree import Contents, Malformed, Tree
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, NotFound, StorageUnavailable

_SHOWN: Final = 3
"""Manifests that are told to which a tag may be pointed."""
_UNREADABLE: Final = "see who may read it, or restore it from a backup"


@dataclass(slots=True)
class _Candidates:
    """What a tag may have pointed to that does not say so itself.

    Attributes:
        whole: The manifests that are whole, and when it was pointed there; the latest
            first.
        links: How many links its history has.
    """

    whole: list[tuple[float, Digest]] = field(default_factory=list)
    links: int = 0

    @property
    def latest(self) -> Digest | None:
        """What it pointed to last; None where that is not certain."""
        if len(self.whole) > 1 and self.whole[0][0] == self.whole[1][0]:
            return None
        return self.whole[0][1] if self.whole else None


class TagCheck:
    """See where tags point.

    Args:
        tree: Where they are.
        manifests: Says what is whole.
    """

    def __init__(self, tree: Tree, manifests: ManifestCheck) -> None:
        self._tree = tree
        self._manifests = manifests

    async def check(self, found: Contents) -> None:
        """Look at all tags of a repository."""
        prefix = keys.tags(found.name)
        lanes = self._tree.lanes()
        async for key in self._tree.keys(prefix, delimiter=True):
            text = key.removeprefix(prefix)
            if not text.endswith("/"):
                await self._tell_stray(key)
                continue
            try:
                tag = Tag.parse(text.removesuffix("/"))
            except TagInvalid:
                continue  # what lies in it is told as what is not recognised
            await lanes.begin(self._look(found, tag))
        await lanes.settle()

    async def _look(self, found: Contents, tag: Tag) -> None:
        tree, key = self._tree, keys.tag_link(found.name, tag)
        try:
            digest = await tree.read_link(key)
        except NotFound:
            await self._tell_lost(found, tag)
        except Malformed as error:
            candidates = await self._check_history(found, tag, timed=True)
            right = error.guess
            if right is None or not self._can_be_had(found, right):
                right = candidates.latest
            await self._tell_bad(key, str(error), right, candidates)
        except StorageUnavailable as fault:
            text = f"it cannot be read: {fault}"
            await tree.findings.tell("unreadable", key, text, _UNREADABLE)
        else:
            await self._check_history(found, tag)
            await self._check_target(found, tag, digest)

    async def _check_target(self, found: Contents, tag: Tag, digest: Digest) -> None:
        """See whether what a tag points to can be pulled."""
        tree, key = self._tree, keys.tag_link(found.name, tag)
        if digest in found.incomplete:
            await self._tell_broken(key, digest)
            return
        if found.holds_manifest(digest) or await self._is_linked(found.name, digest):
            return
        if digest.algorithm == CANONICAL and await tree.is_there(digest):
            if not await self._manifests.is_whole(found, digest):
                await self._tell_broken(key, digest)
                return

            async def mend() -> bool:
                revision = keys.revision_link(found.name, digest)
                return await tree.is_there(digest) and await tree.add_link(
                    revision, digest
                )

            found.linked.add(digest)
            tree.blobs.mark(digest)
            text = f"the repository has no link to {digest}, whose content is there"
            advice = "repair makes the link"
            await tree.findings.tell("dangling-tag", key, text, advice, mend)
            return
        await tree.findings.tell(
            "dangling-tag",
            key,
            f"the manifest {digest} is gone",
            "push it again, restore it from a backup, let the tag go back with "
            "'txregistry undo NAME:TAG', or remove it with 'txregistry rm NAME:TAG'",
        )

    async def _tell_broken(self, key: Key, digest: Digest) -> None:
        await self._tree.findings.tell(
            "broken-tag",
            key,
            f"something is gone that {digest} needs, which it points to",
            "push it again, or let the tag go back with 'txregistry undo NAME:TAG'",
        )

    async def _tell_lost(self, found: Contents, tag: Tag) -> None:
        """Tell of a tag that points nowhere, and is listed all the same."""
        candidates = await self._check_history(found, tag, timed=True)
        tree, key = self._tree, keys.tag_link(found.name, tag)
        if candidates.links:
            text = "the tag points nowhere, and has only a history"
            await self._tell_bad(key, text, candidates.latest, candidates)
            return
        folder = f"{keys.tags(found.name)}{tag}/"

        async def mend() -> bool:
            # To delete what is not there removes its folder, if nothing else is in it.
            await tree.mender.delete(
                [Key(f"{folder}{each}_") for each in ("current/", "index/", "")]
            )
            return True

        if not [each async for each in tree.keys(folder)]:
            await tree.findings.tell(
                "lost-tag",
                folder,
                "the folder of a tag has nothing in it; registries list it as a tag",
                "repair removes it",
                mend,
            )

    async def _tell_bad(
        self, key: Key, text: str, right: Digest | None, candidates: _Candidates
    ) -> None:
        """Tell of a tag that does not say itself where it points."""
        if right is not None:
            advice = f"repair lets it point to {right}, the latest of its history"
        elif candidates.whole:
            shown = ", ".join(str(digest) for _, digest in candidates.whole[:_SHOWN])
            advice = (
                "it is not certain where it pointed last; choose with 'txregistry undo "
                f"NAME:TAG --to DIGEST': {shown}"
            )
        else:
            advice = "nothing of its history is whole; push it again, or remove it"
        mend = None if right is None else self._pointing(key, right)
        await self._tree.findings.tell("lost-tag", key, text, advice, mend)

    def _pointing(self, key: Key, digest: Digest) -> Mend:
        """Make what lets a tag point somewhere, if it still points nowhere."""

        async def mend() -> bool:
            try:
                await self._tree.read_link(key)
            except NotFound:
                return await self._tree.add_link(key, digest)
            except Malformed:
                await self._tree.put_link(key, digest)
                return True
            return False

        return mend

    async def _check_history(
        self, found: Contents, tag: Tag, *, timed: bool = False
    ) -> _Candidates:
        """See whether the links of a history are whole, and where they lead.

        Args:
            found: What the repository has.
            tag: The tag.
            timed: Whether it matters when it was pointed where.
        """
        prefix = keys.tag_history(found.name, tag)
        candidates = _Candidates()
        async for key in self._tree.keys(prefix):
            try:
                digest = keys.reference_digest(prefix, key)
            except DigestInvalid:
                continue  # it is told as what is not recognised
            candidates.links += 1
            await self._check_past(Key(key), digest)
            if timed and self._can_be_had(found, digest):
                age = await self._tree.age(key)
                candidates.whole.append((age or 0.0, digest))
        candidates.whole.sort()
        return candidates

    async def _check_past(self, key: Key, digest: Digest) -> None:
        tree = self._tree

        async def why() -> str:
            try:
                stored = await tree.read_link(key)
            except Malformed as error:
                return str(error)
            except (NotFound, StorageUnavailable):
                return ""
            return "" if stored == digest else f"it leads to {stored}"

        async def mend() -> bool:
            if not await why():
                return False
            await tree.put_link(key, digest)
            return True

        text = await why()
        if text:
            await tree.findings.tell(
                "malformed-link",
                key,
                text,
                "repair writes it anew: its name says what it is",
                mend,
            )

    async def _is_linked(self, name: RepositoryName, digest: Digest) -> bool:
        """Say whether a repository has a manifest, be it only since a moment ago."""
        try:
            stored = await self._tree.read_link(keys.revision_link(name, digest))
        except (NotFound, Malformed):
            return False
        except StorageUnavailable:
            return True  # which is told for itself
        if stored != digest and digest.algorithm == CANONICAL:
            return False  # likewise
        return await self._tree.is_there(stored)

    @staticmethod
    def _can_be_had(found: Contents, digest: Digest) -> bool:
        return found.holds_manifest(digest) and digest not in found.incomplete

    async def _tell_stray(self, key: str) -> None:
        await self._tree.findings.tell(
            "stray-in-tags",
            key,
            "it is no tag, but Distribution lists it as one, and fails",
            "see whose it is, and move it away",
        )
