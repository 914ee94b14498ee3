"""Lists of other registries: tags, and who refers to whom."""

from collections import OrderedDict
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import UpstreamFault, UpstreamRefused
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    DigestInvalid,
    RegistryError,
    TagInvalid,
)
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.manifests import Manifests
from txregistry.registry.mirror.approvals import refusal_of
from txregistry.registry.mirror.failures import failure_of
from txregistry.registry.mirror.manifests import MirroredManifests
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.registry.tags import TagsPage
from txregistry.tasks import Flights

_MOST: Final = 100
"""Referrers of a manifest that are fetched at once."""
_REMEMBERED: Final = 10_000


class _Entry(msgspec.Struct):
    """What counts of an entry of an index."""

    digest: str


class _Index(msgspec.Struct):
    """What counts of an index."""

    manifests: list[_Entry] = []


class MirroredLists:
    """Find what other registries list.

    Args:
        manifests: The manifests that are here.
        mirrored: Finds those of mirrored repositories.
        clock: Tells the time.
        offline: Whether no other registry is asked.
    """

    _log = Logger()

    def __init__(
        self,
        manifests: Manifests,
        mirrored: MirroredManifests,
        clock: IReactorTime,
        *,
        offline: bool,
    ) -> None:
        self._manifests = manifests
        self._mirrored = mirrored
        self._clock = clock
        self._offline = offline
        self._asked: OrderedDict[tuple[RepositoryName, Digest], float] = OrderedDict()
        self._flights = Flights()

    async def tags(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        after: str,
        limit: int,
        caller: Credentials | None = None,
    ) -> TagsPage | None:
        """List tags of the other registry.

        Args:
            rule: The rule of the repository.
            name: The repository.
            after: Only tags after this one.
            limit: How many at most.
            caller: By whose credentials they are listed, alone; None for ours.

        Returns:
            The page; None where the other registry cannot be asked, or has none.

        Raises:
            Unauthorized: it does not let the caller have them.
            UpstreamSilent: it cannot be asked whether the caller may have them.
            UpstreamInvalid: likewise.
        """
        if self._offline:
            return None
        try:
            remote = rule.remote_name(name)
            found = await rule.upstream.tags(remote, after, limit + 1, caller)
        except UpstreamRefused as fault:
            if caller is not None:
                raise refusal_of(fault, name) from fault
            self._log.warn("{fault}", fault=str(fault))
            return None
        except UpstreamFault as fault:
            if caller is not None:
                raise failure_of(fault) from fault
            self._log.warn("{fault}", fault=str(fault))
            return None
        if found is None:
            return None
        tags = [tag for text in found if (tag := _parse(text)) is not None]
        return TagsPage(tuple(tags[:limit]), more=len(tags) > limit)

    async def fetch_referrers(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        subject: Digest,
        caller: Credentials | None = None,
    ) -> None:
        """Fetch the manifests that refer to another one, as far as they are missing.

        Where that does not work, those that are here have to do.
        """
        asked = self._asked.get((name, subject))
        fresh = asked is not None and self._clock.seconds() - asked < rule.recheck
        if self._offline or fresh:
            return
        try:
            await self._flights.join(
                (name, subject), lambda: self._fetch(rule, name, subject, caller)
            )
        except UpstreamFault as fault:
            self._log.warn("{fault}", fault=str(fault))

    async def _fetch(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        subject: Digest,
        caller: Credentials | None,
    ) -> None:
        data = await rule.upstream.referrers(rule.remote_name(name), subject, caller)
        for digest in _referrers(data or b"{}"):
            if await self._manifests.holds(name, digest):
                continue
            try:
                await self._mirrored.find(rule, name, digest, caller)
            except RegistryError as error:
                self._log.warn("{reason}", reason=error.message)
        self._asked[name, subject] = self._clock.seconds()
        self._asked.move_to_end((name, subject))
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)


def _referrers(data: bytes) -> list[Digest]:
    """Read what an index names; nothing, where it is none."""
    try:
        index = msgspec.json.decode(data, type=_Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = []
    for entry in index.manifests[:_MOST]:
        try:
            found.append(Digest.parse(entry.digest))
        except DigestInvalid:
            continue
    return found


def _parse(text: str) -> Tag | None:
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None
