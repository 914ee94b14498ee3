"""The images of an archive, as its documents name them."""

from dataclasses import dataclass
from typing import Final

from txregistry.model.descriptors import Descriptor
from txregistry.model.errors import TagInvalid
from txregistry.model.names import Tag

_LONGEST: Final = 512
_INDEX: Final = "docker.io/"
_LIBRARY: Final = "library/"


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image, or an index of several, that an archive has.

    Attributes:
        descriptor: Of its manifest.
        names: What the archive calls it: names with tags, or tags alone.
    """

    descriptor: Descriptor
    names: tuple[str, ...] = ()

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags in its names, each once."""
        found = (tag_of(name) for name in self.names)
        return tuple(dict.fromkeys(tag for tag in found if tag is not None))

    def is_called(self, text: str) -> bool:
        """Say whether it has a name, a tag or a digest.

        Names may be spelled in full or in short: ``docker.io/library/app:1`` is
        ``app:1``.
        """
        known = {*map(_short, self.names), *map(str, self.tags)}
        return _short(text) in known or text == str(self.descriptor.digest)


def tag_of(name: str) -> Tag | None:
    """Give the tag in the name of an image; None where it has none."""
    base = name.partition("@")[0]
    last = base.rpartition("/")[2]
    place, colon, text = last.partition(":")
    if not colon:
        text = "" if "/" in base else place
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None


def _short(name: str) -> str:
    return name.removeprefix(_INDEX).removeprefix(_LIBRARY)


def merge(found: list[ArchivedImage]) -> tuple[ArchivedImage, ...]:
    """Let each image be there once, with all its names that can be shown."""
    merged: dict[Descriptor, dict[str, None]] = {}
    for image in found:
        its = image.descriptor
        key = Descriptor(its.media_type, its.digest, its.size)
        names = merged.setdefault(key, {})
        names.update(
            dict.fromkeys(
                name
                for name in image.names
                if name and len(name) <= _LONGEST and name.isprintable()
            )
        )
    return tuple(ArchivedImage(each, tuple(names)) for each, names in merged.items())
