"""Settings and keys that change while the daemon runs."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txregistry.admission import Admission, read_trusted_keys
from txregistry.policies import make_policy
from txregistry.settings import Auth, Settings, SettingsError
from txregistry.stamps import stamp
from txregistry.tasks import Blocking, Turns, detach

_LOOK: Final = 1.0
"""Seconds between looks at the files."""

_LIVE: Final = ("rules", "groups")
"""What of ``auth`` is put in force without a restart."""


class Reloading:
    """Put the rules and the keys of tokens in force as they are at present.

    What cannot be used is not taken: the old stays in force, and the log says why.

    Args:
        settings: What is in force.
        read: Reads the settings anew; this blocks.
        path: Their file; None where there is none.
        admission: What is changed.
        clock: Tells when to look at the files.
        blocking: Where that is done.
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
    ) -> None:
        self._settings = settings
        self._read = read
        self._admission = admission
        self._blocking = blocking
        self._turns = Turns()
        token = settings.auth.token
        keys = () if token is None else (token.rootcertbundle, token.jwks)
        self._paths = [each for each in (path, *keys) if each is not None]
        self._stamps = stamp(self._paths)
        self._trouble: str | None = None
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
        stamps = await self._blocking(stamp, self._paths)
        if stamps != self._stamps or self._trouble is not None:
            await self._reload()

    async def _reload(self) -> None:
        async with self._turns.on("files"):
            # What is changed after this is seen at the next look.
            self._stamps = await self._blocking(stamp, self._paths)
            try:
                settings = await self._blocking(self._read)
                policy = await self._blocking(make_policy, settings)
                token = self._settings.auth.token
                keys = None
                if token is not None:
                    keys = await self._blocking(read_trusted_keys, token)
            except SettingsError as error:
                self._tell(str(error))
                return
            self._trouble = None
            if keys is not None and self._admission.verifier is not None:
                self._admission.verifier.trust(keys)
            self._put_in_force(settings)
            self._admission.policy.replace(policy)

    def _put_in_force(self, new: Settings) -> None:
        """Take what can be taken, and say what would need a restart."""
        old = self._settings
        live = {name: getattr(new.auth, name) for name in _LIVE}
        taken = msgspec.structs.replace(
            old, auth=msgspec.structs.replace(old.auth, **live)
        )
        self._settings = taken
        if taken != old:
            self._log.info("The rules were read anew, and are in force")
        waiting = [*_differences(taken, new), *_differences(taken.auth, new.auth)]
        if waiting:
            self._log.warn(
                "{settings}: changed, and in force after a restart",
                settings=", ".join(each for each in waiting if each != "auth"),
            )

    def _tell(self, trouble: str) -> None:
        """Log why the files were not taken, once for each reason."""
        if trouble != self._trouble:
            self._log.error(
                "{trouble} The settings that were read before stay in force.",
                trouble=trouble,
            )
        self._trouble = trouble


def _differences(old: Settings | Auth, new: Settings | Auth) -> Sequence[str]:
    prefix = "auth." if isinstance(old, Auth) else ""
    return [
        f"{prefix}{field.encode_name}"
        for field in msgspec.structs.fields(type(old))
        if getattr(old, field.name) != getattr(new, field.name)
    ]
