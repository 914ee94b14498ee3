"""``txregistry ssh-command``: the commands of SSH, run by OpenSSH's own server."""

import os
import sys
import syslog
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
    globalLogBeginner,
)
from twisted.python import usage
from zope.interface import implementer

from txregistry.assembly.auditfile import make_audit
from txregistry.assembly.registries import make_registry
from txregistry.auth.accounts import may_exist
from txregistry.auth.addresses import parse_address
from txregistry.auth.interfaces import IPolicy
from txregistry.auth.policy import WORDS, Rule
from txregistry.commands.breakable import BreakableOptions, start_threads
from txregistry.commands.unread import quiet_when_unread
from txregistry.model.access import Identity
from txregistry.model.printable import printable
from txregistry.registry.mirror.passed import remember_passed
from txregistry.settings.policies import make_policy
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.ssh.commands import Commands
from txregistry.ssh.failures import explain
from txregistry.ssh.permission import AllowedPolicy, PolicyPermission, parse_allowed
from txregistry.ssh.pipes import PipeExchange
from txregistry.ssh.trail import Trail
from txregistry.transfer.images.endings import Ending

_THREADS: Final = 8
_WRONG: Final = 2
_PRIORITIES: Final = {
    LogLevel.debug: syslog.LOG_DEBUG,
    LogLevel.info: syslog.LOG_INFO,
    LogLevel.warn: syslog.LOG_WARNING,
    LogLevel.error: syslog.LOG_ERR,
    LogLevel.critical: syslog.LOG_CRIT,
}


class SshCommand(BreakableOptions):
    """``ssh-command``: what ``command="..."`` of ``authorized_keys`` runs for a key."""

    synopsis = "Usage: txregistry ssh-command --root DIR --allow PATTERNS:ACTIONS"
    longdesc = (
        'In authorized_keys: restrict,command="txregistry ssh-command --root '
        '/srv/registry --allow team/**:pull,push --identity alice" ssh-ed25519 ... '
        "The client's own command comes in SSH_ORIGINAL_COMMAND, and is one of those "
        "that 'help' lists. Nothing is said on its stderr but why it failed; all else "
        "goes to the system's log."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["root", None, None, "Where content is kept: a folder."],
        ["config", "c", None, "A config.yml, in place of --root."],
        ["identity", None, None, "Whose key it is, for the log and the rules."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.rules: list[Rule] = []

    def opt_allow(self, text: str) -> None:
        """What the key may do, such as ``team/**:pull,push``; may be repeated."""
        try:
            self.rules.append(parse_allowed(text))
        except ValueError as error:
            raise usage.UsageError(
                f"--allow: {text!r} cannot be used: {error}."
            ) from error

    def postOptions(self) -> None:
        """See that it is known where content is, and what may be done to it."""
        if (self["root"] is None) == (self["config"] is None):
            raise usage.UsageError("Give one of --root and --config.")
        if self["root"] is not None and (not self["root"] or "://" in self["root"]):
            raise usage.UsageError(
                f"--root: {self['root']!r} cannot be used; it must be a folder."
            )
        name = self["identity"]
        if name is not None and (
            not may_exist(name, "-") or name in WORDS or name.startswith("@")
        ):
            raise usage.UsageError(f"--identity: {name!r} is nobody's name.")
        if not self.rules and (self["config"] is None or name is None):
            raise usage.UsageError(
                "--allow is needed: what the key may do. Only with --config and "
                "--identity the rules of the settings can say that."
            )

    def run(self) -> None:
        """Do what the client asks for.

        Raises:
            SettingsError: a setting cannot be used.
            SystemExit: at the end, with what became of it.
        """
        settings = self._settings()
        globalLogBeginner.beginLoggingTo(
            [SystemLog()], discardBuffer=True, redirectStandardIO=False
        )
        line = os.environb.get(b"SSH_ORIGINAL_COMMAND", b"")
        self.work_in_reactor(
            lambda reactor: self._work(reactor, settings, line),
            local=settings.is_local,
        )

    def _settings(self) -> Settings:
        if self["config"] is not None:
            return load_settings(self["config"], os.environ)[0]
        if not os.path.isdir(self["root"]):  # else it would be made
            raise SettingsError("--root: there is no such folder; make it first.")
        settings, _ = load_settings(None, {})
        storage = settings.storage.in_folder(self["root"])
        return msgspec.structs.replace(settings, storage=storage)

    async def _work(self, reactor: Any, settings: Settings, line: bytes) -> int:
        """Do it, tell why it failed, and say with what to end."""
        try:
            ending, told = await self._do(reactor, settings, line)
        except SettingsError:
            raise
        except Exception as error:  # noqa: BLE001 - it is told, or logged
            ending, told = explain(error)
        tell(told)
        return int(ending)

    async def _do(
        self, reactor: Any, settings: Settings, line: bytes
    ) -> tuple[Ending, str]:
        blocking = start_threads(reactor, _THREADS, "ssh")
        registry = make_registry(settings, reactor, blocking, lasting=False)
        rules = registry.mirror.rules
        rules.closed = tuple(await remember_passed(registry.store, rules.passing))
        policy: IPolicy = AllowedPolicy(self.rules)
        if not self.rules:
            policy = make_policy(settings)
        exchange = PipeExchange(
            sys.stdin.fileno(), sys.stdout.fileno(), reactor, blocking
        )
        reactor.addSystemEventTrigger("before", "shutdown", exchange.interrupt)
        audit = make_audit(settings.audit, blocking)
        trail = Trail(
            audit.write if settings.audit.enabled else None, pulls=settings.audit.pulls
        )
        identity = Identity(self["identity"] or "", address=_address(os.environ))
        commands = Commands(registry, blocking, PolicyPermission(registry, policy))
        began = reactor.seconds()
        done = await commands.run(line, identity, exchange)
        seconds = reactor.seconds() - began
        trail.note(done, identity, exchange.sent, exchange.received, seconds)
        await audit.close()
        await registry.quotas.flush()
        await registry.mirror.close()
        return done.ending, done.told


@implementer(ILogObserver)
class SystemLog:
    """Write what is logged to the system's log: stderr is the client's."""

    def __init__(self) -> None:
        syslog.openlog("txregistry", syslog.LOG_PID, syslog.LOG_DAEMON)

    def __call__(self, event: LogEvent) -> None:
        """Take an event in."""
        text = formatEvent(event)
        failure = event.get("log_failure")
        if failure is not None:
            text = f"{text}: {failure.getTraceback()}"
        priority = _PRIORITIES.get(event.get("log_level"), syslog.LOG_INFO)
        for each in text.replace("\0", "").splitlines():
            syslog.syslog(priority, printable(each))


def tell(sentence: str) -> None:
    """Tell the client why it failed."""
    if sentence:
        sys.stderr.write(f"txregistry: {sentence}\n")


def _address(environment: Mapping[str, str]) -> str:
    """Say where the client is."""
    text = environment.get("SSH_CONNECTION", "").partition(" ")[0]
    return text if parse_address(text) is not None else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it by itself, which takes half the time to begin: each command is a process.

    Raises:
        SystemExit: always.
    """
    options = SshCommand()
    try:
        with quiet_when_unread():
            options.parseOptions(sys.argv[1:] if arguments is None else arguments)
            options.run()
    except (usage.UsageError, SettingsError) as error:
        tell(str(error))
        raise SystemExit(_WRONG) from error
