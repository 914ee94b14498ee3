"""Tests of ``txregistry/settings/quotas.py``."""

from tests.settings import test_reading
from txregistry.settings.quotas import Quota


class QuotaTests(test_reading.ConfigTestCase):
    def refused(self, text: str, *told: str) -> None:
        """Expect that the only quota is refused."""
        self.refuse(f"quotas: [{{{text}}}]", *told)

    def only(self, text: str) -> Quota:
        """Read the only quota."""
        (found,) = self.load(f"quotas: [{{{text}}}]").quotas
        return found

    def test_there_are_none_unless_told_so(self) -> None:
        self.assertEqual(self.load("").quotas, ())

    def test_sizes_have_units(self) -> None:
        found = self.only("repositories: ['team/**'], bytes: 50GiB, tags: 1000")
        self.assertEqual((found.bytes, found.tags), (50 * 1024**3, 1000))
        self.assertEqual(self.only("repositories: [a], bytes: 4096").bytes, 4096)

    def test_nothing_at_all_may_be_allowed(self) -> None:
        found = self.only("repositories: ['old/**'], bytes: 0, tags: 0")
        self.assertEqual((found.bytes, found.tags), (0, 0))

    def test_what_is_no_size(self) -> None:
        for value in ("50G", "-1", "lots", "[1]", "1.5"):
            text = f"repositories: [a], bytes: {value}"
            if value == "1.5":
                self.assertEqual(self.only(text).bytes, 1)
                continue
            self.refused(text, "quotas[0].bytes: ", "such as 50GiB")

    def test_what_is_no_number_of_tags(self) -> None:
        for value in ("-1", "many", "1.5"):
            self.refused(f"repositories: [a], tags: {value}", "quotas[0].tags: ")

    def test_what_is_misspelt(self) -> None:
        self.refused(
            "repositories: [a], size: 1",
            "quotas[0].size: there is no such setting; allowed are: "
            "bytes, repositories, tags.",
        )

    def test_repositories_are_a_list(self) -> None:
        self.refused("repositories: 'team/*', tags: 1", "write [team/*]")

    def test_it_must_say_whose(self) -> None:
        self.refused("repositories: [], tags: 1", "quotas[0].repositories: ", "team/**")
        self.refused("repositories: ['a//b'], tags: 1", "quotas[0].repositories: ")

    def test_it_must_say_something(self) -> None:
        self.refused("repositories: [a]", "quotas[0]: it allows everything")

    def test_one_quota_for_the_same_repositories(self) -> None:
        self.refuse(
            "quotas: [{repositories: [a, b], tags: 1}, "
            "{repositories: [b, a], tags: 0}]",
            "quotas[1]: it is about the same repositories as quotas[0]",
        )

    def test_there_are_not_too_many(self) -> None:
        each = ", ".join(
            f"{{repositories: [a{number}], tags: 1}}" for number in range(1001)
        )
        self.refuse(f"quotas: [{each}]", "quotas: 1001 entries", "1000")

    def test_a_variable_gives_them(self) -> None:
        found = self.load("", REGISTRY_QUOTAS="[{repositories: ['**'], bytes: 1TiB}]")
        self.assertEqual(found.quotas[0].bytes, 1024**4)
