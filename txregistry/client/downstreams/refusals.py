"""What a registry says that does not take something."""

from contextlib import suppress
from typing import Final

import msgspec

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.readers import Documents
from txregistry.model.errors import ErrorCode

_LARGEST: Final = 64 * 1024
_READABLE: Final = range(400, 500)
_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = 405
_TOO_LARGE: Final = 413
_CODES: Final = frozenset(ErrorCode)
_INCOMPLETE: Final = frozenset(
    {
        ErrorCode.BLOB_UNKNOWN,
        ErrorCode.MANIFEST_BLOB_UNKNOWN,
        ErrorCode.MANIFEST_UNKNOWN,
    }
)
"""What is said of a manifest that names what is missing."""


class _Error(msgspec.Struct):
    code: str = ""


class _Envelope(msgspec.Struct):
    errors: list[_Error] = []


async def refusal(name: str, answer: Answer, documents: Documents) -> UpstreamFault:
    """Make a fault of an answer that is of no use, and let go of it.

    Args:
        name: What the registry is called.
        answer: What it answered.
        documents: Reads answers.
    """
    status = answer.status
    code = await _code(answer, documents)
    said = f"{status}, {code}" if code else f"{status}"
    if status == _NOT_ALLOWED:
        return UpstreamRefused(name, f"takes nothing in ({said})")
    if code in _INCOMPLETE:
        return UpstreamUnavailable(name, f"misses something that it had ({said})")
    if status == _NOT_FOUND:
        return UpstreamRefused(name, f"has no such repository, and makes none ({said})")
    if status == _TOO_LARGE:
        return UpstreamWrong(name, f"takes nothing as large as this ({said})")
    return UpstreamWrong(name, f"answered {said}")


async def _code(answer: Answer, documents: Documents) -> ErrorCode | None:
    """Read which error it is; only one that we know, as anything may be written."""
    try:
        with suppress(UpstreamFault, msgspec.DecodeError, UnicodeDecodeError):
            if answer.status in _READABLE:
                data = await documents.read(answer, _LARGEST)
                found = msgspec.json.decode(data, type=_Envelope).errors
                if found and found[0].code in _CODES:
                    return ErrorCode(found[0].code)
    finally:
        await answer.body.close()
    return None
