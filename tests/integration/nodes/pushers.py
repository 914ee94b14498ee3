"""Clients that push and pull at the same time, and go on where a request fails."""

import http.client
import json
import random
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import Message
from types import TracebackType
from typing import Self

from tests.integration.clients.images import OCI_MANIFEST
from tests.integration.clients.remote import Answer, with_digest
from tests.integration.nodes.case import make_small
from tests.integration.tuned import wait_for

PIECE = 100_000
SIZES = (1, 1000, 150_000)
_TIMEOUT = 120.0
_ATTEMPTS = 20
"""More than there are nodes that fail."""
_BROKEN = frozenset({502, 503, 504})
_LEFT = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Failure:
    """A request that failed.

    Attributes:
        line: Its method and path.
        node: Who was to serve it, as the balancer says; empty where that is not known.
        reason: What the client saw.
    """

    line: str
    node: str
    reason: str


@dataclass
class Ledger:
    """What a client tried, what was acknowledged, and what failed.

    Attributes:
        tried: Blobs and manifests that were pushed, by digest.
        blobs: The digests of blobs that were acknowledged.
        manifests: The same of manifests.
        tags: For each tag, what it may point to: what was acknowledged last, and what
            was pushed since.
        failures: What failed.
    """

    tried: dict[str, bytes] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    manifests: set[str] = field(default_factory=set)
    tags: dict[str, list[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


class Client:
    """Push images to a repository and pull them, each request on its own connection.

    Args:
        host: The balancer.
        name: The repository.
        number: Tells its tags from those of others.
        seed: Decides about what it does.
    """

    def __init__(self, host: str, name: str, number: int, seed: int) -> None:
        self.ledger = Ledger()
        self._host = host
        self._name = name
        self._number = number
        self._chance = random.Random(seed)  # noqa: S311 - it is to be repeated
        self._images: list[str] = []

    def step(self) -> None:
        """Push an image, and pull one."""
        self._push()
        self._pull(self._chance.choice(self._images))

    def _push(self) -> None:
        layer = self._chance.randbytes(self._chance.choice(SIZES))
        image = make_small(f"{self._number} {self._chance.random()}", layer)
        for blob in image.blobs:
            self.ledger.tried[blob.digest] = blob.data
            if blob is image.config:
                path = f"/v2/{self._name}/blobs/uploads/?digest={blob.digest}"
                self._demand(201, "POST", path, blob.data)
            else:
                self._push_blob(blob.data, blob.digest)
            self.ledger.blobs.add(blob.digest)
        tag = f"t{self._number}-{self._chance.randrange(3)}"
        self.ledger.tried[image.digest] = image.manifest.data
        pointed = self.ledger.tags.setdefault(tag, [])
        pointed.append(image.digest)
        path = f"/v2/{self._name}/manifests/{tag}"
        kind = {"Content-Type": OCI_MANIFEST}
        self._demand(201, "PUT", path, image.manifest.data, kind)
        del pointed[:-1]
        self.ledger.manifests.add(image.digest)
        self._images.append(image.digest)

    def _pull(self, digest: str) -> None:
        wanted = {"Accept": OCI_MANIFEST}
        path = f"/v2/{self._name}/manifests/{digest}"
        manifest = self._demand(200, "GET", path, headers=wanted)
        self._compare(manifest.body, digest)
        for layer in json.loads(manifest.body)["layers"]:
            path = f"/v2/{self._name}/blobs/{layer['digest']}"
            self._compare(self._demand(200, "GET", path).body, layer["digest"])

    def _compare(self, data: bytes, digest: str) -> None:
        if data != self.ledger.tried[digest]:
            raise AssertionError(f"{digest} has other bytes: {len(data)}")

    def _push_blob(self, data: bytes, digest: str) -> None:
        """Push a blob; begin again only where nothing of it is there."""
        for _ in range(_ATTEMPTS):
            if self._push_once(data, digest):
                return
            path = f"/v2/{self._name}/blobs/{digest}"
            if self._demand_one((200, 404), "HEAD", path).status == 200:
                return
        raise AssertionError(f"{digest} cannot be pushed")

    def _push_once(self, data: bytes, digest: str) -> bool:
        """Push a blob in a session, going on where it says; whether that was done."""
        begin = f"/v2/{self._name}/blobs/uploads/"
        place = self._demand(202, "POST", begin).location
        acknowledged = offset = 0
        while offset < len(data):
            piece = data[offset : offset + PIECE]
            span = {"Content-Range": f"{offset}-{offset + len(piece) - 1}"}
            answer = self._ask("PATCH", place, piece, span)
            if answer is None:
                # "0-0" is said of no bytes and of one: it cannot be told which.
                state = self._demand(204, "GET", place)
                last = int(state.headers["Range"].partition("-")[2])
                offset = last + 1 if last else min(acknowledged, 1)
                if not acknowledged <= offset <= len(data):
                    raise AssertionError(f"{offset} of {acknowledged} at {place}")
                if len(piece) == 1:
                    return False
            elif answer.status == 202:
                acknowledged = offset = offset + len(piece)
            else:
                raise AssertionError(f"PATCH {place}: {answer}")
        answer = self._ask("PUT", with_digest(place, digest))
        if answer is not None and answer.status != 201:
            raise AssertionError(f"PUT {place}: {answer}")
        return answer is not None

    def _demand(
        self,
        status: int,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask what may be asked again, until there is an answer."""
        return self._demand_one((status,), method, path, body, headers)

    def _demand_one(
        self,
        statuses: Sequence[int],
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Do the same, where several answers are right."""
        for _ in range(_ATTEMPTS):
            answer = self._ask(method, path, body, headers)
            if answer is None:
                continue
            if answer.status not in statuses:
                raise AssertionError(f"{method} {path}: {answer}")
            return answer
        raise AssertionError(f"{method} {path}: {self.ledger.failures}")

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """Ask once; None where that failed, which is noted."""
        connection = http.client.HTTPConnection(self._host, timeout=_TIMEOUT)
        came: Message | None = None
        with closing(connection):
            try:
                connection.request(method, path, body or None, dict(headers or {}))
                response = connection.getresponse()
                came = response.headers
                answer = Answer(response.status, came, response.read())
                reason = f"{answer.status}"
            except _LEFT as error:
                answer = None
                reason = repr(error)
        if answer is not None and answer.status not in _BROKEN:
            return answer
        node = "" if came is None else str(came["X-Served-By"])
        self.ledger.failures.append(Failure(f"{method} {path}", node, reason))
        return None


class Crowd:
    """Clients that do what they do until they are told to end.

    Args:
        clients: Who they are.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self._done = [0] * len(clients)
        self._ending = threading.Event()
        self._wrong: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(place, client))
            for place, client in enumerate(clients)
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
        """Wait until each has come to the end of what it does now."""
        goal = [done + 1 for done in self._done]

        def has_done() -> bool:
            pairs = zip(self._done, goal, strict=True)
            return bool(self._wrong) or all(done >= wanted for done, wanted in pairs)

        wait_for(has_done, "each goes on", _TIMEOUT)
        self._raise()

    def _raise(self) -> None:
        if self._wrong:
            raise self._wrong[0]

    def _run(self, place: int, client: Client) -> None:
        try:
            while not self._ending.is_set() and not self._wrong:
                client.step()
                self._done[place] += 1
        except BaseException as error:  # noqa: BLE001 - it is told by who waits
            self._wrong.append(error)


class HeldUpload:
    """A chunk of which only the half was sent; its node waits for the rest.

    Args:
        host: The balancer, or a node.
        place: The upload.
        data: The chunk.
        start: Where it begins.
    """

    def __init__(self, host: str, place: str, data: bytes, start: int = 0) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=_TIMEOUT)
        self._data = data
        stop = start + len(data)
        self._connection.putrequest("PATCH", place)
        self._connection.putheader("Content-Range", f"{start}-{stop - 1}")
        self._connection.putheader("Content-Length", f"{len(data)}")
        self._connection.putheader("Expect", "100-continue")
        self._connection.endheaders()
        # It is said when the node is ready to take the body, and not before.
        found = b""
        while not found.endswith(b"\r\n\r\n"):
            piece = self._connection.sock.recv(1)
            assert piece, found
            found += piece
        assert found.startswith(b"HTTP/1.1 100 "), found
        self._connection.send(data[: len(data) // 2])

    def finish(self) -> Answer | None:
        """Send the rest, and give what comes of it; None where it is cut off."""
        with closing(self._connection):
            with suppress(ConnectionError):  # there may be something to read
                self._connection.send(self._data[len(self._data) // 2 :])
            try:
                response = self._connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except _LEFT:
                return None

    def leave(self) -> None:
        """Hang up."""
        self._connection.close()


class HeldDownload:
    """A blob of which only the beginning was taken; its node waits with the rest.

    Args:
        host: The balancer, or a node.
        path: The blob.
    """

    def __init__(self, host: str, path: str) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=_TIMEOUT)
        self._connection.request("GET", path)
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.status
        self.node = str(self._response.headers["X-Served-By"])
        self.begun = self._response.read(1000)

    def finish(self) -> bytes | None:
        """Take the rest, and give all of it; None where it was cut off."""
        with closing(self._connection):
            try:
                return self.begun + self._response.read()
            except _LEFT as error:
                if isinstance(error, http.client.IncompleteRead):
                    self.begun += error.partial
                return None
