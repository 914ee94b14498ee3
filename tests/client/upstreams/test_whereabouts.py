"""Tests of ``txregistry/client/upstreams/whereabouts.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.client.upstreams.whereabouts import Whereabouts, Whither, whither

PUBLIC = ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808")
PRIVATE = (
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "fd00::1",
    "fd00:ec2::254",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "240.0.0.1",
    "198.18.0.1",
)
LOOPBACK = (
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
)
LINK = (
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
)
NOWHERE = (
    "0.0.0.0",  # noqa: S104 - nobody listens there
    "::",
    "::ffff:0.0.0.0",
    "224.0.0.1",
    "ff02::1",
    "",
    "docker.io",
    "127.1",
    "2130706433",
    "0x7f.1",
    "1" * 1000,
)


class WhitherTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        for kind, addresses in {
            Whither.PUBLIC: PUBLIC,
            Whither.PRIVATE: PRIVATE,
            Whither.LOOPBACK: LOOPBACK,
            Whither.LINK: LINK,
            Whither.NOWHERE: NOWHERE,
        }.items():
            for address in addresses:
                self.assertEqual((address, whither(address)), (address, kind))


class WhereaboutsTests(SynchronousTestCase):
    def assert_allowed(self, where: Whereabouts, *allowed: tuple[str, ...]) -> None:
        """Expect that some kinds of addresses are allowed, and no others."""
        for kind in (PUBLIC, PRIVATE, LOOPBACK, LINK, NOWHERE):
            for address in kind:
                self.assertEqual(
                    (address, where.allows(address)), (address, kind in allowed)
                )

    def at(self, *addresses: str, host: str = "docker.io") -> Whereabouts:
        """Know an upstream that was reached at some addresses."""
        where = Whereabouts(host, allow_private=False)
        for address in addresses:
            where.note(address)
        return where

    def test_unknown_upstream_sends_to_the_internet(self) -> None:
        self.assert_allowed(self.at(), PUBLIC)

    def test_public_upstream_does(self) -> None:
        self.assert_allowed(self.at("8.8.8.8"), PUBLIC)

    def test_private_upstream_sends_to_networks_like_its_own(self) -> None:
        self.assert_allowed(self.at("10.0.0.1"), PUBLIC, PRIVATE)

    def test_upstream_on_this_machine_sends_there_too(self) -> None:
        self.assert_allowed(self.at("127.0.0.1"), PUBLIC, PRIVATE, LOOPBACK)

    def test_upstream_on_the_cable_sends_there_too(self) -> None:
        self.assert_allowed(self.at("169.254.0.9"), PUBLIC, LINK)

    def test_upstream_that_is_public_too_is_public(self) -> None:
        for addresses in (("8.8.8.8", "127.0.0.1"), ("127.0.0.1", "8.8.8.8")):
            self.assert_allowed(self.at(*addresses), PUBLIC)

    def test_host_tells_where_it_is(self) -> None:
        for host in ("localhost", "registry.localhost", "LOCALHOST.", "127.0.0.1"):
            self.assert_allowed(self.at(host=host), PUBLIC, PRIVATE, LOOPBACK)
        self.assert_allowed(self.at(host="10.0.0.1"), PUBLIC, PRIVATE)
        self.assert_allowed(self.at(host="8.8.8.8"), PUBLIC)

    def test_setting_allows_all_but_what_is_nowhere(self) -> None:
        where = Whereabouts("docker.io", allow_private=True)
        where.note("8.8.8.8")
        self.assert_allowed(where, PUBLIC, PRIVATE, LOOPBACK, LINK)


class HostTests(SynchronousTestCase):
    def test_names_are_somebody_elses_affair(self) -> None:
        where = Whereabouts("docker.io", allow_private=False)
        self.assertTrue(where.allows_host("cdn.example"))
        self.assertTrue(where.allows_host("8.8.8.8"))

    def test_names_that_tell_where_they_lead(self) -> None:
        where = Whereabouts("docker.io", allow_private=False)
        for host in (
            "localhost",
            "a.localhost.",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "017700000001",
            "::1",
            "fe80::1%1",
            "10.0.0.1",
            "169.254.169.254",
        ):
            self.assertFalse(where.allows_host(host), host)
