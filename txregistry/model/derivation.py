"""An image of schema 2 or OCI, in the form of version 1: an image for each layer.

Source: ``distribution/push_v1.go`` and ``image/v1`` of Docker 1.12. Three ways to name
such images have been in use; this registry takes the first, `derive_images`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from txregistry.model import gojson
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid
from txregistry.model.gojson import Value
from txregistry.model.images import MAX_ANCESTRY, ImageId

EMPTY_LAYER: Final = bytes.fromhex(
    "1f8b08000000000000ff621805a360148c5800080000ffff2eafb5ef00040000"
)
"""A layer without content, as engines push it: gzip of 1024 zeros."""

EMPTY_DIFF_ID: Final = Digest.of(bytes(1024))
"""The digest of ``EMPTY_LAYER`` as a plain tar."""

_DROPPED: Final = frozenset({"rootfs", "history", "os.version", "os.features"})
_OURS: Final = frozenset({"id", "parent"})


@dataclass(frozen=True, slots=True)
class DerivedImage:
    """An image of version 1 that nobody pushed.

    Attributes:
        image_id: Its id.
        parent: Its parent's.
        json: Its JSON.
        diff_id: The digest of its layer as a plain tar.
        layer: The layer's place in the manifest, from 0 up; None if the manifest has no
            layers: then it is ``EMPTY_LAYER``.
    """

    image_id: ImageId
    parent: ImageId | None
    json: bytes
    diff_id: Digest
    layer: int | None


def chain_ids(diff_ids: Sequence[Digest]) -> list[Digest]:
    """Name each layer together with all those below it.

    Args:
        diff_ids: The layers as plain tars, the base first.
    """
    chain: list[Digest] = []
    for diff_id in diff_ids:
        below = f"{chain[-1]} {diff_id}".encode() if chain else None
        chain.append(diff_id if below is None else Digest.of(below))
    return chain


def derive_images(config: bytes, config_digest: Digest) -> tuple[DerivedImage, ...]:
    """Derive the images that engines from Docker 1.10 on push to version 1.

    Those below the top are called by their chain id, and say nothing but what they are
    called; the top is called as the image is in version 2, and has its config. How many
    steps its history has does not matter: only the layers do.

    This differs from what those engines do: an ``id`` or ``parent`` that stands in the
    config, in whatever case, never outlives it, and a ``created`` of null is left out,
    for engines before 1.10 cannot read it.

    Args:
        config: The image's config, of the size that manifests may have at most.
        config_digest: Its digest.

    Returns:
        At least one, the base first.

    Raises:
        ManifestInvalid: it is no image's config, or one of more layers than version 1's
            engines mount.
    """
    members, diff_ids = _read(config)
    if len(diff_ids) > MAX_ANCESTRY:
        raise ManifestInvalid(f"The image has more than {MAX_ANCESTRY} layers.")
    ids = [*map(_id, chain_ids(diff_ids)[:-1]), _top_id(config, config_digest)]
    images: list[DerivedImage] = []
    for place, image_id in enumerate(ids):
        parent = ids[place - 1] if place else None
        own = {} if place + 1 < len(ids) else members
        images.append(
            DerivedImage(
                image_id,
                parent,
                _json(own, image_id, parent),
                diff_ids[place] if diff_ids else EMPTY_DIFF_ID,
                place if diff_ids else None,
            )
        )
    return tuple(images)


def schema1_ids(blobs: Sequence[Digest], config: bytes) -> list[ImageId]:
    """Name images as in manifests of schema 1.

    Engines of 1.10 and later made them when a registry refused schema 2, and registries
    when a client asked for schema 1.

    Args:
        blobs: One for each step of the history, the base first and at least one; steps
            that changed nothing have the gzip of 1024 zeros there.
        config: The config, to the byte.
    """
    ids: list[ImageId] = []
    for place, blob in enumerate(blobs):
        named = f"{blob.encoded} {ids[-1] if ids else ''}".encode()
        if place + 1 == len(blobs):
            named += b" " + config
        ids.append(_id(Digest.of(named)))
    return ids


def saved_id(
    image: Mapping[str, bytes], chain_id: Digest, parent: Digest | None
) -> Digest:
    """Name an image as ``docker save`` of 1.10 and later does: its hex is the id.

    Args:
        image: Members of its JSON, each as it is written, without an id: what
            ``conversion.squeeze`` makes of the config for the top image, and of nothing
            but a date for those below it, of which Docker 1.10 to 1.12 took none.
        chain_id: See `chain_ids`.
        parent: What this made of the layer below.
    """
    members = {**image, "layer_id": gojson.encode(str(chain_id))}
    if parent is not None:
        members["parent"] = gojson.encode(str(parent))
    return Digest.of(gojson.write_object(members))


def _read(config: bytes) -> tuple[dict[str, bytes], list[Digest]]:
    try:
        members = gojson.read_object(config)
        rootfs = gojson.read(members.get("rootfs", b"null"))
    except ValueError as error:
        raise ManifestInvalid("The image's config cannot be read.") from error
    if not isinstance(rootfs, Mapping) or rootfs.get("type", "layers") != "layers":
        raise ManifestInvalid("The image's config has no rootfs of layers.")
    return members, _diff_ids(rootfs.get("diff_ids"))


def _diff_ids(found: Value) -> list[Digest]:
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ManifestInvalid(
            "The diff ids in the image's config are no list of texts."
        )
    try:
        return [Digest.parse(each) for each in found]
    except DigestInvalid as error:
        raise ManifestInvalid(
            "A diff id in the image's config is malformed."
        ) from error


def _json(
    members: Mapping[str, bytes], image_id: ImageId, parent: ImageId | None
) -> bytes:
    kept = {
        name: raw
        for name, raw in members.items()
        if name not in _DROPPED
        and name.lower() not in _OURS
        and (name != "created" or raw != b"null")
    }
    kept["id"] = gojson.encode(image_id.text)
    if parent is not None:
        kept["parent"] = gojson.encode(parent.text)
    return gojson.write_object(kept)


def _top_id(config: bytes, digest: Digest) -> ImageId:
    return _id(digest if digest.algorithm == CANONICAL else Digest.of(config))


def _id(digest: Digest) -> ImageId:
    """Call an image by a digest; one that is too long for an id is hashed again."""
    if digest.algorithm != CANONICAL:
        digest = Digest.of(str(digest).encode())
    return ImageId(digest.encoded)
