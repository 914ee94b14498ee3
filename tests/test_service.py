"""Tests of ``txregistry/service.py``; it runs in ``integration/test_service.py``."""

import io
import os
import sys
from collections.abc import Sequence

from twisted.application.service import IService, IServiceMaker
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import IPlugin, getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.temporary import make_file, make_folder
from txregistry.settings import Filesystem, Http, Settings, SettingsError, Storage
from txregistry.service import Options, RegistryService, build, make_store
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once

IN_MEMORY = Settings(storage=Storage(inmemory={}), http=Http(addr="10.0.0.1:5001"))


class PluginTests(SynchronousTestCase):
    def test_twistd_finds_it(self) -> None:
        found = [
            maker
            for maker in getPlugins(IServiceMaker)
            if getattr(maker, "tapname", None) == "registry"
        ]
        self.assertEqual(len(found), 1)
        self.assertTrue(IPlugin.providedBy(found[0]))
        self.assertIs(found[0].options, Options)


class OptionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.patch(os, "environ", {})

    def parse(self, *arguments: str) -> Settings:
        options = Options()
        options.parseOptions(arguments)
        return options.settings

    def refuse(self, arguments: Sequence[str], told: str) -> None:
        with self.assertRaises(usage.UsageError) as raised:
            Options().parseOptions(arguments)
        self.assertIn(told, str(raised.exception))

    def config(self, text: str) -> str:
        return make_file(self, "config.yml", text.encode())

    def test_none_are_needed(self) -> None:
        self.assertEqual(self.parse(), Settings())

    def test_storage_is_a_folder(self) -> None:
        settings = self.parse("--storage", "/data")
        self.assertEqual(settings.storage.filesystem, Filesystem("/data"))

    def test_storage_goes_over_the_file(self) -> None:
        text = "storage: {filesystem: {rootdirectory: /a, maxthreads: 3}}"
        settings = self.parse("-c", self.config(text), "-s", "/b")
        self.assertEqual(settings.storage.filesystem, Filesystem("/b", 3))

    def test_storage_goes_over_memory(self) -> None:
        path = self.config("storage: {inmemory: {}}")
        settings = self.parse("-c", path, "-s", "/b")
        self.assertIsNone(settings.storage.inmemory)

    def test_storage_that_is_a_url_is_refused(self) -> None:
        self.refuse(["-s", "s3://bucket"], "must be a folder")

    def test_listen_may_be_repeated(self) -> None:
        settings = self.parse("-l", "tcp:1", "--listen", "tcp:2")
        self.assertEqual(settings.http.listen, ("tcp:1", "tcp:2"))

    def test_listen_goes_over_the_address(self) -> None:
        settings = self.parse("-c", self.config("http: {addr: ':1'}"), "-l", "tcp:2")
        self.assertIsNone(settings.http.addr)

    def test_unknown_role_is_refused(self) -> None:
        self.refuse(["--role", "mirror"], "--role: 'mirror' cannot be used")

    def test_mistake_in_the_file_is_refused(self) -> None:
        self.refuse(["-c", self.config("htp: 1")], "htp: there is no such setting")

    def test_settings_without_meaning_are_told(self) -> None:
        self.parse("-c", self.config("redis: {addr: x}"))
        self.assertIn("redis: the setting has no meaning", self.err.getvalue())


class StoreTests(SynchronousTestCase):
    def make(self, storage: Storage) -> object:
        reactor = MemoryReactorClock()
        return make_store(Settings(storage=storage), reactor, at_once)

    def test_memory(self) -> None:
        found = self.make(Storage(inmemory={}))
        self.assertIsInstance(found, MemoryObjectStore)

    def test_files(self) -> None:
        root = os.path.join(make_folder(self), "data")
        found = self.make(Storage(filesystem=Filesystem(root)))
        self.assertIsInstance(found, FilesystemObjectStore)
        self.assertTrue(os.path.isdir(root))

    def test_folder_that_cannot_be_made_is_refused_by_its_setting(self) -> None:
        path = make_file(self, "file", b"")
        for root in (path, f"{path}/below"):
            with self.assertRaises(SettingsError) as raised:
                self.make(Storage(filesystem=Filesystem(root)))
            self.assertIn("storage.filesystem.rootdirectory", str(raised.exception))


class TakenReactor(MemoryReactorClock):
    """A reactor on which every port is taken."""

    def listenTCP(  # noqa: N802 - Twisted's
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> object:
        """See ``IReactorTCP``."""
        del factory, backlog
        raise CannotListenError(interface, port, OSError(98, "taken"))


class ServiceTests(SynchronousTestCase):
    def test_interface(self) -> None:
        service = build(IN_MEMORY, MemoryReactorClock())
        self.assertTrue(verifyObject(IService, service))
        self.assertIsInstance(service, RegistryService)

    def test_listens_while_it_still_may(self) -> None:
        reactor = MemoryReactorClock()
        build(IN_MEMORY, reactor).privilegedStartService()
        self.assertEqual([server[0] for server in reactor.tcpServers], [5001])

    def test_port_that_is_taken_ends_the_start(self) -> None:
        service = build(IN_MEMORY, TakenReactor())
        with self.assertRaises(SystemExit) as raised:
            service.privilegedStartService()
        self.assertIn("cannot listen at 10.0.0.1:5001", str(raised.exception))

    def test_mistake_in_the_settings_is_told(self) -> None:
        with self.assertRaises(SettingsError):
            build(Settings(http=Http(addr="here")), MemoryReactorClock())
