"""Images of version 1, and of OCI, to push into a registry in memory."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from backports import zstd
from twisted.python.failure import Failure

from tests.registry.case import NAME, RegistryTestCase
from tests.registry.content import CONFIG_TYPE, descriptor, encode
from tests.web.v1.images import BASE, TOP, V1Image, document
from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.model.engines import Engine
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.images import Image
from txregistry.registry.scopes import Scope
from txregistry.streams import BytesReader

__all__ = ["BASE", "TOP", "V1Image", "document"]

T = TypeVar("T")

LATEST: Final = Tag("latest")
ENGINE: Final = Engine("1.5.0", "go1.4.1", "3.13.0", "linux", "amd64")
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"


def tar(**files: str) -> bytes:
    """Make a plain archive of some files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def plain(data: bytes) -> bytes:
    """Leave a layer as it is."""
    return data


def gzipped(data: bytes) -> bytes:
    """Pack a layer with gzip."""
    return gzip.compress(data, mtime=0)


def zstandard(data: bytes) -> bytes:
    """Pack a layer with zstd."""
    return zstd.compress(data)


@dataclass(frozen=True)
class OciImage:
    """An image as it is pushed by version 2."""

    config: bytes
    layers: tuple[bytes, ...]
    manifest: bytes

    @property
    def digest(self) -> Digest:
        """Its manifest's."""
        return Digest.of(self.manifest)

    @property
    def top(self) -> ImageId:
        """What its top image is called by version 1."""
        return ImageId(Digest.of(self.config).encoded)


def oci_image(
    tars: Sequence[bytes],
    pack: Callable[[bytes], bytes] = gzipped,
    details: Mapping[str, object] | None = None,
    **more: object,
) -> OciImage:
    """Make an image of some layers.

    Args:
        tars: The layers as plain archives, the base first.
        pack: How they are packed.
        details: More members of the config.
        more: More members of the manifest.
    """
    config = encode(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"]},
            **(details or {}),
            "rootfs": {
                "type": "layers",
                "diff_ids": [str(Digest.of(each)) for each in tars],
            },
        }
    )
    layers = tuple(map(pack, tars))
    suffix = "" if pack is plain else "+zstd" if pack is zstandard else "+gzip"
    manifest = encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, CONFIG_TYPE),
            "layers": [descriptor(each, LAYER_TYPE + suffix) for each in layers],
            **more,
        }
    )
    return OciImage(config, layers, manifest)


def platforms(media_type: str, **images: OciImage) -> bytes:
    """Make an index of images for some architectures of Linux."""
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": [
                descriptor(
                    image.manifest,
                    OCI_MANIFEST,
                    platform={"architecture": architecture, "os": "linux"},
                )
                for architecture, image in images.items()
            ],
        }
    )


class ImageTestCase(RegistryTestCase):
    """Push and find images. Inherit as ``images.ImageTestCase``."""

    def scope(self, *names: RepositoryName, owner: str = "me") -> Scope:
        """Speak for somebody who pushes."""
        return Scope(names or (NAME,), owner)

    def put_json(
        self, image: V1Image, scope: Scope | None = None, checksum: str | None = None
    ) -> None:
        """Push an image's JSON."""
        self.result(
            self.registry.image_uploads.begin(
                scope or self.scope(), ImageId(image.image_id), image.json, checksum
            )
        )

    def put_layer(
        self, image: V1Image, scope: Scope | None = None, data: bytes | None = None
    ) -> None:
        """Push an image's layer."""
        layer = image.layer if data is None else data
        self.result(
            self.registry.image_uploads.take_layer(
                scope or self.scope(),
                ImageId(image.image_id),
                BytesReader(layer),
                len(layer),
            )
        )

    def put_checksum(
        self, image: V1Image, scope: Scope | None = None, payload: str | None = None
    ) -> None:
        """Push an image's checksum."""
        self.result(
            self.registry.image_uploads.finish(
                scope or self.scope(),
                ImageId(image.image_id),
                payload or image.payload,
                None,
            )
        )

    def push_images(self, *images: V1Image, name: RepositoryName = NAME) -> None:
        """Push images, the base first."""
        scope = self.scope(name)
        for image in images:
            self.put_json(image, scope)
            self.put_layer(image, scope)
            self.put_checksum(image, scope)

    def find(self, image: V1Image, name: RepositoryName = NAME) -> Image:
        """Find an image that was pushed by version 1."""
        return self.result(self.registry.images.find(name, ImageId(image.image_id)))

    def has(self, image_id: ImageId | str, name: RepositoryName = NAME) -> bool:
        """Say whether a repository has an image, without deriving any."""
        return self.result(self.registry.images.holds(name, ImageId(str(image_id))))

    def point(
        self, image: V1Image, tag: Tag = LATEST, name: RepositoryName = NAME
    ) -> None:
        """Set a tag by version 1."""
        image_id = ImageId(image.image_id)
        self.result(self.registry.image_tags.point(name, tag, image_id, ENGINE))

    def named(self, tag: Tag = LATEST, name: RepositoryName = NAME) -> ImageId:
        """Say which image a tag names."""
        return self.result(self.registry.image_tags.find(name, tag, "amd64"))

    def push_oci(
        self, image: OciImage, *tags: Tag, name: RepositoryName = NAME
    ) -> Digest:
        """Push an image by version 2."""
        for data in (image.config, *image.layers):
            self.push_blob(data, name)
        work = self.registry.acceptance.push(
            name, image.digest, image.manifest, None, tags
        )
        return self.result(work).digest

    def derived(
        self,
        image_id: ImageId,
        name: RepositoryName = NAME,
        architecture: str = "amd64",
    ) -> Image:
        """Find an image, and derive it if need be."""
        return self.result(self.registry.derived.find(name, image_id, architecture))


class RaisingCase(ImageTestCase):
    """Raise failures where they are waited for. Inherit as ``images.RaisingCase``."""

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to, or raise what it raises."""
        failures: list[Failure] = []
        results: list[T] = []
        _ = self.finish(work).addCallbacks(results.append, failures.append)
        for failure in failures:
            failure.raiseException()
        return results[0]


def member(data: bytes, name: str) -> object:
    """Read a member of a JSON object."""
    found: dict[str, object] = json.loads(data)
    return found.get(name)
