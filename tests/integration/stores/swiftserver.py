"""A whole OpenStack Swift in one process, with the S3 API, for tests.

An interpreter that has Swift runs it as a program, with a new folder as the argument.
It writes its port when it is ready. Each line that it reads makes it forget whoever has
logged in; it ends when there is nothing more to read, so it outlives no test.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import eventlet
import eventlet.wsgi
from eventlet import tpool
from swift.account.server import AccountController
from swift.common import constraints, storage_policy, utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import SwiftHttpProtocol, loadapp
from swift.container.server import ContainerController
from swift.obj.server import ObjectController

_HOST = "127.0.0.1"
_SWIFT = """
[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = only
default = yes
"""
_PROXY = """
[DEFAULT]
swift_dir = {folder}
log_level = WARNING
[pipeline:main]
pipeline =
    catch_errors gatekeeper listing_formats bulk tempurl s3api tempauth copy slo dlo
    proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = 1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_reader = reading
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
rate_limit_segments_per_sec = 100000
[filter:dlo]
use = egg:swift#dlo
rate_limit_segments_per_sec = 100000
"""


class _Log(logging.StreamHandler[Any]):
    """Let Swift complain to standard error, not to the machine's log."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(sys.stderr)


class Memory:
    """What Swift keeps in memcached, for one process."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, Any]] = {}

    def get(self, key: str, **_: object) -> Any:
        """Give a value; None where there is none."""
        until, value = self._values.get(key, (0.0, None))
        return value if until > time.time() else None

    def set(self, key: str, value: object, time: float = 0, **_: object) -> None:
        """Keep a value, for ever or some seconds."""
        self._values[key] = (_now() + time if time else float("inf"), value)

    def delete(self, key: str, **_: object) -> None:
        """Forget a value."""
        self._values.pop(key, None)

    def clear(self) -> None:
        """Forget them all."""
        self._values.clear()


def main(folder: Path) -> None:
    """Serve until there is nothing more to read."""
    utils.eventlet_monkey_patch()
    (getattr(utils, "logs", None) or utils).ThreadSafeSysLogHandler = _Log
    _configure(folder)
    settings = {
        "swift_dir": str(folder),
        "devices": str(folder / "disks"),
        "recon_cache_path": str(folder / "cache"),
        "mount_check": "false",
        "fallocate_reserve": "0",
        "log_level": "WARNING",
    }
    sockets = {name: _listen() for name in ("account", "container", "object")}
    for name, socket in sockets.items():
        _make_ring(folder, name, socket.getsockname()[1])
    _serve(sockets["account"], AccountController(settings))
    _serve(sockets["container"], ContainerController(settings))
    _serve(sockets["object"], ObjectController(settings))
    memory, proxy = Memory(), _listen()
    _serve(proxy, _with(memory, loadapp(str(folder / "proxy-server.conf"))))
    sys.stdout.write(f"{proxy.getsockname()[1]}\n")
    sys.stdout.flush()
    while tpool.execute(os.read, 0, 1):
        memory.clear()
        sys.stdout.write("forgotten\n")
        sys.stdout.flush()


def _configure(folder: Path) -> None:
    for name in ("disks/d1", "cache"):
        (folder / name).mkdir(parents=True)
    (folder / "swift.conf").write_text(_SWIFT)
    (folder / "proxy-server.conf").write_text(_PROXY.format(folder=folder))
    # Swift looks for its settings in /etc as soon as it is imported.
    utils.SWIFT_CONF_FILE = str(folder / "swift.conf")
    utils.HASH_PATH_PREFIX = utils.HASH_PATH_SUFFIX = b""
    utils.validate_hash_conf()
    constraints.reload_constraints()
    storage_policy.reload_storage_policies()


def _make_ring(folder: Path, name: str, port: int) -> None:
    builder = RingBuilder(2, 1, 0)  # four partitions, one replica
    builder.add_dev(
        {
            "region": 1,
            "zone": 1,
            "ip": _HOST,
            "port": port,
            "replication_ip": _HOST,
            "replication_port": port,
            "device": "d1",
            "weight": 1,
        }
    )
    builder.rebalance(seed=1)
    builder.get_ring().save(str(folder / f"{name}.ring.gz"))


def _listen() -> Any:
    return eventlet.listen((_HOST, 0), backlog=512)


def _serve(socket: Any, app: Any) -> None:
    eventlet.spawn(
        eventlet.wsgi.server,
        socket,
        app,
        log=logging.getLogger("quiet"),
        log_output=False,
        protocol=SwiftHttpProtocol,
        capitalize_response_headers=False,
    )


def _with(memory: Memory, app: Any) -> Callable[..., Iterable[bytes]]:
    def call(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ["swift.cache"] = memory
        answer: Iterable[bytes] = app(environ, start)
        return answer

    return call


def _now() -> float:
    return time.time()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
