"""How old what a mirror gives may be, and what becomes of it without an upstream."""

from tests.integration.clients.images import OCI_MANIFEST, Image, make_image
from tests.integration.clients.remote import Answer
from tests.integration.mirror import case
from tests.integration.mirror.case import OTHER
from tests.integration.mirror.clients import MirrorCrane
from tests.integration.tuned import wait_for

OLD, NEW = make_image("old"), make_image("new")
NAME = "team/app"
HERE = f"{OTHER}/{NAME}"
LATER = 60.0
"""Seconds within which the mirror has tried again to reach a registry that failed."""


class FreshnessTests(case.MirrorCase):
    def setUp(self) -> None:
        super().setUp()
        self.at(self.other).push(NAME, "1", OLD)
        self.crane = MirrorCrane(self, self.mirror.host)

    def pull(self, image: Image) -> None:
        """See a real client pull an image by its tag."""
        self.crane.pull(self.crane.name(OTHER, f"{NAME}:1"), image)

    def ask(self, method: str = "GET", name: str = HERE) -> Answer:
        """Ask for the manifest of the tag."""
        path = f"/v2/{name}/manifests/1"
        headers = {"Accept": OCI_MANIFEST, **self.token(name)}
        return self.remote.ask(method, path, headers=headers)

    def token(self, name: str) -> dict[str, str]:
        """Be given a token, as nobody in particular."""
        path = f"/auth/token?scope=repository:{name}:pull"
        given = self.remote.demand(200, "GET", path).json()["token"]
        return {"Authorization": f"Bearer {given}"}

    def is_here(self, image: Image) -> bool:
        """Whether the tag is that of an image, by the mirror's word."""
        answer = self.ask("HEAD")
        return str(answer.headers["Docker-Content-Digest"]) == image.digest

    def test_tag_that_was_moved(self) -> None:
        self.pull(OLD)
        self.at(self.other).push(NAME, "1", NEW)
        wait_for(lambda: self.is_here(NEW), "the tag is fresh")
        self.pull(NEW)

    def test_upstream_that_fails_and_comes_back(self) -> None:
        self.pull(OLD)
        self.assertNotIn("Warning", self.ask().headers)
        self.other.kill()
        wait_for(lambda: "Warning" in self.ask().headers, "that it is old is told")
        answer = self.ask()
        self.assertEqual(answer.body, OLD.manifest.data)
        self.assertEqual(answer.headers["Warning"], '111 - "Revalidation Failed"')
        self.assertGreaterEqual(int(answer.headers["Age"]), 0)
        answer = self.ask(name=f"{OTHER}/team/unseen")
        self.assertEqual(answer.status, 504)
        (error,) = answer.json()["errors"]
        self.assertEqual(error["code"], "UNAVAILABLE")
        self.assertIn(f"The upstream registry {OTHER} ", error["message"])
        self.assertEqual(error["detail"], {"upstream": OTHER})
        path = f"/v2/{HERE}/tags/list"
        tags = self.remote.demand(200, "GET", path, headers=self.token(HERE))
        self.assertEqual(tags.json()["tags"], ["1"])
        self.other.start()
        self.at(self.other).push(NAME, "1", NEW)
        wait_for(lambda: self.is_here(NEW), "the tag is fresh", LATER)
        self.assertNotIn("Warning", self.ask().headers)
        self.pull(NEW)
