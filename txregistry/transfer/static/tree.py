"""A folder that is written while others are served from it.

A file appears whole, by one rename, and is never changed: another takes its place. What
is as it should be is not touched. Everything here blocks and is called in a thread.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import stat as modes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from txregistry.storage.files import sync_folder, write_pieces
from txregistry.storage.reading import READ, faults
from txregistry.transfer.static.places import BLOBS, VERSION1, VERSION2, order
from txregistry.transfer.static.refusals import TreeRefused

CONTROL: Final = ".txregistry-export"
"""A folder of what is nobody's business but ours."""
_SCRATCH: Final = f"{CONTROL}/scratch"
_LOCK: Final = f"{CONTROL}/lock"
_KIND: Final = f"{CONTROL}/kind"
_SWEPT: Final = (BLOBS, VERSION1, VERSION2)
_PIECE: Final = 1024 * 1024
_UNLINKABLE: Final = frozenset(
    {
        errno.EACCES,
        errno.EINVAL,
        errno.EMLINK,
        errno.ENOENT,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EXDEV,
    }
)
"""Why there can be no other name of a file."""


@dataclass(slots=True)
class Changes:
    """What was changed in a folder.

    Attributes:
        written: Files that are new, or others than before.
        copied: Bytes that were written for them, where no link would do.
        removed: Files that are gone.
    """

    written: int = 0
    copied: int = 0
    removed: int = 0


class StaticTree:
    """Write the files of a folder.

    Args:
        root: The folder; it is made if need be.
        kind: What is written to it; it has that for good.
    """

    def __init__(self, root: str, kind: str) -> None:
        self._root = os.path.abspath(root)
        self._kind = kind
        self._wanted: set[str] = set()
        self._known: set[str] = set()
        self._unsettled: set[str] = set()
        self._lock = -1
        self.changes = Changes()

    def begin(self) -> None:
        """Take possession of the folder.

        Raises:
            TreeRefused: it has other things in it, or somebody else writes to it.
            StorageUnavailable: it cannot be written to.
        """
        with faults(self._root, absence=False):
            os.makedirs(self._root, exist_ok=True)
            entries = os.listdir(self._root)
            if entries and CONTROL not in entries:
                raise TreeRefused(
                    f"{self._root} has other things in it than an export; choose an "
                    "empty folder, or one that does not exist."
                )
            self._folder(CONTROL)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock = os.open(self._path(_LOCK), flags, 0o666)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TreeRefused(
                    f"Another export writes to {self._root} at this moment."
                ) from None
            shutil.rmtree(self._path(_SCRATCH), ignore_errors=True)
            self._folder(_SCRATCH)
            self._check_kind()

    def end(self) -> None:
        """Let go of the folder; harmless the second time."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def has(self, place: str, size: int) -> bool:
        """Want a file, and say whether there is one of that many bytes."""
        self._wanted.add(place)
        found = self._look(place)
        return found is not None and found.st_size == size

    def adopt(self, place: str, descriptor: int) -> bool:
        """Let an open file have a name in the folder.

        Returns:
            False where that cannot be, as it lies in another file system, say.
        """
        with faults(place, absence=False):
            scratch = self._scratch()
            try:
                # Without a folder that is not needed, Python would not follow.
                os.link(
                    f"/proc/self/fd/{descriptor}",
                    scratch,
                    src_dir_fd=descriptor,
                    follow_symlinks=True,
                )
            except OSError as error:
                if error.errno not in _UNLINKABLE:
                    raise
                return False
            self._publish(scratch, place)
            return True

    def put(self, place: str, data: bytes) -> None:
        """Let a file be there that has some bytes."""
        self._wanted.add(place)
        found = self._look(place)
        with faults(place, absence=False):
            if found is not None and found.st_size == len(data):
                with open(self._path(place), "rb") as file:
                    if file.read() == data:
                        return
            with self.new(place) as file:
                file.write([data])

    def link(self, place: str, target: str, *, by_digest: bool = False) -> None:
        """Let a file be there that is another one of the folder, by a second name.

        Args:
            place: The second name.
            target: The first one.
            by_digest: Whether the second is never anything else either: then a copy is
                known by its size.
        """
        self._wanted.add(place)
        with faults(place, absence=False):
            wanted, found = os.lstat(self._path(target)), self._look(place)
            if found is not None and os.path.samestat(wanted, found):
                return
            descriptor = os.open(self._path(target), READ | os.O_NOFOLLOW)
            try:
                is_copy = found is not None and found.st_size == wanted.st_size
                if is_copy and (by_digest or _is_same(descriptor, self._path(place))):
                    return  # there could be no further name
                if self.adopt(place, descriptor):
                    return
                with self.new(place) as file:
                    os.lseek(descriptor, 0, os.SEEK_SET)
                    while piece := os.read(descriptor, _PIECE):
                        file.write([piece])
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def new(self, place: str) -> Iterator["NewFile"]:
        """Write a file within the block; it is there at its end."""
        file = self.create()
        try:
            yield file
            self.finish(file, place)
        finally:
            file.discard()

    def create(self) -> "NewFile":
        """Begin a file that has no name yet; whoever does so discards it in the end."""
        with faults("a new file", absence=False):
            return NewFile(self._scratch())

    def finish(self, file: "NewFile", place: str) -> None:
        """Let a file that was begun have its name."""
        with faults(place, absence=False):
            file.close()
            self._publish(file.path, place)
            self.changes.copied += file.size

    def settle(self) -> None:
        """Make all names durable that files got so far."""
        with faults(self._root, absence=False):
            folders, self._unsettled = self._unsettled, set()
            for folder in sorted(folders):
                sync_folder(folder)

    def sweep(self) -> None:
        """Remove what nobody wanted since the beginning, and empty folders."""
        with faults(self._root, absence=False):
            unwanted = sorted(self._unwanted(), key=lambda place: (order(place), place))
            last = 0
            for place in unwanted:
                if order(place) != last:  # what led here must be gone for good
                    self.settle()
                    last = order(place)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path(place))
                self._unsettled.add(os.path.dirname(self._path(place)))
                self.changes.removed += 1
            self.settle()
            for top in _SWEPT:
                self._prune(self._path(top))

    def _unwanted(self) -> Iterator[str]:
        for top in _SWEPT:
            for folder, folders, names in os.walk(self._path(top)):
                inner = os.path.relpath(folder, self._root)
                links = (n for n in folders if os.path.islink(f"{folder}/{n}"))
                for name in (*names, *links):
                    if f"{inner}/{name}" not in self._wanted:
                        yield f"{inner}/{name}"

    def _prune(self, folder: str) -> None:
        try:
            with os.scandir(folder) as entries:
                inner = [e.path for e in entries if e.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return
        for path in inner:
            self._prune(path)
        with contextlib.suppress(OSError):  # it has something in it
            os.rmdir(folder)

    def _check_kind(self) -> None:
        try:
            with open(self._path(_KIND), encoding="ascii") as file:
                found = file.read(99)
        except FileNotFoundError:
            with self.new(_KIND) as new:
                new.write([self._kind.encode("ascii")])
            self.settle()
            return
        if found != self._kind:
            raise TreeRefused(
                f"{self._root} was written by another kind of export; choose another "
                "folder."
            )

    def _look(self, place: str) -> os.stat_result | None:
        try:
            found = os.lstat(self._path(place))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found if modes.S_ISREG(found.st_mode) else None

    def _publish(self, scratch: str, place: str) -> None:
        path = self._path(place)
        self._folder(os.path.dirname(place))
        os.rename(scratch, path)
        self._unsettled.add(os.path.dirname(path))
        if not place.startswith(CONTROL):
            self.changes.written += 1

    def _folder(self, place: str) -> None:
        """Make a folder, with those above it, none of which may be a link."""
        if not place or place in self._known:
            return
        self._folder(os.path.dirname(place))
        path = self._path(place)
        try:
            os.mkdir(path)
            self._unsettled.add(os.path.dirname(path))
        except FileExistsError:
            if not modes.S_ISDIR(os.lstat(path).st_mode):
                raise TreeRefused(
                    f"{path} is in the way: it must be a folder, and no link."
                ) from None
        self._known.add(place)

    def _scratch(self) -> str:
        return self._path(f"{_SCRATCH}/{uuid4().hex}")

    def _path(self, place: str) -> str:
        return os.path.join(self._root, place)


class NewFile:
    """A file that has no name yet.

    Args:
        path: Where it is meanwhile.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o666)

    def write(self, pieces: list[bytes]) -> None:
        """Write some bytes."""
        with faults("a new file", absence=False):
            write_pieces(self._descriptor, pieces)
        self.size += sum(map(len, pieces))

    def close(self) -> None:
        """Make it durable."""
        descriptor, self._descriptor = self._descriptor, -1
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def discard(self) -> None:
        """Remove it, unless it has got its name."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def _is_same(descriptor: int, path: str) -> bool:
    """Say whether an open file has the same content as another one."""
    offset = 0
    with open(path, "rb") as file:
        while True:
            ours = os.pread(descriptor, _PIECE, offset)
            if ours != file.read(_PIECE):
                return False
            if not ours:
                return True
            offset += len(ours)
