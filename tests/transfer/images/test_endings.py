"""Tests of ``txregistry/transfer/images/endings.py``."""

import errno
import os

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.errors import (
    BlobUnknown,
    Denied,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    NoRoom,
    Unavailable,
    Unsupported,
)
from txregistry.storage.interfaces import StorageFull, StorageUnavailable
from txregistry.transfer.archives.refusals import (
    ArchiveAmbiguous,
    ArchiveIncomplete,
    ArchiveTruncated,
)
from txregistry.transfer.images.endings import Ending, TransferFailed, ending_of

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x")


class EndingTests(SynchronousTestCase):
    def test_statuses_are_what_documents_say(self) -> None:
        self.assertEqual([*map(int, Ending)], [0, 1, 2, 3, 4, 5, 6, 7, 130])

    def test_failures(self) -> None:
        for error, ending in (
            (TransferFailed(Ending.REFUSED, "No."), Ending.REFUSED),
            (CancelledError(), Ending.INTERRUPTED),
            (StorageFull("x"), Ending.NO_ROOM),
            (NoRoom("x"), Ending.NO_ROOM),
            (FULL, Ending.NO_ROOM),
            (FileNotFoundError(errno.ENOENT, "x"), Ending.NOT_FOUND),
            (PermissionError(errno.EACCES, "x"), Ending.REFUSED),
            (OSError("x"), Ending.FAILED),
            (StorageUnavailable("x"), Ending.UNREACHABLE),
            (UpstreamUnavailable("host", "is away"), Ending.UNREACHABLE),
            (Unavailable("x"), Ending.UNREACHABLE),
            (UpstreamRefused("host", "does not let us in"), Ending.REFUSED),
            (Denied("x"), Ending.REFUSED),
            (Unsupported("x"), Ending.REFUSED),
            (ManifestUnknown("x"), Ending.NOT_FOUND),
            (NameUnknown("x"), Ending.NOT_FOUND),
            (ArchiveAmbiguous("x"), Ending.USAGE),
            (ArchiveTruncated("x"), Ending.DAMAGED),
            (ArchiveIncomplete("x"), Ending.DAMAGED),
            (ManifestInvalid("x"), Ending.DAMAGED),
            (BlobUnknown("x"), Ending.DAMAGED),
            (UpstreamWrong("host", "is wrong"), Ending.DAMAGED),
            (BrokenPipeError(errno.EPIPE, "Broken pipe"), Ending.FAILED),
            (ZeroDivisionError("secret"), Ending.FAILED),
        ):
            with self.subTest(error=error):
                self.assertIs(ending_of(error)[0], ending)

    def test_messages(self) -> None:
        self.assertEqual(ending_of(FULL)[1], "No space left on device: /x.")
        self.assertEqual(ending_of(StorageUnavailable("It is away"))[1], "It is away.")
        self.assertEqual(ending_of(ArchiveTruncated("Cut off."))[1], "Cut off.")
        self.assertNotIn("secret", ending_of(ZeroDivisionError("secret"))[1])
