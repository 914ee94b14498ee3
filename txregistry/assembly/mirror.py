"""The registries that this one is a mirror of, as the settings describe them."""

from typing import Any

from txregistry.auth.patterns import Patterns
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules, Pin
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.settings.mirror import Pinned, Upstream
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.tasks import Blocking


def make_rules(settings: Settings, reactor: Any, blocking: Blocking) -> MirrorRules:
    """Make the rules in front of reading. No other registry is contacted yet.

    Raises:
        SettingsError: a file cannot be used.
    """
    named = [
        (f"mirror.upstreams[{place}]", upstream)
        for place, upstream in enumerate(settings.mirror.upstreams)
    ]
    if settings.proxy is not None:
        named.append(("proxy", settings.proxy.as_upstream()))
    return MirrorRules(
        [_make_rule(setting, each, reactor, blocking) for setting, each in named],
        settings.mirror.own,
    )


def _make_rule(
    setting: str, upstream: Upstream, reactor: Any, blocking: Blocking
) -> MirrorRule:
    # It takes a while to load, and only a mirror needs it.
    from txregistry.assembly.upstreams import make_mirrored  # noqa: PLC0415 - as said

    return MirrorRule(
        make_mirrored(setting, upstream, reactor, blocking),
        upstream.start and f"{upstream.start}/",
        frozenset(upstream.called),
        frozenset(upstream.hosts),
        upstream.is_hub,
        upstream.recheck,
        upstream.absent,
        upstream.patience,
        upstream.passthrough,
        upstream.keep,
        tuple(
            _make_pin(f"{setting}.pinned[{place}]", pinned)
            for place, pinned in enumerate(upstream.pinned)
        ),
    )


def _make_pin(setting: str, pinned: Pinned) -> Pin:
    try:
        return Pin(Patterns(pinned.repositories), TagPatterns(pinned.tags))
    except ValueError as error:
        raise SettingsError(f"{setting}: {error}") from error
