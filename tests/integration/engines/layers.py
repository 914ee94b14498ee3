"""Layers: archives of files, made from a name alone, and read again after a pull."""

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterable
from typing import Literal

EMPTY_NOTHING = bytes.fromhex("1f8b08000000000000ff010000ffff0000000000000000")
"""What Docker 1.0 pushes as an empty layer: gzip of nothing, which is no archive."""

EMPTY_ARCHIVE = bytes.fromhex(
    "1f8b08000000000000ff621805a360148c5800080000ffff2eafb5ef00040000"
)
"""What Docker 1.3 to 1.9 push as an empty layer: gzip of an archive of no files."""

_MTIME = 1420070400


class _Entry(tarfile.TarInfo):
    """An entry whose mode keeps the bits of the file's type, as Go's archives do."""

    def tobuf(
        self,
        format: Literal[0, 1, 2] | None = tarfile.PAX_FORMAT,  # noqa: A002 - its name
        encoding: str | None = tarfile.ENCODING,
        errors: str = "surrogateescape",
    ) -> bytes:
        """See ``TarInfo``."""
        written = super().tobuf(format, encoding, errors)
        header = bytearray(written[-tarfile.BLOCKSIZE :])
        header[100:108] = b"%07o\0" % self.mode
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        return written[: -tarfile.BLOCKSIZE] + header


def make_files(name: str) -> dict[str, bytes]:
    """Make files whose names and contents no other name has.

    One is empty, one fills several reads, and one has a name beyond the old limits.
    """
    noise = hashlib.shake_256(name.encode())
    part = name.replace("/", "-")
    return {
        f"etc/{part}.txt": f"This is {name}.\n".encode(),
        f"opt/{part}.bin": noise.digest(70_000),
        f"opt/{part}.empty": b"",
        f"opt/{part}/{'straße/' * 20}file": noise.digest(100),
    }


def make_layer(
    files: dict[str, bytes],
    *,
    pack: Callable[[bytes], bytes] | None = None,
    extra: Iterable[tarfile.TarInfo] = (),
) -> bytes:
    """Make a layer of files, the same bytes each time.

    Args:
        files: What it holds, by path.
        pack: How it is compressed; None for gzip. See `raw` and `xz`.
        extra: Entries without content that go before the files: directories, links,
            white-outs.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in extra:
            archive.addfile(entry)
        for path, data in files.items():
            member = make_entry(path, tarfile.REGTYPE, mode=0o100644)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    tar = packed.getvalue()
    return gzip.compress(tar, mtime=0) if pack is None else pack(tar)


def make_entry(
    path: str, kind: bytes, *, mode: int = 0o100644, target: str = ""
) -> tarfile.TarInfo:
    """Make an entry as Docker writes it: the mode has the bits of the file's type.

    Args:
        path: The path in the archive.
        kind: A type of ``tarfile``.
        mode: The mode, with the bits of the type.
        target: What a link points at.
    """
    entry = _Entry(path)
    entry.type, entry.mode, entry.mtime, entry.linkname = kind, mode, _MTIME, target
    entry.uname = entry.gname = "root"
    return entry


def make_odd_entries(name: str) -> list[tarfile.TarInfo]:
    """Make a directory, a symbolic link, a hard link, a device and a white-out."""
    part = name.replace("/", "-")
    device = make_entry(f"dev/{part}", tarfile.CHRTYPE, mode=0o020666)
    device.devmajor, device.devminor = 1, 3
    return [
        make_entry(f"opt/{part}", tarfile.DIRTYPE, mode=0o040755),
        make_entry(
            f"opt/{part}.soft", tarfile.SYMTYPE, mode=0o120777, target="/etc/none"
        ),
        device,
        make_entry(f"opt/.wh.{part}.gone", tarfile.REGTYPE, mode=0o100600),
        make_entry(f"opt/{part}.hard", tarfile.LNKTYPE, target=f"opt/.wh.{part}.gone"),
    ]


def raw(tar: bytes) -> bytes:
    """Compress not at all."""
    return tar


def xz(tar: bytes) -> bytes:
    """Compress as Docker 0.3 to 0.5 did."""
    return lzma.compress(tar)


def unpack(layer: bytes) -> bytes:
    """Uncompress a layer as engines do, by its first bytes.

    Raises:
        ValueError: it breaks off, or is not what its first bytes say.
    """
    try:
        if layer.startswith(b"\x1f\x8b\x08"):
            return gzip.decompress(layer)
        if layer.startswith(b"\xfd7zXZ\x00"):
            return lzma.decompress(layer)
        if layer.startswith(b"BZh"):
            return bz2.decompress(layer)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"not what it says: {error}") from error
    return layer


def files_of(layer: bytes) -> dict[str, bytes]:
    """Read the regular files of a layer, by path.

    Raises:
        ValueError: it is no archive.
    """
    tar = unpack(layer)
    if not tar:
        return {}
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            found = {}
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content:
                    found[member.name] = content.read()
            return found
    except tarfile.TarError as error:
        raise ValueError(f"no archive: {error}") from error
