"""What answers have in common."""

import msgspec

from txregistry.web.request import RegistryRequest


def json_answer(
    request: RegistryRequest, document: object, media_type: str = "application/json"
) -> bytes:
    """Set the headers of a JSON document, and give its bytes."""
    data = msgspec.json.encode(document)
    headers = request.responseHeaders
    headers.setRawHeaders(b"content-type", [media_type.encode()])
    headers.setRawHeaders(b"content-length", [b"%d" % len(data)])
    return data


def empty_answer(
    request: RegistryRequest, status: int, headers: dict[str, str]
) -> bytes:
    """Set the status and headers of an answer without a body, and give that."""
    request.setResponseCode(status)
    for name, value in headers.items():
        request.responseHeaders.setRawHeaders(name, [value])
    if status != 204:  # noqa: PLR2004 - RFC 9110, section 8.6: it has no length
        request.responseHeaders.setRawHeaders(b"content-length", [b"0"])
    return b""
