"""Who did what to which repository, and what became of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from txregistry.auth.basic import parse_basic
from txregistry.model.digest import Digest
from txregistry.model.errors import Unauthorized
from txregistry.model.names import Tag
from txregistry.web.request import RegistryRequest

_NOTHING: Final = frozenset({"", "nothing"})
_QUIET: Final = frozenset({"log-in"})
"""What clients ask so often that only a refusal tells something."""

_READING: Final = frozenset({"pull", "list", "list all"})
_STEPS: Final = frozenset(
    {"begin_upload", "get_upload", "append_upload", "cancel_upload"}
)
"""Routes whose answer is that there is more to do."""

_CREATED: Final = 201
_LEFT: Final = 499
_REFUSED: Final = (401, 403)
_LONGEST: Final = 1000


class AuditTrail:
    """Write a record of each request that does something, or is refused.

    Args:
        write: Takes a record: names, and values of JSON.
        pulls: Whether reading is recorded as well.
    """

    def __init__(self, write: Callable[[dict[str, Any]], None], *, pulls: bool) -> None:
        self._write = write
        self._pulls = pulls

    def __call__(self, request: RegistryRequest, status: int) -> None:
        """Take in what became of a request."""
        outcome = _outcome(status)
        if not self._wants(request, status, outcome):
            return
        caller = request.caller
        record: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": "" if caller is None else caller.identity.name,
            "groups": [] if caller is None else sorted(caller.identity.groups),
            "tried": _tried(request) if caller is None else "",
            "from": request.client_address,
            "did": request.needs,
            "route": request.endpoint,
            "method": request.method.decode("latin-1"),
            "outcome": outcome,
            "status": status,
            "sent": request.sentLength,
            "received": 0 if request.body is None else request.body.received,
            **_what(request),
        }
        # What is not known, or does not apply, is left out.
        self._write(
            {name: each for name, each in record.items() if each not in ("", [])}
        )

    def _wants(self, request: RegistryRequest, status: int, outcome: str) -> bool:
        if outcome == "refused":
            return True
        if request.needs in _NOTHING or request.needs in _QUIET:
            return False
        if request.endpoint in _STEPS:
            return status == _CREATED
        return self._pulls or request.needs not in _READING


def _outcome(status: int) -> str:
    if status < 400:  # noqa: PLR2004 - RFC 9110, section 15
        return "done"
    if status == _LEFT:
        return "left"
    return "refused" if status in _REFUSED else "failed"


def _tried(request: RegistryRequest) -> str:
    """Say whom somebody said to be who did not prove it."""
    try:
        pair = parse_basic(request.header(b"authorization") or "")
    except Unauthorized:
        return ""
    return "" if pair is None else pair[0][:_LONGEST]


def _what(request: RegistryRequest) -> dict[str, str]:
    """Say what a request is about, by its path and its answer."""
    said = request.arguments
    found = {
        "repository": str(said.get("name", "")),
        "image": str(said.get("image_id") or ""),
    }
    reference = said.get("reference", said.get("digest"))
    if isinstance(reference, Digest):
        found["digest"] = str(reference)
    elif isinstance(reference, Tag):
        found["tag"] = str(reference)
    text = said.get("text")
    if isinstance(text, str) and "tag" in request.endpoint:
        found["tag"] = text[:_LONGEST]
    digests = request.responseHeaders.getRawHeaders("docker-content-digest", ())
    if digests:
        found["digest"] = str(digests[0])
    if request.endpoint == "begin_upload" and request.query(b"mount"):
        found["mounted from"] = (request.query(b"from") or "")[:_LONGEST]
    return found
