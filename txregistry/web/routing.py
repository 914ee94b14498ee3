"""Path segments become values of the model."""

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar, cast

from klein import Klein
from klein._app import KleinRouteHandler
from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred
from twisted.python.failure import Failure
from werkzeug.routing import BaseConverter, Map, RuleFactory

from txregistry.model.digest import Digest
from txregistry.model.errors import RegistryError
from txregistry.model.names import (
    Reference,
    RepositoryName,
    parse_reference,
    parse_v1_name,
)
from txregistry.tasks import start
from txregistry.web.addressing import Addressing
from txregistry.web.guards import Guard

_Handler = TypeVar("_Handler", bound=KleinRouteHandler)


class _NameConverter(BaseConverter):
    """A repository's name: as much of the path as the rest of the route leaves."""

    part_isolating = False
    regex = ".+"
    weight = 200

    def to_python(self, value: str) -> RepositoryName:
        """Read it; one that is malformed is told so, not passed over."""
        return RepositoryName.parse(value)


class _V1NameConverter(_NameConverter):
    """A repository's name, as version 1 has it.

    None ends with ``tags``: what comes after that is a tag, also where it is called as
    the end of another route.
    """

    part_isolating = False
    regex = ".+(?<!/tags)"

    def to_python(self, value: str) -> RepositoryName:
        """Read it."""
        return parse_v1_name(value)


class _DigestConverter(BaseConverter):
    """A digest."""

    def to_python(self, value: str) -> Digest:
        """Read it."""
        return Digest.parse(value)


class _ReferenceConverter(BaseConverter):
    """A tag or a digest."""

    def to_python(self, value: str) -> Reference:
        """Read it."""
        return parse_reference(value)


class _Routes(Map):
    """Routes that are matched, but never built.

    Werkzeug compiles two functions for each that would write its path. Nobody asks for
    them here, and they would take a sixteenth of the start.
    """

    def add(self, rulefactory: RuleFactory) -> None:
        """Add routes."""
        for rule in rulefactory.get_rules(self):
            made: Any = rule  # where it has no such method any more, nothing is lost
            made._compile_builder = lambda _: _refuse  # noqa: SLF001 - as said
            super().add(rule)


def _refuse(*_: object, **__: object) -> NoReturn:
    raise NotImplementedError("paths are written without routes here")


class App(Klein):
    """An application whose routes each have a guard.

    It keeps to itself what a client that left would be told. Klein would log it with
    its traceback, as if it had not been foreseen.

    Attributes:
        guards: By the name of the route.
        addressing: Gives repositories the names that they have here.
    """

    def __init__(self, addressing: Addressing) -> None:
        super().__init__()
        self._url_map = _Routes()
        self.addressing = addressing
        self.guards: dict[str, Guard] = {}
        self._handlers: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {}

    def route(  # type: ignore[override]  # a route without a guard cannot be added
        self, url: str, *, guard: Guard, **kwargs: Any
    ) -> Callable[[_Handler], _Handler]:
        """Add a route.

        Args:
            url: The path, with converters.
            guard: Who may have it answered.
            kwargs: As Klein has it: ``methods``, and ``endpoint`` for its name.
        """

        def add(handler: _Handler) -> _Handler:
            endpoint = kwargs.pop("endpoint", handler.__name__)
            if self.guards.setdefault(endpoint, guard) is not guard:
                raise ValueError(f"Two routes are called {endpoint}.")
            make: Any = super(App, self).route(url, endpoint=endpoint, **kwargs)
            make(handler)
            self._handlers[endpoint] = cast("Any", handler)
            return handler

        return add

    def execute_endpoint(
        self, endpoint: str, request: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Ask the guard, and call the handler."""
        try:
            asking = self._ask(endpoint, request, kwargs)
        except RegistryError:
            return fail()
        if asking is None:
            result = super().execute_endpoint(endpoint, request, *args, **kwargs)
        else:
            call = super().execute_endpoint
            result = Deferred.fromCoroutine(
                _guarded(asking, lambda: call(endpoint, request, *args, **kwargs))
            )
        if isinstance(result, Deferred) and not result.called:
            _ = result.addErrback(_keep_to_ourselves, request)
        return result

    def answer(
        self, endpoint: str, request: Any, arguments: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Do the same without Klein, for a handler that is ``async``.

        Raises:
            RegistryError: it is refused, and nothing had to be waited for.
        """
        asking = self._ask(endpoint, request, arguments)
        handler = self._handlers[endpoint]
        asked = None if asking is None else start(asking)
        if isinstance(asked, Deferred):
            return _after(asked, handler, request, arguments)
        return handler(request, **arguments)

    def admits(self, request: Any) -> bool:
        """Ask the guard once more, for what was answered before.

        Returns:
            Whether it lets the request go on here and now.
        """
        asking = self.guards[request.endpoint].admit(request, {**request.arguments})
        if asking is None:
            return True
        try:
            asked = start(asking)
        except Exception:  # noqa: BLE001 - it is told in the usual way
            return False
        if isinstance(asked, Deferred):
            _ = asked.addErrback(lambda _: None)
            asked.cancel()
            return False
        return True

    def _ask(
        self, endpoint: str, request: Any, arguments: dict[str, Any]
    ) -> Coroutine[Any, Any, None] | None:
        """Ask the guard of a route, and note what the request is about."""
        guard = self.guards[endpoint]
        if "name" in arguments:
            arguments["name"] = self.addressing.localize(request, arguments["name"])
        request.endpoint, request.arguments = endpoint, arguments
        request.needs = guard.needs
        return guard.admit(request, arguments)


async def _after(
    asking: Deferred[None],
    handler: Callable[..., Coroutine[Any, Any, Any]],
    request: Any,
    arguments: dict[str, Any],
) -> Any:
    await asking
    return await handler(request, **arguments)


async def _guarded(asking: Coroutine[Any, Any, None], call: Callable[[], Any]) -> Any:
    await asking
    return await maybeDeferred(call)


def _keep_to_ourselves(failure: Failure, request: Any) -> Failure:
    if request.gone and failure.check(RegistryError) is not None:
        raise CancelledError
    return failure


def new_app(addressing: Addressing) -> App:
    """Make the application to which every module of ``web`` adds its routes.

    Paths match the fixed end of a route and give the name as much as possible, because
    ``blobs``, ``manifests`` and the like are components that a name can have.
    """
    app = App(addressing)
    routes = app.url_map
    routes.converters["name"] = _NameConverter
    routes.converters["v1name"] = _V1NameConverter
    routes.converters["digest"] = _DigestConverter
    routes.converters["reference"] = _ReferenceConverter
    routes.strict_slashes = False
    routes.merge_slashes = False  # a redirected POST becomes a GET
    return app
