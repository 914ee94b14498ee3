"""What S3 says when it refuses something, and what is to be done about it."""

import re
from typing import Final

from txregistry.storage.interfaces import StorageFull, StorageUnavailable

_REGION: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_NO_ROOM: Final = 507
_KEYS: Final = "look at accesskey and secretkey"
_PLACE: Final = "look at region and regionendpoint"
_ADVICE: Final = {
    "AccessDenied": "these credentials may not do this; look at the policies of the "
    "user or role, and of the bucket",
    "AllAccessDisabled": _KEYS,
    "AuthorizationHeaderMalformed": _PLACE,
    "AuthorizationQueryParametersError": _PLACE,
    "ExpiredToken": "the session token is over; renew it",
    "IllegalLocationConstraintException": _PLACE,
    "InvalidAccessKeyId": _KEYS,
    "InvalidSecurity": _KEYS,
    "InvalidStorageClass": "look at storageclass",
    "InvalidToken": "look at the session token",
    "KMS.DisabledException": "look at keyid",
    "KMS.NotFoundException": "look at keyid",
    "NoSuchBucket": "look at bucket",
    "PermanentRedirect": _PLACE,
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it",
    "SignatureDoesNotMatch": _KEYS,
    "TemporaryRedirect": _PLACE,
    "TokenRefreshRequired": "the session token is over; renew it",
}
"""What to look at, for each way to be refused."""
MOMENTARY: Final = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
    }
)
"""What may be over a moment later; it may come after headers that promised success."""
_FULL: Final = frozenset({"QuotaExceeded", "EntityTooLarge", "StorageFull"})


class Refused(StorageUnavailable):
    """A server refused something.

    Attributes:
        status: The status of its answer.
        code: Why, in a word of the protocol; empty where it said none.
        repeated: Whether it may have done the same thing before, without being heard.
    """

    repeated = False

    def __init__(self, said: str, status: int, code: str) -> None:
        super().__init__(said)
        self.status = status
        self.code = code


def explain(
    place: str, status: int, code: str, bucket_region: str, region: str
) -> StorageUnavailable:
    """Make an exception of a refusal.

    Args:
        place: Who refused, in words.
        status: The status of the answer.
        code: Why, in a word of the protocol.
        bucket_region: The region in which the bucket is, as the answer says.
        region: The region in which we think it is.
    """
    said = f"{place} answered {status}"
    if code:
        said += f" ({code})"
    if _REGION.fullmatch(bucket_region) and bucket_region != region:
        said += f"; it is in the region {bucket_region}; {_PLACE}"
    elif code in _ADVICE:
        said += f"; {_ADVICE[code]}"
    if code in _FULL or status == _NO_ROOM:
        return StorageFull(said)
    return Refused(said, status, code)
