"""The index of what refers to manifests: it can be made again from these."""

from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.checking.tree import Contents, Malformed, Tree
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, NotFound, StorageUnavailable

_DIGITS: Final = 16


class ReferrerCheck:
    """See whether the index says what the manifests say.

    Args:
        tree: Where it is.
        ours: Whether this registry has served the tree: no other one keeps the index.
    """

    def __init__(self, tree: Tree, *, ours: bool) -> None:
        self._tree = tree
        self._ours = ours
        self._noted: set[int] = set()

    def begin(self) -> None:
        """Begin with another repository."""
        self._noted.clear()

    async def note(self, found: Contents, subject: Digest, referrer: Digest) -> None:
        """Take it that a manifest refers to another, and see that the index says so."""
        names = {referrer, *found.aliases.get(referrer, ())}
        self._noted.update(_pair(subject, name) for name in names)
        for name in sorted(names):
            key = keys.referrer_link(found.name, subject, name)
            try:
                stored = await self._tree.read_link(key)
            except NotFound:
                continue
            except Malformed as error:
                await self._tell(key, name, str(error))
            except StorageUnavailable:
                pass
            else:
                if stored != name:
                    await self._tell(key, name, f"it leads to {stored}")
            return
        if self._ours:
            await self._add(keys.referrer_link(found.name, subject, referrer), referrer)

    async def check(self, name: RepositoryName) -> None:
        """Tell of what the index says and no manifest does."""
        prefix = f"{keys.referrers_folder(name)}subjects/"
        async for key in self._tree.keys(prefix):
            parts = key.removeprefix(prefix).split("/")
            try:
                subject = Digest.parse(":".join(parts[:2]))
                referrer = Digest.parse(":".join(parts[2:4]))
            except DigestInvalid:
                continue  # somebody else's file
            if keys.referrer_link(name, subject, referrer) != key:
                continue
            if _pair(subject, referrer) in self._noted:
                continue
            if not await self._refers(name, referrer, subject):
                await self._tell_stale(Key(key), name, referrer, subject)

    async def _refers(
        self, name: RepositoryName, referrer: Digest, subject: Digest
    ) -> bool:
        """Say whether a manifest of the repository refers to another, as of now."""
        tree = self._tree
        try:
            stored = await tree.read_link(keys.revision_link(name, referrer))
            manifest = await tree.read_manifest(stored)
        except (NotFound, Malformed, ManifestInvalid):
            return False
        return manifest.subject is not None and manifest.subject.digest == subject

    async def _tell(self, key: Key, digest: Digest, text: str) -> None:
        async def mend() -> bool:
            await self._tree.put_link(key, digest)
            return True

        await self._tree.findings.tell(
            "malformed-link",
            key,
            text,
            "repair writes it anew: the content that it is named by is there",
            mend,
        )

    async def _add(self, key: Key, digest: Digest) -> None:
        async def mend() -> bool:
            return await self._tree.add_link(key, digest)

        await self._tree.findings.tell(
            "missing-referrer",
            key,
            "a manifest refers to this subject, and the index does not say so",
            "repair adds it to the index",
            mend,
        )

    async def _tell_stale(
        self, key: Key, name: RepositoryName, referrer: Digest, subject: Digest
    ) -> None:
        async def mend() -> bool:
            if await self._refers(name, referrer, subject):
                return False
            await self._tree.mender.delete([key])
            return True

        await self._tree.findings.tell(
            "stale-referrer",
            key,
            "the index says that a manifest refers to this subject, which it does not, "
            "or it is gone",
            "repair removes it from the index",
            mend,
        )


def _pair(subject: Digest, referrer: Digest) -> int:
    """Name a pair of digests in little memory."""
    text = subject.encoded[:_DIGITS] + referrer.encoded[:_DIGITS]
    return int(text, 16)
