"""What ``twistd registry`` takes."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.logfile import LogFile

from txregistry.logs import make_observer
from txregistry.settings.reading import read_settings
from txregistry.settings.roles import ROLES, apply_role
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.sshchecks import check_ssh
from txregistry.settings.workerchecks import check_workers

_NUMBER: Final = re.compile(r"[0-9]{1,3}", re.ASCII)


class Options(usage.Options):
    """What ``twistd registry`` takes; the usual few settings, over all others."""

    synopsis = "Usage: twistd [twistd's options] registry [options]"
    longdesc = (
        "Serve a container registry. With no options: local files in ./registry-data, "
        "at 127.0.0.1:5000, for whoever gets there."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["storage", "s", None, "Where content is kept: a folder, or an OCI layout."],
        ["config", "c", None, "A config.yml, as of CNCF Distribution."],
        ["role", "r", None, f"What this registry is for: {', '.join(ROLES)}."],
        ["ssh-keys", None, None, "Who may log in by SSH: a file of public keys."],
        ["workers", "w", None, "How many processes serve; auto: one per processor."],
    ]

    settings: Settings
    """What is in force."""

    _log = Logger()

    def __init__(self) -> None:
        super().__init__()
        self._log_file: Any = None
        self["listen"] = []
        self["ssh"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Listen here: a Twisted endpoint, such as tcp:5000; may be repeated."""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_ssh(self, endpoint: str) -> None:
        """Listen for SSH here: such as tcp:2222; may be repeated."""
        self["ssh"].append(endpoint)

    def postOptions(self) -> None:
        """Read the settings, so that a mistake stops the start."""
        if self["config"] is not None:  # it is read again, when twistd is elsewhere
            self["config"] = os.path.abspath(self["config"])
        if self["storage"] and "://" not in self["storage"]:  # it is looked at again
            self["storage"] = os.path.abspath(self["storage"])
        try:
            settings, ignored = self.read()
            self.settings = apply_role(settings)
        except SettingsError as error:
            raise usage.UsageError(str(error)) from error
        for name in ignored:
            sys.stderr.write(f"{name}: the setting has no meaning here.\n")
        self._choose_observer()

    @property
    def runs_as_daemon(self) -> bool:
        """Whether twistd goes on in another process than it began."""
        return self.parent is not None and not self.parent.get("nodaemon")

    def read(self) -> tuple[Settings, list[str]]:
        """Read the settings as they are given at present; this blocks.

        Returns:
            The settings, and the names of those that mean nothing here.

        Raises:
            SettingsError: one cannot be used.
        """
        settings, ignored = read_settings(self["config"], os.environ, self["role"])
        return self._over(settings), ignored

    @property
    def given(self) -> dict[str, Any]:
        """What was given, as another process can be given it."""
        return dict(self)

    def write_log(self, lines: str) -> None:
        """Write lines of a worker's to the log, as they are, if that can be.

        Args:
            lines: Each with its end.
        """
        if self._log_file is not None:
            self._log_file.write(lines)
            self._log_file.flush()
            return
        for line in lines.splitlines():  # twistd was told to log in a way of its own
            self._log.info("{line}", line=line)

    def _over(self, settings: Settings) -> Settings:
        """Put the options over the settings."""
        replace = msgspec.structs.replace
        storage, http = settings.storage, settings.http
        if self["storage"] is not None:
            if not self["storage"] or "://" in self["storage"]:
                raise SettingsError(
                    f"--storage: {self['storage']!r} cannot be used; it must be a "
                    "folder."
                )
            storage = storage.in_folder(self["storage"])
        if self["listen"]:
            http = replace(http, listen=tuple(self["listen"]), addr=None)
        if self["workers"] is not None:
            text = self["workers"]
            number = int(text) if _NUMBER.fullmatch(text) else text
            http = replace(http, workers=number)
        ssh = settings.ssh
        if self["ssh"]:
            ssh = replace(ssh, listen=tuple(self["ssh"]))
        if self["ssh-keys"] is not None:
            ssh = replace(ssh, keys=self["ssh-keys"])
        check_ssh(ssh)
        settings = replace(settings, storage=storage, http=http, ssh=ssh)
        check_workers(settings)
        return settings

    def _choose_observer(self) -> None:
        """Have twistd write its log as the settings say, unless it was told how."""
        log = self.settings.log
        twistd = self.parent
        if twistd is None or twistd.get("logger") or twistd.get("syslog"):
            return
        path, here = twistd.get("logfile"), twistd.get("nodaemon")

        def observer() -> ILogObserver:
            file: Any = sys.stdout
            if path not in {None, "-"} or not here:
                file = LogFile.fromFullPath(path or "twistd.log")
            self._log_file = file
            return make_observer(file, log.formatter, log.level)

        def finish() -> None:
            twistd_finish()
            twistd["logger"] = observer

        # twistd takes the name of an observer only, and looks it up when we are done.
        twistd_finish = twistd.postOptions
        twistd.postOptions = finish  # type: ignore[method-assign]  # of this one alone
