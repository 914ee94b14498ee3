"""What a client can be told: one class for each failure of the protocol.

The codes are those of OCI Distribution 1.1, section "Error Codes", and a few that
registries have always used beside them. A class knows its code, never its status:
``web/errors.py`` has the one table of those.
"""

from enum import StrEnum
from typing import ClassVar, final


class ErrorCode(StrEnum):
    """The ``code`` of an entry of the protocol's error document."""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    DIGEST_INVALID = "DIGEST_INVALID"
    MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    PAGINATION_NUMBER_INVALID = "PAGINATION_NUMBER_INVALID"
    RANGE_INVALID = "RANGE_INVALID"
    SIZE_INVALID = "SIZE_INVALID"
    TAG_INVALID = "TAG_INVALID"
    UNAVAILABLE = "UNAVAILABLE"
    UNKNOWN = "UNKNOWN"
    UNSUPPORTED = "UNSUPPORTED"


class RegistryError(Exception):
    """A failure that the client is told about.

    Args:
        message: A sentence for the person who reads it; it says what to do.
        detail: More of it for programs: anything that JSON can hold.
    """

    code: ClassVar[ErrorCode] = ErrorCode.UNKNOWN

    def __init__(self, message: str, detail: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


@final
class BlobUnknown(RegistryError):
    """No blob of this digest is in the repository."""

    code = ErrorCode.BLOB_UNKNOWN


@final
class UploadInvalid(RegistryError):
    """The upload session cannot take this request now."""

    code = ErrorCode.BLOB_UPLOAD_INVALID


@final
class UploadOutOfOrder(RegistryError):
    """A chunk does not begin where the upload session ends.

    Args:
        message: As everywhere.
        offset: Bytes that the session holds.
    """

    code = ErrorCode.BLOB_UPLOAD_INVALID

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message, {"offset": offset})
        self.offset = offset


@final
class UploadUnknown(RegistryError):
    """No such upload session is open in the repository."""

    code = ErrorCode.BLOB_UPLOAD_UNKNOWN


@final
class DigestInvalid(RegistryError):
    """A digest is malformed, unsupported, or not that of the content."""

    code = ErrorCode.DIGEST_INVALID


@final
class ReferenceUnknown(RegistryError):
    """A manifest names content that the repository does not hold."""

    code = ErrorCode.MANIFEST_BLOB_UNKNOWN

    def __init__(self, digests: list[str]) -> None:
        super().__init__(
            "The manifest names content that is not in this repository; push it first.",
            {"digests": digests},
        )
        self.digests = digests


@final
class ManifestInvalid(RegistryError):
    """A manifest cannot be parsed, or is of no type that this registry keeps."""

    code = ErrorCode.MANIFEST_INVALID


@final
class ManifestTooLarge(RegistryError):
    """A manifest is larger than any client would take back."""

    code = ErrorCode.MANIFEST_INVALID


@final
class ManifestUnknown(RegistryError):
    """No manifest of this tag or digest is in the repository."""

    code = ErrorCode.MANIFEST_UNKNOWN


@final
class NameInvalid(RegistryError):
    """A repository name is not of the grammar."""

    code = ErrorCode.NAME_INVALID


@final
class NameUnknown(RegistryError):
    """No such repository is known."""

    code = ErrorCode.NAME_UNKNOWN


@final
class PageInvalid(RegistryError):
    """The size of a page is not a number from nought up."""

    code = ErrorCode.PAGINATION_NUMBER_INVALID


@final
class RangeInvalid(RegistryError):
    """A ``Content-Range`` cannot be read."""

    code = ErrorCode.RANGE_INVALID


@final
class RangeUnsatisfiable(RegistryError):
    """A ``Range`` lies outside the content.

    Args:
        size: Bytes that the content has.
    """

    code = ErrorCode.RANGE_INVALID

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The range asked for lies outside the {size} bytes of the content.",
            {"size": size},
        )
        self.size = size


@final
class SizeInvalid(RegistryError):
    """The body has not as many bytes as was said."""

    code = ErrorCode.SIZE_INVALID


@final
class TagInvalid(RegistryError):
    """A tag is not of the grammar."""

    code = ErrorCode.TAG_INVALID


@final
class TooManyTags(RegistryError):
    """One request asks for more tags than it may."""

    code = ErrorCode.TAG_INVALID


@final
class Unsupported(RegistryError):
    """The operation is switched off, or never existed.

    Args:
        message: As everywhere.
        allowed: HTTP methods that would be answered, if any are known.
    """

    code = ErrorCode.UNSUPPORTED

    def __init__(self, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.allowed = allowed


@final
class BodyInvalid(RegistryError):
    """The request's body is broken off or badly framed."""

    code = ErrorCode.SIZE_INVALID


@final
class NoRoom(RegistryError):
    """The store is too full to take more."""

    code = ErrorCode.UNAVAILABLE


@final
class Unavailable(RegistryError):
    """The store cannot be asked at present."""

    code = ErrorCode.UNAVAILABLE
