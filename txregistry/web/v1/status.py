"""``/v1/_ping``, ``/v1/_status`` and ``/``.

Source: Docker Registry API v1, "Status and discovery".
"""

from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.web.guards import EVERYBODY
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.v1.answers import answer
from txregistry.web.v1.guards import V1Guards


def add_status_routes(
    app: App,
    guards: V1Guards,
    store: IObjectStore,
    *,
    standalone: bool,
) -> None:
    """Add what tells that this is a registry, and how it is.

    Args:
        app: The application.
        guards: Whom to tell.
        store: What it depends on.
        standalone: Whether clients shall send passwords, not tokens, over TLS.
    """

    @app.route("/_ping", methods=["GET"], guard=EVERYBODY)
    @app.route("/v1/_ping", methods=["GET"], guard=EVERYBODY)
    def ping(request: RegistryRequest) -> bytes:
        request.responseHeaders.setRawHeaders(
            "x-docker-registry-standalone", ["True" if standalone else "False"]
        )
        return answer(request, {})

    @app.route("/_status", methods=["GET"], guard=guards.status)
    @app.route("/v1/_status", methods=["GET"], guard=guards.status)
    async def tell_status(request: RegistryRequest) -> bytes:
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

    @app.route("/", methods=["GET"], guard=EVERYBODY)
    def tell_name(request: RegistryRequest) -> bytes:
        return answer(request, "txregistry")
