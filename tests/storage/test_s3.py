"""Tests of ``txregistry/storage/s3.py``, but for what a real service tells best."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

from hypothesis import given
from hypothesis import strategies as st
from treq.testing import RequestTraversalAgent
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from tests.storage.playing import Reply
from tests.storage.test_objects import KEY, ObjectsCase
from txregistry.storage.credentials import S3Credentials
from txregistry.storage.interfaces import Page, StorageUnavailable
from txregistry.storage.remote import RemoteServer
from txregistry.storage.s3client import bucket_url
from txregistry.storage.s3source import S3ObjectSource
from txregistry.storage.s3xml import read_leaves, read_listing


def listing(
    keys: Iterable[str], groups: Iterable[str] = (), more: str = "false", kind: str = ""
) -> Reply:
    """Answer with a listing."""
    return Reply(
        body=(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>bucket</Name><Prefix>k/</Prefix><EncodingType>{kind}</EncodingType>"
            + "".join(f"<Contents><Key>{escape(k)}</Key></Contents>" for k in keys)
            + "".join(
                f"<CommonPrefixes><Prefix>{escape(g)}</Prefix></CommonPrefixes>"
                for g in groups
            )
            + f"<IsTruncated>{more}</IsTruncated></ListBucketResult>"
        ).encode()
    )


class ListingTests(ObjectsCase):
    def list_page(self, *replies: Reply, after: str = "", limit: int = 9) -> Page:
        """List what is below ``k/``."""
        source = self.open_source(*replies)
        return self.result(source.list("k/", after=after, limit=limit, delimiter=True))

    def breaks(self, *replies: Reply) -> str:
        """Expect that nothing can be listed."""
        return self.fault(
            StorageUnavailable, self.open_source(*replies).list("k/", limit=9)
        )

    def test_keys_and_groups_are_in_one_order(self) -> None:
        page = self.list_page(listing(["k/a-b", "k/c"], ["k/a/", "k/b/"]))
        self.assertEqual(page, Page(("k/a-b", "k/a/", "k/b/", "k/c"), more=False))

    def test_what_is_asked(self) -> None:
        self.list_page(listing([]), after="k/a b", limit=5)
        self.assertEqual(
            self.agent.asked[0].target,
            "/bucket/?list-type=2&encoding-type=url&prefix=k%2F"
            "&start-after=k%2Fa%20b&max-keys=6&delimiter=%2F",
        )

    def test_names_are_unquoted_where_they_are_quoted(self) -> None:
        for kind, names in (
            ("url", ("k/a b", "k/a+b")),
            ("", ("k/a%20b", "k/a%2Bb")),
        ):
            page = self.list_page(listing(["k/a%20b", "k/a%2Bb"], kind=kind))
            self.assertEqual(page.names, names)

    def test_a_plus_is_a_space(self) -> None:
        page = self.list_page(listing(["k/a+b"], kind="url"))
        self.assertEqual(page.names, ("k/a b",))

    def test_a_page_goes_on_where_the_last_one_ended(self) -> None:
        page = self.list_page(listing(["k/a"], [], "true"), listing(["k/b"]))
        self.assertEqual(page, Page(("k/a", "k/b"), more=False))
        self.assertIn("start-after=k%2Fa&", self.agent.asked[1].target)

    def test_a_group_that_is_given_again_is_left_out(self) -> None:
        page = self.list_page(listing(["k/b"], ["k/a/"]), after="k/a/", limit=1)
        self.assertEqual(page, Page(("k/b",), more=False))

    def test_a_listing_that_does_not_go_on_is_a_fault(self) -> None:
        same = listing(["k/a"], [], "true")
        self.breaks(same, same)
        self.breaks(listing([], [], "true"))

    def test_names_that_are_there_twice_are_a_fault(self) -> None:
        self.breaks(listing(["k/a", "k/a"]))

    def test_what_is_no_listing_is_a_fault(self) -> None:
        for body in (
            b"",
            b"<",
            b"<html></html>",
            b"<ListBucketResult/>",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + listing(["k/a"]).body[39:],
            listing(["k/a"]).body[:-1],
            listing(["k/a"], more="perhaps").body,
            b" " * (9 << 20),
        ):
            said = self.breaks(Reply(body=body))
            self.assertIn("gave no listing", said)

    def test_a_listing_that_breaks_off_is_asked_for_again(self) -> None:
        whole = listing(["k/a"])
        cut = Reply(body=whole.body[:99], after="cut", length=len(whole.body))
        self.assertEqual(self.list_page(cut, whole).names, ("k/a",))

    def test_sizes_are_told(self) -> None:
        body = listing(["k/a", "k/b", "k/c"], ["k/d/"]).body
        for name, size in ((b"k/a", b"7"), (b"k/b", b"-1")):
            key = b"<Key>%s</Key>" % name
            body = body.replace(key, key + b"<Size>%s</Size>" % size)
        page = self.list_page(Reply(body=body))
        self.assertEqual(page.names, ("k/a", "k/b", "k/c", "k/d/"))
        self.assertEqual(page.sizes, {"k/a": 7})
        cut = self.list_page(Reply(body=body), after="k/a", limit=1)
        self.assertEqual((cut.names, cut.sizes), (("k/b",), {}))

    @given(st.binary(max_size=60))
    def test_any_bytes_are_a_listing_or_none(self, data: bytes) -> None:
        self.assertIsNone(read_listing(data))

    @given(st.lists(st.text(st.characters(codec="utf-8", min_codepoint=32))))
    def test_any_names_are_read(self, names: list[str]) -> None:
        found = read_listing(listing(names).body)
        self.assertEqual(found, (sorted(names), False, {}))


class RefusalTests(ObjectsCase):
    def said(self, body: bytes) -> str:
        """Give what is said of a refusal."""
        source = self.open_source(Reply(403, body))
        return self.fault(StorageUnavailable, source.get(KEY, 9))

    def test_the_code_is_told(self) -> None:
        said = self.said(b"<Error><Code>AccessDenied</Code><Message/></Error>")
        self.assertEqual(
            said,
            "The S3 bucket bucket at http://host:9000 answered 403 (AccessDenied); "
            "these credentials may not do this; look at accesskey, at the policies of "
            "that user or role, and at those of the bucket",
        )

    def test_nothing_else_is_told(self) -> None:
        for body in (
            b"",
            b"AccessDenied",
            b"<Error><Code>secret: token</Code></Error>",
            b"<Error><Code>" + b"x" * 65 + b"</Code></Error>",
            b"<Error><Code>" + b"x" * (1 << 20) + b"</Code></Error>",
        ):
            self.assertEqual(
                self.said(body),
                "The S3 bucket bucket at http://host:9000 answered 403; these "
                "credentials may not do this; look at accesskey, at the policies of "
                "that user or role, and at those of the bucket",
            )


class SigningTests(ObjectsCase):
    def test_a_request_is_signed_with_all_that_matters(self) -> None:
        self.fault(StorageUnavailable, self.open_source(Reply(403)).open(KEY, 2, 6))
        asked = self.agent.asked[0]
        proof = asked.header("Authorization")
        self.assertTrue(proof.startswith("AWS4-HMAC-SHA256 Credential=access/"))
        self.assertIn("/moon-1/s3/aws4_request", proof)
        self.assertIn("host;range;", proof)
        self.assertEqual(asked.header("X-Amz-Security-Token"), "token")

    def test_each_attempt_is_signed(self) -> None:
        source = self.open_source(Reply(500), Reply(body=b"x"))
        self.result(source.get(KEY, 9))
        for asked in self.agent.asked:
            self.assertIn("Signature=", asked.header("Authorization"))

    def test_nothing_secret_is_shown(self) -> None:
        shown = repr(S3Credentials("access", "secret", "token"))
        self.assertEqual(shown, "S3Credentials(access='access')")


class BucketURLTests(SynchronousTestCase):
    def test_the_bucket_is_in_the_path(self) -> None:
        for endpoint, url in (
            ("https://S3.example", "https://s3.example/a.b"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/a.b"),
            ("https://host/s3", "https://host/s3/a.b"),
        ):
            self.assertEqual(bucket_url(endpoint, "a.b", virtual_host=False), url)

    def test_the_bucket_is_in_the_host(self) -> None:
        found = bucket_url("https://s3.example:9", "a-b", virtual_host=True)
        self.assertEqual(found, "https://a-b.s3.example:9")

    def test_a_bucket_that_no_host_can_name(self) -> None:
        for bucket in ("A", "a_b", "a/b", "-ab", "a" * 64, "ab\n"):
            with self.assertRaises(ValueError):
                bucket_url("https://host", bucket, virtual_host=True)

    def test_what_is_no_endpoint(self) -> None:
        server = RemoteServer(RequestTraversalAgent(Resource()), Clock())
        for endpoint in (
            "",
            "host",
            "ftp://host",
            "https://",
            "https://user:key@host",
            "https://host?query",
            "https://host#fragment",
        ):
            with self.assertRaises(ValueError):
                S3ObjectSource(server, endpoint, "", "b", S3Credentials("", ""))


class LeavesTests(SynchronousTestCase):
    def test_paths_and_texts(self) -> None:
        found = read_leaves(b"<a><b>1</b>2<c>3<d/></c></a>")
        wanted = [("a/b", "1"), ("a/c/d", ""), ("a/c", ""), ("a", "")]
        self.assertEqual(found, wanted)
