"""Tags that stay where they are.

The fallback tags of referrers are never among them, whatever a rule says: clients
without the referrers API write them anew for each signature.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from txregistry.auth.patterns import Patterns
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied
from txregistry.model.names import RepositoryName, Tag, is_fallback_tag
from txregistry.registry.tagpatterns import TagPatterns


@dataclass(frozen=True, slots=True)
class ImmutableTags:
    """Which tags of which repositories stay where they are.

    Attributes:
        repositories: Patterns of names, as of `txregistry.auth.patterns`.
        tags: Patterns of tags, as of `txregistry.registry.tagpatterns`.
    """

    repositories: tuple[str, ...]
    tags: tuple[str, ...]


class Immutability:
    """Say which tags may be moved and removed.

    Args:
        rules: A tag stays if one is about it.

    Raises:
        ValueError: a rule is about nothing, or a pattern is none.
    """

    def __init__(self, rules: Iterable[ImmutableTags] = ()) -> None:
        self._rules = [_compile(place, rule) for place, rule in enumerate(rules, 1)]

    def concerns(self, name: RepositoryName) -> bool:
        """Say whether a repository may have tags that stay."""
        return any(repositories.match(name) for repositories, _ in self._rules)

    def protects(self, name: RepositoryName, tag: Tag) -> bool:
        """Say whether a tag stays once it is there."""
        return not is_fallback_tag(tag) and any(
            tags.match(tag) and repositories.match(name)
            for repositories, tags in self._rules
        )

    def check_move(
        self, name: RepositoryName, tag: Tag, present: Digest | None, new: Digest
    ) -> None:
        """Refuse to let a tag point to something else.

        Args:
            name: The repository.
            tag: The tag.
            present: What it points to; None where there is no such tag, which may be
                made.
            new: What it is to point to.

        Raises:
            Denied: it has to stay.
        """
        if present is not None and present != new and self.protects(name, tag):
            raise Denied(
                f"The tag {tag} of {name} is immutable (a rule of the registry's "
                "settings); push under another tag.",
                {"tag": str(tag), "digest": str(present)},
            )

    def check_delete(self, name: RepositoryName, tag: Tag) -> None:
        """Refuse to remove a tag that is there.

        Raises:
            Denied: it has to stay.
        """
        if self.protects(name, tag):
            raise Denied(
                f"The tag {tag} of {name} is immutable (a rule of the registry's "
                "settings); neither it nor what it points to can be deleted.",
                {"tag": str(tag)},
            )

    def check_needed(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Refuse to let something go that a tag needs.

        Args:
            name: The repository.
            tag: The tag.
            digest: What is to go.

        Raises:
            Denied: the tag has to stay.
        """
        if self.protects(name, tag):
            raise Denied(
                f"The tag {tag} of {name} is immutable (a rule of the registry's "
                f"settings) and needs {digest}, which therefore cannot be deleted.",
                {"tag": str(tag), "digest": str(digest)},
            )


def _compile(place: int, rule: ImmutableTags) -> tuple[Patterns, TagPatterns]:
    if not rule.repositories or not rule.tags:
        raise ValueError(
            f"Rule {place}: it must say which repositories and which tags."
        )
    try:
        return Patterns(rule.repositories), TagPatterns(rule.tags)
    except ValueError as error:
        raise ValueError(f"Rule {place}: {error}") from error
