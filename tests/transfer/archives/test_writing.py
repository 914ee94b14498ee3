"""Tests of ``txregistry/transfer/archives/writing.py``."""

import json
import tarfile
from typing import Any

from tests.integration.clients.images import (
    Content,
    contents_of,
    digest_of,
    make_image,
    make_index,
)
from tests.registry.case import NAME, OTHER
from tests.transfer.archives import case
from tests.transfer.archives.building import TAR, image_of, place, python_reads
from tests.transfer.archives.case import IT
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.names import Tag
from txregistry.registry.mirror.platforms import Platforms
from txregistry.storage import keys
from txregistry.streams import read_all
from txregistry.transfer.archives.naming import Naming
from txregistry.transfer.archives.writing import Wanted

APP = make_image("app")
INDEX = make_index("app")
TINY = image_of([Content(TAR, b"a layer")], [digest_of(b"a layer")])


def parts(*targets: Any) -> dict[str, bytes]:
    """Give the blobs that an archive is to have."""
    return {
        place(digest): data
        for target in targets
        for digest, data in contents_of(target).items()
    }


class WritingTests(case.ArchiveTestCase):
    def read_back(self, data: bytes) -> tuple[dict[str, bytes], Any, Any]:
        """Give the blobs of an archive, its index, and docker's list."""
        files = python_reads(data)
        self.assertEqual(files.pop("oci-layout"), b'{"imageLayoutVersion":"1.0.0"}')
        saved = files.pop("manifest.json", b"null")
        return files, json.loads(files.pop("index.json")), json.loads(saved)

    def test_an_image(self) -> None:
        self.push_image(APP)
        plan = self.plan()
        data = self.write(plan)
        files, index, saved = self.read_back(data)
        self.assertEqual(files, parts(APP))
        self.assertEqual(
            index["manifests"],
            [
                APP.manifest.descriptor(
                    annotations={
                        "io.containerd.image.name": "docker.io/library/alpine:it",
                        "org.opencontainers.image.ref.name": "it",
                    }
                )
            ],
        )
        self.assertEqual(
            saved,
            [
                {
                    "Config": place(APP.config.digest),
                    "RepoTags": ["library/alpine:it"],
                    "Layers": [place(layer.digest) for layer in APP.layers],
                }
            ],
        )
        self.assertEqual(len(data), plan.size)
        self.assertEqual(plan.digests, (Digest.parse(APP.digest),))

    def test_what_says_what_there_is_comes_first(self) -> None:
        self.push_image(INDEX)
        names = [entry.place for entry in self.plan().entries]
        self.assertEqual(
            names[:5],
            ["oci-layout", "index.json", "manifest.json", "blobs", "blobs/sha256"],
        )
        manifests = [place(each.digest) for each in INDEX.manifests]
        self.assertEqual(sorted(names[5:8]), sorted(manifests))

    def test_an_index(self) -> None:
        self.push_image(INDEX)
        files, _, saved = self.read_back(self.write(self.plan()))
        self.assertEqual(files, parts(INDEX))
        self.assertEqual(saved[0]["Config"], place(INDEX.images[0].config.digest))

    def test_the_engine_may_have_another_platform(self) -> None:
        self.push_image(INDEX)
        data = self.write(self.plan(engine="linux/arm64"))
        self.assertEqual(
            self.read_back(data)[2][0]["Config"], place(INDEX.images[1].config.digest)
        )

    def test_one_platform(self) -> None:
        self.push_image(INDEX)
        plan = self.plan(platforms=Platforms(["linux/arm64"]))
        files, index, _ = self.read_back(self.write(plan))
        self.assertEqual(files, parts(INDEX.images[1]))
        self.assertEqual(index["manifests"][0]["digest"], INDEX.images[1].digest)

    def test_some_platforms(self) -> None:
        third = make_image("third", "s390x")
        document = json.loads(INDEX.manifest.data)
        platform = {"os": "linux", "architecture": "s390x"}
        document["manifests"].append(third.manifest.descriptor(platform=platform))
        document["annotations"] = {"a": "b"}
        data = json.dumps(document).encode()
        self.push_image(INDEX)
        self.push_image(third, None)
        self.push(data, IT)
        plan = self.plan(platforms=Platforms(["linux/arm64", "linux/s390x"]))
        files, index, _ = self.read_back(self.write(plan))
        made = files.pop(place(index["manifests"][0]["digest"]))
        self.assertEqual(
            json.loads(made), {**document, "manifests": document["manifests"][1:]}
        )
        self.assertEqual(files, parts(INDEX.images[1], third))

    def test_attestations_go_with_their_images(self) -> None:
        document = json.loads(INDEX.manifest.data)
        about = []
        for image in INDEX.images:
            made = image_of(
                [Content("application/vnd.in-toto+json", image.digest.encode())],
                [digest_of(image.digest.encode())],
            )
            self.push_image(made, None)
            about.append(made)
            document["manifests"].append(
                made.manifest.descriptor(
                    platform={"os": "unknown", "architecture": "unknown"},
                    annotations={"vnd.docker.reference.digest": image.digest},
                )
            )
        self.push_image(INDEX)
        self.push(json.dumps(document).encode(), IT)
        plan = self.plan(platforms=Platforms(["linux/arm64"]))
        files, index, saved = self.read_back(self.write(plan))
        files.pop(place(index["manifests"][0]["digest"]))
        self.assertEqual(files, parts(INDEX.images[1], about[1]))
        self.assertEqual(saved[0]["Config"], place(INDEX.images[1].config.digest))

    def test_no_such_platform(self) -> None:
        self.push_image(INDEX)
        writer = self.make_writer(platforms=Platforms(["windows/amd64"]))
        error = self.fails(ManifestUnknown, writer.plan([Wanted(NAME, IT)]))
        self.assertIn("windows/amd64", error.message)

    def test_several_images(self) -> None:
        other = make_image("other")
        self.push_image(APP, Tag("1"))
        self.push_image(APP, Tag("2"))
        self.push_image(other, Tag("3"), OTHER)
        wanted = [
            Wanted(NAME, Tag("1")),
            Wanted(NAME, Tag("2")),
            Wanted(OTHER, Tag("3")),
            Wanted(OTHER, Digest.parse(other.digest)),
        ]
        plan = self.result(self.make_writer(naming=Naming("host:5000")).plan(wanted))
        files, index, saved = self.read_back(self.write(plan))
        self.assertEqual(files, parts(APP, other))
        self.assertEqual(
            [each["RepoTags"] for each in saved],
            [
                ["host:5000/library/alpine:1", "host:5000/library/alpine:2"],
                ["host:5000/team/app:3"],
            ],
        )
        self.assertEqual(
            [each["digest"] for each in index["manifests"]],
            [APP.digest, APP.digest, other.digest, other.digest],
        )
        self.assertNotIn("annotations", index["manifests"][3])

    def test_what_is_no_image_is_not_for_docker(self) -> None:
        made = image_of([Content("application/vnd.example", b"anything")], [])
        self.push_image(made)
        files, _, saved = self.read_back(self.write(self.plan()))
        self.assertEqual((files, saved), (parts(made), None))

    def test_what_the_other_end_has_is_left_out(self) -> None:
        self.push_image(INDEX)
        have = {Digest.parse(layer.digest) for layer in INDEX.images[0].layers}
        plan = self.plan(have=[*have, Digest.of(b"something else")])
        files, _, saved = self.read_back(self.write(plan))
        wanted = parts(INDEX)
        for digest in have:
            del wanted[place(str(digest))]
        self.assertEqual((files, saved), (wanted, None))
        self.assertEqual(plan.left_out, have)
        sizes = {Digest.parse(blob.digest): len(blob.data) for blob in INDEX.blobs}
        self.assertEqual(self.plan().blobs, sizes)
        self.assertEqual(set(plan.blobs), set(sizes) - have)

    def test_layers_that_need_not_be_here(self) -> None:
        kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        layer = Content(kind, b"to be had elsewhere")
        image = image_of([layer], [digest_of(b"?")])
        self.push_blob(image.config.data)
        self.push(image.manifest.data, IT)
        files, _, saved = self.read_back(self.write(self.plan()))
        self.assertEqual(
            sorted(files), sorted(set(parts(image)) - {place(layer.digest)})
        )
        self.assertEqual(saved, None)

    def test_what_is_not_there(self) -> None:
        for kind, name in ((NameUnknown, NAME), (ManifestUnknown, OTHER)):
            if kind is ManifestUnknown:
                self.push_image(APP, None, OTHER)
            self.fails(kind, self.make_writer().plan([Wanted(name, IT)]))

    def test_a_layer_that_is_not_there(self) -> None:
        self.push_image(APP)
        layer = Digest.parse(APP.layers[0].digest)
        self.result(self.registry.blobs.unlink(NAME, layer))
        self.fails(BlobUnknown, self.make_writer().plan([Wanted(NAME, IT)]))

    def test_a_layer_that_goes_away(self) -> None:
        self.push_image(APP)
        plan = self.plan()
        layer = Digest.parse(APP.layers[1].digest)
        self.result(self.store.delete([keys.blob(layer)]))
        self.fails(BlobUnknown, read_all(plan.open(), plan.size))

    def test_a_layer_that_is_damaged(self) -> None:
        self.push_image(APP)
        layer = APP.layers[1]
        self.put(keys.blob(Digest.parse(layer.digest)), layer.data[:-1] + b"?")
        plan = self.plan()
        self.fails(BlobUnknown, read_all(plan.open(), plan.size))

    def test_indexes_that_lie_too_deep(self) -> None:
        self.push_image(APP, None)
        inner = APP.manifest
        for depth in range(6):
            document = {"schemaVersion": 2, "manifests": [inner.descriptor()]}
            data = json.dumps(document).encode()
            inner = Content("application/vnd.oci.image.index.v1+json", data)
            self.push(data, Tag(str(depth)))
        files = self.read_back(self.write(self.plan(Tag("3"))))[0]
        self.assertLessEqual(set(parts(APP)), set(files))
        writer = self.make_writer()
        self.fails(ManifestInvalid, writer.plan([Wanted(NAME, Tag("5"))]))

    def test_an_index_that_lists_blobs(self) -> None:
        """As BuildKit keeps its cache."""
        layer = APP.layers[0]
        config = Content("application/vnd.buildkit.cacheconfig.v0", b"{}")
        document = {
            "schemaVersion": 2,
            "manifests": [layer.descriptor(), config.descriptor()],
        }
        for each in (layer, config):
            self.push_blob(each.data)
        index = json.dumps(document).encode()
        self.push(index, IT)
        data = self.write(self.plan())
        files, _, saved = self.read_back(data)
        self.assertEqual(
            files,
            {
                place(layer.digest): layer.data,
                place(config.digest): config.data,
                place(digest_of(index)): index,
            },
        )
        self.assertEqual(saved, None)
        self.setUp()
        self.assertEqual(str(self.result(self.bring(data))), digest_of(index))
        self.assertEqual(self.pull_blob(Digest.parse(layer.digest)), layer.data)

    def test_an_index_of_which_no_platform_can_be_read(self) -> None:
        self.push_image(INDEX)
        document = json.loads(INDEX.manifest.data)
        document["manifests"][0]["platform"] = "any"
        self.push(json.dumps(document).encode(), IT)
        saved = self.read_back(self.write(self.plan()))[2]
        self.assertEqual(saved[0]["Config"], place(INDEX.images[0].config.digest))

    def test_always_the_same_bytes(self) -> None:
        self.push_image(INDEX)
        first = self.plan()
        self.clock.advance(10_000)
        self.registry = self.make_registry()
        second = self.plan()
        self.assertEqual(first.identity, second.identity)
        self.assertTrue(self.write(first) == self.write(second))

    def test_another_archive_has_another_identity(self) -> None:
        self.push_image(INDEX)
        self.push_image(APP, Tag("2"))
        plans = [
            self.plan(),
            self.plan(Tag("2")),
            self.plan(IT, Tag("2")),
            self.plan(naming=Naming("host")),
            self.plan(platforms=Platforms(["linux/arm64"])),
            self.plan(have=[Digest.parse(INDEX.images[0].layers[0].digest)]),
        ]
        self.assertEqual(len({plan.identity for plan in plans}), len(plans))

    def test_sizes_beyond_8_gib_fit_in(self) -> None:
        from txregistry.transfer.archives.stream import Entry  # noqa: PLC0415

        class Vast:
            size = 9 << 30

            async def open(self, start: int) -> Any:
                raise NotImplementedError

        info = tarfile.TarInfo.frombuf(Entry("a", Vast()).header(), "utf-8", "strict")
        self.assertEqual(info.size, 9 << 30)


class ResumeTests(case.ArchiveTestCase):
    def test_from_every_byte(self) -> None:
        self.push_image(TINY)
        plan = self.plan()
        whole = self.write(plan)
        for start in range(len(whole) + 1):
            self.assertTrue(self.write(plan, start) == whole[start:], start)

    def test_from_parts_of_larger_ones(self) -> None:
        self.push_image(INDEX)
        plan = self.plan()
        whole = self.write(plan)
        for start in range(0, len(whole), 9973):
            self.assertTrue(self.write(plan, start) == whole[start:], start)

    def test_what_is_before_is_not_read(self) -> None:
        self.push_image(APP)
        plan = self.plan()
        whole = self.write(plan)
        first = Digest.parse(APP.layers[0].digest)
        offset = whole.index(APP.layers[1].data[:100])
        self.result(self.store.delete([keys.blob(first)]))
        self.assertTrue(self.write(plan, offset) == whole[offset:])

    def test_a_layer_that_is_cut_off(self) -> None:
        self.push_image(APP)
        plan = self.plan()
        layer = APP.layers[1]
        offset = self.write(plan).index(layer.data) + 1
        self.put(keys.blob(Digest.parse(layer.digest)), layer.data[:-1])
        self.fails(BlobUnknown, read_all(plan.open(offset), plan.size))

    def test_reading_may_stop(self) -> None:
        self.push_image(APP)
        reader = self.plan().open()
        for _ in range(10):
            self.result(reader.read(1000))
        self.result(reader.close())
        self.assertEqual(self.result(reader.read(1000)), b"")
