"""nginx as a process that serves a static tree, set up as ``export`` says."""

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK
from tests.integration.nodes.haproxy import listen, port_of
from txregistry.transfer.static.serverconfig import write_config

_AROUND = """
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/log warn;
events {{}}
http {{
    access_log {folder}/access;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include /etc/nginx/mime.types;
    {config}
}}
"""


class Nginx:
    """nginx before a folder; who connects before it is ready waits.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        program = find("nginx")
        self._folder = Path(tempfile.mkdtemp(prefix="txr-nginx-"))
        with closing(listen()) as listener:
            self.port = port_of(listener)
            config = write_config("nginx", str(root), self.port)
            config = re.sub(r"listen \d+;", f"listen {self.host};", config)
            path = self._folder / "nginx.conf"
            path.write_text(_AROUND.format(folder=self._folder, config=config))
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

    @property
    def host(self) -> str:
        """Where it listens, as image names spell it: ``127.0.0.1:PORT``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> str:
        """All that it has written, but for what it was asked."""
        files = (self._folder / "out", self._folder / "log")
        return "".join(each.read_text() for each in files if each.exists())

    def stop(self) -> None:
        """End it, with its worker."""
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder)
