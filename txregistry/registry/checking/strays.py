"""What lies in a store and is nothing of a registry's, or was left by broken work."""

import re
from typing import Final

from txregistry.registry.checking.tree import Tree
from txregistry.storage.interfaces import Key
from txregistry.storage.keys import REPOSITORIES

YOUNG: Final = 24 * 3600.0
"""Seconds after which what was left is not being worked on."""
UPLOAD_YOUNG: Final = 7 * YOUNG
"""The same of uploads: as long as they can be gone on with by default."""
_TEMPORARY: Final = re.compile(r".*/[^/]+\.tmp")
"""How Distribution names a file that is being written."""
_LINK: Final = re.compile(
    rf"{re.escape(REPOSITORIES)}.+/_(?:layers|manifests/revisions)/.+/link"
)
"""Where it looks for links to what it keeps."""


async def tell_unrecognised(tree: Tree, key: str) -> None:
    """Tell of an object that is nothing of a registry's."""
    if _TEMPORARY.fullmatch(key):
        await tell_leftover(tree, key, "a file that was being written", YOUNG)
        return
    text = "it is nothing of a registry's"
    if _LINK.fullmatch(key):
        text += "; Distribution takes it for a link, and stops to collect garbage there"
    await tree.findings.tell(
        "unrecognised", key, text, "it is left alone; see whose it is"
    )


async def tell_leftover(tree: Tree, key: str, text: str, young: float) -> None:
    """Tell of an object that was left, if it is old enough to be nobody's.

    Args:
        tree: Where it lies.
        key: Its key.
        text: What it is.
        young: Up to which age, in seconds, somebody may be working on it.
    """

    async def is_old() -> bool:
        age = await tree.age(key)
        return age is not None and age >= young

    async def mend() -> bool:
        if not await is_old():
            return False
        await tree.mender.delete([Key(key)])
        return True

    if await is_old():
        await tree.findings.tell(
            "leftover", key, text, "repair removes it: nothing needs it", mend
        )


async def tell_upload(tree: Tree, prefix: str) -> None:
    """Tell of an upload that was given up, if it is old enough for that.

    Args:
        tree: Where it lies.
        prefix: What all that belongs to it begins with.
    """

    async def old() -> list[Key] | None:
        found = [Key(each) async for each in tree.keys(prefix)]
        for key in found:
            age = await tree.age(key)
            if age is not None and age < UPLOAD_YOUNG:
                return None
        return found

    async def mend() -> bool:
        found = await old()
        if not found:
            return False
        data = Key(f"{prefix}data")
        await tree.mender.delete([*found, data])
        await tree.mender.stage(data).discard()
        return True

    if await old():
        await tree.findings.tell(
            "leftover",
            prefix,
            "an upload that nobody has gone on with for a week",
            "repair removes it",
            mend,
        )
