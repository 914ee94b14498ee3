"""Which images stand on which, in an old tree, and which of them cannot be taken."""

from collections.abc import Sequence

from txregistry.model.images import MAX_ANCESTRY, ImageId
from txregistry.transfer.damage import Damaged
from txregistry.transfer.oldtree import OldImage, OldTree
from txregistry.transfer.report import Report


class Chains:
    """Follow images to their bases; what was found out is remembered.

    Args:
        tree: Where they are.
        report: Is told of each image that cannot be taken, once.
    """

    def __init__(self, tree: OldTree, report: Report) -> None:
        self._tree = tree
        self._report = report
        self._parents: dict[ImageId, ImageId | None] = {}
        self._bad: dict[ImageId, str] = {}

    def met(self, image_id: ImageId) -> bool:
        """Say whether an image was taken, or cannot be."""
        return image_id in self._parents or image_id in self._bad

    def take(self, image: OldImage) -> None:
        """Take it that an image is good, and need not be read again."""
        self._parents[image.image_id] = image.parent

    def reject(self, image_id: ImageId, reason: str) -> Damaged:
        """Take it that an image is not good; give what to raise."""
        self._bad[image_id] = reason
        self._report.leave_out("image", str(image_id), reason)
        return Damaged(f"the image {image_id}: {reason}")

    async def find(
        self, top: ImageId
    ) -> tuple[Sequence[ImageId], dict[ImageId, OldImage]]:
        """Find an image and all below it.

        Returns:
            Their ids, the base first; and those of them that were not taken before.

        Raises:
            Damaged: not all of them can be taken.
        """
        ids: list[ImageId] = []
        fresh: dict[ImageId, OldImage] = {}
        each: ImageId | None = top
        while each is not None:
            if each in ids:
                raise self.reject(top, "it is its own ancestor")
            if len(ids) >= MAX_ANCESTRY:
                raise self.reject(top, f"it has more than {MAX_ANCESTRY - 1} ancestors")
            ids.append(each)
            if each in self._parents:
                each = self._parents[each]
            else:
                fresh[each] = await self._read(each)
                each = fresh[each].parent
        for image_id, image in fresh.items():
            wanted = tuple(ids[ids.index(image_id) :])
            if image.ancestry is not None and image.ancestry != wanted:
                raise self.reject(image_id, "its ancestry is not that of its parents")
        return ids[::-1], fresh

    async def _read(self, image_id: ImageId) -> OldImage:
        if image_id in self._bad:
            raise Damaged(f"the image {image_id}: {self._bad[image_id]}")
        try:
            return await self._tree.image(image_id)
        except Damaged as error:
            raise self.reject(image_id, str(error)) from None
