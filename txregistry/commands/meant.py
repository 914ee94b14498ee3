"""What is meant by a command that is about a repository, or something in it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from twisted.python import usage

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, NameInvalid, TagInvalid
from txregistry.model.names import Reference, RepositoryName, Tag


@dataclass(frozen=True, slots=True)
class Meant:
    """A repository, and maybe something in it.

    Attributes:
        name: The repository.
        reference: A tag or a manifest; None where the repository is meant.
    """

    name: RepositoryName
    reference: Reference | None


def parse_meant(text: str) -> Meant:
    """Read ``NAME``, ``NAME:TAG`` or ``NAME@DIGEST``.

    Raises:
        UsageError: it is none of them.
    """
    try:
        head, at, digest = text.partition("@")
        if at:
            return Meant(RepositoryName.parse(head), Digest.parse(digest))
        head, colon, tag = text.partition(":")
        reference = Tag.parse(tag) if colon else None
        return Meant(RepositoryName.parse(head), reference)
    except (DigestInvalid, NameInvalid, TagInvalid) as error:
        raise usage.UsageError(f"{text[:300]!r}: {error.message}") from error


def spell_time(seconds: float) -> str:
    """Write a time as people and programs read it."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
