"""Images to push: small, made from a name alone, and real enough to be unpacked."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

ARCHITECTURES = ("amd64", "arm64")


def digest_of(data: bytes) -> str:
    """Name bytes by their sha256, as descriptors do."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True)
class Content:
    """Bytes with a media type: a layer, a config or a manifest."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """What the bytes are called."""
        return digest_of(self.data)

    def descriptor(self, **more: Any) -> dict[str, Any]:
        """Point at the bytes from a manifest."""
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.data),
            **more,
        }


@dataclass(frozen=True)
class Image:
    """An image for one platform."""

    manifest: Content
    config: Content
    layers: tuple[Content, ...]
    architecture: str

    @property
    def digest(self) -> str:
        """What the manifest is called."""
        return self.manifest.digest

    @property
    def blobs(self) -> tuple[Content, ...]:
        """What has to be there before the manifest."""
        return (*self.layers, self.config)

    @property
    def manifests(self) -> tuple[Content, ...]:
        """The manifest."""
        return (self.manifest,)

    @property
    def tars(self) -> tuple[bytes, ...]:
        """The layers as they are unpacked."""
        return tuple(gzip.decompress(layer.data) for layer in self.layers)


@dataclass(frozen=True)
class Index:
    """An image for several platforms."""

    manifest: Content
    images: tuple[Image, ...]

    @property
    def digest(self) -> str:
        """What the index is called."""
        return self.manifest.digest

    @property
    def blobs(self) -> tuple[Content, ...]:
        """What has to be there before the manifests."""
        return tuple(blob for image in self.images for blob in image.blobs)

    @property
    def manifests(self) -> tuple[Content, ...]:
        """The manifests, and at last the index, which is refused before them."""
        return (*(image.manifest for image in self.images), self.manifest)


def contents_of(target: Image | Index) -> dict[str, bytes]:
    """All that belongs to an image, by digest."""
    return {
        content.digest: content.data for content in (*target.blobs, *target.manifests)
    }


def make_image(
    name: str, architecture: str = ARCHITECTURES[0], *, docker: bool = False
) -> Image:
    """Make an image that no other name or architecture shares a byte of config with.

    Args:
        name: decides about everything in the image.
        architecture: the platform, which is always Linux.
        docker: whether the media types are those of Docker's schema 2.
    """
    tars = [_make_tar(f"{name}/{part}") for part in ("base", "code", "data")]
    media_type = DOCKER_LAYER if docker else OCI_LAYER
    layers = tuple(Content(media_type, gzip.compress(tar, mtime=0)) for tar in tars)
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "2001-02-03T04:05:06Z",
        "config": {"Cmd": ["/app/run"], "Labels": {"name": name}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        "history": [
            {"created": "2001-02-03T04:05:06Z", "created_by": "tests"} for _ in tars
        ],
    }
    config_content = _document(DOCKER_CONFIG if docker else OCI_CONFIG, config)
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config_content.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
    }
    return Image(
        manifest=_document(media_type, manifest),
        config=config_content,
        layers=layers,
        architecture=architecture,
    )


def make_index(name: str, *, docker: bool = False) -> Index:
    """Make an image of two platforms; the arguments are those of `make_image`."""
    images = tuple(
        make_image(f"{name}/{architecture}", architecture, docker=docker)
        for architecture in ARCHITECTURES
    )
    media_type = DOCKER_LIST if docker else OCI_INDEX
    index = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [
            image.manifest.descriptor(
                platform={"architecture": image.architecture, "os": "linux"}
            )
            for image in images
        ],
    }
    return Index(manifest=_document(media_type, index), images=images)


def write_layout(directory: Path, targets: Mapping[str, Image | Index]) -> None:
    """Write an OCI image layout, each image under its tag."""
    for target in targets.values():
        for digest, data in contents_of(target).items():
            algorithm, encoded = digest.split(":")
            path = directory / "blobs" / algorithm / encoded
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    index = {
        "schemaVersion": 2,
        "manifests": [
            target.manifest.descriptor(
                annotations={"org.opencontainers.image.ref.name": tag}
            )
            for tag, target in targets.items()
        ],
    }
    (directory / "index.json").write_text(json.dumps(index))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def read_layout(directory: Path) -> dict[str, bytes]:
    """Read all that an OCI image layout holds, by digest."""
    return {
        f"{path.parent.name}:{path.name}": path.read_bytes()
        for path in (directory / "blobs").glob("*/*")
    }


def write_archive(path: Path, image: Image, name: str) -> None:
    """Write what ``docker save`` writes, so that engines can load an image."""
    layers = {f"{number}/layer.tar": tar for number, tar in enumerate(image.tars)}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": list(layers)}]
    files = {
        "manifest.json": json.dumps(manifest).encode(),
        "config.json": image.config.data,
        **layers,
    }
    path.write_bytes(_pack(files.items()))


def _document(media_type: str, document: Mapping[str, Any]) -> Content:
    return Content(media_type, json.dumps(document, indent=3).encode())


def _make_tar(name: str) -> bytes:
    """Make a file system layer: files of several sizes, one with a long odd name."""
    noise = hashlib.shake_256(name.encode())
    part = name.rpartition("/")[2]
    files = {
        f"app/{part}.txt": f"This is {name}.\n".encode(),
        f"app/{part}.bin": noise.digest(70_000),
        f"app/{part}/{'straße/' * 20}file": noise.digest(100),
        f"app/{part}.empty": b"",
    }
    return _pack(files.items())


def _pack(files: Iterable[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), 0o644, 981173106
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()
