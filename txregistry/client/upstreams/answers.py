"""What servers answer, as far as it can be understood.

Sources: RFC 9110, sections 8.3, 8.6 and 14.4.
"""

import re
from dataclasses import dataclass
from typing import Final

from twisted.web.http_headers import Headers

from txregistry.client.upstreams.bodies import UpstreamBody
from txregistry.client.upstreams.places import Place
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid

_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_RANGE: Final = re.compile(
    r"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)", re.ASCII
)
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})


class Malformed(ValueError):
    """A header field is of no form that it can have."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        method: How it was asked.
        place: What was asked.
        status: The status code.
        headers: The header fields.
        body: The body, as it came.
    """

    method: str
    place: Place
    status: int
    headers: Headers
    body: UpstreamBody

    def values(self, name: str) -> list[str]:
        """Give the values of a header field; bytes are taken as Latin-1."""
        raw = self.headers.getRawHeaders(name.encode("ascii")) or []
        return [value.decode("latin-1") for value in raw]

    def header(self, name: str) -> str:
        """Give a field's first value; empty where there is none."""
        return next(iter(self.values(name)), "")

    @property
    def media_type(self) -> str:
        """The type, in small letters and without parameters; empty for none."""
        text = self.header("content-type").partition(";")[0].strip().lower()
        return text if _TYPE.fullmatch(text) else ""

    @property
    def is_page(self) -> bool:
        """Whether it is a page for people, whatever was asked for."""
        return self.media_type in _PAGES

    @property
    def length(self) -> int | None:
        """The length of the body, or of what the body would be; None if not known.

        Raises:
            Malformed: it is no number, or several.
        """
        if self.method != "HEAD":
            return self.body.expected
        found = {each.strip() for each in self.values("content-length")}
        if not found:
            return None
        text = found.pop()
        if found or _LENGTH.fullmatch(text) is None:
            raise Malformed
        return int(text)

    @property
    def digest(self) -> Digest | None:
        """What the server calls the content by; None where it does not say.

        Raises:
            Malformed: it is no digest.
        """
        text = self.header("docker-content-digest").strip()
        if not text:
            return None
        try:
            return Digest.parse(text)
        except DigestInvalid:
            raise Malformed from None

    @property
    def part(self) -> tuple[int | None, int | None, int | None]:
        """Which bytes it has, from the first to the last, and of how many.

        Raises:
            Malformed: it does not say.
        """
        match = _RANGE.fullmatch(self.header("content-range").strip().lower())
        if match is None:
            raise Malformed
        first, last, total = (
            int(each) if each and each != "*" else None for each in match.groups()
        )
        return first, last, total
