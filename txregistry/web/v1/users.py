"""``/v1/users``: whether a password is right. Accounts are kept elsewhere.

Source: Docker Registry API v1, "Users".
"""

from txregistry.model.errors import Denied, Unauthorized
from txregistry.web.guards import EVERYBODY
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.v1.answers import answer
from txregistry.web.v1.guards import EITHER, V1Guards


def add_user_routes(app: App, guards: V1Guards) -> None:
    """Add what ``docker login`` asks."""

    @app.route("/v1/users", methods=["GET"], guard=guards.user)
    def get_user(request: RegistryRequest) -> bytes:
        return answer(request, "OK")

    @app.route("/v1/users", methods=["POST"], guard=EVERYBODY)
    def post_user(request: RegistryRequest) -> bytes:
        # Engines up to 1.10 ask first for a new account, and take 201 for a right
        # password, whatever it was. Told this, they ask whether it is right.
        request.challenges = EITHER
        raise Unauthorized

    @app.route("/v1/users/<text>", methods=["PUT"], guard=guards.user)
    def put_user(request: RegistryRequest, text: str) -> bytes:
        del request, text
        raise Denied("Accounts cannot be changed here; ask whoever runs the registry")
