"""Tests of ``txregistry/auth/addresses.py``."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth.addresses import (
    Address,
    is_within,
    origin,
    parse_address,
    plain_network,
)


class ParseAddressTests(SynchronousTestCase):
    @given(st.ip_addresses())
    def test_address_is_read(self, address: Address) -> None:
        mapped = getattr(address, "ipv4_mapped", None)
        self.assertEqual(parse_address(str(address)), mapped or address)

    def test_what_is_written_as_ipv6_is_ipv4(self) -> None:
        for text in ("::ffff:10.0.0.1", "::ffff:a00:1", "::FFFF:10.0.0.1"):
            self.assertEqual(parse_address(text), ip_address("10.0.0.1"))

    @given(st.text())
    def test_any_text_can_be_read(self, text: str) -> None:
        found = parse_address(text)
        self.assertTrue(found is None or ip_address(text))

    def test_what_is_none_is_none(self) -> None:
        for text in ("", "bob", "10.0.0.0/8", "10.0.0.256", "[::1]", "1" * 100_000):
            self.assertIsNone(parse_address(text))


class NetworkTests(SynchronousTestCase):
    def test_network_that_is_written_as_ipv6_is_ipv4(self) -> None:
        for mapped, plain in (
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.1/128", "10.0.0.1/32"),
        ):
            self.assertEqual(plain_network(ip_network(mapped)), ip_network(plain))

    def test_others_stay(self) -> None:
        for text in ("::/0", "::/95", "2001:db8::/32", "10.0.0.0/8"):
            self.assertEqual(plain_network(ip_network(text)), ip_network(text))

    def test_address_is_within_one_of_them(self) -> None:
        networks = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]
        for text in ("10.1.2.3", "2001:db8::1"):
            self.assertTrue(is_within(ip_address(text), networks))
        for text in ("11.1.2.3", "2001:db9::1"):
            self.assertFalse(is_within(ip_address(text), networks))

    def test_nobody_is_within_any(self) -> None:
        self.assertFalse(is_within(None, [ip_network("0.0.0.0/0")]))


class OriginTests(SynchronousTestCase):
    def test_address_of_ipv4_is_a_place(self) -> None:
        self.assertNotEqual(origin("10.0.0.1"), origin("10.0.0.2"))

    def test_it_is_the_same_place_however_it_is_written(self) -> None:
        self.assertEqual(origin("::ffff:10.0.0.1"), origin("10.0.0.1"))

    def test_household_of_ipv6_is_a_place(self) -> None:
        self.assertEqual(origin("2001:db8:0:1::1"), origin("2001:db8:0:1:ffff::"))
        self.assertNotEqual(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"))

    def test_interface_makes_no_other_place(self) -> None:
        self.assertEqual(origin("fe80::1%eth0"), origin("fe80::1%eth1"))

    def test_unknown_is_a_place(self) -> None:
        self.assertNotEqual(origin(""), origin("10.0.0.1"))

    def test_it_is_never_long(self) -> None:
        self.assertLess(len(origin("x" * 100_000)), 1000)
