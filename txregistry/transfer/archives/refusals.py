"""Why an archive is refused: one class for each kind, one sentence for a person."""


class ArchiveRefused(Exception):
    """An archive cannot be taken.

    Args:
        message: A sentence for the person who sent it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ArchiveMalformed(ArchiveRefused):
    """It is no archive of images, or one that contradicts itself."""


class ArchiveWrongDigest(ArchiveRefused):
    """Something in it is not what its digest says."""


class ArchiveTooLarge(ArchiveRefused):
    """It, or something in it, has more of something than it may."""


class ArchiveTruncated(ArchiveRefused):
    """It ends before its end."""


class ArchiveUnsupported(ArchiveRefused):
    """It may be right, and yet nothing here can read it."""


class ArchiveAmbiguous(ArchiveRefused):
    """It has several images, and nobody said which is wanted."""


class ArchiveIncomplete(ArchiveRefused):
    """It lacks what the repository has not either."""
