"""Tests of ``txregistry/transfer/archives/reading.py``."""

import gzip
import json
import tarfile

from tests.integration.clients.images import (
    Content,
    digest_of,
    make_image,
    make_index,
)
from tests.registry.case import NAME, OTHER
from tests.transfer.archives import case
from tests.transfer.archives.building import (
    CONTAINERD,
    TAR,
    image_of,
    layout,
    link,
    made_manifest,
    member,
    pack,
    saved,
)
from tests.transfer.archives.case import IT
from txregistry.model.digest import Digest
from txregistry.model.names import Tag
from txregistry.streams import BytesReader, IReader
from txregistry.transfer.archives.refusals import ArchiveAmbiguous, ArchiveIncomplete

APP = make_image("app")
INDEX = make_index("app")


class Drops(BytesReader):
    """Give few bytes at a time."""

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return await super().read(min(limit, 777))


class LayoutTests(case.ArchiveTestCase):
    def test_an_image(self) -> None:
        self.assertEqual(str(self.read(layout({"1": APP}))), APP.digest)
        self.assertHolds(APP)

    def test_an_index(self) -> None:
        self.assertEqual(str(self.read(layout({"1": INDEX}))), INDEX.digest)
        self.assertHolds(INDEX)

    def test_types_of_docker(self) -> None:
        index = make_index("docker", docker=True)
        self.read(layout({"1": index}))
        self.assertHolds(index)

    def test_members_in_any_order(self) -> None:
        members = layout({"1": INDEX})
        for turn in range(len(members)):
            self.setUp()
            self.read([*members[turn:], *members[:turn]][:: (-1) ** turn])
            self.assertHolds(INDEX)

    def test_names_that_begin_with_a_dot(self) -> None:
        members = [
            (f"./{each[0]}", each[1])
            for each in layout({"1": APP})
            if isinstance(each, tuple)
        ]
        self.read([member("./", tarfile.DIRTYPE), *members])
        self.assertHolds(APP)

    def test_bytes_may_come_in_drops(self) -> None:
        source: IReader = Drops(pack(layout({"1": INDEX})))
        self.result(self.bring(source))
        self.assertHolds(INDEX)

    def test_whole_archives_may_be_packed(self) -> None:
        from backports import zstd  # noqa: PLC0415 - only this test needs it

        data = pack(layout({"1": APP}))
        for packed in (gzip.compress(data), zstd.compress(data)):
            self.setUp()
            self.result(self.bring(packed))
            self.assertHolds(APP)

    def test_what_is_no_part_is_not_kept(self) -> None:
        more = Content("text/plain", b"neither config nor layer")
        self.read(
            [
                *layout({"1": APP}),
                ("blobs/sha256/" + more.digest[7:], more.data),
                ("x", b"y"),
            ]
        )
        kept = [key for key in self.keys() if key.endswith("/data")]
        self.assertEqual(len(kept), len({*APP.blobs, *APP.manifests}))

    def test_layers_in_zstd(self) -> None:
        from backports import zstd  # noqa: PLC0415 - only this test needs it

        tar = APP.tars[0]
        layer = Content(f"{TAR}+zstd", zstd.compress(tar))
        image = image_of([layer], [digest_of(tar)])
        self.read(layout({"1": image}))
        self.assertHolds(image)

    def test_what_is_no_image_has_no_diff_ids(self) -> None:
        image = image_of([Content("application/vnd.example", b"anything")], [])
        self.read(layout({"1": image}))
        self.assertHolds(image)

    def test_an_index_in_an_index(self) -> None:
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX.manifest.media_type,
            "manifests": [INDEX.manifest.descriptor()],
        }
        outer = Content(INDEX.manifest.media_type, json.dumps(document).encode())
        listed = {"schemaVersion": 2, "manifests": [outer.descriptor()]}
        members = [
            each
            for each in layout({"1": INDEX})
            if isinstance(each, tuple) and each[0] != "index.json"
        ]
        found = self.read(
            [
                ("index.json", json.dumps(listed).encode()),
                ("blobs/sha256/" + outer.digest[7:], outer.data),
                *members,
            ]
        )
        self.assertEqual(str(found), outer.digest)
        self.assertHolds(INDEX, None)

    def test_empty_layers(self) -> None:
        image = image_of([Content(TAR, b"")], [digest_of(b"")])
        self.read(layout({"1": image}))
        self.assertHolds(image)

    def test_sha512(self) -> None:
        config, layer = b'{"rootfs":{}}', b"a layer"
        parts = [
            {
                "mediaType": kind,
                "digest": str(Digest.of(data, "sha512")),
                "size": len(data),
            }
            for kind, data in (
                ("application/vnd.oci.image.config.v1+json", config),
                (TAR, layer),
            )
        ]
        manifest = json.dumps(
            {"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}
        ).encode()
        digest = Digest.of(manifest, "sha512")
        listed = {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": str(digest),
            "size": len(manifest),
        }
        index = {"schemaVersion": 2, "manifests": [listed]}
        found = self.read(
            [
                ("index.json", json.dumps(index).encode()),
                *(
                    (f"blobs/sha512/{Digest.of(data, 'sha512').encoded}", data)
                    for data in (config, layer, manifest)
                ),
            ]
        )
        self.assertEqual(found, digest)
        self.assertEqual(self.pull_blob(Digest.of(layer, "sha512")), layer)


class NamesTests(case.ArchiveTestCase):
    def test_an_image_is_there_once_with_all_its_names(self) -> None:
        other = make_image("other")
        names = ("docker.io/library/app:1", "docker.io/library/app:2", "host:5000/x")
        targets = {names[0]: APP, names[1]: APP, names[2]: other}
        first, second = self.images(layout(targets, CONTAINERD))
        self.assertEqual((first.names, second.names), (names[:2], names[2:]))
        self.assertEqual((first.tags, second.tags), ((Tag("1"), Tag("2")), ()))

    def test_a_reference_may_be_a_tag_alone(self) -> None:
        (image,) = self.images(layout({"1.2": APP}))
        self.assertEqual(image.tags, (Tag("1.2"),))

    def test_one_of_several_must_be_chosen(self) -> None:
        other = make_image("other")
        members = layout({"app:1": APP, "app:2": other})
        for called in (None, "app:3"):
            sentence = self.refuses(ArchiveAmbiguous, members, called=called)
            self.assertIn("app:1, app:2", sentence)
        for called in ("app:2", "2", other.digest):
            self.setUp()
            self.read(members, called=called)
            self.assertHolds(other)

    def test_names_in_full_and_in_short(self) -> None:
        targets = {"docker.io/library/app:1": APP, "team/app:2": make_image("other")}
        first, second = self.images(layout(targets, CONTAINERD))
        for name in ("app:1", "library/app:1", "docker.io/library/app:1", "1"):
            self.assertTrue(first.is_called(name))
            self.assertFalse(second.is_called(name))
        for name in (
            "team/app:2",
            "docker.io/team/app:2",
            str(second.descriptor.digest),
        ):
            self.assertTrue(second.is_called(name))
            self.assertFalse(first.is_called(name))

    def test_several_can_be_published(self) -> None:
        other = make_image("other")

        async def work() -> None:
            data = pack(layout({"app:1": APP, "app:2": other}))
            async with self.make_reader().open(BytesReader(data)) as archive:
                for image in archive.images:
                    await archive.publish(NAME, image.tags, image)
                    await archive.publish(OTHER, image.tags, image)

        self.result(work())
        for name in (NAME, OTHER):
            self.assertEqual(self.tags(name), ["1", "2"])
            self.assertHolds(APP, Tag("1"), name)
            self.assertHolds(other, Tag("2"), name)
        self.assertNothingStaged()


class SavedTests(case.ArchiveTestCase):
    """What ``docker save`` wrote before version 25."""

    def assertMade(self, digest: Digest) -> None:
        """The image has a manifest, with config and layers as they came."""
        found = self.result(self.registry.manifests.find(NAME, IT))
        self.assertEqual(found.digest, digest)
        self.assertEqual(json.loads(found.data), made_manifest(APP))
        for data in (APP.config.data, *APP.tars):
            self.assertEqual(self.pull_blob(Digest.of(data)), data)

    def test_the_manifest_last(self) -> None:
        self.assertMade(self.read(saved({"app:1": APP})))

    def test_the_manifest_first(self) -> None:
        self.assertMade(self.read(saved({"app:1": APP}, first=True)))

    def test_always_the_same_digest(self) -> None:
        first, second = (saved({"app:1": APP}, first=first) for first in (True, False))
        self.assertEqual(self.read(first), self.read(second))

    def test_links_between_equal_layers(self) -> None:
        twin = image_of(
            [Content(TAR, APP.tars[0])], [digest_of(APP.tars[0])], author="other"
        )
        twin = type(twin)(twin.manifest, twin.config, APP.layers[:1], "amd64")
        members = saved({"app:1": APP, "app:2": twin})
        self.assertEqual(
            len([each for each in members if getattr(each, "linkname", "")]), 1
        )
        for order in (members, members[::-1]):
            self.setUp()
            self.read(order, called="app:2")
            self.assertEqual(self.pull_blob(Digest.of(APP.tars[0])), APP.tars[0])

    def test_links_as_podman_writes_them(self) -> None:
        hexes = [digest_of(tar)[7:] for tar in APP.tars]
        manifest = [
            {
                "Config": f"{APP.config.digest[7:]}.json",
                "RepoTags": None,
                "Layers": [f"{each}.tar" for each in hexes],
            }
        ]
        found = self.read(
            [
                *(
                    (f"{each}.tar", tar)
                    for each, tar in zip(hexes, APP.tars, strict=True)
                ),
                *(link(f"{each[::-1]}/layer.tar", f"../{each}.tar") for each in hexes),
                (f"{APP.config.digest[7:]}.json", APP.config.data),
                ("manifest.json", json.dumps(manifest).encode()),
            ]
        )
        self.assertMade(found)

    def test_packed_layers(self) -> None:
        layers = {f"{number}.tgz": layer for number, layer in enumerate(APP.layers)}
        manifest = [{"Config": "c.json", "Layers": list(layers)}]
        self.read(
            [
                ("manifest.json", json.dumps(manifest).encode()),
                ("c.json", APP.config.data),
                *((name, layer.data) for name, layer in layers.items()),
            ]
        )
        found = self.result(self.registry.manifests.find(NAME, IT)).parse()
        self.assertEqual(
            [(each.media_type, str(each.digest)) for each in found.blobs[1:]],
            [(f"{TAR}+gzip", layer.digest) for layer in APP.layers],
        )

    def test_an_image_without_layers(self) -> None:
        image = image_of([], [])
        manifest = [{"Config": "c.json", "RepoTags": ["a:1"], "Layers": None}]
        self.read(
            [
                ("manifest.json", json.dumps(manifest).encode()),
                ("c.json", image.config.data),
            ]
        )
        self.assertEqual(self.tags(), ["it"])

    def test_newer_engines_write_a_layout_too(self) -> None:
        """It has the manifest as it is, so that is what counts."""
        manifest = [
            {
                "Config": f"blobs/sha256/{APP.config.digest[7:]}",
                "RepoTags": ["app:1"],
                "Layers": [f"blobs/sha256/{each.digest[7:]}" for each in APP.layers],
            }
        ]
        document = ("manifest.json", json.dumps(manifest).encode())
        found = self.read([*layout({"app:1": APP}), document])
        self.assertEqual(str(found), APP.digest)


class PartialTests(case.ArchiveTestCase):
    """Archives that have not all of what they name."""

    def only(self, *kept: str) -> list[tuple[str, bytes]]:
        """Give a layout of the index that has only some blobs."""
        return [
            each
            for each in layout({"1": INDEX})
            if isinstance(each, tuple)
            and (not each[0].startswith("blobs/") or "sha256:" + each[0][13:] in kept)
        ]

    def test_the_repository_may_have_the_rest(self) -> None:
        first, second = INDEX.images
        self.push_image(first, None)
        kept = [each.digest for each in (*second.blobs, *second.manifests)]
        self.read(self.only(INDEX.digest, *kept))
        self.assertHolds(INDEX)

    def test_another_repository_having_it_does_not_help(self) -> None:
        self.push_image(INDEX, None, OTHER)
        layer = APP.layers[0]
        self.push_image(APP, None, OTHER)
        members = [
            each
            for each in layout({"1": APP})
            if isinstance(each, tuple) and layer.digest[7:] not in each[0]
        ]
        sentence = self.refuses(ArchiveIncomplete, members)
        self.assertIn(layer.digest, sentence)

    def test_one_platform_of_an_index_is_taken_alone(self) -> None:
        second = INDEX.images[1]
        kept = [each.digest for each in (*second.blobs, *second.manifests)]
        found = self.read(self.only(INDEX.digest, *kept))
        self.assertEqual(str(found), second.digest)
        self.assertHolds(second)

    def test_an_index_without_images_is_not(self) -> None:
        self.refuses(ArchiveIncomplete, self.only(INDEX.digest))

    def test_tags_stay_when_something_is_missing(self) -> None:
        self.push_image(APP)
        self.refuses(ArchiveIncomplete, self.only(INDEX.digest))
        self.assertHolds(APP)
