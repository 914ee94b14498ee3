"""Lists: tags of a repository, repositories of the catalog."""

import http.client
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlsplit

from tests.benchmarks.costs import memory
from tests.benchmarks.report import Measure, MeasureError, Sample, Samples
from tests.benchmarks.servers import HOST, Side
from tests.benchmarks.trees import NAME, write_catalog, write_tags

_PAGE = 100
#: The most that Distribution gives at once, as it is configured by default.
_LARGE_PAGE = 1000
_PATIENCE = 900
_OK = 200
_NEXT = re.compile(r'<([^>]+)>; *rel="?next"?')


@dataclass(frozen=True)
class Kind:
    """What is listed.

    Args:
        name: What the report calls it.
        target: The path that lists it.
        member: The member of the answer that holds the entries.
        whole: The query that begins the whole list.
        write: Writes a store with so many entries and returns them.
    """

    name: str
    target: str
    member: str
    whole: str
    write: Callable[[Path, int], list[str]]


KINDS = (
    Kind("tags", f"/v2/{NAME}/tags/list", "tags", "", write_tags),
    Kind(
        "catalog",
        "/v2/_catalog",
        "repositories",
        f"?n={_LARGE_PAGE}",
        write_catalog,
    ),
)


@dataclass
class Tree:
    """A store of many entries: written when first needed, read by both sides in turn.

    Args:
        directory: Where to write it.
        kind: What is in it.
        count: How many.
    """

    directory: Path
    kind: Kind
    count: int
    _entries: list[str] = field(default_factory=list)

    def entries(self) -> list[str]:
        """Return the entries, which are now on the disk."""
        if not self._entries:
            self._entries = self.kind.write(self.directory, self.count)
        return self._entries


def measure_lists(tree: Tree, seconds: float, *, side: Side, place: Path) -> Samples:
    """List a first page, a page from the middle, everything."""
    kind, entries = tree.kind, tree.entries()
    middle = len(entries) // 2
    cell = f"{kind.name}, {len(entries)} entries"
    first = f"{kind.target}?n={_PAGE}"
    later = f"{first}&last={quote(entries[middle - 1], safe='')}"
    whole = f"{kind.target}{kind.whole}"
    with side.start(place, tree.directory) as server:
        pages = Pages(server.port, kind.member)
        for what, reading, expected in (
            (f"page of {_PAGE}", partial(pages.one, first), entries[:_PAGE]),
            (
                "page from the middle",
                partial(pages.one, later),
                entries[middle:][:_PAGE],
            ),
            ("everything", partial(pages.all, whole), entries),
        ):
            took = _time(pages, reading, expected, seconds)
            yield Sample(Measure("lists", cell, f"{what}, ms", "<1"), took * 1000)
        yield memory("lists", cell, server)


class Pages:
    """Read pages on one connection.

    Args:
        port: Where the registry listens.
        member: The member of the answer that holds the entries.
    """

    def __init__(self, port: int, member: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE)
        self._member = member

    def one(self, target: str) -> list[bytes]:
        """Read one page."""
        return [self._read(target)[0]]

    def all(self, target: str) -> list[bytes]:
        """Read a page and those that follow it."""
        pages = []
        following: str | None = target
        while following:
            page, following = self._read(following)
            pages.append(page)
        return pages

    def entries(self, pages: list[bytes]) -> list[str]:
        """Return what pages hold."""
        return [entry for page in pages for entry in json.loads(page)[self._member]]

    def _read(self, target: str) -> tuple[bytes, str | None]:
        self._connection.request("GET", target)
        response = self._connection.getresponse()
        page = response.read()
        if response.status != _OK:
            raise MeasureError(f"a list was answered {response.status}")
        found = _NEXT.search(response.getheader("Link", ""))
        if not found:
            return page, None
        url = urlsplit(found[1])
        return page, f"{url.path}?{url.query}"


def _time(
    pages: Pages,
    reading: Callable[[], list[bytes]],
    expected: list[str],
    seconds: float,
) -> float:
    """Read over and over, and see that it is right.

    Returns:
        The median of the seconds it took.
    """
    taken: list[float] = []
    while not taken or (sum(taken) < seconds and len(taken) < _PAGE):
        started = time.perf_counter()
        read = reading()
        taken.append(time.perf_counter() - started)
        got = pages.entries(read)
        if got != expected:
            raise MeasureError(f"listed {len(got)} entries instead of {len(expected)}")
    return median(taken)
