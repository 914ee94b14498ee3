"""Tests of ``mirror/imagefetching.py`` and ``model/layerproof.py``: lies."""

import bz2
import lzma
from typing import Any

from backports import zstd

from tests.registry.images import tar
from tests.registry.mirror import imagecase
from tests.registry.mirror.imagecase import LATEST, NAME, REMOTE
from tests.registry.mirror.played import HeldReader
from tests.web.v1.images import BASE, TOP, V1Image, document
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.model import checksums, layerproof
from txregistry.model.checksums import Checksum, TarSum, parse_checksum
from txregistry.model.compression import Compression
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageInvalid, UpstreamInvalid, UpstreamSilent
from txregistry.model.images import ImageId
from txregistry.model.names import Tag
from txregistry.registry import imagetags

ANY = parse_checksum("tarsum+sha256:" + "1" * 64)
PLAIN = tar(one="1", two="2")
B, T = ImageId(BASE.image_id), ImageId(TOP.image_id)


def tarsum(image: V1Image) -> Checksum:
    """Compute the TarSum of an image."""
    computed = TarSum(image.json)
    computed.update(image.layer)
    return parse_checksum(computed.finish())


class LiesCase(imagecase.ImagesCase):
    def setUp(self) -> None:
        super().setUp()
        self.upstream.have(REMOTE, "latest", BASE, TOP)

    def lies(self, said: str) -> None:
        """Expect that the tag cannot be had, and nothing is left of its image."""
        self.assertIn(said, self.refuses(UpstreamInvalid))
        self.assertFalse(self.has(T, NAME))
        self.assertIsNone(self.result(self.registry.tags.find(NAME, LATEST)))
        self.assertEqual(self.keys("txregistry/uploads/"), ())

    def layer(self, data: bytes, image: V1Image = TOP) -> None:
        """Have another layer in an image, and say nothing of its size."""
        image_id = ImageId(image.image_id)
        self.upstream.layers[image_id] = data
        self.upstream.change(image, size=None)


class AncestryTests(LiesCase):
    def test_image_that_is_named_and_not_there(self) -> None:
        del self.upstream.chains[T]
        self.lies("does not have an image that it names")
        self.upstream.chains[T] = (T, B)
        del self.upstream.fetched[T]
        self.lies("does not have an image that it names")

    def test_layer_that_is_not_there(self) -> None:
        del self.upstream.layers[T]
        self.lies("does not have the layer of an image")

    def test_ancestry_that_images_do_not_have(self) -> None:
        other = ImageId("c" * 64)
        for chain in ((T,), (T, other, B), (T, other)):
            self.upstream.chains[T] = chain
            self.upstream.fetched[other] = self.upstream.fetched[B]
            self.lies("")
        self.assertFalse(self.has(other, NAME))

    def test_base_that_has_a_parent(self) -> None:
        self.upstream.change(BASE, parent=ImageId("c" * 64))
        self.lies("ancestry that its images do not have")

    def test_another_ancestry_than_before(self) -> None:
        self.upstream.have(REMOTE, "base", BASE)
        self.result(self.mirror.ensure(self.rule, NAME, Tag("base")))
        other = V1Image("c" * 64, document("c" * 64), BASE.layer)
        changed = V1Image(BASE.image_id, document(BASE.image_id, "c" * 64), BASE.layer)
        self.upstream.have(REMOTE, "latest", other, changed, TOP)
        self.lies("another ancestry than it had before")


class LayerTests(LiesCase):
    def test_layers_that_are_none(self) -> None:
        for data, said in (
            (b"", "is empty"),
            (TOP.layer[:-1], "cut off or damaged"),
            (TOP.layer[:-9] + b"x" * 9, "cut off or damaged"),
            (b"<html>not found</html>" * 99, "no tar archive"),
            (PLAIN[:1100], "cut off"),
            (zstd.compress(PLAIN), "no engine reads"),
        ):
            self.layer(data)
            self.lies(said)

    def test_another_size(self) -> None:
        self.upstream.change(TOP, size=len(TOP.layer) + 1)
        self.lies("another size")

    def test_bomb(self) -> None:
        self.patch(layerproof, "_UNPACKED", 1000)
        self.layer(TOP.layer)
        self.lies("unpacks to more")

    def test_layers_that_are_some(self) -> None:
        for data, compression in (
            (PLAIN, Compression.NONE),
            (lzma.compress(PLAIN), Compression.XZ),
            (bz2.compress(PLAIN), Compression.BZIP2),
        ):
            self.setUp()
            self.layer(data)
            self.ensure()
            layer = self.find(TOP, NAME).layer
            self.assertEqual(layer.compression, compression)
            self.assertEqual(self.pull_blob(layer.digest, NAME), data)
            self.assertEqual(layer.diff_id, Digest.of(PLAIN))
            manifest = self.pull().manifest.parse()
            last = manifest.blobs[-1].digest
            self.assertTrue(self.result(self.registry.blobs.holds(NAME, last)))

    def test_upstream_that_breaks_off(self) -> None:
        held = HeldReader(TOP.layer, 9)
        self.upstream.held[T] = held
        asking = self.begin()
        self.assertNoResult(asking)
        held.fail(UpstreamUnavailable("other.example", "broke off"))
        self.failureResultOf(asking, UpstreamSilent)
        self.assertTrue(held.closed)
        self.assertFalse(self.has(T, NAME))
        self.assertTrue(self.has(B, NAME))
        self.assertEqual(self.keys("txregistry/uploads/"), ())
        self.upstream.held.clear()
        self.asked()
        self.ensure()
        self.assertEqual(self.asked(), ["tag", "ancestry", "json", "layer"])

    def test_image_that_version_2_cannot_show(self) -> None:
        def fail(*_: Any) -> bytes:
            raise ImageInvalid("Invalid JSON")

        self.patch(imagetags, "make_config", fail)
        self.assertIn("cannot be kept", self.refuses(UpstreamInvalid))


class ChecksumTests(LiesCase):
    def test_right_ones(self) -> None:
        sums = (parse_checksum(TOP.payload), tarsum(TOP))
        self.upstream.change(TOP, checksums=sums)
        self.upstream.change(BASE, checksums=(tarsum(BASE),))
        self.ensure()
        found = self.find(TOP, NAME).checksums
        self.assertEqual(found, (TOP.payload, str(tarsum(TOP))))
        self.assertEqual(
            self.find(BASE, NAME).checksums, (BASE.payload, str(tarsum(BASE)))
        )

    def test_wrong_ones(self) -> None:
        wrong = (
            (parse_checksum("sha256:" + "1" * 64),),
            (ANY,),
            (parse_checksum(TOP.payload), tarsum(BASE)),
            (tarsum(TOP), parse_checksum(BASE.payload)),
        )
        for sums in wrong:
            self.upstream.change(TOP, checksums=sums)
            self.lies("does not come to its checksum")

    def test_checksum_of_what_is_no_archive(self) -> None:
        data = b"no archive at all" * 99
        image = V1Image(TOP.image_id, TOP.json, data)
        self.layer(data)
        self.upstream.change(TOP, checksums=(parse_checksum(image.payload),))
        self.ensure()
        self.assertTrue(self.has(T, NAME))

    def test_too_many_entries(self) -> None:
        self.patch(checksums, "MAX_ENTRIES", 1)
        self.upstream.change(TOP, checksums=(ANY,))
        self.lies("too many entries")
        self.upstream.change(TOP, checksums=())
        self.ensure()
        self.assertTrue(self.has(T, NAME))
