"""Where what is pushed here is brought to, as the settings describe it."""

from typing import Any

from twisted.internet.defer import Deferred, succeed

from txregistry.auth.patterns import Patterns
from txregistry.registry.replication.replication import Replication
from txregistry.registry.replication.rules import ReplicationRule
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.settings.replication import PushTo
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking


def make_replication_rules(
    settings: Settings, reactor: Any, blocking: Blocking
) -> list[ReplicationRule]:
    """Make the rules. No other registry is contacted yet.

    Raises:
        SettingsError: a file cannot be used.
    """
    return [
        _make_rule(f"replication[{place}]", each, reactor, blocking)
        for place, each in enumerate(settings.replication)
    ]


def _make_rule(
    setting: str, rule: PushTo, reactor: Any, blocking: Blocking
) -> ReplicationRule:
    # It takes a while to load, and only who replicates needs it.
    from txregistry.assembly.upstreams import make_replica  # noqa: PLC0415 - as said

    return ReplicationRule(
        rule.called,
        make_replica(setting, rule, reactor, blocking),
        Patterns(rule.repositories),
        TagPatterns(rule.tags),
        rule.prefix and f"{rule.prefix}/",
        rule.replaces and f"{rule.replaces}/",
        rule.referrers,
    )


class Replicating:
    """Replicate while the daemon runs; it ends after the last request.

    Args:
        replication: What replicates.
        shared: Whether another process begins with what was left undone.
    """

    def __init__(self, replication: Replication, *, shared: bool = False) -> None:
        self._replication = replication
        self._shared = shared

    def start(self) -> None:
        """Begin, first with what was left undone."""
        self._replication.start(shared=self._shared)

    def stop(self) -> None:
        """Go on until all requests have ended: they may leave something to do."""

    def reload(self) -> Deferred[None]:
        """Do nothing: there is no file to be read."""
        return succeed(None)
