"""Clients that push, mount, pull and delete, and know what must be there."""

import hashlib
import http.client
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Final

from tests.soaks.pullers import Findings

REPOSITORIES: Final = tuple(f"team/app{number}" for number in range(6))
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_TIMEOUT: Final = 120.0
_SHARED: Final = 40
"""Layers that clients have in common at any time."""
_RENEWED: Final = 20.0
"""Seconds after which clients have other layers in common."""
_TAGS: Final = 6


def layer(number: int) -> bytes:
    """Make a layer: 1 to 200 KiB that are always the same."""
    chance = random.Random(number)
    return chance.randbytes(chance.randrange(1024, 200 * 1024))


def digest_of(data: bytes) -> str:
    """Name some content."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True)
class Pushed:
    """An image that is tagged, or was."""

    repository: str
    manifest: bytes
    blobs: tuple[bytes, ...]


class Keeper:
    """A client with tags that are its own, on layers that all share.

    Args:
        port: Where the registry listens.
        findings: Where it tells what it saw.
        seed: Makes it different from others.
        floor: Seconds within which a push must succeed.
    """

    def __init__(self, port: int, findings: Findings, seed: int, floor: float) -> None:
        self._port = port
        self._findings = findings
        self._seed = seed
        self._chance = random.Random(seed)
        self._floor = floor
        self._count = 0
        self._tagged: dict[tuple[str, str], Pushed] = {}
        self._connection: http.client.HTTPConnection | None = None

    def work(self, until: threading.Event) -> None:
        """Work, until it is time; what was pushed is pulled once more at the end."""
        while not until.is_set():
            chosen = self._chance.randrange(10)
            if chosen < 4 or not self._tagged:
                self._push()
            elif chosen < 8:
                self._pull(self._chance.choice(list(self._tagged)))
            else:
                self._delete(self._chance.choice(list(self._tagged)))

    def pull_all(self) -> None:
        """Pull all that must be there."""
        for place in self._tagged:
            self._pull(place)

    def _push(self) -> None:
        repository = self._chance.choice(REPOSITORIES)
        tag = f"c{self._seed}-{self._chance.randrange(_TAGS)}"
        self._count += 1
        period = int(time.time() / _RENEWED)
        numbers = [
            period * _SHARED + self._chance.randrange(_SHARED)
            for _ in range(self._chance.randrange(1, 6))
        ]
        config = json.dumps({"client": self._seed, "number": self._count}).encode()
        blobs = (config, *map(layer, dict.fromkeys(numbers)))
        began = time.monotonic()
        for data in blobs:
            self._give(repository, data)
        manifest = _manifest(blobs)
        path = f"/v2/{repository}/manifests/{tag}"
        status, said = self._ask("PUT", path, manifest, {"Content-Type": _MANIFEST})
        if status == 201:
            self._findings.count("pushed")
            self._tagged[repository, tag] = Pushed(repository, manifest, blobs)
        elif time.monotonic() - began < self._floor / 2:
            self._findings.blame(f"a push was refused: {status} {said[:200]!r}")
        else:
            self._findings.count("refused, as it took longer than the floor")

    def _give(self, repository: str, data: bytes) -> None:
        """Let a repository have a blob, sent only if need be."""
        digest = digest_of(data)
        status, _ = self._ask("HEAD", f"/v2/{repository}/blobs/{digest}")
        if status == 200:
            self._findings.count("already there")
            return
        query = f"?digest={digest}"
        if self._chance.randrange(2):
            source = self._chance.choice(REPOSITORIES)
            query = f"?mount={digest}&from={source}"
        path = f"/v2/{repository}/blobs/uploads/{query}"
        status, _ = self._ask("POST", path, data if "?digest" in query else b"")
        if status == 201:
            self._findings.count("mounted" if "?mount" in query else "sent")
            return
        status, said = self._ask(
            "POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data
        )
        if status == 201:
            self._findings.count("sent")
        else:
            self._findings.blame(f"a blob was refused: {status} {said[:200]!r}")

    def _pull(self, place: tuple[str, str]) -> None:
        repository, tag = place
        pushed = self._tagged[place]
        status, found = self._ask("GET", f"/v2/{repository}/manifests/{tag}")
        if found != pushed.manifest:
            self._findings.blame(f"{repository}:{tag}: {status} {found[:200]!r}")
            return
        for data in pushed.blobs:
            digest = digest_of(data)
            status, found = self._ask("GET", f"/v2/{repository}/blobs/{digest}")
            if found != data:
                self._findings.blame(
                    f"{digest} of {repository}:{tag}: {status} {found[:200]!r}"
                )
        self._findings.count("pulled")

    def _delete(self, place: tuple[str, str]) -> None:
        repository, tag = place
        pushed = self._tagged.pop(place)
        digest = digest_of(pushed.manifest)
        if not self._chance.randrange(4):  # the manifest stays, without a tag
            status, _ = self._ask("DELETE", f"/v2/{repository}/manifests/{tag}")
        else:
            status, _ = self._ask("DELETE", f"/v2/{repository}/manifests/{digest}")
        if status != 202:
            self._findings.blame(f"{repository}:{tag} could not be deleted: {status}")
        self._findings.count("deleted")

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        fields: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Ask, on a connection that is kept."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=_TIMEOUT
            )
        try:
            self._connection.request(method, path, body, fields or {})
            with self._connection.getresponse() as response:
                return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = None
            self._findings.blame(f"{method} {path[:100]}: {error!r}")
            return 0, b""


def _manifest(blobs: tuple[bytes, ...]) -> bytes:
    config, *layers = blobs
    document = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(config, _CONFIG),
        "layers": [_descriptor(each, _LAYER) for each in layers],
    }
    return json.dumps(document).encode()


def _descriptor(data: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
