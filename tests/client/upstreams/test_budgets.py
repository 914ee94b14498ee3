"""Tests of ``txregistry/client/upstreams/budgets.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.bodies import UpstreamBody
from txregistry.client.upstreams.budgets import read_budget, retry_after
from txregistry.client.upstreams.interfaces import Budget
from txregistry.client.upstreams.places import Place


def answer(**headers: str) -> Answer:
    """Make an answer with some header fields."""
    fields = Headers()
    for name, text in headers.items():
        fields.setRawHeaders(name.replace("_", "-").encode(), [text.encode()])
    place = Place.parse("https://docker.io/")
    return Answer("GET", place, 200, fields, UpstreamBody("", None, Clock(), 1.0))


class BudgetTests(SynchronousTestCase):
    def test_docker_hub(self) -> None:
        found = read_budget(
            answer(ratelimit_limit="100;w=21600", ratelimit_remaining="76;w=21600"), 5.0
        )
        self.assertEqual(found, Budget(100, 76, 21600.0, 5.0))

    def test_three_fields(self) -> None:
        found = read_budget(
            answer(
                ratelimit_limit="100, 100;w=60",
                ratelimit_remaining="50",
                ratelimit_reset="30",
            ),
            5.0,
        )
        self.assertEqual(found, Budget(100, 50, 30.0, 5.0))

    def test_two_fields(self) -> None:
        policy = '"default";q=100;w=60, "daily";q=1000;w=86400'
        found = read_budget(
            answer(ratelimit_policy=policy, ratelimit='"default";r=50;t=30'), 5.0
        )
        self.assertEqual(found, Budget(100, 50, 60.0, 5.0))

    def test_one_field(self) -> None:
        found = read_budget(answer(ratelimit="limit=100, remaining=50, reset=5"), 5.0)
        self.assertEqual(found, Budget(100, 50, 5.0, 5.0))

    def test_most_say_nothing(self) -> None:
        self.assertIsNone(read_budget(answer(), 5.0))

    def test_what_cannot_be_read_is_nothing(self) -> None:
        for text in ("", "many", "-1", "1" * 40, "\xb2", ";w=60"):
            found = answer(ratelimit_limit=text, ratelimit_remaining="1")
            self.assertIsNone(read_budget(found, 5.0))

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_any_text_is_read(self, policy: str, left: str) -> None:
        text = {"ratelimit_policy": policy, "ratelimit": left}
        text = {
            name: each.encode("ascii", "replace").decode()
            for name, each in text.items()
        }
        clean = {
            name: each.replace("\n", "").replace("\r", "")
            for name, each in text.items()
        }
        read_budget(answer(**clean), 0.0)
        read_budget(answer(ratelimit_limit=clean["ratelimit"]), 0.0)


class RetryAfterTests(SynchronousTestCase):
    def test_seconds(self) -> None:
        self.assertEqual(retry_after(answer(retry_after=" 30 ")), 30.0)

    def test_date_is_compared_with_that_of_the_answer(self) -> None:
        found = answer(
            retry_after="Wed, 21 Oct 2015 07:29:00 GMT",
            date="Wed, 21 Oct 2015 07:28:00 GMT",
        )
        self.assertEqual(retry_after(found), 60.0)

    def test_past_is_now(self) -> None:
        found = answer(
            retry_after="Wed, 21 Oct 2015 07:28:00 GMT",
            date="Wed, 21 Oct 2015 07:29:00 GMT",
        )
        self.assertEqual(retry_after(found), 0.0)

    def test_what_cannot_be_read_is_nothing(self) -> None:
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        for text in ("", "soon", "-1", "1" * 40, "Wed, 99 Oct 2015 07:28:00 GMT", date):
            self.assertIsNone(retry_after(answer(retry_after=text)))
        for text in ("", "x", "Wed, 21 Oct 2015 07:28:00 -0000"):
            self.assertIsNone(retry_after(answer(retry_after=date, date=text)))
