"""Tests of ``txregistry/ssh/channel.py``: a command over a connection."""

import struct
from typing import Any

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.internet.defer import Deferred

from tests.ssh.client import Client, Session
from tests.ssh.keys import ALICE, BOB
from tests.ssh.servercase import APP, IT, RULES, ServerTestCase
from tests.transfer.archives.building import END
from txregistry.auth.policy import RulePolicy
from txregistry.model.names import RepositoryName, Tag
from txregistry.ssh.channel import WINDOW
from txregistry.ssh.commands import Commands
from txregistry.ssh.limits import Limits
from txregistry.ssh.permission import PolicyPermission
from txregistry.streams import read_all
from txregistry.transfer.images.endings import Ending

NEW = RepositoryName("other")
LARGE = 3 << 20


class CommandTests(ServerTestCase):
    def archive(self) -> bytes:
        """Give an archive of the image."""
        plan = self.plan(IT, name=APP)
        data = self.result(read_all(plan.open(), plan.size))
        assert data is not None
        return data

    def test_gives_and_takes_archives(self) -> None:
        image = self.push_app()
        client = self.log_in()
        got = client.run(b"get team/app:it")
        self.assertEqual((got.status, got.told), (0, b""))
        self.assertEqual(got.got, self.archive())
        put = client.run(b"put other:new", got.got)
        self.assertEqual(put.got.decode(), f"{image.digest}\n")
        self.assertEqual(put.status, 0)
        self.assertHolds(image, Tag("new"), NEW)
        self.assertTold("192.0.2.1 alice ssh put other:new 0 ")

    def test_says_why_not_in_one_line(self) -> None:
        client = self.log_in(BOB)
        for line, status in ((b"get none:it", 4), (b"put team/a:b", 4), (b"x", 2)):
            session = client.run(line, b"")
            self.assertEqual((session.status, session.got), (status, b""))
            self.assertTrue(session.told.startswith(b"txregistry: "))
            self.assertEqual(session.told.count(b"\n"), 1)
            self.assertTrue(session.is_closed)

    def test_a_megabyte_of_command_is_refused(self) -> None:
        client = self.log_in()
        session = client.open()
        client.conn.sendRequest(session, b"exec", NS(b"a" * (200 << 10)))
        client.settle()
        self.assertEqual(session.status, Ending.USAGE)
        client.conn.sendRequest(client.open(), b"exec", NS(b"a" * (1 << 20)))
        client.settle()
        self.assertTrue(client.is_lost)
        self.assertFalse(self.flushLoggedErrors())

    def test_there_is_no_shell(self) -> None:
        client = self.log_in()
        session = client.open()
        self.assertEqual(client.ask(session, b"pty-req", bytes(100)), [False])
        self.assertEqual(client.ask(session, b"env", NS(b"A") + NS(b"b")), [False])
        self.assertEqual(client.ask(session, b"shell"), [True])
        self.assertEqual(session.status, Ending.USAGE)
        self.assertIn(b"no shell", session.told)

    def test_there_is_nothing_but_commands(self) -> None:
        client = self.log_in()
        session = client.open()
        for kind in (b"subsystem", b"x11-req", b"auth-agent-req@openssh.com", b"\xff"):
            self.assertEqual(client.ask(session, kind, NS(b"sftp")), [False])
        self.assertTold("was refused what is no command by SSH: subsystem")

    def test_a_channel_has_one_command(self) -> None:
        client = self.log_in()
        session = client.open()
        self.assertEqual(client.ask(session, b"exec", NS(b"put a:b")), [True])
        self.assertEqual(client.ask(session, b"exec", NS(b"help")), [False])
        self.assertEqual(client.ask(session, b"shell"), [False])

    def test_nothing_is_forwarded(self) -> None:
        client = self.log_in()
        for kind in (b"direct-tcpip", b"forwarded-tcpip", b"x11", b"tun@openssh.com"):
            session = Session(conn=client.conn)
            session.name = kind
            client.conn.openChannel(session, NS(b"127.0.0.1") + struct.pack(">L", 80))
            client.settle()
            assert session.failure is not None
            self.assertEqual(session.failure.data, 1)  # prohibited
            self.assertTold(f"was refused a channel by SSH: {kind.decode()}")
        asked = client.conn.sendGlobalRequest(
            b"tcpip-forward", NS(b"") + struct.pack(">L", 8080), wantReply=1
        )
        assert asked is not None
        client.settle()
        self.failureResultOf(asked)
        self.assertTold("was refused forwarding by SSH: tcpip-forward")

    def test_channels_are_few(self) -> None:
        client = self.log_in()
        sessions = [client.open() for _ in range(3)]
        self.assertEqual([each.is_open for each in sessions], [True, True, False])
        client.conn.sendClose(sessions[0])
        client.settle()
        self.assertTrue(client.open().is_open)

    def test_a_client_that_takes_crumbs_gets_nothing(self) -> None:
        client = self.log_in()
        self.assertFalse(client.open(localMaxPacket=100).is_open)


class FlowTests(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_app()
        self.size = self.plan(IT, name=APP).size
        self.client = self.log_in()

    def hold(self, client: Client) -> Session:
        """Open a channel whose client gives no more room than a little."""
        session = client.open(localWindow=4096, localMaxPacket=4096)
        client.conn.adjustWindow = lambda *_: None  # type: ignore[method-assign]
        client.ask(session, b"exec", NS(b"get team/app:it"))
        return session

    def give_room(self, session: Session, size: int) -> None:
        """Let the server send more."""
        number = self.client.conn.channelsToRemoteChannel[session]
        SSHClientTransport.sendPacket(self.client, 93, struct.pack(">2L", number, size))
        session.localWindowLeft += size
        self.client.settle()

    def test_no_more_is_sent_than_there_is_room_for(self) -> None:
        session = self.hold(self.client)
        self.assertEqual(len(session.got), 4096)
        self.give_room(session, 1000)
        self.assertEqual(len(session.got), 5096)
        self.assertIsNone(session.status)
        self.give_room(session, self.size)
        self.assertEqual((len(session.got), session.status), (self.size, 0))

    def test_who_leaves_stops_what_is_sent(self) -> None:
        session = self.hold(self.client)
        self.client.conn.sendClose(session)
        self.client.settle()
        self.assertFalse(self.client.server.service.is_busy)
        self.assertEqual(self.client.open().is_open, True)
        self.assertTold("alice ssh get team/app:it 130 ")

    def test_who_is_cut_off_stops_what_is_sent(self) -> None:
        self.hold(self.client)
        self.client.transport.loseConnection()
        self.client.settle()
        self.assertTold("alice ssh get team/app:it 130 ")

    def test_there_is_little_room_for_what_no_command_wants(self) -> None:
        session = self.client.open()
        self.assertEqual(session.remoteWindowLeft, 32 * 1024)
        self.client.ask(session, b"exec", NS(b"put other:new"))
        self.assertEqual(session.remoteWindowLeft, WINDOW)

    def test_a_slow_disk_holds_the_client_up(self) -> None:
        gates: list[Deferred[None]] = []

        def blocking(work: Any, /, *args: Any, **kwargs: Any) -> Any:
            """Work when somebody lets it: a disk that is slow."""
            gate: Deferred[None] = Deferred()
            gates.append(gate)
            return gate.addCallback(lambda _: work(*args, **kwargs))

        permission = PolicyPermission(self.registry, RulePolicy(RULES))
        self.server.commands = Commands(self.registry, blocking, permission)
        layer = b"\x1f\x8b" + bytes(LARGE)  # unpacked by what is slow
        session = self.client.open()
        self.client.ask(session, b"exec", NS(b"put other:new"))
        session.write(layer)
        most = 0
        while not session.is_closed:
            self.client.settle()
            server = self.client.server.service.channels
            most = max([most, *(each.held for each in server.values())])
            if not gates:
                break
            gates.pop(0).callback(None)
        self.client.settle()
        self.assertGreater(most, WINDOW // 2)
        self.assertLessEqual(most, WINDOW)
        self.assertEqual(session.status, Ending.DAMAGED)

    def test_what_is_cut_off_is_not_seen(self) -> None:
        plan = self.plan(IT, name=APP)
        data = self.result(read_all(plan.open(), plan.size))
        assert data is not None
        session = self.client.open()
        self.client.ask(session, b"exec", NS(b"put other:new"))
        session.write(data[: -len(END) - 100])
        self.client.settle()
        self.client.transport.loseConnection()
        self.client.settle()
        self.assertNothingStaged()
        self.assertEqual(self.tags(NEW), [])
        again = self.log_in().run(b"put other:new", data)
        self.assertEqual((again.status, self.tags(NEW)), (0, ["new"]))

    def test_more_than_was_allowed_ends_the_connection(self) -> None:
        session = self.client.open()
        number = self.client.conn.channelsToRemoteChannel[session]
        for _ in range(2):
            SSHClientTransport.sendPacket(
                self.client, 94, struct.pack(">L", number) + NS(bytes(30_000))
            )
        self.client.settle()
        self.assertTrue(self.client.is_lost)
        self.assertTold("was cut off from SSH: it sent more than it was allowed to")

    def test_nothing_is_sent_while_the_connection_takes_nothing(self) -> None:
        server = self.client.server
        session = self.client.open()
        server.pauseProducing()  # as the kernel's buffers are full
        self.client.ask(session, b"exec", NS(b"get team/app:it"))
        self.assertEqual(session.got, b"")
        server.resumeProducing()
        self.client.settle()
        self.assertEqual((len(session.got), session.status), (self.size, 0))

    def test_nothing_is_sent_while_keys_are_made(self) -> None:
        session = self.hold(self.client)
        self.client.connectionSecure = lambda: None  # type: ignore[method-assign]
        first = self.client.sessionID
        self.client.sendKexInit()
        self.client.io.pump()
        self.assertTrue(self.client.server.is_choked)
        self.client.settle()
        self.assertFalse(self.client.server.is_choked)
        self.give_room(session, self.size)
        self.assertEqual((len(session.got), session.status), (self.size, 0))
        self.assertEqual(self.client.sessionID, first)


class TimeTests(ServerTestCase):
    limits = Limits(idle=300.0)

    def wait(self, client: Client, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        client.settle()

    def test_who_says_nothing_is_cut_off(self) -> None:
        client = self.log_in()
        self.wait(client, 299)
        self.assertFalse(client.is_lost)
        self.wait(client, 1)
        self.assertTrue(client.is_lost)
        self.assertEqual(client.error, b"Nothing was heard for too long")
        self.assertTold("alice was cut off from SSH: nothing was heard for 300 s")

    def test_who_sends_nothing_to_put_is_cut_off(self) -> None:
        client = self.log_in()
        session = client.run(b"put a:b")
        self.wait(client, 200)
        session.write(b"x")
        client.settle()
        self.wait(client, 299)
        self.assertFalse(client.is_lost)
        self.wait(client, 1)
        self.assertTrue(client.is_lost)
        self.assertNothingStaged()

    def test_to_ask_whether_we_are_there_is_no_more_than_silence(self) -> None:
        client = self.log_in()
        for _ in range(10):
            self.wait(client, 30)
            client.conn.sendGlobalRequest(b"keepalive@openssh.com", b"")
        self.wait(client, 30)
        self.assertTrue(client.is_lost)

    def test_what_takes_long_here_is_waited_for(self) -> None:
        client = self.log_in()
        slow: Deferred[None] = Deferred()
        keys = self.server.keys

        class Slow:
            async def find(self, blob: bytes) -> object:
                """Find a key, some day."""
                await slow
                return await keys.find(blob)

        self.server.keys = Slow()  # type: ignore[assignment]  # as far as it is of use
        session = client.run(b"help")
        for _ in range(10):
            self.wait(client, 200)
        self.assertFalse(client.is_lost)
        slow.callback(None)
        client.settle()
        self.assertEqual(session.status, 0)


class DrainTests(ServerTestCase):
    def test_commands_may_finish(self) -> None:
        self.push_app()
        idle, busy = self.log_in(), self.log_in(BOB)
        session = busy.open(localWindow=4096, localMaxPacket=4096)
        adjust = busy.conn.adjustWindow
        busy.conn.adjustWindow = lambda *_: None  # type: ignore[method-assign]
        busy.ask(session, b"exec", NS(b"get team/app:it"))
        done = Deferred.fromCoroutine(self.server.drain(30.0))
        idle.settle()
        self.assertTrue(idle.is_lost)
        self.assertEqual(idle.error, b"The registry stops")
        self.assertIsNone(self.connect(ALICE).server)
        self.assertNoResult(done)
        busy.conn.adjustWindow = adjust  # type: ignore[method-assign]
        busy.conn.adjustWindow(session, 1 << 20)
        busy.settle()
        self.assertEqual(session.status, 0)
        self.assertTrue(busy.is_lost)
        self.successResultOf(done)

    def test_those_that_do_not_are_broken_off(self) -> None:
        client = self.log_in()
        client.run(b"put a:b")
        done = Deferred.fromCoroutine(self.server.drain(30.0))
        client.settle()
        self.assertFalse(client.is_lost)
        self.clock.advance(30)
        client.settle()
        self.assertTrue(client.is_lost)
        self.successResultOf(done)
        self.assertNothingStaged()
