"""What S3 says when it refuses something, and what is to be done about it."""

import re
from typing import Final

from txregistry.storage.interfaces import StorageFull, StorageUnavailable

_REGION: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_NO_ROOM: Final = 507
_FORBIDDEN: Final = 403
_KEYS: Final = "look at {at}accesskey and {at}secretkey"
_PLACE: Final = "look at {at}region and {at}regionendpoint"
_RIGHTS: Final = (
    "these credentials may not do this; look at {at}accesskey, at the policies of that "
    "user or role, and at those of the bucket"
)
_SESSION: Final = "the session token is over; renew it, and look at {at}sessiontoken"
_ADVICE: Final = {
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _KEYS,
    "AuthorizationHeaderMalformed": _PLACE,
    "AuthorizationQueryParametersError": _PLACE,
    "ExpiredToken": _SESSION,
    "IllegalLocationConstraintException": _PLACE,
    "InvalidAccessKeyId": _KEYS,
    "InvalidSecurity": _KEYS,
    "InvalidStorageClass": "look at {at}storageclass",
    "InvalidToken": "look at {at}sessiontoken",
    "KMS.DisabledException": "look at {at}keyid",
    "KMS.NotFoundException": "look at {at}keyid",
    "NoSuchBucket": "look at {at}bucket",
    "PermanentRedirect": _PLACE,
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it",
    "SignatureDoesNotMatch": _KEYS,
    "TemporaryRedirect": _PLACE,
    "TokenRefreshRequired": _SESSION,
}
"""What to look at, for each way to be refused; its section is put in."""
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
    place: str,
    status: int,
    code: str,
    bucket_region: str,
    region: str,
    section: str = "",
) -> StorageUnavailable:
    """Make an exception of a refusal.

    Args:
        place: Who refused, in words.
        status: The status of the answer.
        code: Why, in a word of the protocol.
        bucket_region: The region in which the bucket is, as the answer says.
        region: The region in which we think it is.
        section: Where its settings are, for whoever has to look into the failure.
    """
    at = f"{section}." if section else ""
    said = f"{place} answered {status}"
    if code:
        said += f" ({code})"
    if _REGION.fullmatch(bucket_region) and bucket_region != region:
        said += f"; it is in the region {bucket_region}; "
        said += _PLACE.format(at=at)
    elif code in _ADVICE:
        said += "; " + _ADVICE[code].format(at=at)
    elif status == _FORBIDDEN and not code:  # as to HEAD, which has no body
        said += "; " + _RIGHTS.format(at=at)
    if code in _FULL or status == _NO_ROOM:
        return StorageFull(said)
    return Refused(said, status, code)
