"""``txregistry``: what there is to do beside serving."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, ClassVar, Final

from twisted.python import usage

from txregistry.commands.unread import quiet_when_unread
from txregistry.heap import loading
from txregistry.settings.section import SettingsError

_COMMANDS: Final = (
    (
        "check-config",
        "checkconfig.CheckConfig",
        "Check the settings and print them all.",
    ),
    ("certs", "certs.Certs", "Make certificates to try client certificates with."),
    ("explain", "explain.Explain", "Say whether somebody may do something, and why."),
    ("copy-store", "copystore.CopyStore", "Copy all that is kept to another store."),
    ("bundle", "bundle.BundleImages", "Write several images into one file."),
    ("import", "importbundle.ImportBundle", "Take the images of a bundle in."),
    ("export", "export.ExportImages", "Write images for a plain web server."),
    ("import-v1", "importer.ImportV1", "Take in the data of docker-registry 0.9."),
    ("mirror-config", "mirrorconfig.MirrorConfig", "Tell clients about this mirror."),
    ("ssh-command", "sshcommand.SshCommand", "Do what a client of OpenSSH asks for."),
    ("warm", "warm.Warm", "Fetch images ahead into this mirror."),
    ("gc", "gc.Gc", "Collect what nobody needs."),
    ("quotas", "quotas.Quotas", "Tell how much of each quota is used."),
    ("fsck", "fsck.Fsck", "Find what is wrong in a store, and mend it."),
    ("tags", "tags.Tags", "Tell where tags point, and where they pointed."),
    ("undo", "undo.Undo", "Let a tag point to what it pointed to before."),
    ("rm", "remove.Remove", "Remove a tag, a manifest or a repository."),
)
"""What there is to do, where that is, and what it does."""


def _later(module: str, name: str) -> Callable[[], Any]:
    """Make a command when it is asked for: to load all of them takes long.

    Args:
        module: Where it is.
        name: Its class.
    """

    def make() -> Any:
        with loading():
            found = import_module(f"txregistry.commands.{module}")
        return getattr(found, name)()

    return make


class Options(usage.Options):
    """What ``txregistry`` takes."""

    synopsis = "Usage: txregistry <command> [options]"
    subCommands: ClassVar[Sequence[Sequence[Any]]] = [
        [name, None, _later(*where.split(".")), what] for name, where, what in _COMMANDS
    ]

    def postOptions(self) -> None:
        """Do what is asked for."""
        if self.subCommand is None:
            raise usage.UsageError("A command is needed; --help lists them.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exit with 2 where it cannot be done.

    Raises:
        SystemExit: it cannot, or nobody reads what it says.
    """
    with quiet_when_unread():
        _run(arguments)


def _run(arguments: Sequence[str] | None) -> None:
    options = Options()
    try:
        options.parseOptions(arguments)
        options.subOptions.run()
    except (usage.UsageError, SettingsError) as error:
        sys.stderr.write(f"txregistry: {error}\n")
        raise SystemExit(2) from error
