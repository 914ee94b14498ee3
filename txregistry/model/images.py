"""Version 1's images: their ids, their JSON and their ancestry.

Source: Docker Registry API v1, "Images". The texts of refusals are those of the
original server; who pushes an image reads them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from txregistry.model import gojson
from txregistry.model.errors import ImageIdInvalid, ImageInvalid

MAX_JSON: Final = 1024 * 1024
"""Bytes of an image's JSON; whoever reads them from a request sees to it."""

MAX_ANCESTRY: Final = 127
"""Images from a top image to its base, both included: engines mount no more layers."""

_FULL: Final = 64
_ID: Final = re.compile(r"[0-9a-f]{64}|[0-9a-f]{16}", re.ASCII)
_KEYS: Final = ("id", "parent")
_MOST_VALUES: Final = 30_000
"""Values in an image's JSON; as many as fit into it would keep a processor busy."""


@dataclass(frozen=True, slots=True, order=True)
class ImageId:
    """What an image is called by who made it: no hash of its content."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "ImageId":
        """Read an id.

        Raises:
            ImageIdInvalid: it is neither 64 lower-case hexadecimal digits, nor 16 as in
                a few base images of 2013.
        """
        if _ID.fullmatch(text) is None:
            raise ImageIdInvalid
        return cls(text)

    @property
    def is_writable(self) -> bool:
        """Whether an image may still be pushed under it: it has 64 digits."""
        return len(self.text) == _FULL

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ImageDocument:
    """What an image's JSON says, as far as a registry minds it."""

    image_id: ImageId
    parent: ImageId | None


def parse_image_json(data: bytes, image_id: ImageId) -> ImageDocument:
    """Read an image's JSON.

    Engines match the names of members whatever their case, and take the last of
    several: a document in which they could find another id or parent than we do is
    refused.

    Args:
        data: The document, of at most ``MAX_JSON`` bytes.
        image_id: The id under which it was pushed.

    Raises:
        ImageInvalid: it is no image's, or not that image's.
    """
    if data.count(b",") + data.count(b"[") + data.count(b"{") > _MOST_VALUES:
        raise ImageInvalid("Invalid JSON")
    try:
        document = gojson.read(data)
    except ValueError as error:
        raise ImageInvalid("Invalid JSON") from error
    if not isinstance(document, dict) or not document:
        raise ImageInvalid("Invalid JSON")
    if any(name.lower() in _KEYS and name not in _KEYS for name in document):
        raise ImageInvalid("Invalid JSON")
    if "id" not in document:
        raise ImageInvalid("Missing key `id' in JSON")
    if document["id"] != image_id.text:
        raise ImageInvalid("JSON data contains invalid id")
    return ImageDocument(image_id, _parent(document.get("parent"), image_id))


def check_ancestry(
    image_id: ImageId, parent_ancestry: Sequence[ImageId]
) -> tuple[ImageId, ...]:
    """Put an image on top of its parent.

    Args:
        image_id: The image.
        parent_ancestry: Its parent first, the base last; empty if it is a base itself.

    Returns:
        The image's own ancestry: the image first, the base last.

    Raises:
        ImageInvalid: it would be its own ancestor, or the images would be too many.
    """
    ancestry = (image_id, *parent_ancestry)
    if len(ancestry) > MAX_ANCESTRY:
        raise ImageInvalid(f"Image has more than {MAX_ANCESTRY - 1} ancestors")
    if len(set(ancestry)) != len(ancestry):
        raise ImageInvalid("Image is its own ancestor")
    return ancestry


def _parent(found: gojson.Value, image_id: ImageId) -> ImageId | None:
    if found is None or found == "":
        return None
    if not isinstance(found, str) or found == image_id.text:
        raise ImageInvalid("JSON data contains an invalid parent")
    try:
        return ImageId.parse(found)
    except ImageIdInvalid as error:
        raise ImageInvalid("JSON data contains an invalid parent") from error
