"""Who may read the files of a store on local disks."""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import Final

from txregistry.registry.checking.tree import Tree
from txregistry.storage import keys

_TOP: Final = "docker/registry"
_BATCH: Final = 500
"""Files that are looked at in one job of a thread."""

_Trouble = tuple[str, str]
"""A key, and what is the matter."""


class PermissionCheck:
    """See that the registry can read its files, and nobody else its secrets.

    The registry is taken to run as the owner of the root folder, and with their group.

    Args:
        tree: What lies in the folder.
        root: The folder.
    """

    def __init__(self, tree: Tree, root: str) -> None:
        self._tree = tree
        self._root = os.path.abspath(root)

    async def check(self) -> None:
        """Look at all files and folders."""
        self._tree.begin("looking at permissions")
        entries = self._walk()
        while True:
            count, troubles = await self._tree.blocking(self._look, entries)
            for key, text in troubles:
                await self._tell(key, text)
            self._tree.count(count)
            if count < _BATCH:
                return

    def _look(self, entries: Iterator[_Trouble]) -> tuple[int, list[_Trouble]]:
        found = list(islice(entries, _BATCH))
        return len(found), [each for each in found if each[1]]

    def _walk(self) -> Iterator[_Trouble]:
        """Give all keys, each with what is the matter with it, if anything is."""
        owner = os.stat(self._root)
        waiting = [f"{self._root}/{_TOP}"]
        while waiting:
            path = waiting.pop()
            try:
                with os.scandir(path) as entries:
                    for entry in entries:
                        found = entry.stat(follow_symlinks=False)
                        key = entry.path.removeprefix(f"{self._root}/")
                        yield key, judge(key, found, owner)
                        if stat.S_ISDIR(found.st_mode):
                            waiting.append(entry.path)
            except FileNotFoundError:
                continue  # it went away
            except OSError as error:
                key = path.removeprefix(f"{self._root}/")
                yield key, f"the folder cannot be listed: {error.strerror}"

    async def _tell(self, key: str, text: str) -> None:
        path = f"{self._root}/{key}"

        async def mend() -> bool:
            await self._tree.blocking(os.chmod, path, stat.S_IRUSR | stat.S_IWUSR)
            return True

        if key.startswith(keys.SECRETS):
            await self._tree.findings.tell(
                "exposed-secret",
                key,
                text,
                "repair lets only its owner read it; whoever may have read it can do "
                "what it is for, so consider to remove it: a new one is made",
                mend,
            )
        else:
            await self._tree.findings.tell(
                "unreadable", key, text, "let the owner of the root folder read it"
            )


def judge(key: str, found: os.stat_result, owner: os.stat_result) -> str:
    """Say what is the matter with a file or folder; nothing where all is well."""
    mode = found.st_mode
    if key.startswith(keys.SECRETS) and stat.S_ISREG(mode):
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            return f"others may read it: its mode is {stat.S_IMODE(mode):04o}"
        if found.st_uid != owner.st_uid:
            return ""  # who may read it is told when it is read
    elif not stat.S_ISLNK(mode) and not _may_read(found, owner):
        return (
            f"user {owner.st_uid}, who owns the root folder, may not read it: its mode "
            f"is {stat.S_IMODE(mode):04o}, and user {found.st_uid} owns it"
        )
    return ""


def _may_read(found: os.stat_result, owner: os.stat_result) -> bool:
    needed = stat.S_IROTH
    if stat.S_ISDIR(found.st_mode):
        needed |= stat.S_IXOTH
    if owner.st_uid == 0:
        return True
    if found.st_uid == owner.st_uid:
        needed <<= 6
    elif found.st_gid == owner.st_gid:
        needed <<= 3
    return found.st_mode & needed == needed
