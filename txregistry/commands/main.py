"""``txregistry``: what there is to do beside serving."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
import yaml
from twisted.python import usage

from txregistry.assembly.doubts import find_doubts
from txregistry.commands.bundle import BundleImages
from txregistry.commands.certs import Certs
from txregistry.commands.copystore import CopyStore
from txregistry.commands.explain import Explain
from txregistry.commands.export import ExportImages
from txregistry.commands.fsck import Fsck
from txregistry.commands.gc import Gc
from txregistry.commands.importbundle import ImportBundle
from txregistry.commands.importer import ImportV1
from txregistry.commands.mirrorconfig import MirrorConfig
from txregistry.commands.remove import Remove
from txregistry.commands.sshcommand import SshCommand
from txregistry.commands.tags import Tags
from txregistry.commands.undo import Undo
from txregistry.commands.unread import quiet_when_unread
from txregistry.commands.warm import Warm
from txregistry.service import rehearse
from txregistry.settings.reading import load_settings
from txregistry.settings.roles import ROLES
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings

_SECRETS: Final = frozenset(
    {"applicationcredentialsecret", "password", "secretkey", "sessiontoken"}
)
_HIDDEN: Final = "(not shown)"
_USER: Final = re.compile(r"(https?://[^/?#@:]*:)[^/?#@]*(@)", re.IGNORECASE)
"""A URL with a password in it."""


class CheckConfig(usage.Options):
    """``check-config``: say what the settings come to, or what is wrong with them.

    Every file that they name is read, as at the start; nothing is listened at, and
    nothing written.
    """

    synopsis = "Usage: txregistry check-config [--config FILE] [--role ROLE]"
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["config", "c", None, "A config.yml, as of CNCF Distribution."],
        ["role", "r", None, f"What the registry is for: {', '.join(ROLES)}."],
    ]

    def run(self) -> None:
        """Print the settings in force, as YAML.

        Raises:
            SettingsError: one cannot be used.
        """
        settings, ignored = load_settings(self["config"], os.environ, self["role"])
        for name in ignored:
            sys.stderr.write(f"{name}: the setting has no meaning here.\n")
        rehearse(settings)
        for doubt in find_doubts(settings, self["config"]):
            sys.stderr.write(f"{doubt}\n")
        sys.stdout.write(_as_yaml(settings))


class Options(usage.Options):
    """What ``txregistry`` takes."""

    synopsis = "Usage: txregistry <command> [options]"
    subCommands: ClassVar[Sequence[Sequence[Any]]] = [
        ["check-config", None, CheckConfig, "Check the settings and print them all."],
        ["certs", None, Certs, "Make certificates to try client certificates with."],
        ["explain", None, Explain, "Say whether somebody may do something, and why."],
        ["copy-store", None, CopyStore, "Copy all that is kept to another store."],
        ["bundle", None, BundleImages, "Write several images into one file."],
        ["import", None, ImportBundle, "Take the images of a bundle in."],
        ["export", None, ExportImages, "Write images for a plain web server."],
        ["import-v1", None, ImportV1, "Take in the data of docker-registry 0.9."],
        ["mirror-config", None, MirrorConfig, "Tell clients about this mirror."],
        ["ssh-command", None, SshCommand, "Do what a client of OpenSSH asks for."],
        ["warm", None, Warm, "Fetch images ahead into this mirror."],
        ["gc", None, Gc, "Collect what nobody needs."],
        ["fsck", None, Fsck, "Find what is wrong in a store, and mend it."],
        ["tags", None, Tags, "Tell where tags point, and where they pointed."],
        ["undo", None, Undo, "Let a tag point to what it pointed to before."],
        ["rm", None, Remove, "Remove a tag, a manifest or a repository."],
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


def _as_yaml(settings: Settings) -> str:
    plain = msgspec.to_builtins(settings, enc_hook=lambda value: f"{value:.12g}s")
    return str(yaml.safe_dump(_given(plain), sort_keys=False))


def _given(value: Any) -> Any:
    """Leave out what is None, and do not show what is nobody's business.

    As text, a section that is empty would be given.
    """
    if isinstance(value, list | tuple):
        return [_given(each) for each in value]
    if isinstance(value, str):
        return _USER.sub(rf"\1{_HIDDEN}\2", value)
    if not isinstance(value, dict):
        return value
    return {
        name: _HIDDEN if name in _SECRETS else _given(each)
        for name, each in value.items()
        if each is not None
    }
