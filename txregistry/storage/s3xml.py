"""The XML that S3 speaks.

Source: the Amazon S3 API, version 2006-03-01. What a server says is read without what
its XML may declare; what is no such XML is None, or nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

_NAMESPACE: Final = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,64}", re.ASCII)
_SIZE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

Leaves = Sequence[tuple[str, str]]
"""The path of each element, such as ``Error/Code``, and the text in it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an object that is uploaded in parts.

    Attributes:
        number: Its place among them, from one.
        etag: What the server calls what it holds.
    """

    number: int
    etag: str


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload in parts that nobody has completed.

    Attributes:
        name: What it is to become.
        upload_id: What the server calls it.
        begun: When that was, in seconds since 1970.
    """

    name: str
    upload_id: str
    begun: float


def read_leaves(document: bytes) -> Leaves | None:
    """Read XML.

    Returns:
        Its elements and the text in each before its end, in order; None where it is no
        XML that we would read.
    """
    path: list[str] = []
    text: list[str] = []
    found: list[tuple[str, str]] = []

    def start(name: str, _: Mapping[str, str]) -> None:
        path.append(name)
        text.clear()

    def end(_: str) -> None:
        found.append(("/".join(path), "".join(text)))
        path.pop()
        text.clear()

    def declare(*_: object) -> None:
        raise ValueError("entities are not for answers")

    parser = ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = declare
    try:
        parser.Parse(document, True)
    except (ExpatError, ValueError):
        return None
    return found


def read_code(document: bytes, path: str = "Error/Code") -> str:
    """Read why something was refused; empty where that is not said in a word."""
    code = dict(read_leaves(document) or ()).get(path, "")
    return code if _CODE.fullmatch(code) else ""


def read_text(document: bytes, path: str) -> str:
    """Read the text of an element; empty where there is none."""
    return dict(read_leaves(document) or ()).get(path, "")


def read_listing(
    document: bytes,
) -> tuple[list[str], bool, dict[str, int]] | None:
    """Read a ``ListBucketResult``.

    Returns:
        The names and groups, whether there are more, and how large objects are, as far
        as that is told; None where it is none.
    """
    leaves = read_leaves(document)
    if leaves is None:
        return None
    names, quoted, truncated = [], False, ""
    sizes: dict[str, int] = {}
    for path, text in leaves:
        match path:
            case "ListBucketResult/Contents/Key":
                names.append(text)
            case "ListBucketResult/Contents/Size" if names and _SIZE.fullmatch(text):
                sizes[names[-1]] = int(text)
            case "ListBucketResult/CommonPrefixes/Prefix":
                names.append(text)
            case "ListBucketResult/EncodingType":
                quoted = text == "url"
            case "ListBucketResult/IsTruncated":
                truncated = text
    if truncated not in {"true", "false"}:
        return None
    if quoted:
        names = [unquote_plus(name) for name in names]
        sizes = {unquote_plus(name): size for name, size in sizes.items()}
    return sorted(names), truncated == "true", sizes


def read_uploads(document: bytes) -> tuple[list[Begun], tuple[str, str] | None] | None:
    """Read a ``ListMultipartUploadsResult``.

    Returns:
        The uploads, and the name and the id after which the next page begins, if there
        is one; None where it is no such result.
    """
    leaves = read_leaves(document)
    if leaves is None or leaves[-1][0] != "ListMultipartUploadsResult":
        return None
    found, one, whole = [], dict[str, str](), dict[str, str]()
    for path, text in leaves:
        _, _, rest = path.partition("/")
        if rest == "Upload":
            found.append(
                Begun(
                    one.get("Upload/Key", ""),
                    one.get("Upload/UploadId", ""),
                    _read_time(one.get("Upload/Initiated", "")),
                )
            )
            one.clear()
        else:
            (one if rest.startswith("Upload/") else whole)[rest] = text
    if whole.get("EncodingType") == "url":
        found = [
            Begun(unquote_plus(each.name), each.upload_id, each.begun) for each in found
        ]
        whole["NextKeyMarker"] = unquote_plus(whole.get("NextKeyMarker", ""))
    after = whole.get("NextKeyMarker", ""), whole.get("NextUploadIdMarker", "")
    return found, after if whole.get("IsTruncated") == "true" and after[0] else None


def _read_time(text: str) -> float:
    """Read a time; what cannot be read is taken for now and later: for ever young."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return float("inf")


def read_failed(document: bytes) -> list[str] | None:
    """Read a ``DeleteResult``: the codes of what was not deleted; None: it is none."""
    leaves = read_leaves(document)
    if not leaves or leaves[-1][0] != "DeleteResult":
        return None
    codes = [text for path, text in leaves if path == "DeleteResult/Error/Code"]
    return [code if _CODE.fullmatch(code) else "" for code in codes]


def write_deletion(names: Iterable[str]) -> bytes:
    """Write what ``DeleteObjects`` is sent."""
    objects = "".join(f"<Object><Key>{escape(name)}</Key></Object>" for name in names)
    return f"<Delete {_NAMESPACE}><Quiet>true</Quiet>{objects}</Delete>".encode()


def write_completion(parts: Iterable[Part]) -> bytes:
    """Write what ``CompleteMultipartUpload`` is sent."""
    each = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber>"
        f"<ETag>{escape(part.etag)}</ETag></Part>"
        for part in parts
    )
    root = "CompleteMultipartUpload"
    return f"<{root} {_NAMESPACE}>{each}</{root}>".encode()
