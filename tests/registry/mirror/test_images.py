"""Tests of ``txregistry/registry/mirror/images.py``."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.registry.case import NAME as OURS
from tests.registry.mirror import imagecase
from tests.registry.mirror.imagecase import LATEST, NAME, REMOTE
from tests.registry.mirror.played import HeldReader
from tests.web.v1.images import BASE, TOP, V1Image, document, layer_of
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    Denied,
    ManifestUnknown,
    TagUnknown,
    UpstreamInvalid,
    UpstreamSilent,
)
from txregistry.model.images import ImageId
from txregistry.model.manifests import Manifest
from txregistry.model.names import Tag
from txregistry.registry.mirror.images import Freshness
from txregistry.registry.mirror.lists import Incomplete

NEWER_ID = "8" * 64
NEWER = V1Image(NEWER_ID, document(NEWER_ID, BASE.image_id), layer_of(d_txt="four"))
V2 = Tag("v2")
DOWN = UpstreamUnavailable("other.example", "is down")
ALL = ["tag", "ancestry", "json", "layer", "json", "layer"]


class TagTests(imagecase.ImagesCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = self.upstream.have(REMOTE, "latest", BASE, TOP)

    def test_images_are_fetched_and_kept_as_if_pushed(self) -> None:
        self.assertEqual(self.ensure(), Freshness(0.0))
        self.assertEqual(self.asked(), ALL)
        self.assertEqual(self.named(LATEST, NAME), self.top)
        for each in (BASE, TOP):
            found = self.find(each, NAME)
            self.assertEqual(found.json, each.json)
            self.assertEqual(self.pull_blob(found.layer.digest, NAME), each.layer)
            self.assertEqual(found.checksums, (each.payload,))
        announced = self.result(self.registry.announcements.all(NAME))
        self.assertEqual(announced, [BASE.image_id, TOP.image_id])

    def test_what_was_pushed_would_be_the_same(self) -> None:
        pulled = self.pull()
        self.push_images(BASE, TOP)
        self.point(TOP)
        pushed = self.result(self.registry.manifests.find(OURS, LATEST))
        self.assertEqual(pulled.manifest.data, pushed.data)

    def test_base_comes_first(self) -> None:
        self.ensure()
        asked = [each[2] for each in self.upstream.take() if each[0] == "layer"]
        self.assertEqual(asked, [BASE.image_id, TOP.image_id])

    def test_nothing_is_asked_for_again_for_a_while(self) -> None:
        self.ensure()
        self.asked()
        self.clock.advance(59)
        self.assertEqual(self.ensure(), Freshness(59.0))
        self.assertEqual(self.asked(), [])

    def test_tag_is_looked_at_again_later(self) -> None:
        self.ensure()
        self.asked()
        self.clock.advance(61)
        self.assertEqual(self.ensure(), Freshness(0.0))
        self.assertEqual(self.asked(), ["tag"])
        self.clock.advance(1)
        self.assertEqual(self.ensure(), Freshness(1.0))

    def test_only_what_is_missing_is_fetched(self) -> None:
        self.ensure()
        self.asked()
        self.upstream.have(REMOTE, "latest", BASE, NEWER)
        self.clock.advance(61)
        self.ensure()
        self.assertEqual(self.asked(), ["tag", "ancestry", "json", "layer"])
        self.assertEqual(str(self.named(LATEST, NAME)), NEWER_ID)

    def test_tag_that_moves_back(self) -> None:
        self.ensure()
        for images in ((BASE, NEWER), (BASE, TOP)):
            self.upstream.have(REMOTE, "latest", *images)
            self.clock.advance(61)
            self.asked()
            self.ensure()
        self.assertEqual(self.asked(), ["tag", "ancestry"])
        self.assertEqual(self.named(LATEST, NAME), self.top)

    def test_layer_that_was_lost_is_fetched_again(self) -> None:
        self.ensure()
        layer = self.find(BASE, NAME).layer.digest
        self.result(self.registry.blobs.unlink(NAME, layer))
        self.asked()
        for seconds, asked in (
            (61, ["tag"]),
            (3600, ["tag", "ancestry", "json", "layer"]),
            (61, ["tag"]),
        ):
            self.clock.advance(seconds)
            self.ensure()
            self.assertEqual(self.asked(), asked)
        self.assertEqual(self.pull_blob(layer, NAME), BASE.layer)

    def test_layer_that_was_lost_is_fetched_again_after_a_restart(self) -> None:
        self.ensure()
        layer = self.find(BASE, NAME).layer.digest
        self.result(self.registry.blobs.unlink(NAME, layer))
        self.mirror = self.make_mirror()
        self.asked()
        self.ensure()
        self.assertEqual(self.asked(), ["tag", "ancestry", "json", "layer"])

    def test_unknown_when_it_is_gone(self) -> None:
        self.ensure()
        self.upstream.tagged.clear()
        self.clock.advance(61)
        self.refuses(TagUnknown)

    def test_what_never_was_is_not_asked_for_again_for_a_while(self) -> None:
        for _ in range(2):
            self.refuses(TagUnknown, V2)
        self.assertEqual(self.asked(), ["tag"])
        self.upstream.have(REMOTE, "v2", BASE)
        self.clock.advance(11)
        self.assertEqual(self.ensure(V2), Freshness(0.0))

    def test_many_who_ask_are_one_who_asks(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.upstream.waiting = waiting
        asking = [self.begin() for _ in range(20)]
        waiting.callback(None)
        for each in asking:
            self.assertEqual(self.successResultOf(each), Freshness(0.0))
        self.assertEqual(self.asked(), ALL)

    def test_tags_of_the_same_images_are_one_fetch(self) -> None:
        self.upstream.have(REMOTE, "v2", BASE, TOP)
        held = HeldReader(BASE.layer, 5)
        self.upstream.held[ImageId(BASE.image_id)] = held
        asking = [self.begin(tag) for tag in (LATEST, V2)]
        held.release()
        for each in asking:
            self.successResultOf(each)
        self.assertEqual(self.asked().count("layer"), 2)
        self.assertEqual(self.named(V2, NAME), self.top)

    def test_who_leaves_does_not_stop_it(self) -> None:
        held = HeldReader(TOP.layer, 5)
        self.upstream.held[self.top] = held
        leaves = self.begin()
        self.assertNoResult(leaves)
        leaves.cancel()
        self.failureResultOf(leaves, CancelledError)
        held.release()
        self.assertEqual(self.ensure(), Freshness(0.0))
        self.assertEqual(self.asked(), ALL)

    def test_tag_that_has_to_stay_stays(self) -> None:
        self.ensure()
        self.upstream.have(REMOTE, "latest", BASE, NEWER)
        self.clock.advance(61)

        async def point(*_: object) -> None:
            raise Denied("It stays.")

        self.patch(self.registry.image_tags, "point", point)
        self.assertEqual(self.ensure(), Freshness(0.0))
        self.assertEqual(self.named(LATEST, NAME), self.top)


class FaultTests(imagecase.ImagesCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = self.upstream.have(REMOTE, "latest", BASE, TOP)

    def test_what_is_here_is_given_where_the_other_is_down(self) -> None:
        self.ensure()
        self.clock.advance(100)
        self.upstream.fault = DOWN
        self.assertEqual(self.ensure(), Freshness(100.0, DOWN.reason))

    def test_what_is_here_is_given_after_a_restart(self) -> None:
        self.ensure()
        self.registry = self.make_registry()
        self.mirror = self.make_mirror()
        self.upstream.fault = DOWN
        self.assertEqual(self.ensure(), Freshness(0.0, DOWN.reason))

    def test_what_is_here_is_given_where_something_newer_cannot_be_had(self) -> None:
        self.ensure()
        newer = self.upstream.have(REMOTE, "latest", BASE, NEWER)
        self.upstream.layers[newer] = NEWER.layer[:-9]
        self.clock.advance(100)
        self.assertIn("cut off", self.ensure().fault)
        self.assertEqual(self.named(LATEST, NAME), self.top)

    def test_what_is_not_here_is_not_had(self) -> None:
        self.upstream.fault = DOWN
        said = self.refuses(UpstreamSilent)
        self.assertIn("other.example is down", said)

    def test_what_cannot_be_used_is_not_had(self) -> None:
        for fault in (
            UpstreamRefused("other.example", "401"),
            UpstreamWrong("other.example", "nonsense"),
        ):
            self.upstream.fault = fault
            self.refuses(UpstreamInvalid)

    def test_who_could_have_what_is_here_does_not_wait_for_long(self) -> None:
        self.ensure()
        newer = self.upstream.have(REMOTE, "latest", BASE, NEWER)
        held = HeldReader(NEWER.layer, 5)
        self.upstream.held[newer] = held
        self.clock.advance(61)
        asking = self.begin()
        self.assertNoResult(asking)
        self.clock.advance(3)
        found = self.successResultOf(asking)
        self.assertEqual(found.age, 64.0)
        self.assertIn("too long", found.fault)
        held.release()  # it went on, and was of use
        self.assertEqual(self.named(LATEST, NAME), newer)
        self.asked()
        self.assertEqual(self.ensure().fault, "")
        self.assertEqual(self.asked(), [])

    def test_offline_nobody_is_asked(self) -> None:
        self.ensure()
        self.asked()
        self.mirror = self.make_mirror(offline=True)
        self.assertIn("offline", self.ensure().fault)
        self.refuses(TagUnknown, V2)
        work = self.mirror.tag_ids(self.rule, NAME)
        self.assertIsNone(self.fails(Incomplete, work).failure)
        self.result(self.mirror.ensure_image(self.rule, NAME, ImageId(NEWER_ID)))
        self.assertEqual(self.asked(), [])


class ManifestTests(imagecase.ImagesCase):
    def setUp(self) -> None:
        super().setUp()
        self.upstream.have(REMOTE, "latest", BASE, TOP)

    def test_manifest_of_a_tag(self) -> None:
        found = self.pull()
        self.assertEqual((found.age, found.fault), (0.0, ""))
        manifest: Manifest = found.manifest.parse()
        layers = [Digest.of(each.layer) for each in (BASE, TOP)]
        self.assertEqual([each.digest for each in manifest.blobs[1:]], layers)
        for each in manifest.blobs:
            self.assertEqual(len(self.pull_blob(each.digest, NAME)), each.size)

    def test_manifest_of_a_digest(self) -> None:
        manifest = self.pull().manifest
        self.asked()
        found = self.pull(manifest.digest)
        self.assertEqual((found.manifest, found.age), (manifest, None))
        self.assertEqual(self.asked(), [])

    def test_age_and_fault_are_told(self) -> None:
        self.pull()
        self.clock.advance(61)
        self.upstream.fault = DOWN
        found = self.pull()
        self.assertEqual((found.age, found.fault), (61.0, DOWN.reason))

    def test_what_is_not_there(self) -> None:
        references: tuple[Any, ...] = (V2, Digest.of(b"none"))
        for reference in references:
            work = self.mirror.find(self.rule, NAME, reference)
            self.fails(ManifestUnknown, work)
        self.assertEqual(self.asked(), ["tag"])


class ListTests(imagecase.ImagesCase):
    def setUp(self) -> None:
        super().setUp()
        self.top = self.upstream.have(REMOTE, "latest", BASE, TOP)

    def listed(self) -> Any:
        """List tags."""
        return self.result(self.mirror.tag_ids(self.rule, NAME))

    def image(self, image_id: ImageId) -> None:
        """Have an image here."""
        self.result(self.mirror.ensure_image(self.rule, NAME, image_id))

    def test_tags(self) -> None:
        for _ in range(2):
            self.assertEqual(self.listed(), {LATEST: self.top})
        self.assertEqual(self.asked(), ["tags"])
        self.clock.advance(61)
        self.listed()
        self.assertEqual(self.asked(), ["tags"])

    def test_no_tags(self) -> None:
        self.upstream.tagged.clear()
        self.assertIsNone(self.listed())

    def test_tags_that_cannot_be_had(self) -> None:
        self.upstream.fault = DOWN
        work = self.mirror.tag_ids(self.rule, NAME)
        self.assertIsInstance(self.fails(Incomplete, work).failure, UpstreamSilent)

    def test_image_of_tags_that_cannot_be_had(self) -> None:
        self.upstream.fault = DOWN
        work = self.mirror.ensure_image(self.rule, NAME, self.top)
        self.fails(UpstreamSilent, work)

    def test_image_that_a_tag_names(self) -> None:
        self.image(self.top)
        self.assertTrue(self.has(TOP.image_id, NAME))
        self.assertEqual(self.named(LATEST, NAME), self.top)
        self.asked()
        self.image(self.top)
        self.assertEqual(self.asked(), [])

    def test_other_images_are_not_asked_for(self) -> None:
        self.upstream.have("team/secret", "latest", NEWER)
        for text in (NEWER_ID, BASE.image_id):
            self.image(ImageId(text))
            self.assertFalse(self.has(text, NAME))
        self.assertEqual(self.asked(), ["tags"])

    def test_image_that_cannot_be_had(self) -> None:
        self.upstream.layers[self.top] = b"nonsense"
        work = self.mirror.ensure_image(self.rule, NAME, self.top)
        self.fails(UpstreamInvalid, work)
        self.assertFalse(self.has(TOP.image_id, NAME))
