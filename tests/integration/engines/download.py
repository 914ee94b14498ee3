"""A layer on its way to an engine; where the way breaks, it may be resumed."""

from collections.abc import Iterator, Sequence

from tests.integration.engines.connection import Header, Reply, Url
from tests.integration.engines.errors import EngineError, Interrupted, Unreachable
from tests.integration.engines.session import Session

_PIECE = 32768
_ATTEMPTS = 5
_PAUSE = 5.0
"""Seconds before a layer is asked for again."""
_ENDLESS = 50
"""How often a layer is resumed before the test gives up; engines never do."""


class Download:
    """A layer that is fetched.

    Args:
        session: The session.
        url: Where it is.
        size: How long its JSON says it is, in bytes; -1 if it does not.
        cuts: After how many bytes each answer, in turn, is cut off by the engine's
            end of the connection; answers beyond these are read to their end.
    """

    def __init__(
        self, session: Session, url: Url, size: int, cuts: Sequence[int] = ()
    ) -> None:
        self._session = session
        self._release = session.setting.release
        self._url = url
        self._size = size
        self._cuts = list(cuts)

    def run(self) -> bytes:
        """Fetch the layer.

        Raises:
            EngineError: it did not come whole.
        """
        for restart in range(self._release.restarts + 1):
            try:
                return self._fetch()
            except Interrupted as error:
                if restart == self._release.restarts:
                    raise EngineError(str(error)) from error
                self._session.setting.wait(_PAUSE * (restart + 1))
        raise AssertionError("the last attempt returns or raises")

    def _fetch(self) -> bytes:
        if self._release.heads_layers:
            head = self._insist("HEAD", _ATTEMPTS)
            head.close()
            if self._can_resume(head):
                return self._resume(None)
        reply = self._insist("GET", self._release.layer_attempts)
        if reply.status != 200:
            reply.close()
            raise EngineError(self._complaint(reply.status))
        if not self._release.heads_layers and self._can_resume(reply):
            return self._resume(reply)
        return b"".join(self._pieces(reply))

    def _can_resume(self, reply: Reply) -> bool:
        ranges = reply.header("Accept-Ranges") == "bytes"
        return self._release.resumes and ranges and self._size > 0

    def _insist(self, method: str, attempts: int) -> Reply:
        """Ask until there is an answer, whatever its status."""
        for attempt in range(1, attempts + 1):
            try:
                return self._session.ask(method, self._url)
            except Unreachable as error:
                if attempt == attempts:
                    raise EngineError(self._complaint(0)) from error
                self._session.setting.wait(_PAUSE * attempt)
        raise AssertionError("the last attempt returns or raises")

    def _complaint(self, status: int) -> str:
        image = self._url.target.split("/")[-2]
        return f"Server error: Status {status} while fetching image layer ({image})"

    def _resume(self, reply: Reply | None) -> bytes:
        """Read on over any number of breaks.

        Args:
            reply: The first answer, if there is one already.
        """
        got = bytearray()
        failures = 0
        for _ in range(_ENDLESS):
            asked = reply is None
            if reply is None:
                try:
                    reply = self._ask_for_rest(len(got))
                except Unreachable as error:
                    failures += 1
                    if failures == _ATTEMPTS:
                        raise EngineError(str(error)) from error
                    self._session.setting.wait(_PAUSE * failures)
                    continue
            if asked and got and not self._goes_on(reply, len(got)):
                return bytes(got)
            try:
                for piece in self._pieces(reply):
                    got += piece
            except Interrupted:
                reply = None
            else:
                return bytes(got)
        raise EngineError(f"broke off {_ENDLESS} times")

    def _ask_for_rest(self, got: int) -> Reply:
        """Ask from where it broke; the end is the size, one past the last byte."""
        headers: tuple[Header, ...] = ()
        if got:
            headers = (("Range", f"bytes={got}-{self._size}"),)
            self._session.setting.wait(_PAUSE)
        return self._session.ask("GET", self._url, headers=headers)

    def _goes_on(self, reply: Reply, got: int) -> bool:
        """Say whether an answer to a range has more; 416 may mean that it has not."""
        if reply.status == 206:
            return True
        reply.close()
        if reply.status == 416 and got == self._size and reply.length == 0:
            return False
        raise EngineError("the server doesn't support byte ranges")

    def _pieces(self, reply: Reply) -> Iterator[bytes]:
        """Read an answer, up to where it is cut."""
        left = self._cuts.pop(0) if self._cuts else None
        try:
            while left is None or left > 0:
                piece = reply.read(_PIECE if left is None else min(_PIECE, left))
                if not piece:
                    return
                yield piece
                if left is not None:
                    left -= len(piece)
        finally:
            reply.close()
        raise Interrupted("unexpected EOF")
