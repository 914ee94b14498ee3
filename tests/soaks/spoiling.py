"""Archives that are damaged by chance, as nobody should write them."""

import gzip
import json
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from tests.integration.clients.images import Content, Image, Index, digest_of
from tests.transfer.archives.building import (
    TAR,
    image_of,
    layout,
    member,
    pack,
    saved,
)

_BLOCK: Final = 512
_NAMES: Final = (
    b"../x",
    b"/etc/passwd",
    b"blobs/sha256/../x",
    b"index.json",
    b"manifest.json",
    b"oci-layout",
    b"bundle.json",
    b"./index.json",
    b"blobs",
    b"blobs/sha256/" + b"a" * 64,
    b"\xff\xfe",
    b"a" * 100,
    b"",
)
_VALUES: Final[tuple[object, ...]] = (
    None,
    True,
    -1,
    0,
    1 << 62,
    1e300,
    "",
    "x" * 300,
    "../x",
    [],
    {},
    [[[]]],
    "sha256:" + "0" * 64,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
)


def _images() -> list[Image | Index]:
    """Make images of little."""
    images = []
    for number in range(3):
        tars = [pack([(f"file{number}{each}", bytes(each * 7))]) for each in range(2)]
        layers = [Content(f"{TAR}+gzip", gzip.compress(tar, mtime=0)) for tar in tars]
        images.append(
            image_of(layers, [digest_of(tar) for tar in tars], os=f"{number}")
        )
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [image.manifest.descriptor() for image in images[:2]],
    }
    index = Content(str(document["mediaType"]), json.dumps(document).encode())
    return [images[2], Index(index, tuple(images[:2]))]


class Spoiling:
    """Make archives that are worse than others.

    Args:
        seed: Of what is done to them.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        one, many = _images()
        assert isinstance(one, Image)
        self._bases = [
            pack(layout({"1": one})),
            pack(layout({"1": many, "2": one})),
            pack(saved({"app:1": one})),
            pack(saved({"app:1": one, "app:2": one}, first=True)),
        ]
        self._ways: list[Callable[[bytearray], bytearray]] = [
            self._flip,
            self._cut,
            self._set_header,
            self._lie,
            self._rename,
            self._retype,
            self._move,
            self._splice,
            self._twist,
        ]

    def make(self) -> bytes:
        """Make one."""
        data = bytearray(self._chance.choice(self._bases))
        for _ in range(self._chance.choice((0, 1, 1, 1, 2, 3))):
            data = self._chance.choice(self._ways)(data)
        if self._chance.random() < 0.1:
            data = bytearray(gzip.compress(data, 1))
            if self._chance.random() < 0.5:
                data = self._flip(data)
        return bytes(data)

    def _headers(self, data: bytearray) -> list[int]:
        """Find where members begin, as far as that can be told."""
        found, place = [], 0
        while place + _BLOCK <= len(data) and data[place]:
            found.append(place)
            size = _size(data, place)
            if size is None:
                break
            place += _BLOCK + -(-size // _BLOCK) * _BLOCK
        return found

    def _header(self, data: bytearray) -> int | None:
        found = self._headers(data)
        return self._chance.choice(found) if found else None

    def _flip(self, data: bytearray) -> bytearray:
        for _ in range(self._chance.choice((1, 1, 4, 50))):
            if data:
                place = self._chance.randrange(len(data))
                data[place] = self._chance.randrange(256)
        return data

    def _cut(self, data: bytearray) -> bytearray:
        return data[: self._chance.randrange(len(data) + 1)]

    def _set_header(self, data: bytearray) -> bytearray:
        place = self._header(data)
        if place is None:
            return data
        for _ in range(self._chance.choice((1, 3))):
            data[place + self._chance.randrange(_BLOCK)] = self._chance.randrange(256)
        return _sign(data, place)

    def _lie(self, data: bytearray) -> bytearray:
        """Give a member another size."""
        place = self._header(data)
        if place is None:
            return data
        size = self._chance.choice(
            (0, 1, 511, 512, 513, 1 << 16, 1 << 32, 8**11 - 1, len(data))
        )
        data[place + 124 : place + 136] = b"%011o\0" % size
        if self._chance.random() < 0.2:
            raw = self._chance.randrange(1 << 70)
            data[place + 124 : place + 136] = b"\x80" + raw.to_bytes(11)
        return _sign(data, place)

    def _rename(self, data: bytearray) -> bytearray:
        place = self._header(data)
        if place is None:
            return data
        name = self._chance.choice(_NAMES)
        data[place : place + 100] = name.ljust(100, b"\0")
        return _sign(data, place)

    def _retype(self, data: bytearray) -> bytearray:
        place = self._header(data)
        if place is None:
            return data
        data[place + 156] = self._chance.choice(b"0123456789LKxgXSM\0")
        if self._chance.random() < 0.5:
            target = self._chance.choice(_NAMES)
            data[place + 157 : place + 257] = target.ljust(100, b"\0")
        return _sign(data, place)

    def _move(self, data: bytearray) -> bytearray:
        """Leave out a member, or have it twice, or elsewhere."""
        places = [*self._headers(data), len(data)]
        members = [data[a:b] for a, b in pairwise(places)]
        if not members:
            return data
        chosen = self._chance.choice(members)
        if self._chance.random() < 0.6:
            members.remove(chosen)
        if self._chance.random() < 0.6:
            members.insert(self._chance.randrange(len(members) + 1), chosen)
        return bytearray(b"".join(members))

    def _splice(self, data: bytearray) -> bytearray:
        other = self._chance.choice(self._bases)
        start = self._chance.randrange(len(other)) // _BLOCK * _BLOCK
        place = self._chance.randrange(len(data) + 1) // _BLOCK * _BLOCK
        data[place:place] = other[start : start + self._chance.choice((512, 4096))]
        return data

    def _twist(self, data: bytearray) -> bytearray:
        """Let a document say something else; its name is right, if it is a digest."""
        places = self._headers(data)
        documents = []
        for place in places:
            size = _size(data, place) or 0
            content = bytes(data[place + _BLOCK : place + _BLOCK + size])
            if content[:1] in {b"{", b"["} and len(content) == size:
                documents.append((place, content))
        if not documents:
            return data
        place, content = self._chance.choice(documents)
        try:
            document = json.loads(content)
        except ValueError:
            return data
        changed = json.dumps(self._changed(document)).encode()
        name = bytes(data[place : place + 100]).rstrip(b"\0").decode("ascii", "replace")
        if name.startswith("blobs/"):
            name = "blobs/" + digest_of(changed).replace(":", "/")
        made = pack([(name, changed)], b"")
        if self._chance.random() < 0.3:
            made = pack([member("blobs/sha256", b"5")], b"") + made
        end = place + _BLOCK + -(-len(content) // _BLOCK) * _BLOCK
        data[place:end] = made
        return data

    def _changed(self, value: Any) -> Any:
        """Change something within a document."""
        if isinstance(value, dict) and value and self._chance.random() < 0.9:
            key = self._chance.choice([*value])
            changed = dict(value)
            changed[key] = self._changed(value[key])
            if self._chance.random() < 0.15:
                del changed[key]
            return changed
        if isinstance(value, list) and value and self._chance.random() < 0.9:
            changed_list = list(value)
            place = self._chance.randrange(len(value))
            changed_list[place] = self._changed(value[place])
            if self._chance.random() < 0.2:
                changed_list *= self._chance.choice((0, 2, 30))
            return changed_list
        return self._chance.choice(_VALUES)


def _size(data: bytearray, place: int) -> int | None:
    """Give the bytes of a member; None where that cannot be told."""
    try:
        size = int(bytes(data[place + 124 : place + 135]), 8)
    except ValueError:
        return None
    return None if size < 0 else size


def _sign(data: bytearray, place: int) -> bytearray:
    """Make the sum of a header right again."""
    data[place + 148 : place + 156] = b" " * 8
    data[place + 148 : place + 156] = b"%06o\0 " % sum(data[place : place + _BLOCK])
    return data
