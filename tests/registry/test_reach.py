"""Tests of ``txregistry/registry/reach.py``."""

from collections.abc import AsyncIterator

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.registry.case import NAME, V1, RegistryTestCase
from tests.registry.content import (
    CONFIG,
    LAYER,
    LAYER_TYPE,
    descriptor,
    encode,
    image,
    index,
    numbered,
)
from tests.registry.interleaving import Queue
from txregistry.model.descriptors import OCI_INDEX, OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.model.names import Tag
from txregistry.registry.reach import Reach
from txregistry.registry.repositories import Registry
from txregistry.storage import keys

V2 = Tag("v2")
FIRST, SECOND = numbered(1), numbered(2)
ONE, TWO = Digest.of(FIRST), Digest.of(SECOND)
BLOBS = [Digest.of(CONFIG), Digest.of(LAYER)]


class ReachCase(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()

    async def collect(self, *tags: Tag) -> list[tuple[str, Digest]]:
        """Walk, from some tags, as far as it goes."""

        async def given() -> AsyncIterator[Tag]:
            for tag in tags:
                yield tag

        found = self.registry.reach.walk(NAME, given())
        return [(str(each.tag), each.digest) async for each in found]

    def walk(self, *tags: Tag) -> list[tuple[str, Digest]]:
        """Give all that some tags reach."""
        return self.result(self.collect(*tags))

    def reached(self, *tags: Tag) -> set[Digest]:
        """Give what some tags reach, whichever of them."""
        return {digest for _, digest in self.walk(*tags)}


class WalkTests(ReachCase):
    def test_image_config_and_layers_are_reached(self) -> None:
        self.push(FIRST, V1)
        wanted = [("v1", digest) for digest in (ONE, *BLOBS)]
        self.assertEqual(self.walk(V1), wanted)

    def test_members_of_an_index_are_reached_with_all_that_they_name(self) -> None:
        self.push_blob(b"deep")
        deep = image(layers=[b"deep"])
        inner, outer = index([deep]), index([index([deep]), FIRST])
        for data in (deep, FIRST, inner):
            self.push(data)
        self.push(outer, V1)
        wanted = {*map(Digest.of, (outer, inner, deep, b"deep")), ONE, *BLOBS}
        self.assertEqual(self.reached(V1), wanted)

    def test_digest_is_given_as_it_is_named(self) -> None:
        other = self.push(FIRST, Digest.of(FIRST, "sha512"))
        child = descriptor(FIRST, OCI_MANIFEST, "sha512")
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}
        data = encode(document)
        self.push(data, V1)
        self.assertEqual(self.reached(V1), {Digest.of(data), other, *BLOBS})

    def test_subject_and_referrers_are_not_reached(self) -> None:
        self.push(FIRST)
        middle = numbered(3, FIRST)
        self.push(middle, V1)
        self.push(numbered(4, middle))
        self.assertEqual(self.reached(V1), {Digest.of(middle), *BLOBS})

    def test_tag_that_is_not_there_reaches_nothing(self) -> None:
        self.push(FIRST, V1)
        self.assertEqual(self.walk(V2), [])

    def test_other_tags_are_left_out(self) -> None:
        self.push(FIRST, V1)
        self.push(SECOND, V2)
        self.assertEqual(self.reached(V2), {TWO, *BLOBS})

    def test_manifest_is_looked_into_once(self) -> None:
        both = index([FIRST, SECOND])
        self.push(FIRST, V1)
        self.push(SECOND)
        self.push(both, V2)
        found = self.walk(V1, V2)
        wanted = [
            *[("v1", digest) for digest in (ONE, *BLOBS)],
            *[("v2", digest) for digest in (Digest.of(both), ONE, TWO, *BLOBS)],
        ]
        self.assertEqual(found, wanted)

    def test_two_tags_of_the_same_are_both_given(self) -> None:
        for tag in (V1, V2):
            self.push(FIRST, tag)
        self.assertEqual(self.walk(V1, V2)[-1], ("v2", ONE))

    def test_what_is_gone_leads_no_further(self) -> None:
        outer = index([FIRST, SECOND])
        for data in (FIRST, SECOND):
            self.push(data)
        self.push(outer, V1)
        self.result(self.registry.manifests.forget(NAME, ONE))
        found = self.walk(V1)
        self.assertEqual(
            [digest for _, digest in found], [Digest.of(outer), ONE, TWO, *BLOBS]
        )

    def test_what_is_damaged_leads_no_further(self) -> None:
        self.push(FIRST, V1)
        self.put(keys.blob(ONE), b"{}")
        self.registry = self.make_registry()
        with capturedLogs():
            self.assertEqual(self.reached(V1), {ONE})

    def test_blob_that_an_index_lists_is_reached(self) -> None:
        child = descriptor(LAYER, LAYER_TYPE)
        data = encode({"schemaVersion": 2, "manifests": [child]})
        self.push(data, V1)
        self.assertEqual(self.reached(V1), {Digest.of(data), Digest.of(LAYER)})


class TurnsTests(ReachCase):
    def turns(self, *tags: Tag) -> int:
        """Count how often others have their turn in a walk."""
        done = Deferred.fromCoroutine(self.collect(*tags))
        turns = 0

        def other() -> None:
            nonlocal turns
            turns += 1
            if not done.called:
                self.clock.callLater(0, other)

        self.clock.callLater(0, other)
        self.clock.advance(0)
        self.successResultOf(done)
        return turns

    def test_others_have_their_turn_with_each_manifest(self) -> None:
        both = index([FIRST, SECOND])
        self.push(FIRST, V1)
        self.push(SECOND)
        self.push(both, V2)
        self.assertEqual(self.turns(V1), 1)
        self.assertEqual(self.turns(V1, V2), 3)

    def test_others_have_their_turn_within_a_long_one(self) -> None:
        self.push(image(layers=[LAYER] * 450), V1)
        self.assertEqual(self.turns(V1), 5)

    def test_large_manifest_is_read_elsewhere(self) -> None:
        self.push(FIRST, V1)
        self.push(image(annotations={"long": "x" * 70_000}), V2)
        queue = Queue()
        queue.waits = True
        registry: Registry = self.registry
        registry.reach = Reach(registry.manifests, registry.tags, self.clock, queue)
        self.assertEqual(len(self.walk(V1)), 3)
        done = self.finish(self.collect(V2))
        self.assertNoResult(done)
        queue.do(0)
        self.assertEqual(len(self.successResultOf(done)), 3)
