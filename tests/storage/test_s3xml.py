"""Tests of ``txregistry/storage/s3xml.py``, but for listings of objects."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.storage.s3xml import (
    Begun,
    Part,
    read_code,
    read_failed,
    read_leaves,
    read_text,
    read_uploads,
    write_completion,
    write_deletion,
)

FAILED = (
    b"<DeleteResult><Error><Key>a</Key><Code>InternalError</Code></Error>"
    b"<Error><Code>a secret</Code></Error></DeleteResult>"
)


def uploads(rest: str = "", kind: str = "", key: str = "a%2Bb", at: str = "") -> bytes:
    """Write a list of one upload."""
    at = at or "1970-01-01T00:00:42.000Z"
    return (
        f"<ListMultipartUploadsResult><EncodingType>{kind}</EncodingType>"
        f"<Upload><Key>{key}</Key><UploadId>u1</UploadId>"
        "<Initiator><ID>me</ID></Initiator>"
        f"<Initiated>{at}</Initiated></Upload>{rest}</ListMultipartUploadsResult>"
    ).encode()


class UploadsTests(SynchronousTestCase):
    def test_what_was_begun(self) -> None:
        for kind, name in (("url", "a+b"), ("", "a%2Bb")):
            found = read_uploads(uploads(kind=kind))
            self.assertEqual(found, ([Begun(name, "u1", 42.0)], None))

    def test_where_the_next_page_begins(self) -> None:
        after = (
            "<NextKeyMarker>c%20d</NextKeyMarker>"
            "<NextUploadIdMarker>u2</NextUploadIdMarker>"
        )
        for truncated, wanted in (("true", ("c d", "u2")), ("false", None)):
            rest = f"<IsTruncated>{truncated}</IsTruncated>{after}"
            found = read_uploads(uploads(rest, "url"))
            assert found is not None
            self.assertEqual(found[1], wanted)

    def test_a_page_that_nothing_follows_is_the_last(self) -> None:
        found = read_uploads(uploads("<IsTruncated>true</IsTruncated>"))
        assert found is not None
        self.assertIsNone(found[1])

    def test_what_began_nobody_knows_when_is_young(self) -> None:
        for text in ("yesterday", "0000-00-00T00:00:00Z"):
            found = read_uploads(uploads(at=text))
            assert found is not None
            self.assertEqual(found[0][0].begun, float("inf"))

    def test_what_is_no_such_list(self) -> None:
        for document in (b"", b"<", b"<html/>", uploads()[:-1]):
            self.assertIsNone(read_uploads(document))


class AnswersTests(SynchronousTestCase):
    def test_codes(self) -> None:
        for document, code in (
            (b"<Error><Code>NoSuchKey</Code></Error>", "NoSuchKey"),
            (b"<Error><Code>not a word</Code></Error>", ""),
            (b"<Error/>", ""),
            (b"", ""),
        ):
            self.assertEqual(read_code(document), code)

    def test_texts(self) -> None:
        self.assertEqual(read_text(b"<a><b>c&amp;d</b></a>", "a/b"), "c&d")
        self.assertEqual(read_text(b"<a/>", "a/b"), "")

    def test_what_was_not_deleted(self) -> None:
        for document, codes in (
            (b"<DeleteResult/>", []),
            (FAILED, ["InternalError", ""]),
            (b"<Error/>", None),
            (b"", None),
        ):
            self.assertEqual(read_failed(document), codes)


class DocumentsTests(SynchronousTestCase):
    @given(st.lists(st.text(st.characters(codec="utf-8", min_codepoint=32))))
    def test_any_names_are_written(self, names: list[str]) -> None:
        leaves = read_leaves(write_deletion(names))
        assert leaves is not None
        found = [text for path, text in leaves if path == "Delete/Object/Key"]
        self.assertEqual(found, names)

    def test_parts_are_written(self) -> None:
        leaves = read_leaves(write_completion([Part(1, '"a&b"'), Part(2, "<c>")]))
        assert leaves is not None
        found = [text for path, text in leaves if path.count("/") == 2]
        self.assertEqual(found, ["1", '"a&b"', "2", "<c>"])
