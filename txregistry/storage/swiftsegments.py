"""Segments of large objects in Swift: how they are named, and what manifests name.

The layout is that of CNCF Distribution 2, whose ``segments/`` lies beside its
``files/``: below it, a folder for each object that is written in segments.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from txregistry.storage.interfaces import Key, StorageUnavailable
from txregistry.storage.swiftanswers import Outcome
from txregistry.storage.swiftcontainer import SwiftContainer

_MANIFEST_LIMIT: Final = 8 * 1024 * 1024
_DEPTH: Final = 4
"""Manifests in manifests at most: each is a thousand of those below it."""
_EMPTY_SUM: Final = hashlib.sha1(b"", usedforsecurity=False).digest()
_CHANCE: Final = 32
_AREA: Final = "X-Object-Meta-Txregistry-Area"


class Segment(msgspec.Struct, array_like=True, frozen=True):
    """Part of a large object.

    Attributes:
        name: Where it lies in the container.
        etag: What the service said of its content.
        size: Its bytes; a segment is never empty.
    """

    name: str
    etag: str
    size: int

    @property
    def folder(self) -> str:
        """The folder that it lies in."""
        return folder_of(self.name)


class _Line(msgspec.Struct):
    """A line of a manifest as it is given back."""

    name: str = ""
    sub_slo: bool = False


_LINES: Final = msgspec.json.Decoder(list[_Line])


class SwiftSegments:
    """Name segments, and find out what manifests name.

    Args:
        container: Where all of it is.
        prefix: What all names there begin with; names joined by ``/``.
        dynamic: Whether they are for dynamic manifests, as Distribution 2 has them.
        new_bytes: Gives random bytes, given how many.
    """

    def __init__(
        self,
        container: SwiftContainer,
        prefix: str = "",
        *,
        dynamic: bool = False,
        new_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._container = container
        self.dynamic = dynamic
        self._new_bytes = new_bytes
        prefix = f"{prefix.strip('/')}/".lstrip("/")
        self.root = f"{prefix}segments/"
        self._finals = f"{prefix}finals/"

    def home(self, area: Key) -> str:
        """Give what the names of all segments of a staging area begin with.

        It can be told from the area's key, so that what a crash left is found again.
        """
        if self.dynamic:
            return self._split(f"/{area}".encode().hex())
        found = hashlib.sha256(area.encode()).hexdigest()[:32]
        return f"{self._split(found)}/"

    def new_folder(self, area: Key) -> str:
        """Make a folder for the segments of what is begun anew in an area."""
        if self.dynamic:
            text = f"/{area}".encode() + self._new_bytes(_CHANCE) + _EMPTY_SUM
            return f"{self._split(text.hex())}/"
        return f"{self.home(area)}{self.new_word()}/"

    def new_name(self, folder: str, number: int) -> str:
        """Name a segment.

        For a static manifest nothing was named so before: a late writer meets nobody.
        """
        if self.dynamic:
            return f"{folder}{number + 1:016}"
        return f"{folder}{number + 1:06}-{self.new_word()}"

    def new_word(self) -> str:
        """Make what nobody else has."""
        return self._new_bytes(8).hex()

    def final_name(self, folder: str) -> str:
        """Name the note of what is, or may be, made of a folder's segments."""
        found = hashlib.sha256(folder.encode()).hexdigest()[:32]
        return f"{self._finals}{found[:3]}/{found[3:]}"

    def headers(self, area: Key) -> dict[str, str]:
        """Give what is said with a segment, for whoever sweeps."""
        return {
            "Content-Type": "application/octet-stream",
            _AREA: quote(area, safe="/"),
        }

    async def area_of(self, segment: str) -> Key | None:
        """Find the staging area that a segment was written for."""
        found = await self._container.head(segment)
        text = "" if found is None else unquote(found.header(_AREA))
        return Key(text) if text else None

    async def named_by(self, name: str) -> set[str]:
        """Find the segments that a large object consists of, and inner manifests.

        Returns:
            Their names as far as they are ours; of a dynamic one, its folder. Nothing
            where there is no such object, or it is not large.
        """
        found = await self._container.head(name)
        names: set[str] = set()
        if found is None:
            return names
        folder = self.dynamic_folder(found)
        if folder is not None:
            names.add(folder)
        if found.header("X-Static-Large-Object"):
            await self._gather(name, names, _DEPTH)
        return {each for each in names if each.startswith(self.root)}

    def dynamic_folder(self, found: Outcome) -> str | None:
        """Give the folder of the segments that a dynamic manifest takes.

        Returns:
            The folder; None where it is no such manifest, or they are not ours.
        """
        text = unquote(found.header("X-Object-Manifest"))
        container, _, prefix = text.partition("/")
        depth = prefix.rstrip("/").count("/") - self.root.count("/")
        if container != self._container.name or depth != 1:
            return None
        return f"{prefix.rstrip('/')}/" if prefix.startswith(self.root) else None

    def written_to(self, folder: str) -> str:
        """Read back the path that a dynamic object was written to, from its folder."""
        digits = folder.removeprefix(self.root).replace("/", "")
        try:
            return bytes.fromhex(digits)[: -_CHANCE - len(_EMPTY_SUM)].decode()
        except ValueError:
            return ""

    def _split(self, digits: str) -> str:
        return f"{self.root}{digits[:3]}/{digits[3:]}"

    async def _gather(self, name: str, names: set[str], depth: int) -> None:
        query = "multipart-manifest=get"
        found = await self._container.get(name, _MANIFEST_LIMIT, query)
        if found is None:
            return
        try:
            lines = _LINES.decode(found.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StorageUnavailable(
                f"{self._container.place} gave no manifest"
            ) from None
        here = f"/{self._container.name}/"
        for line in lines:
            inner = line.name.removeprefix(here)
            if line.name.startswith(here) and inner not in names:
                names.add(inner)
                if line.sub_slo and depth:
                    await self._gather(inner, names, depth - 1)


def folder_of(name: str) -> str:
    """Give the folder that a name lies in, with ``/`` at its end."""
    return f"{name.rpartition('/')[0]}/"


def folders_of(names: Iterable[str]) -> list[str]:
    """Give the folders that names lie in, each once, in order."""
    return list(dict.fromkeys(map(folder_of, names)))
