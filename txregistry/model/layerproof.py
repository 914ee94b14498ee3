"""Find out all about a layer of version 1 while it passes, and whether it is right."""

from collections.abc import Collection, Sequence
from typing import Final

from txregistry.model.checksums import Checksum, SimpleChecksum, TarSum
from txregistry.model.compression import (
    Compression,
    CompressionInvalid,
    CompressionRefused,
    Layer,
    LayerHash,
    UnpackedTooLarge,
)
from txregistry.model.tarballs import TarInvalid, TooManyEntries

_UNPACKED: Final = 64 * 1024 * 1024 * 1024
"""Bytes of a layer, unpacked: beyond, it is a bomb and no layer."""


class LayerWrong(ValueError):
    """A layer is not what it should be; the text goes on after "the layer"."""


class LayerProof:
    """Hash a layer in all ways that its image asks for.

    Where an image has no checksum, the layer must be an archive to its end: mirrors
    kept what was cut off.

    Args:
        json: The JSON of its image.
        checksums: What it must come to.
        size: Its bytes; None where nobody knows.
        refused: Compressions that are not taken.
    """

    def __init__(
        self,
        json: bytes,
        checksums: Sequence[Checksum],
        size: int | None,
        refused: Collection[Compression] = (),
    ) -> None:
        self._wanted = tuple(map(str, checksums))
        self._size = size
        self._hashing = LayerHash(_UNPACKED, frozenset(refused))
        self._simple = SimpleChecksum(json)
        self._needs_tarsum = any(each.is_tarsum for each in checksums)
        self._tarsum: TarSum | None = None
        if self._needs_tarsum or not checksums:
            self._tarsum = TarSum(json)

    def update(self, data: bytes) -> None:
        """Take more of the layer in. It takes its time: call it in a thread.

        Raises:
            LayerWrong: it is none.
        """
        try:
            self._simple.update(data)
            self._hashing.update(data)
            if self._tarsum is not None:
                self._tarsum.update(data)
        except TooManyEntries:
            if self._needs_tarsum:
                what = "has too many entries for its TarSum"
                raise LayerWrong(what) from None
            self._tarsum = None
        except ValueError as error:
            raise _explain(error) from None

    def finish(self) -> tuple[Layer, tuple[str, ...]]:
        """Say what the layer is.

        Returns:
            The layer, and all its checksums that were verified; the simple one first.

        Raises:
            LayerWrong: it is none, or not what is said of it.
        """
        found = [str(self._simple)]
        try:
            layer = self._hashing.finish()
            if self._tarsum is not None:
                found.append(self._tarsum.finish())
        except ValueError as error:
            raise _explain(error) from None
        if self._size not in {None, layer.size}:
            raise LayerWrong("has another size than it should")
        for wanted in self._wanted:
            if wanted not in found:
                raise LayerWrong(f"does not come to its checksum {wanted}")
        return layer, tuple(dict.fromkeys([found[0], *self._wanted]))


def _explain(error: ValueError) -> ValueError:
    if isinstance(error, CompressionRefused):
        return LayerWrong("is packed in a way that no engine reads")
    if isinstance(error, CompressionInvalid):
        return LayerWrong("is cut off or damaged: it cannot be unpacked")
    if isinstance(error, UnpackedTooLarge):
        return LayerWrong("unpacks to more than any image")
    if isinstance(error, TarInvalid):
        return LayerWrong("is no tar archive, or one that is cut off")
    return error
