"""What quotas count: content that repositories hold, and tags."""

from dataclasses import dataclass, replace

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.quotas.counts import Usage
from txregistry.storage import keys
from txregistry.storage.interfaces import Key
from txregistry.storage.kinds import Kind, Link, TagLink


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a repository may have.

    Attributes:
        name: What it is called, the same in all repositories that share it.
        place: Where it is linked to.
        usage: What it takes.
        stored: Under what it is stored, which others may have; None for a tag.
    """

    name: str
    place: Key
    usage: Usage
    stored: Digest | None = None

    def weighing(self, size: int) -> "Thing":
        """Give the same, of another size."""
        return replace(self, usage=Usage(size, self.usage.tags))


def blob_of(name: RepositoryName, stored: Digest, size: int = 0) -> Thing:
    """Make a thing of a blob."""
    return Thing(str(stored), keys.layer_link(name, stored), Usage(size), stored)


def manifest_of(name: RepositoryName, stored: Digest, size: int = 0) -> Thing:
    """Make a thing of a manifest."""
    return Thing(str(stored), keys.revision_link(name, stored), Usage(size), stored)


def tag_of(name: RepositoryName, tag: Tag) -> Thing:
    """Make a thing of a tag."""
    return Thing(f"{name}:{tag}", keys.tag_link(name, tag), Usage(0, 1))


def thing_at(kind: Kind | None) -> tuple[RepositoryName, Thing] | None:
    """Say what a key is about, and of which repository; None where it counts nowhere.

    A link with another name than that under which its content is stored stands beside
    one with that.
    """
    match kind:
        case Link(name, "layer", digest) if digest.algorithm == CANONICAL:
            return name, blob_of(name, digest)
        case Link(name, "revision", digest) if digest.algorithm == CANONICAL:
            return name, manifest_of(name, digest)
        case TagLink(name, tag):
            return name, tag_of(name, tag)
        case _:
            return None
