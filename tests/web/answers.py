"""Answers, read as strictly as a client may."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) [ -~]+")
_NO_BODY = frozenset({204, 304})


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        status: Its status.
        fields: The headers, their names in lower case.
        body: The bytes of its body.
        interim: Statuses of the interim answers before it.
    """

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    interim: tuple[int, ...] = ()

    def all(self, name: str) -> list[str]:
        """Give all values of a header."""
        return [value for each, value in self.fields if each == name.lower()]

    def header(self, name: str) -> str | None:
        """Give a header, which must not come twice."""
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} came {len(values)} times")
        return values[0] if values else None

    @property
    def json(self) -> Any:
        """The body, as the JSON that it must be."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the protocol's error document, which the body must be."""
        if self.header("content-type") != "application/json":
            raise AssertionError(f"{self.status} {self.header('content-type')}")
        document = self.json
        (entry,) = document["errors"]
        if list(document) != ["errors"] or not {*entry} >= {"code", "message"}:
            raise AssertionError(f"this is no error document: {document}")
        code: str = entry["code"]
        return code

    @property
    def said(self) -> tuple[int, str]:
        """The status and the code of a refusal."""
        return self.status, self.code

    @property
    def keeps(self) -> bool:
        """Whether the connection lasts, as far as the answer says."""
        return (self.header("connection") or "").lower() != "close"


class Cut(AssertionError):
    """The bytes end within an answer.

    Args:
        message: Where.
        missing: Bytes that are missing at least.
    """

    def __init__(self, message: str, missing: int = 1) -> None:
        super().__init__(message)
        self.missing = missing


def read_answers(data: bytes, methods: Sequence[str], *, ended: bool) -> list[Answer]:
    """Read a connection's bytes as answers.

    Args:
        data: The bytes, all of which must be of answers.
        methods: What was asked, in order; more answers than that are a mistake, fewer
            are not.
        ended: Whether no more bytes can come.

    Raises:
        Cut: an answer is not whole.
    """
    answers: list[Answer] = []
    interim: tuple[int, ...] = ()
    while data:
        head, blank, data = data.partition(b"\r\n\r\n")
        if not blank:
            raise Cut(f"the headers are not whole: {head!r}")
        status, fields = _read_head(head)
        if status < 200:
            interim = (*interim, status)
            continue
        if len(answers) == len(methods):
            raise AssertionError(f"one answer too many: {head!r}")
        body, data = _read_body(data, fields, status, methods[len(answers)], ended)
        answers.append(Answer(status, fields, body, interim))
        interim = ()
    if interim:
        raise Cut(f"nothing came after {interim}")
    return answers


def _read_head(head: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    first, *lines = head.split(b"\r\n")
    match = _STATUS.fullmatch(first)
    if match is None:
        raise AssertionError(f"no status line: {first!r}")
    fields = []
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(": ")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise AssertionError(f"no header: {line!r}")
        fields.append((name.lower(), value))
    return int(match[1]), tuple(fields)


def _read_body(
    data: bytes,
    fields: tuple[tuple[str, str], ...],
    status: int,
    method: str,
    ended: bool,  # noqa: FBT001 - the caller's own
) -> tuple[bytes, bytes]:
    named = dict(fields)
    if "transfer-encoding" in named:
        raise AssertionError("no answer of a registry is chunked")
    if method == "HEAD" or status in _NO_BODY:
        return b"", data
    if "content-length" not in named:
        raise AssertionError(f"{status} has no length")
    size = int(named["content-length"])
    if len(data) < size:
        state = "ended" if ended else "open"
        raise Cut(f"{len(data)} of {size} bytes, {state}", size - len(data))
    return data[:size], data[size:]
