"""Tests of ``txregistry/tls/server.py``."""

import ssl
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import NOW, Files, issue
from tests.temporary import make_folder
from tests.web.exchange import logged
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Tls
from txregistry.tasks import P, T, at_once
from txregistry.tls.server import ServerTls
from txregistry.tls.tickets import TicketKeys, _ticket_of

ROOT = issue("root", authority=True)
SERVER = ROOT.issue("server")
NEXT = ROOT.issue("next")
DAY = 24 * 3600


class ServerTlsCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.files = Files(make_folder(self))
        self.clock = Clock()
        self.now = NOW
        self.tls = Tls(
            self.files.put("server.pem", SERVER.pem),
            self.files.put("server.key", SERVER.key_pem),
            clientcas=(self.files.put("ca.pem", ROOT.pem),),
            crls=(self.files.put("ca.crl", ROOT.revoke()),),
        )

    def time(self) -> datetime:
        return self.now + timedelta(seconds=self.clock.seconds())

    def make(self) -> ServerTls:
        return ServerTls(self.tls, self.clock, at_once, self.time)

    def start(self) -> ServerTls:
        server = self.make()
        server.start()
        self.addCleanup(server.stop)
        return server

    def reload(self, server: ServerTls) -> None:
        self.assertIsNone(self.successResultOf(server.reload()))

    def replace(self, *, key: bytes = NEXT.key_pem) -> None:
        """Put another certificate and key in place."""
        self.files.put("server.pem", NEXT.pem)
        self.files.put("server.key", key)


class ReloadTests(ServerTlsCase):
    def test_new_content_comes_into_force(self) -> None:
        server = self.make()
        before = server.current
        self.replace()
        self.reload(server)
        self.assertIsNot(server.current, before)

    def test_expiries_are_those_in_force(self) -> None:
        server = self.make()
        self.replace()
        self.reload(server)
        self.assertEqual(server.expiries()[0].name, "CN=next")

    def test_same_content_changes_nothing(self) -> None:
        server = self.make()
        before = server.current
        self.files.put("server.pem", SERVER.pem)
        self.reload(server)
        self.assertIs(server.current, before)

    def test_what_does_not_parse_is_not_taken(self) -> None:
        for name in ("server.pem", "server.key", "ca.pem", "ca.crl"):
            server = self.make()
            before = server.current
            with open(self.files.path(name), "rb") as file:
                good = file.read()
            self.files.put(name, good[:-40])
            self.reload(server)
            self.assertIs(server.current, before, name)
            self.assertIn(repr(self.files.path(name)), str(server.trouble))
            self.files.put(name, good)

    def test_trouble_is_logged_once(self) -> None:
        server = self.make()
        self.files.put("ca.crl", b"junk")
        with logged() as events:
            self.reload(server)
            self.reload(server)
        errors = [each for each in events if each["log_level"] is LogLevel.error]
        self.assertEqual(len(errors), 1)
        self.assertIn("http.tls.crls", eventAsText(errors[0]))

    def test_another_trouble_is_logged_too(self) -> None:
        server = self.make()
        with logged() as events:
            self.files.put("ca.crl", b"junk")
            self.reload(server)
            self.files.put("ca.pem", b"junk")
            self.reload(server)
        errors = [each for each in events if each["log_level"] is LogLevel.error]
        self.assertEqual(len(errors), 2)

    def test_trouble_ends_with_the_old_content(self) -> None:
        server = self.make()
        before = server.current
        with open(self.files.path("ca.crl"), "rb") as file:
            good = file.read()
        self.files.put("ca.crl", b"junk")
        self.reload(server)
        self.files.put("ca.crl", good)
        self.reload(server)
        self.assertIsNone(server.trouble)
        self.assertIs(server.current, before)

    def test_key_that_openssl_refuses_is_no_crash(self) -> None:
        weak = issue("weak", key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - why it is refused
        self.files.put("server.pem", weak.pem)
        self.files.put("server.key", weak.key_pem)
        with self.assertRaises(SettingsError) as raised:
            self.make()
        self.assertIn("http.tls", str(raised.exception))

    def test_unknown_kind_of_key_is_no_crash(self) -> None:
        known, unknown = (
            b"\x2a\x86\x48\xce\x3d\x02\x01",
            b"\x2a\x03\x04\x05\x06\x07\x08",
        )
        self.assertEqual(SERVER.der.count(known), 1)
        der = SERVER.der.replace(known, unknown)
        self.files.put("server.pem", ssl.DER_cert_to_PEM_cert(der).encode())
        with self.assertRaises(SettingsError) as raised:
            self.make()
        self.assertIn("http.tls", str(raised.exception))

    def test_bad_files_stop_the_start(self) -> None:
        self.replace(key=SERVER.key_pem)
        with self.assertRaises(SettingsError):
            self.make()


class WatchTests(ServerTlsCase):
    def test_change_is_found_within_a_second(self) -> None:
        server = self.start()
        before = server.current
        self.replace()
        self.clock.advance(1)
        self.assertIsNot(server.current, before)

    def test_half_a_change_waits_for_the_other_half(self) -> None:
        server = self.start()
        self.files.put("server.pem", NEXT.pem)
        self.clock.advance(1)
        self.assertEqual(server.expiries()[0].name, "CN=server")
        self.files.put("server.key", NEXT.key_pem)
        self.clock.advance(1)
        self.assertEqual(server.expiries()[0].name, "CN=next")

    def test_list_comes_into_force_when_its_time_has_come(self) -> None:
        server = self.start()
        before = server.current
        self.files.put("ca.crl", ROOT.revoke(since=1))
        self.clock.advance(1)
        self.assertIn("not valid before", str(server.trouble))
        self.clock.pump([DAY, 1])
        self.assertIsNone(server.trouble)
        self.assertIsNot(server.current, before)

    def test_untouched_files_are_not_read(self) -> None:
        self.now += timedelta(hours=1)  # they are older than a tick of their clock
        reads: list[str] = []

        def blocking(
            work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
        ) -> Deferred[T]:
            reads.append(work.__name__)
            return at_once(work, *args, **kwargs)

        server = ServerTls(self.tls, self.clock, blocking, self.time)
        server.start()
        self.addCleanup(server.stop)
        self.clock.pump([1, 1, 1])
        self.assertEqual(reads, ["stamp"] * 3)

    def test_nothing_is_watched_after_the_end(self) -> None:
        server = self.start()
        server.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_tickets_get_new_keys_every_day(self) -> None:
        server = self.start()
        before = server.current
        self.clock.pump([DAY])
        self.assertIsNot(server.current, before)


class ExpiryTests(ServerTlsCase):
    def warnings(self, days: float) -> list[str]:
        """Tell what is said of the files within so many days."""
        with logged() as events:
            self.start()
            self.clock.pump([3600] * round(24 * days))
        wanted = (LogLevel.warn, LogLevel.error)
        return [eventAsText(each) for each in events if each["log_level"] in wanted]

    def put(self, days: float) -> None:
        """Let the server's certificate have so many days left."""
        brief = ROOT.issue("brief", until=days)
        self.files.put("server.pem", brief.pem)
        self.files.put("server.key", brief.key_pem)

    def test_nothing_is_said_long_before(self) -> None:
        self.assertEqual(self.warnings(5), [])

    def test_it_is_said_at_the_start(self) -> None:
        self.put(20)
        (told,) = self.warnings(0)
        self.assertIn("http.tls.certificate", told)
        self.assertIn("CN=brief", told)
        self.assertIn("in 19 days", told)

    def test_it_is_said_every_day(self) -> None:
        self.put(20)
        self.assertEqual(len(self.warnings(3.5)), 4)

    def test_it_is_said_from_30_days_ahead(self) -> None:
        self.put(32.5)
        self.assertEqual(len(self.warnings(5.5)), 3)

    def test_it_is_said_when_it_has_happened(self) -> None:
        self.put(0.5)
        soon, late = self.warnings(1)
        self.assertIn("expires in 0 days", soon)
        self.assertIn("has expired", late)

    def test_it_is_said_of_what_was_read_anew(self) -> None:
        server = self.start()
        self.put(20)
        with logged() as events:
            self.reload(server)
        self.assertIn("in 19 days", "\n".join(map(str, map(eventAsText, events))))

    def test_lists_have_an_end_too(self) -> None:
        self.files.put("ca.crl", ROOT.revoke(until=0.5))
        soon, late = self.warnings(1)
        self.assertIn("http.tls.crls", soon)
        self.assertIn("has expired", late)

    def test_clients_are_verified_anew_when_a_list_has_ended(self) -> None:
        self.files.put("ca.crl", ROOT.revoke(until=0.5))
        server = self.start()
        before = server.current
        self.clock.pump([3600] * 11)
        self.assertIs(server.current, before)
        self.clock.pump([3600] * 2)
        self.assertIsNot(server.current, before)


class SharedSessionTests(ServerTlsCase):
    """Several processes read the same files, and are told the same."""

    def serve(self, tickets: bytes = b"secret") -> ServerTls:
        return ServerTls(self.tls, self.clock, at_once, self.time, tickets)

    def keys(self, server: ServerTls) -> TicketKeys:
        """Give the keys that are in force, as a ticket proves."""
        found = server._ticket_keys(server._files)
        assert found is not None
        self.assertTrue(server.current.shares_sessions)
        self.assertTrue(found.made(_ticket_of(server.current.context)))
        return found

    def test_alone_there_are_keys_that_nobody_else_has(self) -> None:
        self.assertFalse(self.make().current.shares_sessions)

    def test_all_have_the_same_keys(self) -> None:
        self.assertEqual(self.keys(self.serve()), self.keys(self.serve()))

    def test_keys_are_others_when_told_so(self) -> None:
        server = self.serve()
        before, context = self.keys(server), server.current
        self.assertIsNone(self.successResultOf(server.renew(b"other")))
        self.assertIsNot(server.current, context)
        self.assertNotEqual(self.keys(server), before)
        self.assertEqual(self.keys(server), self.keys(self.serve(b"other")))

    def test_keys_are_others_when_somebody_is_revoked(self) -> None:
        server = self.serve()
        before = self.keys(server)
        self.files.put("ca.crl", ROOT.revoke(ROOT.issue("eve")))
        self.reload(server)
        self.assertNotEqual(self.keys(server), before)
        self.assertEqual(self.keys(server), self.keys(self.serve()))

    def test_keys_are_others_when_something_has_expired(self) -> None:
        self.files.put("ca.crl", ROOT.revoke(until=1))
        server = self.start_with(self.serve())
        before = self.keys(server)
        self.clock.advance(DAY - 60)
        self.assertEqual(self.keys(server), before)
        self.clock.advance(120)
        self.assertNotEqual(self.keys(server), before)

    def test_keys_are_others_where_other_things_are_asked_for(self) -> None:
        before = self.keys(self.serve())
        self.tls = msgspec.structs.replace(self.tls, clientauth="optional")
        self.assertNotEqual(self.keys(self.serve()), before)

    def start_with(self, server: ServerTls) -> ServerTls:
        server.start()
        self.addCleanup(server.stop)
        return server
