"""HAProxy as a process, set up by ``docs/deploy/haproxy.cfg``."""

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK, ROOT

_DOCUMENT = ROOT / "docs" / "nodes.md"
_DEPLOYED = ROOT / "docs" / "deploy"
_BIND = "bind :443 ssl crt /etc/haproxy/registry.pem alpn http/1.1"
_LOG = "log /dev/log local0"
_HERE = """log stdout format raw local0
    tune.sndbuf.client 65536
    tune.rcvbuf.server 65536"""
"""What is not taken is not to be held by the sockets, or a node would have done."""
_BACKLOG = 1024


class BalancerError(AssertionError):
    """A balancer did not start."""


class Balancer:
    """HAProxy before some nodes; it runs once constructed.

    Args:
        listener: Where it listens, as of `listen`. It is handed the socket: so no other
            process takes the port, and whoever connects before it is ready waits.
        nodes: Their hosts, as ``127.0.0.1:PORT``.
        pem: A certificate and its key, for TLS; None where that is not spoken.
        changes: What else to replace in the configuration, and by what.
    """

    def __init__(
        self,
        listener: socket.socket,
        nodes: Sequence[str],
        pem: Path | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        program = find("haproxy")
        self._folder = Path(tempfile.mkdtemp(prefix="txr-haproxy-"))
        self.port = port_of(listener)
        path = self._folder / "haproxy.cfg"
        secure = "" if pem is None else f" ssl crt {pem} alpn http/1.1"
        bind = f"bind fd@{listener.fileno()}{secure}"
        wanted = {_BIND: bind, _LOG: _HERE, **(changes or {})}
        path.write_text(configure("haproxy.cfg", nodes, wanted))
        log = self._folder / "log"
        with log.open("wb") as file:
            command, inherited = [program, "-db", "-f", str(path)], [listener.fileno()]
            checked = subprocess.run(
                [*command, "-c"],
                stdout=file,
                stderr=file,
                pass_fds=inherited,
                check=False,
            )
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=inherited,
            )
        listener.close()
        if checked.returncode:
            said = self.log
            self.stop()
            raise BalancerError(f"HAProxy does not run:\n{said}")

    @property
    def host(self) -> str:
        """Where it listens, as image names spell it: ``127.0.0.1:PORT``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> str:
        """All that it has written."""
        return (self._folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)


def listen() -> socket.socket:
    """Listen on a free port."""
    return socket.create_server((LOOPBACK, 0), backlog=_BACKLOG)


def port_of(listener: socket.socket) -> int:
    """Give the port of a socket."""
    port: int = listener.getsockname()[1]
    return port


def find_blocks(kind: str) -> list[str]:
    """Give the blocks of the document that are marked as something."""
    block = re.compile(rf"^```{kind}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return block.findall(_DOCUMENT.read_text())


def configure(name: str, nodes: Sequence[str], changes: Mapping[str, str]) -> str:
    """Take a configuration that operators copy, with other addresses in it.

    Args:
        name: Its file.
        nodes: The hosts of the nodes.
        changes: What else to replace, all of which must be there, and by what.
    """
    text = (_DEPLOYED / name).read_text()
    places = [f"10.1.0.{number}:5000" for number in (11, 12, 13)]
    wanted = {**dict(zip(places, nodes, strict=True)), **changes}
    for before, after in wanted.items():
        if before not in text:
            raise BalancerError(f"{name} does not say {before!r}")
        text = text.replace(before, after)
    return text
