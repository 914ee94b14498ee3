"""Archives to be read: as engines and tools write them, and as nobody should."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tests.integration.clients.images import (
    Content,
    Image,
    Index,
    contents_of,
    digest_of,
)

END: Final = bytes(1024)
LAYOUT: Final = b'{"imageLayoutVersion": "1.0.0"}'
TAR: Final = "application/vnd.oci.image.layer.v1.tar"
CONTAINERD: Final = "io.containerd.image.name"
REF: Final = "org.opencontainers.image.ref.name"

Member = tuple[str, bytes] | tarfile.TarInfo


def member(name: str, kind: bytes = tarfile.REGTYPE, **more: Any) -> tarfile.TarInfo:
    """Make the header of a member without content."""
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in more.items():
        setattr(made, field, value)
    return made


def link(name: str, target: str) -> tarfile.TarInfo:
    """Make a symbolic link."""
    return member(name, tarfile.SYMTYPE, linkname=target)


def header(info: tarfile.TarInfo) -> bytes:
    """Write a header; names may be of any length."""
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def stored(data: bytes) -> bytes:
    """Write content, filled up."""
    return data + bytes(-len(data) % 512)


def pack(members: Iterable[Member], end: bytes = END) -> bytes:
    """Write an archive."""
    packed = bytearray()
    for each in members:
        if isinstance(each, tarfile.TarInfo):
            packed += header(each)
        else:
            name, data = each
            packed += header(member(name, size=len(data))) + stored(data)
    return bytes(packed) + end


def place(digest: str) -> str:
    """Place a blob."""
    return "blobs/" + digest.replace(":", "/")


def index_json(targets: Mapping[str, Image | Index], key: str = REF) -> bytes:
    """Write the index of a layout, with each image under its name."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "manifests": [
                target.manifest.descriptor(annotations={key: name})
                for name, target in targets.items()
            ],
        }
    ).encode()


def blobs(targets: Iterable[Image | Index]) -> dict[str, bytes]:
    """Give the blobs of a layout, each once."""
    found: dict[str, bytes] = {}
    for target in targets:
        for digest, data in contents_of(target).items():
            found[place(digest)] = data
    return found


def layout(targets: Mapping[str, Image | Index], key: str = REF) -> list[Member]:
    """Give the members of an OCI layout."""
    return [
        ("oci-layout", LAYOUT),
        ("index.json", index_json(targets, key)),
        member("blobs", tarfile.DIRTYPE),
        member("blobs/sha256", tarfile.DIRTYPE),
        *blobs(targets.values()).items(),
    ]


def saved(images: Mapping[str, Image], *, first: bool = False) -> list[Member]:
    """Give the members of what ``docker save`` wrote before version 25.

    Layers of equal content are links to the first of them.

    Args:
        images: The images, by their names.
        first: Whether the manifest comes before what it names.
    """
    members: list[Member] = []
    document, known = [], dict[str, str]()
    for name, image in images.items():
        layers = []
        for number, tar in enumerate(image.tars):
            folder = digest_of(f"{name}{number}".encode()).partition(":")[2]
            layers.append(f"{folder}/layer.tar")
            members += [
                member(folder + "/", tarfile.DIRTYPE),
                (f"{folder}/VERSION", b"1.0"),
                (f"{folder}/json", b'{"id":"%s"}' % folder.encode()),
            ]
            if digest_of(tar) in known:
                members.append(link(layers[-1], f"../{known[digest_of(tar)]}"))
            else:
                members.append((layers[-1], tar))
                known[digest_of(tar)] = layers[-1]
        config = f"{image.config.digest.partition(':')[2]}.json"
        members.append((config, image.config.data))
        document.append({"Config": config, "RepoTags": [name], "Layers": layers})
    manifest = ("manifest.json", json.dumps(document).encode())
    repositories = ("repositories", b'{"app":{"1":"ab"}}')
    if first:
        return [manifest, repositories, *members]
    return [*members, manifest, repositories]


def made_manifest(image: Image, media_type: str = TAR) -> dict[str, object]:
    """Give the manifest that an image gets which docker saved."""
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": Content(
            "application/vnd.oci.image.config.v1+json", image.config.data
        ).descriptor(),
        "layers": [Content(media_type, tar).descriptor() for tar in image.tars],
    }


def image_of(
    layers: Sequence[Content], diff_ids: Sequence[str] | None, **more: object
) -> Image:
    """Make an image of any layers, whose config says anything of them."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        **more,
    }
    config = Content(
        "application/vnd.oci.image.config.v1+json", json.dumps(document).encode()
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
    }
    made = Content(str(manifest["mediaType"]), json.dumps(manifest).encode())
    return Image(made, config, tuple(layers), "amd64")


def zipped(data: bytes) -> bytes:
    """Pack with gzip."""
    return gzip.compress(data, mtime=0)


def python_reads(data: bytes) -> dict[str, bytes]:
    """Read an archive as Python's own module does."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {}
        for each in archive.getmembers():
            content = archive.extractfile(each)
            if content is not None:
                found[each.name] = content.read()
        return found
