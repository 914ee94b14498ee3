"""Answers to what is no request: written without one."""

from enum import Enum
from typing import Final

import msgspec

from txregistry.model.errors import ErrorCode

COMMON_HEADERS: Final = {
    "Docker-Distribution-Api-Version": ["registry/2.0"],
    "X-Content-Type-Options": ["nosniff"],
}
"""On every response: engines up to 20.10 decide from the first that this is v2."""


class Refusal(Enum):
    """Why something is no request."""

    BAD_REQUEST = (400, "Bad Request", "The request is not well-formed HTTP/1.1.")
    TARGET_TOO_LONG = (414, "URI Too Long", "The request's first line is too long.")
    HEADERS_TOO_LARGE = (
        431,
        "Request Header Fields Too Large",
        "The request's headers are too large.",
    )

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.value[0]

    @property
    def phrase(self) -> str:
        """What HTTP calls the status."""
        return self.value[1]

    @property
    def sentence(self) -> str:
        """What a person is told."""
        return self.value[2]


def error_document(code: str, message: str, detail: object = None) -> bytes:
    """Write the protocol's error document.

    Source: OCI Distribution 1.1, "Error Codes".
    """
    entry = {"code": code, "message": message}
    if detail is not None:
        return msgspec.json.encode({"errors": [{**entry, "detail": detail}]})
    return msgspec.json.encode({"errors": [entry]})


def refusal_bytes(refusal: Refusal) -> bytes:
    """Write a whole response, after which the connection ends."""
    body = error_document(ErrorCode.UNSUPPORTED, refusal.sentence)
    lines = [
        f"HTTP/1.1 {refusal.status} {refusal.phrase}".encode(),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
        *(f"{name}: {values[0]}".encode() for name, values in COMMON_HEADERS.items()),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
