"""Objects in Amazon's S3, or in what speaks like it."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final
from urllib.parse import quote

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from txregistry.storage import keys
from txregistry.storage.credentials import CredentialSource
from txregistry.storage.interfaces import (
    Health,
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.storage.objects import (
    LISTING_LIMIT,
    quoted_name,
)
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.remote import Answer, RemoteServer
from txregistry.storage.s3client import PLAIN, Keeping
from txregistry.storage.s3copying import USUAL, Copying, S3Joiner
from txregistry.storage.s3direct import S3DirectArea
from txregistry.storage.s3plan import Span
from txregistry.storage.s3refusals import Refused
from txregistry.storage.s3signing import Payload
from txregistry.storage.s3source import S3ObjectSource, query
from txregistry.storage.s3staging import S3StagingArea
from txregistry.storage.s3writer import Memory, S3Writer
from txregistry.storage.s3xml import (
    Begun,
    read_failed,
    read_uploads,
    write_deletion,
)
from txregistry.streams import read_all
from txregistry.tasks import Blocking

_OK: Final = 200
_EXISTS: Final = 412
_GONE: Final = 404
_CANNOT: Final = 501
_BATCH: Final = 1000
"""Keys that one request deletes at most."""
_PROBE: Final = b"probe"


@implementer(IObjectStore)
class S3ObjectStore(S3ObjectSource):
    """Keep objects in a bucket.

    Args:
        server: As for `S3ObjectSource`, and so are all up to ``section``.
        endpoint: Likewise.
        region: Likewise.
        bucket: Likewise.
        credentials: Likewise.
        root: Likewise.
        virtual_host: Likewise.
        keeping: Likewise.
        section: Likewise.
        clock: Tells the time.
        blocking: Where bytes are hashed.
        memory: What is on its way to the bucket is in.
        part_size: Bytes in a part of an object that is uploaded in parts.
        copying: How objects are copied.
        redirects: Whether clients are sent to the bucket.
        public: Where they find it, if not at the endpoint: a URL without a path.
        scratch: The prefix for what is written to see whether that works.
        contest: Seconds in which others who began to write a name at the same time have
            done so; none where the service lets one of them win, and only one.
    """

    flat = True
    folders = None

    def __init__(
        self,
        server: RemoteServer,
        endpoint: str,
        region: str,
        bucket: str,
        credentials: CredentialSource,
        root: str = "",
        *,
        clock: IReactorTime,
        blocking: Blocking,
        memory: PartMemory,
        virtual_host: bool = False,
        keeping: Keeping = PLAIN,
        section: str = "",
        part_size: int = 10 * 1024 * 1024,
        copying: Copying = USUAL,
        redirects: bool = True,
        public: str = "",
        scratch: str = f"{keys.PRIVATE}scratch/",
        contest: float = 0.0,
        new_name: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        super().__init__(
            server,
            endpoint,
            region,
            bucket,
            credentials,
            root,
            virtual_host=virtual_host,
            keeping=keeping,
            section=section,
        )
        self.memory = memory
        self.blocking = blocking
        self.part_size = part_size
        self.least_part = min(part_size, copying.least)
        self._clock = clock
        self._joiner = S3Joiner(self._client, self._name, self.open, memory, copying)
        self._redirects = redirects
        self._public = public
        self._scratch = scratch
        self._new_name = new_name
        self._contest = contest
        self._decides = self._compares = True
        self._deletes_many = True

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`.

        Where the service cannot decide whether there is an object, as Swift's before
        2.31, we look before we write. Where it decides when a request begins, as
        Swift's, what is there a moment later is the winner's.
        """
        name, payload = self._name(key), Payload.of(data)
        if not if_absent:
            await self._client.put_object(name, payload)
            return True
        if self._decides:
            try:
                word, _ = await self._client.put_object(name, payload, if_absent=True)
            except Refused as refused:
                if refused.status == _EXISTS:
                    return await self._lasts(name, "")
                if refused.status != _CANNOT:
                    raise
                self._decides = False
            else:
                return await self._lasts(name, word)
        if await self._client.head_object(name) is not None:
            return await self._lasts(name, "")
        word, _ = await self._client.put_object(name, payload)
        return await self._lasts(name, word)

    async def replace(self, key: Key, data: bytes, tag: str) -> str | None:
        """See `S3Keeper`.

        Where the service cannot compare, as Swift's, we look before we write.
        """
        name, payload = self._name(key), Payload.of(data)
        if self._compares:
            try:
                _, new = await self._client.put_object(
                    name, payload, if_absent=not tag, if_match=tag
                )
            except Refused as refused:
                if refused.status in {_EXISTS, _GONE}:
                    return None
                if refused.status != _CANNOT:
                    raise
                self._compares = False
            else:
                return new
        if (await self._client.look(name))[1] != tag:
            return None
        return (await self._client.put_object(name, payload))[1]

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        if final is None:
            return S3StagingArea(key, self)
        return S3DirectArea(key, final, self)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        left = iter(keys)
        while batch := list(islice(left, _BATCH)):
            names = []
            for key in batch:
                with suppress(NotFound):  # nothing lies there
                    names.append((key, self._name(key)))
            if len(names) > 1 and self._deletes_many:
                await self._delete_many([self._root + key for key, _ in names])
            if len(names) <= 1 or not self._deletes_many:
                for _, name in names:
                    await self._client.delete_object(name)

    async def delete_folder(self, prefix: str) -> None:
        """See `S3Keeper`."""
        more = True
        while more:
            page = await self.list(prefix, limit=_BATCH)
            await self.delete(map(Key, page.names))
            more = page.more

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        if not self._redirects:
            return None
        name = self._name(key)
        return await self._client.url_for(method, name, lifetime, self._public)

    async def check(self) -> Health:
        """See `IObjectStore`: list, write, read and delete."""
        await self.list(self._scratch, limit=1)
        key = Key(self._scratch + self._new_name())
        await self.put(key, _PROBE)
        if await self.get(key, len(_PROBE)) != _PROBE:
            raise StorageUnavailable(
                f"{self._place} gives other bytes than it was given"
            )
        await self.delete([key])
        return Health(free=None)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`: uploads in parts that nobody completes."""
        old = [
            begun
            for prefix in (keys.ROOT, keys.PRIVATE)
            async for begun in self._begun(self._root + prefix)
            if self._clock.seconds() - begun.begun >= age
        ]
        if not dry_run:
            for begun in old:
                name = quote(begun.name, safe="/~")
                await self._client.abort_multipart_upload(name, begun.upload_id)
        return len(old)

    async def join(self, spans: Sequence[Span], key: Key) -> None:
        """See `S3Keeper`."""
        await self._joiner.join(spans, key)

    def writer(self, key: Key, part_size: int, memory: Memory) -> S3Writer:
        """See `S3Keeper`."""
        return S3Writer(self._client, self._name(key), memory, part_size)

    async def _lasts(self, name: str, word: str) -> bool:
        """Whether what was written with a word is there when all have written.

        Args:
            name: The object.
            word: The word; empty where nothing was written: then there is the winner's.
        """
        if not self._contest:
            return bool(word)
        await deferLater(self._clock, self._contest)
        return bool(word) and (await self._client.look(name))[0] == word

    async def _delete_many(self, names: Sequence[str]) -> None:
        try:
            said = await self._client.post_deletion(write_deletion(names))
        except Refused as refused:
            if refused.status != _CANNOT:
                raise
            self._deletes_many = False
            return
        failed = read_failed(said)
        if failed is None:
            raise StorageUnavailable(f"{self._place} did not say what it deleted")
        if failed:
            raise StorageUnavailable(
                f"{self._place} did not delete {len(failed)} of {len(names)} objects "
                f"({failed[0]})"
            )

    async def _begun(self, prefix: str) -> AsyncIterator[Begun]:
        """Give the uploads in parts that are listed below a prefix."""
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            found, following = await self._list_uploads(prefix, *after)
            for each in found:
                yield each
            after = following if following != after else None

    async def _list_uploads(
        self, prefix: str, key: str, upload_id: str
    ) -> tuple[list[Begun], tuple[str, str] | None]:
        asked = {
            "encoding-type": "url",
            "prefix": prefix,
            "key-marker": key,
            "upload-id-marker": upload_id,
        }

        async def take(
            answer: Answer,
        ) -> tuple[list[Begun], tuple[str, str] | None]:
            if answer.status != _OK:
                raise await self._refusal(answer)
            data = await read_all(answer.body, LISTING_LIMIT)
            found = None if data is None else read_uploads(data)
            if found is None:
                raise StorageUnavailable(f"{self._place} gave no list of uploads")
            return found

        return await self._ask("GET", "", f"uploads=&{query(asked)}", {}, take)

    def _name(self, key: Key) -> str:
        return quoted_name(self._root, key)
