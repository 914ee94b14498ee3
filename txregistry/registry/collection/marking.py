"""What a repository needs of what it has.

All of a repository's manifests are needed, unless a rule says of which that is so; then
also what those name, what refers to them, and what was made of them. Layers and configs
are needed that such a manifest names, or an image of version 1 that one was made from.
"""

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.collection.buckets import DigestBuckets
from txregistry.registry.collection.condemned import image_item, link_item
from txregistry.registry.collection.contents import Content, Contents, Unreadable
from txregistry.registry.collection.interfaces import IKeeping, Kept
from txregistry.registry.collection.links import walk_links
from txregistry.registry.collection.reasons import Reasons
from txregistry.registry.collection.surroundings import Surroundings
from txregistry.registry.images import Image, Images
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import Blocking, breathe

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Marked:
    """What was found in a repository.

    Attributes:
        unneeded: What nothing needs, as items of a condemned list, sorted.
        manifests: How many manifests there are.
        leaving: Tags that go by a rule, and what each points to.
        blind: A manifest that cannot be read, so that nothing is taken for unneeded.
    """

    unneeded: list[str]
    manifests: int
    leaving: tuple[tuple[Tag, Digest], ...] = ()
    blind: Digest | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """What the links of all repositories lead to, once for each link.

    Attributes:
        held: Of all links that there are.
        wanted: Of those that are needed.
        gone: Of those among the first that have been removed since.
    """

    held: DigestBuckets
    wanted: DigestBuckets
    gone: DigestBuckets

    async def wanted_of(self, number: int) -> frozenset[bytes]:
        """Give what needed links lead to, of what begins with a byte."""
        return await self.wanted.bucket(number)

    async def held_of(self, number: int) -> frozenset[bytes]:
        """Give what links lead to that are there, of what begins with a byte."""
        held, gone = await self.held.counts(number), await self.gone.counts(number)
        return frozenset(held - gone)


@dataclass(slots=True)
class _Seen:
    """What a repository has, as the walk goes on.

    Attributes:
        links: Takes the links of all repositories.
        layers: Its links to blobs, by SHA-256.
        needed: What is named.
        aliases: Where links with other names lead.
        manifests: Its manifests, and where they lie.
    """

    links: "Links"
    layers: DigestBuckets
    needed: DigestBuckets
    aliases: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, Digest] = field(default_factory=dict)


class Marking:
    """Look through repositories.

    Args:
        store: Where they are.
        contents: Says what manifests name.
        images: The images of version 1.
        clock: Lets others have their turn.
        blocking: Where disk work goes.
        keeping: Says what is kept.
        reasons: Takes note of why something stays; None where nobody asks.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        contents: Contents,
        images: Images,
        clock: IReactorTime,
        blocking: Blocking,
        keeping: IKeeping,
        reasons: Reasons | None = None,
    ) -> None:
        self._store = store
        self._contents = contents
        self._images = images
        self._clock = clock
        self._blocking = blocking
        self._keeping = keeping
        self._reasons = reasons

    async def mark(
        self, name: RepositoryName, around: Surroundings, links: Links
    ) -> Marked:
        """Find what a repository does not need.

        Args:
            name: The repository.
            around: What is outside of it and keeps something in it.
            links: Takes its links.
        """
        async with (
            DigestBuckets(self._blocking) as layers,
            DigestBuckets(self._blocking) as needed,
        ):
            seen = _Seen(links, layers, needed)
            await self._read_layers(name, seen)
            await self._read_manifests(name, seen)
            try:
                chosen = await self._keeping.choose(name, seen.manifests)
                kept, forgotten = await self._follow(name, seen, chosen)
                for digest, stored in kept.items():
                    await links.wanted.add(bytes.fromhex(stored.encoded))
                    content = await self._content(stored)
                    await self._need(content, seen)
                    if self._reasons is not None:
                        self._reasons.look(name, digest, content, chosen)
                images = await self._mark_images(name, around, kept, seen)
            except Unreadable as error:
                self._log.warn(
                    "Nothing of {name} is collected, since nobody knows what its "
                    "manifest {digest} needs, which is damaged: push it again, or "
                    "delete it",
                    name=str(name),
                    digest=str(error.digest),
                )
                await self._want_all(seen)
                if self._reasons is not None:
                    self._reasons.add(name, "a manifest there cannot be read")
                return Marked([], len(seen.manifests), blind=error.digest)
            await self._need_gzips(around.gzips, seen)
            unneeded = [link_item("revisions", digest) for digest in forgotten]
            unneeded += [image_item(image_id) for image_id in images]
            unneeded += await self._unneeded_layers(seen)
        leaving = () if chosen is None else chosen.leaving
        return Marked(sorted(unneeded), len(seen.manifests), leaving)

    async def _read_layers(self, name: RepositoryName, seen: _Seen) -> None:
        links = walk_links(self._store, keys.layer_links(name), self._clock)
        async for link in links:
            if link.stored is None or link.stored.algorithm != CANONICAL:
                continue  # it leads nowhere; another program may mend that
            data = bytes.fromhex(link.stored.encoded)
            await seen.links.held.add(data)
            if link.kind.digest == link.stored:
                await seen.layers.add(data)
            else:
                seen.aliases[link.kind.digest] = data

    async def _read_manifests(self, name: RepositoryName, seen: _Seen) -> None:
        links = walk_links(self._store, keys.revision_links(name), self._clock)
        async for link in links:
            if link.stored is None or link.stored.algorithm != CANONICAL:
                continue
            data = bytes.fromhex(link.stored.encoded)
            await seen.links.held.add(data)
            if link.kind.role == "revision":
                seen.manifests[link.kind.digest] = link.stored
            else:  # a signature, which stays where it is
                await seen.links.wanted.add(data)

    async def _follow(
        self, name: RepositoryName, seen: _Seen, chosen: Kept | None
    ) -> tuple[Mapping[Digest, Digest], Iterable[Digest]]:
        """Say which manifests are needed, and which are not.

        Raises:
            Unreadable: that cannot be known.
        """
        if chosen is None:
            return seen.manifests, ()
        following = await self._following(name, seen)
        kept: set[Digest] = set()
        await self._reach(chosen.roots, following, seen, kept)
        forgotten = [each for each in seen.manifests if each not in kept]
        lingering = await self._keeping.linger(name, forgotten)
        await self._reach(lingering, following, seen, kept)
        forgotten = [each for each in forgotten if each not in kept]
        return {each: seen.manifests[each] for each in kept}, forgotten

    async def _reach(
        self,
        roots: Iterable[Digest],
        following: Mapping[Digest, Iterable[Digest]],
        seen: _Seen,
        kept: set[Digest],
    ) -> None:
        """Note what some manifests keep, and they themselves."""
        waiting = [each for each in roots if each in seen.manifests]
        kept.update(waiting)
        while waiting:
            await breathe(self._clock)
            for each in following.get(waiting.pop(), ()):
                if each in seen.manifests and each not in kept:
                    kept.add(each)
                    waiting.append(each)

    async def _following(
        self, name: RepositoryName, seen: _Seen
    ) -> Mapping[Digest, list[Digest]]:
        """Say of each manifest which others stay as long as it does."""
        following: dict[Digest, list[Digest]] = {}
        for count, (digest, stored) in enumerate(seen.manifests.items(), 1):
            if not count % _BATCH:
                await breathe(self._clock)
            content = await self._content(stored)
            if digest != stored:  # two names of one
                following.setdefault(digest, []).append(stored)
                following.setdefault(stored, []).append(digest)
            members = [
                Digest(CANONICAL, each.hex())
                for each in content.digests()
                if Digest(CANONICAL, each.hex()) in seen.manifests
            ]
            following.setdefault(digest, []).extend((*members, *content.others))
            if content.subject is not None:
                following.setdefault(content.subject, []).append(digest)
        links = walk_links(self._store, keys.schema2_forms(name), self._clock)
        async for link in links:
            if link.stored is not None:
                following.setdefault(link.kind.digest, []).append(link.stored)
        return following

    async def _content(self, stored: Digest) -> Content:
        """Say what a manifest names that a repository has.

        Raises:
            Unreadable: nobody knows: it may be that its bytes come back.
        """
        content = await self._contents.of(stored)
        if content is None:
            raise Unreadable(stored)
        return content

    async def _need(self, content: Content, seen: _Seen) -> None:
        """Note that what a manifest names is needed, be there a link to it or not."""
        for data in content.digests():
            await seen.needed.add(data)
            await seen.links.wanted.add(data)
            if content.is_index and Digest(CANONICAL, data.hex()) not in seen.manifests:
                await self.want_deep(Digest(CANONICAL, data.hex()), seen.links)
        for digest in content.others:
            stored = seen.aliases.get(digest)
            if stored is not None:
                await seen.needed.add(stored)

    async def want_deep(self, stored: Digest, links: Links) -> None:
        """Note that content is wanted to which there is no link, and what it names.

        That is what a crash left, or another program; somebody may mend it.
        """
        waiting, known = [stored], {stored}
        while waiting:
            digest = waiting.pop()
            await links.wanted.add(bytes.fromhex(digest.encoded))
            try:
                content = await self._contents.of(digest)
            except Unreadable:
                continue  # no manifest
            if content is None:
                continue
            for data in content.digests():
                await links.wanted.add(data)
                each = Digest(CANONICAL, data.hex())
                if content.is_index and each not in known:
                    known.add(each)
                    waiting.append(each)

    async def _mark_images(
        self,
        name: RepositoryName,
        around: Surroundings,
        kept: Mapping[Digest, Digest],
        seen: _Seen,
    ) -> Iterable[ImageId]:
        """Note what the images of version 1 need, and say which are not needed."""
        if not around.has_images(name):
            return ()
        if not around.complete:
            for number in seen.layers.numbers:
                for data in await seen.layers.bucket(number):
                    await seen.needed.add(data)
                    await seen.links.wanted.add(data)
            return ()
        contents = [await self._content(each) for each in kept.values()]
        named = {each.image_id for each in contents}
        found = [
            (image_id, await self._images.record(name, image_id))
            for image_id in around.images(name)
        ]
        needed = _needed_images(found, kept, named)
        for image_id, image in found:
            if image is not None and image_id in needed:
                data = bytes.fromhex(image.layer.digest.encoded)
                await seen.needed.add(data)
                await seen.links.wanted.add(data)
                if self._reasons is not None:
                    self._reasons.look_at_image(name, image)
        return [image_id for image_id, _ in found if image_id not in needed]

    async def _need_gzips(self, gzips: Mapping[bytes, bytes], seen: _Seen) -> None:
        """Note that what is needed is needed in another compression as well."""
        if not gzips:
            return
        found = []
        for number in seen.needed.numbers:
            found += [
                gzips[each]
                for each in await seen.needed.bucket(number)
                if each in gzips
            ]
        for each in found:
            await seen.needed.add(each)
            await seen.links.wanted.add(each)

    async def _unneeded_layers(self, seen: _Seen) -> list[str]:
        unneeded = []
        for number in seen.layers.numbers:
            needed = await seen.needed.bucket(number)
            layers = await seen.layers.bucket(number)
            unneeded += [
                link_item("layers", Digest(CANONICAL, data.hex()))
                for data in layers - needed
            ]
            await breathe(self._clock)
        for digest, data in seen.aliases.items():
            if data in await seen.needed.bucket(data[0]):
                await seen.links.wanted.add(data)
            else:
                unneeded.append(link_item("layers", digest))
        return unneeded

    async def _want_all(self, seen: _Seen) -> None:
        """Take it that all is needed that there is."""
        for stored in seen.manifests.values():
            await seen.links.wanted.add(bytes.fromhex(stored.encoded))
        for data in seen.aliases.values():
            await seen.links.wanted.add(data)
        for number in seen.layers.numbers:
            for data in await seen.layers.bucket(number):
                await seen.links.wanted.add(data)


def _needed_images(
    found: Collection[tuple[ImageId, Image | None]],
    kept: Container[Digest | None],
    named: Container[str | None],
) -> set[ImageId]:
    """Say which images of version 1 are needed.

    Args:
        found: All that there are; None for a record that is damaged.
        kept: The manifests that are needed.
        named: The images that those were made from.
    """
    needed: set[ImageId] = set()
    ids = [image_id for image_id, _ in found]
    for image_id, image in found:
        if image is None and image_id.text in named:
            return set(ids)  # nobody knows what is below it: somebody may mend it
        if image is not None and (image.manifest in kept or image_id.text in named):
            needed.update(image.ancestry)
    return needed
