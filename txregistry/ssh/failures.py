"""How a failure ends a command: with which status, and with what sentence.

Nothing of what a store or a library says goes to the client: that is for the log.
"""

from typing import Final

from twisted.internet.defer import CancelledError, FirstError
from twisted.logger import Logger

from txregistry.model.errors import RegistryError
from txregistry.model.printable import printable
from txregistry.ssh.requests import RequestInvalid
from txregistry.storage.interfaces import StorageFull, StorageUnavailable
from txregistry.transfer.archives.refusals import ArchiveRefused
from txregistry.transfer.images.endings import Ending, TransferFailed, ending_of

_log: Final = Logger()
_LONGEST: Final = 1000


def explain(error: BaseException) -> tuple[Ending, str]:
    """Say how a failure ends a command, and what the client is told: one line."""
    if isinstance(error, FirstError) and error.subFailure.value is not None:
        error = error.subFailure.value  # of several awaited at once
    if isinstance(error, RequestInvalid):
        return Ending.USAGE, str(error)
    if isinstance(error, CancelledError):
        return Ending.INTERRUPTED, "It was broken off."
    if isinstance(error, RegistryError | ArchiveRefused | TransferFailed):
        return ending_of(error)[0], printable(error.message[:_LONGEST])
    if isinstance(error, StorageFull):
        _log.error("The store is full: {error}", error=printable(str(error)))
        return Ending.NO_ROOM, "The registry has no room left; ask whoever runs it."
    if isinstance(error, StorageUnavailable):
        _log.error("The store cannot be used: {error}", error=printable(str(error)))
        return Ending.UNREACHABLE, (
            "The registry's store cannot be used; try again later."
        )
    _log.failure("An unforeseen failure of a command by SSH")
    return Ending.FAILED, "The registry failed; whoever runs it finds why in its log."
