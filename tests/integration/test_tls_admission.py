"""Tests of TLS with sockets: who is let in, and how it is spoken."""

import ssl
import warnings
from collections.abc import Callable
from itertools import product

from tests.authorities import Issued
from tests.integration import tlscase
from tests.integration.tlscase import (
    ANN,
    EVE,
    MIDDLE,
    NEXT,
    OTHER,
    ROOT,
)
from tests.integration.visitors import (
    REFUSED,
    V12,
    V13,
)

CLIENTS: dict[str, Issued | None] = {
    "none": None,
    "of another authority": OTHER.issue("eve"),
    "expired": ROOT.issue("ann", since=-9, until=-1),
    "not valid yet": ROOT.issue("ann", since=1, until=9),
    "revoked": EVE,
    "right": ANN,
}


class AdmissionTests(tlscase.TlsCase):
    async def check(self, clientauth: str, *let_in: str) -> None:
        """Expect that certain clients are let in, and no others."""
        await self.serve(clientauth, "tls1.2", EVE)
        for (who, shown), version in product(CLIENTS.items(), (V12, V13)):
            status = await self.visit(self.context(shown, version))
            expected = 200 if who in let_in else REFUSED
            self.assertEqual(status, expected, (who, version))

    async def test_required(self) -> None:
        await self.check("require", "right")

    async def test_optional(self) -> None:
        await self.check("optional", "none", "right")

    async def test_distributions_words_mean_the_same(self) -> None:
        await self.check("require-and-verify-client-cert", "right")

    async def test_optional_in_distributions_words(self) -> None:
        await self.check("verify-client-cert-if-given", "none", "right")

    async def test_authority_between_need_not_be_known(self) -> None:
        await self.serve(crls=False)
        self.assertEqual(await self.visit(self.context(MIDDLE.issue("joe"))), 200)

    async def test_authority_is_trusted_without_what_is_above_it(self) -> None:
        await self.serve(crls=False, authority=MIDDLE)
        self.assertEqual(await self.visit(self.context(MIDDLE.issue("joe"))), 200)
        self.assertEqual(await self.visit(self.context(ANN)), REFUSED)

    async def test_with_lists_it_must_be(self) -> None:
        await self.serve()
        status = await self.visit(self.context(MIDDLE.issue("joe")))
        self.assertEqual(status, REFUSED)

    async def test_list_that_has_ended_lets_nobody_in(self) -> None:
        await self.serve()
        self.files.put("ca.crl", ROOT.revoke(until=-1))
        await self.server.reload()
        self.assertEqual(await self.visit(self.context()), REFUSED)


class VersionTests(tlscase.TlsCase):
    async def refuses(self, version: ssl.TLSVersion) -> None:
        """Expect the server's own refusal of a version."""
        context = self.context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python tells that 1.1 is old, too
            context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError) as raised:
            await self.connect(context)
        self.assertIn("ALERT_PROTOCOL_VERSION", str(raised.exception))

    async def test_tls_1_1_is_refused(self) -> None:
        await self.serve()
        await self.refuses(ssl.TLSVersion.TLSv1_1)

    async def test_tls_1_2_is_refused_where_1_3_is_asked_for(self) -> None:
        await self.serve(None, "tls1.3")
        await self.refuses(V12)

    async def test_tls_1_3_is_preferred(self) -> None:
        await self.serve()
        visitor = await self.connect(self.context())
        self.assertEqual(visitor.tls.version(), "TLSv1.3")

    async def test_http_1_is_chosen_where_more_is_offered(self) -> None:
        await self.serve()
        visitor = await self.connect(self.context())
        self.assertEqual(visitor.tls.selected_alpn_protocol(), "http/1.1")

    async def test_ciphers_of_tls_1_2_keep_no_secret_for_later(self) -> None:
        await self.serve()
        context = self.context(version=V12)
        context.set_ciphers("ECDHE+AES:!AESGCM")
        with self.assertRaises(ssl.SSLError) as raised:
            await self.connect(context)
        self.assertIn("HANDSHAKE_FAILURE", str(raised.exception))

    async def test_server_chooses_the_cipher(self) -> None:
        await self.serve()
        context = self.context(version=V12)
        context.set_ciphers("ECDHE+CHACHA20:ECDHE+AESGCM")
        visitor = await self.connect(context)
        name, _version, _bits = visitor.tls.cipher() or ("", "", 0)
        self.assertIn("AES", name)


class ResumptionTests(tlscase.TlsCase):
    async def resumes(
        self, version: ssl.TLSVersion, between: Callable[[], None]
    ) -> bool | None:
        """Come, and come again; say whether that was without a whole handshake."""
        await self.serve()
        context = self.context(version=version)
        first = await self.connect(context)
        self.assertEqual(await self.do(first.get), 200)
        between()
        await self.server.reload()
        second = await self.connect(context, first.tls.session)
        self.assertEqual(await self.do(second.get), 200)
        return second.tls.session_reused

    async def test_tls_1_3_is_resumed(self) -> None:
        self.assertTrue(await self.resumes(V13, lambda: None))

    async def test_tls_1_2_is_resumed(self) -> None:
        self.assertTrue(await self.resumes(V12, lambda: None))

    async def test_tls_1_3_is_not_resumed_after_a_change(self) -> None:
        self.assertFalse(await self.resumes(V13, self.revoke))

    async def test_tls_1_2_is_not_resumed_after_a_change(self) -> None:
        self.assertFalse(await self.resumes(V12, self.revoke))

    async def test_who_resumed_is_still_known_after_a_change(self) -> None:
        await self.serve(crls=False)
        context = self.context(MIDDLE.issue("joe"))
        first = await self.connect(context)
        await self.do(first.get)
        second = await self.connect(context, first.tls.session)
        self.assertEqual(await self.do(second.get), 200)
        self.assertTrue(second.tls.session_reused)
        self.put_server(NEXT)
        await self.server.reload()
        self.assertEqual(await self.do(second.get), 200)
