"""Documents in the store that are nested deeper than anything can read."""

from collections.abc import Coroutine
from typing import Any

from tests.registry import images
from tests.registry.case import NAME, V1
from tests.registry.content import numbered
from txregistry.model.images import ImageId
from txregistry.registry.collection.condemned import CondemnedList, read_list
from txregistry.registry.collection.lease import read_lease
from txregistry.registry.imagetags import TagProperties
from txregistry.registry.scrubbing.state import ScrubState, read_state
from txregistry.storage import keys
from txregistry.storage.interfaces import Key

NESTED = b'{"other": ' + b"[" * 1900 + b"]" * 1900 + b"}"
IMAGE = ImageId("a" * 64)


class NestedTests(images.ImageTestCase):
    def reads(self, key: Key, work: Coroutine[Any, Any, object]) -> object:
        """Say what is read where such a document lies."""
        self.put(key, NESTED)
        return self.result(work)

    def test_what_collection_writes(self) -> None:
        place = keys.condemned_blobs(7)
        self.assertEqual(
            self.reads(place, read_list(self.store, place)), CondemnedList()
        )
        place = keys.collection_lease()
        self.assertIsNone(self.reads(place, read_lease(self.store, place)))
        found = self.reads(keys.scrub_state(), read_state(self.store))
        self.assertEqual(found, ScrubState())

    def test_what_is_known_of_images(self) -> None:
        registry = self.registry
        record = registry.images.record(NAME, IMAGE)
        self.assertIsNone(self.reads(keys.image_record(NAME, IMAGE), record))
        state = registry.image_states.read("me", IMAGE)
        self.assertIsNone(self.reads(keys.image_upload("me", IMAGE), state))
        noted = registry.announcements.noted("me", IMAGE)
        self.assertEqual(self.reads(keys.announcer("me", NAME), noted), [])

    def test_what_is_known_of_repositories(self) -> None:
        private = self.registry.privacy.is_private(NAME)
        self.assertTrue(self.reads(keys.repository_properties(NAME), private))

    def test_what_is_known_of_tags(self) -> None:
        self.push_blobs()
        digest = self.push(numbered(1), V1)
        told = self.registry.image_tags.properties(NAME, V1)
        found = self.reads(keys.tag_property(NAME, V1), told)
        self.assertEqual(found, TagProperties())
        past = self.registry.tags.history.past(NAME, V1)
        place = keys.deleted_tag(NAME, V1, 7, digest)
        found = self.reads(place, past)
        assert isinstance(found, list)
        self.assertEqual([each.digest for each in found], [digest])
