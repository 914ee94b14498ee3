"""Tests of ``txregistry/client/upstreams/registry1.py`` and its documents."""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from tests.client.upstreams import registry1case
from tests.client.upstreams.case import US, document, error
from tests.client.upstreams.registry1case import (
    JSON,
    NONE,
    TEAM,
    B,
    R,
    T,
    image,
    listed,
)
from tests.storage.playing import LOST, Reply
from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    FetchedImage,
    IUpstream,
    IVersion1Upstream,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Patience
from txregistry.client.upstreams.making1 import make_version1_upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.model.checksums import parse_checksum
from txregistry.model.digest import Digest
from txregistry.model.images import MAX_ANCESTRY, MAX_JSON
from txregistry.model.names import Tag
from txregistry.tasks import at_once

LATEST = Tag("latest")
PAGE = Reply(body=b"<html>", headers={"Content-Type": "text/html"})
KIND = {"Content-Type": "a/b"}
SIMPLE = "sha256:" + "1" * 64
TARSUM = "tarsum+sha256:" + "2" * 64


def ids(count: int) -> list[str]:
    """Make an ancestry."""
    return [str(T), *(f"{number:064x}" for number in range(1, count))]


class MakingTests(registry1case.Version1Case):
    def make(self, url: str = "https://registry.example", **others: Any) -> Any:
        """Make an upstream."""
        self.reactor = MemoryReactorClock()
        return make_version1_upstream(self.reactor, at_once, Terms("x", url, **others))

    def test_interface(self) -> None:
        upstream = self.make()
        for each in (IUpstream, IVersion1Upstream):
            self.assertTrue(verifyObject(each, upstream))
        self.assertEqual(upstream.name, "x")

    def test_nothing_is_contacted(self) -> None:
        upstream = self.make(proxy="http://proxy.example:3128")
        self.assertEqual(self.reactor.tcpClients, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.successResultOf(Deferred.fromCoroutine(upstream.close()))

    def test_urls_that_are_none(self) -> None:
        for url in ("", "registry.example", "https://us:x@registry.example"):
            with self.assertRaises(ValueError):
                self.make(url)
        with self.assertRaises(ValueError):
            self.make(proxy="socks5://proxy.example")

    def test_nothing_of_version_2_is_there(self) -> None:
        upstream = self.play1()
        digest = Digest.of(b"x")
        works: list[Any] = [
            upstream.head_manifest(TEAM, "latest"),
            upstream.get_manifest(TEAM, "latest"),
            upstream.head_blob(TEAM, digest),
            upstream.open_blob(TEAM, digest),
            upstream.referrers(TEAM, digest),
        ]
        for work in works:
            self.assertIsNone(self.result(work))
        self.assertEqual(self.targets(), [])

    def test_end(self) -> None:
        upstream = self.play1(listed(), document(str(T)))
        self.result(upstream.find_tag(TEAM, LATEST))
        self.result(upstream.close())
        for repository in (TEAM, "team/other"):
            work = upstream.find_tag(repository, LATEST)
            said = self.fault(UpstreamUnavailable, work).reason
            self.assertIn("is not asked any more", said)


class TagTests(registry1case.Version1Case):
    def find(self, *replies: Reply, repository: str = TEAM) -> Any:
        """Find out which image a tag names."""
        upstream = self.play1(listed(), *replies)
        found = self.result(upstream.find_tag(repository, LATEST))
        self.assert_let_go()
        return found

    def tags(self, *replies: Reply, after: str = "", limit: int = 99) -> Any:
        """List tags."""
        upstream = self.play1(listed(), *replies)
        return self.result(upstream.tags(TEAM, after, limit))

    def test_image(self) -> None:
        self.assertEqual(self.find(document(str(T))), T)
        self.assertEqual(self.targets(), [f"{R}/images", f"{R}/tags/latest"])

    def test_image_of_2013(self) -> None:
        self.assertEqual(
            str(self.find(document("8dbd9e392a964056"))), "8dbd9e392a964056"
        )

    def test_absence(self) -> None:
        for status in (404, 410):
            self.assertIsNone(self.find(document({"error": "Tag not found"}, status)))

    def test_name_without_a_namespace(self) -> None:
        self.find(document(str(T)), repository="ubuntu")
        self.assertEqual(
            self.targets(),
            [
                "/v1/repositories/library/ubuntu/images",
                "/v1/repositories/library/ubuntu/tags/latest",
            ],
        )

    def test_names_that_can_be_nowhere(self) -> None:
        for name in ("", "A", "a/../b", "a b", "a" * 300):
            self.assertIsNone(self.find(repository=name))
            self.assertEqual(self.targets(), [])

    def test_answers_that_are_none(self) -> None:
        for reply in (
            document({"latest": str(T)}),
            document("latest"),
            document(str(T) + "\n"),
            document(str(B).upper()),
            document("x" * 2000),
            Reply(body=b'"' + b"7" * 63, headers=KIND),
            Reply(body=b'"\xff"', headers=KIND),
            PAGE,
            error(500 - 1),
        ):
            upstream = self.play1(listed(), reply)
            self.fault(UpstreamWrong, upstream.find_tag(TEAM, LATEST))

    def test_server_that_falters_is_asked_again(self) -> None:
        self.assertEqual(self.find(LOST, error(503), document(str(T))), T)

    def test_tags(self) -> None:
        found = document({"b": str(T), "a": str(B), "c": str(T)})
        self.assertEqual(self.tags(found), ["a", "b", "c"])
        self.assertEqual(self.tags(found, after="a", limit=1), ["b"])
        self.assertEqual(self.tags(found, after="c"), [])
        self.assertEqual(self.targets(), [f"{R}/images", f"{R}/tags"])

    def test_nothing_is_listed_for_somebody_else(self) -> None:
        upstream = self.play1()
        credentials = Credentials(US.basic)
        self.assertIsNone(self.result(upstream.tags(TEAM, "", 10, credentials)))

    def test_tags_that_can_be_none_here_are_left_out(self) -> None:
        found = document({"../x": str(T), "a": "no id", "ok": str(T), "": str(B)})
        self.assertEqual(self.tags(found), ["ok"])

    def test_no_tags(self) -> None:
        self.assertEqual(self.tags(document({})), [])
        self.assertIsNone(self.tags(NONE))

    def test_many_tags(self) -> None:
        found = document({f"v{number}": str(T) for number in range(2000)})
        self.assertEqual(len(self.tags(found, limit=5000)), 2000)

    def test_lists_that_are_none(self) -> None:
        for reply in (
            document([{"layer": str(T), "name": "latest"}]),
            document({"latest": 1}),
            Reply(body=b"{" * 9999, headers=KIND),
            Reply(length=5 << 20, headers=KIND, after="silence"),
            PAGE,
        ):
            upstream = self.play1(listed(), reply)
            self.fault(UpstreamWrong, upstream.tags(TEAM, "", 10))

    def test_endless_list(self) -> None:
        body = b'{"a":"' + b"x" * (4 << 20)
        endless = Reply(body=body, headers=KIND, length=None, after="silence")
        upstream = self.play1(listed(), endless)
        said = self.fault(UpstreamWrong, upstream.tags(TEAM, "", 10)).reason
        self.assertIn("more than there can be", said)


class AncestryTests(registry1case.Version1Case):
    def test_ancestry(self) -> None:
        for found in ([str(T)], [str(T), str(B)], ids(MAX_ANCESTRY)):
            upstream = self.play1(listed(), document(found))
            ancestry = self.result(upstream.ancestry(TEAM, T))
            self.assertEqual([str(each) for each in ancestry or ()], found)
            self.assertEqual(self.targets()[1:], [f"/v1/images/{T}/ancestry"])

    def test_absence(self) -> None:
        upstream = self.play1(listed(), error(404))
        self.assertIsNone(self.result(upstream.ancestry(TEAM, T)))

    def test_lies(self) -> None:
        for found, said in (
            ([], "of another image"),
            ([str(B), str(T)], "of another image"),
            ([str(T), str(B), str(T)], "no image can have"),
            ([str(T), str(B), str(B)], "no image can have"),
            (ids(MAX_ANCESTRY + 1), "no image can have"),
            ([str(T), "../../etc"], "id of an image that is none"),
            ([str(T), ""], "id of an image that is none"),
            ([str(T), None], "cannot be read"),
            (str(T), "cannot be read"),
            (ids(2000), "more than there can be"),
        ):
            upstream = self.play1(listed(), document(found))
            fault = self.fault(UpstreamWrong, upstream.ancestry(TEAM, T))
            self.assertIn(said, fault.reason)

    def test_image_that_is_being_pushed(self) -> None:
        upstream = self.play1(listed(), error(400))
        fault = self.fault(UpstreamUnavailable, upstream.ancestry(TEAM, T))
        self.assertIn("does not have all of this yet", fault.reason)


class ImageTests(registry1case.Version1Case):
    def get(self, reply: Reply, first: Reply | None = None) -> FetchedImage:
        """Fetch an image."""
        upstream = self.play1(first or listed(), reply)
        found = self.result(upstream.get_image(TEAM, T))
        assert found is not None
        self.assert_let_go()
        return found

    def test_image(self) -> None:
        found = self.get(image(x_docker_size="115"))
        self.assertEqual(found, FetchedImage(JSON, B, 115, ()))
        self.assertEqual(self.targets()[1:], [f"/v1/images/{T}/json"])

    def test_base(self) -> None:
        for parent in ("", None):
            data = json.dumps({"id": str(T), "parent": parent}).encode()
            self.assertEqual(self.get(image(data)), FetchedImage(data, None, None, ()))

    def test_absence(self) -> None:
        upstream = self.play1(listed(), error(404))
        self.assertIsNone(self.result(upstream.get_image(TEAM, T)))

    def test_checksums(self) -> None:
        for field in ("x_docker_checksum_payload", "x_docker_payload_checksum"):
            names: Any = {field: SIMPLE, "x_docker_checksum": TARSUM}
            found = self.get(image(**names)).checksums
            self.assertEqual([str(each) for each in found], [SIMPLE, TARSUM])

    def test_checksums_that_nobody_can_check_are_left_out(self) -> None:
        for text in ("", "md5:00", "tarsum.dev+sha256:" + "1" * 64, SIMPLE.upper()):
            self.assertEqual(self.get(image(x_docker_checksum=text)).checksums, ())

    def test_checksums_of_the_index(self) -> None:
        first = listed(
            [
                {"id": str(T), "checksum": TARSUM, "Tag": "latest"},
                {"id": str(B), "checksum": None},
                {"id": "../x", "checksum": TARSUM},
                {"id": str(B), "checksum": "nonsense"},
            ]
        )
        self.assertEqual(self.get(image(), first).checksums, (parse_checksum(TARSUM),))
        own = image(x_docker_checksum=SIMPLE)
        self.assertEqual(self.get(own, first).checksums, (parse_checksum(SIMPLE),))

    def test_sizes_that_are_none(self) -> None:
        for text in ("", "-1", "x", "1" * 30, "1.5"):
            self.assertIsNone(self.get(image(x_docker_size=text)).size)

    def test_lies(self) -> None:
        for data, said in (
            (json.dumps({"id": str(B)}).encode(), "not the JSON of this image"),
            (b"{}", "not the JSON of this image"),
            (b"[]", "not the JSON of this image"),
            (b"", "not the JSON of this image"),
            (JSON[:-9], "not the JSON of this image"),
            (
                json.dumps({"id": str(T), "parent": "../x"}).encode(),
                "not the JSON of this image",
            ),
            (
                json.dumps({"id": str(T), "ID": str(B)}).encode(),
                "not the JSON of this image",
            ),
            (JSON + b" " * MAX_JSON, "more than there can be"),
        ):
            upstream = self.play1(listed(), image(data))
            fault = self.fault(UpstreamWrong, upstream.get_image(TEAM, T))
            self.assertIn(said, fault.reason)

    def test_page_for_people(self) -> None:
        upstream = self.play1(listed(), PAGE)
        fault = self.fault(UpstreamWrong, upstream.get_image(TEAM, T))
        self.assertIn("a page for people", fault.reason)

    def test_server_that_is_away(self) -> None:
        upstream = self.play1(listed(), error(503), patience=Patience(attempts=1))
        self.fault(UpstreamUnavailable, upstream.get_image(TEAM, T))
