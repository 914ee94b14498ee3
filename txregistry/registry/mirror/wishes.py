"""Images that somebody wants here, as clients would name them.

Source: the reference grammar of Distribution, as Docker's engine understands it: what
stands before the first ``/`` is a registry where it can be none of a name, or is known
as one; without one it is Docker Hub's.
"""

from dataclasses import dataclass
from typing import Final

from txregistry.client.upstreams.interfaces import UpstreamFault
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    NameInvalid,
    NameUnknown,
    RegistryError,
    TagInvalid,
)
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.mirror.failures import failure_of
from txregistry.registry.mirror.rules import MirrorRules
from txregistry.registry.tagpatterns import TagPatterns

MOST_TAGS: Final = 1000
"""Tags of one repository that patterns are taken to mean at most."""

_HUB: Final = "docker.io"
_LATEST: Final = Tag("latest")
_PAGE: Final = 1000
_PAGES: Final = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image that is wanted.

    Attributes:
        name: Its repository, as it is called here.
        reference: Its tag or digest.
    """

    name: RepositoryName
    reference: Reference

    def __str__(self) -> str:
        mark = "@" if isinstance(self.reference, Digest) else ":"
        return f"{self.name}{mark}{self.reference}"


@dataclass(frozen=True, slots=True)
class Wish:
    """Images of one repository that are wanted.

    Attributes:
        text: The same as it was written.
        name: The repository, as it is called here.
        what: A tag or a digest, or patterns of tags.
        maybe: Whether it is well if there is nothing of these patterns.
    """

    text: str
    name: RepositoryName
    what: Reference | TagPatterns
    maybe: bool = False


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of a repository that were wished for.

    Attributes:
        tags: The tags.
        more: Whether there are more than these, which are too many.
    """

    tags: tuple[Tag, ...]
    more: bool


def parse_wish(rules: MirrorRules, text: str) -> Wish:
    """Read a name as a client would pull it; its tag may be a pattern.

    Args:
        rules: Which repositories are mirrored.
        text: ``docker.io/library/alpine:3.20``, ``alpine:3.*``,
            ``quay.io/team/app@sha256:...``. Of a tag and a digest the digest counts.

    Raises:
        RegistryError: it is no such name, or one of a registry that is not mirrored.
    """
    place, at, digest = text.partition("@")
    name, colon, tag = place.rpartition(":")
    if not colon or "/" in tag:  # that is a port
        name, colon = place, ""
    found = _locate(rules, name)
    if at:
        return Wish(text, found, Digest.parse(digest))
    if not colon:
        return Wish(text, found, _LATEST)
    if "*" not in tag:
        return Wish(text, found, Tag.parse(tag))
    try:
        return Wish(text, found, TagPatterns([tag]))
    except ValueError as error:
        raise TagInvalid(f"The tag {error}") from error


async def list_tags(
    rules: MirrorRules,
    name: RepositoryName,
    patterns: TagPatterns,
    most: int = MOST_TAGS,
) -> Tags:
    """List the tags that the other registry has, and some patterns mean.

    Args:
        rules: Which repositories are mirrored.
        name: The repository.
        patterns: Which of its tags.
        most: How many at most.

    Raises:
        NameUnknown: there is no such repository.
        UpstreamSilent: the other registry does not answer.
        UpstreamInvalid: likewise, or what it answers cannot be used.
    """
    rule = rules.find(name)
    if rule is None:
        raise _not_mirrored(str(name))
    found: dict[Tag, None] = {}
    seen: set[str] = set()
    after = ""
    for _ in range(_PAGES):
        try:
            page = await rule.upstream.tags(rule.remote_name(name), after, _PAGE)
        except UpstreamFault as fault:
            raise failure_of(fault) from fault
        if page is None and not after:
            raise NameUnknown(
                f"The upstream registry {rule.upstream.name} has no repository of this "
                "name."
            )
        if not page or page[-1] in seen:
            return Tags(tuple(found), more=False)
        seen.update(page)
        after = page[-1]
        found.update(dict.fromkeys(filter(patterns.match, map(Tag, page))))
        if len(found) > most:
            break
    return Tags(tuple(found)[:most], more=True)


def _locate(rules: MirrorRules, text: str) -> RepositoryName:
    """Find what a repository is called here that a client means.

    Raises:
        NameInvalid: it is no name at all.
        NameUnknown: it is that of a registry that is not mirrored.
    """
    head, slash, rest = text.partition("/")
    found = None
    is_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
    RepositoryName.parse(rest if is_host else text)
    if slash:
        found = _try(rules, rest, head) or _try_alone(rules, rest, head)
    found = found or _try(rules, text, "", anywhere=not is_host)
    if not is_host:
        found = found or _try(rules, text, _HUB)
    if found is None:
        raise _not_mirrored(text)
    return found


def _try(
    rules: MirrorRules, text: str, space: str, *, anywhere: bool = True
) -> RepositoryName | None:
    """Take it for a name of one registry; None where it is none.

    Args:
        rules: Which repositories are mirrored.
        text: The name.
        space: How clients call the registry; empty where the name begins with that.
        anywhere: Whether it may be of a registry whose names begin with nothing here.
    """
    try:
        name = rules.localize(RepositoryName.parse(text), space, "")
    except (NameInvalid, NameUnknown):
        return None
    rule = rules.find(name)
    return name if rule is not None and (anywhere or rule.prefix) else None


def _try_alone(rules: MirrorRules, text: str, host: str) -> RepositoryName | None:
    """Likewise of a registry by whose name nobody calls it, as all here are its own."""
    try:
        rule = rules.find(RepositoryName.parse(text))
        if rule is None or rule.prefix or rule.upstream.name != host:
            return None
        return rule.local_name(RepositoryName.parse(text))
    except NameInvalid:
        return None


def _not_mirrored(name: str) -> RegistryError:
    return NameUnknown(f"No registry is mirrored here that has {name[:300]}.")
