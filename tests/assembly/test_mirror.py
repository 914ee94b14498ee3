"""Tests of ``txregistry/assembly/mirror.py``."""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.assembly.mirror import make_rules
from txregistry.assembly.mirrorschedule import make_schedule
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.rules import MirrorRules
from txregistry.registry.repositories import Registry
from txregistry.settings.mirror import Mirror, Proxy, Schedule, Upstream
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once


def rules(*upstreams: Upstream, own: tuple[str, ...] = (), **more: Any) -> MirrorRules:
    """Make the rules for some upstreams."""
    settings = Settings(mirror=Mirror(upstreams, own), **more)
    return make_rules(settings, Clock(), at_once)


class RulesTests(SynchronousTestCase):
    def refused(self, upstream: Upstream, *told: str) -> None:
        """Expect that an upstream cannot be used."""
        with self.assertRaises(SettingsError) as raised:
            rules(Upstream("good.example"), upstream)
        for each in told:
            self.assertIn(each, str(raised.exception))

    def local(self, made: MirrorRules, name: str, space: str = "") -> str:
        return str(made.localize(RepositoryName(name), space, ""))

    def test_no_upstream(self) -> None:
        self.assertEqual(rules().upstreams, [])

    def test_each_upstream_has_a_rule(self) -> None:
        made = rules(Upstream("docker.io"), Upstream("ghcr.io"), own=("docker.io/us",))
        for name, found in (
            ("docker.io/library/a", "docker.io"),
            ("ghcr.io/b", "ghcr.io"),
            ("docker.io/us/a", None),
            ("c", None),
        ):
            rule = made.find(RepositoryName(name))
            self.assertEqual(rule and rule.upstream.name, found)
        self.assertEqual(self.local(made, "a", "docker.io"), "docker.io/library/a")
        self.assertEqual(self.local(made, "a", "ghcr.io"), "ghcr.io/a")

    def test_times_and_names_are_those_of_the_settings(self) -> None:
        upstream = Upstream("a", prefix="", hosts=("h:1",), library=True)
        made = rules(upstream).find(RepositoryName("b"))
        assert made is not None
        self.assertEqual(
            (made.prefix, made.hosts, made.library, made.recheck, made.patience),
            ("", {"h:1"}, True, upstream.recheck, upstream.patience),
        )

    def test_distributions_way_to_say_it(self) -> None:
        made = rules(proxy=Proxy("https://registry-1.docker.io"))
        self.assertEqual(self.local(made, "a"), "library/a")

    def test_files_that_cannot_be_used(self) -> None:
        nothing = make_file(self, "nothing.pem", b"")
        self.refused(Upstream("a", cas=(nothing,)), "mirror.upstreams[1].cas", nothing)
        self.refused(
            Upstream("a", certificate=nothing, key=nothing),
            "mirror.upstreams[1].certificate",
        )

    def test_what_is_fetched_time_and_again(self) -> None:
        for tags, told in ((("3.*",), ""), (("3 *",), "tags")):
            plan = Schedule(("library/alpine",), tags)
            upstreams = (Upstream("a"), Upstream("b", schedule=(plan,)))
            settings = Settings(mirror=Mirror(upstreams))
            registry = Registry(
                MemoryObjectStore(Clock()),
                Clock(),
                at_once,
                mirrored=make_rules(settings, Clock(), at_once),
            )
            try:
                make_schedule(settings, registry, Clock(), at_once)
            except SettingsError as error:
                self.assertIn("mirror.upstreams[1].schedule[0]: ", str(error))
                self.assertIn(told, str(error))
                self.assertTrue(told)
            else:
                self.assertFalse(told)

    def test_whoever_we_are_there(self) -> None:
        for more in (
            {"username": "bob", "password": "secret"},
            {"credentials": "/no/such/file"},  # it may come while we run
            {"command": ("helper",)},
        ):
            self.assertEqual(len(rules(Upstream("a", **more)).upstreams), 1)
