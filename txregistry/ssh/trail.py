"""What is told of commands: a line of the log, and a record of the audit.

Records are as those of requests by HTTP: with the same names for the same.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from twisted.logger import Logger

from txregistry.model.access import Action, Identity
from txregistry.model.digest import Digest
from txregistry.model.names import Tag
from txregistry.model.printable import printable
from txregistry.ssh.commands import Done, needed
from txregistry.ssh.requests import Get, Help, List, Plan, Remove
from txregistry.transfer.images.endings import Ending

_log: Final = Logger(namespace="txregistry.ssh")
_READING: Final = frozenset({Action.PULL, Action.LIST})

Write = Callable[[dict[str, Any]], None]


class Trail:
    """Tell what became of commands.

    Args:
        write: Takes a record of the audit; None where there is none.
        pulls: Whether reading is recorded as well.
    """

    def __init__(self, write: Write | None = None, *, pulls: bool = True) -> None:
        self._write = write
        self._pulls = pulls

    def note(
        self,
        done: Done,
        identity: Identity,
        sent: int,
        received: int,
        seconds: float,
    ) -> None:
        """Tell what became of a command.

        Args:
            done: What became of it.
            identity: Who asked.
            sent: Bytes that they got.
            received: Bytes that came of them.
            seconds: How long it took.
        """
        _log.info(
            "{peer} {who} ssh {what} {ending} {sent} {received} {milliseconds} {told}",
            peer=identity.address or "-",
            who=printable(identity.name),
            what=describe(done),
            ending=int(done.ending),
            sent=sent,
            received=received,
            milliseconds=round(seconds * 1000),
            told=done.told or "-",
        )
        if self._write is not None and self._wants(done):
            self._write(_record(done, identity, sent, received))

    def _wants(self, done: Done) -> bool:
        if done.ending is Ending.REFUSED:
            return True
        action = needed(done.request)
        return action is not None and (self._pulls or action not in _READING)


def describe(done: Done) -> str:
    """Say in a few words what was asked for."""
    request = done.request
    if request is None:
        return "(not understood)"
    command = _command(done)
    if isinstance(request, Help):
        return command
    if isinstance(request, List):
        return f"{command} {request.prefix}".rstrip()
    if isinstance(request, Get | Plan):
        return f"{command} {request.image}"
    reference = getattr(request, "reference", getattr(request, "tag", None))
    if reference is None:
        return f"{command} {request.name}"
    return f"{command} {request.name}{_mark(reference)}{reference}"


def _record(done: Done, identity: Identity, sent: int, received: int) -> dict[str, Any]:
    action = needed(done.request)
    request = done.request
    about = request.image if isinstance(request, Get | Plan) else request
    reference = getattr(about, "reference", getattr(about, "tag", ""))
    digest = done.about or (reference if isinstance(reference, Digest) else "")
    record = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": identity.name,
        "groups": sorted(identity.groups),
        "from": identity.address,
        "did": "" if action is None else action.value,
        "route": f"ssh {_command(done)}",
        "method": "SSH",
        "outcome": _outcome(done.ending),
        "status": int(done.ending),
        "sent": sent,
        "received": received,
        "repository": str(getattr(about, "name", "")),
        "tag": str(reference) if isinstance(reference, Tag) else "",
        "digest": str(digest),
    }
    return {name: each for name, each in record.items() if each not in ("", [])}


def _command(done: Done) -> str:
    if isinstance(done.request, Remove):
        return "rm"
    return type(done.request).__name__.lower()


def _mark(reference: object) -> str:
    return ":" if isinstance(reference, Tag) else "@"


def _outcome(ending: Ending) -> str:
    if ending is Ending.DONE:
        return "done"
    if ending is Ending.INTERRUPTED:
        return "left"
    return "refused" if ending is Ending.REFUSED else "failed"
