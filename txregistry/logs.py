"""Log lines, as text or as JSON; and which of them are kept."""

import re
from datetime import UTC, datetime
from typing import IO, Any, Final

import msgspec
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    formatEvent,
)
from zope.interface import implementer

from txregistry.model.printable import printable

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What terminals do something by, but for tabs and the ends of lines."""
_PLAIN: Final = (str, int, float, bool, type(None))


class _Stamps:
    """Moments as text, written once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def at(self, moment: float) -> str:
        """Give a moment, seconds since 1970, as RFC 3339 has it."""
        second = int(moment)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime("%FT%TZ")
        return self._text


@implementer(ILogObserver)
class TextLogObserver:
    """Write every event as a line of text, and its traceback below it.

    Args:
        file: Where the lines go.
        worker: Which worker writes; 0 where there are none.
    """

    def __init__(self, file: IO[str], worker: int = 0) -> None:
        self._file = file
        self._worker = worker
        self._stamps = _Stamps()

    def __call__(self, event: LogEvent) -> None:
        """See ``ILogObserver``."""
        stamp = self._stamps.at(event.get("log_time", 0))
        level = event.get("log_level")
        name = "info" if level is None else level.name
        source = event.get("log_namespace") or event.get("log_system") or "-"
        text = event.get("access")
        if text is None:
            text = eventAsText(event, includeTimestamp=False, includeSystem=False)
            if self._worker:
                source = f"worker {self._worker} {source}"
        if not text.isprintable():
            # Whoever is quoted in it, a line stays one, and a terminal what it is.
            text = _UNSAFE.sub(lambda found: printable(found[0]), text)
            text = text.rstrip("\n").replace("\n", "\n\t")
        self._file.write(f"{stamp} [{source}#{name}] {text}\n")
        self._file.flush()


@implementer(ILogObserver)
class JsonLogObserver:
    """Write every event as one line of JSON.

    Args:
        file: Where the lines go.
        worker: Which worker writes; 0 where there are none.
    """

    def __init__(self, file: IO[str], worker: int = 0) -> None:
        self._file = file
        self._worker = worker
        self._stamps = _Stamps()

    def __call__(self, event: LogEvent) -> None:
        """See ``ILogObserver``."""
        level = event.get("log_level")
        line: dict[str, Any] = {
            "time": self._stamps.at(event.get("log_time", 0)),
            "level": "info" if level is None else level.name,
            "logger": event.get("log_namespace"),
            "message": event.get("access") or formatEvent(event),
        }
        for name, value in event.items():
            if not name.startswith("log_") and name not in _REPEATED:
                line[name] = value if type(value) in _PLAIN else str(value)[:2000]
        if self._worker:
            line["worker"] = self._worker
        if "log_failure" in event:
            line["failure"] = eventAsText(event, includeTimestamp=False)
        self._file.write(msgspec.json.encode(line).decode() + "\n")
        self._file.flush()


_REPEATED: Final = frozenset(
    {"access", "format", "isError", "level", "logger", "message", "system", "time"}
)
"""Fields that a line has already, and those of the old logging system."""


def make_observer(
    file: IO[str], formatter: str, level: str, worker: int = 0
) -> ILogObserver:
    """Make an observer of what is to be told.

    Args:
        file: Where it goes.
        formatter: ``text``, or else JSON.
        level: The lowest level that is told.
        worker: Which worker writes; 0 where there are none.
    """
    observer = TextLogObserver if formatter == "text" else JsonLogObserver
    lowest = LogLevel.levelWithName(level)
    return FilteringLogObserver(
        observer(file, worker), [LogLevelFilterPredicate(defaultLogLevel=lowest)]
    )
