"""What a mirror counts, see ``txregistry/metrics/mirroring.py``."""

from twisted.internet.defer import Deferred

from tests.metrics.figures import labels, samples
from tests.registry.content import image
from tests.registry.mirror import case
from tests.registry.mirror.case import NAME, REMOTE
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, ManifestUnknown
from txregistry.model.names import Tag
from txregistry.streams import read_all

DATA = b"0123456789" * 5
NOWHERE = Digest.parse(f"sha256:{'0' * 64}")


class CountsTests(case.MirrorCase):
    async def pull(self, digest: Digest) -> None:
        blob = await self.registry.mirror.find_blob(NAME, digest, whole=True)
        await read_all(await blob.open(0, blob.size), 1000)

    def counts(self, kind: str) -> dict[str, float]:
        """Say what was counted."""
        prefix, suffix = "registry_proxy_", "_total"
        return {
            name.removeprefix(prefix).removesuffix(suffix): value
            for (name, labelled), value in samples(
                self.registry.counts.mirror.families()
            ).items()
            if labelled == labels(type=kind)
        }

    def test_nothing_was_asked_for(self) -> None:
        names = ("requests", "hits", "misses", "pulled_bytes", "pushed_bytes")
        for kind in ("blob", "manifest"):
            self.assertEqual(self.counts(kind), dict.fromkeys(names, 0))

    def test_a_blob_is_fetched_once(self) -> None:
        digest = self.upstream.add_blob(REMOTE, DATA)
        for _ in range(3):
            self.result(self.pull(digest))
        self.assertEqual(
            self.counts("blob"),
            {
                "requests": 3,
                "hits": 2,
                "misses": 1,
                "pulled_bytes": len(DATA),
                "pushed_bytes": 3 * len(DATA),
            },
        )

    def test_what_nobody_has_is_asked_for_only(self) -> None:
        self.failureResultOf(Deferred.fromCoroutine(self.pull(NOWHERE)), BlobUnknown)
        work = self.registry.mirror.find_manifest(NAME, NOWHERE)
        self.failureResultOf(Deferred.fromCoroutine(work), ManifestUnknown)
        for kind in ("blob", "manifest"):
            found = self.counts(kind)
            self.assertEqual(found.pop("requests"), 1)
            self.assertEqual(set(found.values()), {0})

    def test_a_manifest_is_fetched_once(self) -> None:
        data, tag = image(), Tag("latest")
        self.upstream.add(REMOTE, data, "latest")
        for _ in range(3):
            self.result(self.registry.mirror.find_manifest(NAME, tag))
        self.assertEqual(
            self.counts("manifest"),
            {
                "requests": 3,
                "hits": 2,
                "misses": 1,
                "pulled_bytes": len(data),
                "pushed_bytes": 3 * len(data),
            },
        )
