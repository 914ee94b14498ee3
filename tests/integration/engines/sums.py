"""The checksums of Docker Registry API v1, computed anew for the tests."""

import hashlib
import io
import tarfile

from tests.integration.engines.layers import unpack


def simple_checksum(document: bytes, layer: bytes) -> str:
    """Compute what Docker 0.9+ sends as ``X-Docker-Checksum-Payload``.

    Args:
        document: The JSON of the image, as sent.
        layer: The layer, as sent.
    """
    joined = b"\n".join((document, layer))
    return f"sha256:{hashlib.sha256(joined).hexdigest()}"


def tarsum(document: bytes, layer: bytes) -> str:
    """Compute what Docker 0.6+ sends as ``X-Docker-Checksum``, TarSum version 0.

    Args:
        document: The JSON of the image, as sent.
        layer: The layer, as sent; it is uncompressed here.
    """
    sums = sorted(_entry_sums(unpack(layer)))
    joined = document + "".join(sums).encode()
    return f"tarsum+sha256:{hashlib.sha256(joined).hexdigest()}"


def _entry_sums(tar: bytes) -> list[str]:
    if not tar:
        return []
    sums = []
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            data = content.read() if content else b""
            sums.append(hashlib.sha256(_header(member) + data).hexdigest())
    return sums


def _header(member: tarfile.TarInfo) -> bytes:
    """Write a member's fields as they are hashed: names and values, nothing between."""
    name = member.name + ("/" if member.isdir() else "")
    fields = {
        "name": name,
        "mode": str(member.mode),
        "uid": str(member.uid),
        "gid": str(member.gid),
        "size": str(member.size),
        "mtime": str(int(member.mtime)),
        "typeflag": member.type.decode("latin-1"),
        "linkname": member.linkname,
        "uname": member.uname,
        "gname": member.gname,
        "devmajor": str(member.devmajor),
        "devminor": str(member.devminor),
    }
    return "".join(key + value for key, value in fields.items()).encode(
        "utf-8", "surrogateescape"
    )
