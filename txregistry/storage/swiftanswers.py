"""What Swift answers, as values.

Source: OpenStack's Object Storage API, version 1, and Swift's bulk middleware.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from txregistry.storage.remote import Answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request whose answer is read.

    Attributes:
        status: The status code.
        headers: The first value of each header field, by its name in small letters.
        body: What there is of a body, where that is not long.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """Give a field's value; empty where there is none."""
        return self.headers.get(name.lower(), "")


class Entry(msgspec.Struct, frozen=True):
    """A line of a listing: an object or a group.

    Attributes:
        name: The object's name; empty for a group.
        subdir: The group's name, with ``/`` at the end.
        size: The object's bytes, where the service knows them.
        last_modified: When it was written, in UTC.
    """

    name: str = ""
    subdir: str = ""
    size: int = msgspec.field(default=0, name="bytes")
    last_modified: str = ""

    @property
    def modified(self) -> float:
        """When it was written, in seconds since 1970; 0 where that is not told."""
        try:
            told = datetime.fromisoformat(self.last_modified)
            return told.replace(tzinfo=UTC).timestamp()
        except (ValueError, OverflowError):
            return 0.0


LISTING: Final = msgspec.json.Decoder(list[Entry])


class _Bulk(msgspec.Struct):
    max_deletes_per_request: int = 0


class _Manifests(msgspec.Struct):
    max_manifest_segments: int = 1000


class _TempUrl(msgspec.Struct):
    allowed_digests: tuple[str, ...] = ("sha1",)


class Features(msgspec.Struct):
    """What ``/info`` says that a service can do."""

    bulk_delete: _Bulk = msgspec.field(default_factory=_Bulk)
    slo: _Manifests = msgspec.field(default_factory=_Manifests)
    tempurl: _TempUrl | None = None


class Deletion(msgspec.Struct):
    """What came of a bulk deletion."""

    status: str = msgspec.field(default="", name="Response Status")
    errors: list[list[str]] = msgspec.field(default=[], name="Errors")


async def read_outcome(answer: Answer) -> Outcome:
    """Read an answer that is short."""
    return Outcome(answer.status, header_fields(answer), await answer.remark())


def header_fields(answer: Answer) -> Mapping[str, str]:
    """Give the first value of each header field, by its name in small letters."""
    return {
        name.decode("latin-1").lower(): values[0].decode("latin-1")
        for name, values in answer.headers.getAllRawHeaders()
    }
