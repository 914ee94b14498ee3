"""Clients that pull at random, and know what is true."""

import hashlib
import http.client
import json
import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.soaks.flaky import NAME, TAGS, FlakyRegistry, digest_of, image_of

_TIMEOUT = 60.0
_PIECE = 65536
_MAY_FAIL = {404, 429, 502, 503, 504}
_UPSTREAMS = {502, 504}


@dataclass
class Findings:
    """What clients saw.

    Attributes:
        done: How often each thing happened.
        wrong: What must not happen, in words.
    """

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, size: int = 0) -> None:
        """Take down that something happened."""
        with self._lock:
            self.done[what] += 1
            self.done["bytes"] += size

    def blame(self, what: str) -> None:
        """Take down what must not happen."""
        with self._lock:
            self.wrong.append(what)


class Puller:
    """A client.

    Args:
        registry: Knows what is true.
        port: Where the mirror listens.
        prefix: How names of the upstream's repositories begin there.
        findings: Where it tells what it saw.
        seed: Makes it different from others.
    """

    def __init__(
        self,
        registry: FlakyRegistry,
        port: int,
        prefix: str,
        findings: Findings,
        seed: int,
    ) -> None:
        self._registry = registry
        self._port = port
        self._name = f"{prefix}{NAME}"
        self._findings = findings
        self._chance = random.Random(seed)

    def work(self, until: threading.Event) -> None:
        """Pull, until it is time."""
        while not until.is_set():
            try:
                self._pull()
            except (OSError, http.client.HTTPException) as error:
                self._findings.count(f"broken off: {type(error).__name__}")

    def _pull(self) -> None:
        chosen = self._chance.randrange(10)
        if chosen < 5:
            tag = self._chance.choice(TAGS)
            status, data = self._get("manifests", tag)
            if status == 200 and not self._registry.pointed_at(tag, data):
                self._findings.blame(f"{tag} is {data[:60]!r}")
        else:
            newest = self._registry.latest()
            back = min(newest, self._chance.choice((0, 1, 5, 50)))
            data = image_of(newest - back)
            status, found = self._get("manifests", digest_of(data))
            if status == 200 and found != data:
                self._findings.blame("a manifest with another digest")
        if status == 200:
            self._pull_blobs(data)

    def _pull_blobs(self, manifest: bytes) -> None:
        document = json.loads(manifest)
        for each in (document["config"], *document["layers"]):
            digest, size = each["digest"], each["size"]
            chosen = self._chance.randrange(10)
            if chosen == 0:
                status, _ = self._get("blobs", digest, "HEAD")
            elif chosen == 1 and size:
                self._pull_part(digest, size)
                continue
            elif chosen == 2:
                self._leave(digest)
                continue
            else:
                status, data = self._get("blobs", digest)
                if status == 200 and digest_of(data) != digest:
                    self._findings.blame(f"{digest} has other bytes")

    def _pull_part(self, digest: str, size: int) -> None:
        """Pull a part: it is not verified, unless it is here; its size is."""
        start = self._chance.randrange(size)
        field_ = {"Range": f"bytes={start}-"}
        status, data = self._get("blobs", digest, fields=field_)
        if status == 206 and len(data) != size - start:
            self._findings.blame(f"a part of {len(data)} bytes")

    def _leave(self, digest: str) -> None:
        """Begin to pull, and go."""
        connection = self._connect()
        connection.request("GET", f"/v2/{self._name}/blobs/{digest}")
        with suppress(OSError, http.client.HTTPException):
            connection.getresponse().read(1000)
        connection.close()
        self._findings.count("left")

    def _get(
        self,
        kind: str,
        reference: str,
        method: str = "GET",
        fields: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        connection = self._connect()
        try:
            target = f"/v2/{self._name}/{kind}/{reference}"
            connection.request(method, target, headers=fields or {})
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        self._findings.count(f"{kind} {response.status}", len(data))
        if response.status not in {200, 206}:
            self._check_refusal(method, response.status, data)
        return response.status, data

    def _check_refusal(self, method: str, status: int, data: bytes) -> None:
        if status not in _MAY_FAIL:
            self._findings.blame(f"{status}: {data[:200]!r}")
            return
        if method == "HEAD":
            return
        try:
            message = json.loads(data)["errors"][0]["message"]
        except (ValueError, LookupError):
            self._findings.blame(f"{status} without a sentence: {data[:200]!r}")
            return
        if status in _UPSTREAMS and "flaky.example" not in message:
            self._findings.blame(f"{status} without a name: {message}")

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT)


def sum_of(path: str) -> str:
    """Name the bytes of a file."""
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(_PIECE):
            whole.update(data)
    return whole.hexdigest()
