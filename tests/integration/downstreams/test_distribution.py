"""Distribution's registry, and this one, to which is pushed."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK, Daemon, Peer, write_settings
from tests.integration.downstreams import pushedto
from tests.integration.downstreams.case import (
    APP,
    BIG,
    CONFIG,
    SMALL,
    DownstreamCase,
    Held,
    opener,
)
from tests.integration.downstreams.pushedto import IMAGE, OF_BIG
from tests.integration.mirror.upstreams import Zot
from tests.integration.tokenservice import TokenService
from tests.integration.tuned import write_htpasswd
from txregistry.client.downstreams.registry2 import Registry2Downstream
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
)
from txregistry.client.upstreams.logins import Login, ToldLogin
from txregistry.model.digest import Digest

US = Login("us", "our-secret")
PASSWORDS = {"us": "our-secret", "guest": "g"}


def grants(account: str, repository: str) -> frozenset[str]:
    """Say who may do what."""
    if repository == "private/base":
        return frozenset()
    return frozenset({"us": {"pull", "push"}, "guest": {"pull"}}.get(account, set()))


class KeepingPeer(Peer):
    """Distribution that knows its sessions after a restart, as it keeps a secret."""

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        http = {"addr": f"{LOOPBACK}:{port}", "secret": "x" * 32}
        path = write_settings(self.scratch, self.directory, port, {"http": http})
        return [self._program, "serve", str(path)]


class DistributionTests(pushedto.PushedTo):
    def begin(self) -> Daemon:
        return self.serve()


class KeepingTests(pushedto.PushedTo):
    def begin(self) -> Daemon:
        peer = KeepingPeer(find("registry"), self.directory / "registry")
        self.addCleanup(peer.discard)
        return peer

    async def test_it_is_gone_on_with_where_it_broke_off(self) -> None:
        await self.assert_goes_on()


class ZotTests(pushedto.PushedTo):
    knows_subjects = True
    incomplete = "MANIFEST_INVALID"

    def begin(self) -> Daemon:
        zot = Zot(self.directory / "zot")
        self.addCleanup(zot.discard)
        return zot


class OwnTests(pushedto.PushedTo):
    knows_subjects = True

    def begin(self) -> Daemon:
        return self.serve_ours()

    async def test_it_is_gone_on_with_where_it_broke_off(self) -> None:
        await self.assert_goes_on()


class PasswordTests(DownstreamCase):
    def setUp(self) -> None:
        super().setUp()
        path = write_htpasswd(self.directory / "htpasswd", PASSWORDS)
        auth = {"htpasswd": {"realm": "x", "path": str(path)}}
        self.target = self.serve(auth=auth)

    async def test_password(self) -> None:
        downstream = self.push_to(self.target.url, login=ToldLogin(US))
        await self.push_image(downstream, IMAGE, "v1", SMALL)

    async def test_nobody_is_refused(self) -> None:
        downstream = self.push_to(self.target.url)
        await self.fault(UpstreamRefused, self.push_any(downstream))

    def push_any(self, downstream: Registry2Downstream) -> Any:
        """Push a blob."""
        return downstream.push_blob(APP, Digest.of(CONFIG), len(CONFIG), opener(CONFIG))


class TokenTests(PasswordTests):
    def setUp(self) -> None:
        DownstreamCase.setUp(self)
        self.service = TokenService(self.directory, PASSWORDS, grants)
        self.addCleanup(self.service.stop)
        self.target = self.serve(auth=self.service.settings())

    async def test_few_tokens_do(self) -> None:
        downstream = self.push_to(self.target.url, login=ToldLogin(US))
        await self.push_image(downstream, IMAGE, "v1", SMALL)
        scopes = [each.scopes for each in self.service.asked]
        push = f"repository:{APP}:pull,push"
        self.assertEqual(scopes[-1], (push,))
        self.assertLessEqual(len(scopes), 2)

    async def test_who_may_only_pull_is_refused(self) -> None:
        guest = ToldLogin(Login("guest", "g"))
        downstream = self.push_to(self.target.url, login=guest)
        await self.fault(UpstreamRefused, self.push_any(downstream))

    async def test_taking_over_needs_a_token_for_both(self) -> None:
        downstream = self.push_to(self.target.url, login=ToldLogin(US))
        await self.push_image(downstream, IMAGE, "v1", SMALL)
        digest = Digest.of(SMALL)
        self.assertTrue(await downstream.mount_blob("other/app", digest, APP))
        self.assertIn(f"repository:{APP}:pull", self.service.asked[-1].scopes)
        self.assertFalse(await downstream.mount_blob("third", digest, "private/base"))

    async def test_key_that_changes_amid_a_push(self) -> None:
        downstream = self.push_to(self.target.url, login=ToldLogin(US))
        await self.push_image(downstream, IMAGE, "v1", SMALL)
        source = Held(BIG)
        pushed: Deferred[None] = self.run_awaiting(
            downstream.push_blob(APP, OF_BIG, len(BIG), source.open)
        )
        await source.reached
        self.target.kill()
        self.service.rotate()
        source.release()
        self.target.start()
        await pushed
        self.assertTrue(await downstream.has_blob(APP, OF_BIG, len(BIG)))
