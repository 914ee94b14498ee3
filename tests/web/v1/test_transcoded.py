"""Layers that engines cannot read as they are, over HTTP."""

import gzip
import json
import sys

from tests.web.content import digest_of
from tests.web.v1 import case
from tests.web.v1.images import B, V1Image, document
from txregistry.model.descriptors import OCI_CONFIG, OCI_MANIFEST

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TAR = b"\0" * 10240
NAME = "acme/new"


class TranscodedTests(case.V1Case):
    def push_layer(self, layer: bytes) -> str:
        """Push an image of one layer by version 2, and give its id for version 1."""
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [digest_of(TAR)]},
            }
        ).encode()
        self.push_blob(NAME, config)
        self.push_blob(NAME, layer)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": OCI_CONFIG,
                "digest": digest_of(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar+zstd",
                    "digest": digest_of(layer),
                    "size": len(layer),
                }
            ],
        }
        self.push_manifest(NAME, "latest", json.dumps(manifest).encode())
        answer = self.get(f"/v1/repositories/{NAME}/tags/latest")
        image_id: str = answer.json
        self.get(f"/v1/images/{image_id}/ancestry", self.token(NAME, "read"))
        return image_id

    def test_zstd_is_given_as_gzip_of_a_size_that_is_told(self) -> None:
        target = f"/v1/images/{self.push_layer(zstd.compress(TAR))}"
        self.get(f"{target}/json")  # which begins to make it
        told = self.get(f"{target}/json").header("x-docker-size")
        answer = self.get(f"{target}/layer")
        self.assertEqual(gzip.decompress(answer.body), TAR)
        self.assertEqual(told, str(len(answer.body)))
        self.assertEqual(answer.header("accept-ranges"), "bytes")

    def test_layer_that_cannot_be_made_is_not_there(self) -> None:
        broken = zstd.compress(TAR)[:8] + b"\xff" * 40
        target = f"/v1/images/{self.push_layer(broken)}"
        answer = self.get(f"{target}/layer")
        self.assertEqual(answer.status, 404)
        self.assertEqual(list(answer.json), ["error"])
        self.assertEqual(self.get(f"{target}/json").status, 200)

    def test_zstd_is_not_taken_by_version_1(self) -> None:
        image = V1Image(B, document(B), zstd.compress(TAR))
        token = self.announce()
        self.assertEqual(self.put_json(image, token).status, 200)
        answer = self.put_layer(image, token)
        said = "No engine reads a layer in zstd; push it by version 2"
        self.assertSays(answer, 400, said)
        self.assertEqual(self.put_checksum(image, token).status, 400)
