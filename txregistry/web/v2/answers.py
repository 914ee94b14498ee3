"""What answers have in common."""

import msgspec

from txregistry.model.errors import Unsupported
from txregistry.registry.repositories import Registry
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


def require_writes(registry: Registry) -> None:
    """Refuse to take content where the registry is read-only.

    Raises:
        Unsupported: it is.
    """
    if not registry.writes:
        raise Unsupported(
            "This registry is read-only at present "
            "(storage.maintenance.readonly.enabled).",
            ("GET", "HEAD"),
        )


def require_deletes(registry: Registry) -> None:
    """Refuse to delete where that is switched off.

    Raises:
        Unsupported: it is.
    """
    if not registry.deletes:
        raise Unsupported(
            "Deleting is switched off in this registry (storage.delete.enabled).",
            ("GET", "HEAD"),
        )
