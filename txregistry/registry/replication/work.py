"""Doing a job of replication."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.replication.copying import Copying, NothingToCopy
from txregistry.registry.replication.jobs import Jobs, KeptJob
from txregistry.registry.tags import Tags
from txregistry.storage.interfaces import Key

_AT_ONCE: Final = 0.0
_ROUNDS: Final = 5
"""How often one begins anew as a tag was moved meanwhile."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    Attributes:
        digest: What is there now; None where nothing was to be done: the tag is gone,
            or somebody else has done it, or will.
        following: Tags that are to be replicated as well, and where that was noted.
        again: When the job is to be looked at again, in seconds since 1970; None for
            never: nothing is left of it.
        is_gone: Whether there is no such tag.
        missing: What is not here, so that it was given up; empty for nothing.
    """

    digest: Digest | None
    following: tuple[tuple[Tag, Key], ...] = ()
    again: float | None = None
    is_gone: bool = False
    missing: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the job is done, whatever is left of it."""
        return self.again != _AT_ONCE


class Work:
    """Do the jobs of one rule.

    Args:
        jobs: Where they are kept.
        tags: What is to be replicated.
        copying: Copies it.
    """

    def __init__(self, jobs: Jobs, tags: Tags, copying: Copying) -> None:
        self._jobs = jobs
        self._tags = tags
        self._copying = copying

    async def do(
        self, name: RepositoryName, reference: Reference, *, gives_up: bool
    ) -> Outcome:
        """Do all jobs of a tag, or of a manifest.

        Whatever it raises, the jobs are there still.

        Args:
            name: The repository.
            reference: The tag, or the digest of the manifest.
            gives_up: Whether the jobs are removed where something is not here that
                should be.

        Raises:
            NothingToCopy: something is not here.
            UpstreamFault: the other registry did not take it.
            StorageUnavailable: our store cannot be asked.
        """
        found = await self._jobs.of(name, reference)
        if not found:
            return Outcome(None)
        try:
            if isinstance(reference, Digest):
                return await self._do_referrer(name, reference, found)
            return await self._do_tag(name, reference, found)
        except NothingToCopy as reason:
            if not gives_up:
                raise
            again = await self._jobs.remove(found)
            return Outcome(None, (), again, missing=str(reason))

    async def _do_referrer(
        self, name: RepositoryName, digest: Digest, found: Sequence[KeptJob]
    ) -> Outcome:
        fallbacks = await self._copying.copy_referrer(name, digest)
        if fallbacks is None:
            return Outcome(None, (), await self._jobs.remove(found))
        following = await self._follow(name, fallbacks)
        return Outcome(digest, following, await self._jobs.remove(found))

    async def _do_tag(
        self, name: RepositoryName, tag: Tag, found: Sequence[KeptJob]
    ) -> Outcome:
        fallbacks: set[Tag] = set()
        claims: set[Key] = set()
        for _ in range(_ROUNDS):
            digest = await self._tags.find(name, tag)
            if digest is None:
                again = await self._jobs.remove(found, claims)
                return Outcome(None, (), again, is_gone=True)
            fallbacks |= await self._copying.copy(name, digest)
            if await self._set(name, tag, digest, claims):
                following = await self._follow(name, fallbacks - {tag})
                again = await self._jobs.remove(found, claims)
                return Outcome(digest, following, again)
            found = await self._jobs.of(name, tag)
        return Outcome(None, again=_AT_ONCE)

    async def _set(
        self, name: RepositoryName, tag: Tag, digest: Digest, claims: set[Key]
    ) -> bool:
        """Set a tag there, for which all is there.

        Args:
            name: The repository.
            tag: The tag.
            digest: What it points at.
            claims: Takes the claim that is made for it.

        Returns:
            Whether it points to the same here still.
        """
        if await self._copying.is_set(name, tag, digest):
            return True
        claim = await self._jobs.claim(name, tag, digest)
        if await self._tags.find(name, tag) == digest:
            await self._copying.set(name, tag, digest)
        claims.add(claim)
        # Another node may have set it to something newer before we set it back.
        return await self._tags.find(name, tag) == digest

    async def _follow(
        self, name: RepositoryName, tags: set[Tag]
    ) -> tuple[tuple[Tag, Key], ...]:
        """Note what is to be replicated as well, where that is not there."""
        following = []
        for tag in sorted(tags):
            digest = await self._tags.find(name, tag)
            if digest is None or await self._copying.is_set(name, tag, digest):
                continue
            following.append((tag, await self._jobs.write(name, tag, digest)))
        return tuple(following)
