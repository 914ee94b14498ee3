"""Signatures of requests to S3, which botocore makes.

Source: Amazon's Signature Version 4.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from txregistry.storage.credentials import S3Credentials

_LONGEST: Final = 7 * 24 * 3600
"""Seconds for which a URL can be signed."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes that are sent.

    Attributes:
        pieces: The bytes.
        sha256: Their digest, in hexadecimal digits: the server verifies it.
    """

    pieces: Sequence[bytes]
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> "Payload":
        """Send what is small."""
        return cls((data,) if data else (), hashlib.sha256(data).hexdigest())


NOTHING: Final = Payload.of(b"")


class S3Signature:
    """Sign requests.

    Args:
        region: What signatures name.
    """

    def __init__(self, region: str) -> None:
        self._region = region

    def headers(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        credentials: S3Credentials,
        payload: Payload | None,
    ) -> dict[str, str]:
        """Give header fields, and those that prove who asks."""
        signed = AWSRequest(method=method, url=url, headers=dict(headers))
        sha256 = (payload or NOTHING).sha256
        _Signer(_keys(credentials), self._region, sha256).add_auth(signed)
        return dict(signed.headers.items())

    def url(
        self, method: str, url: str, credentials: S3Credentials, lifetime: float
    ) -> str:
        """Give a URL that proves who made it."""
        request = AWSRequest(method=method, url=url)
        expires = max(1, min(int(lifetime), _LONGEST))
        keys = _keys(credentials)
        S3SigV4QueryAuth(keys, "s3", self._region, expires).add_auth(request)
        found: str = request.url
        return found


def elsewhere(url: str, public: str) -> str:
    """Give the URL of an object where others find the service.

    Args:
        url: Where we find it.
        public: Where they do, as a URL without a path; empty for the same.
    """
    if not public:
        return url
    there = urlsplit(public)
    return urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc).geturl()


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # it has no types
    """Sign requests, with the digest of what they bring."""

    def __init__(self, keys: Any, region: str, sha256: str) -> None:
        super().__init__(keys, "s3", region)
        self._sha256 = sha256

    def payload(self, request: Any) -> str:
        """Give the digest that is known already."""
        del request
        return self._sha256


def _keys(credentials: S3Credentials) -> Any:
    return Credentials(credentials.access, credentials.secret, credentials.token)
