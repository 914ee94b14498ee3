"""An image by SSH, next to ``scp`` of the same bytes.

``python -m tests.benchmarks.ssh`` prints the table; ``--quick`` in small. The client is
always OpenSSH's; the servers are ours, and OpenSSH's with our command and with its own.
It fails where something does not arrive, or our server takes too much memory; never by
the clock.
"""

import argparse
import getpass
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from tests.benchmarks.contents import MIB
from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK
from tests.integration.ssh.case import archive_of, make_large
from tests.integration.ssh.servers import OpenSshServer, OwnServer, forced

MOST_MEMORY: Final = 120 * MIB
"""Bytes that our server takes at most, whatever passes through it."""

_SIZE, _QUICK_SIZE = 1 << 30, 32 * MIB
_ROUNDS, _QUICK_ROUNDS = 3, 1
_SCP, _OWN, _FORCED = "scp", "our own server", "OpenSSH's, our command"
_GET, _PUT = "get", "put"
_OPTIONS: Final = (
    *("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
    *("-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"),
    *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"),
)


@dataclass(frozen=True)
class Way:
    """One way for the bytes.

    Args:
        server: Through what.
        direction: ``get`` or ``put``, as the client sees it.
        run: Lets them pass.
    """

    server: str
    direction: str
    run: Callable[[], None]


class Place:
    """Servers, and an archive to send to them.

    Args:
        folder: Where everything lies.
        stack: Ends all of it.
        size: Bytes of the archive's layer.
        more: Options of the client's.
    """

    def __init__(
        self, folder: Path, stack: ExitStack, size: int, more: Sequence[str]
    ) -> None:
        self.folder = folder
        self.more = more
        self.archive = folder / "image.tar"
        self.archive.write_bytes(archive_of(make_large(size)))
        self.key = folder / "key"
        subprocess.run(
            [find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)],
            check=True,
        )
        public = (folder / "key.pub").read_text().strip()
        keys = folder / "keys"
        keys.write_text(f"{public} bench\n")
        self.own = OwnServer(folder / "registry", keys)
        stack.callback(self.own.discard)
        line = forced(public, "--root", str(folder / "forced"), "--allow", "**:admin")
        (folder / "forced").mkdir()
        self.forced = OpenSshServer(folder / "sshd-forced", [line])
        stack.callback(self.forced.discard)
        self.plain = OpenSshServer(folder / "sshd", [public])
        stack.callback(self.plain.discard)

    def ways(self) -> Iterator[Way]:
        """Give all ways: what is got was put before."""
        target, back = self.folder / "copy", self.folder / "back"
        plain = self.plain.ssh_port
        user = getpass.getuser()
        there = f"{user}@{LOOPBACK}:"
        scp = [find("scp"), *_OPTIONS, *self.more, "-i", str(self.key)]
        yield Way(
            _SCP,
            _PUT,
            lambda: _run(
                [*scp, "-P", str(plain), str(self.archive), f"{there}{target}"]
            ),
        )
        yield Way(
            _SCP,
            _GET,
            lambda: _run([*scp, "-P", str(plain), f"{there}{target}", str(back)]),
        )
        for name, port in ((_OWN, self.own.ssh_port), (_FORCED, self.forced.ssh_port)):
            ssh = [find("ssh"), *_OPTIONS, *self.more, "-i", str(self.key)]
            ssh += ["-p", str(port), "-l", user, LOOPBACK]
            yield Way(name, _PUT, lambda ssh=ssh: self._put(ssh))  # type: ignore[misc]  # bound
            yield Way(name, _GET, lambda ssh=ssh: self._get(ssh))  # type: ignore[misc]  # bound

    def _put(self, ssh: Sequence[str]) -> None:
        with self.archive.open("rb") as source:
            _run([*ssh, "put", "bench/image:1"], source.fileno())

    def _get(self, ssh: Sequence[str]) -> None:
        _run([*ssh, "get", "bench/image:1"])


def _run(command: Sequence[str], source: int = subprocess.DEVNULL) -> None:
    subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL, check=True)


def measure(place: Place, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Let the bytes pass by every way, again and again; give the seconds."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for way in place.ways():
            began = time.perf_counter()
            way.run()
            seconds = time.perf_counter() - began
            if number:  # the first time, keys are made and content is proved
                found.setdefault((way.server, way.direction), []).append(seconds)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table.

    Returns:
        The exit status: 1 where too much memory was taken.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ssh")
    parser.add_argument("--quick", action="store_true", help="in small")
    parser.add_argument("--size", type=int, help="bytes of the layer")
    parser.add_argument("--cipher", help="the cipher that the client asks for")
    options = parser.parse_args(arguments)
    size = options.size or (_QUICK_SIZE if options.quick else _SIZE)
    more = () if options.cipher is None else ("-o", f"Ciphers={options.cipher}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ssh-")))
        place = Place(folder, stack, size, more)
        found = measure(place, _QUICK_ROUNDS if options.quick else _ROUNDS)
        memory = place.own.peak_memory()
    print("\n".join(_lines(found, size, memory)))
    if memory > MOST_MEMORY:
        print(f"our server took {memory / MIB:.0f} MiB", file=sys.stderr)
        return 1
    return 0


def _lines(
    found: dict[tuple[str, str], list[float]], size: int, memory: int
) -> Iterator[str]:
    yield f"# {size / MIB:g} MiB by SSH; the client is OpenSSH's"
    yield ""
    yield "| direction | server | MiB/s | of scp's |"
    yield "|---|---|---|---|"
    for (server, direction), seconds in found.items():
        rate = size / MIB / median(seconds)
        ratio = median(found[_SCP, direction]) / median(seconds)
        yield f"| {direction} | {server} | {rate:.0f} | {ratio:.2f} |"
    yield ""
    yield f"The most memory that our own server took: {memory / MIB:.0f} MiB."


if __name__ == "__main__":
    raise SystemExit(main())
