"""Tests of ``txregistry/commands/certs.py``, by what openssl and others say."""

import io
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.protocols import tls
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed

from tests.client.certificates import Certified
from tests.client.network import Connection
from tests.client.test_agent import serve
from tests.integration.clients.programs import find
from tests.temporary import make_folder
from txregistry.auth.certificates import CertificateIdentifier, NameSource
from txregistry.auth.interfaces import Caller, Credentials
from txregistry.client.agent import ClientCertificate, make_agent
from txregistry.commands.main import main
from txregistry.model.access import Identity


class CertsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        self.folder = Path(make_folder(self), "certs")

    def forget(self) -> None:
        """Forget what was printed."""
        for printed in (self.out, self.err):
            printed.truncate(0)
            printed.seek(0)

    def run_certs(self, command: str, *arguments: str) -> str:
        """Run a command that succeeds, and give what it prints."""
        self.forget()
        main(["certs", command, str(self.folder), *arguments])
        self.assertEqual(self.err.getvalue(), "")
        return self.out.getvalue()

    def fail_with(self, *arguments: str) -> str:
        """Run a command that cannot be done, and give its one sentence."""
        self.forget()
        with self.assertRaises(SystemExit) as raised:
            main(["certs", *arguments])
        self.assertEqual((raised.exception.code, self.out.getvalue()), (2, ""))
        told = self.err.getvalue()
        self.assertEqual((told[:12], told.count("\n")), ("txregistry: ", 1))
        return told

    def path(self, *parts: str) -> str:
        return str(self.folder.joinpath(*parts))

    def client_path(self, name: str, file: str = "client.cert") -> str:
        return self.path("clients", name, file)

    def certificate(self, *parts: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(Path(self.path(*parts)).read_bytes())


class OpensslTests(CertsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.openssl = find("openssl")

    def verify(self, certificate: str, *options: str) -> str:
        """Let openssl verify a certificate, also against what is revoked."""
        done = subprocess.run(
            [
                self.openssl,
                "verify",
                "-x509_strict",
                "-crl_check_all",
                *("-CAfile", self.path("ca.crt")),
                *("-CRLfile", self.path("crl.pem")),
                *options,
                certificate,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return "OK" if done.returncode == 0 else done.stderr

    def test_server_is_good(self) -> None:
        self.run_certs("init", "--host", "registry.example", "--host", "127.0.0.1")
        server = self.path("server.crt")
        for options in (
            ("-verify_hostname", "registry.example"),
            ("-verify_ip", "127.0.0.1"),
        ):
            self.assertEqual(
                self.verify(server, "-purpose", "sslserver", *options), "OK"
            )
        self.assertIn("mismatch", self.verify(server, "-verify_hostname", "localhost"))
        self.assertIn("purpose", self.verify(server, "-purpose", "sslclient"))

    def test_client_is_good_until_it_is_revoked(self) -> None:
        self.run_certs("init")
        for name in ("bob", "eve"):
            self.run_certs("client", name, "--group", "ops")
            found = self.verify(self.client_path(name), "-purpose", "sslclient")
            self.assertEqual(found, "OK")
        self.run_certs("revoke", "bob")
        self.assertIn("certificate revoked", self.verify(self.client_path("bob")))
        self.assertEqual(self.verify(self.client_path("eve")), "OK")
        found = self.verify(self.client_path("eve"), "-purpose", "sslserver")
        self.assertIn("purpose", found)

    def test_list_is_signed_by_the_authority(self) -> None:
        self.run_certs("init")
        command = [self.openssl, "crl", "-noout", "-in", self.path("crl.pem")]
        done = subprocess.run(
            [*command, "-CAfile", self.path("ca.crt")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, "verify OK\n"))


class PythonTests(CertsTestCase):
    """Python's ``ssl``: both ends of a connection in memory."""

    def setUp(self) -> None:
        super().setUp()
        self.run_certs("init")
        self.run_certs("client", "bob")

    def connect(self, host: str) -> ssl.SSLObject:
        """Let a server and a client shake hands, and give the server's end."""
        of_server = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=self.path("ca.crt")
        )
        of_server.verify_mode = ssl.CERT_REQUIRED
        of_server.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
        of_server.load_verify_locations(self.path("crl.pem"))
        of_server.load_cert_chain(self.path("server.crt"), self.path("server.key"))
        of_client = ssl.create_default_context(cafile=self.path("ca.crt"))
        of_client.verify_flags |= ssl.VERIFY_X509_STRICT
        of_client.load_cert_chain(
            self.client_path("bob"), self.client_path("bob", "client.key")
        )
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = of_client.wrap_bio(back, there, server_hostname=host)
        server = of_server.wrap_bio(there, back, server_side=True)
        for _ in range(4):
            for end in (client, server):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        return server

    def test_both_are_believed(self) -> None:
        for host in ("localhost", "127.0.0.1", "::1"):
            shown = self.connect(host).getpeercert()
            assert shown is not None
            self.assertEqual(shown["subject"], ((("commonName", "bob"),),))

    def test_server_of_another_name_is_not(self) -> None:
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect("registry.example")

    def test_who_is_revoked_is_not(self) -> None:
        self.run_certs("revoke", "bob")
        with self.assertRaises(ssl.SSLCertVerificationError) as raised:
            self.connect("localhost")
        self.assertIn("revoked", str(raised.exception))


class TwistedTests(CertsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.run_certs("init", "--host", "registry.example")
        self.run_certs("client", "bob", "--group", "ops", "--group", "dev")

    def connect(self, url: bytes) -> Connection:
        """Let our own client come to a server that asks for a certificate."""
        authority = self.load("ca.crt", "ca.key")
        network = serve(self.load("server.crt", "server.key"), authority)
        self.patch(tls, "_get_default_clock", lambda: network.reactor)
        bob = self.load("clients/bob/client.cert", "clients/bob/client.key")
        agent = make_agent(
            network.reactor,
            trust=[authority.certificate],
            client_certificate=ClientCertificate([bob.certificate], bob.key),
            connect_timeout=5,
        )
        asked = agent.request(b"GET", url)
        _ = asked.addErrback(lambda failure: failure.trap(ResponseFailed))
        connection = network.accept()
        connection.flush()
        return connection

    def test_client_is_known_by_its_certificate(self) -> None:
        connection = self.connect(b"https://registry.example/")
        self.assertIn(b"GET / ", connection.peer.received)
        transport: Any = connection.peer.transport
        shown = transport.getPeerCertificate().to_cryptography()
        asked = CertificateIdentifier([NameSource("cn")], Clock(), units=True)
        done = Deferred.fromCoroutine(asked.identify(Credentials(certificate=shown)))
        known = Caller(Identity("bob", frozenset({"ops", "dev"})))
        self.assertEqual(self.successResultOf(done), known)

    def test_server_of_another_name_is_told_nothing(self) -> None:
        connection = self.connect(b"https://other.example/")
        self.assertEqual(connection.peer.received, b"")

    def load(self, certificate: str, key: str) -> Certified:
        """Load a certificate and its key."""
        secret = load_pem_private_key(Path(self.path(key)).read_bytes(), None)
        assert isinstance(secret, EllipticCurvePrivateKey)
        return Certified(self.certificate(certificate), secret)


class PrintedTests(CertsTestCase):
    def test_init_says_what_settings_there_must_be(self) -> None:
        told = self.run_certs("init")
        document = yaml.safe_load(told.partition("\n\n")[0])
        self.assertEqual(document["http"]["addr"], ":5000")
        kept = yaml.safe_load(Path(self.path("config.yml")).read_text())
        self.assertEqual(kept, document)
        tls = document["http"]["tls"]
        for path in (tls["certificate"], tls["key"], *tls["clientcas"], *tls["crls"]):
            self.assertTrue(os.path.isfile(path))
        self.assertIn(
            f"cp {self.path('ca.crt')} /etc/docker/certs.d/localhost:5000/", told
        )
        self.assertIn(f"txregistry certs client {self.folder} NAME", told)

    def test_client_says_where_it_is_to_go(self) -> None:
        self.run_certs("init", "--host", "registry.example")
        told = self.run_certs("client", "bob", "--group", "ops", "--days", "30")
        self.assertIn("# bob in ops, good until ", told)
        place = "~/.config/containers/certs.d/registry.example:5000"
        self.assertIn(f"cp {self.path('clients', 'bob')}/* {place}/\n", told)
        self.assertIn("https://registry.example:5000/v2/\n", told)
        self.assertEqual(self.run_certs("show", "bob"), told)

    def test_registry_may_be_elsewhere(self) -> None:
        told = self.run_certs("init", "--registry", "one.example:5001")
        self.assertIn("addr: :5001\n", told)
        told = self.run_certs("client", "bob", "-r", "one.example:5001")
        self.assertIn("/etc/docker/certs.d/one.example:5001/", told)
        told = self.run_certs("show", "bob", "--registry", "two.example")
        self.assertIn("/etc/docker/certs.d/two.example/", told)

    def test_revoke_says_so(self) -> None:
        self.run_certs("init")
        self.run_certs("client", "bob")
        self.assertNotIn("REVOKED", self.run_certs("show", "bob"))
        told = self.run_certs("revoke", "bob")
        self.assertEqual(
            told,
            f"# bob is on the list of revoked certificates, {self.path('crl.pem')}.\n",
        )
        self.assertIn("bob was revoked before", self.run_certs("revoke", "bob"))
        self.assertIn("it is REVOKED", self.run_certs("show", "bob"))

    def test_no_secret_is_printed(self) -> None:
        told = self.run_certs("init") + self.run_certs("client", "bob")
        self.assertNotIn("PRIVATE", told)


class MadeTests(CertsTestCase):
    def test_server_has_the_names_of_this_host(self) -> None:
        self.run_certs("init")
        self.assertEqual(self.names(), ["localhost", "127.0.0.1", "::1"])

    def test_server_has_each_name_once(self) -> None:
        hosts = ("b.example", "10.0.0.1", "B.example", "10.0.0.1")
        self.run_certs("init", *(f"--host={host}" for host in hosts))
        self.assertEqual(self.names(), ["b.example", "10.0.0.1"])

    def test_client_has_each_group_once(self) -> None:
        self.run_certs("init")
        self.run_certs("client", "bob", "--group=b", "--group=a", "--group=b")
        subject = self.certificate("clients", "bob", "client.cert").subject
        self.assertEqual(subject.rfc4514_string(), "CN=bob,OU=a,OU=b")

    def test_client_is_good_for_825_days_or_as_is_said(self) -> None:
        self.run_certs("init")
        for name, options, days in (("bob", (), 825), ("eve", ("--days", "30"), 30)):
            self.run_certs("client", name, *options)
            made = self.certificate("clients", name, "client.cert")
            good = made.not_valid_after_utc - made.not_valid_before_utc
            self.assertEqual(good.days + 1, days)

    def names(self) -> list[str]:
        extensions = self.certificate("server.crt").extensions
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return [str(each.value) for each in found.value]


class RefusedTests(CertsTestCase):
    def made(self) -> list[str]:
        return sorted(str(path) for path in self.folder.rglob("*"))

    def test_no_command(self) -> None:
        self.assertIn("init, client, revoke or show", self.fail_with())
        self.assertIn("fly", self.fail_with("fly"))

    def test_number_of_arguments(self) -> None:
        for arguments in (("init",), ("init", "a", "b"), ("client", "a"), ("revoke",)):
            self.assertIn("Wrong number of arguments", self.fail_with(*arguments))

    def test_folder_that_can_be_none(self) -> None:
        for text in ("", "a\nb"):
            self.assertIn("DIR: ", self.fail_with("init", text))

    def test_second_init(self) -> None:
        self.run_certs("init")
        told = self.fail_with("init", str(self.folder))
        self.assertIn("crl.pem, config.yml already", told)

    def test_host_that_is_none(self) -> None:
        told = self.fail_with("init", str(self.folder), "--host", "a.example:5000")
        self.assertIn("--host: 'a.example:5000' is neither", told)
        self.assertEqual(self.made(), [])

    def test_registry_that_is_none(self) -> None:
        folder = str(self.folder)
        told = self.fail_with("init", folder, "--registry", "https://a")
        self.assertIn("--registry: ", told)
        self.assertEqual(self.made(), [])
        self.run_certs("init")
        before = self.made()
        self.assertIn(
            "--registry: ", self.fail_with("client", folder, "bob", "-r", "a/b")
        )
        self.assertEqual(self.made(), before)

    def test_days_that_are_none(self) -> None:
        self.run_certs("init")
        for text in ("0", "-1", "3651", "x", "", "1e3", "٣", "9" * 5000):
            told = self.fail_with("client", str(self.folder), "bob", f"--days={text}")
            self.assertIn("--days: ", told)

    def test_names_that_are_none(self) -> None:
        self.run_certs("init")
        for command in ("client", "show", "revoke"):
            for name in ("", "..", "../bob", "a/b", "bob\n", "anonymous"):
                told = self.fail_with(command, str(self.folder), "--", name)
                self.assertIn(f"{name!r} cannot be a name", told)

    def test_nobody_of_that_name(self) -> None:
        self.run_certs("init")
        for command in ("show", "revoke"):
            told = self.fail_with(command, str(self.folder), "bob")
            self.assertIn("clients/bob/client.cert' cannot be read", told)

    def test_no_authority(self) -> None:
        for command in ("client", "show", "revoke"):
            told = self.fail_with(command, str(self.folder), "bob")
            self.assertIn("No such file", told)

    def test_unknown_option(self) -> None:
        self.assertIn("--fly", self.fail_with("init", str(self.folder), "--fly"))
