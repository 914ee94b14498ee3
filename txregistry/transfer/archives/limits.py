"""How much an archive may have of everything."""

from dataclasses import dataclass
from typing import Final

from txregistry.model.manifests import MAX_SIZE

_GIB: Final = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may have of everything.

    Attributes:
        members: Files, links and folders.
        name: Characters in the name of one.
        extended: Bytes of what extends a member's header, such as a long name.
        document: Bytes of a document that is read: a manifest, a config, a list.
        manifests: Manifests and indexes that it may bring, each counted once.
        size: Bytes of the archive, unpacked if it is packed.
        unpacked: Bytes that a layer in it may unpack to.
        trailing: Bytes of zeros that may follow its end.
    """

    members: int = 8192
    name: int = 255
    extended: int = 64 * 1024
    document: int = MAX_SIZE
    manifests: int = 1000
    size: int = 1024 * _GIB
    unpacked: int = 64 * _GIB
    trailing: int = 1024 * 1024


LIMITS: Final = ArchiveLimits()
"""What is enough for everything that engines save."""
