"""What ``replication`` may not be, beyond what its types say."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from txregistry.auth.patterns import Patterns
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.settings.otherchecks import check_other, check_start, refuse
from txregistry.settings.replication import PushTo
from txregistry.settings.section import SettingsError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}", re.ASCII)
_LONGEST: Final = 120.0
"""Seconds: a node that does not answer for longer is taken to be gone."""


def check_replication(rules: Sequence[PushTo]) -> None:
    """Refuse settings that contradict each other, or that nothing can come of.

    Raises:
        SettingsError: there is one.
    """
    for place, rule in enumerate(rules):
        setting = f"replication[{place}]"
        check_other(setting, rule, (f"{setting}.to", rule.to))
        if rule.timeout > _LONGEST:
            raise SettingsError(
                f"{setting}.timeout: {rule.timeout:g}s cannot be used: it must be "
                f"{_LONGEST:g}s or shorter."
            )
        if rule.name is not None and not _NAME.fullmatch(rule.name):
            allowed = "of small letters, digits, '.' and '-'"
            raise refuse(setting, "name", rule.name, allowed)
        for name in ("prefix", "replaces"):
            if text := getattr(rule, name):
                check_start(f"{setting}.{name}", text)
        _check_patterns(setting, rule)
    for name, count in Counter(rule.called for rule in rules).items():
        if count > 1:
            raise SettingsError(
                f"replication: {count} rules are called {name!r}: they go to the same "
                "place; make one of them, or give them names."
            )


def _check_patterns(setting: str, rule: PushTo) -> None:
    for name, make, texts in (
        ("repositories", Patterns, rule.repositories),
        ("tags", TagPatterns, rule.tags),
    ):
        try:
            make(texts)
        except ValueError as error:
            raise SettingsError(f"{setting}.{name}: {error}") from error
        if not texts:
            raise SettingsError(f"{setting}.{name}: () cannot be used; give some.")
