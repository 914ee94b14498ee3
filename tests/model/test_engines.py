"""Tests of ``txregistry/model/engines.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.engines import Engine, knows_only_schema1, parse_engine

DOCKER_1_5 = (
    "docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.13.0 os/linux arch/amd64"
)
DOCKER_1_12 = (
    "docker/1.12.6 go/go1.6.4 git-commit/78d1802 kernel/4.4.0-57-generic os/linux "
    "arch/arm64 UpstreamClient(Docker-Client/1.12.6 \\(linux\\))"
)
NOBODY = Engine(None, None, None, "linux", "amd64")


class ParseTests(SynchronousTestCase):
    def test_docker_1_5(self) -> None:
        self.assertEqual(
            parse_engine(DOCKER_1_5),
            Engine("1.5.0", "go1.4.1", "3.13.0", "linux", "amd64"),
        )

    def test_docker_1_12(self) -> None:
        self.assertEqual(
            parse_engine(DOCKER_1_12),
            Engine("1.12.6", "go1.6.4", "4.4.0-57-generic", "linux", "arm64"),
        )

    def test_client_of_an_engine_does_not_count(self) -> None:
        agent = "docker/1.12.6 UpstreamClient(docker/9.9 os/plan9)"
        self.assertEqual(parse_engine(agent).version, "1.12.6")
        self.assertEqual(parse_engine(agent).os, "linux")

    def test_anybody_else_has_defaults(self) -> None:
        for agent in ("", "curl/7.1", "Mozilla/5.0 (X11; Linux x86_64)"):
            self.assertEqual(parse_engine(agent), NOBODY)

    def test_what_is_too_long_is_not_read(self) -> None:
        self.assertEqual(parse_engine(" " * 1000 + DOCKER_1_5), NOBODY)

    @given(st.text())
    def test_anything_can_be_read(self, agent: str) -> None:
        found = parse_engine(agent)
        for each in (found.version, found.os, found.architecture):
            self.assertLessEqual(len(each or ""), 100)


class SizesTests(SynchronousTestCase):
    def test_engines_up_to_0_10_need_them(self) -> None:
        for version, needs in (
            ("0.5.3", True),
            ("0.9.1", True),
            ("0.10.0", True),
            ("0.10", True),
            ("0.11.1", False),
            ("0.100", False),
            ("1.0.0", False),
            ("1.5.0", False),
        ):
            engine = parse_engine(f"docker/{version}")
            self.assertEqual(engine.needs_sizes, needs, version)

    def test_nobody_else_does(self) -> None:
        self.assertFalse(parse_engine("curl/0.9").needs_sizes)


class Schema1Tests(SynchronousTestCase):
    def test_engines_1_5_to_1_9_know_no_other(self) -> None:
        for version, only in (
            ("1.4.1", False),
            ("1.5.0", True),
            ("1.9.1", True),
            ("1.10.0", False),
            ("1.50", False),
            ("17.05.0-ce", False),
        ):
            agent = f"docker/{version} go/go1.4.1"
            self.assertEqual(knows_only_schema1(agent), only, version)

    def test_engine_that_gives_no_name_is_one(self) -> None:
        self.assertTrue(knows_only_schema1("Go 1.1 package http"))

    def test_anybody_else_is_none(self) -> None:
        for agent in ("", "Go-http-client/1.1", "containers/5.0", "x docker/1.5.0"):
            self.assertFalse(knows_only_schema1(agent), agent)
