"""Images of version 1, as old and as newer engines make them for a push."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration.engines.gojson import encode
from tests.integration.engines.layers import (
    EMPTY_ARCHIVE,
    EMPTY_NOTHING,
    files_of,
    make_files,
    make_layer,
    make_odd_entries,
    unpack,
)
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.sums import simple_checksum, tarsum

_LEFT_OUT = ("rootfs", "history", "os.version", "os.features")
"""What the config of an image has that the JSON of version 1 has not."""


@dataclass(frozen=True)
class FakeImage:
    """One layer, and the JSON about it.

    Attributes:
        id: 64 hexadecimal digits.
        parent: The id of the image below; "" for none.
        json: The JSON, byte for byte as it is pushed.
        layer: The layer, byte for byte as it is pushed.
    """

    id: str
    parent: str
    json: bytes
    layer: bytes

    @property
    def files(self) -> dict[str, bytes]:
        """The regular files of the layer, by path."""
        return files_of(self.layer)

    @property
    def payload_sum(self) -> str:
        """What is sent as ``X-Docker-Checksum-Payload``."""
        return simple_checksum(self.json, self.layer)

    @property
    def tarsum(self) -> str:
        """What is sent as ``X-Docker-Checksum``."""
        return tarsum(self.json, self.layer)


def make_images(name: str, release: str, *, depth: int = 3) -> tuple[FakeImage, ...]:
    """Make a chain of images, as a release would push it.

    Args:
        name: Decides about everything in the images.
        release: A key of `RELEASES`.
        depth: How many images. With old releases, the second of three is empty.

    Returns:
        The images, the base first; the same for the same arguments.
    """
    traits = RELEASES[release]
    parts = [f"{name}/{number}" for number in range(depth)]
    layers = [
        make_layer(make_files(part), extra=make_odd_entries(part)) for part in parts
    ]
    if traits.chained_ids:
        return make_chained(layers, make_config(name, layers))
    if depth > 2:
        layers[1] = EMPTY_ARCHIVE if traits.types_layers else EMPTY_NOTHING
    return make_random(name, layers)


def make_random(name: str, layers: Sequence[bytes]) -> tuple[FakeImage, ...]:
    """Make images as Docker up to 1.9 does: ids mean nothing, and JSON is full.

    Args:
        name: Decides about the ids and the JSON.
        layers: The layers, the base first.
    """
    images: list[FakeImage] = []
    for number, layer in enumerate(layers):
        own = hashlib.sha256(f"{name}/{number}".encode()).hexdigest()
        parent = images[-1].id if images else ""
        document = {
            "id": own,
            **({"parent": parent} if parent else {}),
            "created": "2015-01-01T00:00:00.123456789Z",
            "container": hashlib.sha256(own.encode()).hexdigest(),
            "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) <made> & done"]},
            "docker_version": "1.6.2",
            "config": {"Cmd": ["/run"], "Env": None, "Labels": {"name": name}},
            "architecture": "amd64",
            "os": "linux",
            "Size": sum(map(len, files_of(layer).values())),
        }
        images.append(FakeImage(own, parent, encode(document) + b"\n", layer))
    return tuple(images)


def make_config(name: str, layers: Sequence[bytes]) -> bytes:
    """Make the config of an image, as Docker from 1.10 on keeps it.

    Args:
        name: Decides about the config, with the layers.
        layers: The layers, the base first.
    """
    created = "2017-01-01T00:00:00.123456789Z"
    config = {
        "architecture": "amd64",
        "config": {"Cmd": ["/run"], "Env": None, "Labels": {"name": f"<{name}>"}},
        "container_config": {"Hostname": "", "Cmd": ["/bin/sh", "-c", "a && b"]},
        "created": created,
        "docker_version": "1.12.6",
        "history": [{"created": created, "created_by": "tests"} for _ in layers],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [_diff_id(layer) for layer in layers]},
    }
    return encode(config)


def make_chained(layers: Sequence[bytes], config: bytes) -> tuple[FakeImage, ...]:
    """Make images as Docker from 1.10 on does for a registry of version 1.

    All but the top have chain ids and JSON of id and parent; the top has the id of the
    image and its config.

    Args:
        layers: The layers, the base first.
        config: The config of the image.
    """
    images: list[FakeImage] = []
    chain = ""
    for layer in layers[:-1]:
        chain = _chain_id(chain, _diff_id(layer))
        own = chain.removeprefix("sha256:")
        parent = images[-1].id if images else ""
        document = {"id": own, **({"parent": parent} if parent else {})}
        images.append(FakeImage(own, parent, encode(document), layer))
    own = hashlib.sha256(config).hexdigest()
    parent = images[-1].id if images else ""
    top = {"id": own, **({"parent": parent} if parent else {}), **_kept(config)}
    document = {key: top[key] for key in sorted(top)}
    return (*images, FakeImage(own, parent, encode(document), layers[-1]))


def _kept(config: bytes) -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(config)
    return {key: value for key, value in document.items() if key not in _LEFT_OUT}


def _diff_id(layer: bytes) -> str:
    return f"sha256:{hashlib.sha256(unpack(layer)).hexdigest()}"


def _chain_id(below: str, diff_id: str) -> str:
    if not below:
        return diff_id
    return f"sha256:{hashlib.sha256(f'{below} {diff_id}'.encode()).hexdigest()}"
