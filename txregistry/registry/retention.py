"""Rules of retention: which tags and manifests stay for how long."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.auth.patterns import Patterns
from txregistry.model.digest import Digest
from txregistry.model.names import (
    RepositoryName,
    Tag,
    fallback_tag,
    is_fallback_tag,
    subject_of_tag,
)
from txregistry.registry.collection.interfaces import IKeeping, Kept
from txregistry.registry.repositories import Registry
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.registry.uses import MINUTE, Uses
from txregistry.storage import keys
from txregistry.storage.interfaces import NotFound, TooLarge

_LIMIT: Final = 4 * 1024 * 1024
_MOST: Final = 20_000
"""Manifests without a tag of which it is remembered since when they have none."""

_decoder: Final = msgspec.json.Decoder(dict[str, int])


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What stays of some repositories. A tag goes that nothing here keeps.

    Attributes:
        repositories: Of which repositories.
        tags: About which tags; others stay, unless another rule is about them.
        newest: How many of them stay in each repository: those pushed last; None for
            none that would stay for that.
        pushed: Seconds for which a tag stays after it was pushed; None likewise.
        pulled: Seconds for which it stays after it was pulled; None likewise.
        keep: Tags that stay in any case.
        untagged: Seconds for which a manifest stays that no tag keeps; None for ever.
    """

    repositories: Patterns
    tags: TagPatterns
    newest: int | None = None
    pushed: float | None = None
    pulled: float | None = None
    keep: TagPatterns = field(default_factory=lambda: TagPatterns(()))
    untagged: float | None = None

    @property
    def removes_tags(self) -> bool:
        """Whether it is about tags, and not only about manifests without one."""
        return not (self.newest is None and self.pushed is None and self.pulled is None)


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A tag that a rule is about.

    Attributes:
        tag: The tag.
        digest: What it points to.
        pushed: When it was set, by the store's clock.
        used: When it was pulled last, in minutes; -1 where nothing is known.
    """

    tag: Tag
    digest: Digest
    pushed: float
    used: int


@implementer(IKeeping)
class Retention:
    """Say what rules keep.

    A rule that would remove all that it is about is not followed, unless somebody said
    that this is meant: it is a mistake more often than not.

    Args:
        registry: The registry, over a store in which nothing is spared.
        rules: The rules; the first that is about a tag counts.
        uses: When something was pulled.
        sweeping: Whether a rule may remove all that it is about.
    """

    _log = Logger()

    def __init__(
        self,
        registry: Registry,
        rules: Sequence[RetentionRule],
        uses: Uses,
        *,
        sweeping: bool = False,
    ) -> None:
        self._registry = registry
        self._rules = rules
        self._uses = uses
        self._sweeping = sweeping
        self._refused: set[int] = set()

    async def prepare(self) -> None:
        """See `IKeeping`: find the rules that are not to be followed."""
        self._refused = set()
        if self._sweeping or not any(rule.removes_tags for rule in self._rules):
            return
        staying: set[int] = set()
        leaving: set[int] = set()
        async for name in self._registry.catalog.all():
            for number, tagged in (await self._governed(name)).items():
                kept = self._keep(self._rules[number], tagged)
                if kept:
                    staying.add(number)
                if len(kept) < len(tagged):
                    leaving.add(number)
        for number in leaving - staying:
            self._refused.add(number)
            self._log.error(
                "collection.retention[{number}] would remove every tag that it is "
                "about, so nothing is removed by it; `txregistry gc --yes` does it",
                number=number,
            )

    async def choose(
        self, name: RepositoryName, manifests: Collection[Digest]
    ) -> Kept | None:
        """See `IKeeping`."""
        if not any(rule.repositories.match(name) for rule in self._rules):
            return None
        leaving: list[tuple[Tag, Digest]] = []
        for number, tagged in (await self._governed(name)).items():
            if number in self._refused:
                continue
            kept = self._keep(self._rules[number], tagged)
            leaving += [
                (each.tag, each.digest) for each in tagged if each.tag not in kept
            ]
        if self._untagged(name) is None:
            return Kept(frozenset(manifests), tuple(leaving))
        gone = {tag for tag, _ in leaving}
        subjects = {str(fallback_tag(digest)) for digest in manifests}
        roots = {
            digest
            async for tag, digest in self._tags(name)
            if tag not in gone and (not is_fallback_tag(tag) or tag.text in subjects)
        }
        return Kept(frozenset(roots), tuple(leaving))

    async def linger(
        self, name: RepositoryName, forgotten: Collection[Digest]
    ) -> Collection[Digest]:
        """See `IKeeping`: what has had no tag for a short time only stays for now."""
        patience = self._untagged(name)
        if patience is None:
            return ()
        now = self._uses.now()
        known = await self._read(name)
        uses = await self._uses.read(name)
        since = {str(digest): known.get(str(digest), now) for digest in forgotten}
        if since != known and len(since) <= _MOST:
            await self._write(name, since)
        oldest = now - int(patience / MINUTE)
        return [
            digest
            for digest in forgotten
            if max(since[str(digest)], uses.get(str(digest), -1)) > oldest
        ]

    def _untagged(self, name: RepositoryName) -> float | None:
        """Say for how long a manifest without a tag stays; None for ever."""
        for rule in self._rules:
            if rule.untagged is not None and rule.repositories.match(name):
                return rule.untagged
        return None

    def _keep(self, rule: RetentionRule, tagged: Sequence[_Tagged]) -> set[Tag]:
        """Say which tags stay of those that a rule is about."""
        kept = {each.tag for each in tagged if rule.keep.match(each.tag)}
        latest = sorted(tagged, key=lambda each: (-each.pushed, each.tag.text))
        kept.update(each.tag for each in latest[: rule.newest or 0])
        now = self._registry.clock.seconds()
        for each in tagged:
            if rule.pushed is not None and now - each.pushed < rule.pushed:
                kept.add(each.tag)
            if rule.pulled is not None and now - each.used * MINUTE < rule.pulled:
                kept.add(each.tag)
        return kept

    async def _governed(self, name: RepositoryName) -> dict[int, list[_Tagged]]:
        """Give the tags of a repository that rules are about, by the rules' numbers."""
        found: dict[int, list[_Tagged]] = {}
        rules = [
            (number, rule)
            for number, rule in enumerate(self._rules)
            if rule.removes_tags and rule.repositories.match(name)
        ]
        if not rules:
            return found
        uses = await self._uses.read(name)
        async for tag, digest in self._tags(name):
            if subject_of_tag(tag) is not None:
                continue  # it goes with what it is about
            if self._registry.tags.stays(name, tag):
                continue
            number = next((n for n, rule in rules if rule.tags.match(tag)), None)
            if number is None:
                continue
            try:
                stat = await self._registry.store.stat(keys.tag_link(name, tag))
            except NotFound:
                continue  # it was deleted a moment ago
            used = uses.get(str(tag), -1)
            tagged = _Tagged(tag, digest, stat.modified, used)
            found.setdefault(number, []).append(tagged)
        return found

    async def _tags(self, name: RepositoryName) -> AsyncIterator[tuple[Tag, Digest]]:
        for tag in (await self._registry.tags.page(name, "", None)).tags:
            digest = await self._registry.tags.find(name, tag)
            if digest is not None:
                yield tag, digest

    async def _read(self, name: RepositoryName) -> dict[str, int]:
        try:
            data = await self._registry.store.get(keys.untagged(name), _LIMIT)
            return _decoder.decode(data)
        except (
            NotFound,
            TooLarge,
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
        ):
            return {}

    async def _write(self, name: RepositoryName, since: dict[str, int]) -> None:
        if since:
            data = msgspec.json.encode(since)
            await self._registry.store.put(keys.untagged(name), data)
        else:
            await self._registry.store.delete([keys.untagged(name)])
