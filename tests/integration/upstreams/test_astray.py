"""Upstreams that send us astray, break off, or are not who they should be."""

import ssl
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.client.certificates import Certified, certify
from tests.integration.upstreams.case import (
    PATIENCE,
    connections,
)
from tests.integration.upstreams.liar import Liar, Talk, always, answer
from tests.integration.upstreams.lyingcase import (
    BLOB,
    CHUNK,
    CHUNKED,
    DIGEST,
    HASTY,
    NAME,
    LyingCase,
    redirect,
)
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.logins import Login, ToldLogin
from txregistry.client.upstreams.resuming import Resumption, open_resuming


class RedirectTests(LyingCase):
    async def test_elsewhere_without_our_secrets(self) -> None:
        cdn = self.lie(always(answer(BLOB)))

        def play(talk: Talk) -> None:
            while head := talk.listen():
                if b"uthorization: Basic" in head:
                    talk.say(redirect(cdn.url))
                else:
                    basic = 'WWW-Authenticate: Basic realm="x"'
                    talk.say(answer(b"", basic, status="401 x"))

        liar = self.lie(play)
        login = ToldLogin(Login("us", "our-secret"))
        upstream = self.ask(liar.url, login=login)
        self.assertEqual(await self.whole(upstream), BLOB)
        (asked,) = cdn.asked
        self.assertNotIn(b"uthorization", asked)

    async def test_circles(self) -> None:
        for target in (f"/v2/{NAME}/blobs/{DIGEST}", "/x"):
            liar = self.lie(always(redirect(target)))
            upstream = self.ask(liar.url)
            fault = await self.fault(UpstreamWrong, self.whole(upstream))
            self.assertIn("in circles", fault.reason)
            self.assertLessEqual(len(liar.asked), 2)

    async def test_no_end(self) -> None:
        count = iter(range(100))

        def play(talk: Talk) -> None:
            while talk.listen():
                talk.say(redirect(f"/{next(count)}"))

        liar = self.lie(play)
        upstream = self.ask(liar.url)
        fault = await self.fault(UpstreamWrong, self.whole(upstream))
        self.assertIn("without an end", fault.reason)
        self.assertEqual(len(liar.asked), 6)

    async def test_addresses_where_we_do_not_go(self) -> None:
        secret = self.lie(always(answer(BLOB)))
        for host in ("169.254.169.254", "0.0.0.0", "[::]", "[fe80::1]", "0"):  # noqa: S104 - nobody listens there
            liar = self.lie(always(redirect(f"http://{host}:{secret.port}/")))
            upstream = self.ask(liar.url)
            fault = await self.fault(UpstreamWrong, self.whole(upstream))
            self.assertIn("an address where we do not go", fault.reason)
        self.assertEqual(secret.talks, [])

    async def test_drips_in_place_of_a_redirect(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(redirect("/x")[:-2] + b"Content-Length: 0\r\n\r\n")
            talk.say_for_ever(b"x", 0.1)

        liar = self.lie(play)
        upstream = self.ask(liar.url, patience=HASTY)
        await self.fault(UpstreamFault, self.whole(upstream))
        await self.eventually(lambda: connections(upstream) == 0)


class ResumingTests(LyingCase):
    def flaky(self, *, ranges: bool) -> Liar:
        """Give a server that breaks off each time, a little later."""
        step = len(BLOB) // 7

        def play(talk: Talk) -> None:
            head = talk.listen()
            start = 0
            if ranges and b"ange: bytes=" in head:
                text = head.partition(b"ange: bytes=")[2].partition(b"-")[0]
                start = int(text)
                part = f"Content-Range: bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"
                whole = answer(BLOB[start:], part, status="206 x")
            else:
                whole = answer(BLOB)
            end = len(liar.talks) * step
            talk.say(whole[: len(whole) - max(0, len(BLOB) - end)])

        liar = self.lie(play)
        return liar

    async def test_blob_comes_together_in_the_end(self) -> None:
        for ranges in (True, False):
            liar = self.flaky(ranges=ranges)
            upstream = self.ask(liar.url, patience=PATIENCE)
            opened = await open_resuming(
                upstream,
                NAME,
                DIGEST,
                self.reactor,
                size=len(BLOB),
                resumption=Resumption(attempts=20, pause=0.01, longest_pause=0.05),
            )
            self.assertEqual(await self.read(opened), BLOB)
            self.assertGreater(len(liar.talks), 3)


class TlsTests(LyingCase):
    def speak(self, server: Certified) -> ssl.SSLContext:
        """Make a context of a server."""
        path = self.directory / "server.pem"
        key = server.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        path.write_bytes(server.certificate.public_bytes(Encoding.PEM) + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def ask_localhost(self, liar: Liar, authority: Certified, **others: Any) -> Any:
        """Ask it by its name."""
        url = f"https://localhost:{liar.port}"
        authorities = [authority.certificate]
        return self.ask(url, authorities=authorities, **others)

    async def test_truth(self) -> None:
        authority = certify("authority", authority=True)
        context = self.speak(certify("localhost", authority))
        liar = self.lie(always(answer(BLOB)), context)
        upstream = self.ask_localhost(liar, authority)
        for _ in range(2):
            self.assertEqual(await self.whole(upstream), BLOB)
        self.assertEqual(len(liar.talks), 1)

    async def test_somebody_else(self) -> None:
        authority = certify("authority", authority=True)
        stranger = certify("stranger", authority=True)
        context = self.speak(certify("localhost", stranger))
        liar = self.lie(always(answer(BLOB)), context)
        upstream = self.ask_localhost(liar, authority)
        fault = await self.fault(UpstreamUnavailable, self.whole(upstream))
        self.assertIn("does not prove who it is", fault.reason)
        self.assertEqual(liar.asked, [])

    async def test_server_that_does_not_agree_to_the_end(self) -> None:
        authority = certify("authority", authority=True)
        context = self.speak(certify("localhost", authority))

        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(CHUNKED)
            talk.say_for_ever(CHUNK)

        liar = self.lie(play, context)
        upstream = self.ask_localhost(liar, authority)
        opened = await upstream.open_blob(NAME, DIGEST)
        await opened.reader.read(1000)
        await opened.reader.close()
        await self.eventually(lambda: connections(upstream) == 0)

    async def test_proxy(self) -> None:
        authority = certify("authority", authority=True)
        context = self.speak(certify("localhost", authority))
        liar = self.lie(always(answer(BLOB)), context)
        proxy = self.lie(tunnel)
        url = f"http://us:x@127.0.0.1:{proxy.port}"
        upstream = self.ask_localhost(liar, authority, proxy=url)
        self.assertEqual(await self.whole(upstream), BLOB)
        (asked,) = proxy.asked
        first = f"CONNECT localhost:{liar.port} HTTP/1.1".encode()
        self.assertEqual(asked.split(b"\r\n")[0], first)
        self.assertIn(b"Proxy-Authorization: Basic dXM6eA==", asked)
        self.assertEqual(len(liar.talks), 1)


def tunnel(talk: Talk) -> None:
    """Connect to where a client wants, as a proxy does."""
    place = talk.listen().split(b" ")[1].decode()
    talk.join(place)
