"""Requests to a registry in memory, and its answers."""

from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool

from tests.web.answers import Answer
from tests.web.content import CONFIG, LAYER, OCI_MANIFEST, digest_of, image
from tests.web.wire import Connection
from txregistry.assembly.admission import make_admission
from txregistry.assembly.version1 import COOKIES, PASSING, TOKENS, make_version1
from txregistry.registry.repositories import Registry
from txregistry.settings.roles import apply_role
from txregistry.settings.sections import Settings
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once
from txregistry.web.root import make_root
from txregistry.web.sendfile import Sender
from txregistry.web.site import RegistrySite

T = TypeVar("T")

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


def request_bytes(
    method: str,
    target: str,
    headers: Headers = (),
    body: bytes | None = None,
    *,
    host: str = "registry.example",
) -> bytes:
    """Spell a request of HTTP/1.1; a body, if there is one, gets its length."""
    fields = list(headers.items() if isinstance(headers, Mapping) else headers)
    names = {name.lower() for name, _ in fields}
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(*pieces: bytes) -> bytes:
    """Spell a chunked body."""
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    return b"".join(chunks) + b"0\r\n\r\n"


@contextmanager
def logged() -> Iterator[list[LogEvent]]:
    """Collect what is logged meanwhile."""
    events: list[LogEvent] = []
    observer = cast("ILogObserver", events.append)
    globalLogPublisher.addObserver(observer)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(observer)


def lines(events: Iterable[LogEvent]) -> list[str]:
    """Give events as the lines of text that they become, tracebacks with them."""
    return [str(each.get("access") or eventAsText(each)) for each in events]


POOL = HTTPConnectionPool(Clock(), persistent=False)
SECRETS = {COOKIES: b"c" * 32, TOKENS: b"t" * 32, PASSING: b"p" * 32}
SIGNER = Ed25519PrivateKey.from_private_bytes(SECRETS[TOKENS])
CHUNKED = {"Transfer-Encoding": "chunked"}


class Exchange:
    """A site over a registry in memory.

    Args:
        store: Where content is kept; None for memory.
        site: How the site is to be.
        version1: How both versions are to be; None for no version 1.
        version2: How version 2 is to be, where there is no version 1.
        root: How the resource tree is to be.
        registry: How the registry is to be.
    """

    def __init__(
        self,
        *,
        store: IObjectStore | None = None,
        clock: Clock | None = None,
        site: Mapping[str, Any] | None = None,
        version1: Settings | None = None,
        version2: Settings | None = None,
        root: Mapping[str, Any] | None = None,
        **registry: Any,
    ) -> None:
        self.clock = clock or Clock()
        self.store = store or MemoryObjectStore(self.clock)
        self.registry = Registry(self.store, self.clock, at_once, **registry)
        settings = version1 or version2
        admission = None
        if settings is not None:
            admission = make_admission(
                apply_role(settings),
                self.registry,
                SIGNER,
                SECRETS[PASSING],
                self.clock,
                at_once,
            )
        self.admission = admission
        first = None
        if version1 is not None and admission is not None:
            first = make_version1(
                version1, self.registry, admission.access, SECRETS, self.clock, POOL
            )
        self.root = make_root(
            self.registry,
            Sender(at_once),
            None if admission is None else admission.access,
            first,
            tokens=None if admission is None else admission.tokens,
            **(root or {}),
        )
        self.site = RegistrySite(self.root, self.clock, **(site or {}))
        self.site.startFactory()

    def connect(self, room: int | None = None) -> Connection:
        """Open a connection, on which the server can send so much at a time."""
        return Connection(self.site, self.clock, room)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what needs nothing from outside, such as with the store in memory."""
        results: list[T] = []
        _ = Deferred.fromCoroutine(work).addCallback(results.append)
        (result,) = results
        return result

    def stored(self) -> list[Key]:
        """Give the keys of all that the store holds."""
        page = self.wait(self.store.list("", limit=100_000))
        return [Key(name) for name in page.names]

    def ask(
        self,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes | None = None,
    ) -> Answer:
        """Ask one thing, on a connection of its own."""
        connection = self.connect()
        connection.send(request_bytes(method, target, headers, body))
        answer = connection.answer(method)
        connection.drop()
        return answer

    def ask_raw(self, data: bytes, method: str = "GET") -> Answer:
        """Send bytes on a connection of their own, and read the one answer."""
        connection = self.connect()
        connection.send(data)
        answer = connection.answer(method)
        connection.drop()
        return answer


class WebCase(SynchronousTestCase):
    """A registry in memory, which nobody else uses. Inherit as ``exchange.WebCase``."""

    def setUp(self) -> None:
        self.exchange = Exchange()

    def ask(
        self,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes | None = None,
    ) -> Answer:
        """Ask one thing, on a connection of its own."""
        return self.exchange.ask(method, target, headers, body)

    def get(self, target: str, headers: Headers = ()) -> Answer:
        """Ask for something."""
        return self.ask("GET", target, headers)

    def push_blob(self, name: str, data: bytes, algorithm: str = "sha256") -> str:
        """Push a blob, and give its digest."""
        digest = digest_of(data, algorithm)
        target = f"/v2/{name}/blobs/uploads/?digest={digest}"
        self.assertEqual(self.ask("POST", target, body=data).status, 201)
        return digest

    def push_manifest(
        self, name: str, reference: str, data: bytes, media_type: str = OCI_MANIFEST
    ) -> str:
        """Push a manifest, and give its digest."""
        target = f"/v2/{name}/manifests/{reference}"
        answer = self.ask("PUT", target, {"Content-Type": media_type}, data)
        self.assertEqual(answer.status, 201, answer.body)
        return answer.header("docker-content-digest") or ""

    def push_image(self, name: str, *tags: str, **more: Any) -> bytes:
        """Push an image of one layer under some tags, and give its manifest."""
        self.push_blob(name, CONFIG)
        self.push_blob(name, LAYER)
        data = image(**more)
        for reference in tags or (digest_of(data),):
            self.push_manifest(name, reference, data)
        return data

    def begin_upload(self, name: str = "a") -> str:
        """Open an upload session, and give its location."""
        answer = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        self.assertEqual(answer.status, 202)
        return answer.header("location") or ""

    def assertRefused(
        self, answer: Answer, status: int, code: str, what: object = None
    ) -> None:
        """An answer is the protocol's error document of a status and a code."""
        self.assertEqual(answer.said, (status, code), what)
