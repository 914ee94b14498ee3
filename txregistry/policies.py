"""The policy that the settings describe."""

from ipaddress import ip_network

from txregistry.auth.policy import Rule, RulePolicy
from txregistry.model.access import Action
from txregistry.settings import Settings, SettingsError


def make_policy(settings: Settings) -> RulePolicy:
    """Make the policy of ``auth.rules``.

    A group is another word for those who are in it by ``auth.groups``, besides whom
    their certificate says to be in it.

    Raises:
        SettingsError: a rule cannot be used.
    """
    auth = settings.auth
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
