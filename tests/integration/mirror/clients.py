"""Clients that are set at a mirror by what ``mirror-config`` wrote, and no option."""

import os
import shutil
import signal
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.containerd import Ctr
from tests.integration.clients.couriers import Courier, Crane, Skopeo
from tests.integration.clients.engine import Engine
from tests.integration.clients.keepers import Docker, Podman
from tests.integration.daemon import LOOPBACK
from tests.integration.mirror.case import HUB, HUB_HOST
from tests.integration.tuned import replace_file, wait_for

_CONTAINERS = "etc/containers"


class MirrorClient(Courier):
    """A client that names images in full; its ``host`` is the mirror."""

    tells: ClassVar[str]
    """What ``mirror-config`` calls it; empty where it needs nothing."""
    calls: ClassVar[str] = LOOPBACK
    """What it calls the mirror."""
    architecture = "amd64"
    """For what it pulls."""

    def take_files(self, root: Path) -> None:
        """Put the files that were written where the client looks."""

    def name(self, registry: str, image: str) -> str:
        """Say what it calls an image of a registry that is mirrored."""
        return f"{registry}/{image}"

    def url(self, name: str) -> str:
        """See `Courier`."""
        return name

    def take_registries(self, root: Path) -> None:
        """Take the files of podman and its kin, which are looked for at home, too."""
        home = Path(self.environment["HOME"]) / ".config" / "containers"
        for folder in (root / _CONTAINERS).iterdir():
            shutil.copytree(folder, home / folder.name)


class MirrorSkopeo(MirrorClient, Skopeo):
    tells = "podman"

    def take_files(self, root: Path) -> None:
        """See `MirrorClient`."""
        self.take_registries(root)

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        platform = ("--override-os=linux", f"--override-arch={self.architecture}")
        return (*platform, "copy", f"docker://{name}", f"oci:{target}:it")


class MirrorPodman(MirrorClient, Podman):
    tells = "podman"

    def take_files(self, root: Path) -> None:
        """See `MirrorClient`."""
        self.take_registries(root)

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        super().pull_command(name, target)
        return ("pull", "--arch", self.architecture, name)


class MirrorCrane(MirrorClient, Crane):
    """It knows of no mirrors: it is told by the name of the image."""

    tells = ""

    def name(self, registry: str, image: str) -> str:
        """See `MirrorClient`."""
        return f"{self.host}/{registry}/{image}"

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        platform = f"--platform=linux/{self.architecture}"
        return ("pull", platform, "--format=oci", name, target)


class MirrorCtr(MirrorClient, Ctr):
    tells = "containerd"
    _hosts = ""

    def take_files(self, root: Path) -> None:
        """See `MirrorClient`."""
        self._hosts = str(root / "etc" / "containerd" / "certs.d")

    @property
    def _options(self) -> tuple[str, ...]:
        platform = ("--platform", f"linux/{self.architecture}")
        return ("--hosts-dir", self._hosts, *platform)


class MirrorDocker(MirrorClient, Docker):
    """It goes to mirrors for Docker Hub alone; others are in the name of the image."""

    tells = "docker"
    calls = HUB_HOST

    def settle(self, case: SynchronousTestCase) -> None:
        """See `Courier`."""
        self._engine = Engine(self.environment)
        case.addCleanup(self._engine.discard)
        self.environment = self._engine.environment

    def take_files(self, root: Path) -> None:
        """See `MirrorClient`."""
        text = (root / "etc" / "docker" / "daemon.json").read_text()
        replace_file(self._engine.directory / "daemon.json", text)
        pid = int((self._engine.directory / "pid").read_text())
        os.kill(pid, signal.SIGHUP)
        looking = ("info", "--format", "{{json .RegistryConfig.Mirrors}}")
        wait_for(lambda: self.client.json(*looking), "docker has a mirror")

    def name(self, registry: str, image: str) -> str:
        """See `MirrorClient`."""
        return image if registry == HUB else f"{self.host}/{registry}/{image}"

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        super().pull_command(name, target)
        return ("pull", "--platform", f"linux/{self.architecture}", name)
