"""What is asked for over SSH: of our commands there, or of our own SSH server.

A shell reads what goes to a command, so every word is quoted; our server knows of no
quotes, and none of its words needs any.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.model.printable import printable
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.interfaces import Asked, Placement

MOST_LAYERS: Final = 800
"""Layers that a command can say it has; more would make it too long."""
_URL: Final = re.compile(
    r"ssh://(?:([A-Za-z0-9_][A-Za-z0-9._-]{0,63})@)?"
    r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_][A-Za-z0-9._-]{0,252}))"
    r"(?::([0-9]{1,5}))?(/[^\x00-\x1f\x7f]*)?"
)
_HIGHEST_PORT: Final = 65535
_WORD: Final = re.compile(r"[A-Za-z0-9._:/@,+=-]+", re.ASCII)
"""What our own server reads."""
_LONGEST_PATH: Final = 4096


@dataclass(frozen=True, slots=True)
class SshPlace:
    """A host that is reached over SSH.

    Attributes:
        host: A name or an address.
        user: Who we are there; None for whoever SSH says.
        port: None for the usual one.
        path: The registry's folder there; None where our own server answers.
    """

    host: str
    user: str | None = None
    port: int | None = None
    path: str | None = None

    @classmethod
    def parse(cls, text: str) -> "SshPlace":
        """Read ``ssh://[user@]host[:port][/path]``.

        Raises:
            ValueError: it is none.
        """
        match = _URL.fullmatch(text)
        if match is None:
            raise ValueError("it must be ssh://[user@]host[:port][/path]")
        user, address, name, port, path = match.groups()
        if port is not None and not 1 <= int(port) <= _HIGHEST_PORT:
            raise ValueError("there is no such port")
        path = None if path in {None, "/"} else path
        if path is not None and len(path) > _LONGEST_PATH:
            raise ValueError("the path is too long")
        return cls(address or name, user, None if port is None else int(port), path)

    def arguments(self, program: Sequence[str], command: str) -> list[str]:
        """Spell how OpenSSH is called for a command there."""
        port = [] if self.port is None else ["-p", str(self.port)]
        user = [] if self.user is None else ["-l", self.user]
        options = ["-T", "-x", "-o", "ServerAliveInterval=30"]
        return [*program, *options, *port, *user, "--", self.host, command]

    def get(self, asked: Asked, start: int = 0, identity: Digest | None = None) -> str:
        """Spell what gives an archive."""
        words = _image(asked)
        if start:
            words += ["--resume" if self.path is None else "--offset", str(start)]
        if identity is not None:
            words += ["--identity", str(identity)]
        return self._spell(["get"], "registryget", words)

    def plan(self, asked: Asked) -> str:
        """Spell what says what an archive would be."""
        if self.path is None:
            return _join(["plan", *_image(asked)])
        return self._spell([], "registryget", [*_image(asked), "--plan"])

    def put(self, placement: Placement) -> str:
        """Spell what takes an archive in, and keeps what came whole of it."""
        words = [_named(placement.name, placement.tags)]
        if placement.called is not None:
            words += ["--image", placement.called]
        if self.path is not None:  # our server always does
            words.append("--resume")
        return self._spell(["put"], "registryput", words)

    def held(self, name: RepositoryName) -> str:
        """Spell what says which blobs a repository has."""
        words = [str(name)]
        if self.path is not None:
            words.append("--held")
        return self._spell(["held"], "registryput", words)

    def _spell(self, ours: list[str], program: str, words: list[str]) -> str:
        if self.path is None:
            return _join([*ours, *words])
        return " ".join(map(shlex.quote, [program, self.path, *words]))


def _join(words: list[str]) -> str:
    """Join words for our own server.

    Raises:
        TransferFailed: it could not read one of them.
    """
    for word in words:
        if _WORD.fullmatch(word) is None:
            raise TransferFailed(
                Ending.USAGE, f"{printable(word)!r} cannot be said over SSH."
            )
    return " ".join(words)


def _named(name: RepositoryName, tags: Sequence[Tag]) -> str:
    return f"{name}:{tags[0]}" if tags else str(name)


def _image(asked: Asked) -> list[str]:
    mark = ":" if isinstance(asked.reference, Tag) else "@"
    words = [f"{asked.name}{mark}{asked.reference}"]
    for platform in asked.platforms:
        words += ["--platform", platform]
    have = sorted(map(str, asked.have))[:MOST_LAYERS]
    if have:
        words += ["--layers-have", ",".join(have)]
    return words
