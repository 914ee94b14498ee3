"""Rules of who may do what to which repositories."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from zope.interface import implementer

from txregistry.auth.addresses import Network, is_within, parse_address, plain_network
from txregistry.auth.interfaces import IPolicy
from txregistry.auth.patterns import Patterns, covers
from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName

EVERYONE: Final = "everyone"
ANONYMOUS: Final = "anonymous"
AUTHENTICATED: Final = "authenticated"

WORDS: Final = frozenset({EVERYONE, ANONYMOUS, AUTHENTICATED})
_CALLERS: Final = 256
"""Callers whose rules are remembered: a list of repositories asks about each name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What some may do to some repositories.

    Attributes:
        who: Names; ``@group`` for who belongs to one; ``anonymous`` for who is not
            known, ``authenticated`` for who is, ``everyone`` for both.
        repositories: Patterns of names, as of `txregistry.auth.patterns`. Only ``**``
            is about the registry as a whole, too.
        may: What they may do, with what that includes, and all that they may; nothing
            for a refusal.
        networks: From where they may ask that it is about; nothing for anywhere.
    """

    who: frozenset[str]
    repositories: tuple[str, ...]
    may: frozenset[Action]
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a question.

    Attributes:
        allowed: Whether it may be done.
        place: Which rule decided, counted from 1; None if none did, which refuses.
        rule: That rule.
    """

    allowed: bool
    place: int | None = None
    rule: Rule | None = None


@implementer(IPolicy)
class RulePolicy:
    """Let the first rule decide that is about who asks and what for; else refuse.

    Args:
        rules: In their order.

    Raises:
        ValueError: a rule is about nobody or nothing, a pattern is none, or a rule can
            never decide because others before it always do.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(
            _CompiledRule(place, rule) for place, rule in enumerate(rules, 1)
        )
        _check_reach(self._rules)
        self._by_network = any(each.networks for each in self._rules)
        self._about = lru_cache(maxsize=_CALLERS)(self._find_about)

    def allows(
        self, identity: Identity, repository: RepositoryName | None, action: Action
    ) -> bool:
        """See `IPolicy`."""
        found = self._first(identity, repository)
        return found is not None and action in found.may

    def decide(
        self, identity: Identity, repository: RepositoryName | None, action: Action
    ) -> Decision:
        """Say whether somebody may do something, as `allows` does, and why.

        Args:
            identity: Who.
            repository: To what; None for the registry as a whole.
            action: What.
        """
        found = self._first(identity, repository)
        if found is None:
            return Decision(allowed=False)
        return Decision(action in found.may, found.place, found.rule)

    def _first(
        self, identity: Identity, repository: RepositoryName | None
    ) -> "_CompiledRule | None":
        """Give the rule that decides."""
        address = identity.address if self._by_network else ""
        for rule in self._about(identity.name, identity.groups, address):
            if rule.patterns.match(repository):
                return rule
        return None

    def _find_about(
        self, name: str, groups: frozenset[str], address: str
    ) -> Sequence["_CompiledRule"]:
        """Give the rules that are about somebody."""
        callers = _called(name, groups)
        known = parse_address(address)
        return tuple(
            rule
            for rule in self._rules
            if not rule.who.isdisjoint(callers)
            and (not rule.networks or is_within(known, rule.networks))
        )


class _CompiledRule:
    """A rule that can be used.

    Args:
        place: Which it is, counted from 1.
        rule: As it was given.
    """

    def __init__(self, place: int, rule: Rule) -> None:
        self.place = place
        self.rule = rule
        for who in rule.who:
            if not who.strip() or who == "@":
                raise ValueError(
                    f"Rule {place}: {who!r} is neither a name nor '@' and a group."
                )
        if not rule.who or not rule.repositories:
            raise ValueError(
                f"Rule {place}: it must say who it is about, and which repositories."
            )
        self.who = rule.who
        try:
            self.patterns = Patterns(rule.repositories)
        except ValueError as error:
            raise ValueError(f"Rule {place}: {error}") from error
        self.may = frozenset[Action]().union(*(each.included for each in rule.may))
        self.networks = tuple(map(plain_network, rule.networks))

    def covers(self, other: "_CompiledRule") -> bool:
        """Say whether this is about all that another is about.

        Where it says so it is so; where that is not easily told it does not say so.
        """
        return (
            self._covers_callers(other)
            and self._covers_networks(other)
            and all(
                any(covers(wide, narrow) for wide in self.patterns.texts)
                for narrow in other.patterns.texts
            )
        )

    def _covers_callers(self, other: "_CompiledRule") -> bool:
        wide = self.who
        if EVERYONE in wide or {ANONYMOUS, AUTHENTICATED} <= wide:
            return True
        if AUTHENTICATED in wide:
            return other.who.isdisjoint({EVERYONE, ANONYMOUS})
        return other.who <= wide

    def _covers_networks(self, other: "_CompiledRule") -> bool:
        if not self.networks or not other.networks:
            return not self.networks  # who is unknown is anywhere, and in no network
        return all(
            any(
                narrow.version == wide.version and narrow.subnet_of(wide)  # type: ignore[arg-type]  # of one version
                for wide in self.networks
            )
            for narrow in other.networks
        )


def _check_reach(rules: Sequence[_CompiledRule]) -> None:
    """Refuse rules that can never decide.

    Raises:
        ValueError: there is one.
    """
    for later in rules:
        for earlier in rules[: later.place - 1]:
            if earlier.covers(later):
                raise ValueError(
                    f"Rule {later.place} can never decide: rule {earlier.place}, "
                    "before it, is about all that it is about. Put it first, or "
                    "remove it."
                )


def _called(name: str, groups: Iterable[str]) -> set[str]:
    """Give all that rules may call somebody."""
    if not name:
        return {EVERYONE, ANONYMOUS}
    found = {EVERYONE, AUTHENTICATED, *(f"@{group}" for group in groups)}
    if name not in WORDS and not name.startswith("@"):
        found.add(name)  # nobody is what they are not by a name like a word
    return found
