"""``txregistry mirror-config``: say what clients of this mirror are to be told."""

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from cryptography.hazmat.primitives.serialization import Encoding
from twisted.python import usage

from txregistry.commands.mirrorfiles import (
    CLIENTS,
    MARK,
    Advice,
    ClientFile,
    MirrorPlace,
)
from txregistry.commands.options import CommandOptions
from txregistry.settings.mirror import Upstream
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.tls.pem import read_certificates


class MirrorConfig(CommandOptions):
    """``mirror-config``: print files of clients, or write them."""

    synopsis = f"Usage: txregistry mirror-config {'|'.join(CLIENTS)} [options]"
    longdesc = (
        "Prints the files by which a client goes to this mirror for the registries of "
        "mirror.upstreams, each after a line with its path. podman's are those of "
        "CRI-O, skopeo and buildah, too."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["config", "c", None, "The mirror's config.yml."],
        ["url", "u", None, "How clients reach the mirror. [default: http.host]"],
        ["ca", None, None, "The certificates (PEM) by which clients trust the mirror."],
        ["output", "o", None, "Write the files below this folder; / is where they go."],
    ]

    client: str

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, client: str
    ) -> None:
        """Take who is to be told."""
        if client not in CLIENTS:
            raise usage.UsageError(
                f"{client!r} cannot be used; it must be one of: {', '.join(CLIENTS)}."
            )
        self.client = client

    def run(self) -> None:
        """Say what the client is to be told.

        Raises:
            SettingsError: that cannot be said, or not be written.
        """
        settings, _ = load_settings(self["config"], os.environ)
        upstreams = _upstreams(settings)
        advice = CLIENTS[self.client](upstreams, self._place(settings))
        for remark in advice.remarks:
            sys.stderr.write(f"# {remark}\n")
        if self["output"] is not None:
            advice = self._write(advice, self["output"])
        sys.stdout.write("\n".join(map(_show, advice.files)))

    def _place(self, settings: Settings) -> MirrorPlace:
        """Find out how clients reach the mirror."""
        text, setting = self["url"], "--url"
        if text is None:
            text, setting = settings.http.host, "http.host"
        if text is None:
            raise SettingsError(
                "--url: say how clients reach the mirror, such as "
                "https://mirror.example:5000; or set http.host."
            )
        try:
            place = MirrorPlace.parse(text)
        except ValueError as error:
            raise SettingsError(f"{setting}: {error}") from error
        if self["ca"] is None:
            return place
        if place.is_plain:
            raise SettingsError(
                f"--ca: {place} is no TLS, and needs nobody to vouch for it; give "
                "a URL of https, or leave --ca out."
            )
        found = read_certificates("--ca", self["ca"])
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in found)
        return MirrorPlace(place.scheme, place.address, pem.decode())

    def _write(self, advice: Advice, folder: str) -> Advice:
        """Write files; give what is left to be done by hand.

        Raises:
            SettingsError: one would take another's place, or cannot be written; in
                the first case nothing was.
        """
        whole = [each for each in advice.files if not each.is_piece]
        try:
            wanted = [each for each in whole if _is_wanted(folder, each)]
            for file in wanted:
                _replace(_path(folder, file), file.text)
                sys.stderr.write(f"# Written: {_path(folder, file)}\n")
        except OSError as error:
            raise SettingsError(f"--output: {error}.") from error
        left = tuple(each for each in advice.files if each.is_piece)
        return Advice(left, advice.remarks)


def _upstreams(settings: Settings) -> tuple[Upstream, ...]:
    """List what the registry is a mirror of."""
    found = settings.mirror.upstreams
    if settings.proxy is not None:
        found = (*found, settings.proxy.as_upstream())
    if not found:
        raise SettingsError(
            "mirror.upstreams: there is none, so there is nothing to tell clients; "
            "give the mirror's settings by --config."
        )
    return found


def _show(file: ClientFile) -> str:
    piece = "A piece of " if file.is_piece else ""
    return f"# {piece}{file.path}\n{file.text}"


def _path(folder: str, file: ClientFile) -> str:
    return os.path.join(folder, file.path.lstrip("/"))


def _is_wanted(folder: str, file: ClientFile) -> bool:
    """Say whether a file is to be written; it takes the place of none but our own."""
    path = _path(folder, file)
    try:
        with open(path, "rb") as found:
            data = found.read()
    except FileNotFoundError:
        return True
    if data == file.text.encode():
        return False
    if data.startswith(MARK.encode()):
        return True
    raise SettingsError(
        f"--output: {path} is there, and other things are in it. Nothing was written; "
        "put what it lacks into it by hand (without --output it is printed), or move "
        "it away."
    )


def _replace(path: str, text: str) -> None:
    """Write a file at one stroke."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = f"{path}.new"
    with open(new, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
