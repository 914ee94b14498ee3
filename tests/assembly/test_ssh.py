"""Tests of ``txregistry/assembly/ssh.py``, and of the options of twistd for it."""

import os
import stat
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from tests.ssh.keys import ALICE, HOST, line, make_dsa, make_rsa
from tests.temporary import make_file, make_folder
from txregistry.assembly.doubts import find_doubts
from txregistry.daemon import RegistryService
from txregistry.options import Options
from txregistry.service import build
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Http, Settings
from txregistry.settings.ssh import Ssh
from txregistry.settings.storage import Filesystem, Storage
from txregistry.ssh.keys import fingerprint
from txregistry.ssh.server import SshServer


class SshTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.keys = make_file(self, "keys", line(ALICE, "alice"))
        self.folder = make_folder(self)

    def settings(self, **more: Any) -> Settings:
        """Give settings by which somebody listens for SSH."""
        ssh = {"listen": ("tcp:2222",), "keys": self.keys, **more}
        storage = Storage(filesystem=Filesystem(self.folder))
        return Settings(ssh=Ssh(**ssh), storage=storage, http=Http(addr=":5000"))

    def build(self, **more: Any) -> RegistryService:
        """Build the service."""
        reactor: Any = MemoryReactorClock()
        return build(self.settings(**more), reactor)

    def server(self, **more: Any) -> SshServer:
        """Give what listens for SSH."""
        found = [
            each
            for _, each in self.build(**more)._listeners
            if isinstance(each, SshServer)
        ]
        self.assertEqual(len(found), 1)
        return found[0]

    def private(self, key: Key, **more: Any) -> str:
        """Write the file of a private key."""
        return make_file(self, "host", key.toString("openssh", **more))

    def refuse(self, told: str, **more: Any) -> None:
        """Expect settings to be refused."""
        error = self.assertRaises(SettingsError, self.build, **more)
        self.assertIn(told, str(error))


class MakeTests(SshTestCase):
    def test_nothing_listens_unless_told_so(self) -> None:
        listeners = self.build(listen=())._listeners
        self.assertEqual([site.setting for _, site in listeners], ["http.listen"])
        secrets = os.listdir(f"{self.folder}/docker/registry/txregistry/secrets")
        self.assertNotIn("ssh", secrets)

    def test_listens_where_it_is_told_to(self) -> None:
        found = self.build(listen=("tcp:2222", "tcp:2223"))._listeners
        served = [site for _, site in found if site.setting == "ssh.listen"]
        self.assertEqual(len(served), 2)
        self.assertIs(*served)

    def test_the_host_key_is_made_once_and_for_its_owner_alone(self) -> None:
        first = self.server().fingerprint
        self.assertEqual(self.server().fingerprint, first)
        path = f"{self.folder}/docker/registry/txregistry/secrets/ssh"
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, "rb") as file:
            key = Key(Ed25519PrivateKey.from_private_bytes(file.read()))
        self.assertEqual(first, fingerprint(key.public().blob()))

    def test_the_host_key_may_be_a_file(self) -> None:
        for key in (Key(HOST), make_rsa(2048)):
            found = self.server(hostkey=self.private(key)).fingerprint
            self.assertEqual(found, fingerprint(key.public().blob()))

    def test_host_keys_that_cannot_be(self) -> None:
        self.refuse("ssh.hostkey: '/none' cannot be read", hostkey="/none")
        self.refuse("as of ssh-keygen", hostkey=make_file(self, "host", b"x"))
        self.refuse("must be a private key", hostkey=self.keys)
        self.refuse("of RSA one of 2048 bits", hostkey=self.private(make_rsa(1024)))
        self.refuse("a private key", hostkey=self.private(make_dsa()))
        locked = self.private(ALICE, passphrase="secret")
        self.refuse("without a passphrase", hostkey=locked)

    def test_keys_that_cannot_be(self) -> None:
        self.refuse("ssh.keys: '/none' cannot be used", keys="/none")
        self.refuse("there is no key in it", keys=make_file(self, "keys", b"# none\n"))
        self.refuse("line 1", keys=make_file(self, "keys", b"garbage\n"))

    def test_endpoints_that_are_none(self) -> None:
        self.refuse("ssh.listen: 'none:1' is no endpoint", listen=("none:1",))

    def test_keys_that_are_of_no_use_are_doubted(self) -> None:
        os.chmod(self.keys, 0o666)  # noqa: S103 - which is what is doubted
        doubts = list(find_doubts(self.settings(listen=())))
        self.assertTrue([each for each in doubts if "is of no use" in each])
        self.assertTrue([each for each in doubts if "chmod o-w" in each])


class OptionsTests(SshTestCase):
    def parse(self, *arguments: str) -> Settings:
        """Read what twistd is given."""
        self.patch(os, "environ", {})
        options = Options()
        options.parseOptions(arguments)
        return options.settings

    def test_options_say_where_and_who(self) -> None:
        found = self.parse("--ssh", "tcp:2222", "--ssh-keys", self.keys).ssh
        self.assertEqual((found.listen, found.keys), (("tcp:2222",), self.keys))

    def test_options_go_over_the_file(self) -> None:
        text = f"ssh: {{listen: ['tcp:1'], keys: '{self.keys}', maxconnections: 7}}"
        path = make_file(self, "config.yml", text.encode())
        found = self.parse("-c", path, "--ssh", "tcp:2", "--ssh", "tcp:3").ssh
        self.assertEqual(found.listen, ("tcp:2", "tcp:3"))
        self.assertEqual((found.keys, found.maxconnections), (self.keys, 7))

    def test_without_keys_nothing_starts(self) -> None:
        error = self.assertRaises(usage.UsageError, self.parse, "--ssh", "tcp:2222")
        self.assertIn("ssh.keys: it is missing", str(error))
