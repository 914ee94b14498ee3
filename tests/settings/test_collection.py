"""Tests of ``txregistry/settings/collection.py``."""

from tests.settings import test_reading


class CollectionTests(test_reading.ConfigTestCase):
    def test_times_must_be_some(self) -> None:
        for name in ("interval", "floor"):
            self.refuse(f"collection: {{{name}: 0s}}", f"collection.{name}: ", "1s")

    def test_rule_must_say_of_what(self) -> None:
        text = "collection: {retention: [{repositories: [], newest: 1}]}"
        self.refuse(text, "collection.retention[0]: ", "which repositories")

    def test_rule_must_say_something(self) -> None:
        text = "collection: {retention: [{repositories: ['**'], keep: [v1]}]}"
        self.refuse(text, "collection.retention[0]: ", "newest")

    def test_rule_must_give_time(self) -> None:
        for name in ("pushed", "pulled", "untagged"):
            text = f"collection: {{retention: [{{repositories: ['**'], {name}: 5m}}]}}"
            self.refuse(text, f"collection.retention[0].{name}: ", "3600s")
