"""What the images of an OCI layout are called, as its index says it.

Source: OCI image-spec 1.1, "Image Layout", for ``org.opencontainers.image.ref.name``;
containerd, and docker after it, for ``io.containerd.image.name``. Tools agree on
nothing more: skopeo writes a tag there or whatever it is told, docker a tag, containerd
names in full.
"""

import re
from typing import Final

from txregistry.model.errors import NameInvalid, TagInvalid
from txregistry.model.names import RepositoryName, Tag

REF_NAME: Final = "org.opencontainers.image.ref.name"
IMAGE_NAME: Final = "io.containerd.image.name"
NAMELESS: Final = RepositoryName("image")
"""Where an image goes for which there is no name at all."""

_HOST: Final = re.compile(
    r"localhost|(?=[^/]*[.:])"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?",
    re.ASCII,
)
_COMPONENT: Final = r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*"
_REF_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_LONGEST: Final = 512
_HUB: Final = "docker.io/"
_LIBRARY: Final = "library/"


def annotate(name: RepositoryName, tag: Tag, image_name: str) -> dict[str, str]:
    """Give the annotations that name an image.

    Args:
        name: Its repository.
        tag: Its tag.
        image_name: Its name in full, for `IMAGE_NAME`.

    Returns:
        The annotations; some names, such as ``a__b``, cannot stand in `REF_NAME`.
    """
    found = {IMAGE_NAME: image_name}
    ref_name = f"{name}:{tag}"
    if _REF_NAME.fullmatch(ref_name) is not None:
        found[REF_NAME] = ref_name
    return found


def name_image(
    ref_name: str | None, image_name: str | None, default: RepositoryName
) -> tuple[RepositoryName, Tag | None]:
    """Say in which repository an image is, and by which tag.

    What the first annotation says counts if it names a repository, and is taken as it
    is; else what the second one says, without the host's name. ``docker.io/`` and its
    ``library/`` are left out of either.

    Args:
        ref_name: The annotation `REF_NAME`.
        image_name: The annotation `IMAGE_NAME`.
        default: The repository of images that have no more than a tag.

    Returns:
        The repository, and the tag; None where the image is had by its digest alone.
    """
    if ref_name is not None and ("/" in ref_name or ":" in ref_name):
        found = _split(ref_name)
        if found is not None:
            return found
    if image_name is not None:
        found = _split(_without_host(image_name))
        if found is not None:
            return found
    return default, None if ref_name is None else _tag(ref_name)


def name_after_folder(folder: str) -> RepositoryName:
    """Name the repository of a layout's images after the folder that it lies in."""
    try:
        return RepositoryName.parse(folder.lower())
    except NameInvalid:
        return NAMELESS


def _split(text: str) -> tuple[RepositoryName, Tag | None] | None:
    """Read ``name``, ``name:tag`` or ``name@digest``; None where it is neither."""
    if len(text) > _LONGEST:
        return None
    place = text.removeprefix(_HUB)
    if place != text:
        place = place.removeprefix(_LIBRARY)
    place, at, _ = place.partition("@")
    head, slash, last = place.rpartition("/")
    last, colon, tag_text = last.partition(":")
    try:
        name = RepositoryName.parse(head + slash + last)
    except NameInvalid:
        # A host's name with a port is no part of a repository's.
        rest = _without_host(text)
        return None if rest == text else _split(rest)
    tag = _tag(tag_text) if colon else None
    if colon and tag is None and not at:
        return None
    return name, tag


def _without_host(text: str) -> str:
    """Leave out the host, but for that which `_split` knows."""
    first, slash, rest = text.partition("/")
    is_host = _HOST.fullmatch(first) is not None and f"{first}/" != _HUB
    return rest if slash and is_host else text


def _tag(text: str) -> Tag | None:
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None
