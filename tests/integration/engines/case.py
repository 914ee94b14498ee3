"""A registry of the tests' own, and engines that are set at it."""

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.engines.authorization import Credentials
from tests.integration.engines.certificate import make_contexts
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import EngineError
from tests.integration.engines.images import FakeImage, make_images
from tests.integration.engines.pulling import Pulled
from tests.integration.engines.scripted import Answer, Scripted

BOB: Credentials = ("bob", "secret")
NAME = "acme/web"


class EngineCase(SynchronousTestCase):
    """Import the module and inherit as ``case.EngineCase``."""

    def serve(self, *, secure: bool = False, standalone: str = "False") -> Scripted:
        """Run a registry until the end of the test."""
        tls = make_contexts()[0] if secure else None
        registry = Scripted(tls=tls, standalone=standalone)
        registry.__enter__()
        self.addCleanup(registry.__exit__)
        return registry

    def engine(
        self,
        registry: Scripted,
        release: str = "1.6.2",
        user: Credentials | None = None,
    ) -> Engine:
        """Make an engine for a registry."""
        tls = make_contexts()[1] if registry.tls is not None else None
        return Engine(release, registry.address, tls=tls, credentials=user)

    def push(self, registry: Scripted, release: str = "1.6.2") -> tuple[FakeImage, ...]:
        """Push an image of two layers as ``latest``."""
        images = make_images(NAME, release, depth=2)
        self.engine(registry, release).push(NAME, images, {"latest": images[-1].id})
        return images

    def pull(self, registry: Scripted, release: str = "1.6.2") -> Pulled:
        """Pull that."""
        return self.engine(registry, release).pull(NAME, "latest")

    def assertPushFails(
        self,
        words: str,
        method: str,
        target: str,
        answer: Answer,
        release: str = "1.6.2",
    ) -> None:
        """A push ends with an error, if one request is answered like that."""
        registry = self.serve()
        images = make_images(NAME, release, depth=2)
        base, top = (image.id for image in images)
        registry.tell(method, target.format(base=base, top=top), answer)
        engine = self.engine(registry, release)
        error = self.assertRaises(
            EngineError, engine.push, NAME, images, {"latest": top}
        )
        self.assertIn(words, str(error))

    def assertPullFails(
        self, words: str, target: str, answer: Answer, release: str = "1.6.2"
    ) -> None:
        """A pull ends with an error, if one GET is answered like that."""
        registry = self.serve()
        base, top = (image.id for image in self.push(registry, release))
        registry.tell("GET", target.format(base=base, top=top), answer)
        error = self.assertRaises(EngineError, self.pull, registry, release)
        self.assertIn(words, str(error))
