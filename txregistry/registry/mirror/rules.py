"""Which repositories are those of another registry, and what they are called there.

A rule is in front of reading. The content of a repository with a rule is kept as
ordinary content, in the repository of the name that it has here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from txregistry.auth.patterns import Patterns
from txregistry.client.upstreams.interfaces import IUpstream
from txregistry.model.errors import NameUnknown
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.tagpatterns import TagPatterns

_LIBRARY = "library/"


@dataclass(frozen=True, slots=True)
class Pin:
    """Tags that are kept though nobody uses them.

    Attributes:
        repositories: Of which repositories, by the names that they have there.
        tags: Which tags.
    """

    repositories: Patterns
    tags: TagPatterns


@dataclass(frozen=True, slots=True)
class MirrorRule:
    """Repositories here that are those of another registry.

    Attributes:
        upstream: The other registry.
        prefix: How their names begin here, and not there: ``docker.io/``; empty where
            names are the same.
        spaces: What clients call the other registry that say it with each request
            (``?ns=``); ``*`` for all that others are not called.
        hosts: What clients call us that mean the other registry: a host, or one with
            a port.
        library: Whether names of one component lie below ``library/`` there.
        recheck: Seconds for which a tag is not looked for again.
        absent: Seconds for which what was not there is not looked for again.
        patience: Seconds that one waits for the other registry who could have what is
            here.
        passing: Whether the other registry decides who may pull, by the credentials of
            who asks us.
        keep: Seconds for which is kept here what nobody uses; None for ever.
        pinned: What is kept in any case.
    """

    upstream: IUpstream
    prefix: str = ""
    spaces: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    library: bool = False
    recheck: float = 300.0
    absent: float = 30.0
    patience: float = 3.0
    passing: bool = False
    keep: float | None = None
    pinned: tuple[Pin, ...] = ()

    def pins(self, name: RepositoryName, tag: Tag) -> bool:
        """Say whether a tag is kept in any case.

        Args:
            name: The repository, by the name that it has here.
            tag: The tag.
        """
        if not self.pinned:
            return False
        remote = RepositoryName(self.remote_name(name))
        return any(
            pin.repositories.match(remote) and pin.tags.match(tag)
            for pin in self.pinned
        )

    def local_name(self, name: RepositoryName) -> RepositoryName:
        """Give what a repository of the other registry is called here.

        Raises:
            NameInvalid: that would be too long.
        """
        text = name.text
        if self.library and "/" not in text:
            text = _LIBRARY + text
        return RepositoryName.parse(self.prefix + text)

    def remote_name(self, name: RepositoryName) -> str:
        """Give what a repository of this rule is called there."""
        return name.text.removeprefix(self.prefix)


class MirrorRules:
    """All the rules; the one with the longest prefix counts.

    Args:
        rules: The rules.
        own: Repositories that are in no other registry, whatever the rules say, nor
            is what is below them: ``team``.

    Attributes:
        closed: How names begin of which another registry decided who may pull, and
            does no longer: nobody may.
    """

    def __init__(
        self, rules: Sequence[MirrorRule] = (), own: Collection[str] = ()
    ) -> None:
        self._rules = sorted(rules, key=lambda rule: -len(rule.prefix))
        self.closed: tuple[str, ...] = ()
        self._own = tuple(f"{each}/" for each in own)
        self._spaces = {space: rule for rule in rules for space in rule.spaces}
        self._hosts = {host: rule for rule in rules for host in rule.hosts}

    @property
    def passing(self) -> list[str]:
        """How names begin of which another registry decides who may pull."""
        return [rule.prefix for rule in self._rules if rule.passing]

    def closes(self, name: RepositoryName) -> bool:
        """Say whether nobody may pull from a repository: nobody decides any more."""
        own = f"{name}/".startswith(self._own)
        return bool(self.closed) and not own and name.text.startswith(self.closed)

    @property
    def upstreams(self) -> list[IUpstream]:
        """The other registries."""
        return [rule.upstream for rule in self._rules]

    def of(self, upstream: str) -> MirrorRule:
        """Give the rule of another registry, by what that is called here."""
        return next(rule for rule in self._rules if rule.upstream.name == upstream)

    def find(self, name: RepositoryName) -> MirrorRule | None:
        """Give the rule of a repository; None where it is ours alone."""
        if f"{name}/".startswith(self._own):
            return None
        for rule in self._rules:
            if name.text.startswith(rule.prefix):
                return rule
        return None

    def covers(self, name: RepositoryName) -> bool:
        """Say whether a repository is another registry's."""
        return self.find(name) is not None

    def localize(self, name: RepositoryName, space: str, host: str) -> RepositoryName:
        """Give what a repository is called here that a client asks for.

        Args:
            name: What the client calls it.
            space: The registry that the client says it means; empty for none.
            host: What the client calls us, maybe with a port.

        Raises:
            NameUnknown: the client means a registry that is not mirrored here.
        """
        if not self._rules:
            return name
        rule = self._hosts.get(host) or self._hosts.get(_without_port(host))
        if space and (rule := self._of_space(space)) is None:
            raise NameUnknown(
                f"The registry {space[:100]} is not mirrored here; ask it yourself.",
                {"name": str(name)},
            )
        if rule is None:
            rule = self.find(name)
            if rule is None or not rule.library:
                return name
            name = RepositoryName(rule.remote_name(name))
        return rule.local_name(name)

    def _of_space(self, space: str) -> MirrorRule | None:
        return self._spaces.get(space) or self._spaces.get("*")


def _without_port(host: str) -> str:
    """Give a host alone; one of IPv6 is in brackets."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host
