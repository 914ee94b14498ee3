"""Names of members: where they may be, and what they say of their content."""

import posixpath
import re
from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.tarballs import TarEntry
from txregistry.transfer.archives.limits import ArchiveLimits
from txregistry.transfer.archives.members import FILES, printable
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveTooLarge,
    ArchiveUnsupported,
)

LAYOUT: Final = "oci-layout"
INDEX: Final = "index.json"
MANIFEST: Final = "manifest.json"
REPOSITORIES: Final = "repositories"
BUNDLE: Final = "bundle.json"
DOCUMENTS: Final = frozenset((LAYOUT, INDEX, MANIFEST, REPOSITORIES, BUNDLE))
"""What says what the other members are."""

_BLOBS: Final = "blobs/"
_HEX: Final = "[0-9a-f]{64}"
_OLD: Final = re.compile(rf"{_HEX}/(?:json|VERSION)", re.ASCII)
_OLD_LAYER: Final = re.compile(rf"{_HEX}/layer\.tar", re.ASCII)
_LAYER: Final = re.compile(rf"\.\./{_HEX}(?:/layer)?\.tar", re.ASCII)
_NAMED: Final = re.compile(rf"({_HEX})\.json", re.ASCII)
_SYMLINK: Final = "2"
_KINDS: Final = {
    "1": "a hard link",
    "3": "a device",
    "4": "a device",
    "6": "a pipe",
    "S": "a sparse file",
}


def place_of(entry: TarEntry, limits: ArchiveLimits) -> str:
    """Say where a member is; the top of the archive is nothing.

    Raises:
        ArchiveMalformed: it would be outside of the archive, or is nowhere.
        ArchiveTooLarge: its name is too long.
    """
    name = entry.name
    if len(name) > limits.name:
        raise ArchiveTooLarge(
            f"The name of a member has more than {limits.name} characters: "
            f"{printable(name)}."
        )
    parts = name.removesuffix("/").split("/") if entry.is_directory else name.split("/")
    while parts and parts[0] == ".":
        del parts[0]
    if not all(parts) or {".", ".."} & {*parts} or not name.isprintable():
        raise ArchiveMalformed(
            f"A member of the archive has a name that none may have: {printable(name)}."
        )
    if not parts and not entry.is_directory:
        raise ArchiveMalformed("A member of the archive has no name.")
    return "/".join(parts)


def is_file(entry: TarEntry) -> bool:
    """Say whether a member is a file; if not, it is a link.

    Raises:
        ArchiveUnsupported: it is neither.
    """
    kind = "a sparse file" if entry.is_sparse else _KINDS.get(entry.typeflag)
    if kind is None and entry.typeflag in FILES:
        return True
    if kind is None and entry.typeflag == _SYMLINK:
        return False
    kind = kind or "of a kind that is not known here"
    raise ArchiveUnsupported(
        f"The member {printable(entry.name)} is {kind}; archives of images have none."
    )


def target_of(place: str, linkname: str) -> str:
    """Say where a link leads: from a layer to one of the same content.

    So old engines, and podman, write a layer that several images have.

    Raises:
        ArchiveUnsupported: it is something else.
    """
    if _OLD_LAYER.fullmatch(place) is None or _LAYER.fullmatch(linkname) is None:
        raise ArchiveUnsupported(
            f"The member {printable(place)} is a link to {printable(linkname)}; only "
            "those between layers are followed."
        )
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), linkname))


def is_passed_over(place: str) -> bool:
    """Say whether a file is one of version 1 that nobody reads any more."""
    return _OLD.fullmatch(place) is not None


def digest_of_blob(place: str) -> Digest | None:
    """Give the digest that the place of a blob says; None where it is no blob.

    Raises:
        ArchiveMalformed: it is among the blobs, and its place is no digest.
    """
    if not place.startswith(_BLOBS):
        return None
    algorithm, _, encoded = place.removeprefix(_BLOBS).partition("/")
    try:
        return Digest.parse(f"{algorithm}:{encoded}")
    except DigestInvalid:
        raise ArchiveMalformed(
            f"The member {printable(place)} is among the blobs and has no digest for "
            "a name."
        ) from None


def place_of_blob(digest: Digest) -> str:
    """Place a blob."""
    return f"{_BLOBS}{digest.algorithm}/{digest.encoded}"


def digest_of_config(place: str) -> Digest | None:
    """Give the digest that a config's name says, where it says one."""
    named = _NAMED.fullmatch(place)
    return None if named is None else Digest("sha256", named[1])
