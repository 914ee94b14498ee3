"""What lies outside of repositories and blobs: most of it only we understand."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.checking.strays import (
    YOUNG,
    tell_leftover,
    tell_unrecognised,
    tell_upload,
)
from txregistry.registry.checking.tree import Malformed, Tree
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    Key,
    NotFound,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.kinds import (
    Document,
    GzipLink,
    Kind,
    Link,
    Quarantined,
    Scratch,
    Upload,
    recognize,
)

_TOP: Final = "docker/registry/"
_SCRATCH: Final = f"{keys.PRIVATE}scratch/"
_RECORD: Final = re.compile(r"[^/]+/(.+)/_record")
_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of the record of an image."""


class _Record(msgspec.Struct):
    """What the record of an image says of others."""

    layer: str


class PrivateCheck:
    """Look at what is neither a blob nor of version 2's repositories.

    Args:
        tree: Where it lies.
        wanted: Whether a repository is to be looked at.
    """

    def __init__(self, tree: Tree, wanted: Callable[[RepositoryName], bool]) -> None:
        self._tree = tree
        self._wanted = wanted

    async def check(self, *, strays: bool) -> None:
        """Look at all of it.

        Args:
            strays: Whether to tell of what is of no repository.
        """
        self._tree.begin("checking documents")
        if strays:
            await self._check_top()
        lanes = self._tree.lanes()
        upload = ""
        async for text in self._tree.keys(keys.PRIVATE):
            key, kind = Key(text), recognize(text)
            if key.startswith(keys.all_images()) and isinstance(kind, Document):
                await lanes.begin(self._check_image(key))
            elif isinstance(kind, Upload):
                if strays and kind.prefix != upload:
                    upload = kind.prefix
                    await tell_upload(self._tree, upload)
            elif strays:
                await lanes.begin(self._meet(key, kind))
        await lanes.settle()
        if strays:
            await self._check_store()

    async def _check_top(self) -> None:
        """See whether there is anything besides what we know."""
        known = {keys.ROOT, keys.PRIVATE, keys.REPOSITORIES, f"{keys.ROOT}blobs/"}
        for folder in (_TOP, keys.ROOT):
            async for key in self._tree.keys(folder, delimiter=True):
                if key not in known:
                    await tell_unrecognised(self._tree, key)

    async def _meet(self, key: Key, kind: Kind | None) -> None:
        match kind:
            case Scratch():
                if key.startswith(_SCRATCH):
                    await tell_leftover(self._tree, key, "what a crash left", YOUNG)
            case Quarantined(digest) if digest not in self._tree.rotten:
                await self._tree.findings.tell(
                    "quarantined",
                    key,
                    f"what lay where {digest} belongs",
                    "look at it, and delete it when you have seen enough",
                )
            case Link() | GzipLink():
                await self._check_link(key)
            case None:
                await tell_unrecognised(self._tree, key)
            case _:
                pass

    async def _check_link(self, key: Key) -> None:
        """Look at a link to what was made of something else, and can be made again."""
        tree = self._tree
        try:
            await tree.read_link(key)
        except NotFound:
            return
        except StorageUnavailable as fault:
            await self._tell_unreadable(key, fault)
        except Malformed as error:

            async def mend() -> bool:
                await tree.mender.delete([key])
                return True

            await tree.findings.tell(
                "malformed-link",
                key,
                str(error),
                "repair removes it: what it led to is made again",
                mend,
            )

    async def _check_image(self, key: Key) -> None:
        """Look at the record of an image of version 1."""
        found = _RECORD.fullmatch(key.removeprefix(keys.all_images()))
        if found is None or not self._wanted(name := RepositoryName(found[1])):
            return
        tree = self._tree
        try:
            data = await tree.source.get(key, _LIMIT)
            layer = Digest.parse(msgspec.json.decode(data, type=_Record).layer)
        except NotFound:
            return
        except StorageUnavailable as fault:
            await self._tell_unreadable(key, fault)
        except (
            TooLarge,
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
            DigestInvalid,
        ):
            await tree.findings.tell(
                "image-record",
                key,
                "the record of an image of version 1 is malformed",
                "it counts as absent; push the image again",
            )
        else:
            await self._check_layer(key, name, layer)

    async def _check_layer(self, key: Key, name: RepositoryName, layer: Digest) -> None:
        """See whether an image of version 1 has its layer."""
        tree, link = self._tree, keys.layer_link(name, layer)
        if not await tree.is_there(layer):
            await tree.findings.tell(
                "image-record",
                key,
                f"the layer {layer} of an image of version 1 is gone",
                "push the image again, or restore the layer from a backup",
            )
        elif await self._is_missing(link):

            async def mend() -> bool:
                return await tree.is_there(layer) and await tree.add_link(link, layer)

            tree.blobs.mark(layer)
            await tree.findings.tell(
                "unlinked-layer",
                link,
                "an image of version 1 needs it, and its content is there, but the "
                "repository has no link to it",
                "repair makes the link",
                mend,
            )

    async def _is_missing(self, link: Key) -> bool:
        try:
            await self._tree.read_link(link)
        except NotFound:
            return True
        except (Malformed, StorageUnavailable):
            pass  # which is told for itself
        return False

    async def _tell_unreadable(self, key: Key, fault: StorageUnavailable) -> None:
        await self._tree.findings.tell(
            "unreadable",
            key,
            f"it cannot be read: {fault}",
            "see who may read it, or restore it from a backup",
        )

    async def _check_store(self) -> None:
        """Look at what no key leads to, where a store has such things."""
        tree = self._tree
        target = tree.target
        if target is None or not tree.flat:
            return
        count = await target.sweep(YOUNG, dry_run=True)

        async def mend() -> bool:
            return await target.sweep(YOUNG) > 0

        if count:
            await tree.findings.tell(
                "leftover",
                "",
                f"{count} pieces of uploads that were broken off",
                "repair removes them",
                mend,
            )
