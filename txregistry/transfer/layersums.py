"""Find out all about an old layer while it passes, and whether it is right."""

from typing import Final

from txregistry.model.checksums import SimpleChecksum, TarSum
from txregistry.model.compression import (
    CompressionInvalid,
    Layer,
    LayerHash,
    UnpackedTooLarge,
)
from txregistry.model.tarballs import TarInvalid, TooManyEntries
from txregistry.transfer.damage import Damaged
from txregistry.transfer.oldtree import OldImage

_UNPACKED: Final = 64 * 1024 * 1024 * 1024
"""Bytes of a layer, unpacked: beyond, it is a bomb and no layer."""


class LayerSums:
    """Hash a layer in all ways that its image asks for.

    Where an image has no checksum, the layer must be an archive to its end: mirrors
    kept what was cut off.

    Args:
        image: Whose layer it is.
    """

    def __init__(self, image: OldImage) -> None:
        self._wanted = tuple(map(str, image.checksums))
        self._size = image.layer.size
        self._hashing = LayerHash(_UNPACKED)
        self._simple = SimpleChecksum(image.json)
        self._needs_tarsum = any(each.is_tarsum for each in image.checksums)
        self._tarsum: TarSum | None = None
        if self._needs_tarsum or not image.checksums:
            self._tarsum = TarSum(image.json)

    def update(self, data: bytes) -> None:
        """Take more of the layer in. It takes its time: call it in a thread.

        Raises:
            Damaged: it is none.
        """
        try:
            self._simple.update(data)
            self._hashing.update(data)
            if self._tarsum is not None:
                self._tarsum.update(data)
        except TooManyEntries:
            self._count_no_more()
        except ValueError as error:
            raise _explain(error) from None

    def finish(self) -> tuple[Layer, tuple[str, ...]]:
        """Say what the layer is.

        Returns:
            The layer, and all its checksums that were verified; the simple one first.

        Raises:
            Damaged: it is none, or not what its image says.
        """
        found = [str(self._simple)]
        try:
            layer = self._hashing.finish()
            if self._tarsum is not None:
                found.append(self._tarsum.finish())
        except ValueError as error:
            raise _explain(error) from None
        if layer.size != self._size:
            raise Damaged("its layer changed while it was read")
        for wanted in self._wanted:
            if wanted not in found:
                raise Damaged(f"its layer does not come to its checksum {wanted}")
        return layer, tuple(dict.fromkeys([found[0], *self._wanted]))

    def _count_no_more(self) -> None:
        if self._needs_tarsum:
            raise Damaged("its layer has too many entries for its TarSum") from None
        self._tarsum = None


def _explain(error: ValueError) -> Damaged:
    if isinstance(error, CompressionInvalid):
        return Damaged("its layer is cut off or damaged: it cannot be unpacked")
    if isinstance(error, UnpackedTooLarge):
        return Damaged("its layer unpacks to more than any image")
    if isinstance(error, TarInvalid):
        return Damaged("its layer is no tar archive, or one that is cut off")
    raise error
