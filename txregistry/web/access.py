"""Who asks, and whether they may: challenges and refusals.

A refusal is the same whether or not a repository exists, as nothing is looked up before
it is known who asks.

Source: OCI Distribution 1.1, "Authentication"; Distribution, "Token Authentication
Specification"; RFC 9110, section 11.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from txregistry.auth.addresses import origin
from txregistry.auth.identifiers import Identifiers
from txregistry.auth.interfaces import Caller, Credentials, IPolicy
from txregistry.auth.passing import PassedCredentials
from txregistry.auth.policy import EVERYONE, Rule, RulePolicy
from txregistry.model.access import Action
from txregistry.model.errors import Denied, RegistryError, Unauthorized
from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry
from txregistry.tasks import Turns
from txregistry.web.authorization import authorization
from txregistry.web.certificates import client_certificate
from txregistry.web.login import LogIn
from txregistry.web.request import RegistryRequest

_SCOPES: Final = {
    Action.LIST: "pull",
    Action.PULL: "pull",
    Action.PUSH: "pull,push",
    Action.DELETE: "delete",
    Action.ADMIN: "*",
}
_CATALOG: Final = "registry:catalog:*"
READING: Final = frozenset({Action.LIST, Action.PULL})
"""What is done by the names that a client has for what is mirrored."""

PASSING: Final = "txregistry"
"""What we are called where others decide."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What everybody may do.

    Attributes:
        policy: Decides.
        open: Whether it lets everybody do everything.
        anonymous: Whether it lets who is not known do anything at all.
    """

    policy: IPolicy
    open: bool = False
    anonymous: bool = True


@dataclass(slots=True)
class Access:
    """Decide about requests.

    Attributes:
        registry: Knows which repositories are private.
        identifier: Knows who asks.
        rules: What they may do: those in force, in whose place others can be put.
        log_in: How they become known.
        passed: Reads what is for another registry to judge; None where there is none
            that does.
    """

    registry: Registry
    identifier: Identifiers
    rules: Rules
    log_in: LogIn = field(default_factory=LogIn)
    passed: PassedCredentials | None = None
    _walks: Turns = field(default_factory=Turns, init=False)

    @property
    def open(self) -> bool:
        """Whether nothing needs to be asked, as nobody differs from anybody."""
        mirrored = self.registry.mirror.rules
        decided = mirrored.passing or mirrored.closed
        return self.rules.open and not self.log_in.is_known and not decided

    async def caller(self, request: RegistryRequest) -> Caller:
        """Find out who makes a request.

        Raises:
            Unauthorized: what they show is malformed, forged, expired or wrong.
            Unavailable: it cannot be found out at present.
        """
        if request.caller is None:
            shown = Credentials(
                authorization(request) if request.passed is None else "",
                client_certificate(request),
                request.client_address,
            )
            caller = await self.identifier.identify(shown)
            if caller.scopes is not None and not caller.delegated:
                name = caller.identity.name  # who had our token while they were known
                if not await self.identifier.still_knows(name):
                    raise Unauthorized
            request.caller = caller
        return request.caller

    def may(self, caller: Caller, name: RepositoryName | None, action: Action) -> bool:
        """Say whether somebody may do something to a repository; None for them all.

        Where another registry decides who may pull, nobody may by our word.
        """
        if name is not None and (
            self._passes(name, action) or self._closes(name, action)
        ):
            return False
        scopes = caller.scopes
        if scopes is not None and not scopes.allow(name, action):
            return False
        if caller.delegated:
            return True
        return self.rules.policy.allows(caller.identity, name, action)

    def may_list(self, caller: Caller) -> bool:
        """Say whether somebody may ask for all repositories there are.

        They are shown those that they see, of which `lists` tells.
        """
        if caller.scopes is not None and not caller.scopes.catalog:
            return False
        known = caller.delegated or not caller.identity.is_anonymous
        return known or self.rules.anonymous

    async def hides(self, caller: Caller, name: RepositoryName) -> bool:
        """Say whether a repository is not for somebody, by its owner's word.

        Whoever said that it is private did not mean that everybody may.
        """
        closed = caller.identity.is_anonymous and self.log_in.is_known
        return closed and await self.registry.privacy.is_private(name)

    async def sees(self, caller: Caller, name: RepositoryName, action: Action) -> bool:
        """Say whether somebody may do something, also by the word of its owner.

        To who is not known, what is not there is as what is private: but not to who may
        push, and has to find out what is missing there.
        """
        if not self.may(caller, name, action):
            return False
        if not (caller.identity.is_anonymous and self.log_in.is_known):
            return True
        hidden = await self.hides(caller, name)
        if caller.delegated or self.rules.policy.allows(
            caller.identity, name, Action.PUSH
        ):
            return not hidden
        # This is asked in any case, so that the time tells no more.
        there = await self.registry.manifests.has_repository(name)
        # Whether another registry has it is for that to say: it need not be here yet.
        there = there or self.registry.mirror.rules.find(name) is not None
        return there and not hidden

    @asynccontextmanager
    async def walk(self, request: RegistryRequest) -> AsyncIterator[None]:
        """Walk through all repositories, within the block: one at a time from a place.

        That takes long where there are many, and anybody may ask.
        """
        async with self._walks.on(origin(request.client_address)):
            yield

    async def lists(self, caller: Caller, name: RepositoryName) -> bool:
        """Say whether a repository is shown to somebody who asks for all there are.

        It is one of them, if only for an Index whose images are elsewhere. A token for
        that names none of them. Whoever else issued it has said that its holder may see
        them all.
        """
        if caller.scopes is not None:
            if caller.delegated or not caller.scopes.catalog:
                return caller.scopes.catalog
            caller = Caller(caller.identity)
        may = self.may(caller, name, Action.LIST)
        return may and not await self.hides(caller, name)

    async def to_repository(
        self, request: RegistryRequest, name: RepositoryName, action: Action
    ) -> None:
        """Let a request go on that is about a repository.

        Where another registry decides who may pull, it is not asked yet: the request
        has what it is to be shown.

        Raises:
            Unauthorized: they may not do this, and could be somebody who may.
            Denied: they may not do this.
            Unavailable: it cannot be found out at present.
        """
        scopes = [f"repository:{name}:{_SCOPES[action]}"]
        if self._passes(name, action):
            await self._pass(request, name, action, scopes)
            return
        if self._closes(name, action):
            raise Denied(
                f"Another registry decided who may have what is in {name}, and is not "
                "asked any more; ask whoever runs the registry."
            )
        if request.method == b"POST" and request.query(b"mount"):
            scopes += _scope_of(request.query(b"from") or "")
        caller = await self._known(request, scopes)
        if not await self.sees(caller, name, action):
            identity = caller.identity
            raise self._refusal(
                request,
                caller,
                scopes,
                f"{action} {name}",
                allowed=self.rules.policy.allows(identity, name, action),
            )

    async def to_registry(self, request: RegistryRequest, action: Action) -> None:
        """Let a request go on that is about all repositories.

        Who may only see some may go on, to be shown those: whoever answers must ask
        `sees` about each.

        Raises:
            Unauthorized: as for a repository.
            Denied: as for a repository.
            Unavailable: as for a repository.
        """
        scopes = [_CATALOG]
        caller = await self._known(request, scopes)
        if action is Action.LIST:
            may = self.may_list
        else:
            may = partial(self.may, name=None, action=action)
        if not may(caller):
            raise self._refusal(
                request,
                caller,
                scopes,
                f"{action} this registry",
                allowed=may(Caller(caller.identity)),
            )

    def _passes(self, name: RepositoryName, action: Action) -> bool:
        """Say whether it is for another registry to decide."""
        return action in READING and self.registry.mirror.passes(name)

    def _closes(self, name: RepositoryName, action: Action) -> bool:
        """Say whether nobody may, as nobody decides any more."""
        return action in READING and self.registry.mirror.rules.closes(name)

    async def _pass(
        self,
        request: RegistryRequest,
        name: RepositoryName,
        action: Action,
        scopes: Sequence[str],
    ) -> None:
        """Let a request go on that another registry decides about.

        Raises:
            Unauthorized: what it shows is nothing that can be shown there.
            Denied: by our rules, nobody may ask there from where it comes.
        """
        request.passed = Credentials(
            self._read_passed(request, scopes), address=request.client_address
        )
        identity = (await self.caller(request)).identity
        if not self.rules.policy.allows(identity, name, action):
            raise Denied(f"You may not {action} {name}; ask whoever runs the registry.")

    def _read_passed(self, request: RegistryRequest, scopes: Sequence[str]) -> str:
        """Read what is for another registry.

        Should that refuse it, the client is told where else there are tokens.

        Raises:
            Unauthorized: it is nothing of the kind.
        """
        assert self.passed is not None  # noqa: S101 - or no rule would pass it on
        log_in = LogIn(self.log_in.service or PASSING)
        request.challenges = log_in.challenge(request, scopes, None)
        return self.passed.read(authorization(request))

    def _shows_passed(self, request: RegistryRequest) -> bool:
        """Say whether a request shows what is for another registry, and not for us.

        Raises:
            Unauthorized: it shows nothing, or nothing that is good for either. Docker
                asks once, and here: it gets a token then, for nobody if need be.
        """
        shown = authorization(request)
        try:
            self._read_passed(request, ())
        except Unauthorized:
            if self.log_in.service is None:
                raise
            return False
        if not shown:
            raise Unauthorized("Get a token, if only for nobody in particular.")
        return self.log_in.basic_realm is None or shown[:6].lower() == "bearer"

    async def to_log_in(self, request: RegistryRequest) -> None:
        """Let a request go on that asks whether what it shows is good.

        Who shows nothing learns here what there is to show, also where some things are
        for everybody: clients ask only once.

        Raises:
            Unauthorized: it is not good, or there is none.
            Denied: there is no certificate.
            Unavailable: it cannot be found out at present.
        """
        if self.passed is not None and self._shows_passed(request):
            return
        caller = await self._known(request, ())
        if not caller.identity.is_anonymous or caller.scopes is not None:
            return
        if self.log_in.challenges or not self.rules.anonymous:
            raise self._refusal(request, caller, (), "use this registry")

    async def _known(self, request: RegistryRequest, scopes: Sequence[str]) -> Caller:
        try:
            return await self.caller(request)
        except Unauthorized:
            bearer = (request.header(b"authorization") or "")[:7].lower() == "bearer "
            error = "invalid_token" if bearer else None
            if not self.log_in.challenges:
                raise Denied("This registry knows nobody by what you show.") from None
            request.challenges = self.log_in.challenge(request, scopes, error)
            what = "token" if bearer else "name or password"
            raise Unauthorized(f"Your {what} is not good here; log in again.") from None

    def _refusal(
        self,
        request: RegistryRequest,
        caller: Caller,
        scopes: Sequence[str],
        what: str,
        *,
        allowed: bool = False,
    ) -> RegistryError:
        """Say no: in a way that lets clients try again where that may help.

        Args:
            request: What is refused.
            caller: Who asks.
            scopes: What a token would have to be good for.
            what: What they want, in words.
            allowed: Whether the rules would allow it, so that a token is what wants.
        """
        log_in = self.log_in
        # What the rules refuse to somebody known, no other token of ours would allow.
        wanting = caller.delegated or caller.identity.is_anonymous
        if caller.scopes is not None and (wanting or allowed):
            request.challenges = log_in.challenge(request, scopes, "insufficient_scope")
            return Unauthorized(f"Your token is not good to {what}; ask for another.")
        if not caller.identity.is_anonymous:
            return Denied(f"You may not {what}; ask whoever runs the registry.")
        if log_in.challenges:
            request.challenges = log_in.challenge(request, scopes, None)
            return Unauthorized(f"Log in to {what}.")
        if log_in.certificates and client_certificate(request) is not None:
            return Denied(
                "There is no name in your client certificate that counts here; ask "
                "whoever runs the registry for one that has."
            )
        if log_in.certificates:
            return Denied(f"Show a client certificate of yours to {what}.")
        return Denied(f"Nobody may {what} from here; ask whoever runs the registry.")


def open_access(registry: Registry) -> Access:
    """Let everybody do everything."""
    everything = RulePolicy(
        [Rule(frozenset({EVERYONE}), ("**",), frozenset({Action.ADMIN}))]
    )
    return Access(registry, Identifiers(), Rules(everything, open=True))


def _scope_of(source: str) -> list[str]:
    """Write the scope for what is to be mounted; none where that is no repository."""
    try:
        return [f"repository:{RepositoryName.parse(source)}:pull"]
    except RegistryError:
        return []
