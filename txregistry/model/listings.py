"""What a layer holds, and what it does to the layers below it.

Source: Docker Registry API v1, ``GET /v1/images/<id>/files`` and ``/diff``; OCI
image-spec 1.1, "Whiteouts". The original server saw whiteouts only at the root.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from txregistry.model.tarballs import TarEntry

MAX_PATH: Final = 4096
"""Characters of a path: no system takes longer ones."""

MAX_PATHS: Final = 500_000
"""Paths that the layers below one have in the end: they are all in memory at once."""

MAX_TEXT: Final = 64 * 1024 * 1024
"""Characters that these have together."""

_WHITEOUT: Final = ".wh."
_AUFS: Final = ".wh..wh."
_OPAQUE: Final = ".wh..wh..opq"
_DIRECTORY: Final = "d"
_TYPES: Final = {
    "0": "f",
    "\0": "f",
    "1": "l",
    "2": "s",
    "3": "c",
    "4": "b",
    "5": _DIRECTORY,
    "6": "i",
    "7": "t",
    "S": "S",
}
_UNKNOWN: Final = "u"
_PERMISSIONS: Final = 0o7777


class ListingTooLarge(ValueError):
    """A layer, or what is below it, has more paths than a listing may."""


class FileInfo(NamedTuple):
    """A path in a layer: an item of the answer.

    Attributes:
        path: From the root, ``/`` first; no slash at the end of a directory's.
        type: One letter.
        deleted: Whether the layer takes away what other layers have there.
        size: Bytes of content.
        mtime: Seconds since 1970.
        mode: Permissions, without the bits of the type.
        uid: Of its owner.
        gid: Of its group.
    """

    path: str
    type: str
    deleted: bool
    size: int
    mtime: int
    mode: int
    uid: int
    gid: int


Change = tuple[str, bool, int, int, int, int, int]
"""`FileInfo` without the path."""


class FileListing:
    """The paths of a layer: a visitor of its archive.

    Args:
        max_entries: How many there may be.
        max_text: Characters that they may have together.

    Attributes:
        files: In the archive's order, without what is only for a file system's driver.
        opaque: Directories that show nothing of the layers below.
    """

    def __init__(self, max_entries: int, max_text: int) -> None:
        self._entries_left = max_entries
        self._text_left = max_text
        self.files: list[FileInfo] = []
        self.opaque: set[str] = set()

    def entry(self, entry: TarEntry) -> None:
        """List an entry.

        Raises:
            ListingTooLarge: it is one too many, or its name is too long.
        """
        self._entries_left -= 1
        self._text_left -= len(entry.name)
        if min(self._entries_left, self._text_left, MAX_PATH - len(entry.name)) < 0:
            raise ListingTooLarge
        parts = [
            part for part in _shown(entry.name).split("/") if part not in ("", ".")
        ]
        name = parts.pop() if parts else ""
        parent = "".join(f"/{part}" for part in parts)
        if name == _OPAQUE and not _is_of_aufs(parts):
            self.opaque.add(parent or "/")
        elif not _is_of_aufs([*parts, name]):
            self._list(entry, parent, name)

    def content(self, data: memoryview) -> None:
        """Pass over what a file holds."""

    def by_path(self) -> dict[str, FileInfo]:
        """Give what is at each path in the end.

        Of one path's entries the last one counts, but whiteouts are for lower layers:
        what the layer has itself is there.
        """
        found: dict[str, FileInfo] = {}
        for info in sorted(self.files, key=lambda info: not info.deleted):
            found[info.path] = info
        return found

    def whiteouts(self) -> set[str]:
        """Give the paths that the layer takes away from those below it."""
        return {info.path for info in self.files if info.deleted}

    def _list(self, entry: TarEntry, parent: str, name: str) -> None:
        deleted = name.startswith(_WHITEOUT)
        if deleted:
            name = name.removeprefix(_WHITEOUT)
            if name in ("", ".", ".."):
                return
        kind = (
            _DIRECTORY if entry.is_directory else _TYPES.get(entry.typeflag, _UNKNOWN)
        )
        mode = entry.mode & _PERMISSIONS
        numbers = entry.size, entry.mtime, mode, entry.uid, entry.gid
        self.files.append(FileInfo(f"{parent}/{name}", kind, deleted, *numbers))


def _is_of_aufs(parts: Iterable[str]) -> bool:
    """Whether an entry is a driver's own, or below one."""
    return any(part.startswith(_AUFS) for part in parts)


def _shown(name: str) -> str:
    """Replace what is not UTF-8: JSON has no place for it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def diff(
    listing: FileListing, below: Iterable[FileListing], max_paths: int = MAX_PATHS
) -> dict[str, dict[str, Change]]:
    """Say what a layer does to those below it.

    Args:
        listing: Of the layer.
        below: Of the others, the base first. Each is used once: they may be made as
            they are taken.
        max_paths: How many paths they may have in the end.

    Returns:
        Under ``created``, ``changed`` and ``deleted``, paths and what the layer has
        there. What goes because the layer begins its directory anew is deleted too, and
        shown as it was below; what was inside of that is not shown again.

    Raises:
        ListingTooLarge: those below have more paths, or longer ones, than they may.
    """
    base: dict[str, FileInfo] = {}
    for each in below:
        _apply(each, base)
        if len(base) > max_paths or sum(map(len, base)) > MAX_TEXT:
            raise ListingTooLarge
    changes: dict[str, dict[str, Change]] = {
        "created": {},
        "changed": {},
        "deleted": {},
    }
    own = listing.by_path()
    anew = {path for path in listing.whiteouts() if not own[path].deleted}
    gone = (path for path in _covered(base, anew | listing.opaque) if path not in own)
    for path in _outermost(gone):
        changes["deleted"][path] = base[path]._replace(deleted=True)[1:]
    for path, info in own.items():
        if info.deleted:
            changes["deleted"][path] = info[1:]
        else:
            changes["changed" if path in base else "created"][path] = info[1:]
    return changes


def _apply(listing: FileListing, base: dict[str, FileInfo]) -> None:
    """Put a layer on top of others."""
    own = listing.by_path()
    replaced = {
        path
        for path in own.keys() & base.keys()
        if base[path].type == _DIRECTORY != own[path].type
    }
    for path in _covered(base, replaced | listing.whiteouts() | listing.opaque):
        del base[path]
    for path, info in own.items():
        if info.deleted:
            base.pop(path, None)
        else:
            base[path] = info


def _key(path: str) -> str:
    """Make paths sort so that what is in a directory follows it at once."""
    return path.rstrip("/").replace("/", "\0")


def _covered(base: Iterable[str], hiding: set[str]) -> list[str]:
    """Give the paths that lie in some directory of others, in the order of `_key`."""
    if not hiding:
        return []
    outermost = _outermost(sorted(hiding, key=_key))
    paths = sorted(base, key=_key)
    keys = [_key(path) for path in paths]
    covered: list[str] = []
    for path in outermost:
        start = bisect_left(keys, _key(path) + "\0")
        stop = bisect_left(keys, _key(path) + "\1")
        covered += paths[start:stop]
    return covered


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Leave out what lies in another path; they come in the order of `_key`."""
    last: str | None = None
    for path in paths:
        if last is None or not _key(path).startswith(last):
            last = _key(path) + "\0"
            yield path
