"""Find out all about some content of an archive while it passes."""

from dataclasses import dataclass

from txregistry.model.compression import (
    Compression,
    CompressionInvalid,
    UnpackedTooLarge,
    Unpacker,
)
from txregistry.model.digest import CANONICAL, Digest, new_hashing


@dataclass(frozen=True, slots=True)
class Found:
    """What some content is.

    Attributes:
        stored: Its digest.
        named: Its digest by the algorithm of its name.
        size: Its bytes.
        diff_id: Digest of what it unpacks to; None where it cannot be unpacked.
        compression: How it is packed.
        is_bomb: Whether it unpacks to more than it may.
    """

    stored: Digest
    named: Digest
    size: int
    diff_id: Digest | None
    compression: Compression
    is_bomb: bool


class ContentSums:
    """Hash content as it is, and what it unpacks to, should it be a layer.

    What cannot be unpacked need not be one, so that is no failure here.

    Args:
        limit: Bytes that it may unpack to.
        algorithm: By which it is named.
        unpacks: Whether it is to be unpacked at all.
    """

    def __init__(
        self, limit: int, algorithm: str = CANONICAL, *, unpacks: bool = True
    ) -> None:
        self._unpacker = Unpacker(limit) if unpacks else None
        self._compression = Compression.NONE
        self._is_bomb = False
        self._size = 0
        self._stored = new_hashing()
        self._named = self._stored if algorithm == CANONICAL else new_hashing(algorithm)
        self._algorithm = algorithm
        self._unpacked = new_hashing()

    def update(self, data: bytes) -> None:
        """Take more of it in. It takes its time: call it in a thread."""
        self._size += len(data)
        self._stored.update(data)
        if self._named is not self._stored:
            self._named.update(data)
        if self._unpacker is None:
            return
        try:
            for piece in self._unpacker.feed(data):
                # What is not packed has one digest, and is hashed once.
                if self._unpacker.compression is not Compression.NONE:
                    self._unpacked.update(piece)
        except (CompressionInvalid, UnpackedTooLarge) as error:
            self._give_up(error)

    def finish(self) -> Found:
        """Say what it is."""
        diff_id = None
        stored = Digest(CANONICAL, self._stored.hexdigest())
        if self._unpacker is not None:
            try:
                self._unpacker.finish()
            except (CompressionInvalid, UnpackedTooLarge) as error:
                self._give_up(error)
        if self._unpacker is not None:
            self._compression = self._unpacker.compression
            packed = self._compression is not Compression.NONE
            diff_id = stored
            if packed:
                diff_id = Digest(CANONICAL, self._unpacked.hexdigest())
        named = Digest(self._algorithm, self._named.hexdigest())
        return Found(
            stored, named, self._size, diff_id, self._compression, self._is_bomb
        )

    def _give_up(self, error: ValueError) -> None:
        self._is_bomb = isinstance(error, UnpackedTooLarge)
        self._unpacker = None
