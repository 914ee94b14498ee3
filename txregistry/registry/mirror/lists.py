"""Lists of other registries: tags, and who refers to whom."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    DigestInvalid,
    ManifestUnknown,
    RegistryError,
    TagInvalid,
)
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.manifests import Manifests
from txregistry.registry.mirror.approvals import refusal_of
from txregistry.registry.mirror.failures import OFFLINE, failure_of
from txregistry.registry.mirror.manifests import MirroredManifests
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.registry.tags import TagsPage
from txregistry.tasks import Flights

_MOST: Final = 100
"""Referrers of a manifest that are fetched at once."""
_REMEMBERED: Final = 10_000


class Incomplete(Exception):
    """A list of another registry cannot be had, or not all of it.

    What is here has to do.

    Attributes:
        reason: Why, in one sentence that anybody may read.
        failure: What a client is told where nothing is here; None where that is simply
            not there.
    """

    def __init__(self, reason: str, failure: RegistryError | None = None) -> None:
        self.reason = reason
        self.failure = failure
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What became of asking for what refers to a manifest.

    Attributes:
        until: Until when it is not asked for again.
        missing: Why not all of it is here; empty where it is.
    """

    until: float
    missing: str


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
        self._asked: OrderedDict[tuple[RepositoryName, Digest], _Asked] = OrderedDict()
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
            The page; None where the other registry has no such repository.

        Raises:
            Incomplete: it cannot be asked, or what it answers cannot be used.
            Unauthorized: it does not let the caller have them.
            UpstreamSilent: it cannot be asked whether the caller may have them.
            UpstreamInvalid: likewise.
        """
        if self._offline:
            if caller is None:
                raise Incomplete(OFFLINE)
            what = "is not asked who may pull: this mirror is offline"
            raise failure_of(UpstreamUnavailable(rule.upstream.name, what))
        try:
            remote = rule.remote_name(name)
            found = await rule.upstream.tags(remote, after, limit + 1, caller)
        except UpstreamFault as fault:
            self._log.warn(
                "The mirror wanted the tags of {name}: {reason}",
                name=str(name),
                reason=fault.reason,
            )
            if caller is None:
                raise Incomplete(fault.reason, failure_of(fault)) from fault
            if isinstance(fault, UpstreamRefused):
                raise refusal_of(fault, name) from fault
            raise failure_of(fault) from fault
        if found is None:
            return None
        tags = [tag for text in found if (tag := _parse(text)) is not None]
        if len(tags) < len(found):
            self._log.warn(
                "The upstream registry {upstream} has {count} tags in {name} that can "
                "be none here; they are left out",
                upstream=rule.upstream.name,
                count=len(found) - len(tags),
                name=str(name),
            )
        return TagsPage(tuple(tags[:limit]), more=len(found) > limit)

    async def fetch_referrers(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        subject: Digest,
        caller: Credentials | None = None,
    ) -> None:
        """Fetch the manifests that refer to another one, as far as they are missing.

        Raises:
            Incomplete: not all of them are here then.
        """
        if self._offline:
            raise Incomplete(OFFLINE)
        asked = self._asked.get((name, subject))
        if asked is None or self._clock.seconds() >= asked.until:
            asked = await self._flights.join(
                (name, subject), lambda: self._fetch(rule, name, subject, caller)
            )
        if asked.missing:
            raise Incomplete(asked.missing)

    async def _fetch(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        subject: Digest,
        caller: Credentials | None,
    ) -> _Asked:
        missing, pause = "", rule.recheck
        try:
            remote = rule.remote_name(name)
            data = await rule.upstream.referrers(remote, subject, caller)
            found, count = _referrers(data or b"{}")
            if count > _MOST:
                missing = f"There are {count} of them; {_MOST} are fetched."
            for digest in found:
                if failure := await self._fetch_one(rule, name, digest, caller):
                    missing, pause = failure, rule.absent
        except UpstreamFault as fault:
            missing, pause = fault.reason, rule.absent
            if caller is not None and isinstance(fault, UpstreamRefused):
                pause = 0.0  # that is between the two of them
        if missing:
            self._log.warn(
                "The mirror wanted what refers to {digest} in {name}: {reason}",
                digest=str(subject),
                name=str(name),
                reason=missing,
            )
        asked = _Asked(self._clock.seconds() + pause, missing)
        self._asked[name, subject] = asked
        self._asked.move_to_end((name, subject))
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return asked

    async def _fetch_one(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        digest: Digest,
        caller: Credentials | None,
    ) -> str:
        """Fetch a manifest, if it is missing; say why it cannot be had, if it cannot.

        What the list names, and the other registry has not, is nothing that is missing
        here.
        """
        if await self._manifests.holds(name, digest):
            return ""
        try:
            await self._mirrored.find(rule, name, digest, caller)
        except ManifestUnknown:
            return ""
        except RegistryError as error:
            return error.message
        return ""


def _referrers(data: bytes) -> tuple[list[Digest], int]:
    """Read what an index names, and how much; nothing, where it is none."""
    try:
        index = msgspec.json.decode(data, type=_Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [], 0
    found = []
    for entry in index.manifests[:_MOST]:
        try:
            found.append(Digest.parse(entry.digest))
        except DigestInvalid:
            continue
    return found, len(index.manifests)


def _parse(text: str) -> Tag | None:
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None
