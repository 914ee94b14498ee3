"""Tests of ``txregistry/registry/mirror/platforms.py``."""

from twisted.trial.unittest import SynchronousTestCase

from tests.registry.content import descriptor, encode, numbered
from txregistry.model.descriptors import OCI_INDEX, OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.manifests import parse_manifest
from txregistry.registry.mirror.platforms import Platforms

PLATFORMS: tuple[dict[str, str] | None, ...] = (
    {"os": "linux", "architecture": "amd64"},
    {"os": "linux", "architecture": "arm64", "variant": "v8"},
    {"os": "linux", "architecture": "arm", "variant": "v6"},
    {"os": "linux", "architecture": "arm", "variant": "v7"},
    {"os": "windows", "architecture": "amd64", "os.version": "10"},
    {"os": "unknown", "architecture": "unknown"},
    None,
)


def index(*platforms: object) -> bytes:
    """Make an index of a member for each platform."""
    members = []
    for number, platform in enumerate(platforms):
        member = descriptor(numbered(number), OCI_MANIFEST)
        members.append(member if platform is None else member | {"platform": platform})
    return encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": members})


class PlatformsTests(SynchronousTestCase):
    def chosen(self, *texts: str) -> list[int]:
        """Say which members are chosen."""
        data = index(*PLATFORMS)
        found = Platforms(texts).choose(data, parse_manifest(data, None))
        numbers = {Digest.of(numbered(n)): n for n in range(len(PLATFORMS))}
        return [numbers[digest] for digest in found.digests]

    def test_all(self) -> None:
        self.assertEqual(self.chosen(), [0, 1, 2, 3, 4, 5, 6])

    def test_some(self) -> None:
        self.assertEqual(self.chosen("linux/amd64"), [0, 6])
        self.assertEqual(self.chosen("linux/amd64", "windows/amd64"), [0, 4, 6])

    def test_variants(self) -> None:
        self.assertEqual(self.chosen("linux/arm"), [2, 3, 6])
        self.assertEqual(self.chosen("linux/arm/v7", "linux/arm64"), [1, 3, 6])
        self.assertEqual(self.chosen("linux/amd64/v3"), [6])

    def test_none(self) -> None:
        data = index(*PLATFORMS[:2])
        found = Platforms(["linux/s390x"]).choose(data, parse_manifest(data, None))
        self.assertEqual((found.digests, found.none), ((), True))

    def test_no_members_are_not_those_of_others(self) -> None:
        data = index()
        found = Platforms(["linux/s390x"]).choose(data, parse_manifest(data, None))
        self.assertFalse(found.none)

    def test_what_cannot_be_read(self) -> None:
        for platform in (b'"linux"', b'{"os":1}', b'{"variant":[]}'):
            data = index("x").replace(b'"x"', platform)
            manifest = parse_manifest(data, None)
            with self.assertRaises(ManifestInvalid):
                Platforms(["linux/amd64"]).choose(data, manifest)

    def test_what_is_no_platform(self) -> None:
        for text in ("", "linux", "linux/", "Linux/amd64", "a/b/c/d", "a/b\n", "a/*"):
            with self.assertRaisesRegex(ValueError, "is no platform"):
                Platforms([text])
