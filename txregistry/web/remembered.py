"""Answers that are remembered by the very words of what was asked.

Each was made in the usual way, once, and is given again while all that it was made of
is proven to be the same. Whether who asks may have it is asked every time.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from zope.interface import Interface

from txregistry.storage.evidence import Evidence
from txregistry.web.request import RegistryRequest

_MOST: Final = 1024
_ROOM: Final = 4 * 1024 * 1024
"""Bytes of all answers, with what they answer."""
_DATE: Final = b"\r\nDate: "


class IRepeating(Interface):
    """A resource whose answers can be given again."""

    def admits(request: RegistryRequest) -> bool:  # noqa: N805 - an interface
        """Say whether who asks may have what others were given.

        Where not, or where it takes time to find out, the request is rendered after
        all: that refuses it, or finds out.
        """


class Known(NamedTuple):
    """An answer.

    Attributes:
        evidence: Proves that it still holds.
        admits: Says who may have it, see `IRepeating`.
        again: What is to be done whenever it is given.
        said: What a request like that has learnt by its end, as attributes.
        front: The answer up to its date.
        rest: The answer after its date.
    """

    evidence: Evidence
    admits: Callable[[RegistryRequest], bool]
    again: Callable[[], None]
    said: dict[str, Any]
    front: bytes
    rest: bytes

    def answer_at(self, date: bytes) -> bytes:
        """Write the answer as it is sent at a date."""
        return b"".join((self.front, _DATE, date, self.rest))


class Repeat(RegistryRequest):
    """A request that was answered before, word for word, to be answered the same.

    It is what the log and whoever admits it want to know; nothing can be written to it.

    Args:
        channel: Its connection.
        known: The answer.
    """

    def __init__(self, channel: Any, known: Known) -> None:
        # Twisted's part of a request is left out: it costs more than all that is here.
        self.__dict__.update(known.said)
        self.channel = channel
        self.site = channel.site
        self.began = self.site.clock.seconds()
        self.client = channel.getPeer()
        self.notifications = []


_SAID: Final = (
    *("method", "uri", "path", "args", "clientproto", "requestHeaders", "_proxies"),
    *("code", "responseHeaders", "startedWriting", "sentLength", "finished"),
    *("endpoint", "needs", "arguments"),
)


class Remembered:
    """Remember the latest answers of a site."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._room = _ROOM

    def find(self, asked: bytes) -> Known | None:
        """Give the answer to the words of a request, be it still true or not."""
        known = self._known.get(asked)
        if known is not None:
            self._known.move_to_end(asked)
        return known

    def keep(self, request: RegistryRequest, answer: bytes) -> None:
        """Keep an answer in place of what was given to the same words before.

        Nothing is kept where it cannot be given again.

        Args:
            request: What it was given to.
            answer: The bytes that were sent.
        """
        asked, evidence, again = request.asked, request.evidence, request.again
        admits = IRepeating(request.site.resource, None)
        front, date, rest = answer.partition(_DATE)
        if asked is None or evidence is None or again is None or admits is None:
            return
        if not date or len(asked) + len(answer) > _ROOM:
            return
        said = {name: getattr(request, name) for name in _SAID}
        rest = rest[rest.index(b"\r\n") :]
        self._forget(asked)
        self._known[asked] = Known(evidence, admits.admits, again, said, front, rest)
        self._room -= _size(asked, front, rest)
        while self._room < 0 or len(self._known) > _MOST:
            self._forget(next(iter(self._known)))

    def _forget(self, asked: bytes) -> None:
        known = self._known.pop(asked, None)
        if known is not None:
            self._room += _size(asked, known.front, known.rest)


def _size(*parts: bytes) -> int:
    return sum(map(len, parts))
