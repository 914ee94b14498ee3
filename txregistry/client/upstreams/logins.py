"""Who we are to an upstream: a name and a secret, told or found."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.stamps import are_settled, stamp
from txregistry.tasks import Blocking, Turns

LARGEST: Final = 64 * 1024
"""Bytes of what says who we are."""
_GLANCE: Final = 5.0
"""Seconds between two looks at a file."""
_TOKEN: Final = "<token>"  # noqa: S105 - the name of what is no password


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a secret.

    Attributes:
        username: The name; ``<token>`` where the secret is a token that others are had
            for, an identity token, as Docker calls it.
        password: The secret.
        literal: Whether the name is a name, whatever it looks like.
    """

    username: str
    password: str = field(repr=False)
    literal: bool = False

    @property
    def is_token(self) -> bool:
        """Whether the secret is an identity token."""
        return self.username == _TOKEN and not self.literal

    @property
    def basic(self) -> str:
        """Write it for ``Authorization``."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


class LoginSource(Protocol):
    """What knows who we are."""

    async def get(self) -> Login | None:
        """Give what is good now; None where we are nobody in particular.

        Raises:
            UpstreamUnavailable: it cannot be found out.
        """

    def forget(self) -> None:
        """Take in that what was given was refused."""


class ToldLogin:
    """Who we are, as somebody told us.

    Args:
        login: That; None for nobody in particular.
    """

    def __init__(self, login: Login | None = None) -> None:
        self._login = login

    async def get(self) -> Login | None:
        """See `LoginSource`."""
        return self._login

    def forget(self) -> None:
        """See `LoginSource`: nobody will say anything else."""


class FileLogin:
    """Who we are, as a file says, which is read again when it was changed.

    Args:
        name: What the upstream is called.
        path: The file: one line of ``user:password``, or an object of JSON.
        blocking: Where work goes that reads files.
        clock: What measures the time.
        now: Tells the time, in seconds since 1970.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        path: str,
        blocking: Blocking,
        clock: IReactorTime,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._path = path
        self._blocking = blocking
        self._clock = clock
        self._now = now
        self._turns = Turns()
        self._stamp: object = None
        self._login: Login | None = None
        self._next: float | None = None

    async def get(self) -> Login | None:
        """See `LoginSource`."""
        async with self._turns.on(self._path):
            if self._next is None or self._clock.seconds() >= self._next:
                self._next = self._clock.seconds() + _GLANCE
                await self._look()
        if self._login is None:
            raise UpstreamUnavailable(
                self._name, "is not asked: the file with its credentials is unusable"
            )
        return self._login

    def forget(self) -> None:
        """See `LoginSource`."""
        self._next = None

    async def _look(self) -> None:
        found, now = await self._blocking(stamp, [self._path]), self._now()
        if found == self._stamp:
            return
        try:
            data = await self._blocking(_read, self._path)
            self._login = parse_login(data)[0]
        except (OSError, ValueError) as error:
            self._log.warn(
                "The credentials for {upstream} in {path} cannot be used: {kind}; "
                "what was there before stays",
                upstream=self._name,
                path=self._path,
                kind=type(error).__name__,
            )
        self._stamp = found if are_settled(found, now) else None


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(LARGEST + 1)


class _Written(msgspec.Struct):
    """An object that says who we are; helpers of Docker's use capitals."""

    username: str = ""
    password: str = ""
    helper_name: str = msgspec.field(default="", name="Username")
    helper_secret: str = msgspec.field(default="", name="Secret")
    expires_in: float | None = None
    expiration: datetime | None = None


def parse_login(data: bytes, now: datetime | None = None) -> tuple[Login, float | None]:
    """Read who we are.

    Args:
        data: ``user:password``, or an object of JSON with ``username`` and ``password``
            (``Username`` and ``Secret`` as Docker's helpers have it), and maybe
            ``expires_in``, in seconds, or ``expiration``.
        now: The time, in UTC.

    Returns:
        That, and for how many seconds it is good; None where it does not say.

    Raises:
        ValueError: it says nothing of the kind. What it says is not in the message.
    """
    if len(data) > LARGEST:
        raise ValueError("too long")
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("no text") from None
    if not text.startswith("{"):
        username, colon, password = text.partition(":")
        _check(username, password if colon else "")
        return Login(username, password), None
    try:
        found = msgspec.json.decode(text, type=_Written)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("no JSON of ours") from None
    username = found.username or found.helper_name
    password = found.password or found.helper_secret
    _check(username, password)
    return Login(username, password), _life(found, now or datetime.now(UTC))


def _check(username: str, password: str) -> None:
    text = username + password
    if not username or not password or ":" in username or not text.isprintable():
        raise ValueError("no name and secret")


def _life(found: _Written, now: datetime) -> float | None:
    if found.expires_in is not None:
        return max(0.0, found.expires_in)
    if found.expiration is None:
        return None
    end = found.expiration
    if end.tzinfo is None:
        end = end.replace(tzinfo=UTC)
    return max(0.0, (end - now).total_seconds())
