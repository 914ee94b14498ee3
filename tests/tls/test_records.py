"""Tests of ``txregistry/tls/records.py``: bytes to and from OpenSSL."""

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.tls.pair import ALL, shake
from txregistry.tls.records import read_encrypted, read_records


class RecordsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client, self.server = shake()

    def come(self, *said: bytes) -> None:
        """Let the client say something, each in a record of its own."""
        for each in said:
            self.client.send(each)
        self.server.bio_write(self.client.bio_read(ALL))

    def read(self, room: int) -> tuple[bytes, SSL.Error | None]:
        """Decrypt what there is room for."""
        memory = memoryview(bytearray(room))
        size, end = read_records(self.server, memory)
        return bytes(memory[:size]), end

    def test_several_records_are_one_piece(self) -> None:
        self.come(b"a" * 100, b"b" * 10_000, b"c")
        self.assertEqual(self.read(ALL), (b"a" * 100 + b"b" * 10_000 + b"c", None))
        self.assertEqual(self.read(ALL), (b"", None))

    def test_what_has_no_room_is_given_the_next_time(self) -> None:
        self.come(b"abc", b"def")
        found = [self.read(4)[0], self.read(2)[0], self.read(4)[0]]
        self.assertEqual(found, [b"abcd", b"ef", b""])

    def test_part_of_a_record_is_none(self) -> None:
        self.client.send(b"abc")
        coded = self.client.bio_read(ALL)
        self.server.bio_write(coded[:-1])
        self.assertEqual(self.read(9), (b"", None))
        self.server.bio_write(coded[-1:])
        self.assertEqual(self.read(9), (b"abc", None))

    def test_end_comes_after_what_came_before(self) -> None:
        self.client.send(b"abc")
        self.client.shutdown()
        self.come()
        data, end = self.read(9)
        self.assertEqual(data, b"abc")
        self.assertIsInstance(end, SSL.ZeroReturnError)

    def test_what_is_no_record_is_an_end_with_a_reason(self) -> None:
        self.server.bio_write(b"\x17\x03\x03\x00\x20" + bytes(32))
        data, end = self.read(9)
        self.assertEqual(data, b"")
        self.assertIsInstance(end, SSL.Error)
        self.assertTrue(str(end))

    def test_much_for_the_other_side_is_taken_in_pieces(self) -> None:
        for each in (b"x", b"y", b"z"):
            self.server.send(each * 16_000)
        memory = memoryview(bytearray(32 * 1024))
        while count := read_encrypted(self.server, memory):
            self.client.bio_write(memory[:count])
        heard = b"".join(self.client.recv(16_000) for _ in range(3))
        self.assertEqual(heard, b"x" * 16_000 + b"y" * 16_000 + b"z" * 16_000)
