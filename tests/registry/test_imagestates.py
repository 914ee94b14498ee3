"""Tests of ``txregistry/registry/imagestates.py``."""

from tests.contracts.storecase import BrokenOff, BrokenReader
from tests.registry import images
from tests.registry.images import BASE, TOP
from txregistry.model.errors import ImageInProgress
from txregistry.model.images import ImageId
from txregistry.storage import keys

B, T = ImageId(BASE.image_id), ImageId(TOP.image_id)


class ImageStatesTests(images.ImageTestCase):
    def expire(self, age: float = 50, *, dry_run: bool = False) -> int:
        return self.result(self.registry.image_states.expire(age, dry_run=dry_run))

    def left(self) -> tuple[str, ...]:
        return self.keys(keys.image_uploads())

    def test_nothing_expires_where_nothing_is(self) -> None:
        self.assertEqual(self.expire(), 0)

    def test_what_moved_on_a_moment_ago_stays(self) -> None:
        self.put_json(BASE)
        self.clock.advance(49)
        self.assertEqual(self.expire(), 0)
        self.assertEqual(len(self.left()), 1)

    def test_what_did_not_move_on_goes_with_its_layer(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        self.clock.advance(51)
        self.assertEqual(self.expire(), 1)
        self.assertEqual(self.left(), ())

    def test_each_owner_counts(self) -> None:
        for owner in ("one", "two"):
            for image in (BASE, TOP):
                self.put_json(BASE, self.scope(owner=owner))
                self.put_json(image, self.scope(owner=owner))
        self.clock.advance(51)
        self.assertEqual(self.expire(), 4)

    def test_dry_run_only_counts(self) -> None:
        self.put_json(BASE)
        self.clock.advance(51)
        self.assertEqual(self.expire(dry_run=True), 1)
        self.assertEqual(len(self.left()), 1)

    def test_layer_that_a_crash_left_alone_goes(self) -> None:
        area = self.store.stage(keys.image_upload_layer("me", B))
        reader = BrokenReader(b"some bytes", BrokenOff())
        self.fails(BrokenOff, area.append(reader, lambda _: None, None))
        self.assertEqual(self.expire(), 1)
        self.assertEqual(self.left(), ())

    def test_what_is_being_worked_on_stays(self) -> None:
        self.put_json(BASE)
        self.clock.advance(51)
        with self.registry.image_states.claim("me", B):
            self.assertEqual(self.expire(), 0)
        self.assertEqual(self.expire(), 1)

    def test_folder_of_somebody_else_stays(self) -> None:
        self.put(f"{keys.image_uploads()}me/strange/state", b"x")
        self.clock.advance(51)
        self.assertEqual(self.expire(), 0)

    def test_one_at_a_time_works_on_an_image(self) -> None:
        states = self.registry.image_states
        with states.claim("me", B):
            self.assertRaises(ImageInProgress, states.claim("me", B).__enter__)
            with states.claim("me", T), states.claim("somebody else", B):
                pass
        with states.claim("me", B):
            pass

    def test_damaged_state_counts_as_absent(self) -> None:
        self.put_json(BASE)
        key = keys.image_upload("me", B)
        for data in (b"", b"{}", self.get(key)[:-1], b" " * (3 << 20)):
            self.put(key, data)
            found = self.registry.image_states.read("me", B)
            self.assertIsNone(self.result(found))
