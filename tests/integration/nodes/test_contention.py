"""Two nodes are asked for what cannot both be, or for the same, at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import TypeVar

from tests.integration.clients.images import Image, digest_of
from tests.integration.clients.remote import Answer, Remote, with_digest
from tests.integration.nodes import case
from tests.integration.nodes.case import FIXED, MIB, make_small
from tests.integration.nodes.pushers import HeldUpload

T = TypeVar("T")

BYTES = Random(6).randbytes(MIB + 300_000)  # noqa: S311 - an example
FIRST, GOOD, EVIL = BYTES[:MIB], BYTES[MIB:], BYTES[MIB:][::-1]


class ContentionTests(case.OnS3, case.NodesCase):
    def setUp(self) -> None:
        super().setUp()
        self.one, self.two, self.three = self.each

    def begin(self, *, held: bytes = FIRST) -> str:
        """Begin an upload of some bytes, and say where."""
        path = f"/v2/{self.name}/blobs/uploads/"
        place = self.one.demand(202, "POST", path).location
        if held:
            self.two.demand(202, "PATCH", place, held)
        return place

    def hold(self, node: Remote, place: str, data: bytes) -> HeldUpload:
        """Let a node wait for the second half of a chunk after the first."""
        held = HeldUpload(node.host, place, data, len(FIRST))
        self.addCleanup(held.leave)
        return held

    def end(self, held: HeldUpload) -> int:
        """Send the rest, and give the status of the answer."""
        answer = held.finish()
        assert answer is not None
        return answer.status

    def assertEnds(self, place: str, data: bytes) -> None:
        """An upload is of some bytes, and becomes a blob."""
        digest = digest_of(data)
        state = self.three.demand(204, "GET", place)
        self.assertEqual(state.headers["Range"], f"0-{len(data) - 1}")
        self.three.demand(201, "PUT", with_digest(place, digest))
        for node in self.each:
            self.assertTrue(node.blob(self.name, digest) == data)

    def test_of_two_chunks_at_one_place_one_counts(self) -> None:
        for good, evil in ((self.one, self.two), (self.two, self.one)):
            place = self.begin()
            late = self.hold(evil, place, EVIL)
            early = self.hold(good, place, GOOD)
            self.assertEqual(self.end(early), 202)
            self.assertEqual(self.end(late), 400)
            self.assertEnds(place, FIRST + GOOD)

    def test_of_two_first_chunks_one_counts(self) -> None:
        place = self.begin(held=b"")
        late = HeldUpload(self.one.host, place, EVIL)
        early = HeldUpload(self.two.host, place, GOOD)
        self.assertEqual(self.end(early), 202)
        self.assertEqual(self.end(late), 400)
        self.assertEnds(place, GOOD)

    def test_what_a_client_left_does_not_undo_what_came_after(self) -> None:
        place = self.begin()
        left = self.hold(self.one, place, EVIL)
        span = {"Content-Range": f"{len(FIRST)}-{len(BYTES) - 1}"}
        self.two.demand(202, "PATCH", place, GOOD, span)
        left.leave()
        self.assertEnds(place, FIRST + GOOD)

    def test_the_wrong_bytes_are_never_taken_for_the_right_ones(self) -> None:
        place = self.begin()
        late = self.hold(self.one, place, EVIL)
        span = {"Content-Range": f"{len(FIRST)}-{len(BYTES) - 1}"}
        self.two.demand(202, "PATCH", place, GOOD, span)
        self.end(late)
        wrong = digest_of(FIRST + EVIL)
        self.one.demand(400, "PUT", with_digest(place, wrong))
        for node in self.each:
            node.demand(404, "GET", f"/v2/{self.name}/blobs/{wrong}")

    def test_ended_while_another_node_is_written_to(self) -> None:
        place, digest = self.begin(), digest_of(FIRST)
        late = self.hold(self.one, place, EVIL)
        self.two.demand(201, "PUT", with_digest(place, digest))
        self.end(late)
        for node in self.each:
            node.demand(404, "GET", place)
            node.demand(404, "PUT", with_digest(place, digest_of(FIRST + EVIL)))
            self.assertTrue(node.blob(self.name, digest) == FIRST)

    def test_cancelled_while_another_node_is_written_to(self) -> None:
        for held in (FIRST, b""):
            place = self.begin(held=held)
            late = HeldUpload(self.one.host, place, EVIL, len(held))
            self.two.demand(204, "DELETE", place)
            self.end(late)
            for node in self.each:
                node.demand(404, "GET", place)
                node.demand(404, "PUT", with_digest(place, digest_of(held + EVIL)))

    def both(self, *asked: Callable[[], T]) -> Sequence[T]:
        """Ask at the same time."""
        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(lambda ask: ask(), asked))

    def test_the_same_blob_from_two(self) -> None:
        digest = digest_of(FIRST)
        for _ in range(3):
            places = [self.begin(), self.begin()]
            answers = self.both(
                partial(self.one.ask, "PUT", with_digest(places[0], digest)),
                partial(self.two.ask, "PUT", with_digest(places[1], digest)),
            )
            self.assertEqual([each.status for each in answers], [201, 201])
            self.assertTrue(self.three.blob(self.name, digest) == FIRST)

    def test_the_same_blob_in_one_request_from_two(self) -> None:
        path = f"/v2/{self.name}/blobs/uploads/?digest={digest_of(FIRST)}"
        for _ in range(3):
            answers = self.both(
                lambda: self.one.ask("POST", path, FIRST),
                lambda: self.two.ask("POST", path, FIRST),
            )
            self.assertEqual([each.status for each in answers], [201, 201])
            self.assertTrue(self.three.blob(self.name, digest_of(FIRST)) == FIRST)

    def images(self, name: str) -> list[Image]:
        """Push the blobs of two images, and give the images."""
        images = [make_small(f"{number}") for number in range(2)]
        for image in images:
            for blob in image.blobs:
                self.three.push_blob(name, blob.data)
        return images

    def tag(self, node: Remote, name: str, tag: str, image: Image) -> Answer:
        """Point a tag to an image, if the node lets us."""
        kind = {"Content-Type": image.manifest.media_type}
        path = f"/v2/{name}/manifests/{tag}"
        return node.ask("PUT", path, image.manifest.data, kind)

    def test_a_tag_is_moved_by_two(self) -> None:
        first, second = self.images(self.name)
        for _ in range(4):
            answers = self.both(
                lambda: self.tag(self.one, self.name, "it", first),
                lambda: self.tag(self.two, self.name, "it", second),
            )
            self.assertEqual([each.status for each in answers], [201, 201])
            (found,) = {node.digest(self.name, "it") for node in self.each}
            self.assertIn(found, (first.digest, second.digest))

    def test_a_tag_that_stays_is_made_by_one(self) -> None:
        name = f"{FIXED}/{self.name}"
        first, second = self.images(name)
        self.assertEqual(self.tag(self.one, name, "it", first).status, 201)
        for node in (self.two, self.three, self.one):
            self.assertEqual(self.tag(node, name, "it", second).status, 403)
            self.assertEqual(self.tag(node, name, "it", first).status, 201)
            node.demand(403, "DELETE", f"/v2/{name}/manifests/it")
            node.demand(403, "DELETE", f"/v2/{name}/manifests/{first.digest}")
        for number in range(4):
            tag = f"contested-{number}"
            answers = self.both(
                partial(self.tag, self.one, name, tag, first),
                partial(self.tag, self.two, name, tag, second),
            )
            (found,) = {node.digest(name, tag) for node in self.each}
            told = {first.digest: answers[0].status, second.digest: answers[1].status}
            self.assertEqual(told.pop(found), 201)
            self.assertEqual(told.popitem()[1], 403)
            other = second if found == first.digest else first
            self.assertEqual(self.tag(self.three, name, tag, other).status, 403)


class SwiftContentionTests(case.OnSwift, ContentionTests):
    pass
