"""A real Swift for a registry's bytes, by Swift's own API or by S3."""

import json
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from tests.benchmarks.costs import together
from tests.benchmarks.report import MeasureError
from tests.integration.stores import service
from tests.integration.stores.service import SwiftService

#: Positions in /proc/PID/stat, counted after the name of the program.
_TIMES = slice(11, 15)
_TICKS = os.sysconf("SC_CLK_TCK")
_SIGNING = "benchmark"
_WRITERS = 8


@dataclass(frozen=True)
class Backend:
    """A way to keep bytes in the service.

    Args:
        name: What ``storage`` calls it.
        title: What the report calls it.
        peer: The program of the Distribution that has a driver for it.
        root: What names begin with beside the key.
        settings: Gives its settings, given the URL of the service and the container.
    """

    name: str
    title: str
    peer: str
    root: str
    settings: Callable[[str, str], dict[str, Any]]


def _s3(url: str, container: str) -> dict[str, Any]:
    return {
        "accesskey": service.USER,
        "secretkey": service.KEY,
        "region": service.REGION,
        "regionendpoint": url,
        "forcepathstyle": True,
        "secure": False,
        "bucket": container,
    }


def _swift(url: str, container: str) -> dict[str, Any]:
    return {
        "authurl": f"{url}/auth/v1.0",
        "authversion": 1,
        "username": service.USER,
        "password": service.KEY,
        "container": container,
        "tempurlcontainerkey": True,
    }


BACKENDS = (
    Backend("s3", "S3", "registry", "", _s3),
    Backend("swift", "Swift", "docker-registry", "files/", _swift),
)


class Store:
    """A container of a service of its own: a context manager that ends that.

    What it kept is removed with it, which is sooner done than deletions.

    Args:
        backend: How it is used.
        running: A service that is used instead, and does not end.

    Raises:
        MeasureError: There is no Swift here.
    """

    def __init__(self, backend: Backend, running: SwiftService | None = None) -> None:
        self.backend = backend
        self._owned = running is None
        self.service = running or _start()
        try:
            self.container = self.service.make_container()
            # What signs URLs: neither side is to make a key meanwhile.
            self.service.put(
                self.container, b"", X_Container_Meta_Temp_URL_Key=_SIGNING
            )
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the service."""
        if self._owned:
            self.service.stop()

    def storage(
        self,
        url: str = "",
        settings: Mapping[str, Any] = {},
        *,
        redirects: bool = False,
    ) -> str:
        """Write what ``storage`` says of it.

        Args:
            url: Where the service is reached, if not at its own address.
            settings: More settings, of the backend.
            redirects: Whether clients are sent there.
        """
        told = self.backend.settings(url or self.service.url, self.container)
        told |= settings
        lines = f"{self.backend.name}: {json.dumps(told)}"
        return lines if redirects else f"{lines}\n  redirect: {{disable: true}}"

    def connect(self) -> socket.socket:
        """Connect to the service itself."""
        return socket.create_connection((service.LOOPBACK, self.service.port))

    def keep(self, objects: Mapping[str, bytes]) -> None:
        """Put many small objects where a registry looks for them."""
        token, url = self.service.log_in()
        root = f"{urlsplit(url).path}/{self.container}/{self.backend.root}"
        left = deque(objects.items())

        def put_all() -> None:
            connection = HTTPConnection(service.LOOPBACK, self.service.port)
            with closing(connection), suppress(IndexError):
                while True:
                    name, data = left.popleft()
                    target, proof = quote(root + name), {"X-Auth-Token": token}
                    connection.request("PUT", target, data, proof)
                    response = connection.getresponse()
                    response.read()
                    if response.status != HTTPStatus.CREATED:
                        raise MeasureError(f"an object was answered {response.status}")

        together([put_all] * _WRITERS)

    def cpu(self) -> float:
        """Return the CPU seconds that the service used so far."""
        stat = Path(f"/proc/{self.service.pid}/stat").read_text()
        times = stat.rpartition(")")[2].split()[_TIMES]
        return sum(map(int, times)) / _TICKS

    def written(self) -> int:
        """Return the bytes that the service wrote to files so far."""
        for line in Path(f"/proc/{self.service.pid}/io").read_text().splitlines():
            name, _, value = line.partition(": ")
            if name == "write_bytes":
                return int(value)
        raise MeasureError("the kernel does not tell what the service wrote")


def _start() -> SwiftService:
    python = service.find_python()
    if python is None:
        raise MeasureError("there is no Swift: see TXREGISTRY_SWIFT_PYTHON")
    return SwiftService(python)
