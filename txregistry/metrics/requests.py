"""Requests, counted: how many, how long they took, and how large they were.

What is done for each is a look and a few sums; the rest is done when somebody asks.

Source: docker/go-metrics, ``namespace.go``, and prometheus/client_golang, ``promhttp``,
whose names and labels these are, as CNCF Distribution uses them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from txregistry.metrics.families import Family, Kind, Row
from txregistry.metrics.histogram import SECONDS, SIZES

HANDLERS: Final = {
    "get_version": "base",
    "get_manifest": "manifest",
    "put_manifest": "manifest",
    "delete_manifest": "manifest",
    "list_tags": "tags",
    "get_blob": "blob",
    "delete_blob": "blob",
    "begin_upload": "blob_upload",
    "get_upload": "blob_upload_chunk",
    "append_upload": "blob_upload_chunk",
    "finish_upload": "blob_upload_chunk",
    "cancel_upload": "blob_upload_chunk",
    "list_repositories": "catalog",
    "": "none",
}
"""What Distribution calls our routes; it has no others, and ours keep their names."""

_METHODS: Final = {
    each: each.decode("ascii").lower()
    for each in (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
}
_OTHER: Final = b"?"
"""In place of a method that somebody made up."""
_UNKNOWN: Final = "unknown"


class _Tally:
    """Requests of one route and method that ended with the same status."""

    __slots__ = ("durations", "receipts", "received", "seconds", "sending", "sent")

    def __init__(self) -> None:
        self.durations = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0
        self.receipts = [0] * (len(SIZES) + 1)
        self.received = 0
        self.sending = [0] * (len(SIZES) + 1)
        self.sent = 0


class RequestCounts:
    """Count requests."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, bytes, int], _Tally] = {}

    def count(
        self,
        route: str,
        method: bytes,
        status: int,
        seconds: float,
        received: int,
        sent: int,
    ) -> None:
        """Count one.

        Args:
            route: Which route answered it; empty for none.
            method: Its method, whatever somebody wrote there.
            status: The status of its answer.
            seconds: How long it took.
            received: Bytes of its body.
            sent: Bytes of the answer's body.
        """
        tally = self._tallies.get((route, method, status))
        if tally is None:
            tally = self._tally(route, method, status)
        tally.durations[bisect_left(SECONDS, seconds)] += 1
        tally.seconds += seconds
        tally.receipts[bisect_left(SIZES, received) if received else 0] += 1
        tally.received += received
        tally.sending[bisect_left(SIZES, sent) if sent else 0] += 1
        tally.sent += sent

    def families(self, in_flight: Iterable[str] = ()) -> list[Family]:
        """Give what was counted.

        Args:
            in_flight: The routes of requests that are answered just now.
        """
        names = self._group(lambda key: (_handler(key[0]),))
        timed = self._group(lambda key: (_handler(key[0]), _method(key[1])))
        counted = self._group(
            lambda key: (str(key[2]), _handler(key[0]), _method(key[1]))
        )
        flights = dict.fromkeys((handler for (handler,) in names), 0)
        for route in in_flight:
            flights[_handler(route)] = flights.get(_handler(route), 0) + 1
        return [
            Family(
                "registry_http_requests_total",
                Kind.COUNTER,
                "Total number of HTTP requests made.",
                ("code", "handler", "method"),
                _rows(counted, lambda each: (sum(each.durations),)),
            ),
            Family(
                "registry_http_request_duration_seconds",
                Kind.HISTOGRAM,
                "The HTTP request latencies in seconds.",
                ("handler", "method"),
                _rows(timed, lambda each: (*each.durations, each.seconds)),
                SECONDS,
            ),
            Family(
                "registry_http_request_size_bytes",
                Kind.HISTOGRAM,
                "The HTTP request sizes in bytes.",
                ("handler",),
                _rows(names, lambda each: (*each.receipts, each.received)),
                SIZES,
            ),
            Family(
                "registry_http_response_size_bytes",
                Kind.HISTOGRAM,
                "The HTTP response sizes in bytes.",
                ("handler",),
                _rows(names, lambda each: (*each.sending, each.sent)),
                SIZES,
            ),
            Family(
                "registry_http_in_flight_requests",
                Kind.SUM,
                "The in-flight HTTP requests",
                ("handler",),
                tuple(Row((name,), (count,)) for name, count in flights.items()),
            ),
        ]

    def _tally(self, route: str, method: bytes, status: int) -> _Tally:
        key = (route, method if method in _METHODS else _OTHER, status)
        return self._tallies.setdefault(key, _Tally())

    def _group(
        self, name: Callable[[tuple[str, bytes, int]], tuple[str, ...]]
    ) -> dict[tuple[str, ...], list[_Tally]]:
        """Put together what has the same labels."""
        found: dict[tuple[str, ...], list[_Tally]] = {}
        for key, tally in self._tallies.items():
            found.setdefault(name(key), []).append(tally)
        return found


def _handler(route: str) -> str:
    return HANDLERS.get(route, route)


def _method(method: bytes) -> str:
    return _METHODS.get(method, _UNKNOWN)


def _rows(
    groups: Mapping[tuple[str, ...], list[_Tally]],
    values: Callable[[_Tally], tuple[float, ...]],
) -> tuple[Row, ...]:
    return tuple(
        Row(labels, tuple(map(sum, zip(*map(values, tallies), strict=True))))
        for labels, tallies in groups.items()
    )
