"""The place where a static tree is served to a client."""

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import (
    Content,
    Image,
    Index,
    contents_of,
    make_image,
    make_index,
)
from tests.integration.clients.programs import Program, find, make_environment
from tests.integration.clients.remote import Remote
from tests.integration.static.nginx import Nginx
from tests.transfer.static import case
from txregistry.model.names import RepositoryName

NESTED = RepositoryName("a/very/deep-ly/nested__place/of.an/app")


def config_of(target: Image | Index) -> Content:
    """Give the config of an image, of the first platform."""
    return target.images[0].config if isinstance(target, Index) else target.config


class StaticCase(case.ExportTestCase):
    """A registry whose images nginx serves from a folder, and a client's home.

    Import the module and inherit as ``case.StaticCase``.
    """

    program = ""
    """The client that the tests need, if any."""

    def setUp(self) -> None:
        """Find the programs, and export some images."""
        super().setUp()
        find("nginx")
        path = find(self.program) if self.program else ""
        self.directory = make_directory(self)
        self.environment = make_environment(self.directory / "home")
        self.client = self.make_program(path)
        self.image, self.index = make_image("static"), make_index("static")
        self.dockers = make_image("dockers", docker=True)
        self.docker_list = make_index("dockers", docker=True)
        for tag, target in self.targets().items():
            self.push_image(target, tag)
        self.push_image(self.index, "index", NESTED)
        self.export()

    def targets(self) -> dict[str, Image | Index]:
        """Give the images, by their tags."""
        return {
            "image": self.image,
            "index": self.index,
            "docker.json": self.dockers,
            "list-1.0": self.docker_list,
        }

    def serve(self) -> Remote:
        """Let nginx serve the folder until the end of the test."""
        nginx = Nginx(self.tree.root)
        self.addCleanup(self._finish, nginx)
        self.host = nginx.host
        return Remote(nginx.host)

    def make_program(self, *command: str) -> Program:
        """Run a program here, away from the user's own files."""
        return Program(*command, environment=self.environment, directory=self.directory)

    def assertServes(
        self, remote: Remote, tag: str, target: Image | Index, name: str = "team/app"
    ) -> None:
        """The server has an image, byte for byte, and tells the type of each part."""
        answer = remote.manifest(name, tag)
        self.assertEqual(answer.headers["Content-Type"], target.manifest.media_type)
        self.assertEqual(answer.body, target.manifest.data)
        self.assertTrue(remote.fetch(name, target.digest) == contents_of(target))
        for manifest in target.manifests:
            answer = remote.manifest(name, manifest.digest)
            self.assertEqual(answer.headers["Content-Type"], manifest.media_type)
            self.assertEqual(answer.headers["Docker-Content-Digest"], manifest.digest)

    def _finish(self, nginx: Nginx) -> None:
        log = nginx.log
        nginx.stop()
        self.assertNotRegex(log, r"\[(emerg|alert|crit)\]")
