"""Tests of ``txregistry/certs/folder.py``."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from txregistry.certs.authority import parse_host
from txregistry.certs.folder import CertificateFolder, check_name
from txregistry.settings.section import SettingsError

NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTS: Final = [parse_host("localhost")]
CONFIG: Final = "http: {}\n"
FIRST: Final = frozenset(
    {"ca.crt", "ca.key", "server.crt", "server.key", "crl.pem", "config.yml"}
)


class FolderTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(make_folder(self), "certs")
        self.folder = CertificateFolder(str(self.path))

    def files(self) -> dict[str, bytes]:
        """Give all files, hidden ones as well."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file()
        }

    def refuse(self, work: Callable[[], object], *told: str) -> None:
        """Expect a sentence, and that nothing changes."""
        before = self.files()
        with self.assertRaises(SettingsError) as raised:
            work()
        for each in told:
            self.assertIn(each, str(raised.exception))
        self.assertEqual(self.files(), before)

    def add(self, name: str, *groups: str, days: int = 30) -> None:
        self.folder.add_client(name, groups, days, NOW)


class CreateTests(FolderTestCase):
    def test_files(self) -> None:
        self.folder.create(HOSTS, CONFIG, NOW)
        self.assertEqual(set(self.files()), FIRST)
        self.assertEqual(self.files()["config.yml"], CONFIG.encode())

    def test_keys_are_secret(self) -> None:
        self.folder.create(HOSTS, CONFIG, NOW)
        self.add("bob")
        for path in self.path.rglob("*.key"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(len(list(self.path.rglob("*.key"))), 3)

    def test_nothing_is_overwritten(self) -> None:
        self.folder.create(HOSTS, CONFIG, NOW)
        self.refuse(
            lambda: self.folder.create(HOSTS, CONFIG, NOW),
            repr(str(self.path)),
            "ca.key, ca.crt, server.key, server.crt, crl.pem, config.yml already",
        )

    def test_any_file_of_ours_is_in_the_way(self) -> None:
        self.path.mkdir()
        for name in FIRST:
            place = self.path / name
            place.symlink_to("/nowhere/to/be/found")
            self.refuse(
                lambda: self.folder.create(HOSTS, CONFIG, NOW), f"has {name} already"
            )
            place.unlink()

    def test_clients_without_an_authority_are_in_the_way(self) -> None:
        (self.path / "clients").mkdir(parents=True)
        self.refuse(
            lambda: self.folder.create(HOSTS, CONFIG, NOW), "has clients already"
        )

    def test_other_files_are_not(self) -> None:
        self.path.mkdir()
        (self.path / "other").write_text("kept")
        self.folder.create(HOSTS, CONFIG, NOW)
        self.assertEqual((self.path / "other").read_text(), "kept")

    def test_folder_that_cannot_be_made(self) -> None:
        self.path.write_text("a file")
        with self.assertRaises(SettingsError) as raised:
            self.folder.create(HOSTS, CONFIG, NOW)
        self.assertIn(f"{str(self.path)!r} cannot be used: ", str(raised.exception))

    def test_what_cannot_be_written_whole_leaves_nothing(self) -> None:
        opened: list[str] = []
        real = os.open

        def fail_late(path: str, flags: int, mode: int = 0o777) -> int:
            opened.append(path)
            if len(opened) == 3:
                raise OSError(28, "No space left on device", path)
            return real(path, flags, mode)

        self.patch(os, "open", fail_late)
        self.refuse(
            lambda: self.folder.create(HOSTS, CONFIG, NOW), "No space left on device"
        )
        self.assertEqual(self.files(), {})


class ClientTests(FolderTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder.create(HOSTS, CONFIG, NOW)

    def test_files_are_called_as_clients_want_them(self) -> None:
        self.add("bob", "ops")
        made = self.folder.client("bob")
        self.assertEqual(made.folder, str(self.path / "clients" / "bob"))
        self.assertEqual(
            set(os.listdir(made.folder)), {"ca.crt", "client.cert", "client.key"}
        )
        self.assertEqual(os.listdir(self.path / "clients"), ["bob"])

    def test_key_is_that_of_the_certificate(self) -> None:
        self.add("bob")
        made = self.folder.client("bob")
        key = load_pem_private_key(Path(made.folder, "client.key").read_bytes(), None)
        self.assertEqual(key.public_key(), made.certificate.public_key())

    def test_authority_is_beside_it(self) -> None:
        self.add("bob")
        files = self.files()
        self.assertEqual(files["clients/bob/ca.crt"], files["ca.crt"])

    def test_nothing_is_overwritten(self) -> None:
        self.add("bob")
        self.refuse(lambda: self.add("bob"), "clients/bob' is there already")

    def test_names_that_lead_elsewhere(self) -> None:
        for name in (
            "",
            ".",
            "..",
            "../x",
            "/etc",
            "a/b",
            ".bob",
            "-bob",
            "bob\n",
            "ü",
        ):
            for work in (
                partial(self.add, name),
                partial(self.folder.revoke, name, NOW),
                partial(self.folder.client, name),
            ):
                self.refuse(work, f"{name!r} cannot be a name")

    def test_groups_are_names(self) -> None:
        for group in ("", "a b", "@ops", "g" * 65, "anonymous"):
            self.refuse(partial(self.add, "bob", group), f"{group!r} cannot")

    def test_authority_ends_before(self) -> None:
        self.refuse(lambda: self.add("bob", days=3650 + 30), "is good until 2036-01-0")

    def test_authority_has_ended(self) -> None:
        late = NOW + timedelta(days=4000)
        self.refuse(lambda: self.folder.add_client("bob", (), 1, late), "good until")

    def test_key_of_another_authority(self) -> None:
        other = CertificateFolder(make_folder(self))
        other.create(HOSTS, CONFIG, NOW)
        (self.path / "ca.key").write_bytes(Path(other.path, "ca.key").read_bytes())
        self.refuse(lambda: self.add("bob"), "ca.key' is not the key of ")

    def test_no_authority(self) -> None:
        (self.path / "ca.key").unlink()
        self.refuse(lambda: self.add("bob"), "ca.key' cannot be read")

    def test_folder_that_cannot_be_written_in(self) -> None:
        (self.path / "clients").write_text("a file")
        self.refuse(lambda: self.add("bob"), "clients' cannot be used: ")


class RevokeTests(FolderTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder.create(HOSTS, CONFIG, NOW)
        self.add("bob")
        self.add("eve")

    def revoked(self) -> set[int]:
        """Give the numbers on the list."""
        found = x509.load_pem_x509_crl((self.path / "crl.pem").read_bytes())
        return {each.serial_number for each in found}

    def number(self, name: str) -> int:
        return self.folder.client(name).certificate.serial_number

    def test_nobody_is_revoked_at_first(self) -> None:
        self.assertEqual(self.revoked(), set())
        self.assertFalse(self.folder.client("bob").is_revoked)

    def test_who_is_revoked_is_on_the_list(self) -> None:
        self.assertTrue(self.folder.revoke("bob", NOW))
        self.assertEqual(self.revoked(), {self.number("bob")})
        self.assertTrue(self.folder.client("bob").is_revoked)
        self.assertFalse(self.folder.client("eve").is_revoked)

    def test_several_are(self) -> None:
        for name in ("eve", "bob"):
            self.folder.revoke(name, NOW)
        self.assertEqual(self.revoked(), {self.number("bob"), self.number("eve")})

    def test_twice_changes_nothing(self) -> None:
        self.folder.revoke("bob", NOW)
        before = self.files()
        self.assertFalse(self.folder.revoke("bob", NOW))
        self.assertEqual(self.files(), before)

    def test_next_of_that_name_is_not_revoked(self) -> None:
        self.folder.revoke("bob", NOW)
        os.rename(self.path / "clients" / "bob", self.path / "bob-before")
        self.add("bob")
        self.assertFalse(self.folder.client("bob").is_revoked)

    def test_list_is_replaced_and_not_written_to(self) -> None:
        before = os.open(self.path / "crl.pem", os.O_RDONLY)
        self.addCleanup(os.close, before)
        self.folder.revoke("bob", NOW)
        found = x509.load_pem_x509_crl(os.read(before, 65536))
        self.assertEqual(len(found), 0)
        self.assertEqual(set(os.listdir(self.path)), FIRST | {"clients"})

    def test_everybody_can_read_the_list(self) -> None:
        self.folder.revoke("bob", NOW)
        mode = stat.S_IMODE((self.path / "crl.pem").stat().st_mode)
        self.assertEqual(mode & 0o600, 0o600)
        self.assertEqual(mode & ~0o644, 0)

    def test_failure_leaves_the_list_as_it_was(self) -> None:
        def fail(source: str, target: str) -> None:
            raise OSError(5, "Input/output error", source, None, target)

        self.patch(os, "rename", fail)
        self.refuse(lambda: self.folder.revoke("bob", NOW), "Input/output error")

    def test_two_at_once_are_both_revoked(self) -> None:
        names = [f"client-{number}" for number in range(8)]
        for name in names:
            self.add(name)
        with ThreadPoolExecutor(len(names)) as threads:
            done = list(threads.map(lambda name: self.folder.revoke(name, NOW), names))
        self.assertTrue(all(done))
        self.assertEqual(self.revoked(), set(map(self.number, names)))

    def test_who_is_unknown(self) -> None:
        self.refuse(lambda: self.folder.revoke("carol", NOW), "carol", "cannot be read")

    def test_certificate_of_another_authority(self) -> None:
        other = CertificateFolder(make_folder(self))
        other.create(HOSTS, CONFIG, NOW)
        other.add_client("bob", (), 30, NOW)
        foreign = Path(other.path, "clients/bob/client.cert").read_bytes()
        (self.path / "clients/bob/client.cert").write_bytes(foreign)
        self.refuse(lambda: self.folder.revoke("bob", NOW), "is not of the authority")

    def test_list_of_another_authority(self) -> None:
        other = CertificateFolder(make_folder(self))
        other.create(HOSTS, CONFIG, NOW)
        foreign = Path(other.crl).read_bytes()
        own = (self.path / "crl.pem").read_bytes()
        for data in (foreign, own + foreign, foreign + own):
            (self.path / "crl.pem").write_bytes(data)
            self.refuse(lambda: self.folder.revoke("bob", NOW), "crl.pem' is not of ")

    def test_list_that_is_damaged_or_gone(self) -> None:
        (self.path / "crl.pem").write_bytes(b"junk")
        self.refuse(lambda: self.folder.revoke("bob", NOW), "crl.pem")
        (self.path / "crl.pem").unlink()
        self.refuse(lambda: self.folder.revoke("bob", NOW), "crl.pem")


class NameTests(SynchronousTestCase):
    def test_names(self) -> None:
        for name in ("b", "bob", "bob@acme.example", "build-7", "a_b", "B", "b" * 64):
            check_name(name)

    def test_words_of_rules_are_none(self) -> None:
        for name in ("everyone", "anonymous", "authenticated"):
            with self.assertRaises(SettingsError) as raised:
                check_name(name)
            self.assertIn("rules mean more than one by it", str(raised.exception))

    def test_longer_ones_are_none(self) -> None:
        with self.assertRaises(SettingsError):
            check_name("b" * 65)

    @given(st.text(st.sampled_from("aA0._@-/\\\n\0 ~'\"$ü")))
    def test_any_name_is_one_component_of_a_path(self, name: str) -> None:
        try:
            check_name(name)
        except SettingsError:
            return
        self.assertEqual(os.path.normpath(f"/x/{name}"), f"/x/{name}")
        self.assertTrue(name.isascii() and name[0].isalnum() and name[-1].isalnum())
        self.assertLess(set(name), set("aA0._@-!"))
