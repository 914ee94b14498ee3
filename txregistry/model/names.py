"""Names of repositories, tags, and references.

Source: OCI Distribution 1.1, "Pulling manifests", for the grammars; the length of a
name is what clients leave of 255 once a host's name is before it. Docker Registry API
v1, "Objects and grammar", for names without a namespace.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from txregistry.model.digest import ALGORITHMS, Digest
from txregistry.model.errors import NameInvalid, TagInvalid

MAX_NAME: Final = 240
"""Characters in a repository name."""

_LIBRARY: Final = "library/"
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_FALLBACK: Final = re.compile(rf"(?:{'|'.join(ALGORITHMS)})-[0-9a-f]{{64}}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class RepositoryName:
    """The name of a repository, of any depth: ``library/alpine``."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "RepositoryName":
        """Read a name.

        Raises:
            NameInvalid: it is not of the grammar, or too long.
        """
        return _parse_name(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, order=True)
class Tag:
    """A name, within a repository, that can be moved between manifests."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Tag":
        """Read a tag.

        Raises:
            TagInvalid: it is not of the grammar.
        """
        if _TAG.fullmatch(text) is None:
            raise TagInvalid(
                "A tag has 1 to 128 letters, digits, '_', '.' or '-', and begins with "
                "neither '.' nor '-'.",
                {"tag": text[:200]},
            )
        return cls(text)

    def __str__(self) -> str:
        return self.text


Reference = Tag | Digest
"""How a manifest is asked for."""


@lru_cache(maxsize=4096)
def _parse_name(text: str) -> RepositoryName:
    if len(text) > MAX_NAME or _NAME.fullmatch(text) is None:
        raise NameInvalid(
            "A repository name has components of lower-case letters and digits, "
            "joined within by '.', '_', '__' or '-', parted by '/', and at most "
            f"{MAX_NAME} characters in all.",
            {"name": text[:300]},
        )
    return RepositoryName(text)


def parse_v1_name(namespace_and_repository: str) -> RepositoryName:
    """Read a name as version 1 spells it: ``solo`` is short for ``library/solo``.

    Both APIs have the same content, so only what both can say is a name. Docker 1.5
    pushes to the short form, and reads tags from the long one.

    Returns:
        The name, in its short form: of ``library/solo`` and ``solo`` always ``solo``.

    Raises:
        NameInvalid: it is not of the grammar, or too long.
    """
    short = namespace_and_repository.removeprefix(_LIBRARY)
    return _parse_name(namespace_and_repository if "/" in short else short)


def spell_v1_name(name: RepositoryName) -> str:
    """Spell a name as version 1 does in full, namespace and repository."""
    return name.text if "/" in name.text else _LIBRARY + name.text


def parse_reference(text: str) -> Reference:
    """Read a tag or a digest; a colon makes it a digest.

    Raises:
        DigestInvalid: it has a colon and is no digest.
        TagInvalid: it is no tag.
    """
    return Digest.parse(text) if ":" in text else Tag.parse(text)


def fallback_tag(subject: Digest) -> Tag:
    """Name the tag under which clients without the referrers API keep its answer.

    Source: OCI Distribution 1.1, "Referrers Tag Schema".
    """
    return Tag(f"{subject.algorithm[:32]}-{subject.encoded[:64]}")


def subject_of_tag(tag: Tag) -> str | None:
    """Say what a tag is about by its own name: that of referrers, or of cosign's.

    Returns:
        What the fallback tag of the subject is called; None where it is about nothing.
    """
    start = tag.text.partition(".")[0]
    return start if _FALLBACK.fullmatch(start) is not None else None


def is_fallback_tag(tag: Tag) -> bool:
    """Say whether a tag is one of those that `fallback_tag` names."""
    return _FALLBACK.fullmatch(tag.text) is not None
