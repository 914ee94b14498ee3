"""Upload sessions: begin, append, finish, cancel, expire.

Source: OCI Distribution 1.1, "Pushing blobs". The whole state of a session is in the
store, so each of its requests may come to another node.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import (
    Denied,
    DigestInvalid,
    SizeInvalid,
    UploadInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blobs
from txregistry.registry.catalog import Catalog
from txregistry.registry.integrity import Integrity
from txregistry.registry.listing import groups, objects
from txregistry.registry.progress import Progress, ProgressMemory
from txregistry.registry.quotas.quotas import Quotas
from txregistry.registry.uploadtimes import read_change, read_start, write_start
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    Held,
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    Overtaken,
)
from txregistry.streams import BytesReader, IReader, Peeking

_SESSION: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_BUSY: Final = (
    "Another request is writing to this upload; ask for its state, and go on from "
    "there."
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a request brings to an upload.

    Attributes:
        source: Its body.
        expected: Bytes in the body, where that is known.
        span: The half-open range of the blob that it says to be, if it says so.
    """

    source: IReader
    expected: int | None
    span: tuple[int, int] | None = None

    def check(self, offset: int) -> None:
        """Refuse what does not begin at an offset, or contradicts itself.

        Raises:
            UploadOutOfOrder: it begins elsewhere.
            SizeInvalid: its body has another size than it says.
        """
        if self.span is None:
            return
        start, stop = self.span
        if start != offset:
            raise UploadOutOfOrder(
                f"The chunk begins at byte {start}, the upload goes on at {offset}; "
                "send the bytes from there.",
                offset,
            )
        if self.expected is not None and self.expected != stop - start:
            raise SizeInvalid(
                f"Content-Range speaks of {stop - start} bytes, the body has "
                f"{self.expected}."
            )

    def check_taken(self, count: int) -> None:
        """Refuse a body of unknown length that came to another size than was said.

        Raises:
            SizeInvalid: it did.
        """
        if self.span is not None and count != self.span[1] - self.span[0]:
            raise SizeInvalid(
                f"Content-Range speaks of {self.span[1] - self.span[0]} bytes, the "
                f"body had {count}."
            )


class Uploads:
    """The upload sessions of all repositories.

    Args:
        store: Where their bytes are.
        blobs: What they become.
        integrity: Hashes what has to be read again.
        catalog: Knows the repositories that have sessions, for expiry.
        quotas: Say how much there is room for.
        clock: Tells the time.
        new_session: Makes ids of sessions: random UUIDs.
    """

    def __init__(
        self,
        store: IObjectStore,
        blobs: Blobs,
        integrity: Integrity,
        catalog: Catalog,
        quotas: Quotas,
        clock: IReactorTime,
        new_session: Callable[[], str],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._integrity = integrity
        self._catalog = catalog
        self._quotas = quotas
        self._clock = clock
        self._new_session = new_session
        self._progress = ProgressMemory()
        self._busy: set[Key] = set()

    async def begin(self, name: RepositoryName) -> str:
        """Open a session; the repository need not exist.

        Returns:
            Its id.

        Raises:
            Denied: a quota has room for nothing.
        """
        await self._quotas.fit(name, None, 0, BytesReader(b""), None)
        session = self._new_session()
        started = keys.upload_started(name, session)
        await write_start(self._store, started, self._clock.seconds())
        self._progress.remember(keys.upload_data(name, session), Progress())
        return session

    async def offset(self, name: RepositoryName, session: str) -> int:
        """Say how many bytes a session holds.

        Raises:
            UploadUnknown: there is no such session in this repository.
        """
        return (await _held(await self._area(name, session))).size

    async def append(self, name: RepositoryName, session: str, chunk: Chunk) -> int:
        """Add bytes to a session.

        Returns:
            How many it holds then; all of them are durable.

        Raises:
            UploadUnknown: there is no such session in this repository.
            UploadOutOfOrder: the chunk does not begin where the session ends.
            UploadInvalid: another request is writing to the session.
            SizeInvalid: the body has another size than was said.
            Denied: a quota has no room for it; the session is gone.
        """
        with self._claim(keys.upload_data(name, session)):
            area = await self._area(name, session)
            progress = await self._resume(area)
            try:
                chunk = await self._fit(name, None, progress, chunk)
                return (await self._append(area, progress, chunk)).offset
            except Denied:
                await self._forget(name, session, area)
                raise

    async def finish(
        self, name: RepositoryName, session: str, digest: Digest, chunk: Chunk
    ) -> None:
        """Make a session's bytes, and a last chunk that may be empty, a blob.

        Raises:
            DigestInvalid: the bytes are not those of the digest; the session is gone.
            Denied: a quota has no room for them; likewise.
            UploadUnknown: as for `append`, and so are the others.
            UploadOutOfOrder: likewise; the session goes on.
            UploadInvalid: likewise.
            SizeInvalid: likewise.
        """
        with self._claim(keys.upload_data(name, session)):
            area = await self._area(name, session)
            progress = await self._resume(area)
            if not progress.offset:
                area = self._stage(area.key, digest, chunk)
            try:
                chunk = await self._fit(name, digest, progress, chunk)
                progress = await self._append(area, progress, chunk)
                await self._publish(name, area, progress, digest)
            except (Denied, DigestInvalid):
                await self._forget(name, session, area)
                raise
            except BaseException:
                if not area.lasting:
                    await area.discard()
                raise
            await self._forget(name, session, area)

    async def push(self, name: RepositoryName, digest: Digest, chunk: Chunk) -> None:
        """Take a whole blob in one request, without a session.

        Raises:
            DigestInvalid: the bytes are not those of the digest.
            Denied: a quota has no room for them.
        """
        chunk = await self._fit(name, digest, Progress(), chunk)
        key = keys.single_upload(self._new_session())
        area, progress = self._stage(key, digest, chunk), Progress()
        with self._claim(key):
            try:
                await area.append(chunk.source, progress.take, chunk.expected)
                await self._publish(name, area, progress, digest)
            finally:
                await area.discard()

    async def cancel(self, name: RepositoryName, session: str) -> None:
        """Forget a session.

        Raises:
            UploadUnknown: there is no such session in this repository.
            UploadInvalid: a request is writing to it.
        """
        with self._claim(keys.upload_data(name, session)):
            area = await self._area(name, session)
            await self._forget(name, session, area)

    async def expire(self, age: float, *, dry_run: bool = False) -> int:
        """Forget the sessions that began longer ago than some seconds.

        Args:
            age: The seconds.
            dry_run: Only count them.

        Returns:
            How many there were.
        """
        count = 0
        async for name in self._catalog.all():
            for session in await self._sessions(keys.uploads(name)):
                data = keys.upload_data(name, session)
                started = await read_start(
                    self._store, keys.upload_started(name, session)
                )
                count += await self._expire(data, started, age, dry_run=dry_run)
        for session in await self._sessions(keys.single_uploads()):
            data = keys.single_upload(session)
            count += await self._expire(data, None, age, dry_run=dry_run)
        return count + await self._store.sweep(age, dry_run=dry_run)

    async def _expire(
        self, data: Key, started: float | None, age: float, *, dry_run: bool
    ) -> bool:
        """Forget one upload if it is old, with all that lies beside its bytes.

        Where nothing tells when it began, its last change does.
        """
        held = await objects(self._store, data.removesuffix("data"))
        if started is None:
            started = await read_change(self._store, held)
        if self._clock.seconds() - started < age or data in self._busy:
            return False
        if not dry_run:
            with self._claim(data):
                self._progress.forget(data)
                await self._store.delete([*held, data])
                await self._store.stage(data).discard()
        return True

    async def _area(self, name: RepositoryName, session: str) -> IStagingArea:
        if _SESSION.fullmatch(session) is not None:
            # What is remembered here may have been ended elsewhere.
            with suppress(NotFound):
                await self._store.stat(keys.upload_started(name, session))
                return self._store.stage(keys.upload_data(name, session))
        raise UploadUnknown(
            "No such upload is in progress in this repository; begin a new one.",
            {"session": session[:100]},
        )

    @contextmanager
    def _claim(self, data: Key) -> Iterator[None]:
        if data in self._busy:
            raise UploadInvalid(_BUSY)
        self._busy.add(data)
        try:
            yield
        except Overtaken:  # by another node
            raise UploadInvalid(_BUSY) from None
        finally:
            self._busy.discard(data)

    async def _fit(
        self,
        name: RepositoryName,
        digest: Digest | None,
        progress: Progress,
        chunk: Chunk,
    ) -> Chunk:
        """Refuse a chunk that is too much for a quota, or while it comes."""
        source, expected = chunk.source, chunk.expected
        fitting = await self._quotas.fit(
            name, digest, progress.offset, source, expected
        )
        return chunk if fitting is source else replace(chunk, source=fitting)

    def _stage(self, key: Key, digest: Digest, chunk: Chunk) -> IStagingArea:
        """Name an area for bytes that come in one request, with what they add up to."""
        known = digest.algorithm == CANONICAL and chunk.expected
        return self._store.stage(key, keys.blob(digest) if known else None)

    async def _append(
        self, area: IStagingArea, progress: Progress, chunk: Chunk
    ) -> Progress:
        """Add a chunk to what an area holds, and say what there is then."""
        chunk.check(before := progress.offset)
        source, expected = chunk.source, chunk.expected
        if expected is None:
            source = peeking = Peeking(source)
            expected = 0 if await peeking.is_empty() else None
        if expected == 0:
            chunk.check_taken(0)
            return progress
        if progress.hashing is None:
            self._progress.forget(area.key)
        else:
            self._progress.remember(area.key, progress)
        # Whatever happens, the hash is of all that was to be written. Should the store
        # hold less, its size tells, and what it holds is read again.
        await area.append(source, progress.take, expected, progress.mark)
        chunk.check_taken(progress.offset - before)
        return progress

    async def _resume(self, area: IStagingArea) -> Progress:
        """Find out what a session holds, as far as that needs no look at its bytes."""
        held = await _held(area)
        known = self._progress.recall(area.key, held)
        return known or Progress.unknown(held.size)

    async def _publish(
        self,
        name: RepositoryName,
        area: IStagingArea,
        progress: Progress,
        digest: Digest,
    ) -> None:
        stored = progress.sum or await self._digest(area, progress.offset, CANONICAL)
        actual = stored
        if digest.algorithm != CANONICAL:
            actual = await self._digest(area, progress.offset, digest.algorithm)
        if actual != digest:
            raise DigestInvalid(
                f"The {progress.offset} bytes received have the digest {actual}, not "
                f"{digest}; push them again.",
                {"digest": str(digest), "actual": str(actual)},
            )
        async with self._quotas.room(name, blobs={stored: progress.offset}):
            if progress.offset:
                await area.commit(keys.blob(stored))
            else:
                await self._store.put(keys.blob(stored), b"")
            await self._blobs.vouch(stored)
            await self._blobs.link(name, digest, stored)

    async def _digest(self, area: IStagingArea, size: int, algorithm: str) -> Digest:
        if not size:
            return Digest.of(b"", algorithm)
        hashing = await self._integrity.hash(await area.open(0, size), algorithm)
        return Digest(algorithm, hashing.hexdigest())

    async def _forget(
        self, name: RepositoryName, session: str, area: IStagingArea
    ) -> None:
        self._progress.forget(area.key)
        await self._store.delete([area.key, keys.upload_started(name, session)])
        await area.discard()

    async def _sessions(self, prefix: str) -> list[str]:
        return list(filter(_SESSION.fullmatch, await groups(self._store, prefix)))


async def _held(area: IStagingArea) -> Held:
    try:
        return await area.held()
    except NotFound:
        return Held(0)
