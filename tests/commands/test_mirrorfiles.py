"""Tests of ``txregistry/commands/mirrorfiles.py``."""

import json
import tomllib
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txregistry.certs.places import Address
from txregistry.commands.mirrorfiles import (
    MARK,
    Advice,
    MirrorPlace,
    for_containerd,
    for_docker,
    for_podman,
)
from txregistry.settings.mirror import Proxy, Upstream

MIRROR = MirrorPlace.parse("https://mirror.example:5000")
PLAIN = MirrorPlace.parse("http://mirror.example:5000")
TRUSTED = MirrorPlace.parse("https://mirror.example", "PEM\n")
HUB = Upstream("docker.io")
QUAY = Upstream("quay.io")
OURS = Upstream(
    "ours", url="https://ours.example/x", prefix="o/p", spaces=("a:1", "b.c")
)


def by_host(*hosts: str) -> Upstream:
    """Make a Docker Hub that is known by what clients call the mirror."""
    return Upstream("docker.io", hosts=hosts)


class AdviceCase(SynchronousTestCase):
    def text(self, advice: Advice, path: str) -> str:
        """Give what is in a file."""
        (found,) = [each for each in advice.files if each.path == path]
        return found.text

    def paths(self, advice: Advice) -> list[str]:
        return [each.path for each in advice.files if not each.is_piece]

    def assertRemarks(self, advice: Advice, *told: str) -> None:
        """There is one remark about each of some things, in their order."""
        self.assertEqual(len(advice.remarks), len(told), advice.remarks)
        for remark, each in zip(advice.remarks, told, strict=True):
            self.assertIn(each, remark)


class MirrorPlaceTests(SynchronousTestCase):
    def test_place_is_a_host_and_maybe_a_port(self) -> None:
        for text, written, near in (
            ("https://Mirror.example:5000/", "https://mirror.example:5000", False),
            ("http://mirror.example", "http://mirror.example", False),
            ("https://[2001:db8::1]:5000", "https://[2001:db8::1]:5000", False),
            ("http://127.0.0.3:5000", "http://127.0.0.3:5000", True),
            ("http://[::1]", "http://[::1]", True),
            ("http://localhost:5000", "http://localhost:5000", True),
        ):
            place = MirrorPlace.parse(text)
            self.assertEqual((str(place), place.is_near), (written, near))

    def test_what_is_none_is_refused(self) -> None:
        for text in (
            "",
            "mirror.example:5000",
            "ftp://mirror.example",
            "https://mirror.example/path",
            "https://user@mirror.example",
            "https://mirror.example?x",
            "https://",
            "https://a b",
            'https://a"b',
            "https://mirror.example:0",
            "https://mirror.example\n",
        ):
            self.assertRaises(ValueError, MirrorPlace.parse, text)

    def test_what_is_meant_there_is_told_by_the_port_first(self) -> None:
        exact, loose = by_host("mirror.example:5000"), Upstream("b", hosts=("m", "n"))
        rules = (loose, exact, Upstream("c", hosts=("mirror.example",)))
        self.assertIs(MIRROR.meant(rules), exact)
        self.assertIs(MirrorPlace.parse("http://n:7").meant(rules), loose)
        self.assertIsNone(MirrorPlace.parse("http://o").meant(rules))


class DockerTests(AdviceCase):
    FILE = "/etc/docker/daemon.json"

    def settings(self, advice: Advice) -> Any:
        return json.loads(self.text(advice, self.FILE))

    def test_mirror_of_docker_hub_by_its_host(self) -> None:
        for host in ("mirror.example", "mirror.example:5000"):
            advice = for_docker((by_host(host), QUAY), MIRROR)
            self.assertEqual(self.paths(advice), [self.FILE])
            self.assertEqual(self.settings(advice), {"registry-mirrors": [str(MIRROR)]})
            told = "as HOST/quay.io/NAME, by another HOST"
            self.assertRemarks(advice, "SIGHUP", told)

    def test_mirror_of_docker_hub_by_an_empty_prefix(self) -> None:
        for hub in (
            Upstream("docker.io", prefix=""),
            Proxy("https://registry-1.docker.io").as_upstream(),
        ):
            advice = for_docker((QUAY, hub), MIRROR)
            self.assertIn("registry-mirrors", self.settings(advice))
            told = "mirror.example:5000/quay.io/NAME"
            self.assertRemarks(advice, "SIGHUP", told)

    def test_what_is_missing_is_told(self) -> None:
        other = by_host("mirror.example:5001", "hub.example")
        for upstreams in ((HUB, QUAY), (other, QUAY)):
            advice = for_docker(upstreams, MIRROR)
            self.assertEqual(advice.files, ())
            self.assertRemarks(
                advice,
                "hosts: ['mirror.example:5000'] for docker.io",
                "docker.io's as mirror.example:5000/docker.io/NAME",
                "quay.io's as mirror.example:5000/quay.io/NAME",
            )

    def test_who_is_meant_there_must_be_docker_hub(self) -> None:
        for other in (
            Upstream("quay.io", hosts=("mirror.example",)),
            Upstream("quay.io", prefix=""),
        ):
            advice = for_docker((HUB, other), MIRROR)
            self.assertEqual(advice.files, ())
            told = "quay.io's as mirror.example:5000/NAME"
            self.assertRemarks(advice, "hosts: ", "docker.io's as ", told)

    def test_without_docker_hub_there_is_no_mirror(self) -> None:
        advice = for_docker((QUAY,), MIRROR)
        self.assertEqual(advice.files, ())
        told = "mirror.example:5000/quay.io/NAME"
        self.assertRemarks(advice, "Docker Hub's images only", told)

    def test_mirror_without_tls_is_told_of(self) -> None:
        advice = for_docker((QUAY,), PLAIN)
        self.assertEqual(
            self.settings(advice), {"insecure-registries": ["mirror.example:5000"]}
        )

    def test_mirror_on_the_same_machine_may_do_without_tls(self) -> None:
        near = MirrorPlace.parse("http://127.0.0.1:5000")
        self.assertEqual(for_docker((QUAY,), near).files, ())

    def test_authority_is_where_it_is_looked_for(self) -> None:
        advice = for_docker((QUAY,), TRUSTED)
        path = "/etc/docker/certs.d/mirror.example/ca.crt"
        self.assertEqual(self.paths(advice), [path])
        self.assertEqual(self.text(advice, path), "PEM\n")


class ContainerdTests(AdviceCase):
    CERTS = "/etc/containerd/certs.d"

    def hosts(self, advice: Advice, name: str) -> Any:
        text = self.text(advice, f"{self.CERTS}/{name}/hosts.toml")
        self.assertTrue(text.startswith(MARK))
        return tomllib.loads(text)

    def test_each_registry_has_a_folder(self) -> None:
        advice = for_containerd((HUB, QUAY, OURS), MIRROR)
        wanted = [
            f"{self.CERTS}/{each}/hosts.toml"
            for each in ("docker.io", "quay.io", "a:1", "b.c")
        ]
        self.assertEqual(self.paths(advice), wanted)
        for name, server in (
            ("docker.io", "https://registry-1.docker.io"),
            ("quay.io", "https://quay.io"),
            ("a:1", "https://a:1"),
        ):
            host = {"capabilities": ["pull", "resolve"]}
            self.assertEqual(
                self.hosts(advice, name),
                {"server": server, "host": {str(MIRROR): host}},
            )

    def test_config_path_is_a_piece_for_each_version(self) -> None:
        pieces = [
            each for each in for_containerd((HUB,), MIRROR).files if each.is_piece
        ]
        found = [tomllib.loads(each.text)["plugins"] for each in pieces]
        registry = {"registry": {"config_path": self.CERTS}}
        self.assertEqual(
            found,
            [
                {"io.containerd.grpc.v1.cri": registry},
                {"io.containerd.cri.v1.images": registry},
            ],
        )

    def test_authority_is_beside(self) -> None:
        advice = for_containerd((HUB,), TRUSTED)
        path = f"{self.CERTS}/mirror.example/ca.crt"
        self.assertEqual(self.text(advice, path), "PEM\n")
        for name in ("docker.io", "mirror.example"):
            host = self.hosts(advice, name)["host"][str(TRUSTED)]
            self.assertEqual(host["ca"], "../mirror.example/ca.crt")

    def test_mirror_that_needs_it_is_told_of_itself(self) -> None:
        for place in (PLAIN, TRUSTED):
            own = self.hosts(for_containerd((HUB,), place), str(place.address))
            host = own["host"][str(place)]
            self.assertEqual(own["server"], str(place))
            self.assertEqual(host["capabilities"], ["pull", "resolve", "push"])

    def test_registry_that_is_never_named_is_left_out(self) -> None:
        mute = Upstream("quay.io", spaces=())
        advice = for_containerd((mute, HUB), MIRROR)
        self.assertEqual(self.paths(advice), [f"{self.CERTS}/docker.io/hosts.toml"])
        self.assertRemarks(advice, "of quay.io", "config_path", "asks the server")
        self.assertEqual(self.paths(for_containerd((mute,), PLAIN)), [])


class PodmanTests(AdviceCase):
    FILE = "/etc/containers/registries.conf.d/50-txregistry.conf"

    def tables(self, advice: Advice) -> list[Any]:
        text = self.text(advice, self.FILE)
        self.assertTrue(text.startswith(MARK))
        found: list[Any] = tomllib.loads(text).get("registry", [])
        return found

    def table(self, name: str, location: str, **others: bool) -> dict[str, Any]:
        return {
            "prefix": name,
            "location": name,
            "mirror": [{"location": location, **others}],
        }

    def test_registry_is_in_the_path_at_the_mirror(self) -> None:
        advice = for_podman((HUB, QUAY, OURS), MIRROR)
        self.assertEqual(self.paths(advice), [self.FILE])
        self.assertEqual(
            self.tables(advice),
            [
                self.table("docker.io", "mirror.example:5000/docker.io"),
                self.table("quay.io", "mirror.example:5000/quay.io"),
                self.table("a:1", "mirror.example:5000/o/p"),
                self.table("b.c", "mirror.example:5000/o/p"),
            ],
        )

    def test_names_may_be_the_same(self) -> None:
        proxy = Proxy("https://quay.io").as_upstream()
        for upstreams in ((proxy,), (Upstream("quay.io", hosts=("mirror.example",)),)):
            self.assertEqual(
                self.tables(for_podman(upstreams, MIRROR)),
                [self.table("quay.io", "mirror.example:5000")],
            )

    def test_who_is_not_meant_there_is_left_out(self) -> None:
        advice = for_podman((by_host("mirror.example"), QUAY), MIRROR)
        self.assertEqual(
            self.tables(advice), [self.table("docker.io", "mirror.example:5000")]
        )
        self.assertRemarks(advice, "mirror of quay.io", "asks the registry itself")

    def test_mirror_without_tls_is_told_of(self) -> None:
        self.assertEqual(
            self.tables(for_podman((QUAY,), PLAIN)),
            [
                self.table("quay.io", "mirror.example:5000/quay.io", insecure=True),
                {"location": "mirror.example:5000", "insecure": True},
            ],
        )

    def test_authority_is_where_it_is_looked_for(self) -> None:
        advice = for_podman((QUAY,), TRUSTED)
        path = "/etc/containers/certs.d/mirror.example/ca.crt"
        self.assertEqual(self.text(advice, path), "PEM\n")


class NamelessTests(AdviceCase):
    def test_registry_that_no_image_is_called_by_is_told_of(self) -> None:
        corp = Upstream("corp", url="https://registry.corp.example")
        for advise in (for_containerd, for_podman):
            advice = advise(
                (corp, Upstream("localhost", spaces=("localhost",))), MIRROR
            )
            self.assertIn("No image can be called corp's", advice.remarks[0])
            told = "".join(each.text for each in advice.files)
            self.assertIn("localhost", told)
            self.assertNotIn("corp", told)


class AddressTests(SynchronousTestCase):
    def test_ipv6_is_in_brackets_everywhere(self) -> None:
        place = MirrorPlace.parse("https://[2001:db8::1]:5000", "PEM\n")
        self.assertEqual(place.address, Address("2001:db8::1", 5000))
        advice = for_podman((QUAY,), place)
        self.assertIn('"[2001:db8::1]:5000/quay.io"', advice.files[0].text)
        self.assertIn("/certs.d/[2001:db8::1]:5000/", advice.files[1].path)
        hub = by_host("[2001:db8::1]")
        self.assertIs(place.meant((hub,)), hub)
