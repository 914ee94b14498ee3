"""Replicating what is pushed here to other registries."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.listing import groups
from txregistry.registry.replication.copying import Copying, Origin
from txregistry.registry.replication.jobs import Jobs
from txregistry.registry.replication.lines import Line
from txregistry.registry.replication.linestatus import LineStatus
from txregistry.registry.replication.rules import ReplicationRule, check_rules
from txregistry.registry.replication.work import Work
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.tasks import Blocking, detach

_PARALLEL: Final = 4


class Replication:
    """Note what was pushed, and have it copied, until it is there.

    What was noted is in the store: it is done after a restart, and by whatever node.
    Two nodes may do the same; that does no harm.

    Args:
        store: Where jobs are kept.
        origin: Where content is copied from.
        clock: What measures the time.
        blocking: Where large documents are read.
        rules: What is copied, and where to.
        parallel: Jobs of a rule that are done at a time.
        chance: A number from 0 to 1, another each time.

    Raises:
        ValueError: two rules have one name.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        origin: Origin,
        clock: IReactorTime,
        blocking: Blocking,
        rules: Sequence[ReplicationRule] = (),
        *,
        parallel: int = _PARALLEL,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._looking: Deferred[None] | None = None
        self._rules: list[tuple[ReplicationRule, Jobs, Line]] = []
        for rule in check_rules(rules):
            jobs = Jobs(store, rule.name, clock)
            copying = Copying(rule, origin, clock, blocking)
            work = Work(jobs, origin.tags, copying)
            line = Line(rule, jobs, work, clock, parallel, chance)
            self._rules.append((rule, jobs, line))

    async def note(self, name: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Have a tag replicated that was set a moment ago, where a rule says so.

        This is called before who set it is told that it is set: then it cannot be
        forgotten any more.

        Args:
            name: The repository.
            tag: The tag.
            digest: What it points at.

        Raises:
            StorageUnavailable: it could not be noted.
        """
        for rule, jobs, line in self._rules:
            if rule.concerns(name, tag):
                await self._write(jobs, line, name, tag, digest)

    async def note_referrer(self, name: RepositoryName, digest: Digest) -> None:
        """Have a manifest replicated that refers to another, where that one is.

        This is called like `note`, when the referrer is in the repository.

        Args:
            name: The repository.
            digest: The manifest that refers to another.

        Raises:
            StorageUnavailable: it could not be noted.
        """
        for rule, jobs, line in self._rules:
            if rule.concerns_referrers(name):
                await self._write(jobs, line, name, digest, digest)

    def start(self, *, shared: bool = False) -> None:
        """Begin to copy, first what was noted before.

        Args:
            shared: Whether another process does that; what it leaves undone is looked
                for all the same, after a while.
        """
        if not self._rules:
            return
        if not shared:
            self._looking = detach(
                self._look(), self._log, "looking for jobs of no rule"
            )
        for _, _, line in self._rules:
            line.start(shared=shared)

    async def stop(self) -> None:
        """Break off; it is gone on with at the next start."""
        if self._looking is not None:
            self._looking.cancel()
        for _, _, line in self._rules:
            await line.stop()
        for rule, _, _ in self._rules:
            await rule.downstream.close()

    def status(self) -> list[LineStatus]:
        """Say how it is, rule by rule."""
        return [line.status() for _, _, line in self._rules]

    @staticmethod
    async def _write(
        jobs: Jobs,
        line: Line,
        name: RepositoryName,
        reference: Reference,
        digest: Digest,
    ) -> None:
        older = line.add(name, reference, await jobs.write(name, reference, digest))
        if older is not None:
            with suppress(StorageUnavailable):  # one more does no harm
                await jobs.delete([older])

    async def _look(self) -> None:
        """Tell of jobs that nobody does."""
        known = {rule.name for rule, _, _ in self._rules}
        try:
            found = set(await groups(self._store, keys.jobs()))
        except StorageUnavailable:
            return  # it is told of where that matters
        for name in sorted(found - known):
            self._log.warn(
                "There are jobs of replication by the rule {rule}, which is in the "
                "settings no more; they stay as they are",
                rule=name[:100],
            )
