"""What a model of pushes of version 1 keeps account of."""

import gzip
import json
from dataclasses import dataclass, field

from tests.registry.images import (
    tar,
)
from txregistry.model.digest import Digest

TARS = (tar(one="1"), tar(two="2"))


@dataclass(frozen=True, order=True)
class Layer:
    """A layer, called by what is in it and how it is packed."""

    name: str
    data: bytes = field(repr=False)
    tar: bytes = field(repr=False)

    @property
    def digest(self) -> Digest:
        """Its name in the store."""
        return Digest.of(self.data)


LAYERS = (
    Layer("plain", TARS[0], TARS[0]),
    *(
        Layer(f"{place} gzip {level}", gzip.compress(data, level, mtime=0), data)
        for place, data in enumerate(TARS)
        for level in (1, 9)
    ),
)


@dataclass(frozen=True)
class Pushed:
    """A complete image."""

    json: bytes
    layer: Layer
    ancestry: tuple[str, ...]

    @property
    def content(self) -> tuple[bytes, bytes, tuple[str, ...]]:
        """What makes it the same as another."""
        return self.json, self.layer.tar, self.ancestry


@dataclass
class Upload:
    """An image in progress."""

    json: bytes
    parent: str | None
    ancestry: tuple[str, ...]
    layer: Layer | None = None
    before: Layer | None = None  # a layer that another one was to replace

    def lose_layer(self) -> None:
        """Have no layer any more."""
        self.before = self.layer or self.before
        self.layer = None


def make_json(image_id: str, parent: str | None, flavour: int) -> bytes:
    """Write an image's JSON: not as anybody would who reads it and writes it anew."""
    members: dict[str, object] = {"id": image_id, "flavour": flavour}
    if parent is not None:
        members["parent"] = parent
    return json.dumps(members, indent=flavour).encode() + b"\n" * flavour
