"""What of an index goes into an archive."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.model.descriptors import IMAGES, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid, ManifestUnknown
from txregistry.model.manifests import Manifest
from txregistry.model.schema2 import choose_platform
from txregistry.registry.manifests import StoredManifest
from txregistry.registry.mirror.platforms import Platforms

_ABOUT: Final = "vnd.docker.reference.digest"
"""The annotation by which an attestation names its image."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A manifest that goes into an archive.

    Attributes:
        descriptor: What it is.
        data: Its bytes.
        is_new: Whether it was made here; else the repository has it.
        only_child: The one manifest that was left of an index; it can be taken instead.
    """

    descriptor: Descriptor
    data: bytes
    is_new: bool = False
    only_child: Descriptor | None = None

    @classmethod
    def of(cls, found: StoredManifest) -> "Selected":
        """Take a manifest as it is."""
        return cls(Descriptor(found.media_type, found.digest, found.size), found.data)


def select(found: StoredManifest, platforms: Platforms) -> Selected:
    """Leave out of an index what is not wanted.

    An index of which some are wanted becomes another, with another digest.

    Raises:
        ManifestUnknown: none is wanted.
        ManifestInvalid: what it says of platforms cannot be read.
    """
    manifest = found.parse()
    if not manifest.is_index:
        return Selected.of(found)
    members = platforms.choose(found.data, manifest)
    if members.none:
        listed = ", ".join(platforms.texts)
        raise ManifestUnknown(f"The image is for none of these platforms: {listed}.")
    wanted = set(members.digests)
    wanted.update(
        child.digest for child in manifest.children if _is_about(child, members.digests)
    )
    if wanted.issuperset(child.digest for child in manifest.children):
        return Selected.of(found)
    document = msgspec.json.decode(found.data, type=dict[str, msgspec.Raw])
    kept = [
        (text, child)
        for text, child in zip(
            msgspec.json.decode(document["manifests"], type=list[msgspec.Raw]),
            manifest.children,
            strict=True,
        )
        if child.digest in wanted
    ]
    texts = msgspec.json.encode([text for text, _ in kept])
    data = msgspec.json.encode({**document, "manifests": msgspec.Raw(texts)})
    return Selected(
        Descriptor(found.media_type, Digest.of(data), len(data)),
        data,
        is_new=True,
        only_child=kept[0][1] if len(kept) == 1 else None,
    )


def engine_child(data: bytes, manifest: Manifest, engine: str) -> Descriptor | None:
    """Give the member of an index that docker is to load; None where it has none.

    Args:
        data: The index.
        manifest: The same, as it was read.
        engine: The platform that is preferred; the first image is next.
    """
    os, _, architecture = engine.partition("/")
    chosen = None
    with suppress(ManifestInvalid):  # what it says of platforms cannot be read
        chosen = choose_platform(data, os, architecture.partition("/")[0])
    images = [each for each in manifest.children if each.media_type in IMAGES]
    preferred = [each for each in images if each.digest == chosen]
    return next(iter(preferred or images), None)


def _is_about(child: Descriptor, digests: tuple[Digest, ...]) -> bool:
    return child.annotations.get(_ABOUT) in set(map(str, digests))
