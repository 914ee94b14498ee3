"""Tests of ``txregistry/registry/collection/schedule.py``."""

from tests.metrics.figures import samples
from tests.registry.case import RegistryTestCase
from txregistry.assembly.collection import make_collection_schedule
from txregistry.settings.sections import Settings
from txregistry.storage import keys
from txregistry.tasks import at_once

HOUR = 3600.0
DAYS = 4


class CountTests(RegistryTestCase):
    def figures(self) -> dict[str, float]:
        """Say what is told of collection."""
        prefix = "txregistry_collection_"
        found = samples(self.registry.counts.families())
        return {
            name.removeprefix(prefix): value
            for (name, _), value in found.items()
            if name.startswith(prefix)
        }

    def test_nothing_is_told_before_the_first_round(self) -> None:
        self.assertEqual(self.figures(), {})

    def test_what_all_rounds_removed_is_counted(self) -> None:
        self.push_blobs()  # which no manifest needs
        blobs = [key for key in self.keys() if key.startswith(keys.BLOBS)]
        self.assertTrue(blobs)
        schedule = make_collection_schedule(
            Settings(), self.registry, self.clock, at_once
        )
        schedule.start()
        for _ in range(DAYS * 24 * 6):
            self.clock.advance(HOUR / 6)
        schedule.stop()
        found = self.figures()
        self.assertEqual(found["removed_blobs_total"], len(blobs))
        self.assertEqual(found["removed_links_total"], len(blobs))
        self.assertIn(found["rounds_total"], {DAYS, DAYS + 1})
        self.assertLess(
            self.clock.seconds() - found["last_timestamp_seconds"], 25 * HOUR
        )
        self.assertEqual(found["removed_tags_total"], 0)
