"""``/v2/``: whether this is a registry, and what it has beyond the specification."""

from txregistry.web.guards import Guards
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.v2.answers import json_answer


def add_version_routes(app: App, guards: Guards) -> None:
    """Add ``/v2/`` and the list of extensions."""

    @app.route("/v2/", methods=["GET"], guard=guards.log_in)
    async def get_version(request: RegistryRequest) -> bytes:
        return json_answer(request, {})

    @app.route("/v2/_oci/ext/discover", methods=["GET"], guard=guards.log_in)
    async def get_extensions(request: RegistryRequest) -> bytes:
        return json_answer(request, {"extensions": []})
