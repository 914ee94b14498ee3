"""Tests of ``txregistry/model/checksums.py``."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import sys
import tarfile
from collections.abc import Sequence
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.checksums import (
    MAX_ENTRIES,
    Checksum,
    SimpleChecksum,
    TarSum,
    parse_checksum,
    parse_stored_checksums,
)
from txregistry.model.compression import CompressionInvalid
from txregistry.model.errors import ChecksumInvalid
from txregistry.model.tarballs import TarInvalid, TooManyEntries

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

J = b'{"id":"' + b"a" * 64 + b'"}'
L = bytes.fromhex("1f8b08000000000000ff621805a360148c5800080000ffff2eafb5ef00040000")
SIMPLE = "sha256:1f672d12427668f0b0cadf3cfeeb86f5fdc34103f47c6145ff98c71a2ffb7d61"
TARSUM = (
    "tarsum+sha256:d561730190e99254d474d840d9013e14ceef3005414abfdb62dcbfb9f5e44823"
)
NO_CHECKSUMS = (
    "",
    "sha256",
    "sha256:",
    SIMPLE[:-1],
    SIMPLE + "0",
    SIMPLE + "\n",
    " " + SIMPLE,
    SIMPLE.upper(),
    SIMPLE.replace("1f", "1F"),
    SIMPLE.replace("1f", "\N{ARABIC-INDIC DIGIT ONE}f"),
    "sha512:" + "0" * 128,
    "md5:" + "0" * 32,
    TARSUM.replace("+", ".v1+"),
    f"{SIMPLE},{TARSUM}",
)


def simple(document: bytes, *pieces: bytes) -> str:
    """Compute a simple checksum."""
    checksum = SimpleChecksum(document)
    for piece in pieces:
        checksum.update(piece)
    return str(checksum)


def tarsum(document: bytes, *pieces: bytes) -> str:
    """Compute a TarSum."""
    checksum = TarSum(document)
    for piece in pieces:
        checksum.update(piece)
    return checksum.finish()


def archive(
    *members: tuple[tarfile.TarInfo, bytes],
    form: Literal[0, 1, 2] = tarfile.USTAR_FORMAT,
) -> bytes:
    """Write an archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as writer:
        for info, content in members:
            info.size = len(content)
            writer.addfile(info, io.BytesIO(content))
    return file.getvalue()


def member(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    """Make a file."""
    info = tarfile.TarInfo(name)
    info.uid, info.gid, info.mtime = 1000, 100, 1420070400
    info.uname, info.gname = "bob", "users"
    return info, content


def summed(document: bytes, entries: Sequence[bytes]) -> str:
    """Compute a TarSum of entries whose header is written out."""
    sums = sorted(hashlib.sha256(each).hexdigest() for each in entries)
    return (
        f"tarsum+sha256:{hashlib.sha256(document + ''.join(sums).encode()).hexdigest()}"
    )


class SimpleChecksumTests(SynchronousTestCase):
    def test_of_docker_1_10(self) -> None:
        self.assertEqual(simple(J, L), SIMPLE)

    def test_the_newline_of_docker_1_9_counts(self) -> None:
        self.assertEqual(
            simple(J + b"\n", L),
            "sha256:e7ef21391c75e3794c3af640e7e19854a513f039714f526655dfeb1e82ecf6f7",
        )

    def test_cuts_do_not_matter(self) -> None:
        self.assertEqual(simple(J, L[:5], b"", L[5:]), SIMPLE)


class TarSumTests(SynchronousTestCase):
    def test_of_an_empty_layer(self) -> None:
        self.assertEqual(tarsum(J, L), TARSUM)

    def test_without_entries_it_is_of_the_json(self) -> None:
        expected = f"tarsum+sha256:{hashlib.sha256(J).hexdigest()}"
        nothing = gzip.compress(b"")
        for layer in (L, nothing, b"", bytes(1024), bytes(10240)):
            self.assertEqual(tarsum(J, layer), expected)

    def test_of_a_mebibyte_of_zeros_as_docker_has_it(self) -> None:
        info = tarfile.TarInfo("/testdata0")
        info.type, info.mode = tarfile.AREGTYPE, 0o755
        self.assertEqual(
            tarsum(b"", archive((info, bytes(1 << 20)))),
            "tarsum+sha256:"
            "8bf12d7e67c51ee2e8306cba569398b1b9f419969521a12ffb9d8875e8836738",
        )

    def test_of_entries_in_any_order(self) -> None:
        link, _ = member("dir/link")
        link.type, link.linkname = tarfile.SYMTYPE, "../file"
        folder, _ = member("dir")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        members = [member("file", b"content"), (folder, b""), (link, b"")]
        values = b"uid1000gid100size%dmtime1420070400typeflag%slinkname%s"
        names = b"unamebobgnameusersdevmajor0devminor0"
        entries = (
            b"namefilemode420" + values % (7, b"0", b"") + names + b"content",
            b"namedir/mode493" + values % (0, b"5", b"") + names,
            b"namedir/linkmode420" + values % (0, b"2", b"../file") + names,
        )
        for each in (members, members[::-1]):
            self.assertEqual(tarsum(J, archive(*each)), summed(J, entries))

    def test_is_the_same_however_the_layer_is_packed(self) -> None:
        layer = archive(member("one", bytes(9000)), member("two", b"content"))
        for pack in (gzip.compress, bz2.compress, lzma.compress, zstd.compress):
            self.assertEqual(tarsum(J, pack(layer)), tarsum(J, layer))

    def test_is_the_same_in_every_format(self) -> None:
        members = member("one", bytes(9000)), member("n" * 90, b"content")
        expected = tarsum(J, archive(*members))
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            self.assertEqual(tarsum(J, archive(*members, form=form)), expected)

    def test_names_that_are_not_utf8_count_as_they_are(self) -> None:
        info, content = member("caf\udce9")
        values = b"uid1000gid100size0mtime1420070400typeflag0linkname"
        names = b"unamebobgnameusersdevmajor0devminor0"
        entry = b"namecaf\xe9mode420" + values + names
        self.assertEqual(tarsum(J, archive((info, content))), summed(J, [entry]))

    @given(
        contents=st.lists(st.binary(max_size=1500), max_size=4),
        step=st.integers(1, 3000),
    )
    def test_cuts_do_not_matter(self, contents: list[bytes], step: int) -> None:
        layer = archive(
            *(member(str(index), each) for index, each in enumerate(contents))
        )
        pieces = [layer[at : at + step] for at in range(0, len(layer), step)]
        self.assertEqual(tarsum(J, *pieces), tarsum(J, layer))

    def test_refuses_a_layer_that_is_cut_off(self) -> None:
        self.assertRaises(CompressionInvalid, tarsum, J, L[:-1])

    def test_refuses_an_archive_that_is_cut_off(self) -> None:
        self.assertRaises(TarInvalid, tarsum, J, archive(member("one", b"abc"))[:513])

    def test_refuses_what_is_no_archive(self) -> None:
        for layer in (b"abc", b"no archive" * 100):
            self.assertRaises(TarInvalid, tarsum, J, layer)

    def test_refuses_too_many_entries(self) -> None:
        block = tarfile.TarInfo("name").tobuf()
        checksum = TarSum(J)
        with self.assertRaises(TooManyEntries):
            for _ in range(MAX_ENTRIES // 1000 + 1):
                checksum.update(block * 1000)


class ParseTests(SynchronousTestCase):
    def test_reads_both_kinds(self) -> None:
        for text in (SIMPLE, TARSUM):
            self.assertEqual(str(parse_checksum(text)), text)

    def test_tells_them_apart(self) -> None:
        self.assertFalse(parse_checksum(SIMPLE).is_tarsum)
        self.assertTrue(parse_checksum(TARSUM).is_tarsum)

    def test_refuses_others(self) -> None:
        for text in NO_CHECKSUMS:
            error = self.assertRaises(ChecksumInvalid, parse_checksum, text)
            self.assertEqual(error.message, "Invalid checksum format")


class ParseStoredTests(SynchronousTestCase):
    both = (Checksum("sha256", SIMPLE[7:]), Checksum("tarsum+sha256", TARSUM[14:]))

    def test_reads_an_array(self) -> None:
        data = json.dumps([SIMPLE, TARSUM]).encode()
        self.assertEqual(parse_stored_checksums(data), self.both)

    def test_reads_an_empty_array(self) -> None:
        self.assertEqual(parse_stored_checksums(b"[]"), ())

    def test_reads_one_alone(self) -> None:
        for each in self.both:
            self.assertEqual(parse_stored_checksums(str(each).encode()), (each,))

    def test_minds_no_blanks_around(self) -> None:
        for text in (f"{SIMPLE}\n", f' ["{SIMPLE}"]\n'):
            self.assertEqual(parse_stored_checksums(text.encode()), self.both[:1])

    def test_refuses_others(self) -> None:
        for text in (
            *(text for text in NO_CHECKSUMS if text.strip() != SIMPLE),
            f'"{SIMPLE}"',
            f'["{SIMPLE}"',
            f'["{SIMPLE}", null]',
            f'["{SIMPLE}", "x"]',
            f'{{"checksum": "{SIMPLE}"}}',
            "[" * 9000,
        ):
            error = self.assertRaises(
                ChecksumInvalid, parse_stored_checksums, text.encode()
            )
            self.assertEqual(error.message, "Invalid checksum format")

    def test_refuses_what_is_not_text(self) -> None:
        self.assertRaises(ChecksumInvalid, parse_stored_checksums, b"\xff")

    def test_refuses_too_many(self) -> None:
        data = json.dumps([SIMPLE] * 900).encode()
        self.assertRaises(ChecksumInvalid, parse_stored_checksums, data)
