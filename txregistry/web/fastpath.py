"""The few routes that make up most requests, found without a general router.

Handlers, grammar and answers are those of the Klein application: only the way to them
is shorter. What does not look quite as expected takes the general way.
"""

import re
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from klein.resource import KleinResource
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.model.engines import knows_only_schema1
from txregistry.model.errors import NameUnknown, RegistryError
from txregistry.model.names import RepositoryName, parse_reference
from txregistry.storage.evidence import Witness
from txregistry.tasks import start
from txregistry.web.dialect import is_v1, is_v2
from txregistry.web.errors import answer_failure, write_error
from txregistry.web.remembered import IRepeating
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App

_OLD: Final = (b"docker/1.", b"Go 1.1 ")
"""How the names of engines begin that may be too old for version 2."""
_PATH: Final = re.compile(
    rb"/v2/([a-z0-9][a-z0-9._/-]*)/(?:"
    rb"(manifests|blobs|referrers)/([A-Za-z0-9_][A-Za-z0-9._:-]*)|tags/list)"
)
_UPLOADS: Final = re.compile(
    rb"/v2/([a-z0-9][a-z0-9._/-]*)/blobs/uploads/([0-9a-f-]{36})?"
)

_ODD: Final = re.compile(rb"//|/[^/]*%")
"""How paths begin that a router would take for others: who filters paths before us sees
them as they come, and is to be right about them."""


class _Route(NamedTuple):
    """A route that is found here.

    Attributes:
        endpoint: Its name in the application.
        argument: What its last part is called there; empty where it has none.
        read: Reads that.
    """

    endpoint: str
    argument: str = ""
    read: Callable[[str], object] = str


_READING: Final = {
    b"blobs": _Route("get_blob", "digest", Digest.parse),
    b"manifests": _Route("get_manifest", "reference", parse_reference),
    b"referrers": _Route("list_referrers", "digest", Digest.parse),
    None: _Route("list_tags"),
}
"""By what a path has before its last part; None where that is all it asks for."""
_WHOLE: Final = {
    b"/v2/": _Route("get_version"),
    b"/v2/_catalog": _Route("list_repositories"),
}
"""By their paths: those that are about no repository."""
_PUSHING: Final = {
    (b"POST", False): _Route("begin_upload"),
    (b"PATCH", True): _Route("append_upload", "session"),
    (b"PUT", True): _Route("finish_upload", "session"),
}
"""By method, and whether the path has a session."""


@implementer(IRepeating)
class FastResource(KleinResource):
    """Answer as the Klein application does; some requests by a shorter way.

    Args:
        app: The application.
        version1: Whether it has version 1.
        version2: Whether it has version 2.
        hides_version2: Whether engines that know only schema 1 find no version 2: they
            speak version 1 then.
        witness: Sees what answers are made of; None where nobody does.
    """

    _log = Logger()

    def __init__(
        self,
        app: App,
        *,
        version1: bool = False,
        version2: bool = True,
        hides_version2: bool = False,
        witness: Witness | None = None,
    ) -> None:
        super().__init__(app)
        self._witness = witness
        self._app: App = app
        self._version1 = version1
        self._version2 = version2
        self._hides = hides_version2

    def admits(self, request: RegistryRequest) -> bool:
        """See `IRepeating`: all but who asks is as it was."""
        return self._app.admits(request)

    def render(self, request: RegistryRequest) -> Any:  # type: ignore[override]  # ours
        """Answer a request."""
        if self._version1 and is_v1(request.path):
            request.answer_as_v1()
        elif not self._version2 or (self._hides and self._is_old(request)):
            request.hide_v2()
            if is_v2(request.path):
                write_error(
                    request, NameUnknown("This registry speaks version 1 to you.")
                )
                request.finish()
                return NOT_DONE_YET
        elif request.method == b"GET" or request.method == b"HEAD":  # noqa: PLR1714 - fast
            if self._read(request):
                return NOT_DONE_YET
        else:
            match = _UPLOADS.fullmatch(request.path)
            if match is not None:
                name, session = match.groups()
                route = _PUSHING.get((request.method, session is not None))
                if route is not None:
                    self._answer(request, route, name, session)
                    return NOT_DONE_YET
        if _ODD.match(request.path):
            write_error(request, NameUnknown("Nothing is served at this path."))
            request.finish()
            return NOT_DONE_YET
        if request.method == b"OPTIONS" and self._tell_options(request):
            return NOT_DONE_YET
        request.spread_path()
        return super().render(request)

    def _read(self, request: RegistryRequest) -> bool:
        """Answer what only reads; say whether it is answered."""
        match = _PATH.fullmatch(request.path)
        if match is not None:
            name, kind, wanted = match.groups()
            self._answer(request, _READING[kind], name, wanted)
            return True
        route = _WHOLE.get(request.path)
        if route is not None:
            self._answer(request, route)
        return route is not None

    def _tell_options(self, request: RegistryRequest) -> bool:
        """Say what can be asked here: browsers want to know before they show who asks.

        Source: RFC 9110, section 9.3.7; Fetch, "CORS protocol".

        Returns:
            Whether anything can; else this is as good as any other method.
        """
        path = unquote_to_bytes(request.path).decode("ascii")
        try:
            self._app.url_map.bind("registry").match(path, "OPTIONS")
        except MethodNotAllowed as error:
            allowed = ", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))
        except (HTTPException, RegistryError):
            return False
        else:
            return False
        request.responseHeaders.setRawHeaders(b"allow", [allowed])
        request.channel.site.cors.answer_preflight(request, allowed)
        request.setResponseCode(204)
        request.finish()
        return True

    @staticmethod
    def _is_old(request: RegistryRequest) -> bool:
        agent = request.requestHeaders.getRawHeaders(b"user-agent", (b"",))[0]
        return agent.startswith(_OLD) and knows_only_schema1(agent.decode("latin-1"))

    def _answer(
        self,
        request: RegistryRequest,
        route: _Route,
        name: bytes | None = None,
        wanted: bytes | None = None,
    ) -> None:
        arguments: dict[str, object] = {}
        try:
            if name is not None:
                arguments["name"] = RepositoryName.parse(name.decode("ascii"))
            if wanted is not None:
                arguments[route.argument] = route.read(wanted.decode("ascii"))
            work = self._app.answer(route.endpoint, request, arguments)
            result = self._start(work, request)
        except Exception:  # noqa: BLE001 - each has its answer
            self._failed(Failure(), request)
            return
        if not isinstance(result, Deferred):
            try:
                self._finish(result, request)
            except Exception:  # noqa: BLE001 - nobody is left to be told
                self._unwritten(Failure())
            return
        if not result.called:
            _ = request.notifyFinish().addErrback(lambda _: result.cancel())
        _ = result.addCallbacks(
            self._finish, self._failed, (request,), errbackArgs=(request,)
        ).addErrback(self._unwritten)

    def _start(self, work: Coroutine[Any, Any, Any], request: RegistryRequest) -> Any:
        """Do what a handler does, and see to what it looks at, if that is wanted."""
        witness = self._witness
        if witness is None or request.asked is None:
            return start(work)
        witness.begin()
        try:
            result = start(work)
        finally:
            evidence = witness.end()
        if not isinstance(result, Deferred):
            request.evidence = evidence
        return result

    def _finish(self, body: bytes | None, request: RegistryRequest) -> None:
        if not request.gone:
            request.answer(body or b"")

    def _failed(self, failure: Failure, request: RegistryRequest) -> None:
        if request.gone:
            if failure.check(CancelledError, RegistryError) is None:
                self._log.failure("A failure after the client had left", failure)
            return
        if answer_failure(request, failure) is None:
            request.finish()

    def _unwritten(self, failure: Failure) -> None:
        self._log.failure("An answer could not be written", failure)
