"""Who asks, by version 1, and for which repositories.

Clients choose in advance what they send: a token, Basic, or a cookie that they were
given. Nothing of it is needed where everybody may do what is asked for. What a request
is about is decided here, at its headers, before any of its body is read.

Source: Docker Registry API v1, section "Authorization".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import ISSLTransport

from txregistry.auth.basic import parse_basic
from txregistry.auth.cookies import SessionCookies
from txregistry.auth.interfaces import IAccounts, IPolicy
from txregistry.auth.tokens import PresentedToken, parse_authorization
from txregistry.model.access import ANONYMOUS, Action, Identity
from txregistry.model.errors import Denied, ImageIdInvalid, ImageUnknown, Unauthorized
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.authorities import new_owner
from txregistry.registry.interfaces import Grant, IAuthority
from txregistry.registry.repositories import Registry
from txregistry.registry.scopes import Scope
from txregistry.web.certificates import certificate_name
from txregistry.web.request import RegistryRequest

_COOKIE: Final = b"session"
_UNLIMITED: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Attributes:
        identity: Who they are, where no token was sent.
        grant: What their token is good for; None where none was sent.
        kept: What a token was good for that they sent, or were given, before; None
            where no cookie tells.
    """

    identity: Identity
    grant: Grant | None = None
    kept: Grant | None = None


class Access:
    """Decide about requests of version 1.

    Args:
        registry: Knows which images were announced, and where they lie.
        authority: Says what tokens are good for.
        cookies: Turns tokens into cookies and back.
        accounts: Who has a password.
        policy: What somebody may do who sends no token; None where only tokens count,
            because another Index decides.
        certificates: Whether a client certificate's name is an account.
        knows_accounts: Whether there is anybody who is not anonymous.
    """

    def __init__(
        self,
        registry: Registry,
        authority: IAuthority,
        cookies: SessionCookies,
        accounts: IAccounts,
        policy: IPolicy | None,
        *,
        certificates: bool,
        knows_accounts: bool,
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._cookies = cookies
        self._accounts = accounts
        self._policy = policy
        self._certificates = certificates
        self.knows_accounts = knows_accounts

    async def caller(self, request: RegistryRequest) -> Caller:
        """Find out who makes a request.

        Raises:
            Unauthorized: what they send is malformed, forged, expired or wrong.
            Unavailable: it cannot be found out at present.
        """
        headers = request.requestHeaders.getRawHeaders(b"authorization", ())
        if len(headers) > 1:
            raise Unauthorized
        header = headers[0].decode("latin-1").strip() if headers else ""
        scheme = header.partition(" ")[0].lower()
        if scheme not in {"", "token", "basic"}:
            raise Unauthorized
        presented = parse_authorization(header)
        if presented is not None:
            grant = await self._authority.grant(presented)
            self._set_cookie(request, presented, grant.expires)
            return Caller(ANONYMOUS, grant)
        identity = await self._identity(request, header)
        return Caller(identity, kept=await self._kept(request))

    async def _identity(self, request: RegistryRequest, header: str) -> Identity:
        """Find out who somebody is who sends no token.

        Raises:
            Unauthorized: the password is wrong.
        """
        pair = parse_basic(header)
        if pair is not None:
            identity = await self._accounts.identify(*pair)
            if identity is None:
                raise Unauthorized
            return identity
        name = certificate_name(request) if self._certificates else None
        return ANONYMOUS if name is None else Identity(name)

    async def _kept(self, request: RegistryRequest) -> Grant | None:
        """Say what a cookie is good for, which is never needed: a bad one is none."""
        cookie = request.getCookie(_COOKIE)
        if cookie is None:
            return None
        try:
            presented = self._cookies.open(cookie.decode("latin-1"))
            grant = await self._authority.grant(presented)
        except Unauthorized:
            return None
        self._set_cookie(request, presented, grant.expires)
        return grant

    def keep(self, request: RegistryRequest, token: str) -> None:
        """Let a client have a token as a cookie, who will send none."""
        presented = parse_authorization(f"Token {token}")
        if presented is not None:
            self._set_cookie(request, presented, None)

    async def to_repository(
        self, request: RegistryRequest, name: RepositoryName, action: Action
    ) -> tuple[Caller, RepositoryName]:
        """Let a request go on that names a repository.

        Returns:
            Who makes it, and what version 2 calls the repository.

        Raises:
            Unauthorized: they may not do this, and are not known, or their token is for
                something else.
            Denied: they are known, and may not do this.
            Unavailable: it cannot be found out at present.
        """
        caller = await self.caller(request)
        resolved = await self._registry.resolve(name)
        if caller.grant is not None:
            if not caller.grant.allows(name, action):
                raise Unauthorized
        elif not await self.may(caller.identity, resolved, action):
            if caller.kept is not None and caller.kept.allows(name, action):
                return Caller(caller.identity, caller.kept), resolved
            if caller.identity == ANONYMOUS:
                raise Unauthorized
            raise Denied(f"You may not {action} {name}; ask whoever runs the registry")
        return caller, resolved

    async def to_image(
        self, request: RegistryRequest, text: str, action: Action
    ) -> tuple[Scope, ImageId]:
        """Let a request go on that names an image only.

        Returns:
            For which repositories it is made, and the image.

        Raises:
            Unauthorized: as for `to_repository`.
            ImageIdInvalid: it is no image's id.
            ImageUnknown: there is none of it where they may look.
            Unavailable: it cannot be found out at present.
        """
        caller = await self.caller(request)
        grant = caller.grant
        if grant is not None and not grant.access.allows(action):
            raise Unauthorized
        if grant is None and caller.kept and caller.kept.access.allows(action):
            grant = caller.kept  # it tells which repository this is about
        if grant is not None:
            name = await self._registry.resolve(grant.repository)
            scope = Scope((name,), grant.owner, grant.announced, grant.usable)
            return scope, ImageId.parse(text)
        if self._policy is None:
            raise Unauthorized
        owner = self.owner(request, caller.identity)
        names, noted = await self._names(caller.identity, owner, text, action)
        return Scope(names, owner, everywhere=noted), ImageId.parse(text)

    async def may(
        self, identity: Identity, name: RepositoryName, action: Action
    ) -> bool:
        """Say whether somebody may do something who has no token for it."""
        if self._policy is None or not self._policy.allows(identity, name, action):
            return False
        # Whoever said that a repository is private did not mean that everybody may.
        closed = identity == ANONYMOUS and self.knows_accounts
        return not (closed and await self._registry.privacy.is_private(name))

    def owner(self, request: RegistryRequest, identity: Identity) -> str:
        """Name who pushes without a token, which every push has one of its own of."""
        peer = request.getClientAddress()
        return new_owner("caller", identity.name, getattr(peer, "host", ""))

    async def _names(
        self, identity: Identity, owner: str, text: str, action: Action
    ) -> tuple[Sequence[RepositoryName], bool]:
        """Find the repositories that a request without a token is about.

        For a push, they are those for which its sender announced the image. Else all
        are looked into that have one of this id and that they may read.

        Returns:
            The repositories, and whether the image was announced for them.
        """
        closed = identity == ANONYMOUS and self.knows_accounts
        try:
            image_id = ImageId.parse(text)
        except ImageIdInvalid:
            if closed:
                raise Unauthorized from None
            raise
        found = await self._registry.announcements.noted(owner, image_id)
        noted = bool(found)
        if action is Action.PULL and not found:
            found = await self._registry.images.repositories(image_id)
        names = [name for name in found if await self.may(identity, name, action)]
        if names:
            return names, noted
        if action is Action.PULL and not closed:
            raise ImageUnknown
        raise Unauthorized

    def _set_cookie(
        self,
        request: RegistryRequest,
        presented: PresentedToken,
        expires: float | None,
    ) -> None:
        """Let a client send a cookie next time, in place of its token."""
        value = self._cookies.issue(
            presented, _UNLIMITED if expires is None else expires
        )
        secure = ISSLTransport.providedBy(request.channel.transport)
        cookie = (
            f"session={value}; Path=/v1/; Max-Age={self._cookies.lifetime:.0f}; "
            f"HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
        )
        request.responseHeaders.setRawHeaders("set-cookie", [cookie])
