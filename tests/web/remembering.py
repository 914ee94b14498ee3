"""Registries whose answers may be remembered."""

import os
import time
from typing import Any

from tests.temporary import make_folder
from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import LAYER, digest_of
from tests.web.exchange import Exchange, Headers
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.tasks import at_once

NAME = RepositoryName("library/app")
BLOB = Digest.parse(digest_of(LAYER))
LATEST = f"/v2/{NAME}/manifests/latest"
LAYER_AT = f"/v2/{NAME}/blobs/{BLOB}"


class FilesCase(exchange.WebCase):
    """A registry over files that have been there for a while.

    Attributes:
        rendered: What was not answered out of memory.
    """

    def setUp(self) -> None:
        now = time.time_ns
        self.patch(time, "time_ns", lambda: now() + 10 * 10**9)
        self.root = make_folder(self)
        self.exchange = self.serve()

    def make_store(self) -> FilesystemObjectStore:
        """Open what is in the folder, as another worker does."""
        scratch = f"{keys.PRIVATE}scratch"
        return FilesystemObjectStore(self.root, scratch, at_once, keys.COMPANIONS)

    def serve(self, **more: Any) -> Exchange:
        """Serve what is in the folder, and take down what is rendered."""
        made = Exchange(store=self.make_store(), **more)
        self.watch(made)
        return made

    def watch(self, made: Exchange) -> None:
        """Take down what is rendered."""
        self.rendered: list[str] = []
        render = made.root.render

        def rendering(request: Any) -> Any:
            self.rendered.append(request.uri.decode())
            return render(request)

        self.patch(made.root, "render", rendering)

    def warm(self, method: str, target: str, headers: Headers = ()) -> Answer:
        """Ask the same until it is answered out of memory."""
        first = self.ask(method, target, headers)
        self.assertRemembered(method, target, headers, first)
        return first

    def assertRemembered(
        self, method: str, target: str, headers: Headers, first: Answer
    ) -> None:
        """Something is answered out of memory, and as before."""
        self.rendered.clear()
        again = self.ask(method, target, headers)
        self.assertEqual(self.rendered, [], (method, target, headers))
        self.assertEqual(again, first)

    def assertRendered(self, method: str, target: str, headers: Headers = ()) -> Answer:
        """Something is answered anew."""
        self.rendered.clear()
        answer = self.ask(method, target, headers)
        self.assertEqual(self.rendered, [target], (method, headers))
        return answer

    def path(self, key: str) -> str:
        """Say where something lies."""
        return os.path.join(self.root, key)


class ImageCase(FilesCase):
    """With one image."""

    def setUp(self) -> None:
        super().setUp()
        self.data = self.push_image(str(NAME), "latest")
        self.digest = digest_of(self.data)
        self.by_digest = f"/v2/{NAME}/manifests/{self.digest}"
