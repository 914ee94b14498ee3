"""Tests of bodies whose length was said before."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.web.lengths import LengthDecoder

_AFTER = b"GET /next HTTP/1.1\r\n"


class LengthTests(SynchronousTestCase):
    @given(data=st.binary(min_size=1, max_size=40), size=st.integers(1, 70))
    def test_gives_what_was_put_in(self, data: bytes, size: int) -> None:
        pieces: list[bytes] = []
        after: list[bytes] = []
        decoder = LengthDecoder(len(data), pieces.append, after.append)
        wire = data + _AFTER
        for place in range(0, len(wire), size):
            part = wire[place : place + size]
            if after:
                after.append(part)
            else:
                decoder.dataReceived(part)
        self.assertEqual((b"".join(pieces), b"".join(after)), (data, _AFTER))
        self.assertTrue(all(pieces))

    def test_nothing_is_no_end(self) -> None:
        ended: list[bytes] = []
        decoder = LengthDecoder(3, ended.append, ended.append)
        decoder.dataReceived(b"")
        self.assertEqual(ended, [])
