"""A test case that speaks version 1 to a registry in memory."""

import base64
import json
from collections.abc import Mapping, Sequence

from twisted.internet.task import Clock

from tests.web.answers import Answer
from tests.web.exchange import CHUNKED, Exchange, Headers, WebCase, chunked
from tests.web.v1.images import BASE, TOP, V1Image
from txregistry.settings.sections import Settings

R = "/v1/repositories/acme/web"
JSON = {"Content-Type": "application/json"}
LISTED = [{"id": BASE.image_id}, {"id": TOP.image_id, "Tag": "latest"}]


def basic(name: str, password: str) -> dict[str, str]:
    """Spell a name and a password as a header."""
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


class V1Case(WebCase):
    """A registry in memory that speaks both versions. Inherit as ``case.V1Case``."""

    settings = Settings()

    def setUp(self) -> None:
        clock = Clock()
        clock.advance(1_700_000_000)
        self.exchange = Exchange(version1=self.settings, clock=clock)

    def token(
        self,
        repository: str = "acme/web",
        access: str = "write",
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Be given a token, and spell it as a header."""
        method, path, body = {
            "write": ("PUT", "/", b"[]"),
            "read": ("GET", "/images", None),
            "delete": ("DELETE", "/images", None),
        }[access]
        target = f"/v1/repositories/{repository}{path}"
        more = {"X-Docker-Token": "true", **(headers or {})}
        answer = self.ask(method, target, more, body)
        self.assertIn(answer.status, {200, 204}, answer.body)
        return {"Authorization": f"Token {answer.header('x-docker-token')}"}

    def announce(
        self, repository: str = "acme/web", headers: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Begin a push, and give its token as a header."""
        answer = self.ask(
            "PUT",
            f"/v1/repositories/{repository}/",
            {"X-Docker-Token": "true", **(headers or {})},
            json.dumps(LISTED).encode(),
        )
        self.assertEqual(answer.status, 200, answer.body)
        return {"Authorization": f"Token {answer.header('x-docker-token')}"}

    def put_json(self, image: V1Image, headers: Headers) -> Answer:
        """Push an image's JSON."""
        return self.ask("PUT", f"/v1/images/{image.image_id}/json", headers, image.json)

    def put_layer(self, image: V1Image, headers: Mapping[str, str]) -> Answer:
        """Push an image's layer, in chunks."""
        half = len(image.layer) // 2
        body = chunked(image.layer[:half], image.layer[half:])
        target = f"/v1/images/{image.image_id}/layer"
        return self.ask("PUT", target, {**headers, **CHUNKED}, body)

    def put_checksum(
        self, image: V1Image, headers: Mapping[str, str], payload: str | None = None
    ) -> Answer:
        """Push an image's checksum."""
        return self.ask(
            "PUT",
            f"/v1/images/{image.image_id}/checksum",
            {**headers, "X-Docker-Checksum-Payload": payload or image.payload},
            b"",
        )

    def push_parts(self, image: V1Image, headers: Mapping[str, str]) -> None:
        """Push an image that is not there yet."""
        for answer in (
            self.put_json(image, headers),
            self.put_layer(image, headers),
            self.put_checksum(image, headers),
        ):
            self.assertEqual((answer.status, answer.body), (200, b"true"))

    def put_tag(
        self, tag: str, image_id: str, headers: Headers, repository: str = "acme/web"
    ) -> Answer:
        """Set a tag."""
        target = f"/v1/repositories/{repository}/tags/{tag}"
        return self.ask("PUT", target, headers, json.dumps(image_id).encode())

    def push_v1(
        self,
        repository: str = "acme/web",
        images: Sequence[V1Image] = (BASE, TOP),
        tags: Sequence[str] = ("latest",),
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Push images and tag the last of them; give the push's token as a header."""
        token = self.announce(repository, headers)
        for image in images:
            self.push_parts(image, token)
        for tag in tags:
            answer = self.put_tag(tag, images[-1].image_id, token, repository)
            self.assertEqual((answer.status, answer.body), (200, b"true"))
        target = f"/v1/repositories/{repository}/images"
        self.assertEqual(self.ask("PUT", target, token, b"[]").status, 204)
        return token

    def assertSays(self, answer: Answer, status: int, error: str) -> None:
        """An answer is version 1's error document of a status and a text."""
        self.assertEqual((answer.status, answer.json), (status, {"error": error}))
