"""What is pushed to a mirror: to what is its own, and to nothing else."""

from tests.integration.clients.couriers import Courier, Crane, Skopeo
from tests.integration.clients.images import make_image
from tests.integration.clients.keepers import Podman
from tests.integration.mirror import case
from tests.integration.mirror.case import ALICE, HUB, OTHER

IMAGE = make_image("pushed")
COURIERS: tuple[type[Courier], ...] = (Skopeo, Crane, Podman)


class PushingTests(case.MirrorCase):
    """Alice may do everything, by the rules."""

    rules = (
        {"who": ["alice"], "repositories": ["**"], "may": ["admin"]},
        {"who": ["everyone"], "repositories": ["private/**"], "may": []},
        {"who": ["everyone"], "repositories": ["**"], "may": ["pull"]},
    )

    def test_pushes(self) -> None:
        for courier in COURIERS:
            name = f"private/{courier.program}"
            client = courier(self, self.mirror.host)
            client.log_in(*ALICE)
            client.push(f"{name}:1", IMAGE)
            client.pull(f"{name}:1", IMAGE)
            for other in (OTHER, HUB):
                complaint = client.refuse_push(f"{other}/{name}:1", IMAGE)
                told = f"{other}/{name} is a mirror of {other}; push to that registry"
                self.assertIn(told, complaint)
            client.log_out()
            client.refuse_pull(f"{name}:1")
        for registry in (self.hub, self.other):
            self.assertEqual(self.at(registry).catalog(), [])
