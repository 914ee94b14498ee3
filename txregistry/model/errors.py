"""What a client can be told: one class for each failure of the protocol.

The codes are those of OCI Distribution 1.1, section "Error Codes", and a few that
registries have always used beside them; version 1 has no codes, so those of its
failures are for the log. A class knows its code, never its status: ``web/errors.py``
has the one table of those.
"""

from enum import StrEnum
from typing import ClassVar, final


class ErrorCode(StrEnum):
    """The ``code`` of an entry of the protocol's error document."""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    DENIED = "DENIED"
    DIGEST_INVALID = "DIGEST_INVALID"
    IMAGE_INVALID = "IMAGE_INVALID"
    IMAGE_UNKNOWN = "IMAGE_UNKNOWN"
    MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    PAGINATION_NUMBER_INVALID = "PAGINATION_NUMBER_INVALID"
    RANGE_INVALID = "RANGE_INVALID"
    SIZE_INVALID = "SIZE_INVALID"
    TAG_INVALID = "TAG_INVALID"
    UNAUTHORIZED = "UNAUTHORIZED"
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


@final
class UpstreamSilent(RegistryError):
    """The registry that has it does not answer.

    Args:
        message: As of all failures.
        detail: Likewise.
        retry_after: Seconds after which it may be worth to ask again; None where nobody
            knows.
    """

    code = ErrorCode.UNAVAILABLE

    def __init__(
        self, message: str, detail: object = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, detail)
        self.retry_after = retry_after


@final
class UpstreamInvalid(RegistryError):
    """The registry that has it refuses, or answers what cannot be used."""

    code = ErrorCode.UNAVAILABLE


@final
class Unauthorized(RegistryError):
    """Nobody, or somebody unknown, asks for what not everybody may have."""

    code = ErrorCode.UNAUTHORIZED

    def __init__(self, message: str = "Requires authorization") -> None:
        super().__init__(message)


@final
class Denied(RegistryError):
    """Somebody known asks for what they may not have."""

    code = ErrorCode.DENIED


@final
class ImageIdInvalid(RegistryError):
    """Version 1: what stands for an image's id is none."""

    code = ErrorCode.IMAGE_UNKNOWN

    def __init__(self) -> None:
        super().__init__("Invalid image ID")


@final
class ImageUnknown(RegistryError):
    """Version 1: no such image is complete and visible in the repository."""

    code = ErrorCode.IMAGE_UNKNOWN

    def __init__(self) -> None:
        super().__init__("Image not found")


@final
class ImageInProgress(RegistryError):
    """Version 1: the image is being pushed by who asks for it."""

    code = ErrorCode.IMAGE_UNKNOWN

    def __init__(self) -> None:
        super().__init__("Image is being uploaded, retry later")


@final
class ImageExists(RegistryError):
    """Version 1: the image is complete; engines compare this text byte for byte."""

    code = ErrorCode.IMAGE_INVALID

    def __init__(self) -> None:
        super().__init__("Image already exists")


@final
class ImageInvalid(RegistryError):
    """Version 1: an image's JSON, layer or parent cannot be taken."""

    code = ErrorCode.IMAGE_INVALID


@final
class ChecksumInvalid(RegistryError):
    """Version 1: a checksum is malformed, or not that of the content."""

    code = ErrorCode.IMAGE_INVALID


@final
class ChecksumMissing(RegistryError):
    """Version 1: a request that ends an image's upload brings no checksum."""

    code = ErrorCode.IMAGE_INVALID


@final
class ChecksumUnexpected(RegistryError):
    """Version 1: no upload waits for a checksum."""

    code = ErrorCode.IMAGE_INVALID

    def __init__(self) -> None:
        super().__init__("Cannot set this image checksum")


@final
class ContentTooLarge(RegistryError):
    """A body is larger than the limit for its kind."""

    code = ErrorCode.SIZE_INVALID


@final
class DataInvalid(RegistryError):
    """Version 1: the JSON of a request is not what its route takes."""

    code = ErrorCode.IMAGE_INVALID


@final
class TagUnknown(RegistryError):
    """Version 1: the repository has no such tag."""

    code = ErrorCode.MANIFEST_UNKNOWN
