"""Images that cross from one version of the protocol to the other, at one daemon."""

import hashlib
import json
import tarfile
from collections.abc import Sequence

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import Content, Image
from tests.integration.clients.programs import Program, find, make_environment
from tests.integration.clients.remote import Remote
from tests.integration.engines import served
from tests.integration.engines.engine import Engine
from tests.integration.engines.images import (
    FakeImage,
    make_chained,
    make_config,
    make_random,
)
from tests.integration.engines.layers import (
    make_entry,
    make_files,
    make_layer,
    unpack,
)
from tests.integration.engines.pulling import Pulled
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.served import BOTH, PLAIN

AS_V1 = tuple(RELEASES)
"""All releases that are played: they speak version 1, if need be where it is alone."""
_PREFER_V2 = ("1.12.6", "17.05.0")


class VersionsCase(served.ServedCase):
    """A daemon that speaks both versions, old engines, and a client of today.

    Import the module and inherit as ``versions.VersionsCase``.
    """

    both = True
    program = ""
    """The client that the tests need, if any: they are skipped without it."""

    def setUp(self) -> None:
        path = find(self.program) if self.program else ""
        super().setUp()
        self.place = make_directory(self)
        self.environment = make_environment(self.place / "home")
        self.client = self.make_program(path)
        self.host = f"{BOTH}:{self.daemon.port}"
        self.remote = Remote(self.host)

    def make_program(self, *command: str) -> Program:
        """Run a program here, away from the user's own files."""
        return Program(*command, environment=self.environment, directory=self.place)

    def old(self, release: str) -> Engine:
        """Make an engine that speaks version 1."""
        return self.engine(release, at=PLAIN if release in _PREFER_V2 else BOTH)

    def push_old(
        self, name: str, release: str, tag: str = "latest"
    ) -> tuple[FakeImage, ...]:
        """Push by version 1 what can also be unpacked.

        Returns:
            The images, the base first.
        """
        images = make_real_images(f"{name}:{tag}", release)
        self.old(release).push(name, images, {tag: images[-1].id})
        return images

    def assertOldHolds(self, name: str, tag: str, image: Image) -> None:
        """Every release pulls an image by version 1, with the tars of its layers."""
        for release in AS_V1:
            self.assertOldPulled(self.old(release).pull(name, tag), image)

    def assertOldPulled(self, pulled: Pulled, image: Image) -> None:
        """What was pulled by version 1 is an image that was pushed by version 2."""
        config = image.config.digest.removeprefix("sha256:")
        self.assertEqual(pulled.id, config)
        layers = [pulled.layers[each] for each in reversed(pulled.ancestry)]
        self.assertSameTars(list(map(unpack, layers)), image.tars)

    def assertSameTars(self, found: Sequence[bytes], expected: Sequence[bytes]) -> None:
        """Layers are the same in the same order, unpacked; none is printed."""
        self.assertEqual(sums_of(found), sums_of(expected))


def tars_of(images: Sequence[FakeImage]) -> list[bytes]:
    """Unpack the layers of images."""
    return [unpack(image.layer) for image in images]


def sums_of(tars: Sequence[bytes]) -> list[str]:
    """Name some archives by what is in them."""
    return [hashlib.sha256(tar).hexdigest() for tar in tars]


def make_real_images(name: str, release: str) -> tuple[FakeImage, ...]:
    """Make two images as a release would, with layers that engines of today unpack.

    The second layer removes a file of the first, and has what is no file.
    """
    files = [make_files(f"{name}/{part}") for part in ("base", "top")]
    gone = next(iter(files[0]))
    place, _, last = gone.rpartition("/")
    extra = [
        make_entry(f"{place}/.wh.{last}", tarfile.REGTYPE),
        make_entry("var/lib/it", tarfile.DIRTYPE, mode=0o040755),
        make_entry("var/lib/it/link", tarfile.SYMTYPE, mode=0o120777, target="/etc"),
    ]
    layers = [make_layer(files[0]), make_layer(files[1], extra=extra)]
    if RELEASES[release].chained_ids:
        return make_chained(layers, make_config(name, layers))
    return make_random(name, layers)


def with_layers(image: Image, media_type: str, layers: Sequence[bytes]) -> Image:
    """Give an image whose layers are compressed in another way.

    Args:
        image: An image of OCI.
        media_type: What the layers are then.
        layers: Their bytes.
    """
    contents = tuple(Content(media_type, layer) for layer in layers)
    manifest = {
        "schemaVersion": 2,
        "mediaType": image.manifest.media_type,
        "config": image.config.descriptor(),
        "layers": [content.descriptor() for content in contents],
    }
    return Image(
        manifest=Content(image.manifest.media_type, json.dumps(manifest).encode()),
        config=image.config,
        layers=contents,
        architecture=image.architecture,
    )
