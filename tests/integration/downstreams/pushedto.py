"""What is the same with all registries to which is pushed."""

from typing import Final

from tests.integration.daemon import Daemon
from tests.integration.downstreams.case import (
    APP,
    BIG,
    SMALL,
    DownstreamCase,
    Held,
    describe,
    get_blob,
    get_tag,
    image,
    opener,
)
from txregistry.client.upstreams.interfaces import (
    Found,
    UpstreamFault,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.model.digest import Digest

IMAGE: Final = image(SMALL)
OF_IMAGE: Final = Digest.of(IMAGE)
OF_BIG: Final = Digest.of(BIG)


class PushedTo(DownstreamCase):
    """Import the module and inherit."""

    knows_subjects = False
    incomplete = "MANIFEST_BLOB_UNKNOWN"

    def begin(self) -> Daemon:
        """Run the registry."""
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.target = self.begin()
        self.downstream = self.push_to(self.target.url)

    async def test_image(self) -> None:
        self.assertIsNone(await self.downstream.head_manifest(APP, "v1"))
        await self.push_image(self.downstream, IMAGE, "v1", SMALL)
        found = await self.downstream.head_manifest(APP, "v1")
        self.assertEqual(found, Found(OF_IMAGE, len(IMAGE), OCI_MANIFEST))
        self.assertEqual(get_tag(self.target.url, "v1"), IMAGE)
        self.assertEqual(get_blob(self.target.url, SMALL), SMALL)

    async def test_nothing_as_a_blob(self) -> None:
        digest = Digest.of(b"")
        await self.downstream.push_blob(APP, digest, 0, opener(b""))
        self.assertTrue(await self.downstream.has_blob(APP, digest, 0))

    async def test_taken_over_from_another_repository(self) -> None:
        await self.push_image(self.downstream, IMAGE, "v1", SMALL)
        digest = Digest.of(SMALL)
        self.assertTrue(await self.downstream.mount_blob("other/app", digest, APP))
        self.assertEqual(get_blob(self.target.url, SMALL, "other/app"), SMALL)
        absent = Digest.of(b"absent")
        self.assertFalse(await self.downstream.mount_blob("other/app", absent, APP))

    async def test_what_refers_to_another(self) -> None:
        await self.push_image(self.downstream, IMAGE, "v1", SMALL)
        referrer = image(SMALL, subject=describe(IMAGE, OCI_MANIFEST))
        digest = Digest.of(referrer)
        knows = await self.downstream.put_manifest(
            APP, str(digest), digest, referrer, OCI_MANIFEST
        )
        self.assertEqual(knows, self.knows_subjects)

    async def test_manifest_before_its_blobs(self) -> None:
        work = self.downstream.put_manifest(APP, "v1", OF_IMAGE, IMAGE, OCI_MANIFEST)
        fault = await self.fault(UpstreamFault, work)
        self.assertIn(self.incomplete, fault.what)

    async def test_other_bytes_than_were_promised(self) -> None:
        digest = Digest.of(SMALL)
        work = self.downstream.push_blob(
            APP, digest, len(SMALL), opener(bytes(len(SMALL)))
        )
        fault = await self.fault(UpstreamWrong, work)
        self.assertIn("DIGEST_INVALID", fault.what)

    async def killed(self) -> list[int]:
        """Kill the registry amid a push, and say from where on it was sent."""
        source = Held(BIG)
        work = self.downstream.push_blob(APP, OF_BIG, len(BIG), source.open)
        pushed = self.run_awaiting(work)
        await source.reached
        self.target.kill()
        source.release()
        self.target.start()
        await pushed
        self.assertEqual(get_blob(self.target.url, BIG), BIG)
        return source.opened

    async def assert_goes_on(self) -> None:
        """Expect that the registry knows what it had of a blob."""
        self.assertGreater(max(await self.killed()), len(BIG) // 4)

    async def test_killed_amid_a_push(self) -> None:
        self.assertGreater(len(await self.killed()), 1)

    async def test_killed_before_a_manifest(self) -> None:
        await self.push_image(self.downstream, IMAGE, "v1", SMALL)
        self.target.kill()
        work = self.downstream.put_manifest(APP, "v2", OF_IMAGE, IMAGE, OCI_MANIFEST)
        await self.fault(UpstreamUnavailable, work)
        self.target.start()
        await self.push_image(self.downstream, IMAGE, "v2", SMALL)
        self.assertEqual(get_tag(self.target.url, "v2"), IMAGE)
