"""The registry is killed at random moments, while many push to it.

What was acknowledged must be there afterwards, byte for byte, and nothing else.
"""

import hashlib
import http.client
import json
import os
import random
import threading
from dataclasses import dataclass, field

from tests.integration.clients import case
from tests.integration.clients.images import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from tests.integration.clients.remote import AnswerError, Remote, with_digest

ROUNDS = int(os.environ.get("TXREGISTRY_KILL_ROUNDS", "5"))
SEED = int(
    os.environ.get("TXREGISTRY_KILL_SEED", str(random.SystemRandom().randrange(10**9)))
)
WRITERS = 16
NAME = "team/app"
LEFT = (OSError, http.client.HTTPException)
"""What a client sees of a registry that is killed."""


@dataclass
class Ledger:
    """What one writer pushed, and what was acknowledged of it."""

    tried: dict[str, bytes] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tried_tags: dict[str, set[str]] = field(default_factory=dict)
    sessions: dict[str, tuple[bytes, int]] = field(default_factory=dict)


class Writer(threading.Thread):
    """Push images until the registry is gone."""

    def __init__(self, host: str, number: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.ledger = Ledger()
        self.failure: Exception | None = None
        self._remote = Remote(host)
        self._number = number
        self._seed = seed  # tells the tags of one round from those of another
        self._random = random.Random(seed)  # noqa: S311 - it is to be repeated

    def run(self) -> None:
        """Push until it cannot be done."""
        try:
            while True:
                self._push_image()
        except LEFT:
            return
        except Exception as failure:  # noqa: BLE001 - told by the test
            self.failure = failure

    def _push_image(self) -> None:
        layers = [self._push_blob() for _ in range(self._random.randrange(1, 3))]
        config = self._push_blob(json.dumps({"n": self._random.random()}).encode())
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": _descriptor(OCI_CONFIG, config),
                "layers": [_descriptor(OCI_LAYER, layer) for layer in layers],
            }
        ).encode()
        digest = _digest(manifest)
        tag = f"w{self._number}-{self._seed}-{self._random.randrange(3)}"
        ledger = self.ledger
        ledger.tried[digest] = manifest
        ledger.tried_tags.setdefault(tag, set()).add(digest)
        self._remote.push_manifest(NAME, tag, OCI_MANIFEST, manifest)
        ledger.manifests[digest] = manifest
        ledger.tags[tag] = digest

    def _push_blob(self, data: bytes | None = None) -> bytes:
        if data is None:
            size = self._random.choice((1, 1000, 70_000, 1_000_000, 4_000_000))
            data = self._random.randbytes(self._random.randrange(size) + 1)
        digest = _digest(data)
        self.ledger.tried[digest] = data
        way = self._random.randrange(3)
        if way == 0:
            path = f"/v2/{NAME}/blobs/uploads/?digest={digest}"
            self._remote.demand(201, "POST", path, data)
        else:
            self._push_session(data, digest, pieces=way == 1)
        self.ledger.blobs.add(digest)
        return data

    def _push_session(self, data: bytes, digest: str, *, pieces: bool) -> None:
        path = self._remote.demand(202, "POST", f"/v2/{NAME}/blobs/uploads/").location
        self.ledger.sessions[path] = (data, 0)
        sent = 0
        while pieces and sent < len(data):
            piece = data[sent : sent + 300_000]
            span = f"{sent}-{sent + len(piece) - 1}"
            self._remote.demand(202, "PATCH", path, piece, {"Content-Range": span})
            sent += len(piece)
            self.ledger.sessions[path] = (data, sent)
        self._remote.demand(201, "PUT", with_digest(path, digest), data[sent:])
        del self.ledger.sessions[path]


class KillTests(case.ClientCase):
    def test_keeps_what_was_acknowledged_and_nothing_else(self) -> None:
        chance = random.Random(SEED)  # noqa: S311 - it is to be repeated
        kept: dict[str, bytes] = {}
        for number in range(ROUNDS):
            if number:
                self.daemon.start()
            writers = self.push_until_killed(chance)
            self.daemon.start()
            for writer in writers:
                self.assertIsNone(writer.failure, f"seed {SEED}: {writer.failure!r}")
                self.check(writer.ledger)
                kept |= writer.ledger.manifests
            self.daemon.stop()
        self.assertGreater(len(kept), ROUNDS)

    def push_until_killed(self, chance: random.Random) -> list[Writer]:
        """Let many push, and kill the registry at some moment."""
        writers = [
            Writer(self.daemon.host, number, chance.randrange(10**9))
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        writers[0].join(chance.uniform(0.05, 1.5))  # as long as that, or until it fails
        self.daemon.kill()
        for writer in writers:
            writer.join(60)
        return writers

    def check(self, ledger: Ledger) -> None:
        """Compare what one writer was told with what is there."""
        for digest in ledger.blobs:
            self.assertTrue(self.remote.blob(NAME, digest) == ledger.tried[digest])
        for digest, data in ledger.manifests.items():
            self.assertTrue(self.remote.manifest(NAME, digest).body == data)
        for digest, data in ledger.tried.items():
            for kind in ("blobs", "manifests"):
                answer = self.remote.ask("GET", f"/v2/{NAME}/{kind}/{digest}")
                self.assertIn(answer.status, (200, 404))
                self.assertTrue(answer.status == 404 or answer.body == data)
        self.check_tags(ledger)
        for path, (data, acknowledged) in ledger.sessions.items():
            self.check_session(path, data, acknowledged)

    def check_tags(self, ledger: Ledger) -> None:
        """Tags are whole: what they name can be pulled, down to the last layer."""
        listed = [
            tag
            for tag in self.remote.ask("GET", f"/v2/{NAME}/tags/list").json()["tags"]
            if tag in ledger.tried_tags
        ]
        for tag in listed:
            self.assertIn(self.remote.digest(NAME, tag), ledger.tried_tags[tag])
            self.remote.fetch(NAME, tag)
        for tag in ledger.tags:
            self.assertIn(tag, listed)

    def check_session(self, path: str, data: bytes, acknowledged: int) -> None:
        """An upload that was broken off goes on where it says, or begins again."""
        digest = _digest(data)
        state = self.remote.ask("GET", path)
        if state.status == 404:
            # It was complete, or its beginning was never acknowledged.
            self.assertTrue(
                not acknowledged
                or self.remote.ask("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 200,
                "an acknowledged session is gone",
            )
            return
        last = int(state.headers["Range"].partition("-")[2])
        # "0-0" is said of no bytes and of one.
        offset = last + 1 if last else min(acknowledged, 1)
        if self.remote.ask("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 200:
            self.remote.demand(204, "DELETE", path)
            return
        self.assertGreaterEqual(offset, acknowledged)
        try:
            self.remote.demand(201, "PUT", with_digest(path, digest), data[offset:])
        except AnswerError:
            self.assertEqual(last, 0)
            self.remote.push_blob(NAME, data)
        self.assertTrue(self.remote.blob(NAME, digest) == data)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}
