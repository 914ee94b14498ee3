"""``/v1/_ping``, ``/v1/_status`` and ``/``.

Source: Docker Registry API v1, "Status and discovery".
"""

from collections.abc import Awaitable, Callable

from klein import Klein

from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.web.request import RegistryRequest
from txregistry.web.v1.answers import answer


def add_status_routes(
    app: Klein,
    store: IObjectStore,
    admit: Callable[[RegistryRequest], Awaitable[None]],
    *,
    standalone: bool,
) -> None:
    """Add what tells that this is a registry, and how it is.

    Args:
        app: The application.
        store: What it depends on.
        admit: Raises what is told to those who may not know how it is.
        standalone: Whether clients shall send passwords, not tokens, over TLS.
    """

    @app.route("/_ping", methods=["GET"])
    @app.route("/v1/_ping", methods=["GET"])
    def ping(request: RegistryRequest) -> bytes:
        request.responseHeaders.setRawHeaders(
            "x-docker-registry-standalone", ["True" if standalone else "False"]
        )
        return answer(request, {})

    @app.route("/_status", methods=["GET"])
    @app.route("/v1/_status", methods=["GET"])
    async def tell_status(request: RegistryRequest) -> bytes:
        await admit(request)
        failures = {}
        try:
            await store.check()
        except StorageUnavailable:
            failures["storage"] = "unavailable"
        document = {
            "host": getattr(request.getHost(), "host", ""),
            "services": ["storage"],
            "failures": failures,
        }
        return answer(request, document, 503 if failures else 200)

    @app.route("/", methods=["GET"])
    def tell_name(request: RegistryRequest) -> bytes:
        return answer(request, "txregistry")
