"""What our programs write is loaded, and what others save is taken, through a pipe."""

import subprocess

from tests.integration.clients.engine import Engine
from tests.integration.clients.images import digest_of, read_layout
from tests.integration.clients.programs import TIMEOUT, Program, find
from tests.integration.images import case
from tests.integration.images.case import IMAGE, INDEX

NAME = "registry.example/team/app:1"


class EngineTests(case.JourneyCase):
    def setUp(self) -> None:
        """Fill a folder."""
        super().setUp()
        self.registry = self.folder()
        self.put(self.registry, INDEX, "team/app:1")

    def pipe(self, text: str) -> None:
        """Run a pipe in a shell; all of it ends well."""
        environment = {**self.environment, "PATH": self.path()}
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", text],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def path(self) -> str:
        """Where programs are looked for: ours first."""
        return f"{self.commands}:{self.environment['PATH']}"

    def put_back(self, save: str) -> list[str]:
        """Take what is saved; give the digests of its layers, unpacked."""
        self.pipe(f"{save} | registryput {self.registry} team/back:1")
        path = self.directory / "back.tar"
        self.run_well("registryget", self.registry, "team/back:1", "-o", path)
        skopeo = Program(
            find("skopeo"), environment=self.environment, directory=self.directory
        )
        found = skopeo.json("inspect", "--config", f"docker-archive:{path}")
        path.unlink()
        layers: list[str] = found["rootfs"]["diff_ids"]
        return layers

    def assertIsOurs(self, layers: list[str]) -> None:
        """Layers are those of the image for this platform."""
        tars = map(digest_of, INDEX.images[0].tars)
        self.assertEqual(layers, [*tars])

    def test_docker(self) -> None:
        find("docker")
        engine = Engine(self.environment)
        self.addCleanup(engine.discard)
        self.environment = engine.environment
        self.pipe(f"registryget {self.registry} team/app:1 | docker load")
        client = Program(
            find("docker"), environment=self.environment, directory=self.directory
        )
        found = client.json("image", "inspect", "team/app:1")[0]
        self.assertEqual(found["Id"], INDEX.images[0].config.digest)
        self.assertIsOurs(self.put_back("docker save team/app:1"))

    def test_podman(self) -> None:
        storage = self.directory / "storage"
        podman = (
            f"{find('podman')} --storage-driver vfs --root {storage}/root --runroot "
            f"{storage}/run --cgroup-manager cgroupfs --events-backend none --tmpdir "
            f"{storage}/tmp"
        )
        self.pipe(f"registryget {self.registry} team/app:1 | {podman} load")
        for form in ("docker-archive", "oci-archive"):
            save = f"{podman} save --format {form} docker.io/team/app:1"
            self.assertIsOurs(self.put_back(save))

    def test_skopeo(self) -> None:
        path, layout = self.directory / "image.tar", self.directory / "layout"
        self.run_well("registryget", self.registry, "team/app:1", "-o", path)
        skopeo = Program(
            find("skopeo"), environment=self.environment, directory=self.directory
        )
        skopeo.run("copy", "--all", f"oci-archive:{path}", f"oci:{layout}:it")
        self.assertIn(INDEX.digest, read_layout(layout))
        back = self.directory / "back.tar"
        skopeo.run("copy", "--all", f"oci:{layout}:it", f"oci-archive:{back}:it")
        given = back.read_bytes()
        told = self.run_well("registryput", self.registry, "again:1", given=given)
        self.assertEqual(told.decode().strip(), INDEX.digest)
        self.put(self.registry, IMAGE, "team/one:1")
        path.unlink()
        self.run_well("registryget", self.registry, "team/one:1", "-o", path)
        skopeo.run("copy", f"docker-archive:{path}:team/one:1", f"dir:{layout}-one")
