"""Tests of ``txregistry/client/upstreams/lists.py``."""

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.client.upstreams.case import (
    ALPINE,
    DIGEST,
    UpstreamCase,
    document,
    error,
    index,
    manifest,
)
from tests.storage.playing import Reply
from txregistry.client.upstreams import lists
from txregistry.client.upstreams.interfaces import UpstreamUnavailable, UpstreamWrong
from txregistry.model.descriptors import OCI_INDEX
from txregistry.model.names import fallback_tag

EMPTY = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


def page(*names: object, link: str | None = None) -> Reply:
    """Answer with some tags."""
    found = {"name": ALPINE, "tags": list(names)}
    return document(found) if link is None else document(found, link=link)


def next_(target: str) -> str:
    """Point at a next page."""
    return f'<{target}>; rel="next"'


class TagsTests(UpstreamCase):
    def tags(
        self, *replies: Reply, after: str = "", limit: int = 3
    ) -> list[str] | None:
        """List tags."""
        self.play(*replies)
        found = self.result(self.upstream.tags(ALPINE, after, limit))
        self.assertEqual(self.agent.left, 0)
        self.assert_let_go()
        return found

    def wrong(self, *replies: Reply, after: str = "", limit: int = 3) -> str:
        """Expect that a list is wrong, and give how."""
        self.play(*replies)
        work = self.upstream.tags(ALPINE, after, limit)
        return self.fault(UpstreamWrong, work).reason

    def queries(self) -> list[dict[str, list[str]]]:
        """Give what was asked for with."""
        return [parse_qs(urlsplit(each.target).query) for each in self.agent.asked]

    def test_one_page(self) -> None:
        self.assertEqual(self.tags(page("1", "2")), ["1", "2"])
        self.assertEqual(self.queries(), [{"n": ["3"]}])
        path = urlsplit(self.agent.asked[0].target).path
        self.assertEqual(path, f"/v2/{ALPINE}/tags/list")

    def test_none(self) -> None:
        self.assertEqual(self.tags(page()), [])
        self.assertEqual(self.tags(document({"tags": None})), [])

    def test_absence(self) -> None:
        self.assertIsNone(self.tags(error(404)))

    def test_name_that_cannot_be(self) -> None:
        self.play()
        self.assertIsNone(self.result(self.upstream.tags("A B", "", 3)))

    def test_further_pages(self) -> None:
        found = self.tags(
            page("1", link=next_(f"/v2/{ALPINE}/tags/list?n=3&last=1")),
            page("2", link=next_("?last=2&n=3&x=y")),
            page("3"),
        )
        self.assertEqual(found, ["1", "2", "3"])
        self.assertEqual(self.queries()[1], {"n": ["3"], "last": ["1"]})
        self.assertEqual(self.queries()[2], {"n": ["3"], "last": ["2"], "x": ["y"]})

    def test_no_more_pages_than_are_wanted(self) -> None:
        found = self.tags(page("1", "2", "3", "4", link=next_("?last=4")))
        self.assertEqual(found, ["1", "2", "3"])

    def test_where_a_page_is_is_not_for_the_upstream_to_say(self) -> None:
        elsewhere = "http://evil.example/other/path?last=1#x"
        self.tags(page("1", link=next_(elsewhere)), page("2"))
        asked = self.agent.asked[1]
        self.assertEqual(asked.target, f"/v2/{ALPINE}/tags/list?last=1")
        self.assertEqual(self.hosts()[1], "registry-1.docker.io")

    def test_after_some(self) -> None:
        found = self.tags(page("b", "c"), after="a")
        self.assertEqual(found, ["b", "c"])
        self.assertEqual(self.queries(), [{"n": ["3"], "last": ["a"]}])

    def test_upstream_that_begins_anew_is_read_up_to_there(self) -> None:
        found = self.tags(
            page("a", "b", link=next_("?next_page=1")),
            page("c", "d", link=next_("?next_page=2")),
            page("e", "f"),
            after="c",
        )
        self.assertEqual(found, ["d", "e", "f"])

    def test_upstream_may_have_an_order_of_its_own(self) -> None:
        self.assertEqual(self.tags(page("C", "d"), after="b"), ["C", "d"])

    def test_other_links_are_none(self) -> None:
        for link in (
            "",
            "x",
            "<?last=1>",
            '<?last=1>; rel="prev"',
            '<?last=1>; rel="nextish"',
            '<?last=1; rel="next"',
            "<?la st=1>; rel=next",
        ):
            self.assertEqual(self.tags(page("1", link=link)), ["1"])

    def test_link_may_be_spelled_otherwise(self) -> None:
        for link in (
            "<?last=1>; rel=next",
            "<?last=1>;rel=next",
            '<?last=1> ; title="a, b"; REL = NEXT',
            '<?last=0>; rel="prev", <?last=1>; rel="next"',
        ):
            self.assertEqual(self.tags(page("1", link=link), page("2")), ["1", "2"])

    def test_hostile_links_take_no_time(self) -> None:
        texts = ("<" * 9000, " " * 9000, "<>;" * 3000, '<>;a="' * 1500, "<>;a=b" * 1500)
        began = time.process_time()
        for text in texts:
            self.tags(page("1", link=text))
        self.assertLess(time.process_time() - began, 1.0)

    def test_what_is_no_tag_is_left_out(self) -> None:
        found = self.tags(page("1", "", "a b", "../x", "sha256:1", 7, None, "2"))
        self.assertEqual(found, ["1", "2"])

    def test_what_cannot_be_read_is_wrong(self) -> None:
        fields = {"Content-Type": "application/json"}
        for reply in (
            document([]),
            document({"tags": "x"}),
            Reply(body=b"{", headers=fields),
            Reply(body=b'{"tags": ["\xff"]}', headers=fields),
            Reply(body=b'{"x": ' + b"[" * 100_000, headers=fields),
        ):
            self.assertIn("cannot be read", self.wrong(reply))

    def test_page_for_people_is_wrong(self) -> None:
        reply = Reply(body=b"<html>", headers={"Content-Type": "text/html"})
        self.assertIn("page for people", self.wrong(reply))

    def test_other_statuses_are_wrong(self) -> None:
        for status in (204, 400, 405):
            self.assertIn(f"answered {status}", self.wrong(error(status)))

    def test_circles_are_wrong(self) -> None:
        self.assertIn("in circles", self.wrong(page("1", link=next_("?n=3"))))
        said = self.wrong(
            page("1", link=next_("?a=1")),
            page("2", link=next_("?a=2")),
            page(link=next_("?a=1")),
        )
        self.assertIn("in circles", said)

    def test_list_without_an_end_is_read_no_further(self) -> None:
        self.patch(lists, "_PAGES_OF_TAGS", 4)
        pages = [page(f"t{n}", link=next_(f"?a={n}")) for n in range(4)]
        self.assertEqual(self.tags(*pages, limit=9), ["t0", "t1", "t2", "t3"])
        said = self.wrong(*pages, after="z", limit=9)
        self.assertIn("without an end", said)

    def test_long_pages(self) -> None:
        names = [f"t{number}" for number in range(50_000)]
        self.assertEqual(self.tags(page(*names), limit=60_000), names)

    def test_pages_together_have_a_size_that_can_be(self) -> None:
        self.patch(lists, "_LARGEST", 250)
        pages = [page("t" * 100, link=next_(f"?a={n}")) for n in range(3)]
        self.assertIn("more than there can be", self.wrong(*pages, limit=9))

    def test_no_more_are_asked_for_at_once_than_most_give(self) -> None:
        self.tags(page("1"), limit=50_000)
        self.assertEqual(self.queries(), [{"n": ["1000"]}])


class ReferrersTests(UpstreamCase):
    def referrers(self, *replies: Reply) -> Any:
        """List what refers to a manifest."""
        self.play(*replies)
        found = self.result(self.upstream.referrers(ALPINE, DIGEST))
        self.assertEqual(self.agent.left, 0)
        self.assert_let_go()
        return None if found is None else json.loads(found)

    def wrong(self, *replies: Reply) -> str:
        """Expect that a list is wrong, and give how."""
        self.play(*replies)
        return self.fault(UpstreamWrong, self.upstream.referrers(ALPINE, DIGEST)).reason

    def some(self, *numbers: int, **headers: str) -> Reply:
        """Answer with some descriptors."""
        found = {**EMPTY, "manifests": [{"n": number} for number in numbers]}
        return index(json.dumps(found).encode(), **headers)

    def test_one_page_is_as_it_came(self) -> None:
        data = b' {"manifests": [{"a": 1}], "x": "y"} '
        self.play(index(data))
        found = self.result(self.upstream.referrers(ALPINE, DIGEST))
        self.assertEqual(found, data)
        (asked,) = self.agent.asked
        self.assertEqual(asked.target, f"/v2/{ALPINE}/referrers/{DIGEST}")
        self.assertEqual(asked.header("accept"), OCI_INDEX)

    def test_none(self) -> None:
        self.assertEqual(self.referrers(self.some()), EMPTY)

    def test_further_pages(self) -> None:
        found = self.referrers(
            self.some(1, 2, link=next_("?a=1")),
            self.some(link=next_("?a=2")),
            self.some(3),
        )
        numbers = [{"n": 1}, {"n": 2}, {"n": 3}]
        self.assertEqual(found, {**EMPTY, "manifests": numbers})

    def test_who_does_not_know_of_them_may_have_a_tag(self) -> None:
        for status in (404, 400, 405, 410):
            found = self.referrers(error(status), self.some(1))
            self.assertEqual(found, {**EMPTY, "manifests": [{"n": 1}]})
            tag = fallback_tag(DIGEST)
            target = f"/v2/{ALPINE}/manifests/{tag}"
            self.assertEqual(self.agent.asked[1].target, target)

    def test_who_has_neither_knows_of_none(self) -> None:
        self.assertIsNone(self.referrers(error(404), error(404)))

    def test_tag_that_is_something_else_is_none(self) -> None:
        self.assertIsNone(self.referrers(error(404), manifest()))

    def test_name_that_cannot_be(self) -> None:
        self.play()
        self.assertIsNone(self.result(self.upstream.referrers("A B", DIGEST)))

    def test_what_cannot_be_read_is_wrong(self) -> None:
        for data in (
            b"",
            b"[]",
            b'{"manifests": {}}',
            b'{"manifests": [}',
            b'{"mediaType": "a/b", "manifests": []}',
        ):
            self.assertIn("cannot be read", self.wrong(index(data)))

    def test_page_for_people_is_wrong(self) -> None:
        reply = Reply(body=b"<html>", headers={"Content-Type": "text/html"})
        self.assertIn("page for people", self.wrong(reply))

    def test_list_without_an_end_is_wrong(self) -> None:
        pages = [self.some(n, link=next_(f"?a={n}")) for n in range(11)]
        self.assertIn("without an end", self.wrong(*pages))

    def test_circles_are_wrong(self) -> None:
        pages = [self.some(1, link=next_("?a=1"))] * 2
        self.assertIn("in circles", self.wrong(*pages))

    def test_pages_together_have_a_size_that_can_be(self) -> None:
        self.patch(lists, "_LARGEST", 150)
        pages = [self.some(n, link=next_(f"?a={n}")) for n in range(3)]
        self.assertIn("more than there can be", self.wrong(*pages))

    def test_failure_is_no_absence(self) -> None:
        self.play(*[error(503)] * 3)
        work = self.upstream.referrers(ALPINE, DIGEST)
        self.fault(UpstreamUnavailable, work)
