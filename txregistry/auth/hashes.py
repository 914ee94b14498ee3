"""The file in which passwords are hashed, as ``htpasswd -B`` writes it."""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from txregistry.auth.accounts import may_exist

_LARGEST: Final = 4 << 20
_BCRYPT: Final = re.compile(
    r"\$2[aby]\$(0[4-9]|1[0-9])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}", re.ASCII
)
_COSTLIEST: Final = 17
"""As ``htpasswd`` allows: some ten seconds for each password."""

_USUAL: Final = b"12"
_SETTLED: Final = 2_000_000_000
"""Nanoseconds after which a file's time of change can be trusted to differ from that of
whatever takes its place: file systems keep it in ticks."""


class HtpasswdError(ValueError):
    """A file of accounts cannot be used; the text says which, where and why."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """What a file of accounts holds.

    Attributes:
        by_name: Hashes of passwords, as bcrypt has them.
        dummy: A hash that no password has, and that takes as long as the file's.
        identity: A value that differs from before whenever the file was written again;
            None while it was written so lately that it might not.
    """

    by_name: Mapping[str, bytes]
    dummy: bytes
    identity: tuple[int, ...] | None


def read(path: str, *, known: tuple[int, ...] | None = None) -> Hashes | None:
    """Read a file of accounts. It blocks.

    Args:
        path: Where it is.
        known: The identity of what was read before.

    Returns:
        What it holds; None if that is what is known.

    Raises:
        HtpasswdError: it cannot be read, or some line of it is none of ``name:hash``
            with a hash by bcrypt.
    """
    try:
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            identity = _identity(stat)
            if identity == known:
                return None
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise HtpasswdError(f"{path}: cannot be read: {error.strerror}.") from error
    if len(data) > _LARGEST:
        raise HtpasswdError(f"{path}: has more than {_LARGEST} bytes.")
    hashes = _parse(path, data)
    cost = max((value[4:6] for value in hashes.values()), default=_USUAL)
    settled = time.time_ns() - stat.st_ctime_ns >= _SETTLED
    dummy = b"$2b$" + cost + b"$" + b"." * 53
    return Hashes(hashes, dummy, identity if settled else None)


def _identity(stat: os.stat_result) -> tuple[int, ...]:
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _parse(path: str, data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            line = raw.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            raise HtpasswdError(f"{path}, line {number}: is not UTF-8.") from error
        if not line.strip() or line.startswith("#"):
            continue
        name, _, value = line.partition(":")
        reason = _objection(name, value, found)
        if reason is not None:
            raise HtpasswdError(f"{path}, line {number}: {reason}.")
        found[name] = value.encode()
    return found


def _objection(name: str, value: str, found: Mapping[str, bytes]) -> str | None:
    if not may_exist(name, "-"):
        return "is not 'name:hash', with a name that can be one"
    if name in found:
        return f"has the name {name!r} a second time"
    match = _BCRYPT.fullmatch(value)
    if match is None:
        return (
            f"the password of {name!r} is not hashed by bcrypt ($2a$, $2b$ or $2y$), "
            "as 'htpasswd -B' does"
        )
    if int(match[1]) > _COSTLIEST:
        return f"the hash of {name!r} costs more than {_COSTLIEST}"
    return None
