"""What is told at ``http.debug``: how the registry is, and its figures.

It is a site of its own, so that nobody who pulls can see it, and whoever watches the
registry gets answers when that lets nobody in any more.

Source: CNCF Distribution's ``/debug/health``; Kubernetes, "API health endpoints".
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from txregistry.tasks import detach
from txregistry.web.connections import Connections
from txregistry.web.health import Health
from txregistry.web.proxies import Proxies
from txregistry.web.request import RegistryRequest
from txregistry.web.site import RegistrySite

_CONNECTIONS: Final = 64
"""Those that ask how things are are few; others must not take what clients need."""
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"
_READS: Final = (b"GET", b"HEAD")

Answer = tuple[int, str, bytes]
"""A status, the kind of a body, and the body."""
Figures = Callable[[], Awaitable[tuple[str, bytes]]]
"""Gives figures as text, after what kind of text it is."""


class DebugResource(Resource):
    """Answer whoever asks how the registry is.

    Args:
        health: Finds out.
        figures: Gives figures; None where nobody counts.
        path: Where those are.
    """

    isLeaf = True
    _log = Logger()

    def __init__(
        self, health: Health, figures: Figures | None = None, path: str = "/metrics"
    ) -> None:
        super().__init__()
        self._health = health
        self._figures = figures
        self._routes: dict[bytes, Callable[[], Coroutine[Any, Any, Answer]]] = {
            b"/livez": self._tell_alive,
            b"/readyz": self._tell_ready,
            b"/startupz": self._tell_started,
            b"/debug/health": self._tell_failing,
        }
        if figures is not None:
            self._routes[path.encode("ascii")] = self._tell_figures

    def render(self, request: Any) -> int:
        """See ``IResource``."""
        asked: RegistryRequest = request
        asked.hide_v2()
        route = self._routes.get(asked.path)
        if route is None or asked.method not in _READS:
            status = 404 if route is None else 405
            _write(asked, (status, _TEXT, b"Nothing is told here.\n"))
        else:
            _ = detach(self._answer(asked, route()), self._log, "telling how it is")
        return NOT_DONE_YET

    async def _answer(
        self, request: RegistryRequest, work: Coroutine[Any, Any, Answer]
    ) -> None:
        answer = await work
        if not request.gone:
            _write(request, answer)

    async def _tell_alive(self) -> Answer:
        return _state(200, "alive")

    async def _tell_started(self) -> Answer:
        if not self._health.serves():
            return _state(503, "starting")
        return _state(200, "started")

    async def _tell_ready(self) -> Answer:
        found = await self._health.look()
        is_ready = not any(found.values())
        checks = {name: problem or "ok" for name, problem in found.items()}
        status = 200 if is_ready else 503
        return _state(status, "ready" if is_ready else "not ready", checks=checks)

    async def _tell_failing(self) -> Answer:
        found = await self._health.look()
        failing = {name: problem for name, problem in found.items() if problem}
        return 503 if failing else 200, _JSON, msgspec.json.encode(failing)

    async def _tell_figures(self) -> Answer:
        assert self._figures is not None  # noqa: S101 - else it has no route
        return 200, *await self._figures()


class DebugSite(RegistrySite):
    """Serve what is told at ``http.debug``, without a line in the log for each.

    Args:
        resource: What answers.
        clock: Tells the time.
    """

    setting = "http.debug.addr"

    def __init__(self, resource: DebugResource, clock: IReactorTime) -> None:
        super().__init__(
            resource,
            clock,
            access_log=False,
            connections=Connections(_CONNECTIONS, clock, Proxies()),
        )


def _state(status: int, state: str, **more: object) -> Answer:
    return status, _JSON, msgspec.json.encode({"status": state, **more}) + b"\n"


def _write(request: RegistryRequest, answer: Answer) -> None:
    status, kind, body = answer
    headers = request.responseHeaders
    headers.setRawHeaders(b"content-type", [kind.encode("ascii")])
    headers.setRawHeaders(b"content-length", [b"%d" % len(body)])
    headers.setRawHeaders(b"cache-control", [b"no-store"])
    request.setResponseCode(status)
    request.answer(body)
