"""Tests of ``txregistry/certs/places.py``."""

import shlex
import tomllib
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.certs.folder import CertificateFolder
from txregistry.certs.places import Address, write_config, write_places, write_trial
from txregistry.settings.reading import load_settings
from txregistry.settings.sections import CertificateName, Certificates

ODD = "/with a blank/and 'quotes'/$HOME"


def commands(text: str) -> list[list[str]]:
    """Give the commands to paste, as a shell would part them."""
    return [shlex.split(line) for line in text.splitlines() if line[:1].isalpha()]


class AddressTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        for text, address in (
            ("localhost", Address("localhost", None)),
            ("registry.example:5000", Address("registry.example", 5000)),
            ("10.0.0.1:443", Address("10.0.0.1", 443)),
            ("[::1]:5000", Address("::1", 5000)),
            ("[2001:db8::7]", Address("2001:db8::7", None)),
        ):
            self.assertEqual(Address.parse(text), address)
            self.assertEqual(str(address), text)

    def test_what_is_none(self) -> None:
        for text in (
            "",
            ":5000",
            "a:",
            "a:0",
            "a:65536",
            "a:x",
            "a:5000/acme",
            "https://a",
            "::1",
            "[::1",
            "[localhost]",
            "[127.0.0.1]",
            "a/../b",
            "a\n",
            'a"',
        ):
            with self.assertRaises(ValueError) as raised:
                Address.parse(text)
            self.assertTrue(str(raised.exception).endswith("."))

    @given(st.text(st.sampled_from("a0.:[]-/\"' \n")))
    def test_any_text_is_an_address_or_refused(self, text: str) -> None:
        try:
            address = Address.parse(text)
        except ValueError:
            return
        self.assertEqual(Address.parse(str(address)), address)
        self.assertEqual(set(str(address)) & set("/\"' \n"), set())


class PlacesTests(SynchronousTestCase):
    ADDRESS = Address("registry.example", 5000)

    def test_files_go_to_each_client(self) -> None:
        found = write_places(self.ADDRESS, ODD, of_client=True)
        for place in (
            "/etc/docker/certs.d/registry.example:5000",
            "~/.config/containers/certs.d/registry.example:5000",
            "/etc/containerd/certs.d/registry.example:5000",
        ):
            root = ["sudo"] if place[0] == "/" else []
            self.assertIn([*root, "mkdir", "-p", place], commands(found))
            copying = [*root, "cp", f"{ODD}/*", f"{place}/"]
            self.assertIn(copying, commands(found))

    def test_authority_alone(self) -> None:
        found = write_places(self.ADDRESS, "/certs/ca.crt", of_client=False)
        place = "/etc/docker/certs.d/registry.example:5000/"
        self.assertIn(["sudo", "cp", "/certs/ca.crt", place], commands(found))
        self.assertNotIn("client", self.hosts(found)["host"].popitem()[1])

    def test_paths_do_not_depend_on_where_one_is(self) -> None:
        for text in (
            write_places(self.ADDRESS, "certs", of_client=True),
            write_trial(self.ADDRESS, "certs"),
        ):
            self.assertNotIn(" certs/", text)

    def test_host_of_containerd(self) -> None:
        found = self.hosts(write_places(self.ADDRESS, "/certs/bob", of_client=True))
        place = "/etc/containerd/certs.d/registry.example:5000"
        self.assertEqual(
            found,
            {
                "server": "https://registry.example:5000",
                "host": {
                    "https://registry.example:5000": {
                        "ca": f"{place}/ca.crt",
                        "client": [[f"{place}/client.cert", f"{place}/client.key"]],
                    }
                },
            },
        )

    def test_brackets_are_none_of_the_shells(self) -> None:
        found = write_places(Address("::1", 5000), "/certs/bob", of_client=True)
        self.assertIn("/etc/docker/certs.d/'[::1]:5000'", found)
        self.assertIn("https://[::1]:5000", self.hosts(found)["host"])

    def test_trial(self) -> None:
        (found,) = commands(write_trial(Address("::1", 5000), ODD))
        self.assertEqual(
            found,
            [
                "curl",
                *("--cacert", f"{ODD}/ca.crt"),
                *("--cert", f"{ODD}/client.cert"),
                *("--key", f"{ODD}/client.key"),
                "https://[::1]:5000/v2/",
            ],
        )

    def hosts(self, text: str) -> dict[str, Any]:
        """Read the piece of TOML in it."""
        _, _, after = text.partition("<<'END'\n")
        return tomllib.loads(after.partition("END\n")[0])


class ConfigTests(SynchronousTestCase):
    def test_settings_can_be_read(self) -> None:
        folder = CertificateFolder(ODD)
        text = write_config(folder, Address("registry.example", 5001))
        path = make_file(self, "config.yml", text.encode())
        settings, ignored = load_settings(path, {})
        self.assertEqual(list(ignored), [])
        self.assertEqual(settings.http.addr, ":5001")
        tls = settings.http.tls
        self.assertEqual((tls.certificate, tls.key), (folder.server, folder.server_key))
        self.assertEqual((tls.clientcas, tls.crls), ((folder.ca,), (folder.crl,)))
        self.assertTrue(tls.requires_clients)
        self.assertEqual(
            settings.auth.certificates,
            Certificates((CertificateName("cn", ".+"),), "ou"),
        )

    def test_port_of_https(self) -> None:
        text = write_config(CertificateFolder("certs"), Address("a.example", None))
        self.assertEqual(yaml.safe_load(text)["http"]["addr"], ":443")
