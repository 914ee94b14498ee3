"""Clients trust a mirror by the authority that ``mirror-config`` told them."""

from typing import Any

from tests.integration.clients.images import make_image
from tests.integration.clients.mutual import CertificateAuthority
from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK
from tests.integration.mirror import case
from tests.integration.mirror.case import OTHER
from tests.integration.mirror.clients import (
    MirrorClient,
    MirrorCtr,
    MirrorSkopeo,
)
from tests.integration.mirror.played import pages_of, serve

IMAGE = make_image("trusted")


class TlsTests(case.MirrorCase):
    def upstreams(self) -> list[dict[str, Any]]:
        """See `case.MirrorCase`."""
        upstream = serve(pages_of("team/app", "1", IMAGE))
        self.addCleanup(upstream.stop)
        return [self.entry(OTHER, upstream.url)]

    def others(self) -> dict[str, Any]:
        """See `case.MirrorCase`."""
        folder = CertificateAuthority(self.directory / "certs", LOOPBACK).folder
        self.ca = str(folder / "ca.crt")
        tls = {
            "certificate": str(folder / "server.crt"),
            "key": str(folder / "server.key"),
        }
        return {"http": {"tls": tls}}

    def check(self, client: type[MirrorClient]) -> None:
        """A client pulls that knows the authority; one that does not, does not."""
        find(client.program)
        trusting, other = (client(self, self.mirror.host) for _ in range(2))
        files = self.configure(client.tells, LOOPBACK, "https", "--ca", self.ca)
        trusting.take_files(files)
        trusting.pull(trusting.name(OTHER, "team/app:1"), IMAGE)
        (authority,) = files.rglob("ca.crt")
        authority.unlink()
        other.take_files(files)
        other.refuse_pull(other.name(OTHER, "team/app:1"))

    def test_skopeo(self) -> None:
        self.check(MirrorSkopeo)

    def test_containerd(self) -> None:
        self.check(MirrorCtr)
