"""Clients that keep a registry busy, and hold it to every answer."""

import http.client
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.integration.clients.images import Image, digest_of
from tests.integration.clients.remote import MANIFEST_TYPES, Answer, with_digest
from tests.integration.tuned import wait_for

_TIMEOUT = 60.0
_OCTETS = {"Content-Type": "application/octet-stream"}
_WANTED = {"Accept": ", ".join(MANIFEST_TYPES)}


@dataclass
class Visitor:
    """Somebody on a connection that is kept: it breaks for nobody.

    Args:
        host: The registry.
        shown: The headers that say who it is.
    """

    host: str
    shown: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.host, timeout=_TIMEOUT)
        self.connection.connect()
        self._socket = self.connection.sock

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask something."""
        wanted = {**self.shown, **(headers or {})}
        self.connection.request(method, path, body or None, wanted)
        response = self.connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        if self.connection.sock is not self._socket:
            raise AssertionError(f"{method} {path}: the connection was closed")
        return answer

    def demand(
        self,
        status: int,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask something which must be answered with one status."""
        answer = self.ask(method, path, body, headers)
        if answer.status != status:
            raise AssertionError(
                f"{method} {path} {dict(self.shown)}: {answer.status}, not {status}: "
                f"{answer.body!r}"
            )
        return answer

    def pull(self, name: str, tag: str, image: Image) -> None:
        """Pull an image; each byte must be its own."""
        path = f"/v2/{name}/manifests/{tag}"
        answer = self.demand(200, "GET", path, headers=_WANTED)
        assert answer.body == image.manifest.data, path
        for blob in image.blobs:
            path = f"/v2/{name}/blobs/{blob.digest}"
            assert self.demand(200, "GET", path).body == blob.data, path

    def push_blob(self, name: str, data: bytes) -> None:
        """Push a blob."""
        location = self.demand(202, "POST", f"/v2/{name}/blobs/uploads/").location
        end = with_digest(location, digest_of(data))
        self.demand(201, "PUT", end, data, _OCTETS)

    def push(self, name: str, tag: str, image: Image) -> None:
        """Push an image."""
        for blob in image.blobs:
            self.push_blob(name, blob.data)
        kind = {"Content-Type": image.manifest.media_type}
        path = f"/v2/{name}/manifests/{tag}"
        self.demand(201, "PUT", path, image.manifest.data, kind)


Step = Callable[[Visitor, int], None]
"""One thing that a visitor does, again and again; the number says which time it is."""


class Load:
    """Visitors that do what they do until they are told to end.

    Args:
        visitors: Who they are, and what each does.
    """

    def __init__(self, visitors: Sequence[tuple[Visitor, Step]]) -> None:
        self._done = [0] * len(visitors)
        self._ending = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(place, visitor, step))
            for place, (visitor, step) in enumerate(visitors)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        if error is None:
            self._raise()

    def go_on(self) -> None:
        """Wait until each has done something more, from its beginning to its end."""
        goal = [done + 2 for done in self._done]
        wait_for(lambda: self._failures or self._has_done(goal), "each goes on")
        self._raise()

    def _has_done(self, goal: Sequence[int]) -> bool:
        return all(
            done >= wanted for done, wanted in zip(self._done, goal, strict=True)
        )

    def _raise(self) -> None:
        if self._failures:
            raise self._failures[0]

    def _run(self, place: int, visitor: Visitor, step: Step) -> None:
        try:
            with closing(visitor.connection):
                while not self._ending.is_set() and not self._failures:
                    step(visitor, self._done[place])
                    self._done[place] += 1
        except BaseException as error:  # noqa: BLE001 - it is told by who waits
            self._failures.append(error)
