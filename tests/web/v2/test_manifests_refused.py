"""Tests of which manifests are taken, and which are refused with what code."""

import json
from typing import Any

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import (
    ABSENT,
    CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    LAYER,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    descriptor,
    digest_of,
    image,
    image_document,
    index,
    write,
)

_LIMIT = 4 * 1024 * 1024
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"


def _padded(size: int) -> bytes:
    data = image(annotations={"padding": ""})
    return data.replace(b'""', b'"%s"' % (b"x" * (size - len(data))))


class ManifestCase(exchange.WebCase):
    """A repository with one config and one layer."""

    def setUp(self) -> None:
        super().setUp()
        self.push_blob("a", CONFIG)
        self.push_blob("a", LAYER)

    def put(self, data: bytes, media_type: str | None = OCI_MANIFEST) -> Answer:
        """Push a manifest."""
        headers = {} if media_type is None else {"Content-Type": media_type}
        return self.ask("PUT", "/v2/a/manifests/latest", headers, data)

    def assertInvalid(
        self, data: bytes, media_type: str | None = OCI_MANIFEST
    ) -> Answer:
        """A manifest is refused, and nothing of it is there afterwards."""
        answer = self.put(data, media_type)
        self.assertRefused(answer, 400, "MANIFEST_INVALID", data[:200])
        answer_now = self.ask("HEAD", "/v2/a/manifests/latest")
        self.assertEqual(answer_now.status, 404, data[:200])
        return answer

    def assertTaken(self, data: bytes, media_type: str | None = OCI_MANIFEST) -> None:
        """A manifest is taken, and given back as it was."""
        answer = self.put(data, media_type)
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(self.get("/v2/a/manifests/latest").body, data)


class InvalidTests(ManifestCase):
    def test_what_is_no_json_object(self) -> None:
        for data in (
            b"",
            b" ",
            b"null",
            b"[]",
            b'"x"',
            b"2",
            b"{",
            b"{}",
            b"{}{}",
            b"\xff\xfe{}",
            b"\xef\xbb\xbf" + image(),
            image() + b"x",
            image() + image(),
            image()[:-3],
            b"[" * 100_000,
            b'{"a":' * 100_000,
            image().replace(b'"schemaVersion"', b'"schemaVersion\xff"'),
            b"NaN",
        ):
            self.assertInvalid(data)

    def test_documents_of_a_wrong_shape(self) -> None:
        good = descriptor(LAYER, OCI_LAYER)
        changes: tuple[dict[str, Any], ...] = (
            {"schemaVersion": 1},
            {"schemaVersion": "2"},
            {"schemaVersion": None},
            {"schemaVersion": 2.5},
            {"config": None},
            {"config": []},
            {"config": {}},
            {"config": "x"},
            {"layers": None},
            {"layers": {}},
            {"layers": [None]},
            {"layers": [[]]},
            {"layers": [{**good, "digest": None}]},
            {"layers": [{**good, "digest": "md5:" + "0" * 32}]},
            {"layers": [{**good, "digest": good["digest"].upper()}]},
            {"layers": [{**good, "size": -1}]},
            {"layers": [{**good, "size": "26"}]},
            {"layers": [{**good, "size": 1.5}]},
            {"layers": [{**good, "size": True}]},
            {"layers": [{**good, "size": None}]},
            {"layers": [{**good, "size": 10**30}]},
            {"layers": [{**good, "mediaType": None}]},
            {"layers": [{**good, "mediaType": 5}]},
            {"layers": [{key: good[key] for key in ("digest", "size")}]},
            {"layers": [{key: good[key] for key in ("mediaType", "size")}]},
            {"layers": [{key: good[key] for key in ("mediaType", "digest")}]},
            {"manifests": []},
            {"subject": "x"},
            {"subject": {**good, "digest": "x"}},
            {"subject": []},
            {"annotations": {"a": 1}},
            {"annotations": []},
            {"artifactType": 5},
            {"mediaType": 5},
        )
        for change in changes:
            data = write({**image_document(), **change})
            self.assertInvalid(data)

    def test_without_what_it_must_have(self) -> None:
        for name in ("schemaVersion", "config", "layers"):
            document = image_document()
            del document[name]
            self.assertInvalid(write(document))

    def test_an_index_of_a_wrong_shape(self) -> None:
        changes: tuple[dict[str, Any], ...] = (
            {"manifests": None},
            {"manifests": {}},
            {"manifests": [{}]},
            {"config": descriptor(CONFIG, OCI_CONFIG)},
            {"layers": []},
            {"schemaVersion": 3},
        )
        for change in changes:
            data = write({**json.loads(index()), **change})
            self.assertInvalid(data, OCI_INDEX)

    def test_types_that_are_none_of_a_manifest(self) -> None:
        """Podman reads this code, and goes on with another format."""
        for media_type in (
            "application/json",
            "text/plain",
            "application/vnd.oci.artifact.manifest.v1+json",
            OCI_CONFIG,
            "x",
            "application/octet-stream",
        ):
            self.assertInvalid(image(), media_type)
            self.assertInvalid(write({**image_document(), "mediaType": media_type}))
            data = write({**image_document(), "mediaType": media_type})
            self.assertInvalid(data, media_type)
            self.assertInvalid(data, None)

    def test_types_that_disagree(self) -> None:
        self.assertInvalid(image(), DOCKER_MANIFEST)
        self.assertInvalid(image(), OCI_INDEX)
        self.assertInvalid(index(), DOCKER_LIST)
        self.assertInvalid(index(), OCI_MANIFEST)

    def test_a_type_that_disagrees_with_the_shape(self) -> None:
        document = image_document()
        del document["mediaType"]
        self.assertInvalid(write(document), OCI_INDEX)

    def test_schema_1(self) -> None:
        data = write({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": []})
        for media_type in (_SCHEMA1, _SCHEMA1.replace("json", "prettyjws")):
            answer = self.assertInvalid(data, media_type)
            self.assertIn("schema 1", answer.json["errors"][0]["message"])
        self.assertInvalid(data, None)

    def test_no_traceback_reaches_the_client(self) -> None:
        for data in (b"[" * 100_000, b"\xff", b"{"):
            answer = self.put(data)
            for word in (b"Traceback", b".py", b"Error("):
                self.assertNotIn(word, answer.body)


class TakenTests(ManifestCase):
    def test_bytes_stay_as_they_are(self) -> None:
        for data in (
            image(unknown={"a": [1, None, 1.5]}),
            b" \r\n" + image() + b"\n\n\t",
            json.dumps(image_document(), separators=(",", ":")).encode(),
            image(layers=(LAYER, LAYER)),
            image(annotations={"\u00e9\n": "\u4e2d"}),
        ):
            self.assertTaken(data)

    def test_without_a_type_inside(self) -> None:
        document = image_document()
        del document["mediaType"]
        self.assertTaken(write(document))
        self.assertTaken(write(document), None)

    def test_an_index_without_any_type(self) -> None:
        data = write({"schemaVersion": 2, "manifests": []})
        self.assertTaken(data, None)
        answer = self.ask("HEAD", "/v2/a/manifests/latest")
        self.assertEqual(answer.header("content-type"), OCI_INDEX)

    def test_types_of_config_and_layers_are_free(self) -> None:
        for media_type in (
            "application/vnd.cncf.helm.config.v1+json",
            "x",
            "text/plain",
        ):
            config = descriptor(CONFIG, media_type)
            self.assertTaken(image(config=CONFIG, more=config))
            self.assertTaken(write({**image_document(), "config": config}))

    def test_a_subject_that_is_not_there(self) -> None:
        self.assertTaken(image(subject=descriptor(b"nothing", OCI_MANIFEST)))

    def test_layers_that_are_not_distributable(self) -> None:
        for media_type in (
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.foreign.diff.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        ):
            urls = ["https://elsewhere.example/layer"]
            layer = descriptor(b"elsewhere", media_type, urls=urls)
            self.assertTaken(image(layers=(), more=1))
            self.assertTaken(write({**image_document(), "layers": [layer]}))

    def test_children_that_are_blobs(self) -> None:
        """As in the index that is BuildKit's cache."""
        self.assertTaken(index(LAYER, CONFIG, child_type=OCI_LAYER), OCI_INDEX)

    def test_as_large_as_the_largest(self) -> None:
        data = _padded(_LIMIT)
        self.assertEqual(len(data), _LIMIT)
        self.assertTaken(data)


class TooLargeTests(ManifestCase):
    def test_by_its_length(self) -> None:
        answer = self.put(_padded(_LIMIT + 1))
        self.assertRefused(answer, 413, "MANIFEST_INVALID")

    def test_by_its_length_before_it_comes(self) -> None:
        connection = self.exchange.connect()
        headers = {"Content-Length": str(10**15), "Expect": "100-continue"}
        connection.send(
            exchange.request_bytes("PUT", "/v2/a/manifests/latest", headers)
        )
        answer = connection.answer("PUT")
        self.assertRefused(answer, 413, "MANIFEST_INVALID")
        self.assertEqual(answer.interim, ())

    def test_by_counting(self) -> None:
        connection = self.exchange.connect()
        headers = {"Content-Type": OCI_MANIFEST, **exchange.CHUNKED}
        connection.send(
            exchange.request_bytes("PUT", "/v2/a/manifests/latest", headers)
        )
        sent = 0
        while not connection.received and sent < 2 * _LIMIT:
            connection.send(b"8000\r\n" + b"x" * 32768 + b"\r\n")
            sent += 32768
        self.assertRefused(connection.answer("PUT"), 413, "MANIFEST_INVALID")
        self.assertLessEqual(sent, _LIMIT + 32768)
        self.assertTrue(connection.ended)


class CompletenessTests(ManifestCase):
    def missing(self, data: bytes, media_type: str = OCI_MANIFEST) -> Any:
        answer = self.put(data, media_type)
        self.assertRefused(answer, 400, "MANIFEST_BLOB_UNKNOWN")
        self.assertEqual(self.ask("HEAD", "/v2/a/manifests/latest").status, 404)
        return answer.json["errors"][0]["detail"]["digests"]

    def test_a_missing_config(self) -> None:
        self.assertEqual(self.missing(image(config=b"x")), [digest_of(b"x")])

    def test_missing_layers_are_told_each_once(self) -> None:
        data = image(layers=(b"1", LAYER, b"2", b"1"))
        self.assertEqual(self.missing(data), [digest_of(b"1"), digest_of(b"2")])

    def test_a_missing_child(self) -> None:
        child = image()
        self.assertEqual(self.missing(index(child), OCI_INDEX), [digest_of(child)])

    def test_what_other_repositories_have_is_missing(self) -> None:
        self.push_blob("b", b"theirs")
        data = image(layers=(b"theirs",))
        self.assertEqual(self.missing(data), [digest_of(b"theirs")])

    def test_inline_data_does_not_replace_a_blob(self) -> None:
        layer = descriptor(b"inline", OCI_LAYER, data="aW5saW5l")
        data = write({**image_document(), "layers": [layer]})
        self.assertEqual(self.missing(data), [digest_of(b"inline")])

    def test_a_type_that_only_begins_like_one_not_distributable(self) -> None:
        media_type = "application/vnd.oci.image.layer.v1.tar"
        layer = descriptor(b"elsewhere", media_type, urls=["https://x.example"])
        data = write({**image_document(), "layers": [layer]})
        self.assertEqual(self.missing(data), [digest_of(b"elsewhere")])

    def test_another_size(self) -> None:
        layer = {**descriptor(LAYER, OCI_LAYER), "size": len(LAYER) + 1}
        data = write({**image_document(), "layers": [layer]})
        answer = self.assertInvalid(data)
        self.assertEqual(answer.json["errors"][0]["detail"]["size"], len(LAYER))

    def test_very_many_layers(self) -> None:
        layers = [descriptor(b"%d" % number, OCI_LAYER) for number in range(300)]
        data = write({**image_document(), "layers": layers})
        self.assertEqual(self.missing(data), [each["digest"] for each in layers])

    def test_switched_off(self) -> None:
        self.exchange = exchange.Exchange(complete=False)
        self.assertTaken(image())
        self.assertTaken(index(b"child"), OCI_INDEX)

    def test_switched_off_documents_are_read_all_the_same(self) -> None:
        self.exchange = exchange.Exchange(complete=False)
        self.assertRefused(self.put(b"{}"), 400, "MANIFEST_INVALID")

    def test_a_config_of_nothing(self) -> None:
        config = {"mediaType": OCI_CONFIG, "digest": ABSENT, "size": 0}
        data = write({**image_document(), "config": config})
        self.assertEqual(self.missing(data), [ABSENT])
