"""Tests of what ``txregistry/transfer`` makes of trees in which something is wrong."""

import bz2
import gzip
import io
import json
import lzma
import tarfile

from tests.transfer import case
from tests.transfer.case import WEB
from tests.transfer.trees import make_chain, tarsum
from tests.web.v1.images import BASE, TOP, B, T, V1Image, document
from txregistry.model import layerproof
from txregistry.model.names import RepositoryName, Tag
from txregistry.model.tarballs import TooManyEntries
from txregistry.storage.interfaces import Key

OTHER = "c" * 64


class ImageDefectTests(case.TreeTestCase):
    """An image is not imported, nor is a tag that needs it; all others are."""

    def setUp(self) -> None:
        super().setUp()
        self.add_two()
        self.tree.tag("acme/web", "base", B)

    def check_top(self, reason: str) -> None:
        """Expect the top image to be left out, with its tag alone."""
        report = self.run_import()
        self.assertEqual(
            self.left_out(report),
            [
                ("image", T, reason),
                ("tag", "acme/web:latest", f"the image {T}: {reason}"),
            ],
        )
        self.assertEqual((self.tags(WEB), self.tag_of(tag=Tag("base"))), (["base"], B))
        self.assertFalse(self.holds(T))
        self.assertFalse(report.is_complete)

    def top(self, name: str, data: bytes) -> None:
        """Write a file of the top image."""
        self.tree.put(f"images/{T}/{name}", data)

    def test_no_json(self) -> None:
        self.tree.remove(f"images/{T}/json")
        self.check_top("it has no JSON")

    def test_no_layer(self) -> None:
        self.tree.remove(f"images/{T}/layer")
        self.check_top("it has no layer")

    def test_an_empty_layer_file(self) -> None:
        self.top("layer", b"")
        self.check_top("its layer is empty")

    def test_nothing_at_all(self) -> None:
        for name in ("json", "layer", "ancestry", "_checksum"):
            self.tree.remove(f"images/{T}/{name}")
        self.check_top("it is not there")

    def test_an_upload_that_never_ended(self) -> None:
        self.top("_inprogress", b"true")
        self.check_top("its upload never ended")

    def test_what_is_no_json(self) -> None:
        self.top("json", b"{")
        self.check_top("its JSON cannot be taken: Invalid JSON")

    def test_json_of_another_image(self) -> None:
        self.top("json", document(OTHER, B))
        self.check_top("its JSON cannot be taken: JSON data contains invalid id")

    def test_json_without_id(self) -> None:
        self.top("json", b'{"parent": null}')
        self.check_top("its JSON cannot be taken: Missing key `id' in JSON")

    def test_a_parent_that_leads_elsewhere(self) -> None:
        self.top("json", json.dumps({"id": T, "parent": "../../etc"}).encode())
        self.check_top("its JSON cannot be taken: JSON data contains an invalid parent")

    def test_json_that_is_too_long(self) -> None:
        self.top("json", b" " * (1 << 20) + TOP.json)
        self.check_top(f"images/{T}/json is too large")

    def test_ancestry_of_others(self) -> None:
        for ancestry in ([T], [T, OTHER], [B, T], [T, B, OTHER], []):
            with self.subTest(ancestry=ancestry):
                self.top("ancestry", json.dumps(ancestry).encode())
                self.check_top("its ancestry is not that of its parents")

    def test_what_is_no_ancestry(self) -> None:
        for data in (b"", b"{}", b"[1]", b'["x"]', b"\xff"):
            with self.subTest(data=data):
                self.top("ancestry", data)
                self.check_top("its ancestry is no list of image ids")

    def test_what_is_no_checksum(self) -> None:
        for data in (b"", b"[1]", b'["md5:00"]', b"tarsum.v1+sha256:00", b"\xff"):
            with self.subTest(data=data):
                self.top("_checksum", data)
                self.check_top("its checksums are none that can be verified")

    def test_a_wrong_checksum(self) -> None:
        wrong = BASE.payload
        self.tree.image(TOP, [B], [wrong])
        self.check_top(f"its layer does not come to its checksum {wrong}")

    def test_a_wrong_tarsum(self) -> None:
        wrong = tarsum(BASE)
        self.tree.image(TOP, [B], [TOP.payload, wrong])
        self.check_top(f"its layer does not come to its checksum {wrong}")

    def test_a_layer_that_is_cut_off(self) -> None:
        self.top("layer", TOP.layer[:-9])
        self.check_top("its layer is cut off or damaged: it cannot be unpacked")

    def test_a_layer_that_is_followed_by_something(self) -> None:
        self.top("layer", TOP.layer + b"something")
        self.check_top("its layer is cut off or damaged: it cannot be unpacked")

    def test_a_layer_that_is_cut_off_within(self) -> None:
        archive = gzip.decompress(TOP.layer)
        for cut in (archive[:514], b"no archive"):
            with self.subTest(size=len(cut)):
                self.top("layer", cut)
                self.tree.files.pop(self.key("_checksum"), None)
                self.check_top("its layer is no tar archive, or one that is cut off")

    def test_a_layer_with_a_tarsum_that_is_no_archive(self) -> None:
        image = V1Image(T, TOP.json, gzip.compress(b"no archive"))
        self.tree.image(image, [B], [tarsum(TOP)])
        self.check_top("its layer is no tar archive, or one that is cut off")

    def test_a_bomb(self) -> None:
        self.patch(layerproof, "_UNPACKED", 5000)
        bomb = gzip.compress(bytes(100_000))
        self.tree.image(V1Image(T, TOP.json, bomb), [B])
        self.tree.image(
            V1Image(B, BASE.json, gzip.compress(bytes(1024))),
        )
        self.check_top("its layer unpacks to more than any image")

    def test_it_is_its_own_ancestor(self) -> None:
        self.tree.remove("repositories/acme/web/tag_base")
        self.tree.image(V1Image(B, document(B, T), BASE.layer))
        report = self.run_import()
        self.assertIn(("image", T, "it is its own ancestor"), self.left_out(report))
        self.assertEqual(self.keys(), ())

    def test_a_parent_that_is_not_there(self) -> None:
        self.tree.image(V1Image(T, document(T, OTHER), TOP.layer), [OTHER])
        report = self.run_import()
        self.assertEqual(
            self.left_out(report)[:2],
            [
                ("image", OTHER, "it is not there"),
                ("tag", "acme/web:latest", f"the image {OTHER}: it is not there"),
            ],
        )

    def test_a_bad_image_is_told_of_once(self) -> None:
        self.tree.tag("acme/other", "a", T)
        self.tree.tag("acme/other", "b", T)
        self.top("_inprogress", b"true")
        kinds = [kind for kind, _, _ in self.left_out(self.run_import())]
        self.assertEqual(sorted(kinds), ["image", "tag", "tag", "tag"])

    def test_ancestors_of_too_many(self) -> None:
        ids: list[str] = []
        for each in make_chain(128):
            self.tree.image(each, ids)
            ids.insert(0, each.image_id)
        self.tree.tag("acme/long", "most", ids[1])
        self.tree.tag("acme/long", "too-long", ids[0])
        report = self.run_import()
        self.assertIn(
            ("image", ids[0], "it has more than 126 ancestors"), self.left_out(report)
        )
        self.assertEqual(self.tags(RepositoryName("acme/long")), ["most"])

    def key(self, name: str) -> Key:
        """Name a file of the top image."""
        return Key(f"images/{T}/{name}")


class UnnamedImageTests(case.TreeTestCase):
    """Images without a tag are told of, and do not make an import incomplete."""

    def setUp(self) -> None:
        super().setUp()
        self.tree.image(BASE)
        self.tree.image(TOP, [B])
        self.tree.tag("acme/web", "latest", B)

    def test_it_is_left_out(self) -> None:
        report = self.run_import()
        reason = "no tag that was imported leads to it"
        self.assertEqual(self.left_out(report), [("image", T, reason)])
        self.assertTrue(report.is_complete)
        self.assertFalse(self.holds(T))

    def test_an_upload_that_never_ended_is_told_as_such(self) -> None:
        self.tree.put(f"images/{T}/_inprogress", b"true")
        report = self.run_import()
        self.assertEqual(
            self.left_out(report), [("image", T, "its upload never ended")]
        )

    def test_somebody_elses_files_are_passed_over(self) -> None:
        for name in (".DS_Store", "x/json", "..%2F/json", f"{T.upper()}x/json"):
            self.tree.put(f"images/{name}", b"garbage")
        self.assertEqual(len(self.run_import().left_out), 1)


class CompressionTests(case.TreeTestCase):
    """Layers are taken however they are packed."""

    def test_it_is_taken(self) -> None:
        archive = gzip.decompress(BASE.layer)
        for pack in (bytes, bz2.compress, lzma.compress):
            for stored in (True, False):
                with self.subTest(pack=pack.__name__, stored=stored):
                    self.tree.files.clear()
                    image = V1Image(B, BASE.json, pack(archive))
                    self.tree.image(image)
                    if not stored:
                        self.tree.remove(f"images/{B}/_checksum")
                    name = f"acme/{pack.__name__}-{stored}".lower()
                    self.tree.tag(name, "latest", B)
                    self.assertTrue(self.run_import().is_complete)
                    self.assertEqual(self.tag_of(RepositoryName(name)), B)

    def test_many_entries_are_no_fault_without_a_tarsum(self) -> None:
        self.patch(layerproof, "TarSum", _FullTarSum)
        self.tree.image(BASE, checksums=[])
        self.tree.tag("acme/web", "latest", B)
        self.assertTrue(self.run_import().is_complete)

    def test_many_entries_are_a_fault_with_a_tarsum(self) -> None:
        self.patch(layerproof, "TarSum", _FullTarSum)
        self.tree.image(BASE, checksums=[tarsum(BASE)])
        self.tree.tag("acme/web", "latest", B)
        self.assertEqual(
            self.left_out(self.run_import())[0],
            ("image", B, "its layer has too many entries for its TarSum"),
        )

    def test_an_empty_archive(self) -> None:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w"):
            pass
        self.tree.image(V1Image(B, BASE.json, out.getvalue()), checksums=[])
        self.tree.tag("acme/web", "latest", B)
        self.assertTrue(self.run_import().is_complete)


class _FullTarSum:
    """A TarSum of a layer with more entries than one can have."""

    def __init__(self, json: bytes) -> None:
        del json

    def update(self, data: bytes) -> None:
        """Fail."""
        raise TooManyEntries(len(data))

    def finish(self) -> str:
        """Fail."""
        raise TooManyEntries
