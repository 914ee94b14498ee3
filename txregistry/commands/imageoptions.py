"""What commands have in common that move images."""

import os
import shlex
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, Final

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.python import usage

from txregistry.assembly.imageplaces import ImagePlace, Means, Work, parse_place
from txregistry.commands.breakable import BreakableOptions, start_threads
from txregistry.commands.unread import quiet_when_unread
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, RegistryError
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.model.printable import printable
from txregistry.settings.section import SettingsError
from txregistry.transfer.copyline import CopyLine
from txregistry.transfer.copyreport import Position
from txregistry.transfer.images.descriptors import Interruption
from txregistry.transfer.images.endings import Ending, ending_of

ENDINGS: Final = (
    "Ends with 0 when all is well; with 1 after a failure that nobody foresaw; with 2 "
    "when it is called wrongly; with 3 when there is no such image or place; with 4 "
    "when it is refused; with 5 when an archive or an image is damaged or incomplete; "
    "with 6 when the other end cannot be reached, or broke off; with 7 when there is "
    "no room; with 130 when it was interrupted."
)
PLACES: Final = (
    "is a registry's folder or config.yml, http(s)://host[:port][/prefix], or "
    "ssh://[user@]host[:port][/path]. Over SSH, a path is a registry's folder there, "
    "and this program must be there too; without one, a registry's own SSH server "
    "answers. Who we are over HTTP is told by TXREGISTRY_USERNAME and "
    "TXREGISTRY_PASSWORD, or by --credentials."
)
_THREADS: Final = 8
_LONGEST: Final = 1000
_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a list."""
_LATEST: Final = Tag("latest")


class ImageOptions(BreakableOptions):
    """A command that moves images.

    Attributes:
        program: How it is called.
    """

    program: ClassVar[str]
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["credentials", None, None, "A file with user:password, for HTTP."],
        ["cert", None, None, "A file with the certificate that we show, for HTTPS."],
        ["key", None, None, "A file with its key."],
        ["ssh", None, None, "The SSH program, with options of it maybe."],
    ]
    faults = ()

    def __init__(self) -> None:
        super().__init__()
        self._cas: list[str] = []
        self._places: list[ImagePlace] = []

    def opt_cacert(self, path: str) -> None:
        """A file with who vouches for a registry, for HTTPS; may be repeated."""
        self._cas.append(path)

    def place(self, what: str, text: str) -> ImagePlace:
        """Read where images are.

        Args:
            what: What it is called: ``SOURCE``.
            text: What was given.

        Raises:
            UsageError: there can be no such place.
        """
        if (self["cert"] is None) != (self["key"] is None):
            raise usage.UsageError("Give both --cert and --key, or neither.")
        try:
            ssh = shlex.split(self["ssh"] or os.environ.get("TXREGISTRY_SSH") or "ssh")
        except ValueError as error:
            raise usage.UsageError(f"--ssh: {error}.") from error
        means = Means(
            os.environ,
            self["credentials"],
            tuple(self._cas),
            self["cert"],
            self["key"],
            tuple(ssh),
        )
        try:
            place = parse_place(text, means)
        except ValueError as error:
            raise usage.UsageError(f"{what}: {error}.") from error
        self._places.append(place)
        return place

    def move(self, work: Callable[[Work], Coroutine[Any, Any, None]]) -> None:
        """Do some work, and end.

        Args:
            work: Does it; what it raises becomes one line, and a status.

        Raises:
            SystemExit: at the end.
        """
        self.work_in_reactor(
            lambda reactor: self._move(reactor, work),
            local=all(each.is_local for each in self._places),
        )

    async def _move(
        self, reactor: Any, work: Callable[[Work], Coroutine[Any, Any, None]]
    ) -> int:
        interruption = Interruption()
        reactor.addSystemEventTrigger("before", "shutdown", interruption.interrupt)
        blocking = start_threads(reactor, _THREADS, self.program)
        try:
            await work(Work(reactor, blocking, interruption))
        except (SettingsError, usage.UsageError) as error:
            self.tell(str(error))
            return Ending.USAGE
        except (Exception, CancelledError) as error:  # noqa: BLE001 - it is told
            ending, message = ending_of(error)
            if self._broken_off:
                ending = Ending.INTERRUPTED
            self.tell(message)
            return ending
        return Ending.DONE

    def run(self) -> None:
        """Do what it is for.

        Raises:
            SystemExit: at the end.
        """
        raise NotImplementedError

    def tell(self, message: str) -> None:
        """Write one line of what happened."""
        sys.stderr.write(f"{self.program}: {printable(message[:_LONGEST])}\n")
        sys.stderr.flush()


class TransferLine:
    """A line on a terminal that tells how far it is; nothing anywhere else.

    Args:
        stage: What is done.
        clock: Tells the time.
    """

    def __init__(self, stage: str, clock: IReactorTime) -> None:
        self._stage = stage
        shows = sys.stderr.isatty()
        self._line = CopyLine(sys.stderr, clock) if shows else None

    def show(self, came: int, size: int | None) -> None:
        """Tell how far it is."""
        if self._line is not None:
            fraction = min(1.0, came / size) if size else None
            self._line.show(Position(self._stage, None, came, fraction))

    def clear(self) -> None:
        """Leave an empty line."""
        if self._line is not None:
            self._line.clear()


def read_image(text: str) -> tuple[RepositoryName, Reference]:
    """Read ``NAME[:TAG|@DIGEST]``.

    Raises:
        UsageError: it is none.
    """
    try:
        name, at, digest = text.partition("@")
        if at:
            return RepositoryName.parse(name), Digest.parse(digest)
        name, colon, tag = text.partition(":")
        return RepositoryName.parse(name), Tag.parse(tag) if colon else _LATEST
    except RegistryError as error:
        raise usage.UsageError(f"NAME: {error.message}") from error


def read_digests(text: str) -> frozenset[Digest]:
    """Read digests, parted by commas, spaces or line ends.

    Raises:
        UsageError: one is none.
    """
    try:
        return frozenset(map(Digest.parse, text.replace(",", " ").split()))
    except DigestInvalid as error:
        raise usage.UsageError(f"--layers-have: {error.message}") from error


def read_list(path: str) -> list[str]:
    """Read a list of names: one in each line; what follows a ``#`` is passed over.

    Args:
        path: The file; ``-`` for what is piped in.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        text = read_given(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise usage.UsageError(f"--list: {error}.") from error
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def read_given(path: str) -> bytes:
    """Read a list of something.

    Args:
        path: The file; ``-`` for what is piped in.

    Raises:
        OSError: it cannot be read.
        UsageError: it is too long.
    """
    with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise usage.UsageError(f"{path}: it has more than {_LARGEST} bytes.")
    return data


def run(options: ImageOptions, arguments: Sequence[str] | None) -> None:
    """Read what a program is given, and run it; exit with 2 where it cannot be."""
    try:
        with quiet_when_unread():
            options.parseOptions(sys.argv[1:] if arguments is None else arguments)
            options.run()
    except (usage.UsageError, SettingsError) as error:
        options.tell(str(error))
        raise SystemExit(int(Ending.USAGE)) from error
