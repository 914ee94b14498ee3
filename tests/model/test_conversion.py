"""Tests of ``txregistry/model/conversion.py``.

What configs are expected was computed with the structs of Docker 1.12 in Go.
"""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.conversion import make_config, make_manifest, squeeze
from txregistry.model.descriptors import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    DOCKER_TAR,
    Descriptor,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import ImageInvalid
from txregistry.model.manifests import parse_manifest

FIRST = Digest.of(b"first")
SECOND = Digest.of(b"second")
YEAR_ONE = "0001-01-01T00:00:00Z"

DEFAULT = (
    b'{"Hostname":"","Domainname":"","User":"","AttachStdin":false,'
    b'"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,'
    b'"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,'
    b'"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null}'
)
ROOTFS = b'"rootfs":{"type":"layers","diff_ids":["%s","%s"]}' % (
    str(FIRST).encode(),
    str(SECOND).encode(),
)

OLD_BASE = {
    "id": "a" * 64,
    "created": "2013-04-11T14:13:15.100000-07:00",
    "author": "Ann <ann@example.com>",
    "comment": "Imported",
}
OLD_TOP = {
    "id": "b" * 64,
    "parent": "a" * 64,
    "created": "2013-06-12T00:00:00+00:00",
    "container": "c" * 64,
    "container_config": {"Cmd": "/bin/sh", "Memory": 0, "Cpuset": ""},
    "docker_version": "0.6.5",
    "config": {
        "Labels": {"b": "1", "a": None},
        "Hostname": "host",
        "memory": 5,
        "PortSpecs": None,
        "ExposedPorts": {"80/tcp": {}, "22/tcp": {"x": 1}},
        "Env": ["A=<1>"],
        "cmd": ["run", None],
        "Volumes": {},
        "Entrypoint": [],
        "NetworkDisabled": True,
        "OnBuild": [],
        "StopTimeout": 0,
        "Healthcheck": {"Retries": 3, "Test": ["NONE"], "Interval": 0},
        "Shell": [],
    },
    "architecture": "x86_64",
    "Size": 5,
    "extra": 1,
}
OLD_CONFIG = (
    b'{"architecture":"amd64","config":{"Hostname":"host","Domainname":"","User":"",'
    b'"AttachStdin":false,"AttachStdout":false,"AttachStderr":false,'
    b'"ExposedPorts":{"22/tcp":{},"80/tcp":{}},"Tty":false,"OpenStdin":false,'
    rb'"StdinOnce":false,"Env":["A=\u003c1\u003e"],"Cmd":["run",""],'
    b'"Healthcheck":{"Test":["NONE"],"Retries":3},"Image":"","Volumes":{},'
    b'"WorkingDir":"","Entrypoint":[],"NetworkDisabled":true,"OnBuild":[],'
    b'"Labels":{"a":"","b":"1"},"StopTimeout":0},"container":"'
    + b"c" * 64
    + b'","container_config":'
    + DEFAULT.replace(b'"Cmd":null', b'"Cmd":["/bin/sh"]')
    + b',"created":"2013-06-12T00:00:00Z","docker_version":"0.6.5","history":['
    b'{"created":"2013-04-11T14:13:15.1-07:00",'
    rb'"author":"Ann \u003cann@example.com\u003e","comment":"Imported"},'
    b'{"created":"2013-06-12T00:00:00Z","created_by":"/bin/sh"}],"os":"linux",'
    + ROOTFS
    + b"}"
)


def convert(*documents: object) -> bytes:
    """Make the config of some images, the base first."""
    digests = (FIRST, SECOND)[: len(documents)]
    jsons = [json.dumps(each).encode() for each in documents]
    return make_config(list(zip(jsons, digests, strict=True)))


def config(**members: object) -> Any:
    """Make the config of one image, and read it again."""
    return json.loads(convert({"id": "a" * 64, **members}))


class OldImageTests(SynchronousTestCase):
    def test_it_is_squeezed_as_docker_does(self) -> None:
        self.assertEqual(convert(OLD_BASE, OLD_TOP), OLD_CONFIG)

    def test_nothing_is_written_as_nothing(self) -> None:
        self.assertEqual(
            squeeze(b"{}"),
            {"created": f'"{YEAR_ONE}"'.encode(), "container_config": DEFAULT},
        )

    def test_an_empty_config_is_written_in_full(self) -> None:
        self.assertEqual(squeeze(b'{"config":{}}')["config"], DEFAULT)

    def test_fields_of_a_wrong_type_are_left_at_nothing(self) -> None:
        wrong: dict[str, object] = {
            "comment": 5,
            "created": [],
            "container": {},
            "container_config": "x",
            "author": True,
            "config": [],
            "architecture": 1.5,
        }
        self.assertEqual(squeeze(json.dumps(wrong).encode()), squeeze(b"{}"))

    def test_fields_of_the_config_likewise(self) -> None:
        wrong = dict.fromkeys(json.loads(DEFAULT), 5)
        lists = {name: ["x", 5] for name in ("Shell", "Env", "Cmd", "OnBuild")}
        more = {"ExposedPorts": {"80/tcp": 5}, "Volumes": [], "Labels": {"a": 5}}
        others = {"StopTimeout": 2**63, "Healthcheck": "x", "MacAddress": None}
        data = json.dumps({"config": {**wrong, **lists, **more, **others}}).encode()
        self.assertEqual(squeeze(data)["config"], DEFAULT)

    def test_true_is_no_number(self) -> None:
        data = b'{"config":{"StopTimeout":true}}'
        self.assertEqual(squeeze(data)["config"], DEFAULT)

    def test_versions_before_1_8_3_are_old(self) -> None:
        versions = ("", "0.6.5", "1.8", "1.8.2", "1.8.2.9", "x", "1.x.9", "-2")
        for version in versions:
            self.assertNotIn("extra", config(docker_version=version, extra=1))

    def test_versions_from_1_8_3_on_are_not(self) -> None:
        for version in ("1.8.3", "1.8.03", "1.10.0-dev", "2", "17.05.0-ce", "9" * 5000):
            self.assertIn("extra", config(docker_version=version, extra=1))


class NewImageTests(SynchronousTestCase):
    def test_values_stay_as_they_are(self) -> None:
        top = (
            b'{"docker_version": "1.9.1", "created": "2015-01-02T00:00:00.500Z",\n'
            b' "id": "x", "parent": "y", "Size": 5, "parent_id": "z",'
            b' "layer_id": "l", "throwaway": true, "rootfs": 1, "history": 2,'
            b' "config": {"b": 1.50, "a": "<"}, "architecture": "arm", "os": "linux"}\n'
        )
        self.assertEqual(
            make_config([(b'{"id":"y"}', FIRST), (top, SECOND)]),
            rb'{"architecture":"arm","config":{"b":1.50,"a":"\u003c"},'
            b'"created":"2015-01-02T00:00:00.500Z","docker_version":"1.9.1",'
            b'"history":[{"created":"0001-01-01T00:00:00Z"},'
            b'{"created":"2015-01-02T00:00:00.5Z"}],"os":"linux",' + ROOTFS + b"}",
        )

    def test_a_missing_platform_is_the_usual_one(self) -> None:
        nothing: tuple[object, ...] = (None, "", 5, [])
        for found in nothing:
            made = config(docker_version="1.9.1", architecture=found, os=found)
            self.assertEqual((made["architecture"], made["os"]), ("amd64", "linux"))

    def test_x86_64_is_amd64(self) -> None:
        made = config(docker_version="1.9.1", architecture="x86_64")
        self.assertEqual(made["architecture"], "amd64")

    def test_layers_without_content_stay_layers(self) -> None:
        made = json.loads(convert({"id": "a"}, {"id": "b"}))
        self.assertEqual(made["rootfs"]["diff_ids"], [str(FIRST), str(SECOND)])
        self.assertEqual(made["history"], [{"created": YEAR_ONE}] * 2)

    def test_what_is_no_json_is_refused(self) -> None:
        for data in (b"", b"[]", b"\xff", b'{"a":1,"a":1}', b"null"):
            with self.assertRaises(ImageInvalid):
                make_config([(data, FIRST), (b"{}", SECOND)])

    @given(
        st.dictionaries(
            st.sampled_from(tuple(OLD_TOP)),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        )
    )
    def test_any_members_make_a_config(self, members: dict[str, object]) -> None:
        data = json.dumps(members).encode()
        try:
            made = json.loads(make_config([(data, FIRST)]))
        except ImageInvalid:
            self.assertTrue(b"NaN" in data or b"Infinity" in data)
            return
        self.assertTrue(made["os"])
        self.assertEqual(len(made["history"]), 1)


class HistoryTests(SynchronousTestCase):
    def entry(self, **members: object) -> Any:
        return config(**members)["history"][0]

    def created(self, text: object) -> object:
        return self.entry(created=text)["created"]

    def test_members_are_in_dockers_order(self) -> None:
        command = {"Cmd": ["/bin/sh", "-c", "true"]}
        found = self.entry(
            comment="c", container_config=command, author="a", created=YEAR_ONE
        )
        self.assertEqual(
            list(found.items()),
            [
                ("created", YEAR_ONE),
                ("author", "a"),
                ("created_by", "/bin/sh -c true"),
                ("comment", "c"),
            ],
        )

    def test_a_command_may_be_one_text(self) -> None:
        found = self.entry(container_config={"Cmd": "true x"})
        self.assertEqual(found["created_by"], "true x")

    def test_a_command_that_is_none_is_left_out(self) -> None:
        nothing: tuple[object, ...] = (None, [], "", [""], {}, 5, [5])
        for command in nothing:
            self.assertNotIn(
                "created_by", self.entry(container_config={"Cmd": command})
            )

    def test_times_are_written_as_go_does(self) -> None:
        for text, expected in (
            ("2015-01-02T03:04:05Z", "2015-01-02T03:04:05Z"),
            ("2015-01-02T03:04:05.000Z", "2015-01-02T03:04:05Z"),
            ("2015-01-02T03:04:05.120+02:00", "2015-01-02T03:04:05.12+02:00"),
            ("2015-01-02T03:04:05.1234567899Z", "2015-01-02T03:04:05.123456789Z"),
            ("2016-02-29T00:00:00+00:00", "2016-02-29T00:00:00Z"),
            ("2000-02-29T23:59:59-00:00", "2000-02-29T23:59:59Z"),
        ):
            self.assertEqual(self.created(text), expected)

    def test_what_is_no_time_is_the_year_one(self) -> None:
        for text in (
            None,
            5,
            "",
            "2015-01-02",
            "2015-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2015-00-01T00:00:00Z",
            "2015-13-01T00:00:00Z",
            "2015-01-02T24:00:00Z",
            "2015-01-02T00:00:60Z",
            "2015-01-02t00:00:00Z",
            "2015-01-02T00:00:00.Z",
            "2015-01-02T00:00:00Z\n",
            "2015-01-02T00:00:00",
        ):
            self.assertEqual(self.created(text), YEAR_ONE)


class ManifestTests(SynchronousTestCase):
    config = Descriptor(DOCKER_CONFIG, FIRST, 5)
    layers = (Descriptor(DOCKER_LAYER, SECOND, 6), Descriptor(DOCKER_TAR, FIRST, 7))

    def test_it_is_one_of_docker(self) -> None:
        data = make_manifest(self.config, self.layers, {})
        found = parse_manifest(data, DOCKER_MANIFEST)
        self.assertEqual(found.blobs, (self.config, *self.layers))

    def test_without_annotations_it_has_none(self) -> None:
        data = make_manifest(self.config, self.layers, {})
        self.assertNotIn("annotations", json.loads(data))

    def test_annotations_are_sorted(self) -> None:
        data = make_manifest(self.config, self.layers, {"b": "<", "a": "x"})
        found = json.loads(data)["annotations"]
        self.assertEqual(list(found.items()), [("a", "x"), ("b", "<")])
