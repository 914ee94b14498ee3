"""A Docker engine of some release, as a registry of version 1 sees it."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.integration.engines.accounts import Login
from tests.integration.engines.authorization import Credentials
from tests.integration.engines.discovery import Discovery, Endpoint
from tests.integration.engines.errors import EngineError, Interrupted, Unreachable
from tests.integration.engines.images import FakeImage
from tests.integration.engines.index import Index, SearchResults
from tests.integration.engines.pulling import Pull, Pulled
from tests.integration.engines.pushing import Push, Pushed, list_images
from tests.integration.engines.releases import RELEASES, Probe
from tests.integration.engines.session import Session, Setting
from tests.integration.engines.trace import Step

_UPLOADS = 5
"""How many layers Docker 1.12 offers by version 2 before it sees that there is none."""


class Engine:
    """An engine without images: it keeps nothing between two calls, but its trace.

    Args:
        release: A key of `RELEASES`.
        address: The registry, as host and port.
        tls: What TLS is spoken with; None if the registry is insecure: then TLS is
            tried on its port, and must be refused at once.
        credentials: Whom it is logged in as; None for nobody.
        patience: How much of the waiting between attempts is done: 0 for none, 1 for
            all.

    Attributes:
        trace: All requests so far.
    """

    def __init__(
        self,
        release: str,
        address: str,
        *,
        tls: ssl.SSLContext | None = None,
        credentials: Credentials | None = None,
        patience: float = 0.0,
    ) -> None:
        self.trace: list[Step] = []
        self._release = RELEASES[release]
        self._setting = Setting(
            self._release, address, tls, credentials, patience, self.trace
        )

    def login(self, email: str = "bob@example.org") -> str:
        """Log in with the credentials.

        Returns:
            What the engine says of it: ``Login Succeeded``, or ``Account created.``

        Raises:
            EngineError: the engine does not believe that it is logged in.
            SpeaksV2: version 2 would be used.
        """
        credentials = self._setting.credentials
        if credentials is None:
            raise EngineError("there is nobody to log in")
        login = Login(self._setting, credentials, email)
        secure = self._setting.tls is not None
        with _giving_up():
            if self._release.login_posts:
                return login.run_old(self._discovery())
            return login.run_new(("https",) if secure else ("https", "http"))

    def push(
        self, name: str, images: Sequence[FakeImage], tags: Mapping[str, str]
    ) -> Pushed:
        """Push a repository.

        Args:
            name: The repository, without the registry.
            images: The images that the engine has.
            tags: The ids of the tags that are pushed; images below go with them.

        Raises:
            EngineError: the engine gives up.
            SpeaksV2: version 2 would be used.
        """
        layers = {image.layer for image in list_images(images, tags)}
        path = f"v2/{name}/blobs/uploads/"
        paths = (path,) * min(len(layers), _UPLOADS)
        with _giving_up():
            return Push(self._open("POST", paths), name, images, tags).run()

    def pull(self, name: str, tag: str, *, cut: int | Sequence[int] = ()) -> Pulled:
        """Pull a tag.

        Args:
            name: The repository, without the registry.
            tag: The tag.
            cut: After how many bytes the engine's end of the connection breaks while it
                reads a layer: in the first answer, or in each in turn.

        Raises:
            EngineError: the engine gives up.
            SpeaksV2: version 2 would be used.
        """
        cuts = (cut,) if isinstance(cut, int) else cut
        with _giving_up():
            session = self._open("GET", (f"v2/{name}/manifests/{tag}",))
            return Pull(session, name, cuts).run(tag)[tag]

    def pull_all(self, name: str) -> dict[str, Pulled]:
        """Pull all tags; from 1.12 on, one of several on an image wins.

        Args:
            name: The repository, without the registry.

        Returns:
            What was pulled, by tag.

        Raises:
            EngineError: the engine gives up.
            SpeaksV2: version 2 would be used.
        """
        with _giving_up():
            session = self._open("GET", (f"v2/{name}/tags/list",))
            return Pull(session, name).run(None)

    def search(self, term: str, limit: int = 25) -> SearchResults:
        """Search for repositories.

        Docker 1.0 knows only the official Index: the registry is asked as if it were
        that.

        Args:
            term: What to search for.
            limit: How many results releases from 1.12 on want.

        Raises:
            EngineError: the engine gives up.
        """
        scheme = "http" if self._setting.tls is None else "https"
        endpoint, always = Endpoint(scheme, self._setting.address, 1), False
        with _giving_up():
            if self._release.searches_hosts:
                discovery = self._discovery()
                endpoint = discovery.find()
                always = discovery.always_basic(endpoint)
            session = Session(self._setting, endpoint, always=always)
            return Index(session).search(term, limit)

    def _open(self, method: str, paths: tuple[str, ...]) -> Session:
        """Find the registry; the arguments say how version 2 would go on."""
        discovery = self._discovery()
        if self._release.probe in (Probe.NEVER, Probe.PING):
            endpoint, always = discovery.open_old()
        else:
            credentials = self._setting.credentials
            endpoint, always = discovery.open_new(credentials, method, paths)
        return Session(self._setting, endpoint, always=always)

    def _discovery(self) -> Discovery:
        return Discovery(
            self._release,
            self._setting.caller(),
            self._setting.address,
            secure=self._setting.tls is not None,
        )


@contextmanager
def _giving_up() -> Iterator[None]:
    """Give up when an answer does not come, or breaks off, at any other place."""
    try:
        yield
    except (Unreachable, Interrupted) as error:
        raise EngineError(str(error)) from error
