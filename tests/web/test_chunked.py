"""Tests of taking chunked bodies apart."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.web.exchange import chunked
from txregistry.web.chunked import ChunkedDecoder, ChunkingInvalid

_AFTER = b"GET /next HTTP/1.1\r\n"


class _Taken:
    """What a decoder hands on."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.after: bytes | None = None

    def finish(self, after: bytes) -> None:
        self.after = after


def decode(data: bytes, size: int | None = None) -> tuple[bytes, bytes | None]:
    """Take a body apart; give it and what came after, None if nothing ended it."""
    taken = _Taken()
    decoder = ChunkedDecoder(taken.pieces.append, taken.finish)
    rest = b""
    step = size or max(1, len(data))
    for place in range(0, len(data), step):
        if taken.after is None:
            decoder.dataReceived(data[place : place + step])
        else:
            rest += data[place : place + step]
    if not all(taken.pieces):
        raise AssertionError("a piece is empty")
    after = taken.after
    return b"".join(taken.pieces), None if after is None else after + rest


class ChunkedTests(SynchronousTestCase):
    @given(
        pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
        size=st.integers(1, 50),
    )
    def test_gives_what_was_put_in(self, pieces: list[bytes], size: int) -> None:
        data = chunked(*pieces) + _AFTER
        self.assertEqual(decode(data, size), (b"".join(pieces), _AFTER))

    @given(data=st.binary(max_size=60), size=st.integers(1, 61))
    def test_segments_do_not_matter(self, data: bytes, size: int) -> None:
        def outcome(step: int) -> object:
            try:
                return decode(data, step)
            except ChunkingInvalid:
                return "invalid"

        whole, parts = outcome(len(data) + 1), outcome(size)
        if "invalid" not in {whole, parts}:
            self.assertEqual(whole, parts)

    def test_ways_to_write_it(self) -> None:
        for data in (
            b"5\r\nhello\r\n0\r\n\r\n",
            b"05\r\nhello\r\n000\r\n\r\n",
            b"5;a=b\r\nhello\r\n0;x\r\n\r\n",
            b'5 ; a="b c"\r\nhello\r\n0\r\n\r\n',
            b"2\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n",
        ):
            for size in (None, 1, 2, 3):
                self.assertEqual(decode(data + _AFTER, size), (b"hello", _AFTER), data)

    def test_sizes_are_hex_of_any_letters(self) -> None:
        body = b"x" * 0xAB
        for text in (b"ab", b"AB", b"aB", b"0ab"):
            data = text + b"\r\n" + body + b"\r\n0\r\n\r\n"
            self.assertEqual(decode(data), (body, b""), text)

    def test_what_cannot_be_read(self) -> None:
        for data in (
            b"\r\n",
            b"x\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b"0x1\r\n",
            b" 1\r\n",
            b"1 \n\r\n",
            b"1_0\r\n",
            b"1 1\r\n",
            b"\xb2\r\n",
            b"1\nx",
            b"1;\x00\r\n",
            b"1;\rx\r\n",
            b"1;a\nb\r\n",
            b"F" * 16 + b"\r\n",
            b"5\r\nhello0\r\n\r\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"5\r\nhello\r\r\n",
            b"0\r\nX: y\nZ: a\r\n\r\n",
            b"0\r\n" + b"X: yyyyyyyy\r\n" * 1000,
            b"1;" + b"x" * 2000,
            b"0\r\n" + b"x" * 2000,
        ):
            for size in (None, 1, 3):
                with self.assertRaises(ChunkingInvalid, msg=(data[:30], size)):
                    decode(data, size)

    def test_nothing_ends_by_itself(self) -> None:
        for data in (b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello\r\n", b"0\r\n"):
            self.assertIsNone(decode(data)[1], data)

    def test_a_large_chunk_is_handed_on_as_it_comes(self) -> None:
        taken = _Taken()
        decoder = ChunkedDecoder(taken.pieces.append, taken.finish)
        decoder.dataReceived(b"FFFFFFFFFF\r\n")
        for _ in range(5):
            decoder.dataReceived(b"x" * 1000)
        self.assertEqual([len(piece) for piece in taken.pieces], [1000] * 5)
        self.assertIsNone(taken.after)
