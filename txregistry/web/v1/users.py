"""``/v1/users``: whether a password is right. Accounts are kept elsewhere.

Source: Docker Registry API v1, "Users".
"""

from klein import Klein

from txregistry.model.access import ANONYMOUS
from txregistry.model.errors import Denied, Unauthorized
from txregistry.web.request import RegistryRequest
from txregistry.web.v1.access import Access
from txregistry.web.v1.answers import answer


def add_user_routes(app: Klein, access: Access) -> None:
    """Add what ``docker login`` asks."""

    async def admit(request: RegistryRequest) -> None:
        request.challenge = b'Basic realm="auth required",Token'
        caller = await access.caller(request)
        known = caller.grant is None and caller.identity != ANONYMOUS
        if not known and access.knows_accounts:
            raise Unauthorized

    @app.route("/v1/users", methods=["GET"])
    async def get_user(request: RegistryRequest) -> bytes:
        await admit(request)
        return answer(request, "OK")

    @app.route("/v1/users", methods=["POST"])
    async def post_user(request: RegistryRequest) -> bytes:
        # Engines up to 1.10 ask first for a new account, and take 201 for a right
        # password, whatever it was. Told this, they ask whether it is right.
        request.challenge = b'Basic realm="auth required",Token'
        raise Unauthorized

    @app.route("/v1/users/<text>", methods=["PUT"])
    async def put_user(request: RegistryRequest, text: str) -> bytes:
        del text
        await admit(request)
        raise Denied("Accounts cannot be changed here; ask whoever runs the registry")
