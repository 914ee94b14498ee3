"""Tests of who may use a real Swift, and of what is said to who may not."""

from typing import Any

import treq
from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import Agent

from tests.integration.stores import identity, service, test_swift
from txregistry.assembly.swift import make_swift_store
from txregistry.settings.storage import Swift
from txregistry.storage.interfaces import Key, StorageUnavailable
from txregistry.storage.swift import SwiftObjectStore
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftlogin import (
    Keystone,
    SwiftEndpoint,
    SwiftLogin1,
    SwiftLogin2,
    SwiftLogin3,
)
from txregistry.storage.swiftsession import ISwiftLogin, SwiftIdentity
from txregistry.storage.swifttempurl import TempUrls

KEY = Key("docker/one")
TOLD = Keystone(
    user=("tester", None),
    password="testing",
    domain=("people", None),
    project=("project", None),
)
HERE = SwiftEndpoint(identity.REGION)


class AccessCase(test_swift.SwiftStoreCase):
    def open_with(self, login: ISwiftLogin, name: str = "") -> SwiftObjectStore:
        """Keep objects by some login."""
        who = SwiftIdentity(self.server, login, IReactorTime(reactor), "look at that")
        container = SwiftContainer(self.server, who, name or self.container)
        return SwiftObjectStore(container, IReactorTime(reactor))

    async def works(self, store: SwiftObjectStore) -> None:
        """Expect a store to be of use."""
        await store.put(KEY, b"data")
        self.assertEqual(await store.get(KEY, 9), b"data")
        await store.check()

    async def refused(self, store: SwiftObjectStore, *texts: str) -> None:
        """Expect a store to be of no use, and to say why."""
        for work in (store.check(), store.put(KEY, b"data"), store.get(KEY, 9)):
            with self.assertRaises(StorageUnavailable) as caught:
                await work
            for text in texts:
                self.assertIn(text, str(caught.exception))


class IdentityTests(AccessCase):
    """Versions 2 and 3, with tokens of the real service."""

    def setUp(self) -> None:
        super().setUp()
        self.identity = identity.Identity(self.service.log_in)
        self.addCleanup(self.identity.stop)

    async def test_a_password_of_keystone(self) -> None:
        url = f"{self.identity.url}/v3"
        await self.works(self.open_with(SwiftLogin3(url, TOLD, HERE)))
        self.assertEqual(self.identity.asked, 1)

    async def test_an_application_credential_of_keystone(self) -> None:
        told = Keystone(credential=("credential", "its secret"))
        url = f"{self.identity.url}/v3/"
        await self.works(self.open_with(SwiftLogin3(url, told, HERE)))

    async def test_an_api_key_of_rackspace(self) -> None:
        url = f"{self.identity.url}/v2.0"
        login = SwiftLogin2(
            url, "tester", "0123456789abcdef", api_key=True, endpoint=HERE
        )
        await self.works(self.open_with(login))

    async def test_tokens_that_are_forgotten_are_renewed_once(self) -> None:
        store = self.open_with(SwiftLogin3(f"{self.identity.url}/v3", TOLD, HERE))
        await self.works(store)
        self.service.forget_tokens()
        await self.works(store)
        self.assertEqual(self.identity.asked, 2)

    async def test_a_wrong_password(self) -> None:
        url = f"{self.identity.url}/v3"
        told = Keystone(user=("tester", None), password="wrong-secret")
        store = self.open_with(SwiftLogin3(url, told, HERE))
        await self.refused(store, f"{url} answered 401", "look at that")

    async def test_a_region_that_is_not_there(self) -> None:
        login = SwiftLogin3(
            f"{self.identity.url}/v3", TOLD, SwiftEndpoint("moon", advice="look there")
        )
        await self.refused(self.open_with(login), "in the region moon; look there")

    async def test_a_project_that_is_not_named(self) -> None:
        told = Keystone(
            user=("tester", None), password="testing", domain=("people", None)
        )
        login = SwiftLogin3(f"{self.identity.url}/v3", told, HERE)
        await self.refused(self.open_with(login), "no public object store")


class SettingsTests(AccessCase):
    """What the settings describe, and which of them is named when it is of no use."""

    def made(self, **settings: Any) -> SwiftObjectStore:
        given: dict[str, Any] = {
            "authurl": self.service.login,
            "username": service.USER,
            "password": service.KEY,
            "container": self.container,
        }
        store = make_swift_store(Swift(**(given | settings)), reactor, self.pool)
        assert isinstance(store, SwiftObjectStore)
        return store

    async def test_a_store_is_made(self) -> None:
        await self.works(self.made(prefix="/some/prefix/"))
        self.assertIsNotNone(
            await self.open_container().head(f"some/prefix/files/{KEY}")
        )

    async def test_a_wrong_key(self) -> None:
        store = self.made(password="wrong-secret")
        await self.refused(
            store, "401", "storage.swift.username and storage.swift.password"
        )

    async def test_no_rights(self) -> None:
        store = self.made(username=service.READER, password=service.READER_KEY)
        await self.refused(store, "403", "storage.swift.username")

    async def test_a_container_that_is_not_there(self) -> None:
        store = self.made(container="no-such")
        await self.refused(store, "no-such", "not there", "storage.swift.create")

    async def test_a_container_that_is_made_when_asked(self) -> None:
        for number, work in enumerate(("check", "works")):
            store = self.made(container=f"{self.container}-{number}", create=True)
            if work == "check":
                await store.check()
            await self.works(store)


class TempUrlTests(AccessCase):
    def open_signing(self, **settings: Any) -> SwiftObjectStore:
        container = self.open_container()
        urls = TempUrls(container, IReactorTime(reactor), **settings)
        return SwiftObjectStore(container, IReactorTime(reactor), urls=urls)

    async def status(self, method: str, url: str) -> int:
        """Ask for a URL as anybody could."""
        answer: Any = await treq.request(
            method, url, agent=Agent(reactor, pool=self.pool)
        )
        await answer.content()
        code: int = answer.code
        return code

    async def test_nobody_is_sent_elsewhere_without_a_key(self) -> None:
        store = self.open_signing()
        await store.put(KEY, b"data")
        self.assertIsNone(await store.redirect(KEY, "GET", 60.0))

    async def test_a_key_of_the_container(self) -> None:
        self.service.put(
            self.container, b"", X_Container_Meta_Temp_URL_Key="container key"
        )
        store = self.open_signing()
        await store.put(KEY, b"data")
        for method in ("GET", "HEAD"):
            url = await store.redirect(KEY, method, 60.0)
            assert url is not None
            self.assertEqual(await self.status(method, url), 200)
            self.assertEqual(await self.status("DELETE", url), 401)
            self.assertEqual(await self.status(method, url.replace("one", "two")), 401)

    async def test_a_key_that_is_given(self) -> None:
        self.service.put(self.container, b"", X_Container_Meta_Temp_URL_Key="given")
        store = self.open_signing(key="given", of_container=False)
        await store.put(KEY, b"data")
        url = await store.redirect(KEY, "GET", 60.0)
        assert url is not None
        self.assertEqual(await self.status("GET", url), 200)

    async def test_a_url_that_has_ended(self) -> None:
        self.service.put(self.container, b"", X_Container_Meta_Temp_URL_Key="key")
        store = self.open_signing()
        await store.put(KEY, b"data")
        url = await store.redirect(KEY, "GET", -60.0)
        assert url is not None
        self.assertEqual(await self.status("GET", url), 401)

    async def test_only_the_methods_that_are_allowed(self) -> None:
        store = self.open_signing(key="given", methods=("GET",))
        self.assertIsNone(await store.redirect(KEY, "HEAD", 60.0))

    async def test_the_key_of_the_account_is_not_asked_of_the_container(self) -> None:
        self.service.put(
            self.container, b"", X_Container_Meta_Temp_URL_Key="container key"
        )
        store = self.open_signing(of_container=False)
        self.assertIsNone(await store.redirect(KEY, "GET", 60.0))


class BulkTests(AccessCase):
    async def test_many_are_deleted(self) -> None:
        store = self.open_store()
        keys = [Key(f"k/{number} \u65e5?#") for number in range(25)]
        for key in keys:
            await store.put(key, b"x")
        await store.delete(keys[:20])
        self.assertEqual(
            (await store.list("k/", limit=99)).names, tuple(sorted(keys[20:]))
        )

    async def test_somebody_who_may_not(self) -> None:
        self.keep({f"files/k/{number}": b"x" for number in range(5)})
        container = self.open_container(user=service.READER, key=service.READER_KEY)
        with self.assertRaises(StorageUnavailable):
            await container.delete([f"files/k/{number}" for number in range(5)])

    async def test_one_of_racers_writes(self) -> None:
        store = self.open_store()
        self.assertTrue(await store.put(KEY, b"one", if_absent=True))
        self.assertFalse(await self.open_store().put(KEY, b"two", if_absent=True))

    async def test_version_1_by_its_own_class(self) -> None:
        login = SwiftLogin1(self.service.login, service.USER, service.KEY)
        await self.works(self.open_with(login))
