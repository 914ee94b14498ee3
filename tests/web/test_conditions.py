"""Tests of conditional requests, as they are read."""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.test.requesthelper import DummyChannel

from tests.web.content import ABSENT
from txregistry.model.digest import Digest
from txregistry.web.conditions import is_unchanged, wants_range
from txregistry.web.request import RegistryRequest

_DIGEST = Digest.of(b"content")


def asking(*headers: tuple[str, str], method: bytes = b"GET") -> RegistryRequest:
    """Make a request of some headers."""
    request = RegistryRequest(DummyChannel())
    request.method = method
    for name, value in headers:
        request.requestHeaders.addRawHeader(name, value)
    return request


class UnchangedTests(SynchronousTestCase):
    def test_names_of_the_content(self) -> None:
        for value in (
            f'"{_DIGEST}"',
            f'W/"{_DIGEST}"',
            str(_DIGEST),
            f'"{ABSENT}" , "{_DIGEST}"',
            "*",
            f'"{ABSENT}", *',
        ):
            request = asking(("If-None-Match", value))
            self.assertTrue(is_unchanged(request, _DIGEST), value)

    def test_names_of_other_content(self) -> None:
        for value in (f'"{ABSENT}"', "", '""', ",", '"*"', f'"{_DIGEST}x"', "W/"):
            request = asking(("If-None-Match", value))
            self.assertFalse(is_unchanged(request, _DIGEST), value)

    def test_several_lines(self) -> None:
        lines = (("If-None-Match", '"x"'), ("If-None-Match", f'"{_DIGEST}"'))
        self.assertTrue(is_unchanged(asking(*lines), _DIGEST))

    def test_no_condition(self) -> None:
        self.assertFalse(is_unchanged(asking(), _DIGEST))


class RangeTests(SynchronousTestCase):
    def test_without_condition(self) -> None:
        request = asking(("Range", "bytes=0-1"))
        self.assertEqual(wants_range(request, _DIGEST), "bytes=0-1")

    def test_of_this_content(self) -> None:
        for value in (f'"{_DIGEST}"', str(_DIGEST), f' "{_DIGEST}" '):
            request = asking(("Range", "bytes=0-1"), ("If-Range", value))
            self.assertEqual(wants_range(request, _DIGEST), "bytes=0-1", value)

    def test_of_other_content(self) -> None:
        for value in (f'"{ABSENT}"', "*", "Wed, 21 Oct 2015 07:28:00 GMT"):
            request = asking(("Range", "bytes=0-1"), ("If-Range", value))
            self.assertIsNone(wants_range(request, _DIGEST), value)

    def test_of_other_methods(self) -> None:
        request = asking(("Range", "bytes=0-1"), method=b"HEAD")
        self.assertIsNone(wants_range(request, _DIGEST))

    def test_a_condition_alone(self) -> None:
        request = asking(("If-Range", f'"{_DIGEST}"'))
        self.assertIsNone(wants_range(request, _DIGEST))
