"""How a transfer ends: the status of the command, and one line for a person.

The same statuses go over SSH, from a command there to the one here.
"""

import errno
from enum import IntEnum
from typing import Final

from twisted.internet.defer import CancelledError

from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
)
from txregistry.model.errors import (
    BlobUnknown,
    Denied,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    NoRoom,
    RegistryError,
    TagInvalid,
    TagUnknown,
    Unauthorized,
    Unavailable,
    Unsupported,
    UpstreamSilent,
)
from txregistry.registry.replication.copying import NothingToCopy
from txregistry.storage.interfaces import StorageFull, StorageUnavailable
from txregistry.transfer.archives.refusals import (
    ArchiveAmbiguous,
    ArchiveRefused,
)


class Ending(IntEnum):
    """The status with which a command ends."""

    DONE = 0
    FAILED = 1
    """Something that nobody foresaw."""
    USAGE = 2
    """What was asked for is not understood, or cannot be."""
    NOT_FOUND = 3
    """There is no such image, repository or place."""
    REFUSED = 4
    """Who asks may not do that."""
    DAMAGED = 5
    """An archive or an image is not what it should be."""
    UNREACHABLE = 6
    """The other end, or a store, does not answer, or broke off."""
    NO_ROOM = 7
    """There is no room for it."""
    INTERRUPTED = 130
    """The command was told to end."""


class TransferFailed(Exception):
    """A transfer came to an end that is no good one.

    Args:
        ending: With which status.
        message: A sentence for a person.
    """

    def __init__(self, ending: Ending, message: str) -> None:
        super().__init__(message)
        self.ending = ending
        self.message = message


_SYSTEM: Final = {
    errno.ENOSPC: Ending.NO_ROOM,
    errno.EDQUOT: Ending.NO_ROOM,
    errno.EFBIG: Ending.NO_ROOM,
    errno.ENOENT: Ending.NOT_FOUND,
    errno.ENOTDIR: Ending.NOT_FOUND,
    errno.EACCES: Ending.REFUSED,
    errno.EPERM: Ending.REFUSED,
    errno.EROFS: Ending.REFUSED,
}
_ENDINGS: Final[tuple[tuple[tuple[type[BaseException], ...], Ending], ...]] = (
    ((CancelledError,), Ending.INTERRUPTED),
    ((StorageFull, NoRoom), Ending.NO_ROOM),
    (
        (StorageUnavailable, UpstreamUnavailable, Unavailable, UpstreamSilent),
        Ending.UNREACHABLE,
    ),
    ((Denied, Unauthorized, UpstreamRefused, Unsupported), Ending.REFUSED),
    (
        (ManifestUnknown, NameUnknown, TagUnknown),
        Ending.NOT_FOUND,
    ),
    (
        (ArchiveAmbiguous, NameInvalid, TagInvalid),
        Ending.USAGE,
    ),
    (
        # A part that is not there, of an image that is: that is damage as well.
        (ArchiveRefused, BlobUnknown, NothingToCopy, UpstreamFault, RegistryError),
        Ending.DAMAGED,
    ),
)


def ending_of(error: BaseException) -> tuple[Ending, str]:
    """Say how a failure ends a command, and what is told of it."""
    if isinstance(error, TransferFailed):
        return error.ending, error.message
    if isinstance(error, OSError):
        ending = _SYSTEM.get(error.errno or 0, Ending.FAILED)
        return ending, f"{error.strerror or error}: {error.filename or 'a stream'}."
    for kinds, ending in _ENDINGS:
        if isinstance(error, kinds):
            return ending, _message(error)
    return Ending.FAILED, f"An error that nobody foresaw: {type(error).__name__}."


def _message(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "It was broken off."
    if isinstance(error, RegistryError | ArchiveRefused):
        return error.message
    text = str(error)
    return text if text.endswith(".") else f"{text}."
