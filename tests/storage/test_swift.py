"""Tests of ``txregistry/storage/swift.py``, but for what a real service tells best."""

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests.storage.playing import REFUSED, PlayedCase, Reply
from txregistry.storage.interfaces import Key, Page, StorageUnavailable
from txregistry.storage.swift import SwiftObjectSource
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftlogin import SwiftLogin1
from txregistry.storage.swiftsession import SwiftIdentity, SwiftSession

KEY = Key("images/one/layer")
LOGIN = "http://host/auth/v1.0"


def logged_in(token: str, url: str = "http://host/v1/AUTH_a") -> Reply:
    """Answer with a session."""
    return Reply(headers={"X-Storage-Url": url, "X-Auth-Token": token})


def listing(*entries: dict[str, Any]) -> Reply:
    """Answer with a listing."""
    return Reply(body=json.dumps(entries).encode())


class SwiftCase(PlayedCase):
    def open_source(self, *replies: Reply, url: str = LOGIN) -> SwiftObjectSource:
        """Read from a server that answers so."""
        server = self.play(*replies)
        login = SwiftLogin1(url, "user", "secret-key")
        identity = SwiftIdentity(server, login, self.clock)
        return SwiftObjectSource(SwiftContainer(server, identity, "a container"))

    def breaks(self, *replies: Reply, url: str = LOGIN) -> str:
        """Expect that nothing can be read, and give what is said of it."""
        source = self.open_source(*replies, url=url)
        said = self.fault(StorageUnavailable, source.get(KEY, 9))
        self.assertNotIn("secret", said)
        return said


class SessionTests(SwiftCase):
    def tokens(self) -> list[str]:
        """Give the tokens that were sent, none where one logged in."""
        return [asked.header("X-Auth-Token") for asked in self.agent.asked]

    def test_one_session_is_for_many_requests(self) -> None:
        source = self.open_source(logged_in("one"), Reply(body=b"a"), Reply(body=b"b"))
        self.assertEqual(self.result(source.get(KEY, 9)), b"a")
        self.assertEqual(self.result(source.get(KEY, 9)), b"b")
        self.assertEqual(self.tokens(), ["", "one", "one"])
        self.assertEqual(self.agent.asked[0].header("X-Auth-Key"), "secret-key")
        self.assertEqual(self.agent.asked[1].target, f"/v1/AUTH_a/a%20container/{KEY}")

    def test_a_session_that_ended_is_begun_anew(self) -> None:
        source = self.open_source(
            logged_in("one"), Reply(401), logged_in("two"), Reply(body=b"a")
        )
        self.assertEqual(self.result(source.get(KEY, 9)), b"a")
        self.assertEqual(self.tokens(), ["", "one", "", "two"])

    def test_a_new_session_that_is_no_good_is_a_refusal(self) -> None:
        said = self.breaks(logged_in("one"), Reply(401), logged_in("two"), Reply(401))
        self.assertEqual(said, "The Swift container a container answered 401")

    def test_many_who_wait_log_in_once(self) -> None:
        source = self.open_source(logged_in("one"), *[Reply(body=b"a")] * 3)
        waiting = [Deferred.fromCoroutine(source.get(KEY, 9)) for _ in range(2)]
        self.assertEqual(self.result(source.get(KEY, 9)), b"a")
        for one in waiting:
            self.assertEqual(self.successResultOf(one), b"a")
        self.assertEqual(self.tokens(), ["", "one", "one", "one"])

    def test_a_session_that_ended_for_many_is_begun_once(self) -> None:
        server = self.play(logged_in("one"), logged_in("two"))
        login = SwiftLogin1(LOGIN, "user", "key")
        identity = SwiftIdentity(server, login, self.clock)
        first = self.result(identity.session())
        second = self.result(identity.session(first))
        self.assertEqual(second.token, "two")
        self.assertIs(self.result(identity.session(first)), second)

    def test_logging_in_is_tried_again(self) -> None:
        source = self.open_source(
            REFUSED, Reply(503), logged_in("one"), Reply(body=b"a")
        )
        self.assertEqual(self.result(source.get(KEY, 9)), b"a")

    def test_who_cannot_log_in_at_first_can_later(self) -> None:
        source = self.open_source(Reply(401), logged_in("one"), Reply(body=b"a"))
        self.fault(StorageUnavailable, source.get(KEY, 9))
        self.assertEqual(self.result(source.get(KEY, 9)), b"a")

    def test_a_refusal_is_told(self) -> None:
        for status in (401, 403, 404, 302):
            said = self.breaks(Reply(status))
            self.assertEqual(said, f"The identity service {LOGIN} answered {status}")

    def test_what_is_no_session_is_a_fault(self) -> None:
        for reply in (
            Reply(),
            logged_in(""),
            logged_in("one", ""),
            logged_in("one", "/v1/AUTH_a"),
            logged_in("one", "file:///etc"),
            logged_in("one", "http://user@host/v1"),
            logged_in("one", "http://host/v1 /x"),
            logged_in("one", "http://host:x/v1"),
            logged_in("one", "http://host/v1?query"),
        ):
            self.assertIn("gave no account", self.breaks(reply))

    def test_a_token_is_not_shown_to_everybody(self) -> None:
        said = self.breaks(logged_in("one"), url="https://host/auth/v1.0")
        self.assertIn("would show the token", said)

    def test_what_is_no_identity_service(self) -> None:
        for url in ("", "host", "ftp://host", "http://", "http://u:p@host/"):
            with self.assertRaises(ValueError):
                SwiftLogin1(url, "user", "key")

    def test_nothing_secret_is_shown(self) -> None:
        shown = repr(SwiftSession("http://host", "secret"))
        self.assertEqual(shown, "SwiftSession(url='http://host')")


class ListingTests(SwiftCase):
    def list_page(self, *replies: Reply, after: str = "", limit: int = 9) -> Page:
        """List what is below ``k/``."""
        source = self.open_source(logged_in("one"), *replies)
        return self.result(source.list("k/", after=after, limit=limit, delimiter=True))

    def test_names_and_groups(self) -> None:
        page = self.list_page(
            listing({"name": "k/a", "bytes": 1, "hash": "x"}, {"subdir": "k/b/"})
        )
        self.assertEqual(page, Page(("k/a", "k/b/"), more=False))
        self.assertEqual(page.sizes, {"k/a": 1})

    def test_of_a_large_object_in_the_old_form_no_size_is_told(self) -> None:
        page = self.list_page(listing({"name": "k/a", "bytes": 0}))
        self.assertEqual((page.names, page.sizes), (("k/a",), {}))

    def test_what_is_asked(self) -> None:
        self.list_page(listing(), after="k/a b", limit=5)
        self.assertEqual(
            self.agent.asked[1].target,
            "/v1/AUTH_a/a%20container?format=json&prefix=k%2F"
            "&marker=k%2Fa%20b&limit=6&delimiter=%2F",
        )

    def test_no_content_is_an_empty_listing(self) -> None:
        self.assertEqual(self.list_page(Reply(204, length=None)), Page((), more=False))

    def test_a_group_that_is_given_again_is_left_out(self) -> None:
        page = self.list_page(
            listing({"subdir": "k/a/"}, {"name": "k/b"}),
            listing({"name": "k/c"}),
            after="k/a/",
            limit=1,
        )
        self.assertEqual(page, Page(("k/b",), more=True))

    def test_what_is_no_listing_is_a_fault(self) -> None:
        for body in (b"", b"{}", b"[1]", b'[{"name": 1}]', b"[", b'[{"name":"\xff"}]'):
            source = self.open_source(logged_in("one"), Reply(body=body))
            said = self.fault(StorageUnavailable, source.list("k/", limit=9))
            self.assertIn("gave no listing", said)

    def test_a_container_that_is_not_there_is_a_fault(self) -> None:
        source = self.open_source(logged_in("one"), Reply(404))
        self.fault(StorageUnavailable, source.list("k/", limit=9))

    def test_a_listing_without_order_is_a_fault(self) -> None:
        reply = listing({"name": "k/b"}, {"name": "k/a"})
        source = self.open_source(logged_in("one"), reply)
        self.fault(StorageUnavailable, source.list("k/", limit=9))

    @given(st.lists(st.dictionaries(st.sampled_from(["name", "subdir"]), st.text())))
    def test_any_listing_is_a_page_or_a_fault(
        self, entries: list[dict[str, str]]
    ) -> None:
        source = self.open_source(logged_in("one"), listing(*entries))

        async def list_them() -> None:
            with contextlib.suppress(StorageUnavailable):
                await source.list("k/", limit=99)

        self.result(list_them())
