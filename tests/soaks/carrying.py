"""An image with a large layer goes from every place to every other.

``python -m tests.soaks.carrying --size 2048``; ``--quick`` for a few seconds. It fails
where a byte is another than it was, or where memory grows with the layer.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.integration.clients.images import Content, digest_of
from tests.integration.daemon import ROOT, Daemon
from tests.integration.images.sshd import SshServer
from tests.transfer.archives.building import LAYOUT, TAR, image_of, place

_MIB: Final = 1 << 20
_GROWTH: Final = 64
"""MiB that a large layer may take more than a small one: buffers, and what the C
library keeps for each thread."""
_NAME: Final = "team/app:1"
_PROGRAM: Final = """\
import atexit, resource, sys
from txregistry.commands.{name} import main
def tell():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open({path!r}, "w") as file:
        file.write(str(peak))
atexit.register(tell)
main()
"""


class Carrying:
    """Carry an image about, and measure what that takes.

    Args:
        folder: Where all is.
        size: MiB of the layer.
        brief: Whether only a folder and SSH are tried.
    """

    def __init__(self, folder: Path, size: int, *, brief: bool = False) -> None:
        self.folder = folder
        self.size = size
        self._brief = brief
        self.peaks: dict[str, int] = {}
        self.wrong: list[str] = []
        self._there = folder / "peak-there"
        self._archive = folder / "given.tar"
        self._wanted = ""

    def run(self) -> None:
        """Go all ways."""
        self._wanted = write_archive(self._archive, self.size)
        near = self.folder / "near"
        near.mkdir()
        self.put("a folder", str(near))
        whole = self.folder / "whole.tar"
        self.get("a folder", str(near), whole)
        shutil.rmtree(near / "docker", ignore_errors=False)
        self._archive.unlink()
        whole.rename(self._archive)
        self.put("a folder again", str(near))
        if not self._brief:
            self._go_further(near)
        far = self.folder / "far"
        far.mkdir()
        with _sshd(self.folder / "sshd") as server:
            self._watch(server.directory / "bin")
            self.put("SSH", server.url(far), *server.options)
            if self._brief:
                return
            self.get("SSH", server.url(far), self.folder / "ssh.tar", *server.options)
            again = ("--resume", *server.options)
            self.put("SSH, again", server.url(far), *again)

    def _go_further(self, near: Path) -> None:
        """Go by way of HTTP, and of a bundle."""
        self.step("verifying a folder", "registryget", str(near), _NAME, "--verify")
        with _daemon(self.folder / "daemon") as daemon:
            self.put("HTTP", daemon.url)
            self.get("HTTP", daemon.url, self.folder / "http.tar")
            self.peaks["the daemon"] = daemon.peak_memory() // _MIB
        shutil.rmtree(self.folder / "daemon")
        other = self.folder / "other"
        other.mkdir()
        bundle = str(self.folder / "bundle")
        self.step("a bundle", "txregistry", "bundle", str(near), bundle, _NAME)
        self.step("importing it", "txregistry", "import", bundle, str(other))
        shutil.rmtree(other)

    def put(self, what: str, target: str, *options: str) -> None:
        """Put the archive somewhere."""
        words = (target, _NAME, "--input", str(self._archive), *options)
        told = self.step(f"put to {what}", "registryput", *words)
        if told != self._wanted:
            self.wrong.append(f"put to {what}: {told}")

    def get(self, what: str, source: str, path: Path, *options: str) -> None:
        """Get it from somewhere, in two goes; what was got must be the same."""
        words = (source, _NAME, "--output", str(path), *options)
        self.step(f"get from {what}", "registryget", *words)
        before = _sum(path)
        os.truncate(path, path.stat().st_size // 2)
        path.rename(f"{path}.part")
        self.step(f"get the rest from {what}", "registryget", *words, "--resume")
        if before != _sum(path) or (what == "HTTP" and before != _sum(self._archive)):
            self.wrong.append(f"get from {what}: other bytes")
        if path.name != "whole.tar":
            path.unlink()

    def step(self, what: str, program: str, *arguments: str) -> str:
        """Do something, and measure it; give what is said."""
        self._there.unlink(missing_ok=True)
        module = "main" if program == "txregistry" else program
        code = f"from txregistry.commands.{module} import main; main()"
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder)},
        )
        assert process.stdout is not None
        told = process.stdout.read().decode().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        took = time.monotonic() - began
        self.peaks[what] = usage.ru_maxrss // 1024
        there = ""
        if self._there.exists():
            self.peaks[f"{what}, there"] = int(self._there.read_text()) // 1024
            there = f", {self.peaks[f'{what}, there']} MiB there"
        print(
            f"{what:30} {took:7.1f} s {self.size / took:7.0f} MiB/s "
            f"{self.peaks[what]:5} MiB at most{there}",
            flush=True,
        )
        if process.returncode:
            self.wrong.append(f"{what}: it ended with {process.returncode}")
        return told

    def _watch(self, commands: Path) -> None:
        """Have the commands behind SSH tell how much memory they took."""
        for name in ("registryget", "registryput"):
            script = commands / f"{name}.py"
            script.write_text(_PROGRAM.format(name=name, path=str(self._there)))
            (commands / name).write_text(
                f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {script} "$@"\n'
            )


def write_archive(path: Path, size: int) -> str:
    """Write an archive of an image with one layer; give the image's digest.

    Args:
        path: The archive.
        size: MiB of the layer.
    """
    layer = path.with_suffix(".layer")
    chance, hashing = random.Random(7), hashlib.sha256()
    with layer.open("wb") as file:
        for _ in range(size):
            piece = chance.randbytes(_MIB)
            hashing.update(piece)
            file.write(piece)
    digest = f"sha256:{hashing.hexdigest()}"
    small = Content(TAR, b"")
    image = image_of([small], [digest])
    document = image.manifest.data.replace(
        small.digest.encode(), digest.encode()
    ).replace(b'"size": 0', f'"size": {size * _MIB}'.encode())
    manifest = Content(image.manifest.media_type, document)
    index = (
        b'{"schemaVersion": 2, "manifests": [{"mediaType": "%s", "digest": "%s", '
        b'"size": %d}]}'
        % (manifest.media_type.encode(), manifest.digest.encode(), len(document))
    )
    documents = path.with_suffix(".documents")
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in (
            ("oci-layout", LAYOUT),
            ("index.json", index),
            (place(manifest.digest), document),
            (place(image.config.digest), image.config.data),
        ):
            documents.write_bytes(data)
            archive.add(documents, name)
        archive.add(layer, place(digest))
    layer.unlink()
    documents.unlink()
    return digest_of(document)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _daemon(folder: Path) -> Iterator[Daemon]:
    daemon = Daemon(folder)
    try:
        yield daemon
    finally:
        daemon.discard()


@contextmanager
def _sshd(folder: Path) -> Iterator[SshServer]:
    server = SshServer(folder)
    try:
        yield server
    finally:
        server.discard()


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry a small image, and then a large one.

    Returns:
        The exit status: 1 where something was wrong.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048, help="MiB of the layer")
    parser.add_argument("--quick", action="store_true", help="the small one only")
    options = parser.parse_args(arguments)
    wrong: list[str] = []
    small: dict[str, int] = {}
    for size in (8,) if options.quick else (8, options.size):
        print(f"a layer of {size} MiB")
        with TemporaryDirectory(prefix="carrying-") as folder:
            carrying = Carrying(Path(folder), size, brief=options.quick)
            carrying.run()
        wrong += carrying.wrong
        small = small or carrying.peaks
        for what, peak in carrying.peaks.items():
            if peak > small[what] + _GROWTH:
                wrong.append(f"{what}: {peak} MiB in place of {small[what]}")
    for each in wrong:
        print("WRONG:", each)
    print(f"{len(wrong)} things were wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
