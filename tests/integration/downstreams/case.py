"""Tests that push to registries over real sockets."""

import json
import urllib.request
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.integration.clients.programs import find
from tests.integration.daemon import Daemon, Peer
from tests.integration.upstreams.case import PATIENCE, UpstreamCase, noise
from txregistry.client.downstreams.interfaces import OpenBlob
from txregistry.client.downstreams.making import make_downstream
from txregistry.client.downstreams.registry2 import Registry2Downstream
from txregistry.client.upstreams.resuming import Resumption
from txregistry.client.upstreams.terms import Terms
from txregistry.model.descriptors import DOCKER_LAYER, OCI_CONFIG, OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.streams import BytesReader, IReader

APP: Final = "vendor/app"
SMALL: Final = noise(3_000_000)
BIG: Final = noise(40_000_000)
CONFIG: Final = b"{}"
RESUMPTION: Final = Resumption(attempts=30, pause=0.1, longest_pause=1.0)


def describe(data: bytes, media_type: str) -> dict[str, Any]:
    """Describe some content."""
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


def image(*layers: bytes, **more: Any) -> bytes:
    """Make an image's manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": describe(CONFIG, OCI_CONFIG),
        "layers": [describe(each, DOCKER_LAYER) for each in layers],
        **more,
    }
    return json.dumps(document).encode()


def opener(data: bytes) -> OpenBlob:
    """Make what opens some bytes."""

    async def opened(start: int) -> IReader:
        return BytesReader(data[start:])

    return opened


@implementer(IReader)
class Held:
    """Bytes that are given up to half of them, and the rest when one says so.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self.opened: list[int] = []
        self.reached: Deferred[None] = Deferred()
        self._data = data
        self._gate: Deferred[None] | None = Deferred()
        self._offset = 0

    def release(self) -> None:
        """Give the rest, or fail to: whoever reads may have gone."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.callback(None)

    async def open(self, start: int) -> IReader:
        """Open them at a byte; only the first time they are held."""
        self.opened.append(start)
        if len(self.opened) > 1:
            return BytesReader(self._data[start:])
        return self

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        gate = self._gate
        if self._offset > len(self._data) // 2 and gate is not None:
            if not self.reached.called:
                self.reached.callback(None)
            await gate
        data = self._data[self._offset : self._offset + limit]
        self._offset += len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""


class DownstreamCase(UpstreamCase):
    """Push to registries; nothing is left behind."""

    def push_to(self, url: str, **others: Any) -> Registry2Downstream:
        """Make what pushes to a registry until the end of the test."""
        downstream = make_downstream(
            self.reactor,
            self.blocking,
            Terms("downstream", url, patience=PATIENCE, **others),
            RESUMPTION,
        )
        finish: Any = self._finish  # it has turns and connections too
        self.addCleanup(finish, downstream)
        return downstream

    def serve(self, **settings: Any) -> Peer:
        """Run Distribution until the end of the test."""
        peer = Peer(find("registry"), self.directory / "registry", settings)
        self.addCleanup(peer.discard)
        return peer

    def serve_ours(self) -> Daemon:
        """Run this registry until the end of the test."""
        daemon = Daemon(self.directory / "ours")
        self.addCleanup(daemon.discard)
        return daemon

    async def push_image(
        self, downstream: Registry2Downstream, data: bytes, tag: str, *blobs: bytes
    ) -> bool:
        """Push an image with all its blobs; say whether subjects are known."""
        for blob in (CONFIG, *blobs):
            digest = Digest.of(blob)
            if not await downstream.has_blob(APP, digest, len(blob)):
                await downstream.push_blob(APP, digest, len(blob), opener(blob))
            self.assertTrue(await downstream.has_blob(APP, digest, len(blob)))
        return await downstream.put_manifest(
            APP, tag, Digest.of(data), data, OCI_MANIFEST
        )


def get(url: str, accept: str = OCI_MANIFEST) -> bytes:
    """Get something of a registry that asks nobody who they are."""
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - of ours
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - of ours
        data: bytes = answer.read()
        return data


def get_blob(url: str, data: bytes, name: str = APP) -> bytes:
    """Get a blob, by what it should be."""
    return get(f"{url}/v2/{name}/blobs/{Digest.of(data)}", "*/*")


def get_tag(url: str, tag: str, name: str = APP) -> bytes:
    """Get what a tag points at."""
    return get(f"{url}/v2/{name}/manifests/{tag}")
