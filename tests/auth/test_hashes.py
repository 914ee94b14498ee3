"""Tests of ``txregistry/auth/hashes.py``."""

import os
import time

from bcrypt import checkpw
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.auth import hashes
from txregistry.auth.hashes import Hashes, HtpasswdError, read

HASH = "$2y$05$" + "." * 53


class HashesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = make_file(self, "htpasswd", b"")

    def read(self, text: str | bytes) -> Hashes:
        """Read a file of some content."""
        with open(self.path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        found = read(self.path)
        assert found is not None
        return found

    def refuse(self, text: str | bytes, *reasons: str) -> None:
        """Expect a file to be refused, and to be told why."""
        with self.assertRaises(HtpasswdError) as raised:
            self.read(text)
        for reason in (self.path, *reasons):
            self.assertIn(reason, str(raised.exception))

    def settle(self) -> None:
        """Let the file have been there for some time."""
        now = time.time_ns
        self.patch(time, "time_ns", lambda: now() + 10**10)

    def test_has_hashes_by_name(self) -> None:
        found = self.read(f"bob:{HASH}\ncarol:{HASH}\n")
        self.assertEqual(found.by_name, {"bob": HASH.encode(), "carol": HASH.encode()})

    def test_all_spellings_of_bcrypt_are_read(self) -> None:
        for kind in "aby":
            self.assertIn("bob", self.read(f"bob:{HASH.replace('y', kind)}").by_name)

    def test_comments_and_empty_lines_are_skipped(self) -> None:
        found = self.read(f"# bob:x\n\n  \r\nbob:{HASH}\r\n")
        self.assertEqual(set(found.by_name), {"bob"})

    def test_empty_file_has_nobody(self) -> None:
        self.assertEqual(self.read("").by_name, {})

    def test_other_hashes_are_refused(self) -> None:
        for other in (
            "$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00",
            "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=",
            "secret",
            "",
            HASH.replace("y", "x"),
            HASH + "x",
            HASH[:-1],
            HASH + " ",
        ):
            self.refuse(f"bob:{HASH}\ncarol:{other}\n", "line 2", "carol", "bcrypt")

    def test_salt_that_bcrypt_cannot_read_is_refused(self) -> None:
        self.refuse("bob:" + "$2b$05$" + "." * 21 + "a" + "." * 31, "line 1")

    def test_cost_without_end_is_refused(self) -> None:
        self.refuse("bob:" + HASH.replace("05", "18"), "line 1", "costs more")

    def test_line_without_a_name_is_refused(self) -> None:
        for line in (f":{HASH}", f"bo\x01b:{HASH}", f"{'b' * 1025}:{HASH}"):
            self.refuse(line, "line 1", "name:hash")

    def test_name_that_is_there_twice_is_refused(self) -> None:
        self.refuse(f"bob:{HASH}\nbob:{HASH}", "line 2", "a second time")

    def test_what_is_not_utf8_is_refused(self) -> None:
        self.refuse(b"ren\xe9e:x", "line 1", "UTF-8")

    def test_large_file_is_refused(self) -> None:
        self.patch(hashes, "_LARGEST", 100)
        self.refuse("#" * 101, "more than 100 bytes")

    def test_hash_itself_is_never_told(self) -> None:
        with self.assertRaises(HtpasswdError) as raised:
            self.read("bob:hunter2")
        self.assertNotIn("hunter2", str(raised.exception))

    def test_file_that_is_not_there_cannot_be_read(self) -> None:
        os.unlink(self.path)
        with self.assertRaises(HtpasswdError) as raised:
            read(self.path)
        self.assertIn("No such file", str(raised.exception))

    @given(st.binary(max_size=200))
    def test_any_content_is_read_or_refused(self, data: bytes) -> None:
        try:
            self.read(data)
        except HtpasswdError as error:
            self.assertIn("line ", str(error))

    def test_dummy_costs_as_much_as_the_dearest(self) -> None:
        other = HASH.replace("05", "11")
        dummy = self.read(f"bob:{HASH}\ncarol:{other}\ndave:{HASH}").dummy
        self.assertEqual(dummy[:7], b"$2b$11$")

    def test_no_password_has_the_dummy(self) -> None:
        dummy = self.read(f"bob:{HASH}").dummy
        self.assertFalse(checkpw(b"x", dummy))

    def test_what_is_known_is_not_read_again(self) -> None:
        self.settle()
        known = self.read(f"bob:{HASH}").identity
        self.assertIsNotNone(known)
        self.assertIsNone(read(self.path, known=known))

    def test_what_was_replaced_is_read_again(self) -> None:
        self.settle()
        known = self.read(f"bob:{HASH}").identity
        with open(f"{self.path}.new", "w") as file:
            file.write(f"eve:{HASH}")
        os.rename(f"{self.path}.new", self.path)
        found = read(self.path, known=known)
        assert found is not None
        self.assertEqual(set(found.by_name), {"eve"})

    def test_what_was_just_written_is_read_again(self) -> None:
        known = self.read(f"bob:{HASH}").identity
        self.assertIsNone(known)
        self.assertIsNotNone(read(self.path, known=known))
