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
from tests.integration.clients.remote import Remote, with_digest

ROUNDS = int(os.environ.get("TXREGISTRY_KILL_ROUNDS", "5"))
SEED = int(
    os.environ.get("TXREGISTRY_KILL_SEED", str(random.SystemRandom().randrange(10**9)))
)
WRITERS = 16
NAME = "team/app"
PIECE = 300_000
LEFT = (OSError, http.client.HTTPException)
"""What a client sees of a registry that is killed."""


@dataclass
class Ledger:
    """What one writer pushed, and what was acknowledged of it."""

    tried: dict[str, bytes] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tried_tags: dict[str, list[str]] = field(default_factory=dict)
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
        ledger.tried_tags.setdefault(tag, []).append(digest)
        self._remote.push_manifest(NAME, tag, OCI_MANIFEST, manifest)
        ledger.manifests[digest] = manifest
        ledger.tags[tag] = digest

    def _push_blob(self, data: bytes | None = None) -> bytes:
        if data is None:
            size = self._random.choice((1, 1000, 70_000, 1_000_000, 4_000_000))
            data = self._random.randbytes(self._random.randrange(size) + 1)
        digest = _digest(data)
        self.ledger.tried[digest] = data
        way = self._random.choice((self._push_at_once, self._push_session))
        way(data, digest)
        self.ledger.blobs.add(digest)
        return data

    def _push_at_once(self, data: bytes, digest: str) -> None:
        path = f"/v2/{NAME}/blobs/uploads/?digest={digest}"
        self._remote.demand(201, "POST", path, data)

    def _push_session(self, data: bytes, digest: str) -> None:
        """Send some pieces, in a stream as Docker does or one by one, then the rest."""
        path = self._remote.demand(202, "POST", f"/v2/{NAME}/blobs/uploads/").location
        self.ledger.sessions[path] = (data, 0)
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        count, sent = self._random.randrange(len(pieces) + 1), 0
        if count and self._random.randrange(2):
            self._remote.demand(202, "PATCH", path, pieces[:count])
            sent = sum(map(len, pieces[:count]))
            self.ledger.sessions[path] = (data, sent)
        else:
            for piece in pieces[:count]:
                span = {"Content-Range": f"{sent}-{sent + len(piece) - 1}"}
                self._remote.demand(202, "PATCH", path, piece, span)
                sent += len(piece)
                self.ledger.sessions[path] = (data, sent)
        self._remote.demand(201, "PUT", with_digest(path, digest), data[sent:])
        del self.ledger.sessions[path]


class KillTests(case.ClientCase):
    def setUp(self) -> None:
        super().setUp()
        self.kept: set[str] = set()
        self.tags: dict[str, str] = {}

    def test_keeps_what_was_acknowledged_and_nothing_else(self) -> None:
        chance = random.Random(SEED)  # noqa: S311 - it is to be repeated
        for number in range(ROUNDS):
            try:
                self.kill_and_check(chance)
            except AssertionError as failure:
                raise AssertionError(
                    f"TXREGISTRY_KILL_SEED={SEED}, round {number}: {failure}"
                ) from failure
        self.assertGreater(len(self.kept), ROUNDS)
        for digest in self.kept:  # of all rounds: later kills must not harm it
            self.remote.blob(NAME, digest)
        for tag, digest in self.tags.items():
            self.assertEqual(self.remote.digest(NAME, tag), digest)
            self.remote.fetch(NAME, tag)

    def kill_and_check(self, chance: random.Random) -> None:
        """Let many push, kill the registry, and look at it once it runs again."""
        writers = self.push_until_killed(chance)
        self.daemon.start()
        for writer in writers:
            self.assertFalse(writer.is_alive(), "a writer hangs")
            self.assertIsNone(writer.failure, repr(writer.failure))
            self.check(writer.ledger)
        tried = {tag for writer in writers for tag in writer.ledger.tried_tags}
        self.assertLessEqual(set(self.list_tags()), tried | set(self.tags))

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
            self.remote.blob(NAME, digest)
        for digest, data in ledger.manifests.items():
            self.assertTrue(self.remote.manifest(NAME, digest).body == data)
        for digest, data in ledger.tried.items():
            for kind in ("blobs", "manifests"):
                answer = self.remote.ask("GET", f"/v2/{NAME}/{kind}/{digest}")
                self.assertIn(answer.status, (200, 404))
                self.assertTrue(answer.status == 404 or answer.body == data)
        for tag in ledger.tried_tags:
            self.check_tag(tag, ledger)
        for path, (data, acknowledged) in ledger.sessions.items():
            self.check_session(path, data, acknowledged)
        self.kept |= ledger.blobs

    def list_tags(self) -> list[str]:
        """List the tags; the repository need not be there yet."""
        known = self.remote.ask("GET", f"/v2/{NAME}/tags/list").status == 200
        return self.remote.tags(NAME) if known else []

    def check_tag(self, tag: str, ledger: Ledger) -> None:
        """A tag is what was acknowledged last, or one that was being pushed then.

        Whatever it is, it can be pulled down to the last layer.
        """
        acknowledged = ledger.tags.get(tag, self.tags.get(tag))
        allowed = ledger.tried_tags[tag]
        if tag in ledger.tags:
            allowed = allowed[allowed.index(ledger.tags[tag]) :]
        elif acknowledged is not None:
            allowed = [acknowledged, *allowed]
        if tag not in self.list_tags():
            self.assertIsNone(acknowledged, f"{tag} is gone")
            self.remote.demand(404, "GET", f"/v2/{NAME}/manifests/{tag}")
            return
        self.tags[tag] = self.remote.digest(NAME, tag)
        self.assertIn(self.tags[tag], allowed)
        self.remote.fetch(NAME, tag)

    def check_session(self, path: str, data: bytes, acknowledged: int) -> None:
        """An upload that was broken off goes on where it says, or was completed."""
        digest = _digest(data)
        complete = self.remote.ask("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 200
        state = self.remote.ask("GET", path)
        if state.status == 404:
            self.assertTrue(complete, f"a session of {acknowledged} bytes is gone")
            return
        self.assertEqual(state.status, 204)
        if complete:  # killed between that and the end of the session, or pushed twice
            self.remote.demand(204, "DELETE", path)
            return
        last = int(state.headers["Range"].partition("-")[2])
        # "0-0" is said of no bytes and of one.
        offset = last + 1 if last else min(acknowledged, 1)
        self.assertGreaterEqual(offset, acknowledged)
        self.assertLessEqual(offset, len(data))
        answer = self.remote.ask("PUT", with_digest(path, digest), data[offset:])
        if last or acknowledged:
            self.assertEqual((answer.status, answer.body), (201, b""))
        elif answer.status != 201:
            self.remote.push_blob(NAME, data)
        self.assertTrue(self.remote.blob(NAME, digest) == data)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}
