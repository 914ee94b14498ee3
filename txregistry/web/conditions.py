"""What a request makes its answer depend on: entity tags, ranges, media types.

The digest is the entity tag. Source: RFC 9110, sections 12.5.1, 13 and 14.
"""

from functools import lru_cache
from typing import Final

from txregistry.model.digest import Digest
from txregistry.web.request import RegistryRequest

_WILD: Final = frozenset({"*/*", "application/*"})
_MOST_TYPES: Final = 4096
_FOREVER: Final = b"max-age=31536000, immutable"


def accepted_types(request: RegistryRequest) -> frozenset[str]:
    """Give the media types that ``Accept`` lists; none where it leaves the choice."""
    values = request.requestHeaders.getRawHeaders(b"accept")
    if not values:
        return frozenset()
    return _types(b",".join(values)[:_MOST_TYPES])


@lru_cache(maxsize=256)
def _types(accept: bytes) -> frozenset[str]:
    """Read what clients of one kind always say."""
    text = accept.decode("latin-1").lower()
    types = frozenset(each.partition(";")[0].strip() for each in text.split(","))
    return frozenset() if types & _WILD else types


def is_unchanged(request: RegistryRequest, digest: Digest) -> bool:
    """Say whether ``If-None-Match`` names what would be sent."""
    values = request.requestHeaders.getRawHeaders(b"if-none-match")
    if not values:
        return False
    tags = [tag.strip() for value in values for tag in value.split(b",")]
    return b"*" in tags or any(_names(tag, digest) for tag in tags)


def wants_range(request: RegistryRequest, digest: Digest) -> str | None:
    """Give the ``Range`` asked for, unless ``If-Range`` is of something else."""
    wanted = request.header(b"range")
    if wanted is None or request.method != b"GET":
        return None
    condition = request.requestHeaders.getRawHeaders(b"if-range")
    if condition and not _names(condition[0].strip(), digest):
        return None
    return wanted


def _names(tag: bytes, digest: Digest) -> bool:
    """Compare an entity tag, weak, quoted or bare."""
    return tag.removeprefix(b"W/").strip(b'"') == str(digest).encode()


def describe(request: RegistryRequest, digest: Digest, *, forever: bool) -> None:
    """Say what an answer is, how long it may be kept, and by whom.

    What another registry lets somebody have is for nobody else.

    Args:
        request: The request.
        digest: Names the content.
        forever: Whether the same request always has the same answer.
    """
    headers = request.responseHeaders
    name = str(digest).encode()
    headers.put(b"Docker-Content-Digest", name)
    headers.put(b"ETag", b'"%b"' % name)
    told = _FOREVER if forever else b"no-cache"
    headers.put(
        b"Cache-Control", told if request.passed is None else b"private, " + told
    )
