"""Tests of ``txregistry/settings/mirror.py`` and ``mirrorchecks.py``."""

from tests.settings.test_checks import ChecksCase
from txregistry.settings.mirror import Upstream


class UpstreamTests(ChecksCase):
    def only(self, text: str) -> Upstream:
        """Read the only upstream."""
        (found,) = self.load(f"mirror: {{upstreams: [{{{text}}}]}}").mirror.upstreams
        return found

    def refused(self, text: str, setting: str, *told: str) -> None:
        """Expect that an upstream is refused."""
        where = f"mirror.upstreams[0]{setting}"
        self.refuse(f"mirror: {{upstreams: [{{{text}}}]}}", where, *told)

    def test_a_name_is_enough(self) -> None:
        found = self.only("name: ghcr.io")
        self.assertEqual(
            (found.address, found.start, found.called, found.is_hub),
            ("https://ghcr.io", "ghcr.io", ("ghcr.io",), False),
        )

    def test_docker_hub_has_other_names(self) -> None:
        found = self.only("name: docker.io")
        self.assertEqual(found.address, "https://registry-1.docker.io")
        self.assertTrue(found.is_hub)
        self.assertIn("docker.io", found.called)

    def test_what_is_given_counts(self) -> None:
        found = self.only(
            "name: docker.io, url: 'http://[::1]:5000/', prefix: '', spaces: [a], "
            "library: false"
        )
        self.assertEqual(
            (found.address, found.start, found.called, found.is_hub),
            ("http://[::1]:5000", "", ("a",), False),
        )

    def test_what_can_be_no_name(self) -> None:
        for name in ("''", "'a b'", "'a/b'", "'@'", f"'{'a' * 101}'"):
            self.refused(f"name: {name}, url: 'http://a'", ".name: ", "docker.io")

    def test_where_nothing_can_be(self) -> None:
        for url in ("ftp://a", "a", "https://", "https://a/?b", "https://a:0"):
            self.refused(f"name: a, url: '{url}'", ".url: ", "https://")

    def test_secrets_in_a_place_are_not_shown(self) -> None:
        with self.assertRaises(Exception) as raised:
            self.only("name: a, url: 'https://bob:secret@a'")
        self.assertNotIn("secret", str(raised.exception))
        with self.assertRaises(Exception) as raised:
            self.only("name: a, proxy: 'http://bob:secret@a/b'")
        self.assertNotIn("secret", str(raised.exception))

    def test_names_of_repositories_cannot_begin_so(self) -> None:
        for prefix in ("/a", "a/", "A", "a//b"):
            self.refused(f"name: a, prefix: '{prefix}'", ".prefix: ", "team")
        self.refused("name: 'localhost:5000'", ".prefix: ", "'localhost:5000'")

    def test_what_clients_cannot_call_it(self) -> None:
        for host in ("''", "A", "a/b", "'a:'", "'::1'"):
            self.refused(f"name: a, hosts: [{host}]", ".hosts: ")
        for space in ("''", "a/b", "'a:'"):
            self.refused(f"name: a, spaces: [{space}]", ".spaces: ")

    def test_what_they_can(self) -> None:
        found = self.only("name: a, hosts: [a.example, 'b:5000', '[::1]:1']")
        self.assertEqual(found.hosts, ("a.example", "b:5000", "[::1]:1"))

    def test_half_of_what_we_are(self) -> None:
        self.refused("name: a, username: bob", "", "both username and password")
        self.refused("name: a, password: x", "", "both username and password")
        self.refused("name: a, certificate: c", "", "both certificate and key")

    def test_two_ways_to_be_somebody(self) -> None:
        me = "username: bob, password: x"
        for more in ("credentials: f", "command: [a]"):
            self.refused(f"name: a, {me}, {more}", "", "not both")

    def test_a_name_that_cannot_be_sent(self) -> None:
        self.refused("name: a, username: 'a:b', password: x", ".username", "without")

    def test_no_time_at_all(self) -> None:
        for name in ("patience", "timeout"):
            self.refused(f"name: a, {name}: 0s", f".{name}: 0s", "0.1s")

    def test_too_often(self) -> None:
        plan = "{repositories: [a], tags: ['3.*'], every: 1s}"
        self.refused(f"name: a, schedule: [{plan}]", ".schedule[0].every: 1s", "60s")

    def test_nothing_at_once(self) -> None:
        self.refused("name: a, connections: 0", ".connections: 0")
        self.refused("name: a, rate: 0", ".rate: 0")

    def test_an_upstream_may_speak_version_1(self) -> None:
        self.assertEqual(self.only("name: a, api: v1").api, "v1")

    def test_it_speaks_nothing_else(self) -> None:
        self.refused("name: a, api: v3", ".api: 'v3'", "v1 or v2")

    def test_credentials_cannot_be_passed_on(self) -> None:
        self.refused("name: a, api: v1, passthrough: true", ".passthrough", "Index")


class MirrorTests(ChecksCase):
    def test_it_is_nobodys_mirror_unless_told_so(self) -> None:
        found = self.load("").mirror
        self.assertEqual((found.upstreams, found.offline), ((), False))

    def test_two_upstreams_cannot_be_told_apart(self) -> None:
        for setting, first, second in (
            ("name", "name: a, prefix: b, spaces: []", "name: a"),
            ("prefix", "name: b, prefix: c", "name: c"),
            ("spaces", "name: b", "name: c, spaces: [b]"),
            ("hosts", "name: b, hosts: [h]", "name: c, hosts: [h]"),
        ):
            text = f"mirror: {{upstreams: [{{{first}}}, {{{second}}}]}}"
            self.refuse(text, f"mirror.upstreams: {setting} ", "of 2 upstreams")

    def test_tokens_come_from_one_place(self) -> None:
        self.refuse(
            "auth: {token: {realm: 'https://a', service: s, issuer: i, jwks: k}}\n"
            "mirror: {upstreams: [{name: b}, {name: a, passthrough: true}]}",
            "mirror.upstreams[1].passthrough: true",
            "auth.token",
        )

    def test_what_is_ours_is_a_name(self) -> None:
        self.refuse("mirror: {own: [team/]}", "mirror.own: 'team/'", "without '/'")
        self.assertEqual(self.load("mirror: {own: [a/b]}").mirror.own, ("a/b",))

    def test_nobody_is_mirrored_by_names_that_are_ours(self) -> None:
        for text in (
            "upstreams: [{name: a, prefix: private}]",
            "upstreams: [{name: b, prefix: private/hub}]",
            "own: [team/a], upstreams: [{name: b, prefix: team/a/b}]",
            "own: [docker.io], upstreams: [{name: docker.io}]",
        ):
            self.refuse(f"mirror: {{{text}}}", "upstreams[0].prefix: ", "mirror.own")
        for text in (
            "upstreams: [{name: a, prefix: privates}]",
            "upstreams: [{name: a, prefix: ''}]",
            "own: [], upstreams: [{name: a, prefix: private}]",
            "own: [team/a], upstreams: [{name: b, prefix: team}]",
        ):
            self.assertEqual(len(self.load(f"mirror: {{{text}}}").mirror.upstreams), 1)

    def test_pushes_go_where_it_is_no_mirror(self) -> None:
        found = self.load("role: mirror\nmirror: {own: [team]}").auth.rules
        assert found is not None
        self.assertEqual(found[0].repositories, ("team", "team/**"))
        found = self.load("role: mirror\nmirror: {own: []}").auth.rules
        self.assertEqual(len(found or ()), 1)


class ProxyTests(ChecksCase):
    """Distribution's way to say it."""

    def upstream(self, text: str) -> Upstream:
        """Read the only upstream."""
        found = self.load(f"proxy: {{{text}}}").proxy
        assert found is not None
        return found.as_upstream()

    def test_docker_hub(self) -> None:
        found = self.upstream("remoteurl: 'https://registry-1.docker.io'")
        self.assertEqual(
            (found.name, found.start, found.is_hub, found.username),
            ("docker.io", "", True, None),
        )
        self.assertEqual(found.called[0], "docker.io")
        self.assertEqual(found.called[-1], "*")  # it minds no ?ns=

    def test_another_registry(self) -> None:
        found = self.upstream(
            "remoteurl: 'http://a.example:5000', username: bob, password: secret"
        )
        self.assertEqual(
            (found.name, found.address, found.is_hub, found.username, found.password),
            ("a.example:5000", "http://a.example:5000", False, "bob", "secret"),
        )

    def test_variables_say_it_too(self) -> None:
        found = self.load("", REGISTRY_PROXY_REMOTEURL="https://a.example").proxy
        assert found is not None
        self.assertEqual(found.remoteurl, "https://a.example")

    def test_a_helper(self) -> None:
        found = self.upstream("remoteurl: 'https://a', exec: {command: /bin/helper}")
        self.assertEqual(found.command, ("/bin/helper", "get"))

    def test_what_nothing_can_come_of(self) -> None:
        self.refuse("proxy: {remoteurl: a}", "proxy.remoteurl: 'a'", "https://")
        self.refuse(
            "proxy: {remoteurl: 'https://a', username: x, password: y, "
            "exec: {command: c}}",
            "proxy: give one of username and exec",
        )
        self.refuse(
            "proxy: {remoteurl: 'https://a'}\nmirror: {upstreams: [{name: b, "
            "prefix: ''}]}",
            "prefix ''",
        )
