"""An upstream that is Distribution's registry."""

import json
import sys
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.integration.clients.programs import find
from tests.integration.daemon import Peer
from tests.integration.tokenservice import TokenService
from tests.integration.tuned import replace_file, write_htpasswd
from tests.integration.upstreams.case import (
    ALL,
    Pushing,
    UpstreamCase,
    connections,
    noise,
    sockets,
)
from txregistry.auth.basic import parse_basic
from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.commands import CommandLogin
from txregistry.client.upstreams.interfaces import (
    Fetched,
    Found,
    UpstreamRefused,
    UpstreamUnavailable,
)
from txregistry.client.upstreams.limits import Limits
from txregistry.client.upstreams.logins import FileLogin, Login, ToldLogin
from txregistry.client.upstreams.resuming import Resumption, open_resuming
from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.streams import read_all

NAME = "team/image"
BLOB = noise(3_000_000)
BIG = noise(40_000_000)
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": str(Digest.of(BLOB)),
            "size": len(BLOB),
        },
        "layers": [],
    }
).encode()
DIGEST = Digest.of(MANIFEST)
PASSWORDS = {"us": "our-secret", "alice": "a", "bob": "b"}
US = Login("us", "our-secret")


class DistributionCase(UpstreamCase):
    """Ask a registry of Distribution's that has an image."""

    def setUp(self) -> None:
        super().setUp()
        self.program = find("registry")
        self.data = self.directory / "registry"
        pushing = Pushing(self.program, self.data)
        try:
            for data in (BLOB, BIG):
                pushing.blob(NAME, data)
            for tag in ("v1", "v2", "v3"):
                pushing.manifest(NAME, tag, MANIFEST, OCI_MANIFEST)
        finally:
            pushing.end()

    def serve(self, **settings: Any) -> Peer:
        """Run it until the end of the test."""
        peer = Peer(self.program, self.data, settings)
        self.addCleanup(peer.discard)
        return peer

    async def assert_serves(self, upstream: Any, caller: Any = None) -> None:
        """Expect to get the image."""
        found = await upstream.head_manifest(NAME, "v1", caller)
        self.assertEqual(found, Found(DIGEST, len(MANIFEST), OCI_MANIFEST))
        fetched = await upstream.get_manifest(NAME, str(DIGEST), caller)
        self.assertEqual(fetched, Fetched(MANIFEST, OCI_MANIFEST, DIGEST))
        opened = await upstream.open_blob(NAME, Digest.of(BLOB), caller=caller)
        self.assertEqual(await self.read(opened), BLOB)


class OpenTests(DistributionCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.serve()
        self.upstream = self.ask(self.peer.url)

    async def test_image(self) -> None:
        await self.assert_serves(self.upstream)
        self.assertEqual(connections(self.upstream), 1)

    async def test_what_is_not_there(self) -> None:
        other = Digest.of(b"other")
        for name in (NAME, "no/such"):
            for work in (
                self.upstream.head_manifest(name, "no"),
                self.upstream.get_manifest(name, "no"),
                self.upstream.get_manifest(name, str(other)),
                self.upstream.head_blob(name, other),
                self.upstream.open_blob(name, other),
                self.upstream.referrers(name, other),
            ):
                self.assertIsNone(await work)
        self.assertIsNone(await self.upstream.tags("no/such", "", 10))

    async def test_size_of_a_blob(self) -> None:
        digest = Digest.of(BIG)
        found = await self.upstream.head_blob(NAME, digest)
        assert found is not None
        self.assertEqual((found.digest, found.size), (digest, len(BIG)))

    async def test_parts_of_a_blob(self) -> None:
        size = len(BLOB)
        for start in (1, 1_000_000, size - 1, size):
            opened = await self.upstream.open_blob(
                NAME, Digest.of(BLOB), start, None, size
            )
            assert opened is not None
            self.assertEqual((opened.size, opened.start), (size, start))
            self.assertEqual(await self.read(opened), BLOB[start:])

    async def test_tags(self) -> None:
        self.assertEqual(await self.upstream.tags(NAME, "", 2), ["v1", "v2"])
        self.assertEqual(await self.upstream.tags(NAME, "v2", 2), ["v3"])
        self.assertEqual(await self.upstream.tags(NAME, "v3", 2), [])

    async def test_many_at_a_time(self) -> None:
        upstream = self.ask(self.peer.url, limits=Limits(concurrency=3))
        before = sockets()

        async def one() -> bytes:
            opened = await upstream.open_blob(NAME, Digest.of(BLOB))
            self.assertLessEqual(upstream._blob_slots.taken, 3)
            return await self.read(opened)

        found = await gatherResults([Deferred.fromCoroutine(one()) for _ in range(20)])
        self.assertEqual(found, [BLOB] * 20)
        self.assertLessEqual(sockets() - before, 3)

    async def test_who_leaves_leaves_nothing(self) -> None:
        opened = await self.upstream.open_blob(NAME, Digest.of(BIG))
        assert opened is not None
        await opened.reader.read(1000)
        await opened.reader.close()
        await self.eventually(lambda: connections(self.upstream) == 0)

    async def test_registry_that_goes_and_comes_back(self) -> None:
        await self.assert_serves(self.upstream)
        self.peer.kill()
        fault = await self.fault(
            UpstreamUnavailable, self.upstream.get_manifest(NAME, "v1")
        )
        self.assertIn("cannot be asked", fault.reason)
        self.peer.start()
        await self.assert_serves(self.upstream)

    async def test_blob_is_read_on_when_the_registry_comes_back(self) -> None:
        opened = await open_resuming(
            self.upstream,
            NAME,
            Digest.of(BIG),
            self.reactor,
            resumption=Resumption(attempts=20, pause=0.2, longest_pause=1.0),
        )
        assert opened is not None
        start = await opened.reader.read(100_000)
        self.peer.kill()
        self.peer.start()
        rest = await read_all(opened.reader, ALL)
        self.assertEqual(start + (rest or b""), BIG)

    async def test_registry_that_does_not_come_back(self) -> None:
        opened = await open_resuming(
            self.upstream,
            NAME,
            Digest.of(BIG),
            self.reactor,
            resumption=Resumption(attempts=3, pause=0.05),
        )
        assert opened is not None
        await opened.reader.read(100_000)
        self.peer.kill()
        await self.fault(UpstreamUnavailable, read_all(opened.reader, ALL))


class PasswordTests(DistributionCase):
    def setUp(self) -> None:
        super().setUp()
        path = write_htpasswd(self.directory / "htpasswd", PASSWORDS)
        auth = {"htpasswd": {"realm": "x", "path": str(path)}}
        self.peer = self.serve(auth=auth)

    async def test_password(self) -> None:
        await self.assert_serves(self.ask(self.peer.url, login=ToldLogin(US)))

    async def test_nobody_and_who_guesses_are_refused(self) -> None:
        for login in (None, Login("us", "guess"), Login("<token>", "our-secret")):
            upstream = self.ask(self.peer.url, login=ToldLogin(login))
            await self.fault(UpstreamRefused, upstream.get_manifest(NAME, "v1"))

    async def test_file(self) -> None:
        path = self.directory / "credentials"
        replace_file(path, "us:guess\n")
        login = FileLogin("x", str(path), self.blocking, self.reactor)
        upstream = self.ask(self.peer.url, login=login)
        await self.fault(UpstreamRefused, upstream.get_manifest(NAME, "v1"))
        replace_file(path, json.dumps({"username": "us", "password": "our-secret"}))
        await self.assert_serves(upstream)

    def command(self, program: str, **others: Any) -> CommandLogin:
        """Make a command of a program in Python."""
        script = self.directory / "helper.py"
        script.write_text(program)
        command = [sys.executable, "-I", str(script), "get", "; exit 1"]
        return CommandLogin("x", command, self.peer.host, self.reactor, **others)

    async def test_command(self) -> None:
        seen = self.directory / "seen"
        login = self.command(
            "import json, sys\n"
            f"open({str(seen)!r}, 'a').write(repr((sys.argv[1:], sys.stdin.read())))\n"
            "print('not a word of this', file=sys.stderr)\n"
            "print(json.dumps({'Username': 'us', 'Secret': 'our-secret'}))\n"
        )
        await self.assert_serves(self.ask(self.peer.url, login=login))
        told = repr((["get", "; exit 1"], self.peer.host))
        self.assertEqual(seen.read_text(), told)

    async def test_command_that_fails(self) -> None:
        for program, others in (
            ("raise SystemExit(1)", {}),
            ("print('x' * 1_000_000)", {}),
            ("import time; time.sleep(600)", {"timeout": 1.0}),
            (
                "import os, time\nif os.fork() == 0: time.sleep(4)\n",
                {"timeout": 1.0},
            ),
        ):
            login = self.command(program, **others)
            upstream = self.ask(self.peer.url, login=login)
            work = upstream.get_manifest(NAME, "v1")
            fault = await self.fault(UpstreamUnavailable, work)
            self.assertIn("the command that gives its credentials", fault.reason)

    async def test_program_that_is_not_there(self) -> None:
        login = CommandLogin("x", ["/no/such/program"], "", self.reactor)
        upstream = self.ask(self.peer.url, login=login)
        await self.fault(UpstreamUnavailable, upstream.get_manifest(NAME, "v1"))

    async def test_caller_decides(self) -> None:
        upstream = self.ask(self.peer.url, login=ToldLogin(US))
        await self.assert_serves(upstream, Credentials(Login("alice", "a").basic))
        for caller in (Credentials(), Credentials(Login("alice", "b").basic)):
            work = upstream.get_manifest(NAME, "v1", caller)
            await self.fault(UpstreamRefused, work)


def grants(account: str, name: str) -> frozenset[str]:
    """Say what somebody may do."""
    allowed = name == NAME and account in {"us", "alice"}
    return frozenset({"pull", "push", "delete"} if allowed else ())


class TokenTests(DistributionCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = TokenService(self.directory, PASSWORDS, grants)
        self.addCleanup(self.service.stop)
        self.peer = self.serve(auth=self.service.settings())

    def scopes(self) -> list[tuple[str, tuple[str, ...]]]:
        """Give what tokens were asked for."""
        return [(each.account, each.scopes) for each in self.service.asked]

    async def test_token(self) -> None:
        upstream = self.ask(self.peer.url, login=ToldLogin(US))
        await self.assert_serves(upstream)
        self.assertEqual(self.scopes(), [("us", (f"repository:{NAME}:pull",))])

    async def test_one_token_for_all_who_want_it(self) -> None:
        upstream = self.ask(self.peer.url, login=ToldLogin(US))
        works = [upstream.get_manifest(NAME, "v1") for _ in range(10)]
        found = await gatherResults([Deferred.fromCoroutine(work) for work in works])
        self.assertEqual(len(found), 10)
        self.assertEqual(len(self.service.asked), 1)

    async def test_nobody_and_who_guesses_are_refused(self) -> None:
        for login in (None, Login("us", "guess"), Login("bob", "b")):
            upstream = self.ask(self.peer.url, login=ToldLogin(login))
            await self.fault(UpstreamRefused, upstream.get_manifest(NAME, "v1"))

    async def test_token_that_is_good_no_longer_is_renewed(self) -> None:
        upstream = self.ask(self.peer.url, login=ToldLogin(US))
        opened = await open_resuming(
            upstream,
            NAME,
            Digest.of(BIG),
            self.reactor,
            resumption=Resumption(attempts=20, pause=0.2, longest_pause=1.0),
        )
        assert opened is not None
        start = await opened.reader.read(100_000)
        self.peer.kill()
        self.service.rotate()
        self.peer.start()
        rest = await read_all(opened.reader, ALL)
        self.assertEqual(start + (rest or b""), BIG)
        self.assertEqual(len(self.service.asked), 2)

    async def test_callers_have_their_own_tokens(self) -> None:
        upstream = self.ask(self.peer.url, login=ToldLogin(US))
        await self.assert_serves(upstream)
        alice = Credentials(Login("alice", "a").basic)
        self.assertEqual(parse_basic(alice.authorization), ("alice", "a"))
        await self.assert_serves(upstream, alice)
        for caller in (Credentials(Login("bob", "b").basic), Credentials()):
            work = upstream.get_manifest(NAME, "v1", caller)
            await self.fault(UpstreamRefused, work)
        await self.assert_serves(upstream)
        accounts = [account for account, _ in self.scopes()]
        self.assertEqual(accounts[:2], ["us", "alice"])
        self.assertEqual(accounts.count("us"), 1)

    async def test_service_that_is_not_there(self) -> None:
        self.service.stop()
        upstream = self.ask(self.peer.url, login=ToldLogin(US))
        await self.fault(UpstreamUnavailable, upstream.get_manifest(NAME, "v1"))
