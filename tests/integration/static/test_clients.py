"""Clients of today pull from nginx, and read what was exported as an OCI layout."""

import json
from pathlib import Path

from tests.integration.clients.engine import Engine
from tests.integration.clients.images import contents_of, read_layout
from tests.integration.clients.programs import Program
from tests.integration.static import case
from tests.integration.static.case import NESTED


class SkopeoTests(case.StaticCase):
    program = "skopeo"

    def test_pulls_from_nginx(self) -> None:
        self.serve()
        named = {f"team/app:{tag}": each for tag, each in self.targets().items()}
        named[f"{NESTED}:index"] = self.index
        named[f"{NESTED}@{self.index.digest}"] = self.index
        for number, (name, target) in enumerate(named.items()):
            layout = self.directory / f"{number}"
            self.client.run(
                *("copy", "--src-tls-verify=false", "--all", "--preserve-digests"),
                f"docker://{self.host}/{name}",
                f"dir:{layout}",
            )
            data = Path(layout, "manifest.json").read_bytes()
            self.assertEqual(data, target.manifest.data)

    def test_lists_tags(self) -> None:
        self.serve()
        found = self.client.json(
            "list-tags", "--tls-verify=false", f"docker://{self.host}/team/app"
        )
        self.assertEqual(sorted(found["Tags"]), sorted(self.targets()))

    def test_reads_a_layout_by_its_names(self) -> None:
        self.tree.root = self.directory / "layout"
        self.export_layout()
        for tag in ("image", "index"):
            target = self.targets()[tag]
            self.client.run(
                *("copy", "--all", "--preserve-digests"),
                f"oci:{self.tree.root}:team/app:{tag}",
                f"oci:{self.directory}/{tag}:it",
            )
            found = read_layout(self.directory / tag)
            self.assertTrue(found == contents_of(target))


class CraneTests(case.StaticCase):
    program = "crane"

    def test_pulls_from_nginx(self) -> None:
        self.serve()
        for tag, target in self.targets().items():
            name = f"{self.host}/team/app:{tag}"
            self.assertEqual(self.client.text("digest", name).strip(), target.digest)
            data = self.client.run("manifest", name)
            self.assertEqual(data, target.manifest.data)
            layout = self.directory / f"pulled-{tag}"
            self.client.run("pull", "--format=oci", name, str(layout))
            found = read_layout(layout)
            for digest, data in contents_of(target).items():
                self.assertTrue(found[digest] == data)

    def test_lists_and_copies(self) -> None:
        self.serve()
        self.assertEqual(
            self.client.text("catalog", self.host).split(), [str(NESTED), "team/app"]
        )
        self.assertEqual(
            self.client.text("ls", f"{self.host}/team/app").split(),
            sorted(self.targets()),
        )
        self.client.run("validate", "--remote", f"{self.host}/team/app:image")


class OrasTests(case.StaticCase):
    program = "oras"

    def copy(self, name: str) -> tuple[str, ...]:
        """Spell how an image is copied into a layout."""
        options = ("copy", "--from-plain-http", "--to-oci-layout")
        return (*options, f"{self.host}/{name}", f"{self.directory}/pulled:it")

    def test_pulls_from_nginx(self) -> None:
        self.serve()
        for reference in (":index", f"@{self.index.digest}"):
            self.client.run(*self.copy(f"team/app{reference}"))
            found = read_layout(self.directory / "pulled")
            self.assertTrue(found == contents_of(self.index))

    def test_wants_to_be_told_the_digest_of_a_tag_that_it_resolves(self) -> None:
        self.serve()
        name = f"{self.host}/team/app:index"
        told = self.client.refuse("resolve", "--plain-http", name)
        self.assertIn("Docker-Content-Digest", told)


class PodmanTests(case.StaticCase):
    program = "podman"

    def test_pulls_from_nginx(self) -> None:
        self.serve()
        for tag in ("image", "docker.json", "index"):
            name = f"{self.host}/team/app:{tag}"
            self.client.run("pull", "--tls-verify=false", name)
            found = self.client.json("image", "inspect", name)[0]
            image = self.targets()[tag]
            digest = case.config_of(image).digest
            self.assertEqual(f"sha256:{found['Id']}", digest)


class DockerTests(case.StaticCase):
    program = "docker"

    def make_program(self, *command: str) -> Program:
        """Run an engine of the test's own."""
        engine = Engine(self.environment)
        self.addCleanup(engine.discard)
        self.environment = engine.environment
        return super().make_program(*command)

    def test_pulls_from_nginx(self) -> None:
        self.serve()
        for tag, target in self.targets().items():
            name = f"{self.host}/team/app:{tag}"
            told = self.client.text("pull", name)
            self.assertIn(target.digest, told)
            found = self.client.json("image", "inspect", name)[0]
            config = case.config_of(target).data
            self.assertEqual(
                found["RootFS"]["Layers"], json.loads(config)["rootfs"]["diff_ids"]
            )
