"""Links from repositories to their blobs and manifests."""

from typing import Final, Literal

from txregistry.model.digest import CANONICAL, Digest, new_hashing
from txregistry.model.errors import DigestInvalid
from txregistry.registry.checking.findings import Sort
from txregistry.registry.checking.knowndigests import KnownDigests
from txregistry.registry.checking.pace import Pace
from txregistry.registry.checking.tree import Contents, Malformed, Tree
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, NotFound, StorageUnavailable

Role = Literal["layer", "revision"]

_WRITE: Final = "repair writes it anew: the content that it is named by is there"
_DROP: Final = "repair removes it: it counts as absent as it is"


class LinkCheck:
    """See what the links of repositories are good for.

    Args:
        tree: Where they are.
        pace: Hashes what has names of other algorithms.
        hashing: Whether that is done.
    """

    def __init__(self, tree: Tree, pace: Pace, *, hashing: bool) -> None:
        self._tree = tree
        self._pace = pace
        self._hashing = hashing

    async def check(self, found: Contents, role: Role) -> None:
        """Look at all links of one role, and note which are good.

        What can be mended counts as good: whatever needs it need not be told.
        """
        if role == "layer":
            prefix = keys.layer_links(found.name)
        else:
            prefix = keys.revision_links(found.name)
        lanes = self._tree.lanes()
        async for key in self._tree.keys(prefix):
            try:
                digest = keys.reference_digest(prefix, key)
            except DigestInvalid:
                continue  # it is told as what is not recognised
            if keys.link(prefix, digest) == key:
                await lanes.begin(self._look(Key(key), digest, role, found))
        await lanes.settle()

    async def _look(
        self, key: Key, digest: Digest, role: Role, found: Contents
    ) -> None:
        known = found.layers if role == "layer" else found.revisions
        try:
            stored = await self._read(key, digest, known)
        except NotFound:
            return
        except StorageUnavailable as fault:
            await self._tree.findings.tell(
                "unreadable",
                key,
                f"it cannot be read: {fault}",
                "see who may read it, or restore it from a backup",
            )
            known.add(digest)
            return
        if stored is None:
            return
        if await self._tree.is_there(stored):
            known.add(digest)
            self._tree.blobs.mark(stored)
            if role == "revision" and stored != digest:
                found.aliases.setdefault(stored, set()).add(digest)
        elif role == "revision":
            await self._tree.findings.tell(
                "absent-manifest",
                key,
                f"the content of {stored} is gone, or is not what it is called",
                "push it again, restore the content from a backup, or remove it with "
                "'txregistry rm NAME@DIGEST'",
            )
        else:
            await self._dangle(key, stored)

    async def _read(
        self, key: Key, digest: Digest, known: KnownDigests
    ) -> Digest | None:
        """Follow a link; None where it is good for nothing, which is told."""
        try:
            stored = await self._tree.read_link(key)
        except Malformed as error:
            await self._tell_bad(
                "malformed-link", key, str(error), digest, error.guess, known
            )
            return None
        if stored == digest:
            return stored
        if digest.algorithm == CANONICAL or stored.algorithm != CANONICAL:
            text = f"it leads to {stored}"
            await self._tell_bad("mismatched-link", key, text, digest, None, known)
            return None
        if self._hashing and not await self._is_other_name(stored, digest):
            text = f"{stored} has another digest of {digest.algorithm}"
            await self._tell_bad("mismatched-link", key, text, digest, None, known)
            return None
        return stored

    async def _tell_bad(
        self,
        sort: Sort,
        key: Key,
        text: str,
        digest: Digest,
        guess: Digest | None,
        known: KnownDigests,
    ) -> None:
        """Tell of a link that is no good, and see what it should be."""
        tree, right = self._tree, None
        if digest.algorithm == CANONICAL and await tree.is_there(digest):
            right = digest
        elif (
            guess is not None
            and digest.algorithm != CANONICAL
            and await tree.is_there(guess)
            and await self._is_other_name(guess, digest)
        ):
            right = guess

        async def mend() -> bool:
            if not await self._is_bad_still(key, digest):
                return False
            if right is None:
                await tree.mender.delete([key])
            else:
                await tree.put_link(key, right)
            return True

        if right is not None:
            known.add(digest)
            tree.blobs.mark(right)
        await tree.findings.tell(sort, key, text, _WRITE if right else _DROP, mend)

    async def _is_bad_still(self, key: Key, digest: Digest) -> bool:
        """Say whether a link is no good by now."""
        try:
            stored = await self._tree.read_link(key)
        except Malformed:
            return True
        except NotFound:
            return False
        return stored != digest and not (
            digest.algorithm != CANONICAL
            and stored.algorithm == CANONICAL
            and await self._is_other_name(stored, digest)
        )

    async def _is_other_name(self, stored: Digest, digest: Digest) -> bool:
        """Say whether some content has also a digest of another algorithm.

        That it has where it cannot be read: then this is not what is wrong.
        """
        hashing = new_hashing(digest.algorithm)
        try:
            await self._pace.hash(keys.blob(stored), hashing)
        except (NotFound, StorageUnavailable):
            return True
        return hashing.hexdigest() == digest.encoded

    async def _dangle(self, key: Key, stored: Digest) -> None:
        """Tell of a link to a blob that is gone: what collection leaves."""
        tree = self._tree

        async def mend() -> bool:
            if await tree.is_there(stored):
                return False
            await tree.mender.delete([key])
            if await tree.is_there(stored):  # somebody pushed it just now
                await tree.add_link(key, stored)
                return False
            return True

        await tree.findings.tell(
            "dangling-layer",
            key,
            f"the content of {stored} is gone",
            "repair removes it: clients are told that there is no such blob, and push "
            "it again",
            mend,
        )
