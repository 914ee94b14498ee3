"""A registry that fails in all ways: now and then, and differently each time.

Its content is made of numbers, so that whoever pulls can tell what is true. A tag moves
to a newer image time and again.
"""

import hashlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from tests.integration.upstreams.liar import Liar, Talk, answer
from txregistry.model.descriptors import OCI_MANIFEST

NAME = "team/app"
TAGS = ("stable", "edge", "nightly")
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_TARGET = re.compile(rb"(GET|HEAD) /v2/team/app/(manifests|blobs)/([^ ?]+)[ ?]")
_RANGE = re.compile(rb"\r\nrange: bytes=(\d+)-", re.IGNORECASE)
_SIZES = (0, 1, 1000, 65_536, 300_000, 1_000_000, 3_000_000)
_SILENCE = 4.0
"""Seconds: longer than the mirror waits."""


@lru_cache(64)
def blob_of(number: int) -> bytes:
    """Make the bytes of a number."""
    size = _SIZES[number % len(_SIZES)]
    return random.Random(number).randbytes(size + number % 7)


def digest_of(data: bytes) -> str:
    """Name bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@lru_cache(1024)
def image_of(number: int) -> bytes:
    """Make the manifest of a number, of three blobs that others may have too."""

    def describe(blob: int, media_type: str) -> dict[str, object]:
        data = blob_of(blob)
        return {
            "mediaType": media_type,
            "digest": digest_of(data),
            "size": len(data),
        }

    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": describe(2 * number, _CONFIG),
        "layers": [describe(2 * number + 1, _LAYER), describe(number, _LAYER)],
    }
    return json.dumps(document).encode()


def _pace(tag: str) -> int:
    """Say how many images come until a tag moves."""
    return TAGS.index(tag) * 4 + 1


@dataclass
class FlakyRegistry:
    """Serve images up to a number, which grows.

    Attributes:
        faulty: How many of a hundred answers are no good ones.
        every: Seconds between two new images.
        done: What was answered, by kind.
    """

    faulty: int = 30
    every: float = 0.2
    done: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock)
    _chance: random.Random = field(default_factory=lambda: random.Random(6))
    _blobs: dict[str, int] = field(default_factory=dict)
    _images: dict[str, int] = field(default_factory=dict)
    _known: int = -1

    def latest(self) -> int:
        """Give the number of the newest image."""
        with self._lock:
            newest = int((time.monotonic() - self._began) / self.every)
            for number in range(self._known + 1, newest + 1):
                self._images[digest_of(image_of(number))] = number
                for blob in (number, 2 * number, 2 * number + 1):
                    self._blobs[digest_of(blob_of(blob))] = blob
            self._known = max(self._known, newest)
            return newest

    def points_at(self, tag: str) -> int:
        """Give the number of the image of a tag, which moves at its own pace."""
        pace = _pace(tag)
        return self.latest() // pace * pace

    def pointed_at(self, tag: str, data: bytes) -> bool:
        """Say whether a tag points at a manifest, or did."""
        number = self._images.get(digest_of(data))
        return number is not None and number % _pace(tag) == 0

    def play(self, talk: Talk) -> None:
        """Answer on a connection."""
        while head := talk.listen():
            good, data = self._good(head)
            with self._lock:
                is_good = self._chance.randrange(100) >= self.faulty
                fault = self._chance.choice(FAULTS)
                place = self._chance.random()
            name = "good" if is_good else fault.__name__.strip("_")
            with self._lock:
                self.done[name] += 1
            if is_good:
                talk.say(good)
            elif not fault(Given(talk, good, data, place)):
                return

    def _good(self, head: bytes) -> tuple[bytes, bytes]:
        """Give what is right to answer, and the body of that."""
        match = _TARGET.match(head)
        if match is None:
            return answer(b"{}", "Content-Type: application/json"), b"{}"
        self.latest()
        method, kind, reference = match[1], match[2], match[3].decode()
        data, media_type = self._find(kind, reference)
        if data is None:
            return answer(b"{}", status="404 Not Found"), b"{}"
        fields = [
            f"Content-Type: {media_type}",
            f"Docker-Content-Digest: {digest_of(data)}",
        ]
        status = "200 OK"
        if part := _RANGE.search(head):
            start, size = int(part[1]), len(data)
            data = data[start:]
            fields.append(f"Content-Range: bytes {start}-{size - 1}/{size}")
            status = "206 Partial Content"
        whole = answer(data, *fields, status=status)
        if method == b"HEAD":
            return whole[: len(whole) - len(data)], b""
        return whole, data

    def _find(self, kind: bytes, reference: str) -> tuple[bytes | None, str]:
        if kind == b"blobs":
            number = self._blobs.get(reference)
            found = None if number is None else blob_of(number)
            return found, "application/octet-stream"
        if reference in TAGS:
            return image_of(self.points_at(reference)), OCI_MANIFEST
        number = self._images.get(reference)
        return None if number is None else image_of(number), OCI_MANIFEST


@dataclass(frozen=True)
class Given:
    """What a fault is made of.

    Attributes:
        talk: The connection.
        good: What would be right to answer.
        data: The body of that.
        place: Where in it something happens, from 0 to 1.
    """

    talk: Talk
    good: bytes
    data: bytes
    place: float


Fault = Callable[[Given], bool]
"""Play a fault, and say whether the connection can be used again."""


def _cut(given: Given) -> bool:
    given.talk.say(given.good[: int(len(given.good) * given.place)])
    return False


def _reset(given: Given) -> bool:
    given.talk.say(given.good[: int(len(given.good) * given.place)])
    given.talk.reset()
    return False


def _flipped(given: Given) -> bool:
    if not given.data:
        given.talk.say(given.good)
        return True
    at = len(given.good) - len(given.data) + int(len(given.data) * given.place)
    given.talk.say(given.good[:at] + bytes([given.good[at] ^ 1]) + given.good[at + 1 :])
    return True


def _longer(given: Given) -> bool:
    given.talk.say(given.good + b"more than was said")
    return False


def _another(given: Given) -> bool:
    given.talk.say(answer(b"x" * 1000))
    return True


def _page(given: Given) -> bool:
    given.talk.say(answer(b"<html>Log in!</html>", "Content-Type: text/html"))
    return True


def _broken(given: Given) -> bool:
    given.talk.say(answer(b"", status="500 Oh no"))
    return True


def _busy(given: Given) -> bool:
    given.talk.say(answer(b"", "Retry-After: 1", status="503 Busy"))
    return True


def _circle(given: Given) -> bool:
    head = given.talk.asked[-1].split(b" ")[1].decode()
    given.talk.say(answer(b"", f"Location: {head}", status="307 Over There"))
    return True


def _huge(given: Given) -> bool:
    given.talk.say(b"HTTP/1.1 200 OK\r\n")
    given.talk.say_for_ever(b"X-More: " + b"y" * 1000 + b"\r\n")
    return False


def _noise(given: Given) -> bool:
    given.talk.say(b"\x16\x03\x01 SSH-2.0 \r\n\r\n")
    return False


def _drips(given: Given) -> bool:
    given.talk.say(given.good[: len(given.good) // 2])
    given.talk.say_for_ever(b"x", pause=1.0)
    return False


def _silence(given: Given) -> bool:
    given.talk.pause(_SILENCE)
    return False


FAULTS: tuple[Fault, ...] = (
    *(_cut,) * 4,
    *(_reset,) * 3,
    *(_flipped,) * 3,
    _longer,
    _another,
    _page,
    _broken,
    _broken,
    _busy,
    _circle,
    _huge,
    _noise,
    _drips,
    _silence,
)


def start(registry: FlakyRegistry) -> Liar:
    """Serve it, until it is stopped."""
    return Liar(registry.play)
