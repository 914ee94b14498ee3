"""What answers of version 1 have in common.

Source: Docker Registry API v1, "Response conventions".
"""

from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from txregistry.model.errors import ContentTooLarge, DataInvalid
from txregistry.streams import read_all
from txregistry.web.request import RegistryRequest

T = TypeVar("T")
_YEAR: Final = 365 * 24 * 3600
_NO_CACHE: Final = (
    (b"cache-control", b"no-cache"),
    (b"pragma", b"no-cache"),
    (b"expires", b"-1"),
)
_DATE: Final = "%a, %d %b %Y %H:%M:%S GMT"


def answer(
    request: RegistryRequest, value: object, status: int = 200, *, kept: bool = False
) -> bytes:
    """Set the status and headers of an answer in JSON, and give its bytes.

    Args:
        request: The request.
        value: What is answered.
        status: With which status.
        kept: Whether `keep` has said for how long it is good; else not at all.
    """
    return raw_answer(request, msgspec.json.encode(value), status, kept=kept)


def raw_answer(
    request: RegistryRequest, data: bytes, status: int = 200, *, kept: bool = False
) -> bytes:
    """Set the status and headers of an answer whose JSON is written already."""
    request.setResponseCode(status)
    headers = request.responseHeaders
    if not kept:
        forbid_keeping(request)
    headers.setRawHeaders(b"content-type", [b"application/json"])
    headers.setRawHeaders(b"content-length", [b"%d" % len(data)])
    return data


def no_content(request: RegistryRequest) -> bytes:
    """Answer 204, which has no body."""
    request.setResponseCode(204)
    forbid_keeping(request)
    return b""


def forbid_keeping(request: RegistryRequest) -> None:
    """Say that an answer is good only now."""
    for name, value in _NO_CACHE:
        request.responseHeaders.setRawHeaders(name, [value])


def keep(request: RegistryRequest, *, public: bool, now: float) -> bool:
    """Say that an answer is good for ever, and find out whether it is needed at all.

    Args:
        request: A request that was found to be allowed, for what exists.
        public: Whether everybody may have it, and caches in between may keep it.
        now: Seconds since 1970.

    Returns:
        Whether the client has it already: the status is 304 then.
    """
    headers = request.responseHeaders
    scope = "public" if public else "private"
    expires = datetime.fromtimestamp(now + _YEAR, UTC).strftime(_DATE)
    headers.setRawHeaders("cache-control", [f"{scope}, max-age={_YEAR}"])
    headers.setRawHeaders("expires", [expires])
    headers.setRawHeaders("last-modified", ["Thu, 01 Jan 1970 00:00:00 GMT"])
    if not public:
        headers.setRawHeaders("vary", ["Authorization, Cookie"])
    headers.removeHeader("set-cookie")
    if not request.requestHeaders.hasHeader(b"if-modified-since"):
        return False
    request.setResponseCode(304)
    return True


async def read_json(
    request: RegistryRequest,
    limit: int,
    kind: type[T],
    complaint: str = "Invalid data",
) -> T:
    """Read a request's body as JSON.

    Args:
        request: The request.
        limit: Bytes that it may have.
        kind: What it must be: whatever is not takes no time.
        complaint: What is said where it is no JSON.

    Raises:
        ContentTooLarge: it is larger than the limit, in bytes.
        DataInvalid: it is no JSON, or of another kind.
    """
    try:
        return msgspec.json.decode(await read_body(request, limit), type=kind)
    except msgspec.ValidationError:
        raise DataInvalid("Invalid data") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DataInvalid(complaint) from None


async def read_body(request: RegistryRequest, limit: int) -> bytes:
    """Read a request's body whole.

    Raises:
        ContentTooLarge: it is larger than the limit, in bytes.
    """
    data = None
    if (request.body_length or 0) <= limit:
        data = await read_all(request.reader(), limit)
    if data is None:
        raise ContentTooLarge(
            f"The body of this request can have {limit} bytes at most"
        )
    return data
