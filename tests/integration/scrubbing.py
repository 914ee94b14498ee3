"""This registry, which scrubs all the time; and content that rots."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

from tests.integration.clients.images import OCI_LAYER, Content, Image, make_image
from tests.integration.daemon import ConfiguredDaemon, twistd
from txregistry.model.digest import Digest
from txregistry.storage import keys

EVERY: Final = {"scrub": {"enabled": True, "every": "10ms"}}
"""Settings by which one pass follows the other."""
QUIET: Final = {"scrub": {"enabled": False}}
"""Settings by which nothing is scrubbed."""
LAYER: Final = Content(OCI_LAYER, Random(9).randbytes(3 << 20))  # noqa: S311 - an example
"""More than is looked at before it is sent."""
_PROGRAM: Final = """
import sys
from txregistry.registry.scrubbing import schedule
from txregistry.settings import scrub
schedule._SOON, schedule.LIFE, scrub._LEAST = 0.3, 0.1, 0
sys.argv = sys.argv[1:]
from twisted.scripts.twistd import run
run()
"""


class ScrubbingDaemon(ConfiguredDaemon):
    """This registry, which does not wait before it scrubs."""

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        _, *arguments = super().command(port)
        return [sys.executable, "-c", _PROGRAM, twistd()[0], *arguments]


def _with_large_layer(image: Image) -> Image:
    layers = (LAYER, *image.layers[1:])
    document = json.loads(image.manifest.data)
    document["layers"] = [each.descriptor() for each in layers]
    manifest = Content(image.manifest.media_type, json.dumps(document).encode())
    return replace(image, layers=layers, manifest=manifest)


IMAGE: Final = _with_large_layer(make_image("rotting"))


def flip(path: Path) -> bytes:
    """Change a byte as a disk does, so that the file seems to be as it was.

    Returns:
        What is there then.
    """
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_ino == before.st_ino
    return bytes(data)


def blob_of(content: Content) -> str:
    """Give the key of some content."""
    return str(keys.blob(Digest.parse(content.digest)))


def apart(content: Content) -> str:
    """Give the key of what was there in place of some content."""
    return str(keys.quarantined(Digest.parse(content.digest)))


def contents(image: Image) -> tuple[Content, ...]:
    """Give the parts of an image."""
    return (*image.layers, image.config, image.manifest)
