"""What goes on at some sites, counted."""

from collections.abc import Callable, Iterable, Iterator

from twisted.internet.interfaces import IReactorTime

from txregistry.metrics.families import Family, Kind, Row, one
from txregistry.metrics.requests import RequestCounts
from txregistry.model.errors import RegistryError
from txregistry.web.request import RegistryRequest
from txregistry.web.site import RegistrySite


class Counting:
    """Count requests, as a site tells of each that was answered.

    Args:
        clock: Tells the time, as to the sites.
        sites: Gives the sites.
        audit: Is told of each request as well; None where nobody wants to know.
    """

    def __init__(
        self,
        clock: IReactorTime,
        sites: Callable[[], Iterable[RegistrySite]],
        audit: Callable[[RegistryRequest, int], None] | None = None,
    ) -> None:
        self._seconds = clock.seconds
        self._sites = sites
        self._audit = audit
        self._counts = RequestCounts()
        self._refusals: dict[type[RegistryError], int] = {}

    def __call__(self, request: RegistryRequest, status: int) -> None:
        """Take in what became of a request."""
        if self._audit is not None:
            self._audit(request, status)
        body = request.body
        self._counts.count(
            request.endpoint,
            request.method,
            status,
            self._seconds() - request.began,
            0 if body is None else body.received,
            request.sentLength,
        )
        if request.refused is not None:
            before = self._refusals.get(request.refused, 0)
            self._refusals[request.refused] = before + 1

    def families(self) -> list[Family]:
        """Give what was counted, and what goes on just now."""
        sites = list(self._sites())
        limits = {each.connections for each in sites if each.connections is not None}
        return [
            *self._counts.families(_in_flight(sites)),
            Family(
                "txregistry_refusals_total",
                Kind.COUNTER,
                "Requests that were refused or failed, by what clients were told.",
                ("code", "reason"),
                tuple(
                    Row((each.code.value, each.__name__), (count,))
                    for each, count in self._refusals.items()
                ),
            ),
            one(
                "txregistry_connections_refused_total",
                Kind.COUNTER,
                "Connections that were not taken, as there were too many.",
                sum(each.refused for each in limits),
            ),
            one(
                "txregistry_connections",
                Kind.SUM,
                "Connections of clients that are open.",
                sum(len(each.channels) for each in sites),
            ),
            one(
                "txregistry_bodies_receiving",
                Kind.SUM,
                "Bodies of requests, such as uploads, that are on their way.",
                sum(each.receiving for each in sites),
            ),
        ]


def _in_flight(sites: Iterable[RegistrySite]) -> Iterator[str]:
    """Give the routes of all requests that have no whole answer yet."""
    for site in sites:
        for channel in site.channels:
            for request in channel.requests:
                if getattr(request, "began", 0.0) and not request.finished:
                    yield request.endpoint
