"""An upstream that lies: nothing wrong gets to a client, or is kept."""

import http.client
from typing import Any

from tests.integration.clients.images import Content, contents_of, make_image
from tests.integration.clients.remote import AnswerError
from tests.integration.mirror import case
from tests.integration.mirror.case import OTHER
from tests.integration.mirror.clients import MirrorCrane, MirrorSkopeo
from tests.integration.mirror.played import page_of, pages_of, serve
from tests.integration.tuned import wait_for
from tests.integration.upstreams.liar import answer

NAME = "team/app"
IMAGE = make_image("true")
FALSE = make_image("false")
LAYER = IMAGE.layers[0]
LATER = 120.0
"""Seconds within which the mirror asks a registry again that it left alone."""


class LyingTests(case.MirrorCase):
    rules = ({"who": ["everyone"], "repositories": ["**"], "may": ["pull"]},)

    def upstreams(self) -> list[dict[str, Any]]:
        """See `case.MirrorCase`."""
        self.pages = pages_of(NAME, "1", IMAGE)
        liar = serve(self.pages)
        self.addCleanup(liar.stop)
        return [self.entry(OTHER, liar.url)]

    def setUp(self) -> None:
        super().setUp()
        self.clients = [
            MirrorCrane(self, self.mirror.host),
            MirrorSkopeo(self, self.mirror.host),
        ]
        self.clients[1].take_files(self.configure("podman"))

    def lie(self, content: Content, page: bytes) -> None:
        """Give other bytes for some content, by its digest."""
        for path in self.pages:
            if path.endswith(content.digest):
                self.pages[path] = page

    def refuse(self) -> list[str]:
        """Have each client pull, which fails; give the complaints."""
        return [
            client.refuse_pull(client.name(OTHER, f"{NAME}:1"))
            for client in self.clients
        ]

    def is_whole(self) -> bool:
        """Whether the image can be had, all of it and nothing else."""
        try:
            found = self.remote.fetch(f"{OTHER}/{NAME}", "1")
        except (AnswerError, http.client.HTTPException, OSError):
            return False
        self.assertSameBytes(found)
        return True

    def assertSameBytes(self, found: dict[str, bytes]) -> None:
        """What was pulled is the image."""
        self.assertTrue(found == contents_of(IMAGE), sorted(found))

    def assertNothingWrong(self, content: Content, kind: str) -> None:
        """Some content is not given at all, or not to its end; see it several times."""
        path = f"/v2/{OTHER}/{NAME}/{kind}/{content.digest}"
        for _ in range(3):
            try:
                found = self.remote.ask("GET", path)
            except (http.client.HTTPException, OSError):
                continue  # it was broken off
            self.assertIn(found.status, (502, 504), found.body[:1000])
            self.assertIn(OTHER, found.json()["errors"][0]["message"])

    def assertHonestAtLast(self) -> None:
        """As soon as the upstream tells the truth, that is what clients get."""
        self.pages.update(pages_of(NAME, "1", IMAGE))
        wait_for(self.is_whole, "the image is whole", LATER, 0.2)
        for client in self.clients:
            client.pull(client.name(OTHER, f"{NAME}:1"), IMAGE)

    def test_layer_is_another(self) -> None:
        false = FALSE.layers[0].data[: len(LAYER.data)].ljust(len(LAYER.data), b"x")
        self.lie(LAYER, answer(false))
        self.refuse()
        self.assertNothingWrong(LAYER, "blobs")
        told = f"The upstream registry {OTHER} lies about {LAYER.digest}"
        self.assertIn(told, self.mirror.log)
        self.assertHonestAtLast()

    def test_layer_is_longer(self) -> None:
        self.lie(LAYER, answer(LAYER.data + b"x"))
        self.refuse()
        self.assertNothingWrong(LAYER, "blobs")
        self.mirror.restart()  # or it would leave the upstream alone for a while
        self.assertHonestAtLast()

    def test_manifest_is_another(self) -> None:
        page = page_of(FALSE.manifest)
        self.lie(IMAGE.manifest, page)
        self.assertNothingWrong(IMAGE.manifest, "manifests")
        self.pages[f"/v2/{NAME}/manifests/1"] = page.replace(
            FALSE.digest.encode(), IMAGE.digest.encode()
        )
        for complaint in self.refuse():
            self.assertIn(OTHER, complaint)
        self.mirror.restart()  # or it would leave the upstream alone for a while
        self.assertHonestAtLast()

    def test_page_for_people(self) -> None:
        page = answer(b"<html>Log in!</html>", "Content-Type: text/html")
        self.pages.update({path: page for path in self.pages if NAME in path})
        crane, _ = self.refuse()
        self.assertIn(f"The upstream registry {OTHER} ", crane)
        self.assertNothingWrong(IMAGE.manifest, "manifests")
        self.assertNothingWrong(LAYER, "blobs")
        self.mirror.restart()  # or it would leave the upstream alone for a while
        self.assertHonestAtLast()
