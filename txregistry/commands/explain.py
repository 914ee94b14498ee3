"""``txregistry explain``: say who may do what, and by which rule."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

import msgspec
import yaml
from twisted.python import usage

from txregistry.auth.addresses import parse_address
from txregistry.auth.policy import ANONYMOUS, WORDS, Decision
from txregistry.commands.options import CommandOptions
from txregistry.model.access import Action, Identity
from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.settings.mirror import Upstream
from txregistry.settings.policies import groups_of, make_policy
from txregistry.settings.reading import load_settings
from txregistry.settings.roles import ROLES
from txregistry.settings.sections import Rule, Settings

_REFUSED: Final = 1
_WHOLE: Final = "-"
_WIDTH: Final = 1 << 20
"""Characters in a line of YAML: a rule is one line, however long."""


class Explain(CommandOptions):
    """``explain``: ask the rules of the settings, without a registry."""

    synopsis = "Usage: txregistry explain USER REPOSITORY ACTION [options]"
    longdesc = (
        "USER is somebody's name, or 'anonymous' for who is not known. REPOSITORY is a "
        f"name, or '{_WHOLE}' for the registry as a whole, such as its catalog. ACTION "
        f"is one of {', '.join(Action)}. Groups are those of auth.groups and --group. "
        "Where an upstream with passthrough decides, it is not asked. Ends with 0 "
        "where it is allowed, as far as the rules go, 1 where it is not, 2 where the "
        "settings or the question cannot be used."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["config", "c", None, "A config.yml, as of CNCF Distribution."],
        ["role", "r", None, f"What the registry is for: {', '.join(ROLES)}."],
        ["from", "f", None, "The IP address from which USER asks."],
    ]

    name: str
    repository: RepositoryName | None
    action: Action

    def __init__(self) -> None:
        super().__init__()
        self._groups: set[str] = set()

    def opt_group(self, text: str) -> None:
        """A group that USER is in, as by a certificate; may be repeated."""
        group = text.removeprefix("@")
        if not group:
            raise usage.UsageError(f"--group: {text!r} cannot be used; name a group.")
        self._groups.add(group)

    opt_g = opt_group

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, name: str, repository: str, action: str
    ) -> None:
        """Take what is asked."""
        self.name = "" if name == ANONYMOUS else name
        if not name:
            raise usage.UsageError(f"USER: give a name, or {ANONYMOUS!r}.")
        if name.startswith("@"):
            raise usage.UsageError(
                f"USER: {name!r} cannot be used: it is a group, and nobody's name. Ask "
                f"for somebody, with '--group {name[1:] or 'NAME'}'."
            )
        if name in WORDS and name != ANONYMOUS:
            raise usage.UsageError(
                f"USER: {name!r} cannot be used: it is a word of rules, and nobody's "
                f"name. Ask for somebody, or for {ANONYMOUS!r}."
            )
        try:
            self.repository = (
                None if repository == _WHOLE else RepositoryName.parse(repository)
            )
        except NameInvalid as error:
            raise usage.UsageError(
                f"REPOSITORY: {repository!r} cannot be used: {error}"
            ) from error
        try:
            self.action = Action(action)
        except ValueError as error:
            raise usage.UsageError(
                f"ACTION: {action!r} cannot be used; it must be one of: "
                f"{', '.join(Action)}."
            ) from error

    def postOptions(self) -> None:
        """See that the question can be asked."""
        if self["from"] is not None and parse_address(self["from"]) is None:
            raise usage.UsageError(
                f"--from: {self['from']!r} cannot be used; it must be an IP address."
            )
        if self._groups and not self.name:
            raise usage.UsageError("--group: who is not known is in no group.")

    def run(self) -> None:
        """Say what the rules say.

        Raises:
            SettingsError: a setting cannot be used.
            SystemExit: it is refused.
        """
        settings, _ = load_settings(self["config"], os.environ, self["role"])
        groups = groups_of(settings).get(self.name, frozenset()) | self._groups
        identity = Identity(self.name, groups, self["from"] or "")
        found = make_policy(settings).decide(identity, self.repository, self.action)
        upstream = _upstream_of(settings, self.repository)
        sys.stdout.write(self._tell(identity, found, settings, upstream))
        if not found.allowed or self._is_push_to(upstream):
            raise SystemExit(_REFUSED)

    def _is_push_to(self, upstream: Upstream | None) -> bool:
        """Say whether it is asked whether one may push to what is another's."""
        return upstream is not None and self.action is Action.PUSH

    def _tell(
        self,
        identity: Identity,
        found: Decision,
        settings: Settings,
        upstream: Upstream | None,
    ) -> str:
        """Write the answer."""
        who = identity.name or "Who is not known"
        if identity.groups:
            who += f" ({', '.join(f'@{group}' for group in sorted(identity.groups))})"
        refused = not found.allowed or self._is_push_to(upstream)
        may = "may not" if refused else "may"
        place = self.repository or "the registry as a whole"
        passes = upstream is not None and upstream.passthrough
        passes = passes and self.action in Action.PULL.included
        if upstream is not None and passes and not refused:
            place = f"{place}, if {upstream.name} lets them"
        told = [f"{who} {may} {self.action} {place}."]
        if upstream is not None:
            told += self._tell_mirrored(upstream, passes=passes)
        if self._is_push_to(upstream):
            return "".join(f"{line}\n" for line in told)
        if found.place is None:
            told.append("No rule is about that, and what no rule allows is refused.")
        else:
            rule = (settings.auth.rules or ())[found.place - 1]
            told += [f"Rule {found.place} decides:", f"  {_as_yaml(rule)}"]
        told += self._tell_places(identity, found, settings)
        if settings.auth.token is not None:
            told.append(
                "Who sends a token of auth.token may do what that says, whatever the "
                "rules say."
            )
        if settings.index.is_elsewhere:
            told.append("By version 1 the Index elsewhere decides.")
        return "".join(f"{line}\n" for line in told)

    def _tell_mirrored(self, upstream: Upstream, *, passes: bool) -> Iterator[str]:
        """Say what follows from the repository being that of another registry."""
        if passes:
            yield (
                f"The upstream registry {upstream.name} decides, by the account there "
                "that is shown with each request. To the rules, who shows it is nobody "
                "in particular, but for a client certificate; they only say who may "
                "ask there."
            )
        if self.action in {Action.PUSH, Action.ADMIN}:
            yield (
                f"Nobody may push to it, whatever the rules say: it is a mirror of "
                f"{upstream.name}."
            )

    def _tell_places(
        self, identity: Identity, found: Decision, settings: Settings
    ) -> Iterator[str]:
        """Say which rules were passed over, as it is not known from where USER asks."""
        if identity.address:
            return
        rules = settings.auth.rules or ()
        before = len(rules) if found.place is None else found.place - 1
        for place, rule in enumerate(rules[:before], 1):
            anywhere = msgspec.structs.replace(rule, networks=())
            auth = msgspec.structs.replace(settings.auth, rules=(anywhere,))
            policy = make_policy(msgspec.structs.replace(settings, auth=auth))
            if policy.decide(identity, self.repository, self.action).place is not None:
                networks = ", ".join(rule.networks)
                yield f"Rule {place} would decide from {networks}: give --from."


def _upstream_of(settings: Settings, name: RepositoryName | None) -> Upstream | None:
    """Find the other registry that a repository is of, as a mirror does."""
    if name is None or any(f"{name}/".startswith(f"{x}/") for x in settings.mirror.own):
        return None
    upstreams = [*settings.mirror.upstreams]
    if settings.proxy is not None:
        upstreams.append(settings.proxy.as_upstream())
    found = [
        each
        for each in upstreams
        if not each.start or name.text.startswith(f"{each.start}/")
    ]
    return max(found, key=lambda each: len(each.start), default=None)


def _as_yaml(rule: Rule) -> str:
    """Write a rule as the settings have it, in one line."""
    plain = msgspec.to_builtins(rule)
    if not rule.networks:
        del plain["from"]
    text = yaml.safe_dump(
        plain,
        default_flow_style=True,
        sort_keys=False,
        width=_WIDTH,
        allow_unicode=True,
    )
    return str(text).strip()
