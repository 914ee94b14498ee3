"""Clients of today push and pull through the balancer; none of them notices."""

from tests.integration.clients.couriers import Courier, Crane, Oras, Skopeo
from tests.integration.clients.images import make_image
from tests.integration.clients.keepers import Podman
from tests.integration.nodes import case


class ClientTests(case.OnS3, case.NodesCase):
    def check(self, kind: type[Courier]) -> None:
        """Push an image and pull it; each node has its part in that."""
        name = f"clients/{type(self).__name__.lower()}"
        image = make_image(f"{name}/{kind.program}")
        client = kind(self, self.nodes.balancer.host)
        client.push(f"{name}:{kind.program}", image)
        client.pull(f"{name}:{kind.program}", image)
        found = {node.digest(name, kind.program) for node in self.each}
        self.assertEqual(len(found), 1)
        for log in self.nodes.logs:
            self.assertIn(f" /v2/{name}/", log)

    def test_crane(self) -> None:
        self.check(Crane)

    def test_oras(self) -> None:
        self.check(Oras)

    def test_podman(self) -> None:
        self.check(Podman)

    def test_skopeo(self) -> None:
        self.check(Skopeo)


class SwiftClientTests(case.OnSwift, ClientTests):
    pass
