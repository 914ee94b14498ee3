"""Settings and keys that change while the daemon runs."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txregistry.assembly.admission import Admission, make_rules
from txregistry.settings.roles import apply_role, chosen_rules
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Auth, Rule, Settings
from txregistry.stamps import are_settled, stamp
from txregistry.tasks import Blocking, Turns, detach

_LOOK: Final = 1.0
"""Seconds between looks at the files."""


class Reloading:
    """Put the rules and the keys of tokens in force as they are at present.

    Each is taken or not by itself. Of what cannot be used the old stays in force, and
    the log says why.

    Args:
        settings: What is in force.
        read: Reads the settings anew, as they are given; this blocks.
        path: Their file; None where there is none.
        admission: What is changed.
        clock: Tells when to look at the files.
        blocking: Where that is done.
        now: Tells the time of day, in seconds since 1970.
    """

    _log = Logger()

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        path: str | None,
        admission: Admission,
        clock: IReactorTime,
        blocking: Blocking,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._given = settings.auth.rules != chosen_rules(settings)
        self._read = read
        self._admission = admission
        self._blocking = blocking
        self._now = now
        self._turns = Turns()
        self._token = settings.auth.token
        keys = self._token and (self._token.rootcertbundle, self._token.jwks)
        self._paths = [each for each in (path, *(keys or ())) if each is not None]
        # What was read before this may have been changed since: that is seen at once.
        self._stamps: tuple[object, ...] = ()
        self._seen: tuple[object, ...] = ()
        self._settled = False
        self._keys: object = None
        self._troubles: Sequence[str] = ()
        self._waiting: Sequence[str] = ()
        self._looking = LoopingCall(
            lambda: detach(self._look(), self._log, "looking at settings")
        )
        self._looking.clock = clock

    def start(self) -> None:
        """Begin to watch the files."""
        if self._paths:
            _ = self._looking.start(_LOOK, now=False)

    def stop(self) -> None:
        """End to watch the files."""
        if self._looking.running:
            self._looking.stop()

    def reload(self) -> Deferred[None]:
        """Read the files now.

        Returns:
            A Deferred that fires when what is good of them is in force; never with a
            failure.
        """
        return detach(self._reload(), self._log, "reading settings")

    async def _look(self) -> None:
        """Read the files if there may be something new in them."""
        stamps = await self._blocking(stamp, self._paths)
        quiet, self._seen = stamps == self._seen, stamps
        if not quiet:
            return  # somebody may be writing still, and what is there be half of it
        if stamps != self._stamps or not self._settled or self._troubles:
            await self._reload()

    async def _reload(self) -> None:
        async with self._turns.on("files"):
            # What is changed after this is seen at the next look.
            self._stamps = await self._blocking(stamp, self._paths)
            self._settled = are_settled(self._stamps, self._now())
            troubles = []
            for take in (self._take_rules, self._take_keys):
                try:
                    await take()
                except SettingsError as error:
                    troubles.append(str(error))
            self._tell(troubles)

    async def _take_rules(self) -> None:
        """Put the rules in force, and say what would need a restart."""
        given = await self._blocking(self._read)
        old, new = self._settings, apply_role(given)
        taken = _with_rules(old, self._rules(given), new.auth.groups)
        rules = await self._blocking(make_rules, taken)
        self._given = given.auth.rules is not None
        if taken != old:
            self._settings = taken
            self._admission.access.rules = rules
            self._log.info("The rules were read anew, and are in force")
        waiting = [*_differences(taken, new), *_differences(taken.auth, new.auth)]
        if waiting and waiting != self._waiting:
            self._log.warn(
                "{settings}: changed, and in force after a restart",
                settings=", ".join(each for each in waiting if each != "auth"),
            )
        self._waiting = waiting

    def _rules(self, given: Settings) -> tuple[Rule, ...]:
        """Say which rules are to be in force, by new settings.

        Where the role chooses them, it chooses by accounts, or as a role, that may be
        there only after a restart.

        Raises:
            SettingsError: there were rules, and now there are none: so does a file look
                of which only the beginning was written.
        """
        if given.auth.rules is not None:
            return given.auth.rules
        if self._given:
            raise SettingsError(
                "auth.rules: they are gone, and the role's would count; restart, if "
                "that is meant."
            )
        return chosen_rules(self._settings)

    async def _take_keys(self) -> None:
        """Put the keys of the service of tokens in force."""
        verifier = self._admission.verifier
        if self._token is None or verifier is None:
            return
        # Who has that verifier has loaded this already.
        from txregistry.assembly.bearers import (  # noqa: PLC0415 - as said
            read_trusted_keys,
        )

        keys = await self._blocking(read_trusted_keys, self._token)
        if keys != self._keys:
            verifier.trust(keys)
            if self._keys is not None:
                self._log.info("The keys of tokens were read anew, and are in force")
        self._keys = keys

    def _tell(self, troubles: Sequence[str]) -> None:
        """Log why something was not taken, once for each reason."""
        for trouble in troubles:
            if trouble not in self._troubles:
                self._log.error(
                    "{trouble} What was read before stays in force.", trouble=trouble
                )
        self._troubles = troubles


def _with_rules(
    settings: Settings, rules: tuple[Rule, ...], groups: dict[str, tuple[str, ...]]
) -> Settings:
    auth = msgspec.structs.replace(settings.auth, rules=rules, groups=groups)
    return msgspec.structs.replace(settings, auth=auth)


def _differences(old: Settings | Auth, new: Settings | Auth) -> Sequence[str]:
    prefix = "auth." if isinstance(old, Auth) else ""
    return [
        f"{prefix}{field.encode_name}"
        for field in msgspec.structs.fields(type(old))
        if getattr(old, field.name) != getattr(new, field.name)
    ]
