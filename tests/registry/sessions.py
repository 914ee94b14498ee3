"""A test case with an upload session."""

from twisted.internet.defer import Deferred

from tests.registry.case import NAME, RegistryTestCase, chunk
from txregistry.model.digest import Digest, Hashing
from txregistry.model.errors import UploadUnknown
from txregistry.registry.integrity import Integrity
from txregistry.storage import keys
from txregistry.streams import BytesReader

DATA = b"some bytes"
DIGEST = Digest.of(DATA)
NOTHING = chunk(b"")


class SlowReader(BytesReader):
    """Give bytes when one is told to."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ready: Deferred[None] = Deferred()

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        await self.ready
        return await super().read(limit)


class UploadsTestCase(RegistryTestCase):
    """Begin a session. Inherit as ``sessions.UploadsTestCase``."""

    def setUp(self) -> None:
        super().setUp()
        self.uploads = self.registry.uploads
        self.session = self.result(self.uploads.begin(NAME))

    def restart(self) -> None:
        """Let another process go on with the same store."""
        self.registry = self.make_registry()
        self.uploads = self.registry.uploads

    def let_nothing_be_read(self) -> None:
        """Fail as soon as somebody reads bytes of an upload to hash them."""

        async def hash_(*_: object) -> Hashing:
            raise AssertionError("the bytes were read")

        self.patch(Integrity, "hash", hash_)

    def append(self, data: bytes, start: int | None = None) -> int:
        work = self.uploads.append(NAME, self.session, chunk(data, start))
        return self.result(work)

    def close(self, digest: Digest = DIGEST, data: bytes = b"") -> None:
        work = self.uploads.finish(NAME, self.session, digest, chunk(data))
        self.result(work)

    def offset(self) -> int:
        return self.result(self.uploads.offset(NAME, self.session))

    def check_gone(self) -> None:
        self.fails(UploadUnknown, self.uploads.offset(NAME, self.session))
        self.assertEqual(self.keys(keys.uploads(NAME)), ())
