"""A Docker engine saves archives that are read, and loads ours."""

import io
import tarfile
from dataclasses import replace

from tests.integration.archives import case
from tests.integration.archives.case import in_zstd, tars_of
from tests.integration.clients.engine import Engine
from tests.integration.clients.images import Image, Index, make_image
from tests.integration.clients.programs import Program, ProgramError
from tests.registry.case import NAME
from tests.transfer.archives.building import image_of
from txregistry.model.digest import Digest

OURS = "library/alpine:it"


class DockerTests(case.ExchangeCase):
    program = "docker"

    def make_program(self, *command: str) -> Program:
        """Run an engine of the test's own."""
        engine = Engine(self.environment)
        self.addCleanup(engine.discard)
        self.environment = engine.environment
        return super().make_program(*command)

    def assertLoads(self, target: Image | Index, image: Image, tars: Image) -> None:
        """The engine loads our archive of an image."""
        path = self.ours(target)
        for given in (b"", path.read_bytes()):
            arguments = () if given else ("--input", str(path))
            self.client.run("load", *arguments, given=given)
            found = self.client.json("image", "inspect", OURS)[0]
            self.assertEqual(found["Id"], image.config.digest)
            self.assertEqual(found["RootFS"]["Layers"], tars_of(tars))
        saved = self.client.run("save", OURS)
        self.theirs(saved, OURS)
        self.assertHoldsPlain(tars)
        self.client.run("image", "rm", "--force", OURS)

    def test_loads_and_saves(self) -> None:
        self.assertLoads(self.image, self.image, self.image)
        self.assertLoads(self.index, self.index.images[0], self.index.images[0])
        docker = make_image("types", docker=True)
        self.assertLoads(docker, docker, docker)

    def test_layers_in_zstd(self) -> None:
        image = in_zstd(self.image)
        try:
            self.assertLoads(image, self.image, self.image)
        except ProgramError as error:  # engines before 23 cannot unpack it
            self.assertIn("invalid tar header", str(error))

    def test_several_images_that_share_layers(self) -> None:
        twin = image_of(self.image.layers, tars_of(self.image), author="another")
        for number, image in enumerate((self.image, twin)):
            self.push_image(image)
            path = self.directory / f"{number}.tar"
            path.write_bytes(self.write(self.plan()))
            self.client.run("load", "--input", str(path))
            self.client.run("tag", OURS, f"team/app:{number}")
        saved = self.client.run("save", "team/app:0", "team/app:1")
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
            links = [each for each in archive.getmembers() if each.issym()]
        self.assertTrue(links)
        for number, image in enumerate((self.image, twin)):
            self.theirs(saved, f"team/app:{number}")
            self.assertHoldsPlain(replace(image, layers=self.image.layers))

    def test_what_is_saved_again_is_the_same(self) -> None:
        """By way of an archive of ours, whose layers are not packed."""
        self.client.run("load", "--input", str(self.ours(self.image)))
        first = self.theirs(self.client.run("save", OURS))
        path = self.directory / "plain.tar"
        path.write_bytes(self.write(self.plan()))
        self.client.run("image", "rm", "--force", OURS)
        self.client.run("load", "--input", str(path))
        second = self.theirs(self.client.run("save", OURS))
        self.assertEqual(first, second)
        found = self.result(self.registry.manifests.find(NAME, first)).parse()
        self.assertEqual(
            [each.digest for each in found.blobs[1:]],
            [Digest.parse(each) for each in tars_of(self.image)],
        )
