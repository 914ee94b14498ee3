"""Tests of parts of layers."""

from tests.web.answers import Answer
from tests.web.v1 import test_images
from tests.web.v1.images import TOP
from tests.web.v1.test_images import PATH


class RangeTests(test_images.ReadCase):
    """Ranges of a layer, which engines resume broken pulls with."""

    SIZE = len(TOP.layer)

    def ask_range(self, text: str, method: str = "GET") -> Answer:
        """Ask for part of the layer."""
        return self.ask(method, f"{PATH}/layer", {**self.read, "Range": text})

    def test_part(self) -> None:
        for text, start, stop in (
            (f"bytes=10-{self.SIZE}", 10, self.SIZE),
            (f"bytes=10-{self.SIZE - 1}", 10, self.SIZE),
            ("bytes=10-", 10, self.SIZE),
            ("bytes=10-99999999", 10, self.SIZE),
            ("bytes=0-", 0, self.SIZE),
            ("bytes=0-9", 0, 10),
            ("bytes=0-0", 0, 1),
            ("bytes=10-10", 10, 11),
            (f"bytes={self.SIZE - 1}-{self.SIZE - 1}", self.SIZE - 1, self.SIZE),
            (f"bytes={self.SIZE - 1}-{self.SIZE}", self.SIZE - 1, self.SIZE),
            ("bytes=-5", self.SIZE - 5, self.SIZE),
            ("bytes=-99999999", 0, self.SIZE),
        ):
            answer = self.ask_range(text)
            self.assertEqual(answer.status, 206, text)
            self.assertEqual(answer.body, TOP.layer[start:stop], text)
            self.assertEqual(
                answer.header("content-range"),
                f"bytes {start}-{stop - 1}/{self.SIZE}",
                text,
            )
            self.assertEqual(answer.header("content-length"), str(stop - start), text)
            self.assertEqual(answer.header("accept-ranges"), "bytes", text)
            self.assertEqual(answer.header("content-type"), "application/octet-stream")
            self.assertKept(answer, "public")

    def test_end_of_the_layer(self) -> None:
        """Engines take exactly this for its end; with an error the pull fails."""
        size = self.SIZE
        for text in (f"bytes={size}-{size}", f"bytes={size}-", f"bytes={size + 5}-"):
            answer = self.ask_range(text)
            self.assertEqual((answer.status, answer.body), (416, b""), text)
            self.assertEqual(answer.header("content-range"), f"bytes */{size}", text)
            self.assertEqual(answer.header("content-length"), "0", text)

    def test_what_cannot_be_read_is_ignored(self) -> None:
        for text in (
            *(
                "items=0-5",
                "0-5",
                "bytes",
                "bytes=",
                "bytes=-",
                "bytes=a-b",
                "bytes 0-5",
            ),
            *("bytes=5-3", "bytes=0-1,3-4", "bytes=1-2-3", "bytes=--5", "bytes=+1-2"),
            *("bytes=0x1-2", "bytes=1.0-2", "bytes=\xb2-", "", "none", "bytes=1-2;"),
        ):
            answer = self.ask_range(text)
            self.assertEqual((answer.status, answer.body), (200, TOP.layer), text)
            self.assertIsNone(answer.header("content-range"), text)

    def test_head_has_no_ranges(self) -> None:
        answer = self.ask_range("bytes=0-5", "HEAD")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("content-length"), str(self.SIZE))

    def test_pieces_make_the_whole(self) -> None:
        got = b""
        while True:
            answer = self.ask_range(f"bytes={len(got)}-{self.SIZE}")
            if answer.status == 416:
                break
            got += answer.body[:50]
        self.assertEqual(got, TOP.layer)

    def test_json_has_none(self) -> None:
        headers = {**self.read, "Range": "bytes=0-5"}
        answer = self.get(f"{PATH}/json", headers)
        self.assertEqual((answer.status, answer.body), (200, TOP.json))
