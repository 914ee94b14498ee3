"""Blobs: which there are, whether they are what they are called, who needs them."""

from collections.abc import AsyncIterator
from typing import Final

from txregistry.lanes import Lanes
from txregistry.model.digest import Digest, new_hashing
from txregistry.registry.checking.pace import Pace
from txregistry.registry.checking.strays import tell_unrecognised
from txregistry.registry.checking.tree import Tree
from txregistry.registry.quarantine import Quarantine
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, NotFound, StorageUnavailable
from txregistry.storage.kinds import Blob, recognize

BLOBS: Final = f"{keys.ROOT}blobs/"
_YOUNG: Final = 24 * 3600.0
"""Seconds after which a blob that nobody links is none that is being pushed."""
_HASHED_AT_ONCE: Final = 4
"""Blobs that are hashed at the same time: most are small, and far away."""


class ContentCheck:
    """Look at the blobs of a tree.

    Args:
        tree: The tree.
        pace: Hashes them.
    """

    def __init__(self, tree: Tree, pace: Pace) -> None:
        self._tree = tree
        self._pace = pace

    async def survey(self, *, strays: bool) -> None:
        """Note which blobs there are.

        Args:
            strays: Whether to tell of what is none, and of folders without one.
        """
        self._tree.begin("listing blobs")
        async for key in self._tree.keys(BLOBS):
            kind = recognize(key)
            if isinstance(kind, Blob) and keys.blob(kind.digest) == key:
                self._tree.blobs.add(kind.digest)
            elif strays:
                await tell_unrecognised(self._tree, key)
        if strays and not self._tree.flat:
            await self._find_empty_folders()

    async def prove(self, *, marked_only: bool) -> None:
        """Hash blobs.

        Args:
            marked_only: Only those that were found to be linked.
        """
        tree = self._tree
        tree.begin("hashing blobs")
        lanes = Lanes(_HASHED_AT_ONCE)
        async for digest in self._all():
            if not marked_only or tree.blobs.is_marked(digest):
                await lanes.begin(self._prove(digest))
        await lanes.settle()

    async def find_orphans(self) -> None:
        """Tell which blobs no repository links."""
        tree = self._tree
        tree.begin("looking for orphans")
        async for digest in self._all():
            if tree.blobs.holds(digest) and not tree.blobs.is_marked(digest):
                key = keys.blob(digest)
                age = await tree.age(key)
                if age is not None and age >= _YOUNG and digest not in tree.rotten:
                    await tree.findings.tell(
                        "orphan",
                        key,
                        "no repository links it",
                        "it does no harm; collecting garbage frees its space",
                    )

    async def _all(self) -> AsyncIterator[Digest]:
        """Give the digests of all blobs, in order."""
        async for key in self._tree.keys(BLOBS):
            kind = recognize(key)
            if isinstance(kind, Blob) and keys.blob(kind.digest) == key:
                yield kind.digest

    async def _prove(self, digest: Digest) -> None:
        tree, key = self._tree, keys.blob(digest)
        hashing = new_hashing(digest.algorithm)
        try:
            size = await self._pace.hash(key, hashing)
        except NotFound:
            return
        except StorageUnavailable as fault:
            await tree.findings.tell(
                "unreadable",
                key,
                f"it cannot be read: {fault}",
                "see who may read it, or restore it from a backup",
            )
            return
        if hashing.hexdigest() == digest.encoded:
            return
        await tell_rotten(
            tree,
            digest,
            f"its {size} bytes have the digest {digest.algorithm}:"
            f"{hashing.hexdigest()}",
        )

    async def _find_empty_folders(self) -> None:
        """Tell which folders of blobs have no blob in them."""
        async for algorithm in self._folders(BLOBS):
            async for bucket in self._folders(algorithm):
                folders = {each async for each in self._folders(bucket)}
                async for key in self._tree.keys(bucket):
                    folders.discard(f"{key.removesuffix('data')}")
                for folder in sorted(folders):
                    await self._tell_folder(folder)

    async def _folders(self, prefix: str) -> AsyncIterator[str]:
        async for key in self._tree.keys(prefix, delimiter=True):
            if key.endswith("/"):
                yield key

    async def _tell_folder(self, folder: str) -> None:
        tree = self._tree

        async def is_empty() -> bool:
            found = [each async for each in tree.keys(folder, delimiter=True)]
            return not found

        async def mend() -> bool:
            if not await is_empty():
                return False
            # To delete what is not there removes its folder, if nothing else is in it.
            await tree.mender.delete([Key(f"{folder}_")])
            return True

        if await is_empty():
            await tree.findings.tell(
                "empty-folder",
                folder,
                "the folder of a blob has nothing in it",
                "repair removes it",
                mend,
            )


async def tell_rotten(tree: Tree, digest: Digest, text: str) -> None:
    """Tell of content that is not what it is called."""
    tree.rotten.add(digest)

    async def mend() -> bool:
        return await Quarantine(tree.mender).take(digest)

    await tree.findings.tell(
        "rotten-blob",
        keys.blob(digest),
        text,
        f"repair moves it to {keys.quarantined(digest)}, so that clients push it "
        "again; or restore it from a backup",
        mend,
    )
