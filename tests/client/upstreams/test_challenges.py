"""Tests of ``txregistry/client/upstreams/challenges.py``."""

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.client.upstreams.challenges import (
    PULL,
    PUSH,
    Challenge,
    parse_challenges,
    within,
)

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/alpine:pull"'
)
OF_HUB = Challenge(
    "bearer",
    "https://auth.docker.io/token",
    "registry.docker.io",
    "repository:library/alpine:pull",
)


class ChallengeTests(SynchronousTestCase):
    def parse(self, *values: str) -> list[Challenge]:
        """Read some values."""
        return parse_challenges(values)

    def test_token_of_docker_hub(self) -> None:
        self.assertEqual(self.parse(HUB), [OF_HUB])

    def test_password(self) -> None:
        for text in (
            'Basic realm="a, b"',
            'basic Realm="a, b"',
            'BASIC realm = "a, b"',
        ):
            self.assertEqual(self.parse(text), [Challenge("basic", "a, b")])

    def test_several_values(self) -> None:
        basic = Challenge("basic", "x")
        self.assertEqual(self.parse("Basic realm=x", HUB), [basic, OF_HUB])

    def test_several_in_one_value(self) -> None:
        found = self.parse(f'Basic realm="x, y=\\"z\\"", {HUB}, Negotiate , Other a=b')
        self.assertEqual(
            found,
            [
                Challenge("basic", 'x, y="z"'),
                OF_HUB,
                Challenge("negotiate"),
                Challenge("other"),
            ],
        )

    def test_opaque_ones_are_passed_over(self) -> None:
        found = self.parse(f"Negotiate YII/abc==, {HUB}")
        self.assertEqual(found, [Challenge("negotiate"), OF_HUB])

    def test_first_of_two_equal_parameters_counts(self) -> None:
        found = self.parse('Bearer realm="a",realm="b"')
        self.assertEqual(found, [Challenge("bearer", "a")])

    def test_errors_are_no_part_of_it(self) -> None:
        found = self.parse(f'{HUB},error="invalid_token"')
        self.assertEqual(found, [OF_HUB])

    def test_malformed_ones_end_the_reading(self) -> None:
        for text in ('Bearer realm="https://x', "Bearer realm=", 'Bearer realm="a"b'):
            self.assertEqual([each.realm for each in self.parse(text)], [""])
        for text in ("", ",,,", '"', "=", "\x00"):
            self.assertEqual(self.parse(text), [])

    def test_no_more_are_read_than_make_sense(self) -> None:
        self.assertEqual(len(self.parse("Basic realm=x," * 500)), 16)
        self.assertEqual(self.parse("x" * 9000, HUB), [])

    def test_hostile_text_takes_no_time(self) -> None:
        began = time.process_time()
        for text in (
            'Bearer a="' + '\\"' * 4000,
            "a=" * 4000,
            "a " * 4000,
            ", " * 4000,
        ):
            parse_challenges([text])
        self.assertLess(time.process_time() - began, 1.0)

    @given(st.lists(st.text(max_size=80), max_size=4))
    def test_any_text_is_read(self, values: list[str]) -> None:
        parse_challenges(values)


class WithinTests(SynchronousTestCase):
    def test_only_pulling_is_left(self) -> None:
        for scope, left in {
            "repository:a/b:pull": "repository:a/b:pull",
            "repository:a/b:pull,push,delete": "repository:a/b:pull",
            "repository:a:*": "repository:a:pull",
            "repository(plugin):a:pull": "repository(plugin):a:pull",
            "repository:host:5000/a:pull": "repository:host:5000/a:pull",
            "repository:a:pull repository:b:push": (
                "repository:a:pull repository:b:pull"
            ),
            "registry:catalog:*": "",
            "registry:catalog:* repository:a:pull": "repository:a:pull",
            "repository:A B:pull": "",
            "nonsense": "",
            "": "",
        }.items():
            self.assertEqual(within(scope, PULL), left)

    def test_who_pushes_gets_no_more_than_that(self) -> None:
        for scope, left in {
            "repository:a:pull,push,delete": "repository:a:pull,push",
            "repository:a:*": "repository:a:pull,push",
            "repository:a:push": "repository:a:pull,push",
            "repository:a:pull": "repository:a:pull",
            "repository:a:pull,push repository:b:pull": (
                "repository:a:pull,push repository:b:pull"
            ),
            "registry:catalog:*": "",
        }.items():
            self.assertEqual(within(scope, PUSH), left)
