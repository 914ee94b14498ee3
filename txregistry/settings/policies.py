"""The policy that the settings describe."""

from ipaddress import ip_network

from txregistry.auth.policy import WORDS, Rule, RulePolicy
from txregistry.model.access import Action
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings


def make_policy(settings: Settings) -> RulePolicy:
    """Make the policy of ``auth.rules``.

    A group is another word for those who are in it by ``auth.groups``, besides whom
    their certificate says to be in it.

    Raises:
        SettingsError: a rule or a group cannot be used.
    """
    auth = settings.auth
    _check_groups(settings)
    groups = {f"@{name}": members for name, members in auth.groups.items()}
    try:
        return RulePolicy(
            Rule(
                frozenset(rule.who).union(*(groups.get(who, ()) for who in rule.who)),
                rule.repositories,
                frozenset(map(Action, rule.may)),
                tuple(map(ip_network, rule.networks)),
            )
            for rule in auth.rules or ()
        )
    except ValueError as error:
        raise SettingsError(f"auth.rules: {error}") from error


def groups_of(settings: Settings) -> dict[str, frozenset[str]]:
    """Give the groups of those who are in one by ``auth.groups``, by name."""
    found: dict[str, set[str]] = {}
    for group, members in settings.auth.groups.items():
        for name in members:
            found.setdefault(name, set()).add(group)
    return {name: frozenset(groups) for name, groups in found.items()}


def make_immutability(settings: Settings) -> Immutability:
    """Say which tags stay where they are, by ``auth.immutable``.

    Raises:
        SettingsError: a rule cannot be used.
    """
    try:
        return Immutability(
            ImmutableTags(rule.repositories, rule.tags)
            for rule in settings.auth.immutable
        )
    except ValueError as error:
        raise SettingsError(f"auth.immutable: {error}") from error


def _check_groups(settings: Settings) -> None:
    """Refuse members that would mean somebody else in a rule.

    Raises:
        SettingsError: there is one.
    """
    for group, members in settings.auth.groups.items():
        for name in members:
            if name in WORDS or name.startswith("@"):
                raise SettingsError(
                    f"auth.groups.{group}: {name!r} cannot be used; it must be "
                    "somebody's name."
                )
