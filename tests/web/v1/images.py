"""Images of version 1 to push, and what they come to."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

B = "b" * 64
T = "7" * 64
EMPTY_LAYER = bytes.fromhex(
    "1f8b08000000000000ff621805a360148c5800080000ffff2eafb5ef00040000"
)


DETAILS: Mapping[str, object] = {
    "created": "2015-02-03T04:05:06.789Z",
    "docker_version": "1.5.0",
    "architecture": "amd64",
    "os": "linux",
    "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
    "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) CMD"]},
}


@dataclass(frozen=True)
class V1Image:
    """An image as an engine pushes it."""

    image_id: str
    json: bytes
    layer: bytes

    @property
    def payload(self) -> str:
        """Its simple checksum."""
        data = self.json + b"\n" + self.layer
        return "sha256:" + hashlib.sha256(data).hexdigest()


def document(
    image_id: str, parent: str | None = None, details: Mapping[str, object] = DETAILS
) -> bytes:
    """Write the JSON of an image, as engines up to 1.9 end it: with a newline."""
    values = {"id": image_id, **details}
    if parent is not None:
        values["parent"] = parent
    return json.dumps(values).encode() + b"\n"


def layer_of(**files: str) -> bytes:
    """Make a layer of some files, in gzip."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            entry.size = len(text)
            entry.mtime = 1420070400
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue(), mtime=0)


BASE = V1Image(B, document(B), layer_of(a_txt="one"))
TOP = V1Image(T, document(T, B), layer_of(b_txt="two", c_txt="three"))
