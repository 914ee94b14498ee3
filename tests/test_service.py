"""Tests of ``txregistry/service.py``; it runs in ``integration/test_service.py``."""

import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from twisted.application.service import IService, IServiceMaker
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import IPlugin, getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.temporary import make_file, make_folder
from tests.web.exchange import request_bytes
from tests.web.wire import Connection
from txregistry.assembly.serving import Part
from txregistry.assembly.stores import make_store
from txregistry.assembly.version1 import COOKIES, PASSING, TOKENS
from txregistry.service import Options, RegistryService, build
from txregistry.settings.roles import apply_role
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Http, Index, Listener, Settings, Version1
from txregistry.settings.storage import Filesystem, Storage
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.keys import SECRETS
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once
from txregistry.web.site import RegistrySite
from txregistry.workers.crew import Crew
from txregistry.workers.setup import Setup

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
        self.assertEqual(self.parse(), apply_role(Settings()))

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

    def test_workers_go_over_the_file(self) -> None:
        path = self.config("http: {workers: 3}")
        self.assertEqual(self.parse("-c", path).http.workers, 3)
        self.assertEqual(self.parse("-c", path, "--workers", "2").http.workers, 2)
        self.assertEqual(self.parse("-w", "auto").http.workers, "auto")

    def test_workers_that_are_no_number_are_refused(self) -> None:
        for text in ("0", "99", "some", "-1"):
            self.refuse([f"--workers={text}"], "http.workers: ")

    def test_what_was_given_can_be_given_to_another_process(self) -> None:
        options, other = Options(), Options()
        options.parseOptions(["-l", "tcp:1", "-s", "/data", "-w", "2"])
        other.update(msgspec.json.decode(msgspec.json.encode(options.given)))
        self.assertEqual(other.read(), options.read())

    def test_unknown_role_is_refused(self) -> None:
        self.refuse(["--role", "hub"], "role: 'hub' cannot be used")

    def test_role_goes_over_the_file(self) -> None:
        path = self.config("role: private")
        self.assertEqual(self.parse("-c", path, "-r", "mirror").role, "mirror")

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


class SitesTests(SynchronousTestCase):
    """Each listener speaks what it shall."""

    def ask(self, settings: Settings, port: int, target: str) -> int:
        """Ask for something at a port, and give the answer's status."""
        reactor = MemoryReactorClock()
        service = build(settings, reactor)
        service.privilegedStartService()
        (factory,) = [each[1] for each in reactor.tcpServers if each[0] == port]
        assert isinstance(factory, RegistrySite)
        factory.doStart()
        connection = Connection(factory, reactor)
        connection.send(request_bytes("GET", target))
        status = connection.answer("GET").status
        connection.drop()
        return status

    def settings(self, http: Http, **more: Any) -> Settings:
        """Serve from memory."""
        return apply_role(Settings(storage=Storage(inmemory={}), http=http, **more))

    def speaks(self, settings: Settings, port: int) -> tuple[bool, bool]:
        """Say which of both versions is spoken at a port."""
        targets = ("/v1/_ping", "/v2/")
        first, second = (self.ask(settings, port, each) for each in targets)
        return first == 200, second == 200

    def test_both_are_spoken_unless_told_otherwise(self) -> None:
        settings = self.settings(Http(listen=("tcp:1",)))
        self.assertEqual(self.speaks(settings, 1), (True, True))

    def test_each_listener_speaks_its_own(self) -> None:
        http = Http(
            listen=(
                "tcp:1",
                Listener("tcp:2", ("v1",)),
                Listener("tcp:3", ("v2",)),
                Listener("tcp:4", ("v2", "v1")),
            )
        )
        settings = self.settings(http)
        found = [self.speaks(settings, port) for port in (1, 2, 3, 4)]
        self.assertEqual(
            found, [(True, True), (True, False), (False, True), (True, True)]
        )

    def test_listeners_of_the_same_versions_share_a_site(self) -> None:
        reactor = MemoryReactorClock()
        http = Http(
            listen=(
                "tcp:1",
                Listener("tcp:2", ("v2", "v1")),
                Listener("tcp:3", ("v1",)),
            )
        )
        build(self.settings(http), reactor).privilegedStartService()
        first, second, third = [each[1] for each in reactor.tcpServers]
        self.assertIs(first, second)
        self.assertIsNot(first, third)

    def test_all_speak_what_is_said_for_all(self) -> None:
        settings = self.settings(Http(addr=":1", listen=("tcp:2",), apis=("v2",)))
        for port in (1, 2):
            self.assertEqual(self.speaks(settings, port), (False, True))

    def test_version_1_can_be_switched_off(self) -> None:
        settings = self.settings(Http(addr=":1"), v1=Version1(enabled=False))
        self.assertEqual(self.speaks(settings, 1), (False, True))

    def test_index_alone_speaks_no_version_2(self) -> None:
        settings = self.settings(Http(addr=":1"), index=Index(alone=True))
        self.assertEqual(self.speaks(settings, 1), (True, False))


class SecretsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = os.path.join(make_folder(self), "data")
        self.settings = Settings(
            storage=Storage(filesystem=Filesystem(self.root)), http=Http(addr=":1")
        )

    def secrets(self) -> dict[str, bytes]:
        """Read all secrets."""
        folder = os.path.join(self.root, SECRETS)
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = file.read()
        return found

    def test_they_are_made_at_the_first_start(self) -> None:
        build(self.settings, MemoryReactorClock())
        self.assertEqual(set(self.secrets()), {COOKIES, PASSING, TOKENS})

    def test_nobody_else_on_the_machine_may_read_them(self) -> None:
        build(self.settings, MemoryReactorClock())
        for name in self.secrets():
            path = os.path.join(self.root, SECRETS, name)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_later_starts_find_them(self) -> None:
        build(self.settings, MemoryReactorClock())
        before = self.secrets()
        build(self.settings, MemoryReactorClock())
        self.assertEqual(self.secrets(), before)

    def test_they_are_made_without_version_1_too(self) -> None:
        """Our tokens of version 2 are signed with one of them."""
        settings = msgspec.structs.replace(self.settings, v1=Version1(enabled=False))
        build(settings, MemoryReactorClock())
        self.assertEqual(set(self.secrets()), {COOKIES, PASSING, TOKENS})

    def test_one_that_is_damaged_stops_the_start(self) -> None:
        folder = os.path.join(self.root, SECRETS)
        for data in (b"short", b"x" * 5000):
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, TOKENS), "wb") as file:
                file.write(data)
            with self.assertRaises(SettingsError) as raised:
                build(self.settings, MemoryReactorClock())
            self.assertIn("tokens is damaged", str(raised.exception))


class WorkersTests(SynchronousTestCase):
    """Where there are workers, this process does what they do not."""

    def setUp(self) -> None:
        root = os.path.join(make_folder(self), "data")
        self.storage = Storage(filesystem=Filesystem(root))

    def settings(self, **http: Any) -> Settings:
        whole = Http(**{"addr": "127.0.0.1:0", "workers": 2, **http})
        return Settings(storage=self.storage, http=whole)

    def kinds(self, settings: Settings, part: Part) -> set[str]:
        """Name what goes on beside requests."""
        service = build(settings, MemoryReactorClock(), part=part)
        found = {type(each).__name__ for each in service._watching}
        return found | ({"purge"} if service._purge else set())

    def test_each_thing_is_done_by_somebody(self) -> None:
        secrets = dict.fromkeys((COOKIES, PASSING, TOKENS), b"s" * 32)
        setup = Setup({}, self.settings(), secrets, [], number=1, ports=[100])
        one = self.kinds(self.settings(workers=1), Part())
        leader = self.kinds(self.settings(), Part())
        worker = self.kinds(self.settings(), Part(setup))
        self.assertEqual(leader | worker, one | {"Crew"})
        self.assertEqual(leader & worker, {"NotingUses"})
        self.assertEqual(worker, {"NotingUses", "Reloading"})

    def test_workers_have_the_sockets(self) -> None:
        reactor = MemoryReactorClock()
        settings = self.settings(listen=("tcp:0:interface=127.0.0.1",))
        service = build(settings, reactor)
        service.privilegedStartService()
        self.assertEqual(reactor.tcpServers, [])
        self.assertEqual(len(service._ports), 2)
        (crew,) = {each for _, each in service._listeners}
        self.assertIsInstance(crew, Crew)
        for port in service._ports:
            port.stopListening()

    def test_what_cannot_be_shared_is_refused(self) -> None:
        for text in ("unix:/run/registry", "ssl:443", "systemd:domain=UNIX:index=0"):
            with self.assertRaises(SettingsError) as raised:
                build(self.settings(listen=(text,)), MemoryReactorClock())
            told = str(raised.exception)
            self.assertIn(f"http.listen: {text!r} cannot be used with", told)
            self.assertIn("tcp, tcp6, systemd", told)
