"""Which images are exported: patterns of repositories, and of their tags."""

from collections.abc import Sequence

from txregistry.auth.patterns import EVERYTHING, Patterns
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.tagpatterns import TagPatterns

_ALL_TAGS = "*"


class Selection:
    """Some images. An image is of them if its name and its tag are of one pattern.

    Args:
        patterns: As text: ``team/**`` for all images of some repositories, or
            ``team/app:1.*`` for those of some tags; none for all there are.

    Raises:
        ValueError: one of them is no pattern.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._pairs = [_parse(text) for text in patterns or (EVERYTHING,)]

    def concerns(self, name: RepositoryName) -> bool:
        """Say whether images of a repository may be of them."""
        return any(names.match(name) for names, _ in self._pairs)

    def match(self, name: RepositoryName, tag: Tag) -> bool:
        """Say whether an image is of them."""
        return any(tags.match(tag) for names, tags in self._pairs if names.match(name))


def _parse(text: str) -> tuple[Patterns, TagPatterns]:
    names, colon, tags = text.partition(":")
    return Patterns([names]), TagPatterns([tags if colon else _ALL_TAGS])
