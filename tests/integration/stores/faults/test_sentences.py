"""Tests of what is said where a store on another machine cannot be used.

One sentence says who did not do it, and which setting to look at.
"""

import re
import socket
from datetime import datetime, timedelta
from typing import Any

from botocore import auth
from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred
from twisted.internet.ssl import CertificateOptions

from tests.authorities import Issued, issue
from tests.integration.stores import service
from tests.integration.stores.faults.exchange import Exchange
from tests.integration.stores.faults.proxy import LOOPBACK, FaultProxy, Rule
from tests.temporary import make_file
from txregistry.assembly.s3 import make_s3_store
from txregistry.assembly.swift import make_swift_store
from txregistry.settings.storage import S3, Swift
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.tasks import at_once

ROOT = issue("root", authority=True)
OTHER = issue("other", authority=True)
SERVER = ROOT.issue("server")
SECRETS = ("wrong-secret", service.KEY, service.READER_KEY, "some-token", "Signature=")


class SentenceCase(service.ServiceCase):
    """A test of a store as the settings describe it."""

    def setUp(self) -> None:
        super().setUp()
        self.proxy = FaultProxy(self.service.port)

    def listen(self, shown: Issued | None = None) -> str:
        """Let the proxy listen, maybe with TLS, and give its URL."""
        tls: Any = None
        if shown is not None:
            shows: dict[str, Any] = {
                "privateKey": shown.key,
                "certificate": shown.certificate,
            }
            tls = CertificateOptions(**shows)
        self.proxy.listen(tls)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.proxy.deafen()))
        return self.proxy.url

    async def says(self, store: IObjectStore, *texts: str) -> None:
        """Expect a store to be of no use, and some words in what is said of it."""
        with self.assertRaises(StorageUnavailable) as caught:
            await store.check()
        said = str(caught.exception)
        for text in texts:
            self.assertIn(text, said)
        for secret in SECRETS:
            self.assertNotIn(secret, said)
        self.assertIsNone(re.search(r"[^ -~]|[.!?]( |$)", said), said)


def unused_url() -> str:
    """Give the URL of a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        return f"http://{LOOPBACK}:{taken.getsockname()[1]}"


class S3SentenceTests(SentenceCase):
    def open_store(self, **settings: Any) -> IObjectStore:
        """Make the store that some settings describe."""
        given: dict[str, Any] = {
            "bucket": self.container,
            "regionendpoint": self.service.url,
            "accesskey": service.USER,
            "secretkey": service.KEY,
        }
        section = S3(**(given | settings))
        return make_s3_store(section, reactor, at_once, self.pool)

    async def test_all_is_well(self) -> None:
        await self.open_store().check()

    async def test_a_wrong_key(self) -> None:
        store = self.open_store(secretkey="wrong-secret")
        await self.says(store, "storage.s3.accesskey and storage.s3.secretkey")

    async def test_a_bucket_that_is_missing(self) -> None:
        store = self.open_store(bucket="no-such-bucket")
        await self.says(store, "no-such-bucket", "look at storage.s3.bucket")

    async def test_somebody_who_may_not_list(self) -> None:
        store = self.open_store(accesskey=service.READER, secretkey=service.READER_KEY)
        await self.says(store, "AccessDenied", "look at storage.s3.accesskey")

    async def test_another_region(self) -> None:
        store = self.open_store(region="moon-1")
        await self.says(store, "look at storage.s3.region")

    async def test_a_region_that_is_told(self) -> None:
        async def elsewhere(exchange: Exchange) -> None:
            fields = "x-amz-bucket-region: there-2\r\n"
            body = b"<Error><Code>PermanentRedirect</Code></Error>"
            await exchange.answer(301, body, fields)

        self.proxy.rules.append(Rule(elsewhere))
        store = self.open_store(regionendpoint=self.listen())
        await self.says(store, "in the region there-2", "look at storage.s3.region")

    async def test_a_clock_that_is_wrong(self) -> None:
        now = auth.get_current_datetime

        def late() -> datetime:
            found: datetime = now() - timedelta(hours=1)
            return found

        self.patch(auth, "get_current_datetime", late)
        await self.says(self.open_store(), "the clock of this machine is wrong")

    async def test_a_session_that_is_over(self) -> None:
        async def over(exchange: Exchange) -> None:
            body = b"<Error><Code>ExpiredToken</Code></Error>"
            await exchange.answer(400, body)

        self.proxy.rules.append(Rule(over))
        store = self.open_store(regionendpoint=self.listen(), sessiontoken="some-token")
        await self.says(store, "look at storage.s3.sessiontoken")

    async def test_nobody_is_there(self) -> None:
        url = unused_url()
        store = self.open_store(regionendpoint=url)
        await self.says(store, url, "look at storage.s3.regionendpoint")

    async def test_tls_where_there_is_none(self) -> None:
        url = self.service.url.replace("http:", "https:")
        store = self.open_store(regionendpoint=url)
        await self.says(store, url, "look at storage.s3.regionendpoint")

    async def test_a_certificate_of_another_authority(self) -> None:
        url, other = self.listen(SERVER), make_file(self, "ca", OTHER.pem)
        for cas in ((), (other,)):
            store = self.open_store(regionendpoint=url, cas=cas)
            await self.says(store, "does not prove who it is", "at storage.s3.cas")

    async def test_a_certificate_that_is_trusted(self) -> None:
        trusted = make_file(self, "ca", ROOT.pem)
        store = self.open_store(regionendpoint=self.listen(SERVER), cas=(trusted,))
        await store.check()

    async def test_a_handshake_that_is_broken_off_is_begun_again(self) -> None:
        trusted = make_file(self, "ca", ROOT.pem)
        store = self.open_store(regionendpoint=self.listen(SERVER), cas=(trusted,))
        self.proxy.refusing = 2
        await store.check()


class SwiftSentenceTests(SentenceCase):
    def open_store(self, **settings: Any) -> IObjectStore:
        """Make the store that some settings describe."""
        given: dict[str, Any] = {
            "authurl": self.service.login,
            "username": service.USER,
            "password": service.KEY,
            "container": self.container,
        }
        return make_swift_store(Swift(**(given | settings)), reactor, self.pool)

    async def test_all_is_well(self) -> None:
        await self.open_store().check()

    async def test_a_wrong_key(self) -> None:
        store = self.open_store(password="wrong-secret")
        await self.says(store, "storage.swift.username and storage.swift.password")

    async def test_a_container_that_is_missing(self) -> None:
        store = self.open_store(container="no-such")
        await self.says(store, "no-such", "look at storage.swift.container")

    async def test_somebody_who_may_not(self) -> None:
        store = self.open_store(username=service.READER, password=service.READER_KEY)
        await self.says(store, "403", "look at storage.swift.username")

    async def test_a_token_that_is_over(self) -> None:
        store = self.open_store()
        await store.check()
        self.service.forget_tokens()
        await store.check()

    async def test_tokens_that_are_never_good(self) -> None:
        async def unknown(exchange: Exchange) -> None:
            await exchange.drain()
            await exchange.answer(401)

        self.proxy.rules.append(
            Rule(unknown, lambda asked: asked.path.startswith("/v1/"), times=None)
        )
        store = self.open_store(authurl=f"{self.listen()}/auth/v1.0")
        await self.says(store, "storage.swift.username and storage.swift.password")
        self.assertEqual(len(self.proxy.exchanges), 4)

    async def test_another_path(self) -> None:
        url = f"{self.service.url}/nothing/v1.0"
        await self.says(self.open_store(authurl=url), url, "storage.swift.authurl")

    async def test_nobody_is_there(self) -> None:
        url = f"{unused_url()}/auth/v1.0"
        await self.says(self.open_store(authurl=url), url, "storage.swift.authurl")

    async def test_tls_where_there_is_none(self) -> None:
        url = self.service.login.replace("http:", "https:")
        await self.says(self.open_store(authurl=url), url, "storage.swift.authurl")

    async def test_a_certificate_of_another_authority(self) -> None:
        url = f"{self.listen(SERVER)}/auth/v1.0"
        other = make_file(self, "ca", OTHER.pem)
        for cas in ((), (other,)):
            store = self.open_store(authurl=url, cas=cas)
            await self.says(store, "does not prove who it is", "at storage.swift.cas")

    async def test_a_token_is_not_shown_to_everybody(self) -> None:
        trusted = make_file(self, "ca", ROOT.pem)
        url = f"{self.listen(SERVER)}/auth/v1.0"
        await self.says(self.open_store(authurl=url, cas=(trusted,)), "to everybody")
