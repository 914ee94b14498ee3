"""Tests of a mirror of version 1, over real sockets and a real folder."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.integration.engines.served import EngineDaemon
from tests.integration.upstreams import case
from tests.integration.upstreams.case import DEADLINE, PATIENCE
from tests.integration.upstreams.liar import Liar, Play, Talk, answer
from txregistry.client.upstreams.making1 import make_version1_upstream
from txregistry.client.upstreams.registry1 import Registry1Upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.model.errors import RegistryError
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.mirror.imagefetching import ImageFetching
from txregistry.registry.mirror.images import MirroredImages
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.registry.repositories import Registry
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.keys import COMPANIONS, PRIVATE, SECRETS

LATEST: Final = Tag("latest")
WEB: Final = RepositoryName("acme/web")
_numbers = itertools.count(1)


class Mirroring:
    """A registry in this process that mirrors another one, whose names it keeps.

    Args:
        test: Whose it is.
        upstream: The other registry.
    """

    def __init__(self, test: "Version1Case", upstream: Registry1Upstream) -> None:
        self.directory = test.directory / f"mirror-{next(_numbers)}"
        store = FilesystemObjectStore(
            str(self.directory),
            f"{PRIVATE}scratch",
            test.blocking,
            COMPANIONS,
            secrets=SECRETS,
        )
        self.registry = Registry(store, test.reactor, test.blocking)
        sessions = itertools.count(1)
        fetching = ImageFetching(
            store,
            self.registry.blobs,
            self.registry.images,
            test.blocking,
            lambda: f"s{next(sessions)}",
        )
        self.images = MirroredImages(
            fetching,
            self.registry.images,
            self.registry.image_tags,
            self.registry.manifests,
            self.registry.announcements,
            self.registry.uses,
            test.reactor,
            offline=False,
        )
        self.rule = MirrorRule(upstream, recheck=0.0, absent=0.0, patience=60.0)

    def pull(self, name: RepositoryName = WEB, tag: Tag = LATEST) -> Any:
        """Pull a manifest."""
        return self.images.find(self.rule, name, tag)


class Version1Case(case.UpstreamCase):
    """Import the module and inherit as ``version1.Version1Case``."""

    def ask1(self, url: str, **others: Any) -> Registry1Upstream:
        """Make what asks an upstream until the end of the test."""
        upstream = make_version1_upstream(
            self.reactor,
            self.blocking,
            Terms("upstream", url, **{"patience": PATIENCE, **others}),
        )
        known: Any = upstream
        self.addCleanup(self._finish, known)
        return upstream

    def mirror(self, url: str, **others: Any) -> Mirroring:
        """Make a mirror of an upstream."""
        return Mirroring(self, self.ask1(url, **others))

    async def fails(self, kind: type[RegistryError], work: Any) -> str:
        """Expect some work to fail, and give what is said of it."""
        try:
            found = await self.run_awaiting(work).addTimeout(DEADLINE, self.reactor)
        except kind as error:
            return error.message
        raise AssertionError(f"no failure, but {found!r}")

    def serve1(
        self, name: str, settings: Mapping[str, Any], *, both: bool = False
    ) -> EngineDaemon:
        """Run a registry until the end of the test, and see that all went well."""
        daemon = EngineDaemon(self.directory / name, settings, both=both)
        self.addCleanup(self._end, daemon)
        return daemon

    def lie1(self, answers: Mapping[str, bytes | Callable[[Talk], None]]) -> Liar:
        """Run a server that answers by how paths end, and 404 to all others."""
        liar = Liar(_playing(answers))
        self.addCleanup(liar.stop)
        return liar

    def _end(self, daemon: EngineDaemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)


def _playing(answers: Mapping[str, bytes | Callable[[Talk], None]]) -> Play:
    def play(talk: Talk) -> None:
        while head := talk.listen():
            target = head.split(b" ")[1].decode()
            found = next(
                (each for end, each in answers.items() if target.endswith(end)),
                answer(b"{}", status="404 Not Found"),
            )
            if not isinstance(found, bytes):
                found(talk)
                return
            talk.say(found)

    return play
