"""Tests of ``txregistry/client/upstreams/cookies.py``."""

from tests.client.upstreams import registry1case
from tests.client.upstreams.case import document, redirect
from tests.client.upstreams.registry1case import HOME, REGISTRY, TAG, T, gives
from tests.storage.playing import Reply


class CookieTests(registry1case.SessionsCase):
    """Old registries take a token once, and then their cookie."""

    def cookies(self, *replies: Reply, index: Reply | None = None) -> list[str]:
        """Give the cookies of requests to the registry."""
        self.play1(index or gives(), registry=replies)
        for _ in replies:
            self.find()
        return [each.header("cookie") for each in self.service.asked]

    def tag(self, cookie: str) -> Reply:
        """Answer with a tag and a cookie."""
        return document(str(T), set_cookie=cookie)

    def test_cookie_is_sent_back(self) -> None:
        found = self.cookies(self.tag("session=a?b=c&d; Path=/v1/; HttpOnly"), TAG, TAG)
        self.assertEqual(found, ["", "session=a?b=c&d", "session=a?b=c&d"])

    def test_later_ones_replace_it(self) -> None:
        found = self.cookies(self.tag("s=1"), self.tag("s=2"), self.tag("t=3"), TAG)
        self.assertEqual(found, ["", "s=1", "s=2", "s=2; t=3"])

    def test_ends(self) -> None:
        for cookie in ("s=", "s=1; Max-Age=0", "s=1; max-age=-1"):
            found = self.cookies(self.tag("s=1"), self.tag(cookie), TAG)
            self.assertEqual(found, ["", "s=1", ""])

    def test_other_paths(self) -> None:
        found = self.cookies(self.tag("s=1; path=/v1/users"), TAG)
        self.assertEqual(found, ["", ""])

    def test_what_is_none_is_left_out(self) -> None:
        for cookie in ("", "s", "s t=1", "s=é", "s=" + "x" * 5000, "=x"):
            found = self.cookies(self.tag(cookie), TAG)
            self.assertEqual(found, ["", ""])

    def test_they_are_not_many(self) -> None:
        replies = [self.tag(f"s{number}=1") for number in range(20)]
        found = self.cookies(*replies, TAG)
        self.assertEqual(found[-1].count("="), 8)

    def test_they_go_to_nobody_else(self) -> None:
        there = redirect(f"{HOME}/elsewhere")
        self.play1(gives(), registry=(self.tag("s=1"), there))
        self.find()
        back = redirect(f"https://{REGISTRY}/v1/x")
        self.play_on(back)
        self.service._replies.append(TAG)
        self.assertEqual(self.find(), T)
        self.assertEqual(
            [each.header("cookie") for each in self.service.asked], ["", "s=1", ""]
        )
        self.assertEqual([each.header("cookie") for each in self.agent.asked], ["", ""])

    def test_they_are_of_one_session(self) -> None:
        self.play1(gives(), gives(), registry=(self.tag("s=1"), TAG))
        self.find()
        self.find("team/other")
        self.assertEqual(
            [each.header("cookie") for each in self.service.asked], ["", ""]
        )
