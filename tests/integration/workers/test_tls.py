"""Sessions of TLS that begin at one worker go on at the other."""

import ssl
from collections.abc import Iterator
from typing import Any

from tests.authorities import Files, issue
from tests.integration.clients.case import make_directory
from tests.integration.tuned import wait_for
from tests.integration.visitors import V12, V13, Visitor, make_context
from tests.integration.workers import crewcase
from tests.integration.workers.crewcase import TRIES, serves

ROOT = issue("root", authority=True)
SERVER = ROOT.issue("server")
ANN, EVE = ROOT.issue("ann"), ROOT.issue("eve")


class SessionTests(crewcase.CrewCase):
    def setUp(self) -> None:
        """Write the certificates, and begin."""
        folder = make_directory(self)
        self.files = Files(str(folder))
        super().setUp()

    def settings(self) -> dict[str, Any]:
        return {
            "http": {
                "tls": {
                    "certificate": self.files.put("server.pem", SERVER.pem),
                    "key": self.files.put("server.key", SERVER.key_pem),
                    "clientcas": [self.files.put("ca.pem", ROOT.pem)],
                    "crls": [self.files.put("ca.crl", ROOT.revoke())],
                }
            }
        }

    def come(self, context: ssl.SSLContext, session: Any = None) -> Visitor:
        """Come, ask, and have what is needed to come back."""
        visitor = Visitor(context, self.daemon.port, session)
        self.addCleanup(visitor.close)
        self.status = visitor.get()
        return visitor

    def elsewhere(
        self, context: ssl.SSLContext, session: ssl.SSLSession, pid: int
    ) -> Iterator[Visitor]:
        """Come back until another worker serves us, and give each visit there."""
        for _ in range(TRIES):
            visitor = self.come(context, session)
            if serves(pid, visitor.tls):
                yield visitor
                return
        raise AssertionError(f"no connection of {TRIES} went to {pid}")

    def test_sessions_go_on_at_the_other_and_not_for_who_is_revoked(self) -> None:
        sessions = {}
        for version in (V12, V13):
            for shown in (ANN, EVE):
                context = make_context(self.files, ROOT, shown, version)
                first = self.come(context)
                self.assertFalse(first.tls.session_reused)
                here = [pid for pid in self.pids.values() if serves(pid, first.tls)]
                (there,) = set(self.pids.values()) - set(here)
                session = first.tls.session
                assert session is not None
                (other,) = self.elsewhere(context, session, there)
                self.assertTrue(other.tls.session_reused, version)
                self.assertEqual(self.status, 200)
                sessions[version, shown is EVE] = context, session
        self._revocation_counts_at_both(sessions)

    def _revocation_counts_at_both(self, sessions: dict[Any, Any]) -> None:
        self.files.put("ca.crl", ROOT.revoke(EVE))
        told = "Certificates were read anew"
        wait_for(lambda: self.daemon.log.count(told) == len(self.pids), told)
        for (version, revoked), (context, session) in sessions.items():
            for pid in self.pids.values():
                if revoked:
                    self._is_kept_out(context, session)
                else:
                    (back,) = self.elsewhere(context, session, pid)
                    self.assertFalse(back.tls.session_reused, version)
                    self.assertEqual(self.status, 200)

    def _is_kept_out(self, context: ssl.SSLContext, session: Any) -> None:
        for _ in range(5):
            with self.assertRaises(OSError):
                self.come(context, session)
