"""What engines 1.10 to 17.x get by version 2 of what was pushed in OCI's form.

They are played by their requests for manifests: they take schema 2, lists of it, and
schema 1, no other type, and say where they run.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from backports.zstd import compress

from tests.integration.clients import versions
from tests.integration.clients.images import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_MANIFEST,
    Content,
    Image,
    Index,
    make_image,
    make_index,
)
from tests.integration.clients.remote import Answer
from tests.integration.clients.versions import with_layers
from tests.integration.engines.layers import unpack

SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/json",
)
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


def headers_of(architecture: str, *, lists: bool = True) -> dict[str, str]:
    """Give what such an engine sends: up to 1.9 it knew no lists."""
    accepted = (*SCHEMA_1, DOCKER_MANIFEST, *([DOCKER_LIST] if lists else []))
    agent = (
        "docker/17.05.0-ce go/go1.7.5 git-commit/89658be kernel/4.9.0 os/linux "
        f"arch/{architecture} UpstreamClient(Docker-Client/17.05.0-ce \\(linux\\))"
    )
    return {"User-Agent": agent, "Accept": ", ".join(accepted)}


class Schema2Tests(versions.VersionsCase):
    def ask(
        self,
        name: str,
        reference: str,
        architecture: str = "amd64",
        *,
        lists: bool = True,
        method: str = "GET",
    ) -> Answer:
        """Ask for a manifest; the answer has its digest."""
        path = f"/v2/{name}/manifests/{reference}"
        headers = headers_of(architecture, lists=lists)
        answer = self.remote.demand(200, method, path, headers=headers)
        if method == "GET":
            digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
            self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
        return answer

    def digest(self, name: str, tag: str, architecture: str = "amd64") -> str:
        """Say what an engine calls what a tag points to."""
        return str(self.ask(name, tag, architecture).headers["Docker-Content-Digest"])

    def assertSchema2(self, answer: Answer, name: str, image: Image) -> None:
        """An answer is an image in schema 2: same config, same layers unpacked."""
        self.assertEqual(answer.headers["Content-Type"], DOCKER_MANIFEST)
        document = answer.json()
        self.assertEqual(document["schemaVersion"], 2)
        self.assertEqual(document["mediaType"], DOCKER_MANIFEST)
        config = image.config.descriptor(mediaType=DOCKER_CONFIG)
        self.assertEqual(document["config"], config)
        types = {layer["mediaType"] for layer in document["layers"]}
        self.assertEqual(types, {DOCKER_LAYER})
        layers = [self.blob(name, layer) for layer in document["layers"]]
        self.assertSameTars(list(map(gzip.decompress, layers)), image.tars)

    def blob(self, name: str, descriptor: Mapping[str, Any]) -> bytes:
        """Get a blob, of the digest and size that its descriptor says."""
        data = self.remote.blob(name, descriptor["digest"])
        self.assertEqual(len(data), descriptor["size"])
        return data

    def test_an_image_by_its_tag(self) -> None:
        image = make_image("by tag")
        self.remote.push("schema2/tag", "1", image)
        answer = self.ask("schema2/tag", "1")
        self.assertSchema2(answer, "schema2/tag", image)
        layers = [layer.descriptor(mediaType=DOCKER_LAYER) for layer in image.layers]
        self.assertEqual(answer.json()["layers"], layers)

    def test_head_tells_the_same(self) -> None:
        self.remote.push("schema2/head", "1", make_image("head"))
        told = self.ask("schema2/head", "1", method="HEAD").headers
        got = self.ask("schema2/head", "1")
        for name in ("Docker-Content-Digest", "Content-Type", "Content-Length"):
            self.assertEqual(told[name], got.headers[name])
        self.assertEqual(told["Content-Length"], str(len(got.body)))

    def test_a_form_is_pulled_again_by_its_digest(self) -> None:
        image = make_image("digest")
        self.remote.push("schema2/digest", "1", image)
        answer = self.ask("schema2/digest", "1")
        digest = str(answer.headers["Docker-Content-Digest"])
        again = self.ask("schema2/digest", digest)
        self.assertEqual(again.body, answer.body)
        self.assertSchema2(again, "schema2/digest", image)

    def test_a_form_is_made_once(self) -> None:
        for image in (make_image("once"), zstd_image("once")):
            self.remote.push("schema2/once", "1", image)
            digests = {self.digest("schema2/once", "1") for _ in range(3)}
            self.assertEqual(len(digests), 1)
            self.remote.push("schema2/once", "2", image)
            self.assertEqual(digests, {self.digest("schema2/once", "2")})

    def test_a_form_is_no_tag(self) -> None:
        self.remote.push("schema2/tags", "1", make_image("tags"))
        self.ask("schema2/tags", "1")
        self.assertEqual(self.remote.tags("schema2/tags"), ["1"])

    def test_a_form_survives_a_restart(self) -> None:
        self.remote.push("schema2/restart", "1", zstd_image("restart"))
        before = self.digest("schema2/restart", "1")
        self.daemon.restart()
        self.assertEqual(self.digest("schema2/restart", "1"), before)

    def test_a_form_goes_with_its_image(self) -> None:
        image = make_image("going")
        self.remote.push("schema2/going", "1", image)
        digest = self.digest("schema2/going", "1")
        self.remote.delete("schema2/going", image.digest)
        for reference in ("1", digest):
            path = f"/v2/schema2/going/manifests/{reference}"
            self.remote.demand(404, "GET", path, headers=headers_of("amd64"))

    def test_a_digest_names_itself(self) -> None:
        image = make_image("itself")
        self.remote.push("schema2/itself", "1", image)
        answer = self.ask("schema2/itself", image.digest)
        self.assertEqual(answer.headers["Content-Type"], OCI_MANIFEST)
        self.assertEqual(answer.body, image.manifest.data)

    def test_todays_clients_get_what_was_pushed(self) -> None:
        for target in (make_image("today"), make_index("today")):
            self.remote.push("schema2/today", "1", target)
            self.ask("schema2/today", "1")
            self.assertEqual(self.remote.digest("schema2/today", "1"), target.digest)
            kept = self.remote.manifest("schema2/today", "1")
            self.assertEqual(kept.body, target.manifest.data)

    def test_schema_2_stays_as_it_was_pushed(self) -> None:
        for target in (make_image("as is", docker=True), make_index("as", docker=True)):
            self.remote.push("schema2/same", "1", target)
            self.assertEqual(self.ask("schema2/same", "1").body, target.manifest.data)

    def test_what_version_1_pushed(self) -> None:
        images = self.push_old("schema2/old", "1.6.2")
        answer = self.ask("schema2/old", "latest")
        self.assertEqual(answer.headers["Content-Type"], DOCKER_MANIFEST)
        layers = [self.blob("schema2/old", one) for one in answer.json()["layers"]]
        self.assertEqual(layers, [image.layer for image in images])

    def test_layers_in_zstd_are_given_in_gzip(self) -> None:
        image = zstd_image("zstd")
        self.push_zstd("schema2/zstd", image)
        answer = self.ask("schema2/zstd", "1")
        self.assertSchema2(answer, "schema2/zstd", make_image("zstd"))
        digests = {layer.digest for layer in image.layers}
        named = {layer["digest"] for layer in answer.json()["layers"]}
        self.assertEqual(digests & named, set())

    def test_version_1_has_the_same_layers_in_gzip(self) -> None:
        image = zstd_image("same layers")
        self.push_zstd("schema2/shared", image)
        pulled = self.old("17.05.0").pull("schema2/shared", "1")
        layers = self.ask("schema2/shared", "1").json()["layers"]
        self.assertEqual(
            [pulled.layers[each] for each in reversed(pulled.ancestry)],
            [self.blob("schema2/shared", layer) for layer in layers],
        )

    def push_zstd(self, name: str, image: Image) -> None:
        """Push an image whose layers engines cannot read."""
        self.remote.push(name, "1", image)
        layers = self.remote.manifest(name, "1").json()["layers"]
        self.assertEqual({layer["mediaType"] for layer in layers}, {ZSTD})

    def push_index(self, name: str, *, packed: bool = False) -> Index:
        """Push an image of two platforms."""
        index = make_index(name)
        if packed:
            index = zstd_index(index)
        self.remote.push(name, "1", index)
        return index

    def test_an_index_becomes_a_list(self) -> None:
        for packed in (False, True):
            name = f"schema2/list-{packed}".lower()
            index = self.push_index(name, packed=packed)
            answer = self.ask(name, "1")
            self.assertEqual(answer.headers["Content-Type"], DOCKER_LIST)
            document = answer.json()
            self.assertEqual(document["mediaType"], DOCKER_LIST)
            platforms = [each["platform"] for each in document["manifests"]]
            self.assertEqual(
                platforms,
                [
                    {"architecture": image.architecture, "os": "linux"}
                    for image in index.images
                ],
            )
            children = zip(document["manifests"], make_index(name).images, strict=True)
            for child, image in children:
                self.assertEqual(child["mediaType"], DOCKER_MANIFEST)
                found = self.ask(name, child["digest"])
                self.assertEqual(len(found.body), child["size"])
                self.assertSchema2(found, name, image)

    def test_a_list_is_made_once_for_all_platforms(self) -> None:
        self.push_index("schema2/one-list")
        digests = {
            self.digest("schema2/one-list", "1", architecture)
            for architecture in ("amd64", "arm64", "amd64", "s390x")
        }
        self.assertEqual(len(digests), 1)
        (digest,) = digests
        answer = self.ask("schema2/one-list", digest)
        self.assertEqual(answer.headers["Content-Type"], DOCKER_LIST)

    def test_where_no_list_is_taken_a_platform_is_chosen(self) -> None:
        for packed in (False, True):
            name = f"schema2/chosen-{packed}".lower()
            self.push_index(name, packed=packed)
            for image in make_index(name).images:
                answer = self.ask(name, "1", image.architecture, lists=False)
                self.assertSchema2(answer, name, image)
                digest = str(answer.headers["Docker-Content-Digest"])
                again = self.ask(name, digest, lists=False)
                self.assertEqual(again.body, answer.body)

    def test_a_platform_of_a_list_of_schema_2_is_chosen(self) -> None:
        index = make_index("chosen", docker=True)
        self.remote.push("schema2/docker", "1", index)
        for image in index.images:
            answer = self.ask("schema2/docker", "1", image.architecture, lists=False)
            self.assertEqual(answer.body, image.manifest.data)


def zstd_image(name: str, architecture: str = "amd64") -> Image:
    """Make an image whose layers are in zstd."""
    image = make_image(name, architecture)
    layers = [compress(unpack(layer.data)) for layer in image.layers]
    return with_layers(image, ZSTD, layers)


def zstd_index(index: Index) -> Index:
    """Give an index whose images have their layers in zstd."""
    images = tuple(
        with_layers(image, ZSTD, list(map(compress, image.tars)))
        for image in index.images
    )
    document = index.manifest.data.decode()
    for old, new in zip(index.images, images, strict=True):
        document = document.replace(old.digest, new.digest)
    sized = json.loads(document)
    for entry, image in zip(sized["manifests"], images, strict=True):
        entry["size"] = len(image.manifest.data)
    manifest = Content(index.manifest.media_type, json.dumps(sized).encode())
    return Index(manifest=manifest, images=images)
