"""nginx as a process, set up by ``docs/deploy/nginx.conf``."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK
from tests.integration.nodes.haproxy import configure, port_of

_LISTEN = "listen 443 ssl;"
_PEM = "/etc/nginx/registry.pem"
_AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/log warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {block}
}}
"""


class Nginx:
    """nginx before some nodes, with TLS; who connects before it is ready waits.

    Args:
        listener: Where it listens, as of `listen`.
        nodes: Their hosts, as ``127.0.0.1:PORT``.
        pem: A certificate and its key.
    """

    def __init__(
        self, listener: socket.socket, nodes: Sequence[str], pem: Path
    ) -> None:
        program = find("nginx")
        self._folder = Path(tempfile.mkdtemp(prefix="txr-nginx-"))
        self.port = port_of(listener)
        changes = {_LISTEN: f"listen {LOOPBACK}:{self.port} ssl;", _PEM: str(pem)}
        block = configure("nginx.conf", nodes, changes)
        path = self._folder / "nginx.conf"
        path.write_text(_AROUND.format(folder=self._folder, block=block))
        with (self._folder / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [program, "-c", str(path), "-e", str(self._folder / "log")],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=[listener.fileno()],
                # How it hands its sockets on to a newer program.
                env={"PATH": os.defpath, "NGINX": f"{listener.fileno()};"},
            )
        listener.close()

    @property
    def host(self) -> str:
        """Where it listens, as image names spell it: ``127.0.0.1:PORT``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> str:
        """All that it has written."""
        files = (self._folder / "out", self._folder / "log")
        return "".join(each.read_text() for each in files if each.exists())

    def stop(self) -> None:
        """End it, with its worker."""
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder)
