"""The place where archives are exchanged with a client."""

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

from backports import zstd

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import (
    Content,
    Image,
    Index,
    contents_of,
    digest_of,
    make_image,
    make_index,
    read_layout,
    write_layout,
)
from tests.integration.clients.programs import Program, find, make_environment
from tests.registry.case import NAME
from tests.transfer.archives.case import IT, ArchiveTestCase
from txregistry.model.digest import Digest
from txregistry.model.names import Tag

ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


class ExchangeCase(ArchiveTestCase):
    """A registry in memory, and a client with a home that is thrown away."""

    program = ""

    def setUp(self) -> None:
        """Find the client, and make images for it."""
        super().setUp()
        path = find(self.program)
        self.directory = make_directory(self)
        self.environment = make_environment(self.directory / "home")
        self.client = self.make_program(path)
        self.image = make_image(self.program)
        self.index = make_index(self.program)

    def make_program(self, *command: str) -> Program:
        """Run the client here, away from the user's own files."""
        return Program(*command, environment=self.environment, directory=self.directory)

    def ours(self, target: Image | Index, name: str = "ours.tar") -> Path:
        """Let the registry write an archive of an image."""
        self.push_image(target)
        path = self.directory / name
        path.write_bytes(self.write(self.plan()))
        return path

    def theirs(self, data: bytes | Path, called: str | None = None) -> Digest:
        """Read an archive that a client wrote, into an empty registry."""
        if isinstance(data, Path):
            data = data.read_bytes()
        self.store = self.make_store()
        self.registry = self.make_registry()
        digest = self.result(self.bring(data, called=called))
        self.assertNothingStaged()
        return digest

    def layout(self, target: Image | Index) -> str:
        """Write a layout of an image for the client, and name it."""
        write_layout(self.directory / "source", {"it": target})
        return f"oci:{self.directory}/source:it"

    def assertLayoutHolds(self, layout: Path, target: Image | Index) -> None:
        """A layout that a client wrote has an image byte for byte, and no more."""
        found, wanted = read_layout(layout), contents_of(target)
        self.assertEqual(sorted(found), sorted(wanted))
        self.assertTrue(found == wanted)

    def assertHoldsPlain(self, image: Image, tag: Tag = IT) -> None:
        """The registry has an image with its config, and its layers in any packing."""
        manifest = self.result(self.registry.manifests.find(NAME, tag))
        config, *layers = manifest.parse().blobs
        self.assertEqual(self.pull_blob(config.digest), image.config.data)
        tars = [unpacked(self.pull_blob(layer.digest)) for layer in layers]
        self.assertTrue(tars == [*image.tars])


def in_zstd(image: Image) -> Image:
    """Make an image with its layers in zstd."""
    layers = tuple(Content(ZSTD, zstd.compress(tar)) for tar in image.tars)
    document = json.loads(image.manifest.data)
    document["layers"] = [layer.descriptor() for layer in layers]
    manifest = Content(image.manifest.media_type, json.dumps(document).encode())
    return replace(image, manifest=manifest, layers=layers)


def unpacked(data: bytes) -> bytes:
    """Unpack a layer, if it is packed."""
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def repacked(data: bytes) -> bytes:
    """Pack an archive's members anew, in another order and format."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data)) as old,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda each: each.name[::-1]):
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def tars_of(image: Image) -> list[str]:
    """Give the digests of the unpacked layers."""
    return [digest_of(tar) for tar in image.tars]
