"""Objects as local files."""

import contextlib
import os
import re
import shutil
import stat as modes
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from zope.interface import implementer

from txregistry.storage.evidence import IWitnessed, Witness
from txregistry.storage.files import Publisher, sync_folder
from txregistry.storage.folders import Folders, Identity, page
from txregistry.storage.interfaces import (
    Health,
    IFolders,
    IObjectStore,
    IProof,
    IStagingArea,
    Key,
    NotFound,
    Page,
    Stat,
    TooLarge,
)
from txregistry.storage.proof import FoldersProof
from txregistry.storage.reading import (
    READ,
    faults,
    open_file,
    read_cached,
    stat_file,
)
from txregistry.storage.room import Room, free_bytes
from txregistry.storage.small import SmallFiles
from txregistry.storage.staging import StagingFile, path_of_mark
from txregistry.storage.watch import Watch
from txregistry.streams import IReader
from txregistry.tasks import Blocking

_STALE: Final = 24 * 3600.0
"""Seconds after which what a crash left in the scratch folder is nobody's any more."""


@implementer(IObjectStore, IFolders, IWitnessed)
class FilesystemObjectStore:
    """Keep objects as files below a folder, at paths that are their keys.

    Small reads of what the kernel has in memory happen at once; whatever would wait
    for a disk happens in a thread.

    Args:
        root: The folder; it is made if need be.
        scratch: The key of a folder below it for what has no name yet.
        blocking: Where work goes that waits for a disk.
        companions: See `Publisher`.
        floor: Bytes of free space below which nothing more is taken in.
        vital: How keys begin that are written all the same: what makes room needs it.
        secrets: What is put below this prefix, nobody else on the machine may read.
        lasting: The keys of folders that stay, though they may be empty.
        fleeting: How keys begin of what need not outlast a power failure.
    """

    flat = False

    def __init__(
        self,
        root: str,
        scratch: str,
        blocking: Blocking,
        companions: Mapping[str, str],
        floor: int = 0,
        vital: tuple[str, ...] = (),
        secrets: str | None = None,
        lasting: tuple[str, ...] = (),
        fleeting: re.Pattern[str] | None = None,
    ) -> None:
        self._root = os.path.abspath(root)
        self._scratch = os.path.join(self._root, scratch.rstrip("/"))
        self._blocking = blocking
        self._room = Room(self._root, floor)
        self._vital = tuple(map(self._path, vital))
        self._secrets = None if secrets is None else self._path(secrets)
        self._lasting = tuple(self._path(key.rstrip("/")) for key in lasting)
        self._fleeting = fleeting
        self.folders: IFolders = self
        self._folders = Folders()
        self._watch = Watch(self._root)
        self.witness = Witness()
        self._small = SmallFiles(self.witness)
        self._publisher = Publisher(self._root, self._scratch, companions)
        with faults(self._root, absence=False):
            os.makedirs(self._scratch, exist_ok=True)
            self._sweep_scratch(_STALE)

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        path = self._path(key)
        self.witness.look(path)
        with faults(key):
            found = os.stat(path)
        self.witness.saw(path, found)
        return _stat(key, found)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        path = self._path(key)
        self.witness.look(path)
        with faults(key):
            try:
                remembered = self._small.remembered(path)
                if remembered is not None and len(remembered) <= limit:
                    return remembered
                descriptor = os.open(path, READ)
            except FileNotFoundError:
                self.witness.missed(path)
                raise
            try:
                stat = stat_file(key, descriptor)
                if stat.st_size > limit:
                    raise TooLarge(key)
                data = read_cached(descriptor, 0, stat.st_size)
                if len(data) < stat.st_size:
                    data = await self._blocking(os.pread, descriptor, stat.st_size, 0)
                self._small.remember(path, stat, data)
                return data
            finally:
                os.close(descriptor)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        self.witness.look(key)
        with faults(key):
            return open_file(key, self._path(key), start, stop, self._blocking)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        with faults(key, absence=False):
            return await self._blocking(self._put, key, data, if_absent)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`: a file finds its final place without being copied."""
        del final
        return StagingFile(key, self._path, self._publisher, self._blocking, self._room)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        with faults("objects to delete", absence=False):
            await self._blocking(self._delete, tuple(keys))

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        self.witness.look(prefix)
        if not delimiter:
            path = self._path(prefix.rstrip("/"))
            with faults(prefix):
                return await self._blocking(self._walk, path, prefix, after, limit)
        (names,) = await self.names((prefix,))
        if after.startswith(prefix):
            after = after[len(prefix) :]
        elif after > prefix:
            return Page((), more=False)
        else:
            after = ""
        found, more = page(names, after, limit)
        return Page(tuple(prefix + name for name in found), more)

    async def names(self, prefixes: Sequence[str]) -> Sequence[Sequence[str]]:
        """See `IFolders`: what was listed before takes no thread."""
        paths = [self._path(prefix.rstrip("/")) for prefix in prefixes]
        self.witness.look("folders")
        with faults("folders"):
            found = [self._remembered(path) for path in paths]
            missing = [
                path for path, names in zip(paths, found, strict=True) if names is None
            ]
            read = iter(
                await self._blocking(self._read_folders, missing) if missing else ()
            )
        return [next(read) if names is None else names for names in found]

    def proof(self, listings: Mapping[str, Sequence[str]]) -> IProof | None:
        """See `IFolders`."""
        identities: dict[str, Identity] = {}
        for prefix, names in listings.items():
            path = self._path(prefix.rstrip("/"))
            identity = self._folders.identity(path, names)
            if identity is None:
                return None
            identities[path] = identity
        return FoldersProof(self._root, identities, self._watch)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        del key, method, lifetime
        return None

    async def check(self) -> Health:
        """See `IObjectStore`."""
        with faults(self._root, absence=False):
            return await self._blocking(self._probe)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`."""
        with faults(self._root, absence=False):
            return await self._blocking(self._sweep_scratch, age, dry_run)

    def _remembered(self, path: str) -> Sequence[str] | None:
        try:
            return self._folders.remembered(path)
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def _read_folders(self, paths: Iterable[str]) -> Iterable[Sequence[str]]:
        return [self._folders.listing(path) for path in paths]

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _put(self, key: Key, data: bytes, if_absent: bool) -> bool:  # noqa: FBT001
        path = self._path(key)
        if not path.startswith(self._vital):
            self._room.take(len(data))
        secret = self._secrets is not None and path.startswith(self._secrets)
        mode = 0o600 if secret else 0o666
        return self._publisher.write(
            path,
            data,
            if_absent=if_absent,
            mode=mode,
            durable=not self._is_fleeting(key),
        )

    def _walk(self, path: str, prefix: str, after: str, limit: int) -> Page:
        found = list(islice(self._folders.walk(path, prefix, after), limit + 1))
        return Page(tuple(found[:limit]), len(found) > limit)

    def _delete(self, keys: Sequence[Key]) -> None:
        emptied: set[str] = set()
        for key in keys:
            path = self._path(key)
            try:
                os.unlink(path)
            except (NotADirectoryError, IsADirectoryError):
                continue
            except FileNotFoundError:
                pass  # a crash may have left its folder
            if self._is_fleeting(key):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path_of_mark(path))
                emptied.add(os.path.dirname(path))
            else:
                sync_folder(self._prune(os.path.dirname(path)))
        for folder in emptied:
            self._prune(folder)

    def _prune(self, folder: str) -> str:
        within = [each for each in self._lasting if f"{folder}/".startswith(f"{each}/")]
        stays = max(within, key=len, default=self._root)
        return self._publisher.prune(folder, stays)

    def _is_fleeting(self, key: Key) -> bool:
        return self._fleeting is not None and self._fleeting.match(key) is not None

    def _probe(self) -> Health:
        path = self._publisher.scratch_path()
        with open(path, "wb") as file:
            file.write(b"probe")
        os.unlink(path)
        return Health(free=free_bytes(self._root))

    def _sweep_scratch(self, age: float, dry_run: bool = False) -> int:  # noqa: FBT001, FBT002
        now, count = time.time(), 0
        with os.scandir(self._scratch) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if now - entry.stat(follow_symlinks=False).st_mtime < age:
                        continue
                    count += 1
                    if dry_run:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path)
                    else:
                        os.unlink(entry.path)
        return count


def _stat(key: Key, found: os.stat_result) -> Stat:
    if not modes.S_ISREG(found.st_mode):
        raise NotFound(key)
    return Stat(
        found.st_size,
        found.st_mtime,
        (found.st_ino, found.st_size, found.st_mtime_ns),
    )
