"""Failures as responses: the only table of status codes."""

import math
from typing import Any, Final, cast

import msgspec
from klein import Klein
from klein._app import KleinRenderable
from twisted.internet.defer import CancelledError, Deferred, FirstError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from txregistry.model import errors
from txregistry.model.errors import RegistryError
from txregistry.model.printable import printable
from txregistry.storage.interfaces import StorageFull, StorageUnavailable
from txregistry.web.refusals import error_document

_log = Logger()

_RETRY_SECONDS: Final = b"5"
_STALE: Final = (
    b"content-range",
    b"etag",
    b"cache-control",
    b"expires",
    b"last-modified",
    b"accept-ranges",
    b"docker-content-digest",
)
"""Headers of the answer that was about to be given."""

_STATUS: Final[dict[type[RegistryError], int]] = {
    errors.BlobUnknown: 404,
    errors.UploadInvalid: 400,
    errors.UploadOutOfOrder: 416,
    errors.UploadUnknown: 404,
    errors.DigestInvalid: 400,
    errors.ReferenceUnknown: 400,
    errors.ManifestInvalid: 400,
    errors.ManifestTooLarge: 413,
    errors.ManifestUnknown: 404,
    errors.NameInvalid: 400,
    errors.NameUnknown: 404,
    errors.PageInvalid: 400,
    errors.RangeInvalid: 400,
    errors.RangeUnsatisfiable: 416,
    errors.SizeInvalid: 400,
    errors.TagInvalid: 400,
    errors.TooManyTags: 414,
    errors.Unsupported: 405,
    errors.BodyInvalid: 400,
    errors.NoRoom: 507,
    errors.Unavailable: 503,
    errors.UpstreamSilent: 504,
    errors.UpstreamInvalid: 502,
    errors.Unauthorized: 401,
    errors.Denied: 403,
    errors.ImageIdInvalid: 404,
    errors.ImageUnknown: 404,
    errors.ImageInProgress: 400,
    errors.ImageExists: 409,
    errors.ImageInvalid: 400,
    errors.ChecksumInvalid: 400,
    errors.ChecksumMissing: 412,
    errors.ChecksumUnexpected: 409,
    errors.ContentTooLarge: 413,
    errors.DataInvalid: 400,
    errors.TagUnknown: 404,
}


def add_error_handlers(app: Klein) -> None:
    """Let every failure of a route become the protocol's answer."""

    @app.handle_errors(Exception)
    def answer(request: IRequest, failure: Failure) -> KleinRenderable:
        return answer_failure(cast("Request", request), failure)


def answer_failure(request: Request, failure: Failure) -> Deferred[None] | None:
    """Write what a failure means; or break off, where an answer has begun.

    Returns:
        None where the answer is written; else a Deferred that fires when the connection
        is gone.
    """
    if isinstance(failure.value, FirstError):  # of several awaited at once
        failure = failure.value.subFailure
    error = failure.value
    if isinstance(error, CancelledError):
        return _break_off(request)
    told = error if isinstance(error, RegistryError) else _tell(request, failure)
    if request.startedWriting:
        _log.error("Broke off an answer: {reason}", reason=printable(told.message))
        return _break_off(request)
    write_error(request, told)
    return None


def write_error(request: Request, error: RegistryError) -> None:
    """Write a failure, as the protocol's error document."""
    status = _STATUS.get(type(error), 500)
    _log.info(
        "Refused {method} {path}: {status} {code} {reason}",
        method=printable(request.method.decode("latin-1")),
        path=printable(request.path.decode("latin-1")[:500]),
        status=status,
        code=error.code.value,
        # Clients are quoted in it. Twisted's older observers write over "message".
        reason=printable(error.message),
    )
    told: Any = request  # Twisted's has no place for it
    told.refused = type(error)
    headers = request.responseHeaders
    for stale in _STALE:
        headers.removeHeader(stale)
    headers.setRawHeaders(b"content-type", [b"application/json"])
    if getattr(request, "speaks_v1", False):
        body = _v1_body(request, error)
    else:
        body = error_document(error.code, error.message, error.detail)
    headers.setRawHeaders(b"content-length", [b"%d" % len(body)])
    if isinstance(error, errors.Unauthorized):
        challenges = getattr(request, "challenges", ())
        headers.setRawHeaders(b"www-authenticate", challenges or [b"Token"])
    if isinstance(error, errors.RangeUnsatisfiable):
        headers.setRawHeaders(b"content-range", [b"bytes */%d" % error.size])
    if isinstance(error, errors.Unsupported) and error.allowed:
        headers.setRawHeaders(b"allow", [", ".join(error.allowed).encode()])
    if isinstance(error, errors.Unavailable):
        headers.setRawHeaders(b"retry-after", [_RETRY_SECONDS])
    if isinstance(error, errors.UpstreamSilent) and error.retry_after is not None:
        headers.setRawHeaders(b"retry-after", [b"%d" % math.ceil(error.retry_after)])
    request.setResponseCode(status)
    request.write(body)


def _v1_body(request: Request, error: RegistryError) -> bytes:
    """Write a failure as version 1 has it: engines read an object of strings only."""
    headers = request.responseHeaders
    for name in (b"cache-control", b"pragma"):
        headers.setRawHeaders(name, [b"no-cache"])
    headers.setRawHeaders(b"expires", [b"-1"])
    if isinstance(error, errors.RangeUnsatisfiable):
        return b""  # engines take exactly this for the end of the layer
    return msgspec.json.encode({"error": error.message})


def _tell(request: Request, failure: Failure) -> RegistryError:
    """Say to the client what is not its own mistake, and to the log the rest."""
    error = failure.value
    if isinstance(error, HTTPException):
        return _unrouted(error)
    if isinstance(error, StorageFull):
        _log.error("The store is full: {error}", error=printable(str(error)))
        return errors.NoRoom("The registry has no room left; ask whoever runs it.")
    if isinstance(error, StorageUnavailable):
        _log.error("The store cannot be used: {error}", error=printable(str(error)))
        return errors.Unavailable(
            "The registry's store cannot be used; try again later."
        )
    _log.failure(
        "An unforeseen failure in answering {method} {path}",
        failure,
        method=request.method,
        path=request.path,
    )
    return RegistryError("The registry failed; whoever runs it finds why in its log.")


def _break_off(request: Request) -> Deferred[None]:
    """Break the connection: an error within a blob would be taken for its bytes."""
    ended: Deferred[None] = request.notifyFinish().addErrback(lambda _: None)
    channel: Any = request.channel
    if channel is not None:
        channel.transport.abortConnection()
    return ended


def _unrouted(error: HTTPException) -> RegistryError:
    if isinstance(error, MethodNotAllowed):
        allowed = tuple(sorted(error.valid_methods or ()))
        return errors.Unsupported(
            "This path does not take this method; it takes: " + ", ".join(allowed),
            allowed,
        )
    return errors.NameUnknown("Nothing is served at this path; check the address.")
