"""Find out all about a layer of version 1 while it comes, and whether it is right."""

from typing import Final

from txregistry.client.upstreams.interfaces import FetchedImage, UpstreamWrong
from txregistry.model.checksums import SimpleChecksum, TarSum
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
_REFUSED: Final = frozenset({Compression.ZSTD})
"""No engine of version 1 makes it, and each layer would take its window's memory."""


class LayerProof:
    """Hash a layer in all ways that an upstream gives checksums for.

    Where it gives none, the layer must be an archive to its end: some upstreams are
    mirrors, and mirrors kept what was cut off.

    Args:
        name: What the upstream is called.
        image: Whose layer it is.
    """

    def __init__(self, name: str, image: FetchedImage) -> None:
        self._name = name
        self._size = image.size
        self._wanted = tuple(map(str, image.checksums))
        self._hashing = LayerHash(_UNPACKED, _REFUSED)
        self._simple = SimpleChecksum(image.json)
        self._needs_tarsum = any(each.is_tarsum for each in image.checksums)
        self._tarsum: TarSum | None = None
        if self._needs_tarsum or not image.checksums:
            self._tarsum = TarSum(image.json)

    def update(self, data: bytes) -> None:
        """Take more of the layer in. It takes its time: call it in a thread.

        Raises:
            UpstreamWrong: it is none.
        """
        try:
            self._simple.update(data)
            self._hashing.update(data)
            if self._tarsum is not None:
                self._tarsum.update(data)
        except TooManyEntries:
            if self._needs_tarsum:
                raise self._wrong("has too many entries for its TarSum") from None
            self._tarsum = None
        except ValueError as error:
            raise self._explain(error) from None

    def finish(self) -> tuple[Layer, tuple[str, ...]]:
        """Say what the layer is.

        Returns:
            The layer, and all its checksums that were verified; the simple one first.

        Raises:
            UpstreamWrong: it is none, or not what the upstream says of it.
        """
        found = [str(self._simple)]
        try:
            layer = self._hashing.finish()
            if not layer.size:
                raise self._wrong("is empty")
            if self._tarsum is not None:
                found.append(self._tarsum.finish())
        except ValueError as error:
            raise self._explain(error) from None
        if self._size not in {None, layer.size}:
            raise self._wrong("has another size than it should")
        if not set(self._wanted) <= set(found):
            raise self._wrong("does not come to its checksum")
        return layer, tuple(dict.fromkeys([found[0], *self._wanted]))

    def _explain(self, error: ValueError) -> UpstreamWrong:
        if isinstance(error, CompressionRefused):
            return self._wrong("is packed in a way that no engine reads")
        if isinstance(error, CompressionInvalid):
            return self._wrong("is cut off or damaged: it cannot be unpacked")
        if isinstance(error, UnpackedTooLarge):
            return self._wrong("unpacks to more than any image")
        if isinstance(error, TarInvalid):
            return self._wrong("is no tar archive, or one that is cut off")
        raise error

    def _wrong(self, what: str) -> UpstreamWrong:
        return UpstreamWrong(self._name, f"gives a layer that {what}")
