"""``docker login``, as engines go about it."""

from contextlib import suppress

from tests.integration.engines.authorization import Credentials, basic
from tests.integration.engines.caller import Ask, Caller
from tests.integration.engines.connection import Reply
from tests.integration.engines.discovery import Discovery, Endpoint, names_v2
from tests.integration.engines.errors import EngineError, SpeaksV2, Unreachable
from tests.integration.engines.gojson import encode
from tests.integration.engines.session import Setting

SUCCEEDED = "Login Succeeded"
CREATED = "Account created."

_KNOWN = b'"Username or email already exists"'
"""The one body of a 400 to which the engine answers with the password."""


class Login:
    """One login.

    Args:
        setting: The engine.
        credentials: Whom it logs in.
        email: An address for a new account.
    """

    def __init__(self, setting: Setting, credentials: Credentials, email: str) -> None:
        self._setting = setting
        self._credentials = credentials
        self._email = email
        self._caller: Caller = setting.caller()

    def run_old(self, discovery: Discovery) -> str:
        """Log in as Docker up to 1.9 does: make an account first.

        Returns:
            `SUCCEEDED`, or `CREATED`: then nobody has looked at the password.
        """
        endpoint = discovery.find()
        for _ in range(self._setting.release.login_pings):
            discovery.ping(endpoint)
        if endpoint.version > 1:
            raise SpeaksV2("the login is of version 2")
        try:
            reply = self._post(endpoint)
        except Unreachable as error:
            raise EngineError(f"Server Error: {error}") from error
        body = reply.body()
        if reply.status == 201:
            return CREATED
        if reply.status == 401 or (reply.status == 400 and body == _KNOWN):
            return self._outcome(self._get(endpoint), known=reply.status == 400)
        if reply.status == 400:
            raise EngineError(f"Registration: {body.decode(errors='replace')}")
        raise EngineError(f"Unexpected status code [{reply.status}] : {body!r}")

    def run_new(self, schemes: tuple[str, ...]) -> str:
        """Log in as Docker 1.11 and newer do: version 2 first, then the password.

        Args:
            schemes: ``https``, and ``http`` on an insecure registry.
        """
        host = self._setting.address
        for scheme in schemes:
            with suppress(Unreachable):
                self._try_v2(Endpoint(scheme, host, 2))
        last: Unreachable | None = None
        for scheme in schemes:
            try:
                reply = self._get(Endpoint(scheme, host, 1))
            except Unreachable as error:
                last = error
            else:
                return self._outcome(reply, known=True)
        raise EngineError(str(last)) from last

    def _try_v2(self, endpoint: Endpoint) -> None:
        url = endpoint.url("v2/")
        reply = self._caller.call(Ask("GET", url))
        reply.close()
        if names_v2(reply):
            raise SpeaksV2(f"{url} has the header of version 2")
        challenge = reply.header("WWW-Authenticate").lower()
        known = reply.status == 401 and challenge.startswith("basic")
        authorization = basic(self._credentials) if known else ""
        reply = self._caller.call(Ask("GET", url, authorization=authorization))
        reply.close()
        if reply.status == 200:
            raise SpeaksV2(f"{url} takes the login")

    def _post(self, endpoint: Endpoint) -> Reply:
        user, password = self._credentials
        account = {
            "username": user,
            "password": password,
            "auth": "",
            "email": self._email,
        }
        ask = Ask(
            "POST",
            endpoint.url("v1/users/"),
            (("Content-Type", "application/json; charset=utf-8"),),
            body=encode(account),
            named=self._setting.release.named_posts,
            lasting=self._setting.release.lasting_posts,
        )
        return self._caller.call(ask)

    def _get(self, endpoint: Endpoint) -> Reply:
        url = endpoint.url("v1/users/")
        return self._caller.call(
            Ask("GET", url, authorization=basic(self._credentials))
        )

    def _outcome(self, reply: Reply, *, known: bool) -> str:
        """Read the answer to the password.

        Args:
            reply: The answer.
            known: Whether a 403 means an account that is not active.
        """
        body = reply.body()
        if reply.status == 200:
            return SUCCEEDED
        if reply.status == 401:
            raise EngineError("Wrong login/password, please try again")
        if reply.status == 403 and known:
            raise EngineError("Login: Account is not Active.")
        shown = body.decode(errors="replace")
        raise EngineError(f"Login: {shown} (Code: {reply.status})")
