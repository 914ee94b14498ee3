"""Requests that run at the same time, whose work is done in any order."""

from hypothesis import given

from tests.registry import interleaving
from tests.registry.case import NAME, chunk
from tests.registry.content import CONFIG, image, numbered
from tests.registry.interleaving import MANY, ORDERS, Request
from txregistry.model.digest import Digest
from txregistry.model.names import Tag, fallback_tag
from txregistry.storage import keys

SUBJECT = image()


class InterleavingTests(interleaving.InterleavingTestCase):
    def begin(self) -> None:
        self.setUp()
        self.push_blobs()

    def check_lists(self) -> None:
        """Expect every tag that is listed to point somewhere."""
        for text in self.tags():
            work = self.registry.tags.find(NAME, Tag(text))
            self.assertIsNotNone(self.result(work), text)

    def push_later(self, data: bytes, *tags: str) -> Request:
        return lambda: self.registry.acceptance.push(
            NAME, Digest.of(data), data, None, list(map(Tag, tags))
        )

    def delete_later(self, reference: Tag | Digest) -> Request:
        return lambda: self.registry.acceptance.delete(NAME, reference)

    @MANY
    @given(ORDERS)
    def test_tag_is_one_of_those_pushed(self, order: list[int]) -> None:
        self.begin()
        first, second = numbered(1), numbered(2)
        self.run_all(order, self.push_later(first, "v"), self.push_later(second, "v"))
        found = self.result(self.registry.manifests.find(NAME, Tag("v")))
        self.assertIn(found.data, (first, second))

    @MANY
    @given(ORDERS)
    def test_tag_pushed_while_it_is_deleted_is_whole_or_gone(
        self, order: list[int]
    ) -> None:
        self.begin()
        self.push(numbered(1), Tag("v"))
        self.run_all(
            order, self.push_later(numbered(2), "v"), self.delete_later(Tag("v"))
        )
        self.check_lists()

    @MANY
    @given(ORDERS)
    def test_tag_that_was_moved_survives_the_end_of_what_it_pointed_to(
        self, order: list[int]
    ) -> None:
        self.begin()
        old = self.push(numbered(1), Tag("v"))
        self.push(numbered(1), Tag("w"))
        self.run_all(order, self.push_later(numbered(2), "v"), self.delete_later(old))
        found = self.result(self.registry.manifests.find(NAME, Tag("v")))
        self.assertEqual(found.data, numbered(2))

    @MANY
    @given(ORDERS)
    def test_manifest_deleted_twice_is_gone(self, order: list[int]) -> None:
        self.begin()
        digest = self.push(numbered(1), Tag("v"))
        results = self.run_all(
            order, self.delete_later(digest), self.delete_later(digest)
        )
        self.assertIn(None, results)
        self.assertEqual(self.tags(), [])

    @MANY
    @given(ORDERS)
    def test_referrers_pushed_at_once_are_all_in_the_fallback_tag(
        self, order: list[int]
    ) -> None:
        self.begin()
        pushed = [numbered(number, SUBJECT) for number in range(3)]
        self.run_all(order, *map(self.push_later, pushed))
        tag = fallback_tag(Digest.of(SUBJECT))
        found = self.result(self.registry.manifests.find(NAME, tag)).parse()
        self.assertEqual(
            {child.digest for child in found.children}, set(map(Digest.of, pushed))
        )

    @MANY
    @given(ORDERS)
    def test_referrer_pushed_while_the_last_one_goes_is_in_the_fallback_tag(
        self, order: list[int]
    ) -> None:
        self.begin()
        old = self.push(numbered(1, SUBJECT))
        new = numbered(2, SUBJECT)
        self.run_all(order, self.push_later(new), self.delete_later(old))
        tag = fallback_tag(Digest.of(SUBJECT))
        found = self.result(self.registry.manifests.find(NAME, tag)).parse()
        self.assertEqual([child.digest for child in found.children], [Digest.of(new)])

    @MANY
    @given(ORDERS)
    def test_one_blob_pushed_twice_at_once_is_whole(self, order: list[int]) -> None:
        self.begin()
        data = b"pushed twice"
        digest = Digest.of(data)
        results = self.run_all(
            order,
            *[lambda: self.registry.uploads.push(NAME, digest, chunk(data))] * 2,
        )
        self.assertEqual(results, [None, None])
        self.assertEqual(self.pull_blob(digest), data)

    @MANY
    @given(ORDERS)
    def test_two_requests_on_one_session_do_not_mix(self, order: list[int]) -> None:
        self.begin()
        uploads = self.registry.uploads
        session = self.result(uploads.begin(NAME))
        self.run_all(
            order,
            lambda: uploads.append(NAME, session, chunk(b"aaaa", 0)),
            lambda: uploads.append(NAME, session, chunk(b"bbbb", 0)),
        )
        self.assertEqual(self.result(uploads.offset(NAME, session)), 4)

    @MANY
    @given(ORDERS)
    def test_session_expires_or_goes_on_but_not_both(self, order: list[int]) -> None:
        self.begin()
        uploads = self.registry.uploads
        session = self.result(uploads.begin(NAME))
        self.clock.advance(100)
        taken, expired = self.run_all(
            order,
            lambda: uploads.append(NAME, session, chunk(b"data")),
            lambda: uploads.expire(50),
        )
        left = self.keys(keys.uploads(NAME))
        if taken == 4 and not expired:
            names = [key.rpartition("/")[2] for key in left]
            self.assertEqual(names, ["data", "data-mark", "startedat"])
        elif expired:
            self.assertEqual(left, ())

    @MANY
    @given(ORDERS)
    def test_blob_unlinked_while_it_is_pushed_is_whole_or_gone(
        self, order: list[int]
    ) -> None:
        self.begin()
        digest = Digest.of(CONFIG)
        self.run_all(
            order,
            lambda: self.registry.uploads.push(NAME, digest, chunk(CONFIG)),
            lambda: self.registry.blobs.unlink(NAME, digest),
        )
        if self.result(self.registry.blobs.holds(NAME, digest)):
            self.assertEqual(self.pull_blob(digest), CONFIG)
