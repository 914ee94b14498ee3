"""Tests of ``txregistry/transfer/archives/checking.py``."""

import json
from typing import Any

from tests.integration.clients.images import Image, Index, contents_of, make_index
from tests.registry.case import NAME
from tests.transfer.archives import case
from tests.transfer.archives.building import image_of, layout, pack, place, saved
from tests.transfer.archives.sources import Stalling
from tests.transfer.archives.test_hostile import (
    APP,
    GOOD,
    LAYER,
    MALFORMED,
    OLD,
    SMALL,
    TOO_LARGE,
    UNSUPPORTED,
    WRONG,
)
from txregistry.model.digest import Digest
from txregistry.streams import BytesReader
from txregistry.tasks import at_once
from txregistry.transfer.archives import checking
from txregistry.transfer.archives.checking import ArchiveChecker, Checked
from txregistry.transfer.archives.limits import LIMITS, ArchiveLimits
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveTooLarge,
    ArchiveTruncated,
    ArchiveUnsupported,
    ArchiveWrongDigest,
)

INDEX = make_index("app")


class CheckingTests(case.ArchiveTestCase):
    def check_archive(
        self, data: Any, limits: ArchiveLimits = LIMITS, **more: Any
    ) -> Any:
        """Check an archive."""
        packed = data if isinstance(data, bytes) else pack(data)
        checker = ArchiveChecker(self.clock, at_once, limits=limits, **more)
        return checker.check(BytesReader(packed))

    def checked(self, data: Any, **more: Any) -> Checked:
        """Check a good archive."""
        found: Checked = self.result(self.check_archive(data, **more))
        return found

    def test_good_ones(self) -> None:
        targets: tuple[Image | Index, ...] = (APP, INDEX)
        for target in targets:
            for unpacks in (True, False):
                found = self.checked(layout({"1": target}), unpacks=unpacks)
                (image,) = found.images
                self.assertEqual(str(image.descriptor.digest), target.digest)
                self.assertEqual((found.missing, found.bundle), ((), None))
                sizes = {str(each): size for each, size in found.contents.items()}
                wanted = contents_of(target)
                self.assertEqual(sizes, {each: len(wanted[each]) for each in wanted})
        self.checked(saved({"app:1": APP}))
        self.assertEqual(self.keys(), ())

    def test_what_a_reader_refuses(self) -> None:
        for kind, table in (
            (ArchiveMalformed, MALFORMED),
            (ArchiveWrongDigest, WRONG),
            (ArchiveUnsupported, UNSUPPORTED),
        ):
            for name, data in table.items():
                with self.subTest(name):
                    self.fails(kind, self.check_archive(data))
        for name, data in TOO_LARGE.items():
            with self.subTest(name):
                self.fails(ArchiveTooLarge, self.check_archive(data, SMALL))

    def test_layers_are_unpacked_only_if_that_is_wanted(self) -> None:
        data = layout({"1": image_of([LAYER], [f"sha256:{OLD}"])})
        self.fails(ArchiveWrongDigest, self.check_archive(data))
        self.checked(data, unpacks=False)
        fewer = layout({"1": image_of([LAYER], [])})
        self.fails(ArchiveMalformed, self.check_archive(fewer, unpacks=False))

    def test_what_is_missing(self) -> None:
        members = [
            each
            for each in GOOD
            if not isinstance(each, tuple) or each[0] != place(LAYER.digest)
        ]
        found = self.checked(members)
        self.assertEqual(
            [(each.digest, each.size) for each in found.missing],
            [(Digest.parse(LAYER.digest), len(LAYER.data))],
        )

    def test_too_many_documents(self) -> None:
        self.patch(checking, "_ROOM", 10_000)
        documents = [(str(number), b"{" + bytes(990 + number)) for number in range(20)]
        self.checked([*GOOD, *documents])  # nobody needs them
        self.fails(ArchiveTooLarge, self.check_archive([*documents, *GOOD]))

    def test_a_document_that_is_none(self) -> None:
        image = image_of([LAYER], None)
        document = json.loads(image.manifest.data)
        self.assertIn("layers", document)
        blob = type(LAYER)(image.config.media_type, b" {}")
        document["config"] = blob.descriptor()
        manifest = type(LAYER)(image.manifest.media_type, json.dumps(document).encode())
        odd = Image(manifest, blob, image.layers, "amd64")
        self.fails(ArchiveMalformed, self.check_archive(layout({"1": odd})))

    def test_progress(self) -> None:
        came: list[int] = []
        self.checked(GOOD, progress=came.append)
        self.assertEqual(sum(came), len(pack(GOOD)))

    def test_a_source_that_fails(self) -> None:
        source = Stalling(pack(GOOD)[:5000], OSError())
        self.fails(OSError, ArchiveChecker(self.clock, at_once).check(source))
        self.assertTrue(source.is_closed)
        self.fails(ArchiveTruncated, self.check_archive(pack(GOOD)[:5000]))


class RescuingTests(case.ArchiveTestCase):
    """What came whole is kept, where that is wanted."""

    async def rescue(self, source: Any) -> None:
        """Read an archive that breaks off."""
        async with self.make_reader().open(source, rescued=NAME):
            raise AssertionError  # it is not read to its end

    def cut(self) -> bytes:
        """Give an archive that breaks off in its last layer."""
        data = pack(GOOD)
        return data[: data.index(APP.layers[-1].data) + 100]

    def held(self, digest: str) -> bool:
        """Say whether the repository has a blob."""
        blobs = self.registry.blobs
        return self.result(blobs.holds(NAME, Digest.parse(digest)))

    def test_of_what_is_cut_off(self) -> None:
        self.fails(ArchiveTruncated, self.rescue(BytesReader(self.cut())))
        self.assertTrue(self.held(APP.layers[0].digest))
        self.assertFalse(self.held(APP.layers[-1].digest))
        self.assertEqual(self.pull_blob(Digest.parse(LAYER.digest)), LAYER.data)
        self.assertNothingStaged()

    def test_of_what_breaks_off(self) -> None:
        self.fails(OSError, self.rescue(Stalling(self.cut(), OSError())))
        self.assertTrue(self.held(APP.layers[0].digest))
        self.assertNothingStaged()

    def test_not_of_what_is_damaged(self) -> None:
        data = pack(GOOD).replace(APP.layers[-1].data, bytes(len(APP.layers[-1].data)))
        self.fails(ArchiveWrongDigest, self.rescue(BytesReader(data)))
        self.assertEqual(self.keys(), ())
