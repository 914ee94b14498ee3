"""TLS between a registry and its Index: each makes sure who the other one is."""

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.daemon import DaemonError
from tests.integration.index import case
from tests.integration.index.case import (
    BOUND,
    UNAVAILABLE,
    R,
    Reply,
    V1Daemon,
    token,
)
from tests.integration.index.certificates import Certified, certify
from tests.integration.index.fake import good
from tests.web.v1.images import B, T


class TlsTests(case.IndexCase):
    """There is one authority that the registry trusts, and an Index that it signed."""

    authority: Certified

    def setUp(self) -> None:
        super().setUp()
        self.authority = certify(self.directory, "authority")
        self.server = certify(self.directory, "index", self.authority)
        self.cas = [str(self.authority.path)]

    def ask(self, daemon: V1Daemon) -> Reply:
        """Ask for something that needs the Index."""
        return daemon.ask("GET", f"{R}/tags", token("read"))

    def assertIsTrusted(self, reply: Reply) -> None:
        """The Index was asked, and what it said counts: there are no tags yet."""
        self.assertEqual(reply.said, (404, {"error": "Repository not found"}))

    def test_authority_of_the_settings_is_trusted(self) -> None:
        index = self.fake(tls=self.server.serves())
        index.behave = good([B, T])
        daemon = self.serve_with_index(index.url, cas=self.cas)
        self.assertIsTrusted(self.ask(daemon))
        self.assertEqual(len(index.asked), 1)

    def test_nobody_else_is_shown_a_token(self) -> None:
        other = certify(self.directory, "other")
        for server in (
            certify(self.directory, "self"),
            certify(self.directory, "stranger", other),
            certify(self.directory, "misplaced", self.authority, address="127.0.0.2"),
            certify(self.directory, "expired", self.authority, days=-1),
        ):
            index = self.fake(tls=server.serves())
            index.behave = good([B, T])
            daemon = self.serve_with_index(index.url, cas=self.cas)
            reply = self.ask(daemon)
            self.assertEqual(reply.said, UNAVAILABLE, server.path.name)
            self.assertIn("retry-after", reply.headers)
            self.assertLess(reply.seconds, BOUND)
            self.assertEqual(index.asked, [], server.path.name)
            daemon.discard()

    def test_authorities_of_the_platform_do_not_know_ours(self) -> None:
        index = self.fake(tls=self.server.serves())
        index.behave = good([B, T])
        daemon = self.serve_with_index(index.url)
        self.assertEqual(self.ask(daemon).said, UNAVAILABLE)
        self.assertEqual(index.asked, [])

    def test_no_tls_where_it_should_be(self) -> None:
        index = self.fake()
        index.behave = good([B, T])
        url = index.url.replace("http:", "https:")
        daemon = self.serve_with_index(url, cas=self.cas)
        self.assertEqual(self.ask(daemon).said, UNAVAILABLE)
        self.assertEqual(index.asked, [])

    def test_our_certificate_is_shown(self) -> None:
        clients = certify(self.directory, "clients")
        ours = certify(self.directory, "registry", clients)
        index = self.fake(tls=self.server.serves(clients))
        index.behave = good([B, T])
        daemon = self.serve_with_index(
            index.url,
            cas=self.cas,
            certificate=str(ours.path),
            certificatekey=str(ours.key_path),
        )
        self.assertIsTrusted(self.ask(daemon))
        shown = index.asked[0].certificate or {}
        self.assertEqual(shown["subject"], ((("commonName", "registry"),),))

    def test_index_that_wants_a_certificate_gets_no_question_without(self) -> None:
        clients = certify(self.directory, "clients")
        wrong = certify(self.directory, "wrong")
        index = self.fake(tls=self.server.serves(clients))
        index.behave = good([B, T])
        for more in (
            {},
            {"certificate": str(wrong.path), "certificatekey": str(wrong.key_path)},
        ):
            daemon = self.serve_with_index(index.url, cas=self.cas, **more)
            self.assertEqual(self.ask(daemon).said, UNAVAILABLE)
            self.assertEqual(index.asked, [])
            daemon.discard()

    def test_certificate_that_changes_is_looked_at_again(self) -> None:
        index = self.fake(tls=self.server.serves())
        index.behave = good([B, T])
        daemon = self.serve_with_index(index.url, cas=self.cas)
        self.assertIsTrusted(self.ask(daemon))
        index.kill()
        index._tls = certify(self.directory, "self").serves()
        index.start()
        self.assertEqual(self.ask(daemon).said, UNAVAILABLE)
        self.assertEqual(len(index.asked), 1)


class SettingsTests(SynchronousTestCase):
    def test_files_that_cannot_be_used_stop_the_start(self) -> None:
        directory = make_directory(self)
        (directory / "rubbish.pem").write_text("rubbish")
        for name, path in (
            ("index.cas", directory / "none.pem"),
            ("index.cas", directory / "rubbish.pem"),
        ):
            index = {"url": "https://127.0.0.1:1", "cas": [str(path)]}
            error = self.assertRaises(
                DaemonError, V1Daemon, directory / "registry", {"index": index}
            )
            self.assertIn(name, str(error))
            self.assertNotIn("Traceback", str(error))
