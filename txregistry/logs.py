"""Log lines as JSON, one object a line; and which of them are kept."""

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
    textFileLogObserver,
)
from zope.interface import implementer

_PLAIN: Final = (str, int, float, bool, type(None))


@implementer(ILogObserver)
class JsonLogObserver:
    """Write every event as one line of JSON.

    Args:
        file: Where the lines go.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        level = event.get("log_level")
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(event.get("log_time", 0), UTC).isoformat(),
            "level": "info" if level is None else level.name,
            "logger": event.get("log_namespace"),
            "message": formatEvent(event),
        }
        for name, value in event.items():
            if not name.startswith("log_") and name not in line and name != "format":
                line[name] = value if isinstance(value, _PLAIN) else str(value)[:2000]
        if "log_failure" in event:
            line["failure"] = eventAsText(event, includeTimestamp=False)
        self._file.write(msgspec.json.encode(line).decode() + "\n")
        self._file.flush()


def make_observer(file: IO[str], formatter: str, level: str) -> ILogObserver:
    """Make an observer of what is to be told.

    Args:
        file: Where it goes.
        formatter: ``text``, or else JSON.
        level: The lowest level that is told.
    """
    observer: ILogObserver
    if formatter == "text":
        observer = textFileLogObserver(file)
    else:
        observer = JsonLogObserver(file)
    lowest = LogLevel.levelWithName(level)
    return FilteringLogObserver(
        observer, [LogLevelFilterPredicate(defaultLogLevel=lowest)]
    )
