"""What is written is read as it was."""

from typing import Any

from tests.integration.clients.images import (
    Content,
    Image,
    digest_of,
    make_image,
    make_index,
)
from tests.transfer.archives import case
from tests.transfer.archives.building import TAR, image_of
from txregistry.model.digest import Digest

APP = make_image("app")
INDEX = make_index("app")
TINY = image_of([Content(TAR, b"a layer")], [digest_of(b"a layer")])


class RoundTripTests(case.ArchiveTestCase):
    def assertReturns(self, target: Any, **more: Any) -> None:
        """An image is written, and read into an empty registry as it was."""
        self.push_image(target)
        data = self.write(self.plan(**more))
        self.setUp()
        self.assertEqual(str(self.result(self.bring(data))), target.digest)
        self.assertHolds(target)

    def test_images_return(self) -> None:
        targets: list[Any] = [
            APP,
            INDEX,
            TINY,
            make_index("docker", docker=True),
            image_of([], []),
            image_of([Content(TAR, b"")], [digest_of(b"")]),
        ]
        for target in targets:
            self.setUp()
            self.assertReturns(target)

    def test_only_what_is_missing_travels(self) -> None:
        self.push_image(INDEX)
        have = [Digest.parse(blob.digest) for blob in INDEX.images[0].blobs]
        data = self.write(self.plan(have=have))
        self.setUp()
        first: Image = INDEX.images[0]
        self.push_image(first, None)
        self.result(self.bring(data))
        self.assertHolds(INDEX)

    def test_cut_and_resumed(self) -> None:
        self.push_image(INDEX)
        plan = self.plan()
        cut = plan.size // 3
        data = self.write(plan)[:cut] + self.write(plan, cut)
        self.setUp()
        self.result(self.bring(data))
        self.assertHolds(INDEX)
