"""Why some content stays."""

from collections.abc import Iterator
from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.collection.contents import Content
from txregistry.registry.collection.interfaces import Kept
from txregistry.registry.images import Image

_MOST: Final = 100
"""Reasons that are told."""


class Reasons:
    """Take note of why some content stays, while a round goes on.

    Args:
        wanted: The content.
    """

    def __init__(self, wanted: Digest) -> None:
        self.wanted = wanted
        self._found: list[str] = []
        self._more = 0

    def look(
        self,
        name: RepositoryName,
        digest: Digest,
        content: Content,
        kept: Kept | None,
    ) -> None:
        """Look whether a manifest that stays is why, or is it itself.

        Args:
            name: Whose manifest it is.
            digest: What it is called there.
            content: What it names.
            kept: What is kept of the repository.
        """
        if digest == self.wanted:
            if kept is None:
                self.add(name, "it is a manifest there, and all manifests stay")
            elif digest in kept.roots:
                self.add(name, "it is a manifest there that a tag or a use keeps")
            else:
                self.add(name, "it is a manifest there that another one keeps")
        data = bytes.fromhex(self.wanted.encoded)
        if data in content.digests() or self.wanted in content.others:
            self.add(name, f"the manifest {digest} names it")

    def look_at_image(self, name: RepositoryName, image: Image) -> None:
        """Look whether an image of version 1 that stays is why."""
        if image.layer.digest == self.wanted:
            self.add(name, f"it is the layer of the image {image.image_id}")

    def add(self, name: RepositoryName, reason: str) -> None:
        """Take a reason that holds in a repository."""
        if len(self._found) < _MOST:
            self._found.append(f"{name}: {reason}")
        else:
            self._more += 1

    def tell(self) -> Iterator[str]:
        """Give all reasons as lines."""
        yield from self._found
        if self._more:
            yield f"and {self._more} reasons more"
        if not self._found:
            yield f"Nothing needs {self.wanted}."
