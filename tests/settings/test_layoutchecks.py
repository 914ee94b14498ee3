"""Tests of ``txregistry/settings/layoutchecks.py``, and of folders as stores."""

import os

from tests.settings.test_checks import ChecksCase
from tests.storage.layouts import LayoutFolder
from tests.temporary import make_folder
from txregistry.options import Options
from txregistry.settings.storage import (
    S3,
    Filesystem,
    OciLayout,
    Storage,
    UploadPurging,
)

LAYOUT = "storage: {ocilayout: {rootdirectory: /mnt"


class LayoutChecksTests(ChecksCase):
    def test_all_of_it_can_be_set(self) -> None:
        text = f"{LAYOUT}, repository: team/app, maxthreads: 3}}}}"
        storage = self.load(text).storage
        self.assertEqual(storage.ocilayout, OciLayout("/mnt", "team/app", 3))
        self.assertTrue(storage.is_readonly)
        self.assertFalse(storage.is_remote)
        self.assertEqual(storage.threads, 3)

    def test_variables_go_over_it(self) -> None:
        folder = {"REGISTRY_STORAGE_OCILAYOUT_ROOTDIRECTORY": "/media"}
        storage = self.load("", **folder).storage
        self.assertEqual(storage.ocilayout, OciLayout("/media"))

    def test_other_stores_are_read_only_if_told_so(self) -> None:
        self.assertFalse(self.load("").storage.is_readonly)
        text = "storage: {maintenance: {readonly: {enabled: true}}}"
        self.assertTrue(self.load(text).storage.is_readonly)

    def test_it_is_one_of_several(self) -> None:
        self.refuse(f"{LAYOUT}}}, inmemory: {{}}}}", "ocilayout", "not both")

    def test_no_folder_is_refused(self) -> None:
        self.refuse("storage: {ocilayout: {}}", "rootdirectory")
        self.refuse(
            "storage: {ocilayout: {rootdirectory: ''}}",
            "storage.ocilayout.rootdirectory: ''",
        )

    def test_what_is_no_repository_is_refused(self) -> None:
        self.refuse(f"{LAYOUT}, repository: A}}}}", "storage.ocilayout.repository: 'A'")

    def test_a_mirror_has_to_write(self) -> None:
        for more in (
            "mirror: {upstreams: [{name: hub, prefix: hub, url: 'https://hub.example'}]}",
            "proxy: {remoteurl: 'https://hub.example'}",
        ):
            self.refuse(f"{LAYOUT}}}}}\n{more}", "storage.ocilayout", "mirror")


class InFolderTests(ChecksCase):
    def test_a_folder_that_has_a_layout_is_one(self) -> None:
        folder = LayoutFolder(make_folder(self)).root
        found = Storage(filesystem=Filesystem("/other")).in_folder(folder)
        self.assertEqual(found, Storage(ocilayout=OciLayout(folder)))

    def test_what_is_said_of_a_layout_stays(self) -> None:
        folder = LayoutFolder(make_folder(self)).root
        found = Storage(ocilayout=OciLayout("/mnt", "app")).in_folder(folder)
        self.assertEqual(found.ocilayout, OciLayout(folder, "app"))

    def test_any_other_folder_is_our_own(self) -> None:
        folder = make_folder(self)
        for path in (folder, os.path.join(folder, "absent")):
            given = Storage(ocilayout=OciLayout("/mnt"), s3=S3(bucket="b"))
            found = given.in_folder(path)
            self.assertEqual(found, Storage(filesystem=Filesystem(path)))

    def test_the_option_goes_over_all_stores(self) -> None:
        folder = make_folder(self)
        options = Options()
        options.parseOptions(["--storage", folder])
        storage = options.settings.storage
        self.assertEqual(storage.filesystem, Filesystem(folder))
        self.assertEqual(storage.maintenance.uploadpurging, UploadPurging())
        options = Options()
        options.parseOptions(
            ["--storage", "somewhere"]
        )  # also when twistd is elsewhere
        wanted = Filesystem(os.path.abspath("somewhere"))
        self.assertEqual(options.settings.storage.filesystem, wanted)
        layout = LayoutFolder(folder).root
        options = Options()
        options.parseOptions(["--storage", layout])
        self.assertEqual(options.settings.storage.ocilayout, OciLayout(layout))
