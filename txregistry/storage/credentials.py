"""Who asks S3: keys that are told, or found where Amazon's own tools look for them.

botocore finds them: in the environment, in the files of a profile, by a web identity,
or from the container or the machine that this runs on; and renews those that end.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from twisted.internet.interfaces import IReactorTime

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.tasks import Blocking, Turns

_PAUSE: Final = 60.0
"""Seconds between two tries to renew credentials that are still good."""


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """Keys that are told.

    Attributes:
        access: The access key's id.
        secret: The access key.
        token: The session's token, where they are temporary.
    """

    access: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    async def get(self) -> "S3Credentials":
        """See `CredentialSource`."""
        return self


class CredentialSource(Protocol):
    """What knows who asks."""

    async def get(self) -> S3Credentials:
        """Give the keys that are good now.

        Raises:
            StorageUnavailable: there are none.
        """


class FoundCredentials:
    """Keys that botocore finds, and renews in a thread.

    Args:
        blocking: Where work goes that reads files, or asks services.
        clock: What measures the time.
        profile: The profile in Amazon's files; None for what the environment says.
        session: What looks for them; None for a new one.
        section: Where the settings of keys are, for whoever has to look into a failure.
    """

    def __init__(
        self,
        blocking: Blocking,
        clock: IReactorTime,
        profile: str | None = None,
        session: Any = None,
        section: str = "",
    ) -> None:
        self._blocking = blocking
        self._clock = clock
        self._profile = profile
        self._session = session
        self._at = f"{section}." if section else ""
        self._turns = Turns()
        self._found: Any = None
        self._given: S3Credentials | None = None
        self._next = 0.0

    async def get(self) -> S3Credentials:
        """See `CredentialSource`."""
        if self._given is None or self._is_due():
            async with self._turns.on("keys"):
                if self._given is None or self._is_due():
                    self._next = self._clock.seconds() + _PAUSE
                    self._given = None
                    self._given = await self._renew()
        return self._given

    def _is_due(self) -> bool:
        """Whether they end soon, and nobody tried to renew them a moment ago."""
        found = self._found
        return (
            isinstance(found, RefreshableCredentials)
            and self._clock.seconds() >= self._next
            and bool(found.refresh_needed())
        )

    async def _renew(self) -> S3Credentials:
        try:
            frozen = await self._blocking(self._find)
        except (BotoCoreError, OSError, ValueError, KeyError) as error:
            raise StorageUnavailable(
                f"No credentials for S3 could be had: {type(error).__name__}; look at "
                f"{self._at}accesskey and {self._at}secretkey, or at the variables, "
                "the profile or the role that stand for them"
            ) from error
        if frozen is None:
            raise StorageUnavailable(
                f"There are no credentials for S3: set {self._at}accesskey and "
                f"{self._at}secretkey, or the variables, the profile or the role that "
                "stand for them"
            )
        return S3Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def _find(self) -> Any:
        if self._found is None:
            session = self._session or Session(profile=self._profile)
            self._found = session.get_credentials()
        return self._found and self._found.get_frozen_credentials()
