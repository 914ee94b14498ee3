"""What manifests say of themselves, which is remembered: it never changes."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.manifests import Manifests
from txregistry.tasks import side_by_side

_ROOM: Final = 12 * 1024 * 1024
"""Bytes that all takes which is remembered, roughly."""
_AT_ONCE: Final = 8
"""Manifests that are read at once, each of which may be large."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a manifest says that refers to another one.

    Attributes:
        subject: The other one.
        descriptor: How it is described.
        document: The same as JSON.
    """

    subject: Digest
    descriptor: Descriptor
    document: bytes


class Descriptions:
    """Describe manifests that refer to others.

    Args:
        manifests: The manifests.
    """

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._known: OrderedDict[Digest, Description] = OrderedDict()
        self._left = _ROOM

    def may_be(self, digest: Digest, types: Collection[str]) -> bool:
        """Say whether something may be of one of some types, without looking at it."""
        known = self._known.get(digest)
        return known is None or known.descriptor.artifact_type in types

    async def of(
        self, name: RepositoryName, subject: Digest, digests: Sequence[Digest]
    ) -> AsyncIterator[Description]:
        """Describe those of some manifests that refer to another one.

        They are read as they are taken, but for a few.

        Args:
            name: The repository, which need not have them.
            subject: The other one.
            digests: The manifests, in the order in which they are given.
        """
        held = await self._manifests.held(name, digests)
        left = [digest for digest in digests if digest in held]

        async def learn(digest: Digest) -> Description | None:
            return self._known.get(digest) or await self._learn(name, digest)

        for start in range(0, len(left), _AT_ONCE):
            some = left[start : start + _AT_ONCE]
            all_known = [self._known.get(digest) for digest in some]
            if None in all_known:
                all_known = await side_by_side(learn, some, _AT_ONCE)
            for known in all_known:
                if known is not None and known.subject == subject:
                    yield known

    async def _learn(self, name: RepositoryName, digest: Digest) -> Description | None:
        """Read what a manifest says; None where it refers to nothing."""
        found = await self._manifests.find_held(name, digest)
        if found is None:
            return None
        manifest = found.summarize()
        if manifest.subject is None:
            return None
        descriptor = Descriptor(
            found.media_type,
            digest,
            found.size,
            manifest.artifact_type,
            manifest.annotations,
        )
        document = msgspec.json.encode(descriptor.to_json())
        known = Description(manifest.subject.digest, descriptor, document)
        self._remember(known)
        return known

    def _remember(self, known: Description) -> None:
        digest = known.descriptor.digest
        if digest in self._known:
            return  # somebody else has read it meanwhile
        self._known[digest] = known
        self._left -= _price(known)
        while self._left < 0:
            _, oldest = self._known.popitem(last=False)
            self._left += _price(oldest)


def _price(known: Description) -> int:
    """Say how many bytes it takes to remember a description, roughly."""
    annotations = known.descriptor.annotations
    texts = sum(len(name) + len(text) for name, text in annotations.items())
    return 900 + 120 * len(annotations) + texts + len(known.document)
