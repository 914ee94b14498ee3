"""This registry as a daemon that engines meet, over TLS and without."""

import atexit
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from bcrypt import gensalt, hashpw
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import LOOPBACK, ConfiguredDaemon
from tests.integration.engines.authorization import Credentials
from tests.integration.engines.certificate import make_contexts, make_pem
from tests.integration.engines.engine import Engine
from tests.integration.engines.images import FakeImage
from tests.integration.engines.pulling import Pulled

PLAIN = "127.0.0.2"
"""Where version 1 is spoken without TLS."""
BOTH = "127.0.0.3"
"""Where both versions are spoken without TLS."""
_USUAL: Credentials = ("", "")


class EngineDaemon(ConfiguredDaemon):
    """This registry at several addresses, of one port.

    Version 1 is spoken over TLS at `LOOPBACK`, and without at `PLAIN`.

    Args:
        directory: Where it keeps content, and beside that its files.
        settings: More settings, but for ``http``.
        both: Whether both versions are spoken at `LOOPBACK`, and at `BOTH`.

    Attributes:
        settings: The settings; others count from the next start on.
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, Any], *, both: bool = False
    ) -> None:
        self.settings = settings
        self._both = both
        self._pem = directory.with_name(f"{directory.name}.pem")
        self._pem.parent.mkdir(parents=True, exist_ok=True)
        self._pem.write_text("".join(make_pem()))
        super().__init__(directory, settings)

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        listen = [_listener(port, PLAIN, "v1")]
        if self._both:
            listen.append(_listener(port, BOTH, "v1", "v2"))
        http = {
            "addr": f"{LOOPBACK}:{port}",
            "tls": {"certificate": str(self._pem), "key": str(self._pem)},
            "apis": ["v1", "v2"] if self._both else ["v1"],
            "listen": listen,
        }
        self._settings = {**self.settings, "http": http}
        return super().command(port)


def _listener(port: int, address: str, *apis: str) -> dict[str, Any]:
    return {"endpoint": f"tcp:{port}:interface={address}", "apis": list(apis)}


class SharedCase(SynchronousTestCase):
    """Daemons that all tests of a class share.

    The first test starts them. They end after the last, or with the process: trial
    does not say which test of a class is the last.
    """

    directory: ClassVar[Path]
    daemons: ClassVar[list[EngineDaemon]]

    def setUp(self) -> None:
        cls = type(self)
        if "daemons" in vars(cls):
            return
        cls.directory = Path(tempfile.gettempdir(), f"txe-{secrets.token_hex(4)}")
        cls.directory.mkdir(mode=0o700)
        cls.daemons = []
        atexit.register(cls.tearDownClass)
        try:
            cls.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls) -> None:
        """End all, and look whether all went well."""
        if "daemons" not in vars(cls):
            return
        atexit.unregister(cls.tearDownClass)
        daemons = cls.daemons
        del cls.daemons
        log = "".join(daemon.log for daemon in daemons)
        for daemon in daemons:
            daemon.discard()
        shutil.rmtree(cls.directory)
        if "Traceback" in log:
            raise AssertionError(log[log.index("Traceback") :])

    @classmethod
    def start(cls) -> None:
        """Start the daemons, by `run_daemon`."""
        raise NotImplementedError

    @classmethod
    def run_daemon(
        cls, name: str, settings: Mapping[str, Any], *, both: bool = False
    ) -> EngineDaemon:
        """Start one; the arguments are those of `EngineDaemon`, but for a folder."""
        daemon = EngineDaemon(cls.directory / name, settings, both=both)
        cls.daemons.append(daemon)
        return daemon


class ServedCase(SharedCase):
    """One daemon for all tests of a class: each uses repositories of its own.

    Import the module and inherit as ``served.ServedCase``.
    """

    standalone = False
    """What the daemon says of itself."""
    both = False
    """Whether both versions are spoken: over TLS, and at `BOTH`."""
    accounts: Sequence[Credentials] = ()
    """Who has an account; if anybody has, everything needs one."""
    daemon: ClassVar[EngineDaemon]

    @classmethod
    def start(cls) -> None:
        """See `SharedCase`."""
        cls.daemon = cls.run_daemon("registry", cls.settings(), both=cls.both)

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """Give the daemon's settings."""
        auth = {}
        if cls.accounts:
            accounts = write_accounts(cls.directory, cls.accounts)
            auth["htpasswd"] = {"path": str(accounts)}
        return {"v1": {"standalone": cls.standalone}, "auth": auth}

    def engine(
        self,
        release: str,
        *,
        secure: bool = False,
        at: str = PLAIN,
        user: Credentials | None = _USUAL,
    ) -> Engine:
        """Make an engine.

        Args:
            release: Its release.
            secure: Whether it speaks TLS.
            at: Where it is set at, if not.
            user: Whom it is logged in as; if not said, somebody where that is needed.
        """
        if user is _USUAL:
            user = self.accounts[0] if self.accounts else None
        return make_engine(release, self.daemon, user, secure=secure, at=at)

    def assertPulled(self, pulled: Pulled, images: Sequence[FakeImage]) -> None:
        """What was pulled is what was pushed, to the byte."""
        assert_same_images(self, pulled, images)


def make_engine(
    release: str,
    daemon: EngineDaemon,
    user: Credentials | None = None,
    *,
    secure: bool = False,
    at: str = PLAIN,
) -> Engine:
    """Make an engine for a daemon; the arguments are those of ``ServedCase.engine``."""
    address = daemon.host if secure else f"{at}:{daemon.port}"
    tls = make_contexts()[1] if secure else None
    return Engine(release, address, tls=tls, credentials=user)


def assert_same_images(
    case: SynchronousTestCase, pulled: Pulled, images: Sequence[FakeImage]
) -> None:
    """Compare ids, JSON and layers, the base first, and print no layer."""
    case.assertEqual(pulled.ancestry, tuple(one.id for one in reversed(images)))
    case.assertEqual(pulled.jsons, {one.id: one.json for one in images})
    wrong = [one.id for one in images if pulled.layers[one.id] != one.layer]
    case.assertEqual(wrong, [])


def merge_files(images: Sequence[FakeImage]) -> dict[str, bytes]:
    """Give the regular files of images, the base first, by path."""
    merged: dict[str, bytes] = {}
    for image in images:
        merged |= image.files
    return merged


def assert_same_files(
    case: SynchronousTestCase, found: Mapping[str, bytes], expected: Mapping[str, bytes]
) -> None:
    """Compare files by path and content, and print no content."""
    case.assertEqual(sorted(found), sorted(expected))
    wrong = [path for path, data in found.items() if data != expected[path]]
    case.assertEqual(wrong, [])


def write_accounts(directory: Path, accounts: Sequence[Credentials]) -> Path:
    """Write a file of accounts, as ``htpasswd -B`` does, at its least cost.

    Returns:
        The file.
    """
    path = directory / "htpasswd"
    hashed = (
        f"{user}:{hashpw(password.encode(), gensalt(4)).decode()}\n"
        for user, password in accounts
    )
    path.write_text("".join(hashed))
    return path
