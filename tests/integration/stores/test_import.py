"""``txregistry import-v1`` from a real Swift, by its own API and by S3."""

import signal
import socket
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.stores import service
from tests.temporary import make_folder
from tests.transfer.program import LIMIT, command, environment, run
from tests.transfer.trees import OldTreeBuilder
from tests.web.v1.images import BASE, TOP, B, T

ROOT = "some/registry"
NESTED = "team/app%252Fweb"


class ImportCase(service.ServiceCase):
    """Import a tree into a folder."""

    def setUp(self) -> None:
        super().setUp()
        self.storage = make_folder(self)
        self.tree = OldTreeBuilder()
        self.tree.image(BASE)
        self.tree.image(TOP, [B])
        self.tree.tag("library/solo", "latest", T)
        self.tree.tag(NESTED, "v1", B)

    @property
    def swift(self) -> dict[str, str]:
        """What says who asks, by Swift's API."""
        return {
            "ST_AUTH": self.service.login,
            "ST_USER": service.USER,
            "ST_KEY": service.KEY,
        }

    @property
    def s3(self) -> dict[str, str]:
        """What says who asks, by S3."""
        return {
            "AWS_ACCESS_KEY_ID": service.USER,
            "AWS_SECRET_ACCESS_KEY": service.KEY,
            "AWS_REGION": service.REGION,
            "AWS_ENDPOINT_URL": self.service.url,
        }

    def run_import(
        self, place: str, variables: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Import what lies in the container."""
        return run(place, "--storage", self.storage, **variables)

    def imports(self, place: str, variables: dict[str, str]) -> None:
        """Expect the tree to be imported."""
        self.keep(self.tree.files, f"{ROOT}/")
        done = self.run_import(place, variables)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("2 repositories, 2 tags, 2 images", done.stdout)
        registry = Path(self.storage, "docker/registry/v2")
        blobs = {path.read_bytes() for path in registry.glob("blobs/*/*/*/data")}
        self.assertLessEqual({BASE.layer, TOP.layer}, blobs)
        tags = registry / "repositories/team/app/web/_manifests/tags"
        self.assertEqual([path.name for path in tags.iterdir()], ["v1"])

    def is_gone(self, place: str, variables: dict[str, str], text: str) -> None:
        """Expect a tree that cannot be read to be told in one line."""
        done = self.run_import(place, variables)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)


class SwiftImportTests(ImportCase):
    def test_a_prefix_in_a_container(self) -> None:
        self.imports(f"swift://{self.container}/{ROOT}", self.swift)

    def test_a_wrong_prefix(self) -> None:
        self.is_gone(f"swift://{self.container}/x", self.swift, "no tree of")

    def test_a_wrong_key(self) -> None:
        variables = {**self.swift, "ST_KEY": "wrong"}
        self.is_gone(f"swift://{self.container}/{ROOT}", variables, "answered 401")

    def test_a_container_that_is_not_there(self) -> None:
        self.is_gone("swift://no-such", self.swift, "no-such")


class S3ImportTests(ImportCase):
    def test_a_prefix_in_a_bucket(self) -> None:
        self.imports(f"s3://{self.container}/{ROOT}/", self.s3)

    def test_a_wrong_key(self) -> None:
        variables = {**self.s3, "AWS_SECRET_ACCESS_KEY": "wrong"}
        self.is_gone(f"s3://{self.container}/{ROOT}", variables, "403")

    def test_a_bucket_that_is_not_there(self) -> None:
        self.is_gone("s3://no-such", self.s3, "no-such")


class InterruptedImportTests(SynchronousTestCase):
    """An import that is told to end does so at once, with nothing but its status."""

    def test_while_it_waits_for_an_answer(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with (
                self.subTest(signal=number),
                socket.create_server((service.LOOPBACK, 0)) as server,
            ):
                server.settimeout(LIMIT)
                host, port = server.getsockname()
                process = subprocess.Popen(
                    command("swift://kept", "--storage", make_folder(self)),
                    env=environment(
                        ST_AUTH=f"http://{host}:{port}/", ST_USER="us", ST_KEY="key"
                    ),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                with server.accept()[0]:
                    process.send_signal(number)
                    told = process.communicate(timeout=LIMIT)
                self.assertEqual((process.returncode, *told), (130, b"", b""))
