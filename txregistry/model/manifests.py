"""A parsed manifest: what it points at, and its subject.

Source: OCI image-spec 1.1, "Image Manifest" and "Image Index"; Docker's image manifest
V2, schema 2. The bytes are kept as they came: nothing here writes a manifest again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.model.descriptors import (
    IMAGES,
    INDEXES,
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    Descriptor,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, ManifestInvalid

MAX_SIZE: Final = 4 * 1024 * 1024
"""Bytes in a manifest: what containerd takes back at most."""


class _Descriptor(msgspec.Struct, rename="camel"):
    media_type: str
    digest: str
    size: msgspec.Raw
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


class _Document(msgspec.Struct, rename="camel"):
    schema_version: int
    media_type: str | None = None
    artifact_type: str | None = None
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None
    subject: _Descriptor | None = None
    annotations: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says, as far as a registry minds it.

    Attributes:
        media_type: One of ``descriptors.MANIFESTS``.
        blobs: Config and layers of an image, in this order.
        children: Members of an index.
        subject: What the manifest is about, where it refers to another.
        artifact_type: As the referrers API is to show it, if at all.
        annotations: Likewise.
    """

    media_type: str
    blobs: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None
    annotations: Mapping[str, str]

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests, not layers."""
        return self.media_type in INDEXES


class _Summary(msgspec.Struct, rename="camel"):
    schema_version: int
    media_type: str | None = None
    artifact_type: str | None = None
    config: _Descriptor | None = None
    manifests: msgspec.Raw = msgspec.Raw()
    subject: _Descriptor | None = None
    annotations: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a manifest says of itself: all of it but what it lists.

    Attributes:
        media_type: See `Manifest`, and so are the others.
        subject: What it is about.
        artifact_type: As the referrers API is to show it.
        annotations: Likewise.
    """

    media_type: str
    subject: Descriptor | None
    artifact_type: str | None
    annotations: Mapping[str, str]


_summary_decoder: Final = msgspec.json.Decoder(_Summary)
_decoder: Final = msgspec.json.Decoder(_Document)


def parse_manifest(data: bytes, content_type: str | None) -> Manifest:
    """Read a manifest.

    Args:
        data: Its bytes.
        content_type: The type that came with it, with parameters or without; or None,
            and then the document must tell.

    Raises:
        ManifestInvalid: it is no manifest, or of no type that this registry keeps.
    """
    claimed = _bare(content_type)
    if claimed in SCHEMA1:
        raise ManifestInvalid(
            "Manifests of schema 1 are not accepted; push with a client that speaks "
            "schema 2 or OCI (the Docker engine does from 1.10 on)."
        )
    try:
        document = _decoder.decode(data)
    except RecursionError as error:
        raise ManifestInvalid("The manifest nests too deep.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestInvalid(f"The manifest cannot be read: {error}.") from error
    media_type = _media_type(document, claimed)
    if document.schema_version != 2:  # noqa: PLR2004 - the number is the format's name
        raise ManifestInvalid("The manifest's schemaVersion must be 2.")
    if media_type in IMAGES:
        return _image(document, media_type)
    return _index(document, media_type)


def summarize_manifest(data: bytes) -> Summary:
    """Read what a stored manifest says of itself; its lists may be long.

    Raises:
        ManifestInvalid: it is no manifest, or of no type that this registry keeps.
    """
    try:
        found = _summary_decoder.decode(data)
    except RecursionError as error:
        raise ManifestInvalid("The manifest nests too deep.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestInvalid(f"The manifest cannot be read: {error}.") from error
    media_type = found.media_type
    if media_type is None:
        index = bool(bytes(found.manifests)) and found.config is None
        media_type = OCI_INDEX if index else OCI_MANIFEST
    media_type = media_type.lower()
    if found.schema_version != 2 or media_type not in MANIFESTS:  # noqa: PLR2004
        raise ManifestInvalid("The document is no manifest that this registry keeps.")
    artifact_type = found.artifact_type
    if artifact_type is None and found.config is not None and media_type in IMAGES:
        artifact_type = found.config.media_type
    subject = None
    if found.subject is not None and media_type in {OCI_MANIFEST, OCI_INDEX}:
        subject = _descriptor(found.subject, "subject")
    return Summary(media_type, subject, artifact_type, found.annotations or {})


def _bare(content_type: str | None) -> str | None:
    if content_type is None:
        return None
    return content_type.partition(";")[0].strip().lower() or None


def _media_type(document: _Document, claimed: str | None) -> str:
    inside = document.media_type
    if claimed is None and inside is None:
        if document.manifests is not None and document.config is None:
            return OCI_INDEX
        return OCI_MANIFEST
    media_type = claimed or str(inside).lower()
    if inside is not None and inside.lower() != media_type:
        raise ManifestInvalid(
            f"The manifest says that it is of type {inside[:200]!r}, the request that "
            f"it is of type {media_type[:200]!r}; they must agree."
        )
    if media_type not in MANIFESTS:
        raise ManifestInvalid(
            f"The type {media_type[:200]!r} is none of a manifest; it must be one of: "
            + ", ".join(sorted(MANIFESTS))
            + "."
        )
    return media_type


def _image(document: _Document, media_type: str) -> Manifest:
    if document.config is None or document.layers is None:
        raise ManifestInvalid("An image manifest must have a config and layers.")
    if document.manifests is not None:
        raise ManifestInvalid("An image manifest must not list manifests.")
    config = _descriptor(document.config, "config")
    layers = [
        _descriptor(layer, f"layers[{place}]")
        for place, layer in enumerate(document.layers)
    ]
    return Manifest(
        media_type=media_type,
        blobs=(config, *layers),
        children=(),
        subject=_subject(document, media_type),
        artifact_type=document.artifact_type or config.media_type,
        annotations=document.annotations or {},
    )


def _index(document: _Document, media_type: str) -> Manifest:
    if document.manifests is None:
        raise ManifestInvalid("An image index must list manifests.")
    if document.config is not None or document.layers is not None:
        raise ManifestInvalid("An image index must have neither config nor layers.")
    return Manifest(
        media_type=media_type,
        blobs=(),
        children=tuple(
            _descriptor(child, f"manifests[{place}]")
            for place, child in enumerate(document.manifests)
        ),
        subject=_subject(document, media_type),
        artifact_type=document.artifact_type,
        annotations=document.annotations or {},
    )


def _subject(document: _Document, media_type: str) -> Descriptor | None:
    if document.subject is None or media_type not in {OCI_MANIFEST, OCI_INDEX}:
        return None
    return _descriptor(document.subject, "subject")


def _descriptor(found: _Descriptor, where: str) -> Descriptor:
    try:
        digest = Digest.parse(found.digest)
    except DigestInvalid as error:
        raise ManifestInvalid(
            f"The digest of {where} is malformed: {error.message}",
            {"digest": found.digest[:200]},
        ) from error
    size = _size(found.size)
    if size is None:
        raise ManifestInvalid(f"The size of {where} must be a whole number of bytes.")
    return Descriptor(
        media_type=found.media_type,
        digest=digest,
        size=size,
        artifact_type=found.artifact_type,
        annotations=found.annotations or {},
    )


def _size(raw: msgspec.Raw) -> int | None:
    text = bytes(raw)
    return int(text) if text.isdigit() and len(text) < 20 else None  # noqa: PLR2004
