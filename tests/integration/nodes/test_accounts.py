"""Old engines and accounts: what one node gave out is good at all of them."""

import base64

from tests.integration.clients.case import make_directory
from tests.integration.clients.remote import Remote
from tests.integration.engines.engine import Engine
from tests.integration.engines.images import make_images
from tests.integration.engines.served import assert_same_images
from tests.integration.nodes import case
from tests.integration.nodes.case import Nodes
from tests.integration.tuned import write_htpasswd

USER = ("alice", "open sesame")
RELEASES = ("0.10.0", "1.9.1")


class OldEnginesTests(case.OnS3, case.NodesCase):
    """Tokens of an Index and cookies are signed by keys that lie in the store."""

    def push_and_pull(self, nodes: Nodes, release: str, *, account: bool) -> None:
        """Push images of version 1 and pull them, by the balancer."""
        name = f"old/{type(self).__name__.lower()}-{account}-{release}".lower()
        user = USER if account else None
        images = make_images(name, release, depth=2)

        def engine() -> Engine:
            return Engine(release, nodes.balancer.host, credentials=user)

        pushed = engine().push(name, images, {"latest": images[-1].id})
        self.assertEqual(pushed.sent, [image.id for image in images])
        assert_same_images(self, engine().pull(name, "latest"), images)
        for log in nodes.logs:
            paths = (f'"PUT /v1/images/{image.id}/' for image in images)
            self.assertTrue(any(path in log for path in paths), "it had no part in it")

    def test_who_is_nobody(self) -> None:
        for release in RELEASES:
            self.push_and_pull(self.nodes, release, account=False)

    def test_who_has_an_account(self) -> None:
        folder = make_directory(self)
        path = write_htpasswd(folder / "htpasswd", dict([USER]))
        auth = {"htpasswd": {"path": str(path)}, "endpoint": {"enabled": True}}
        nodes = Nodes(self.storage(self.service, self.container), {"auth": auth})
        self.addCleanup(nodes.discard)
        for release in RELEASES:
            engine = Engine(release, nodes.balancer.host, credentials=USER)
            self.assertEqual(engine.login(), "Login Succeeded")
            self.push_and_pull(nodes, release, account=True)
        self.use_tokens(nodes)

    def use_tokens(self, nodes: Nodes) -> None:
        """A token that one node gives is good at all of them."""
        each = [Remote(daemon.host) for daemon in nodes.daemons]
        proof = base64.b64encode(":".join(USER).encode()).decode()
        for giver in each:
            asked = giver.demand(401, "GET", "/v2/").headers["WWW-Authenticate"]
            service = asked.partition('service="')[2].partition('"')[0]
            scope = "repository:some/thing:pull,push"
            path = f"/auth/token?service={service}&scope={scope}"
            basic = {"Authorization": f"Basic {proof}"}
            found = giver.demand(200, "GET", path, headers=basic).json()
            bearer = {"Authorization": f"Bearer {found['token']}"}
            for node in each:
                path = "/v2/some/thing/blobs/uploads/"
                node.demand(202, "POST", path, headers=bearer)


class SwiftOldEnginesTests(case.OnSwift, OldEnginesTests):
    pass
