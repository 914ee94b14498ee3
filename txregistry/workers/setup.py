"""What a worker is told by the process that began it: all of it by a pipe.

Neither the command line nor the environment has any of it: others on the machine may
read those, and there are passwords and keys in it.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from txregistry.metrics.families import Family
from txregistry.model.durations import Duration
from txregistry.model.sizes import Size
from txregistry.settings.sections import Settings

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a message at most."""


class Setup(msgspec.Struct, frozen=True):
    """The first message: what to be.

    Attributes:
        options: What twistd was given for the registry.
        settings: What is in force, whatever the file of settings says by now.
        secrets: What the store keeps for the registry, by what it is for.
        closed: Of which repositories nobody may pull; see ``MirrorRules``.
        number: Which worker it is, from 1.
        ports: Descriptors of sockets to serve at, in the order of the settings.
        tickets: What the keys of TLS sessions are made of; None without TLS.
    """

    options: dict[str, Any]
    settings: Settings
    secrets: dict[str, bytes]
    closed: list[str]
    number: int = 0
    ports: list[int] = msgspec.field(default_factory=list)
    tickets: bytes | None = None


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """A later message: what to do.

    Attributes:
        reload: Read the files anew that can be put in force without a restart.
        tickets: What the keys of TLS sessions are made of from now on.
        figures: Tell what was counted, in one line of JSON.
    """

    reload: bool = False
    tickets: bytes | None = None
    figures: bool = False


def encode(message: Setup | Order) -> bytes:
    """Write a message."""
    return msgspec.json.encode(message, enc_hook=_write)


def read_setup(data: bytes) -> Setup:
    """Read the first message.

    Raises:
        DecodeError: it is none.
    """
    return msgspec.json.decode(data, type=Setup, dec_hook=_read)


def read_order(data: bytes) -> Order:
    """Read a later message.

    Raises:
        DecodeError: it is none.
    """
    return msgspec.json.decode(data, type=Order)


def write_figures(families: list[Family]) -> bytes:
    """Write what a worker has counted, as a line."""
    return msgspec.json.encode(families) + b"\n"


def read_figures(line: bytes) -> list[Family]:
    """Read what a worker has counted.

    Raises:
        DecodeError: it is nothing of that kind.
    """
    return msgspec.json.decode(line, type=list[Family])


def _write(value: object) -> object:
    if isinstance(value, Duration):
        return f"{Decimal(value):f}s"  # to the last digit
    if isinstance(value, Size):
        return int(value)
    raise NotImplementedError(value)  # msgspec's way to say that it is not ours


def _read(kind: type, value: object) -> object:
    if kind is Duration:
        return Duration.parse(str(value))
    if kind is Size:
        return Size.parse(str(value))
    raise NotImplementedError(kind)
