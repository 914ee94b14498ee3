"""A test case that pushes images of version 1, part by part."""

import gzip

from tests.registry import images
from tests.registry.images import BASE, TOP, tar
from txregistry.model.images import ImageId
from txregistry.streams import IReader

B, T = ImageId(BASE.image_id), ImageId(TOP.image_id)
OTHER_LAYER = gzip.compress(tar(other="x"), mtime=0)


async def nobody(image_id: ImageId, /) -> bool:
    """Refuse every image."""
    del image_id
    return False


class UploadTestCase(images.ImageTestCase):
    """Push parts that are refused. Inherit as ``uploading.UploadTestCase``."""

    def begin(
        self, json: bytes, image_id: ImageId = B, checksum: str | None = None
    ) -> None:
        """Expect an image's JSON to be refused."""
        uploads = self.registry.image_uploads
        self.refused = self.fails(
            Exception, uploads.begin(self.scope(), image_id, json, checksum)
        )

    def take(self, source: IReader, expected: int | None = None) -> Exception:
        """Expect a layer to be refused, and say how."""
        uploads = self.registry.image_uploads
        work = uploads.take_layer(self.scope(), B, source, expected)
        failure: Exception = self.fails(Exception, work)
        return failure

    def finished(self, payload: str | None, checksum: str | None) -> Exception:
        """Expect a checksum to be refused, and say how."""
        uploads = self.registry.image_uploads
        work = uploads.finish(self.scope(), B, payload, checksum)
        failure: Exception = self.fails(Exception, work)
        return failure

    def in_progress(self, owner: str = "me") -> bool:
        """Say whether the base is being pushed."""
        scope = self.scope(owner=owner)
        return self.result(self.registry.image_uploads.in_progress(scope, B))
