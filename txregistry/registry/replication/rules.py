"""What is replicated, and where to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from txregistry.auth.patterns import EVERYTHING, Patterns
from txregistry.client.downstreams.interfaces import IDownstream
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.tagpatterns import TagPatterns

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}", re.ASCII)
_ALL_REPOSITORIES: Final = Patterns([EVERYTHING])
_ALL_TAGS: Final = TagPatterns(["*"])


@dataclass(frozen=True, slots=True)
class ReplicationRule:
    """Tags that another registry gets, too.

    Attributes:
        name: What the rule is called, the same after a restart: jobs are kept by it.
        downstream: The other registry.
        repositories: Of which repositories.
        tags: Which tags of these.
        prefix: How names begin there: ``vendor/``, or nothing.
        replaces: What the prefix takes the place of, where names begin so here.
        referrers: Whether what refers to a manifest (signatures and the like) goes
            with it, and later to it.
    """

    name: str
    downstream: IDownstream
    repositories: Patterns = _ALL_REPOSITORIES
    tags: TagPatterns = _ALL_TAGS
    prefix: str = ""
    replaces: str = ""
    referrers: bool = True

    def __post_init__(self) -> None:
        """See that the name can be one.

        Raises:
            ValueError: it cannot.
        """
        if _NAME.fullmatch(self.name) is None:
            raise ValueError(f"{self.name!r} is no name of a rule of replication.")

    def concerns(self, name: RepositoryName, tag: Tag) -> bool:
        """Say whether a tag is replicated."""
        return self.tags.match(tag) and self.repositories.match(name)

    def concerns_referrers(self, name: RepositoryName) -> bool:
        """Say whether what refers to manifests of a repository may be."""
        return self.referrers and self.repositories.match(name)

    def remote_name(self, name: RepositoryName) -> str:
        """Give what a repository is called there.

        Raises:
            NameInvalid: that would be no name.
        """
        text = self.prefix + name.text.removeprefix(self.replaces)
        return RepositoryName.parse(text).text


def check_rules(rules: Iterable[ReplicationRule]) -> tuple[ReplicationRule, ...]:
    """See that rules can be told apart.

    Raises:
        ValueError: two have one name.
    """
    found = {}
    for rule in rules:
        if rule.name in found:
            raise ValueError(f"Two rules of replication are called {rule.name}.")
        found[rule.name] = rule
    return tuple(found.values())
