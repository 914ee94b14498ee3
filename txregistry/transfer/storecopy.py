"""Copy all that a registry keeps from one store to another, while it is in use.

Blobs come first, then what is known of images of version 1, then repository by
repository the links: layers, manifests, tags and referrers, in the order of their keys.
What is there already is not copied again, so a copy that was broken off can simply be
begun anew, and one that is made again brings what is new.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final, ParamSpec
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime

from txregistry.lanes import Lanes
from txregistry.model.digest import CANONICAL
from txregistry.model.names import RepositoryName
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    Key,
    NotFound,
    Page,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.kinds import (
    Blob,
    DeletedTag,
    Document,
    GzipLink,
    Job,
    Link,
    PastLink,
    Quarantined,
    Scratch,
    Secret,
    TagLink,
    Upload,
    recognize,
)
from txregistry.tasks import Blocking, breathe
from txregistry.transfer.blobcopy import BlobCopy, Ends
from txregistry.transfer.copyreport import CopyReport, Hear, Position
from txregistry.transfer.documentcopy import DocumentCopy
from txregistry.transfer.linkcopy import LinkCopy

P = ParamSpec("P")
Work = Coroutine[Any, Any, object]
Past = tuple[Key, PastLink]

_ALL: Final = "docker/registry/"
_BLOBS: Final = f"{keys.ROOT}blobs/"
_PAGE: Final = 1000
_PAUSE: Final = 20
"""Keys after which others have their turn."""
_IN_A_ROW: Final = 10
"""Objects that cannot be copied, one after the other, before both ends are asked."""
_BATCH: Final = 100
"""Links of a tag's history that are copied in one piece of work."""
_DIGITS: Final = 8
"""Hexadecimal digits of a digest that say how far a listing of blobs is."""


class CopyStopped(Exception):
    """A copy cannot be made, or not go on; the text says why."""


class StoreCopy:
    """Copy a store; once.

    Args:
        source: FROM: what is copied. It is only read.
        there: What TO, where it goes, has already.
        target: TO, to be written; None: nothing is changed, and it is only looked at
            what there is to copy.
        clock: Lets others have their turn.
        blocking: Where bytes are hashed, and large documents read.
        parallel: Objects that are on their way at the same time.
        verify: Whether blobs that are there already are read and hashed, too.
        hear: Hears how far it is.
        new_session: Makes names for blobs on their way: random UUIDs.
        page: Keys that are asked for at once.
    """

    def __init__(
        self,
        source: IObjectSource,
        there: IObjectSource,
        target: IObjectStore | None,
        clock: IReactorTime,
        blocking: Blocking,
        *,
        parallel: int = 4,
        verify: bool = False,
        hear: Hear = lambda position: None,  # noqa: ARG005 - nobody hears
        new_session: Callable[[], str] = lambda: str(uuid4()),
        page: int = _PAGE,
    ) -> None:
        self.report = CopyReport()
        self._source = source
        self._there = there
        self._target = target
        self._clock = clock
        self._hear = hear
        self._new_session = new_session
        self._page = page
        ends = Ends(source, there, target, self.report)
        self._blobs = BlobCopy(
            ends, blocking, self._pass_by, new_session, verify=verify
        )
        self._links = LinkCopy(ends, self._blobs, blocking)
        self._documents = DocumentCopy(ends)
        self._lanes = Lanes(parallel)
        self._stage = ""
        self._objects = 0
        self._passed = 0
        self._fraction: float | None = None
        self._failed = 0
        self._upload = ""
        self._repository: RepositoryName | None = None
        self._opened = False
        self._tag: TagLink | None = None
        self._history: list[Past] = []

    async def run(self) -> CopyReport:
        """Copy all that can be.

        Raises:
            CopyStopped: it cannot be done, or not go on.
        """
        await self._check()
        try:
            await self._copy("blobs", _BLOBS)
            await self._copy("documents", keys.PRIVATE)
            await self._copy("repositories", keys.REPOSITORIES)
        except CopyStopped as error:
            self.report.stopped = str(error)
            raise
        finally:
            await self._lanes.break_off()
        return self.report

    async def _check(self) -> None:
        """See that there is something to copy, and another place for it."""
        if not (await self._list(_ALL, "")).names:
            raise CopyStopped(
                f"FROM has nothing below {_ALL}: it is no registry's, or not its top."
            )
        try:
            if self._target is None:
                await self._there.list(_ALL, limit=1)
                return
            await self._target.check()
            same = await self._is_same(self._target)
        except StorageUnavailable as fault:
            raise CopyStopped(f"TO cannot be written: {fault}.") from fault
        if same:
            raise CopyStopped("FROM and TO are the same place.")

    async def _is_same(self, target: IObjectStore) -> bool:
        """Write something at one end, and look whether it is at the other."""
        key, data = keys.single_upload(self._new_session()), secrets.token_bytes(16)
        await target.put(key, data)
        try:
            await self._source.stat(key)
        except NotFound:
            return False
        except StorageUnavailable as fault:
            raise CopyStopped(f"FROM cannot be read: {fault}.") from fault
        else:
            return True
        finally:
            await target.delete([key])

    async def _copy(self, stage: str, prefix: str) -> None:
        """Copy what lies below a prefix."""
        self._stage, self._objects, self._fraction = stage, 0, None
        async for key in self._keys(prefix):
            self._objects += 1
            await self._meet(key)
            self._tell()
        await self._flush()
        await self._lanes.settle()

    async def _meet(self, key: Key) -> None:  # noqa: C901 - one case for each kind
        match recognize(key):
            case Blob(digest):
                if digest.algorithm == CANONICAL:
                    # Spread evenly, so one of them says how far the listing is.
                    self._fraction = int(digest.encoded[:_DIGITS], 16) / 16**_DIGITS
                await self._begin(key, self._blobs.bring, digest)
            case TagLink() as tag:
                await self._gather(tag)
            case PastLink(name, tag) as past:
                await self._gather(TagLink(name, tag), (key, past))
            case Link() as link:
                if await self._enter(link.repository):
                    await self._begin(key, self._links.bring, key, link)
            case GzipLink() as link:
                await self._begin(key, self._links.bring, key, link)
            case Document() | Job() | DeletedTag():
                await self._begin(key, self._documents.bring, key)
            case Secret():
                await self._begin(key, self._documents.bring_secret, key)
            case Upload(prefix):
                self.report.uploads += prefix != self._upload
                self._upload = prefix
            case Scratch() | Quarantined():
                pass
            case None:
                self.report.meet_foreign(key)

    async def _enter(self, name: RepositoryName) -> bool:
        """Let nobody see a repository before it is known whether it is private.

        Returns:
            Whether it may be copied.
        """
        if name != self._repository:
            self._repository, self._opened = name, False
            key = keys.repository_properties(name)

            async def open_up() -> None:
                self._opened = await self._documents.bring(key)

            await self._guard(key, open_up)
        return self._opened

    async def _gather(self, tag: TagLink, *past: Past) -> None:
        """Gather a tag with its history, which is nothing without the tag."""
        if tag != self._tag or len(self._history) >= _BATCH:
            await self._flush()
            if not await self._enter(tag.repository):
                return
            self._tag = tag
        self._history += past

    async def _flush(self) -> None:
        """Begin to copy the tag that was gathered."""
        tag, history = self._tag, self._history
        self._tag, self._history = None, []
        if tag is not None:
            key = keys.tag_link(tag.repository, tag.tag)
            await self._begin(key, self._bring_tag, key, tag, history)

    async def _bring_tag(self, key: Key, tag: TagLink, history: Sequence[Past]) -> None:
        if await self._links.bring(key, tag):
            for past in history:
                await self._links.bring(*past)

    async def _begin(
        self, key: Key, work: Callable[P, Work], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Begin to copy something, as soon as there is a lane for it."""
        await self._lanes.begin(self._guard(key, work, *args, **kwargs))

    async def _guard(
        self, key: Key, work: Callable[P, Work], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Copy something; what cannot be read or written does not stop the rest.

        Raises:
            CopyStopped: nothing can be.
        """
        try:
            await work(*args, **kwargs)
        except StorageFull as fault:
            raise CopyStopped(f"TO is full: {fault}.") from fault
        except StorageUnavailable as fault:
            self.report.leave_out("unavailable", key, str(fault))
            self._failed += 1
            if self._failed >= _IN_A_ROW:
                self._failed = 0
                await self._ask_both(fault)
        else:
            self._failed = 0

    async def _ask_both(self, latest: StorageUnavailable) -> None:
        """See whether there is anything to be had from both ends.

        Raises:
            CopyStopped: there is not.
        """
        try:
            await self._source.list(_ALL, limit=1)
            await self._there.list(_ALL, limit=1)
            if self._target is not None:
                await self._target.check()
        except StorageUnavailable as fault:
            raise CopyStopped(
                f"{_IN_A_ROW} objects, one after the other, could not be copied, the "
                f"latest since {latest}; and now {fault}. Begin again later: what was "
                "copied stays."
            ) from fault

    async def _keys(self, prefix: str) -> AsyncIterator[Key]:
        """Give the keys that the source has, and let others have their turn."""
        after, more, count = "", True, 0
        while more:
            page = await self._list(prefix, after)
            for name in page.names:
                count += 1
                if not count % _PAUSE:
                    await breathe(self._clock)
                yield Key(name)
            after, more = (page.names or [""])[-1], page.more

    async def _list(self, prefix: str, after: str) -> Page:
        try:
            return await self._source.list(prefix, after=after, limit=self._page)
        except NotFound:
            return Page((), more=False)
        except StorageUnavailable as fault:
            raise CopyStopped(f"FROM cannot be read: {fault}.") from fault

    def _pass_by(self, size: int) -> None:
        """Hear that some bytes of a blob were read."""
        self._passed += size
        self._tell()

    def _tell(self) -> None:
        self._hear(Position(self._stage, self._objects, self._passed, self._fraction))
