"""Who asks, by version 1, and for which repositories.

Clients choose in advance what they send: a token, Basic, or a cookie that they were
given. Nothing of it is needed where everybody may do what is asked for. What a request
is about is decided here, at its headers, before any of its body is read.

Source: Docker Registry API v1, section "Authorization".
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final

from txregistry.auth.cookies import SessionCookies
from txregistry.auth.interfaces import Caller
from txregistry.auth.tokens import PresentedToken, parse_authorization
from txregistry.model.access import ANONYMOUS, Action, Identity
from txregistry.model.access import Access as TokenAccess
from txregistry.model.errors import Denied, ImageIdInvalid, ImageUnknown, Unauthorized
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.authorities import new_owner
from txregistry.registry.interfaces import Grant, IAuthority
from txregistry.registry.repositories import Registry
from txregistry.registry.scopes import Scope
from txregistry.web.access import Access
from txregistry.web.request import RegistryRequest

NEEDED: Final = {
    TokenAccess.READ: Action.PULL,
    TokenAccess.WRITE: Action.PUSH,
    TokenAccess.DELETE: Action.DELETE,
}
"""What one must be allowed to do to be given a token."""

_COOKIE: Final = b"session"
_UNLIMITED: Final = float("inf")


@dataclass(frozen=True, slots=True)
class V1Caller:
    """Who makes a request of version 1.

    Attributes:
        caller: Who they are, where no token of an Index was sent.
        grant: What their token is good for; None where none was sent.
        kept: What a token was good for that they sent, or were given, before; None
            where no cookie tells.
    """

    caller: Caller
    grant: Grant | None = None
    kept: Grant | None = None

    @property
    def identity(self) -> Identity:
        """Who they are; nobody, where a token speaks for them."""
        return self.caller.identity

    @property
    def sent_token(self) -> bool:
        """Whether they sent a token, of an Index or another."""
        return self.grant is not None or self.caller.scopes is not None


class V1Access:
    """Decide about requests of version 1.

    Args:
        registry: Knows which images were announced, and where they lie.
        access: Who asks, and what they may do who send no token of an Index.
        authority: Says what tokens of an Index are good for.
        cookies: Turns tokens into cookies and back.
        tokens_only: Whether only those tokens count, because another Index decides.
    """

    def __init__(
        self,
        registry: Registry,
        access: Access,
        authority: IAuthority,
        cookies: SessionCookies,
        *,
        tokens_only: bool,
    ) -> None:
        self._registry = registry
        self._access = access
        self._authority = authority
        self._cookies = cookies
        self._tokens_only = tokens_only
        self.knows_accounts = access.log_in.is_known

    async def caller(self, request: RegistryRequest) -> V1Caller:
        """Find out who makes a request.

        Raises:
            Unauthorized: what they send is malformed, forged, expired or wrong.
            Unavailable: it cannot be found out at present.
        """
        headers = request.requestHeaders.getRawHeaders(b"authorization", ())
        if len(headers) > 1:
            raise Unauthorized
        header = headers[0].decode("latin-1").strip() if headers else ""
        presented = parse_authorization(header)
        if presented is not None:
            grant = await self._granted(request, presented)
            request.caller = Caller(_at(grant.holder, request))  # to be told
            self._set_cookie(request, presented, grant.expires)
            return V1Caller(Caller(_at(ANONYMOUS, request)), grant)
        if header.partition(" ")[0].lower() == "token":  # and no token after it
            request.requestHeaders.removeHeader(b"authorization")
        caller = await self._access.caller(request)
        return V1Caller(caller, kept=await self._kept(request))

    async def _kept(self, request: RegistryRequest) -> Grant | None:
        """Say what a cookie is good for, which is never needed: a bad one is none."""
        cookie = request.getCookie(_COOKIE)
        if cookie is None:
            return None
        try:
            presented = self._cookies.open(cookie.decode("latin-1"))
            grant = await self._granted(request, presented)
        except Unauthorized:
            return None
        self._set_cookie(request, presented, grant.expires)
        return grant

    async def _granted(
        self, request: RegistryRequest, presented: PresentedToken
    ) -> Grant:
        """Say what a token is good for.

        Those of our own are good for as long as who they were given to is known here,
        and may do what they say.

        Raises:
            Unauthorized: for nothing.
            Unavailable: that cannot be found out at present.
        """
        grant = await self._authority.grant(presented)
        if self._tokens_only:
            return grant
        holder = _at(grant.holder, request)
        needed = NEEDED[grant.access]
        if not self._access.may(Caller(holder), grant.repository, needed):
            raise Unauthorized
        if not await self._access.identifier.still_knows(holder.name):
            raise Unauthorized
        resolved = await self._registry.resolve(grant.repository)
        if await self._access.hides(Caller(holder), resolved):
            raise Unauthorized  # it was said to be private since
        return grant

    def keep(self, request: RegistryRequest, token: str) -> None:
        """Let a client have a token as a cookie, who will send none."""
        presented = parse_authorization(f"Token {token}")
        if presented is not None:
            self._set_cookie(request, presented, None)

    async def to_repository(
        self, request: RegistryRequest, name: RepositoryName, action: Action
    ) -> tuple[V1Caller, RepositoryName]:
        """Let a request go on that names a repository.

        Returns:
            Who makes it, and what version 2 calls the repository.

        Raises:
            Unauthorized: they may not do this, and are not known, or their token is for
                something else.
            Denied: they are known, and may not do this.
            Unavailable: it cannot be found out at present.
        """
        asking = await self.caller(request)
        if asking.grant is not None:
            if not asking.grant.allows(name, action):
                raise Unauthorized
            return asking, await self._registry.resolve(name)
        if self._may(asking.caller, name, action):
            resolved = await self._registry.resolve(name)
            if await self._shows(asking.caller, resolved):
                return asking, resolved
        if asking.kept is not None and asking.kept.allows(name, action):
            kept = V1Caller(asking.caller, asking.kept)
            return kept, await self._registry.resolve(name)
        if asking.identity.is_anonymous:
            raise Unauthorized
        raise Denied(f"You may not {action} {name}; ask whoever runs the registry")

    async def _shows(self, caller: Caller, name: RepositoryName) -> bool:
        """Say whether its owner lets somebody know of a repository.

        To who is not known, what is not there is as what is private.
        """
        hidden = await self._access.hides(caller, name)
        known = not caller.identity.is_anonymous or not self.knows_accounts
        if known or self._may(caller, name, Action.PUSH):
            return not hidden
        there = await self._registry.manifests.has_repository(name)
        announced = await self._registry.announcements.all(name)
        mirrored = self._registry.mirror.rules.find(name) is not None
        return not hidden and (there or mirrored or announced is not None)

    async def to_image(
        self, request: RegistryRequest, text: str, action: Action
    ) -> tuple[V1Caller, Scope, ImageId]:
        """Let a request go on that names an image only.

        Returns:
            Who makes it, for which repositories, and the image.

        Raises:
            Unauthorized: as for `to_repository`.
            ImageIdInvalid: it is no image's id.
            ImageUnknown: there is none of it where they may look.
            Unavailable: it cannot be found out at present.
        """
        asking = await self.caller(request)
        grant = asking.grant
        if grant is not None and not grant.access.allows(action):
            raise Unauthorized
        if grant is None and asking.kept and asking.kept.access.allows(action):
            grant = asking.kept  # it tells which repository this is about
        if grant is not None:
            name = await self._registry.resolve(grant.repository)
            scope = Scope((name,), grant.owner, grant.announced, grant.usable)
            return asking, scope, ImageId.parse(text)
        if self._tokens_only:
            raise Unauthorized
        owner = self.owner(request, asking.identity)
        names, noted = await self._names(asking.caller, owner, text, action)
        return asking, Scope(names, owner, everywhere=noted), ImageId.parse(text)

    async def to_status(self, request: RegistryRequest) -> None:
        """Let a request go on that asks how the registry is.

        Raises:
            Unauthorized: nobody knows who they are, or a token speaks for them.
            Denied: they do not administer it.
            Unavailable: it cannot be found out at present.
        """
        asking = await self.caller(request)
        if asking.grant is None and self._access.may(asking.caller, None, Action.ADMIN):
            return
        if asking.identity.is_anonymous:
            raise Unauthorized
        raise Denied("You are no administrator of this registry")

    async def is_known(self, request: RegistryRequest) -> bool:
        """Say whether somebody has shown who they are, where anybody can be known."""
        asking = await self.caller(request)
        known = asking.grant is None and not asking.identity.is_anonymous
        return known or not self.knows_accounts

    async def may(self, caller: Caller, name: RepositoryName, action: Action) -> bool:
        """Say whether somebody may do something who has no token for it."""
        may = self._may(caller, name, action)
        return may and not await self._access.hides(caller, name)

    def walk(self, request: RegistryRequest) -> AbstractAsyncContextManager[None]:
        """See `Access.walk`."""
        return self._access.walk(request)

    def may_search(self, caller: Caller) -> bool:
        """Say whether somebody may search at all: they are shown what they may see."""
        return not self._tokens_only and self._access.may_list(caller)

    async def lists(self, caller: Caller, name: RepositoryName) -> bool:
        """Say whether a search shows a repository to somebody."""
        return not self._tokens_only and await self._access.lists(caller, name)

    def _may(self, caller: Caller, name: RepositoryName, action: Action) -> bool:
        return not self._tokens_only and self._access.may(caller, name, action)

    def owner(self, request: RegistryRequest, identity: Identity) -> str:
        """Name who pushes without a token, which every push has one of its own of."""
        return new_owner("caller", identity.name, request.client_address)

    async def _names(
        self, caller: Caller, owner: str, text: str, action: Action
    ) -> tuple[Sequence[RepositoryName], bool]:
        """Find the repositories that a request without a token is about.

        For a push, they are those for which its sender announced the image. Else all
        are looked into that have one of this id and that they may read.

        Returns:
            The repositories, and whether the image was announced for them.
        """
        closed = caller.identity.is_anonymous and self.knows_accounts
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
            found = found or self._registry.mirror.repositories(image_id)
        names = [name for name in found if await self.may(caller, name, action)]
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
        cookie = (
            f"session={value}; Path=/v1/; Max-Age={self._cookies.lifetime:.0f}; "
            f"HttpOnly; SameSite=Strict{'; Secure' if request.is_secure else ''}"
        )
        request.responseHeaders.setRawHeaders("set-cookie", [cookie])


def _at(identity: Identity, request: RegistryRequest) -> Identity:
    """Say where somebody asks from."""
    return replace(identity, address=request.client_address)
