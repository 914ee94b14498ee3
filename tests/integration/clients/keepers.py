"""Couriers that keep images in a storage: engines, and what works without one."""

from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.couriers import Courier
from tests.integration.clients.engine import Engine
from tests.integration.clients.images import Image, write_archive


class Podman(Courier):
    """Certificates are found by themselves, below ``~/.config/containers/certs.d``."""

    program = "podman"
    storage: ClassVar[tuple[str, ...]] = (
        *("--storage-driver", "vfs", "--root", "{0}/root", "--runroot", "{0}/run"),
        *("--cgroup-manager", "cgroupfs", "--events-backend", "none"),
        *("--tmpdir", "{0}/tmp"),
    )

    def settle(self, case: SynchronousTestCase) -> None:
        """See `Courier`."""
        del case
        if self.certificates is not None:
            home = Path(self.environment["HOME"])
            place = home / ".config" / "containers" / "certs.d"
            place.mkdir()
            (place / self.host).symlink_to(self.certificates)

    @property
    def _tls(self) -> str:
        return f"--tls-verify={str(self.certificates is not None).lower()}"

    def login_command(self, user: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("login", self._tls, "-u", user, "--password-stdin", self.host)

    def take(self, name: str, image: Image) -> None:
        """See `Courier`."""
        super().take(name, image)
        source = f"oci:{self.layout(image)}:it"
        identity = self.client.text("pull", source).splitlines()[-1]
        self.client.run("tag", identity, self.url(name))

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """See `Courier`."""
        del image
        return ("push", self._tls, self.url(name))

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        del target
        self.client.run("rmi", "--all", "--force")
        return ("pull", self._tls, self.url(name))

    def check(self, name: str, target: str, image: Image) -> None:
        """See `Courier`."""
        del target
        looking = ("inspect", "--type", "image", self.url(name))
        assert image.config.digest[7:] in self.client.text(*looking), name


class Buildah(Podman):
    program = "buildah"
    storage = Podman.storage[:6]


class Docker(Courier):
    """An engine of its own, and the command that speaks to it."""

    program = "docker"

    def settle(self, case: SynchronousTestCase) -> None:
        """See `Courier`."""
        places = None
        if self.certificates is not None:
            places = self.directory / "certs.d"
            places.mkdir()
            (places / self.host).symlink_to(self.certificates)
        engine = Engine(self.environment, places)
        case.addCleanup(engine.discard)
        self.environment = engine.environment

    def login_command(self, user: str) -> tuple[str, ...]:
        """See `Courier`."""
        return ("login", "--username", user, "--password-stdin", self.host)

    def take(self, name: str, image: Image) -> None:
        """See `Courier`."""
        archive = self.directory / "archive.tar"
        write_archive(archive, image, self.url(name))
        self.client.run("load", "--input", str(archive))

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """See `Courier`."""
        del image
        return ("push", self.url(name))

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        del target
        self.client.run("image", "prune", "--all", "--force")
        return ("pull", self.url(name))

    def check(self, name: str, target: str, image: Image) -> None:
        """See `Courier`."""
        del target
        looking = ("image", "inspect", "--format", "{{.Id}}", self.url(name))
        assert self.client.text(*looking) == image.config.digest, name
