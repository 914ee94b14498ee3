"""A store of as many objects as one likes, whose bytes are made when they are asked."""

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from zope.interface import implementer

from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    Health,
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    Page,
    Stat,
)
from txregistry.streams import BytesReader, IReader

LAYERS: Final = 9
"""Layers of each image, beside its config; another one is garbage."""
IMAGES: Final = 10
"""Images of each repository."""
_END: Final = chr(ord("/") + 1)
_TYPE: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _blob(repository: int, image: int, number: int) -> str:
    return _sum(f"{repository} {image} {number}")


def _manifest(repository: int, image: int) -> bytes:
    config, *layers = (
        {
            "mediaType": _TYPE,
            "digest": f"sha256:{_blob(repository, image, number)}",
            "size": 1,
        }
        for number in range(LAYERS + 1)
    )
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config,
            "layers": layers,
        }
    ).encode()


@implementer(IObjectStore)
class VastStore:
    """Repositories of images, and a layer in ten that nobody needs.

    Args:
        repositories: How many there are.

    Attributes:
        asked: How often each thing was asked for.
        blobs: How many blobs there are.
        garbage: How many of them nobody needs.
    """

    flat = True
    folders = None

    def __init__(self, repositories: int) -> None:
        self.asked: Counter[str] = Counter()
        self._manifests: dict[str, tuple[int, int]] = {}
        self._written: dict[str, bytes] = {}
        self._times: dict[str, float] = {}
        self._now = 1.0
        found = list(self._make(repositories))
        found.sort()
        self._keys = found
        self.garbage = repositories * IMAGES
        self.blobs = repositories * IMAGES * (LAYERS + 3)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def _make(self, repositories: int) -> Iterator[str]:
        for repository in range(repositories):
            name = RepositoryName(f"team{repository % 100:02}/app{repository}")
            for image in range(IMAGES):
                for number in range(LAYERS + 2):  # the last one is garbage
                    digest = Digest("sha256", _blob(repository, image, number))
                    yield keys.blob(digest)
                    yield keys.layer_link(name, digest)
                digest = Digest.of(_manifest(repository, image))
                self._manifests[digest.encoded] = (repository, image)
                yield keys.blob(digest)
                yield keys.revision_link(name, digest)

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        self.asked["stat"] += 1
        if key not in self._times:
            raise NotFound(key)
        return Stat(1, self._times[key], (1,))

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        del limit
        self.asked["get"] += 1
        if key in self._written:
            return self._written[key]
        place = self._manifests.get(key.split("/")[-2])
        if place is None:
            raise NotFound(key)
        return _manifest(*place)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        return BytesReader((await self.get(key, stop))[start:stop])

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`: what was written later is listed apart."""
        self.asked["list"] += 1
        if prefix.startswith(keys.COLLECTION):
            late = sorted(key for key in self._written if key.startswith(prefix))
            late = late[bisect_right(late, after) :]
            return Page(tuple(late[:limit]), len(late) > limit)
        place = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        found: list[str] = []
        while place < len(self._keys) and len(found) <= limit:
            key = self._keys[place]
            if not key.startswith(prefix):
                break
            slash = key.find("/", len(prefix)) if delimiter else -1
            if slash < 0:
                found.append(key)
                place += 1
            else:
                if key[: slash + 1] > after:
                    found.append(key[: slash + 1])
                place = bisect_left(self._keys, key[:slash] + _END)
        return Page(tuple(found[:limit]), len(found) > limit)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        del if_absent
        self.asked["put"] += 1
        self._written[key] = data
        self._times[key] = self._now
        return True

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`: nobody pushes here."""
        raise NotImplementedError

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`: what was there from the beginning, is only counted."""
        for key in keys:
            if self._written.pop(key, None) is None:
                self.asked["deleted"] += 1
            self._times.pop(key, None)
        self.asked["delete"] += 1

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        del key, method, lifetime
        return None

    async def check(self) -> Health:
        """See `IObjectStore`."""
        return Health(free=None)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`."""
        del age, dry_run
        return 0
