"""Tests of ``txregistry/ssh/server.py``: who gets in, and how many."""

import gc
import os
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from hypothesis import given
from hypothesis import strategies as st
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHClientTransport, SSHTransportBase

from tests.ssh.client import Client
from tests.ssh.keys import ALICE, BOB, HOST, MALLORY, line, make_ecdsa
from tests.ssh.servercase import ServerTestCase
from tests.temporary import make_file
from txregistry.ssh.keyfile import KeyFile
from txregistry.ssh.keys import wire
from txregistry.ssh.limits import Limits
from txregistry.ssh.packets import Plain
from txregistry.tasks import at_once


class _Forged(Key):
    """Look like Alice's key, and sign with another.

    Args:
        other: The other.
    """

    def __init__(self, other: Key) -> None:
        super().__init__(ALICE._keyObject)
        self._other = other

    def sign(self, data: bytes, signatureType: bytes | None = None) -> bytes:
        """See `Key`."""
        return self._other.sign(data, signatureType)


class _Guessing(Client):
    """Send half of the keys before it is known what they are, and be wrong."""

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """See `SSHClientTransport`."""
        if messageType != 20:
            super().sendPacket(messageType, payload)
            return
        payload = payload[:-5] + b"\1" + bytes(4)  # a guess follows
        self.ourKexInitPayload = b"\x14" + payload
        super().sendPacket(20, payload)
        super().sendPacket(30, NS(b"a wrong guess"))


class _Hybrid(Client):
    """Agree on keys as OpenSSH does since 9.9, with ML-KEM.

    Source: draft-ietf-sshm-mlkem-hybrid-kex, section 2.
    """

    supportedKeyExchanges = [b"mlkem768x25519-sha256"]  # noqa: RUF012 - as Conch has it

    def ssh_KEXINIT(self, packet: bytes) -> None:
        """Send our half."""
        SSHTransportBase.ssh_KEXINIT(self, packet)
        self.kem = MLKEM768PrivateKey.generate()
        self.curve = X25519PrivateKey.generate()
        self.half = (
            self.kem.public_key().public_bytes_raw()
            + self.curve.public_key().public_bytes_raw()
        )
        self.sendPacket(30, NS(self.half))

    def ssh_KEX_DH_GEX_GROUP(self, packet: bytes) -> None:
        """Take theirs."""
        host, half, signature, _ = getNS(packet, 3)
        secret = self.kem.decapsulate(half[:1088])
        secret += self.curve.exchange(X25519PublicKey.from_public_bytes(half[1088:]))
        shared = NS(sha256(secret).digest())
        said = (
            self.ourVersionString,
            self.otherVersionString,
            self.ourKexInitPayload,
            self.otherKexInitPayload,
            host,
            self.half,
            half,
        )
        exchanged = sha256(wire(*said) + shared).digest()
        if Key.fromString(host, type="blob").verify(signature, exchanged):
            self.host_key = host
            self._keySetup(shared, exchanged)


class LogInTests(ServerTestCase):
    def test_who_is_known_gets_in(self) -> None:
        client = self.log_in()
        self.assertEqual(client.host_key, Key(HOST).public().blob())
        self.assertTold("192.0.2.1 alice logged in by SSH with SHA256:")

    def test_a_client_may_try_several_keys(self) -> None:
        self.assertTrue(self.connect(MALLORY, ALICE).conn.started)

    def test_keys_on_all_curves_are_good(self) -> None:
        for key in map(make_ecdsa, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)):
            path = make_file(self, "keys", line(key, "carol"))
            self.server.keys = KeyFile(path, self.clock, at_once)
            self.assertTrue(self.connect(key).conn.started, key.sshType())

    def test_who_is_not_known_does_not_get_in(self) -> None:
        client = self.connect(MALLORY)
        self.assertFalse(client.conn.started)
        self.assertTrue(client.is_lost)
        self.assertTold("was not let in by SSH: the key SHA256:")

    def test_who_shows_nothing_does_not_get_in(self) -> None:
        self.assertFalse(self.connect().conn.started)
        self.assertTold("was not let in by SSH: it showed no key")

    def test_a_key_is_of_no_use_without_its_other_half(self) -> None:
        client = self.connect(_Forged(MALLORY))
        self.assertFalse(client.conn.started)
        self.assertTold("the signature by SHA256:")

    def test_too_many_keys_are_too_many(self) -> None:
        keys = [make_ecdsa() for _ in range(4)]
        client = self.connect(*keys, ALICE)
        self.assertFalse(client.conn.started)
        self.assertEqual(client.error, b"Too many keys were tried")
        self.assertTold("it tried too many keys")

    def test_a_key_that_is_removed_is_no_good_any_more(self) -> None:
        client = self.log_in()
        with open(self.path, "wb") as file:
            file.write(line(BOB, "bob"))
        self.clock.advance(2)
        session = client.run(b"help")
        self.assertEqual((session.got, session.status), (b"", None))
        self.assertTrue(client.is_lost)
        self.assertFalse(self.connect(ALICE).conn.started)

    def test_silence_before_the_log_in_ends(self) -> None:
        class Silent(Client):
            def dataReceived(self, data: bytes) -> None:
                """Say nothing."""

        client = Silent(self.server, self.clock)
        client.io.clientIO.getOutBuffer()
        client.settle()
        self.clock.advance(29)
        client.settle()
        self.assertFalse(client.is_lost)
        self.clock.advance(1)
        client.settle()
        self.assertTrue(client.is_lost)

    def test_clients_are_told_how_they_may_sign(self) -> None:
        told = self.log_in().peerExtensions[b"server-sig-algs"].split(b",")
        self.assertIn(b"rsa-sha2-256", told)
        self.assertIn(b"ssh-ed25519", told)
        self.assertNotIn(b"ssh-rsa", told)


class RoomTests(ServerTestCase):
    def test_one_place_gets_half_of_the_room(self) -> None:
        clients = [self.log_in() for _ in range(4)]
        self.assertIsNone(self.connect(ALICE).server)
        self.assertTold("no more are taken for now")
        for peer in ("198.51.100.1", "198.51.100.2"):
            for _ in range(2):
                self.assertTrue(self.connect(ALICE, peer=peer).conn.started)
        self.assertIsNone(self.connect(ALICE, peer="203.0.113.1").server)
        clients[0].transport.loseConnection()
        clients[0].settle()
        self.assertTrue(self.connect(ALICE, peer="203.0.113.1").conn.started)

    def wait(self, *peers: str) -> list[Client]:
        """Connect from places, and do no more."""
        return [Client(self.server, self.clock, peer=peer) for peer in peers]

    def see_lost(self, clients: list[Client]) -> list[bool]:
        """Say which of those who wait were cut off."""
        return [client.server.is_over() for client in clients]

    def test_who_does_not_log_in_keeps_nobody_out(self) -> None:
        one, two, three = "198.51.100.1", "198.51.100.2", "198.51.100.3"
        waiting = self.wait(one, one, one, two, two, two)
        self.assertTrue(self.connect(ALICE, peer=three).conn.started)
        self.assertEqual(self.see_lost(waiting), [True] + [False] * 5)
        self.assertTold("the oldest are cut off for new ones")
        self.assertTrue(self.connect(ALICE, peer=two).conn.started)
        lost = [True, False, False, True, False, False]
        self.assertEqual(self.see_lost(waiting), lost)
        waiting[0].settle()
        self.assertTrue(waiting[0].is_lost)

    def test_a_place_with_its_share_cuts_off_none_but_its_own(self) -> None:
        first = self.wait("198.51.100.1", "198.51.100.2")
        here = self.wait(*["198.51.100.3"] * 20)
        self.assertEqual(self.see_lost(first), [False] * 2)
        self.assertEqual(self.see_lost(here), [True] * 17 + [False] * 3)

    def test_who_logged_in_is_not_cut_off_for_others(self) -> None:
        known = [self.log_in() for _ in range(3)]
        known += [self.connect(ALICE, peer="198.51.100.1") for _ in range(3)]
        waiting = self.wait("198.51.100.2", "198.51.100.3")
        known += [self.connect(ALICE, peer="198.51.100.4") for _ in range(2)]
        self.assertTrue(all(client.conn.started for client in known))
        self.assertEqual(self.see_lost(waiting), [True] * 2)
        self.assertIsNone(self.connect(ALICE, peer="198.51.100.5").server)
        self.assertEqual(self.see_lost(known), [False] * 8)

    def test_many_may_log_in_at_once(self) -> None:
        self.server.limits = Limits()
        clients = [Client(self.server, self.clock, ALICE) for _ in range(30)]
        for client in clients:
            client.settle()
        self.assertTrue(all(client.conn.started for client in clients))


class ProtocolTests(ServerTestCase):
    def ends(self, client: Client, number: int, payload: bytes) -> None:
        """A message ends the connection, and nothing is unforeseen."""
        SSHClientTransport.sendPacket(client, number, payload)
        client.settle()
        self.assertTrue(client.is_lost, (number, payload))
        self.assertFalse(self.flushLoggedErrors())

    def test_nothing_but_logging_in_comes_before_it(self) -> None:
        for number in (20, 30, 31, 60, 80, 90, 94, 98, 200):
            client = Client(self.server, self.clock)
            client.connectionSecure = lambda: None  # type: ignore[method-assign]  # wait
            client.settle()
            self.ends(client, number, bytes(100))

    def test_nothing_but_keys_comes_before_them(self) -> None:
        for number in (2, 5, 21, 30, 50, 60, 80, 94):
            client = Client(self.server, self.clock)
            client.io.clientIO.getOutBuffer()
            client.server.dataReceived(b"SSH-2.0-x\r\n")
            payload = bytes([number]) + NS(b"ssh-userauth") * 3
            data = b"".join(Plain().seal(0, payload))
            client.server.dataReceived(data)
            self.assertTrue(client.server.is_over(), number)
            self.assertFalse(self.flushLoggedErrors())
            client.settle()

    def test_keys_are_made_once_before_the_log_in(self) -> None:
        client = Client(self.server, self.clock, ALICE)
        halves: list[tuple[int, bytes]] = []
        send = client.sendPacket

        def twice(number: int, payload: bytes) -> None:
            """Send one's half of the keys twice."""
            send(number, payload)
            if number == 30:
                halves.append((number, payload))
                send(number, payload)

        client.sendPacket = twice  # type: ignore[method-assign]  # of this one alone
        client.settle()
        self.assertEqual(len(halves), 1)
        self.assertTrue(client.is_lost)
        self.assertTold("message 30 came out of turn")

    def test_new_clients_agree_on_keys_by_ml_kem(self) -> None:
        client = _Hybrid(self.server, self.clock, ALICE)
        client.settle()
        self.assertTrue(client.conn.started, self.told)
        self.assertEqual(client.host_key, Key(HOST).public().blob())

    def test_a_client_may_guess_wrong(self) -> None:
        client = _Guessing(self.server, self.clock, ALICE)
        client.settle()
        self.assertTrue(client.conn.started, self.told)

    def test_answers_that_nobody_asked_for_end_the_connection(self) -> None:
        client = self.log_in()
        session = client.open()
        number = client.conn.channelsToRemoteChannel[session]
        payload = number.to_bytes(4) + bytes(12)
        for answer in (91, 92, 99, 100):
            client = self.log_in()
            client.open()
            self.ends(client, answer, payload)

    def test_requests_that_are_cut_off_are_refused(self) -> None:
        client = self.log_in()
        session = client.open()
        for data in (b"", b"\0", b"\0\0\0\5abc", b"\0\0\0\1abc"):
            client.conn.sendRequest(session, b"exec", data)
            self.assertEqual(client.ask(session, b"exec", data), [False])
        gc.collect()
        self.assertFalse(self.flushLoggedErrors())

    def test_the_log_in_does_not_come_twice(self) -> None:
        self.ends(self.log_in(), 50, NS(b"a") * 3)
        self.ends(self.log_in(), 5, NS(b"ssh-userauth"))
        self.ends(self.log_in(), 5, NS(b"ssh-connection"))

    def test_messages_that_are_no_messages_end_the_connection(self) -> None:
        for number in (90, 93, 94, 95, 96, 97, 98):
            for payload in (b"", b"\0", bytes(7), b"\xff" * 8, b"\xff" * 40):
                self.ends(self.log_in(), number, payload)

    def test_answers_to_nothing_end_the_connection(self) -> None:
        for number in (81, 82):
            self.ends(self.log_in(), number, b"")

    @given(st.integers(1, 255), st.binary(max_size=80))
    def test_any_message_is_taken_or_is_the_end(
        self, number: int, payload: bytes
    ) -> None:
        client = self.log_in()
        SSHClientTransport.sendPacket(client, number, payload)
        client.settle()
        client.transport.loseConnection()
        client.settle()
        self.assertFalse(self.flushLoggedErrors())

    @given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
    def test_any_bytes_end_the_connection_or_wait(self, pieces: list[bytes]) -> None:
        client = Client(self.server, self.clock)
        client.io.clientIO.getOutBuffer()
        for piece in (b"SSH-2.0-x\r\n", *pieces):
            client.server.dataReceived(piece)
        self.clock.advance(40)
        client.settle()
        self.clock.advance(10)
        client.settle()
        self.assertTrue(client.is_lost)
        self.assertFalse(self.flushLoggedErrors())

    def test_a_packet_without_end_is_not_kept(self) -> None:
        client = self.log_in()
        client.settle()
        server = client.server
        for _ in range(100):
            server.dataReceived(os.urandom(16 * 1024))
            if server.is_over():
                break
        self.assertTrue(server.is_over())
        self.assertLess(len(server.buf), 400 * 1024)

    def test_messages_that_wait_for_new_keys_are_few(self) -> None:
        client = self.log_in()
        server = client.server
        server.sendKexInit()
        for _ in range(1001):
            server.sendPacket(80, NS(b"x"))
        self.assertTrue(server.is_over())
