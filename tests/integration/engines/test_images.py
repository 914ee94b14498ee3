"""Images, layers and checksums that the engines push."""

import hashlib

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.engines.images import (
    make_chained,
    make_config,
    make_images,
    make_random,
)
from tests.integration.engines.layers import (
    EMPTY_ARCHIVE,
    EMPTY_NOTHING,
    files_of,
    make_files,
    make_layer,
    make_odd_entries,
    raw,
    unpack,
    xz,
)
from tests.integration.engines.pushing import cut_chunks
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.sums import simple_checksum, tarsum

J = b'{"id":"%b"}' % (b"a" * 64)
CHAIN = "170b376f64fb30995c140276be3d71dfb256b308d86183ca3b22aa93a79ad548"


class LayerTests(SynchronousTestCase):
    def test_gzip_of_nothing_has_23_bytes(self) -> None:
        self.assertEqual((len(EMPTY_NOTHING), unpack(EMPTY_NOTHING)), (23, b""))

    def test_gzip_of_an_empty_archive_has_32_bytes(self) -> None:
        self.assertEqual((len(EMPTY_ARCHIVE), unpack(EMPTY_ARCHIVE)), (32, bytes(1024)))

    def test_empty_layers_have_no_files(self) -> None:
        self.assertEqual(files_of(EMPTY_NOTHING), {})
        self.assertEqual(files_of(EMPTY_ARCHIVE), {})

    def test_files_come_back_however_they_are_packed(self) -> None:
        files = make_files("a/b")
        for pack in (None, raw, xz):
            layer = make_layer(files, pack=pack, extra=make_odd_entries("a/b"))
            found = files_of(layer)
            del found["opt/.wh.a-b.gone"]
            self.assertEqual(found, files)

    def test_is_the_same_each_time(self) -> None:
        self.assertEqual(make_layer(make_files("a")), make_layer(make_files("a")))

    def test_what_breaks_off_is_no_layer(self) -> None:
        for pack in (None, xz, raw):
            layer = make_layer(make_files("a"), pack=pack)
            self.assertRaises(ValueError, files_of, layer[: len(layer) // 2])

    def test_chunks_are_the_layer(self) -> None:
        layer = make_layer(make_files("a"))
        chunks = list(cut_chunks(layer))
        self.assertEqual(b"".join(chunks), layer)
        self.assertGreater(len(chunks), 4)


class SumTests(SynchronousTestCase):
    """The values were computed by a real engine."""

    def test_simple_checksum(self) -> None:
        self.assertEqual(
            simple_checksum(J, EMPTY_ARCHIVE),
            "sha256:1f672d12427668f0b0cadf3cfeeb86f5fdc34103f47c6145ff98c71a2ffb7d61",
        )

    def test_simple_checksum_of_json_that_ends_with_a_newline(self) -> None:
        self.assertEqual(
            simple_checksum(J + b"\n", EMPTY_ARCHIVE),
            "sha256:e7ef21391c75e3794c3af640e7e19854a513f039714f526655dfeb1e82ecf6f7",
        )

    def test_tarsum_of_no_entries(self) -> None:
        expected = "d561730190e99254d474d840d9013e14ceef3005414abfdb62dcbfb9f5e44823"
        for layer in (EMPTY_ARCHIVE, EMPTY_NOTHING):
            self.assertEqual(tarsum(J, layer), f"tarsum+sha256:{expected}")

    def test_tarsum_of_a_file(self) -> None:
        layer = make_layer({"a": b"content"})
        header = (
            "nameamode33188uid0gid0size7mtime1420070400typeflag0linkname"
            "unamerootgnamerootdevmajor0devminor0"
        )
        own = hashlib.sha256(f"{header}content".encode()).hexdigest()
        expected = hashlib.sha256(J + own.encode()).hexdigest()
        self.assertEqual(tarsum(J, layer), f"tarsum+sha256:{expected}")


class ImageTests(SynchronousTestCase):
    def test_each_names_the_one_below(self) -> None:
        for release in RELEASES:
            images = make_images("a", release)
            parents = ["", *(image.id for image in images[:-1])]
            self.assertEqual([image.parent for image in images], parents)

    def test_old_json_is_full_and_ends_with_a_newline(self) -> None:
        for image in make_random("a", [EMPTY_ARCHIVE] * 2):
            self.assertIn(b'"created"', image.json)
            self.assertTrue(image.json.endswith(b"}\n"))

    def test_new_json_has_only_id_and_parent_below_the_top(self) -> None:
        base, middle, _ = make_images("a", "1.12.6")
        self.assertEqual(base.json, b'{"id":"%b"}' % base.id.encode())
        self.assertEqual(
            middle.json,
            f'{{"id":"{middle.id}","parent":"{base.id}"}}'.encode(),
        )

    def test_new_ids_are_chain_ids_and_the_id_of_the_image(self) -> None:
        layers = [EMPTY_ARCHIVE] * 3
        config = make_config("a", layers)
        _, middle, top = make_chained(layers, config)
        self.assertEqual(middle.id, CHAIN)
        self.assertEqual(top.id, hashlib.sha256(config).hexdigest())

    def test_new_top_has_the_config(self) -> None:
        top = make_images("<a>", "17.05.0")[-1]
        self.assertIn(b'"name":"\\u003c\\u003ca\\u003e\\u003e"', top.json)
        self.assertNotIn(b"rootfs", top.json)

    def test_old_chains_have_an_empty_layer(self) -> None:
        self.assertEqual(make_images("a", "1.0.0")[1].layer, EMPTY_NOTHING)
        self.assertEqual(make_images("a", "1.6.2")[1].layer, EMPTY_ARCHIVE)
