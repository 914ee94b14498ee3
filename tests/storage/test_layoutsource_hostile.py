"""OCI layouts that somebody hostile made."""

import json
import os
from collections.abc import Callable
from typing import Any

from tests.storage.layoutcase import APP, LayoutCase
from tests.storage.layouts import LayoutFolder, digest_of, named
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.folder import FolderObjectSource
from txregistry.storage.interfaces import (
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.storage.layoutcontents import LayoutReading
from txregistry.storage.layoutindex import Listed
from txregistry.tasks import at_once

ROOT = keys.ROOT


class HostileLayoutTests(LayoutCase):
    def refuses(self) -> str:
        """Expect that the layout is not opened; give the reason."""
        with self.assertRaises(StorageUnavailable) as caught:
            self.open()
        return str(caught.exception)

    def lacks(self, spoil: Callable[[dict[str, Any]], object]) -> None:
        """Expect an image that was spoilt not to be there, and another to be."""
        bad, good = self.folder.image(b"bad"), self.folder.image(b"good")
        spoil(bad)
        self.folder.list(named(bad, ref="team/app:bad"), named(good, ref="team/app:ok"))
        source = self.open()
        self.fails(NotFound, source.stat(keys.tag_link(APP, Tag("bad"))))
        self.fails(NotFound, source.stat(keys.layer_link(APP, Digest.of(b"bad"))))
        self.assertEqual(self.tag(source, APP, "ok"), good["digest"])

    def file_of(self, image: dict[str, Any]) -> str:
        """Give the place of a manifest."""
        digest = digest_of(image)
        return f"blobs/{digest.algorithm}/{digest.encoded}"

    def test_no_layout(self) -> None:
        os.unlink(self.folder.path("oci-layout"))
        self.refuses()

    def test_a_layout_of_another_version(self) -> None:
        self.folder.write("oci-layout", b'{"imageLayoutVersion":"2.0.0"}')
        self.assertIn("version", self.refuses())

    def test_documents_that_are_none(self) -> None:
        for place in ("oci-layout", "index.json"):
            for data in (b"", b"[]", b"\xff", b'{"a":' * 10_000, b"{}"):
                folder = LayoutFolder(make_folder(self))
                folder.write(place, data)
                self.folder = folder
                self.refuses()

    def test_documents_that_are_links_or_no_files(self) -> None:
        for place in ("oci-layout", "index.json"):
            path = self.folder.path(place)
            os.rename(path, f"{path}.real")
            os.symlink(f"{path}.real", path)
            self.refuses()
            os.unlink(path)
            os.mkfifo(path)
            self.refuses()
            os.unlink(path)
            os.mkdir(path)
            self.refuses()
            os.rmdir(path)
            os.rename(f"{path}.real", path)
        self.open()

    def test_an_index_that_is_too_long(self) -> None:
        path = self.folder.path("index.json")
        os.truncate(path, 33 * 1024 * 1024)
        self.assertIn("more than", self.refuses())

    def test_an_index_that_lists_too_much(self) -> None:
        image = {"digest": "sha256:" + "0" * 64}
        document = {"schemaVersion": 2, "manifests": [image] * 100_001}
        self.folder.write("index.json", json.dumps(document).encode())
        self.assertIn("lists 100001 images", self.refuses())

    def test_names_that_lead_elsewhere_name_nothing(self) -> None:
        image = self.folder.image(b"one")
        for text in (
            "../../etc/passwd",
            "/etc:1",
            "a//b:1",
            "a/../b:1",
            "A/B:1",
            "_uploads/x:1",
            "a/_manifests:1",
            "a:" + "t" * 129,
            "a" * 1000 + ":1",
            "a:../1",
            "\x00:1",
        ):
            self.folder.listed.clear()
            self.folder.list(named(image, ref=text))
            page = self.result(self.open().list(keys.REPOSITORIES, limit=99))
            medium = keys.repository(RepositoryName("medium"))
            self.assertEqual(
                [key for key in page.names if not key.startswith(medium)], [], text
            )
            self.assertEqual([key for key in page.names if "/tags/" in key], [], text)

    def test_digests_that_lead_elsewhere_are_passed_over(self) -> None:
        image = self.folder.image(b"one")
        for text in ("../../../etc/passwd", "sha256:../x", "md5:" + "0" * 32, ""):
            self.folder.list(named({**image, "digest": text}, ref="team/app:1"))
        self.assertEqual(
            self.result(self.open().list(keys.REPOSITORIES, limit=9)).names, ()
        )

    def test_a_manifest_of_another_digest(self) -> None:
        self.lacks(lambda image: self.folder.write(self.file_of(image), b"{}"))

    def test_a_manifest_that_is_not_there(self) -> None:
        self.lacks(lambda image: os.unlink(self.folder.path(self.file_of(image))))

    def test_a_manifest_that_is_too_long(self) -> None:
        self.lacks(
            lambda image: os.truncate(self.folder.path(self.file_of(image)), 1 << 32)
        )

    def test_a_manifest_that_is_none(self) -> None:
        digest = self.folder.blob(b"[1]")
        self.lacks(lambda image: image.update(digest=str(digest)))

    def test_a_size_that_is_a_lie_is_not_believed(self) -> None:
        image = self.folder.image(b"one")
        for size in (0, -1, 1 << 70, "x", None):
            self.folder.listed.clear()
            self.folder.list(named({**image, "size": size}, ref="team/app:1"))
            self.assertEqual(self.tag(self.open(), APP, "1"), image["digest"])

    def test_a_blob_that_is_a_link_out_of_the_folder(self) -> None:
        image = self.folder.image(b"one")
        self.folder.list(named(image, ref="team/app:1"))
        key = keys.blob(Digest.of(b"one"))
        path = self.folder.path(f"blobs/sha256/{Digest.of(b'one').encoded}")
        os.unlink(path)
        os.symlink("/etc/passwd", path)
        source = self.open()
        self.fails(StorageUnavailable, source.stat(key))
        self.fails(StorageUnavailable, source.get(key, 99_999))
        self.fails(StorageUnavailable, source.open(key, 0, 9))

    def test_all_blobs_that_are_a_link_out_of_the_folder(self) -> None:
        other = LayoutFolder(make_folder(self))
        image = other.image(b"one")
        os.symlink(other.path("blobs"), self.folder.path("blobs"))
        self.folder.list(named(image, ref="team/app:1"))
        source = self.open()
        self.fails(StorageUnavailable, source.stat(keys.tag_link(APP, Tag("1"))))
        self.fails(StorageUnavailable, source.list(f"{ROOT}blobs/", limit=1))

    def test_a_repository_of_too_many_parts(self) -> None:
        image = self.folder.image(*(b"%d" % place for place in range(10)))
        listed_images = Listed({"1": digest_of(image)}, frozenset([digest_of(image)]))
        files = FolderObjectSource(self.folder.root, at_once)
        reading = LayoutReading(files, self.clock, at_once, most=14)
        contents = self.result(reading.read(APP, listed_images))
        self.assertEqual(len(contents.order), 14)
        reading = LayoutReading(files, self.clock, at_once, most=12)
        self.fails(StorageUnavailable, reading.read(APP, listed_images))

    def test_indexes_in_a_circle_or_very_deep_come_to_an_end(self) -> None:
        image = self.folder.image(b"one")
        inner = image
        for _ in range(8):
            inner = self.folder.index(inner, image)
        self.folder.list(named(inner, ref="team/app:1"))
        self.result(self.open().stat(keys.layer_link(APP, Digest.of(b"one"))))

    def test_keys_that_lead_elsewhere(self) -> None:
        self.folder.list(named(self.folder.image(b"one"), ref="team/app:1"))
        source = self.open()
        for key in (
            "index.json",
            "../x",
            f"{ROOT}blobs/sha256/../../index.json/data",
            f"{keys.REPOSITORIES}team/app/_manifests/../x/link",
            f"{ROOT}blobs/sha256/00/{'0' * 64}/../data",
        ):
            self.fails(NotFound, source.stat(Key(key)))
