"""Where everything lies in a folder that a plain web server serves.

Source: OCI image-spec 1.1, "Image Layout", for ``oci-layout``, ``index.json`` and
``blobs/``, where all content is; Docker Registry API v1, "Static export", for ``v1/``;
OCI Distribution 1.1, "API", for ``v2/``. A server has to be told the type of each
manifest, and knows no more of a file than its path: so that of a manifest names its
type. No repository has a component that begins with ``_``.
"""

from typing import Final

from txregistry.model.descriptors import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
)
from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag

LAYOUT: Final = "oci-layout"
INDEX: Final = "index.json"
BLOBS: Final = "blobs"
VERSION1: Final = "v1"
VERSION2: Final = "v2"
MANIFESTS: Final = "_manifests"
VERSION: Final = f"{VERSION2}/_version.json"
"""What is answered to ``GET /v2/``."""
CATALOG: Final = f"{VERSION2}/_catalog"
PING: Final = f"{VERSION1}/_ping"
TYPES: Final = {
    OCI_INDEX: "oci-index",
    OCI_MANIFEST: "oci-manifest",
    DOCKER_LIST: "docker-list",
    DOCKER_MANIFEST: "docker-manifest",
}
"""What the types of manifests are called in paths."""

_LIBRARY: Final = "library/"
_OF_VERSION1: Final = frozenset({"images", "tags"})
"""Components of names that would be in the way of version 1's own files."""
_LIST: Final = "/tags/list/"


def content(digest: Digest) -> str:
    """Place the bytes of a blob, or a manifest."""
    return f"{BLOBS}/{digest.algorithm}/{digest.encoded}"


def blob(name: RepositoryName, digest: Digest) -> str:
    """Place a blob of a repository."""
    return f"{VERSION2}/{name}/blobs/{digest}"


def manifest(name: RepositoryName, media_type: str, reference: Reference) -> str:
    """Place a manifest, by its tag or its digest."""
    return f"{VERSION2}/{name}/{MANIFESTS}/{TYPES[media_type]}/{reference}"


def tags_list(name: RepositoryName) -> str:
    """Place the list of a repository's tags."""
    return f"{VERSION2}/{name}/tags/list"


def image(image_id: ImageId, part: str) -> str:
    """Place part of an image of version 1: ``json``, ``layer`` or ``ancestry``."""
    return f"{VERSION1}/images/{image_id}/{part}"


def images_list(name: str) -> str:
    """Place the list of a repository's images, by one of its names."""
    return f"{VERSION1}/repositories/{name}/images"


def image_tag(name: str, tag: Tag) -> str:
    """Place the image that a tag names, by one of the repository's names."""
    return f"{VERSION1}/repositories/{name}/tags/{tag}"


def image_tags(name: str) -> str:
    """Place the images that all tags name, by one of the repository's names."""
    return f"{VERSION1}/repositories/{name}/tags/{_DIRECTORY}"


def is_hidden(tag: Tag) -> bool:
    """Say whether a tag would be in the way of the list of tags."""
    return str(tag) == _DIRECTORY


def spellings(name: RepositoryName) -> tuple[str, ...]:
    """Give the names that version 1 has for a repository: ``solo``, and that in full.

    Returns:
        The names; none where version 1's files would be in each other's way.
    """
    short = name.text.removeprefix(_LIBRARY)
    if _OF_VERSION1 & {*name.text.split("/")}:
        return ()
    return (name.text,) if "/" in short else (short, _LIBRARY + short)


def clashes(name: RepositoryName) -> bool:
    """Say whether a name is in the way of another repository's list of tags."""
    return _LIST in f"/{name}/"


def order(place: str) -> int:
    """Say when a file may be removed: what leads to others goes before them.

    Lists are 0, tags 1, manifests 2, what these name 3, and all content 4.
    """
    top, _, rest = place.partition("/")
    folder, _, last = rest.rpartition("/")
    if top == BLOBS:
        return 4
    if top == VERSION1:
        if folder.startswith("images/"):
            return 3
        return int(folder.endswith("/tags") and last != _DIRECTORY)
    if f"/{MANIFESTS}/" in folder:
        return 2 if ":" in last else 1
    return 3 if folder.endswith("/blobs") else 0


_DIRECTORY: Final = "index.html"
"""What servers answer to who asks for a folder."""
