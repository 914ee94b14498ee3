"""Whom other registries let pull, where they decide by the caller's own credentials.

What they let somebody pull is given from here, but not for long without asking again,
and to nobody else.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    Found,
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, ManifestUnknown, Unauthorized
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.mirror.failures import failure_of
from txregistry.registry.mirror.rules import MirrorRule

_LIFETIME: Final = 60.0
"""Seconds for which a registry is not asked again whether somebody may pull."""
_REMEMBERED: Final = 10_000


class Approvals:
    """Ask other registries whom they let pull.

    Args:
        clock: Measures the time.
        offline: Whether no other registry is asked: nobody gets anything then.
    """

    def __init__(self, clock: IReactorTime, *, offline: bool) -> None:
        self._clock = clock
        self._offline = offline
        self._until: OrderedDict[tuple[bytes, RepositoryName], float] = OrderedDict()

    async def check_manifest(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        reference: Reference,
        caller: Credentials,
    ) -> None:
        """Ask whether somebody may have a manifest.

        Raises:
            Unauthorized: they may not.
            ManifestUnknown: there is none, as far as they may know.
            UpstreamSilent: that cannot be found out.
            UpstreamInvalid: likewise.
        """
        remote = rule.remote_name(name)
        if not await self._check(
            rule,
            name,
            caller,
            lambda: rule.upstream.head_manifest(remote, str(reference), caller),
        ):
            raise ManifestUnknown(
                f"The repository {name} has no manifest {reference}.",
                {"reference": str(reference)},
            )

    async def check_blob(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials,
    ) -> None:
        """Ask whether somebody may have a blob.

        Raises:
            Unauthorized: they may not.
            BlobUnknown: there is none, as far as they may know.
            UpstreamSilent: that cannot be found out.
            UpstreamInvalid: likewise.
        """
        remote = rule.remote_name(name)
        if not await self._check(
            rule,
            name,
            caller,
            lambda: rule.upstream.head_blob(remote, digest, caller),
        ):
            raise BlobUnknown(
                f"The repository {name} has no such blob.", {"digest": str(digest)}
            )

    async def _check(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        caller: Credentials,
        ask: Callable[[], Awaitable[Found | None]],
    ) -> bool:
        """Ask, unless somebody was let in a moment ago; say whether there is it."""
        key = hashlib.sha256(caller.authorization.encode()).digest(), name
        if self._clock.seconds() < self._until.get(key, 0.0):
            return True
        try:
            if self._offline:
                what = "is not asked who may pull: this mirror is offline"
                raise UpstreamUnavailable(rule.upstream.name, what)
            found = await ask()
        except UpstreamRefused as fault:
            raise refusal_of(fault, name) from fault
        except UpstreamFault as fault:
            raise failure_of(fault) from fault
        if found is None:
            return False
        self._until[key] = self._clock.seconds() + _LIFETIME
        self._until.move_to_end(key)
        if len(self._until) > _REMEMBERED:
            self._until.popitem(last=False)
        return True


def refusal_of(fault: UpstreamFault, name: RepositoryName) -> Unauthorized:
    """Make what a caller is told whom another registry does not let in."""
    return Unauthorized(
        f"The upstream registry {fault.upstream} does not let you have {name}; log in "
        "here with an account of it that may."
    )
