"""Jobs of replication, as they are kept.

An object is written for each push of a tag, and never again: its key is new each time.
So whoever has done a job can remove what it was by then, and nothing that was noted
meanwhile, on whatever node. A job says that a tag was set before it was written; what
the tag points at is asked when the job is done.

A claim is a job, too: it is written by whoever is about to set the tag there. Should
another node set it at the same time, to something newer, and the older come last, then
the claim is still there; and who wrote it finds out, or, if it died, somebody else who
finds the claim. So nobody but its writer removes it, who knows that its request was
answered, until it is so old that the request has ended in any case. That takes clocks
that agree but for some minutes.
"""

import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.listing import objects
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.storage.kinds import Job, recognize

CLAIM_AGE: Final = 900.0
"""Seconds after which the request that a claim is for has ended: it is given up sooner,
however often it is repeated."""


@dataclass(frozen=True, slots=True)
class KeptJob:
    """A job that is in the store.

    Attributes:
        key: Where.
        job: What it is.
    """

    key: Key
    job: Job

    @property
    def noted(self) -> float:
        """When it was written, in seconds since 1970."""
        return self.job.noted / 1000


@dataclass(frozen=True, slots=True)
class JobsPage:
    """Some jobs of a rule, by their keys.

    Attributes:
        jobs: The jobs.
        last: The last key that was looked at.
        more: Whether there are more behind it.
    """

    jobs: tuple[KeptJob, ...]
    last: str
    more: bool


class Jobs:
    """The jobs of one rule.

    Args:
        store: Where they are.
        rule: The rule's name.
        clock: Tells the time.
        new_id: Makes what tells two of the same moment apart: 16 hexadecimal digits.
    """

    def __init__(
        self,
        store: IObjectStore,
        rule: str,
        clock: IReactorTime,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._store = store
        self._rule = rule
        self._clock = clock
        self._new_id = new_id

    async def write(
        self, name: RepositoryName, reference: Reference, digest: Digest
    ) -> Key:
        """Note that something was pushed.

        Args:
            name: The repository.
            reference: The tag, or the digest of a manifest.
            digest: What the tag points at: for people who look into the store.

        Raises:
            StorageUnavailable: it was not noted.
        """
        return await self._put(name, reference, digest, "")

    async def claim(
        self, name: RepositoryName, reference: Reference, digest: Digest
    ) -> Key:
        """Note that a tag is about to be set there, and give where that is noted."""
        return await self._put(name, reference, digest, "-claim")

    async def of(self, name: RepositoryName, reference: Reference) -> list[KeptJob]:
        """Give all jobs of a tag, or of a manifest."""
        prefix = keys.jobs_of(self._rule, name, reference)
        return list(_kept(await objects(self._store, prefix)))

    async def remove(
        self, jobs: Iterable[KeptJob], claims: Collection[Key] = ()
    ) -> float | None:
        """Remove jobs that were done.

        Args:
            jobs: The jobs.
            claims: Those claims of ours of which the request was answered.

        Returns:
            When the last claim that had to stay can be removed; None for none.
        """
        done, until = list(claims), None
        for each in jobs:
            end = each.noted + CLAIM_AGE
            if each.key in claims:
                continue
            if each.job.is_claim and self._clock.seconds() < end:
                until = max(end, until or 0.0)
            else:
                done.append(each.key)
        await self.delete(done)
        return until

    async def delete(self, found: Iterable[Key]) -> None:
        """Remove some jobs."""
        await self._store.delete(found)

    async def page(self, after: str, limit: int) -> JobsPage:
        """Give some jobs of the rule.

        Args:
            after: Only those whose keys sort after this.
            limit: How many at most.
        """
        prefix = keys.jobs(self._rule)
        page = await self._store.list(prefix, after=after, limit=limit)
        last = page.names[-1] if page.names else after
        return JobsPage(tuple(_kept(page.names)), last, page.more)

    async def _put(
        self, name: RepositoryName, reference: Reference, digest: Digest, end: str
    ) -> Key:
        moment = int(self._clock.seconds() * 1000)
        job_id = f"{moment:016x}-{self._new_id()}{end}"
        key = keys.job(self._rule, name, reference, job_id)
        await self._store.put(key, str(digest).encode("ascii"))
        return key


def _kept(names: Iterable[str]) -> Iterable[KeptJob]:
    for name in names:
        found = recognize(name)
        if isinstance(found, Job):  # else it is somebody else's file
            yield KeptJob(Key(name), found)
