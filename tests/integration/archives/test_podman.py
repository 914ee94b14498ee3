"""Podman saves archives that are read, and loads ours."""

from tests.integration.archives import case
from tests.integration.archives.case import in_zstd, tars_of
from tests.integration.clients.images import Image, Index
from tests.integration.clients.programs import Program


class PodmanTests(case.ExchangeCase):
    program = "podman"

    def make_program(self, *command: str) -> Program:
        """Run Podman without systemd, and without folders outside of the test's."""
        storage = self.directory / "storage"
        return super().make_program(
            *command,
            *("--storage-driver", "vfs"),
            *("--root", str(storage / "root"), "--runroot", str(storage / "run")),
            *("--cgroup-manager", "cgroupfs", "--events-backend", "none"),
            *("--tmpdir", str(storage / "tmp")),
        )

    def forget(self) -> None:
        """Remove all images."""
        self.client.run("rmi", "--all", "--force")

    def test_what_it_saves(self) -> None:
        name = "registry.example/team/app:1"
        told = self.client.text("pull", self.layout(self.image))
        self.client.run("tag", told.splitlines()[-1], name)
        for form in ("docker-archive", "oci-archive"):
            path = self.directory / f"{form}.tar"
            self.client.run("save", "--format", form, "--output", str(path), name)
            self.theirs(path, name)
            self.assertHoldsPlain(self.image)
            packed = self.client.run("save", "--format", form, name)
            self.theirs(packed)
            self.assertHoldsPlain(self.image)

    def test_what_it_loads(self) -> None:
        targets: list[Image | Index] = [self.image, self.index, in_zstd(self.image)]
        for target in targets:
            image = target.images[0] if isinstance(target, Index) else target
            tars = self.image if target is targets[2] else image
            path = self.ours(target)
            for given in (b"", path.read_bytes()):
                arguments = () if given else ("--input", str(path))
                self.client.run("load", *arguments, given=given)
                found = self.client.json("inspect", "docker.io/library/alpine:it")[0]
                self.assertEqual(f"sha256:{found['Id']}", image.config.digest)
                self.assertEqual(found["RootFS"]["Layers"], tars_of(tars))
                self.forget()
