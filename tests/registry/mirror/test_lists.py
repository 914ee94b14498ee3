"""Tests of ``txregistry/registry/mirror/lists.py``."""

from tests.registry.case import NAME as OURS
from tests.registry.content import encode, image
from tests.registry.mirror import case
from tests.registry.mirror.case import NAME, REMOTE
from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    Unauthorized,
    UpstreamInvalid,
    UpstreamSilent,
)
from txregistry.registry.mirror.lists import Incomplete

DATA = image()
SUBJECT = Digest.of(DATA)
DOWN = UpstreamUnavailable("other.example", "is down")
WRONG = UpstreamWrong("other.example", "gives a list without an end")
CLOSED = UpstreamRefused("other.example", "does not let us in")
BOB = Credentials("Basic Ym9iOng=")


class TagsTests(case.MirrorCase):
    def setUp(self) -> None:
        super().setUp()
        self.upstream.add(REMOTE, DATA, "1", "2")

    def listed(self, caller: Credentials | None = None) -> tuple[list[str], bool]:
        """List tags."""
        work = self.registry.mirror.list_tags(NAME, "", 10, caller)
        page = self.result(work)
        return [str(tag) for tag in page.tags], page.more

    def test_they_are_those_of_the_other(self) -> None:
        self.assertEqual(self.listed(), (["1", "2"], False))

    def test_a_list_that_cannot_be_had_says_why(self) -> None:
        for fault, kind in (
            (DOWN, UpstreamSilent),
            (WRONG, UpstreamInvalid),
            (CLOSED, UpstreamInvalid),
        ):
            self.upstream.fault = fault
            work = self.registry.mirror.list_tags(NAME, "", 10)
            found = self.fails(Incomplete, work)
            self.assertEqual(found.reason, fault.reason)
            self.assertIs(type(found.failure), kind)
            self.assertIn("other.example", found.failure.message)

    def test_who_is_somebody_there_gets_no_other_list(self) -> None:
        for fault, kind in (
            (DOWN, UpstreamSilent),
            (WRONG, UpstreamInvalid),
            (CLOSED, Unauthorized),
        ):
            self.upstream.fault = fault
            self.fails(kind, self.registry.mirror.list_tags(NAME, "", 10, BOB))

    def test_offline_what_is_here_has_to_do(self) -> None:
        self.registry = self.make_registry(offline=True)
        work = self.registry.mirror.list_tags(NAME, "", 10)
        self.assertIsNone(self.fails(Incomplete, work).failure)
        work = self.registry.mirror.list_tags(NAME, "", 10, BOB)
        self.assertIn("offline", self.fails(UpstreamSilent, work).message)
        self.assertEqual(self.upstream.take(), [])

    def test_odd_ones_are_left_out(self) -> None:
        async def tags(*_: object) -> list[str]:
            return ["../x", "1", "\x1b[2J", "2"]

        self.patch(self.upstream, "tags", tags)
        self.assertEqual(self.listed(), (["1", "2"], False))

    def test_a_page_with_an_odd_one_is_not_the_last(self) -> None:
        async def tags(_1: str, _2: str, limit: int, _3: object) -> list[str]:
            return ["../x", *map(str, range(20))][:limit]

        self.patch(self.upstream, "tags", tags)
        self.assertEqual(self.listed(), ([str(each) for each in range(10)], True))


class ReferrersTests(case.MirrorCase):
    def setUp(self) -> None:
        super().setUp()
        self.upstream.add(REMOTE, DATA, "1")
        self.named: list[Digest] = []
        self.closed: list[str] = []
        self.patch(self.upstream, "referrers", self.referrers)

    def refer(self, count: int = 1) -> list[Digest]:
        """Have manifests that refer to the subject."""
        return [
            self.upstream.add(REMOTE, image(subject=DATA, annotations={"n": str(each)}))
            for each in range(count)
        ]

    async def referrers(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> bytes | None:
        self.upstream.asked.append(("referrers", repository, str(digest)))
        if self.upstream.fault is not None:
            raise self.upstream.fault
        if caller is not None and caller.authorization in self.closed:
            raise CLOSED
        return encode({"manifests": [{"digest": str(each)} for each in self.named]})

    def fetch(self) -> str:
        """Have them here; say why not all of them are."""

        async def fetch() -> str:
            try:
                await self.registry.mirror.fetch_referrers(NAME, SUBJECT)
            except Incomplete as incomplete:
                return incomplete.reason
            return ""

        return self.result(fetch())

    def here(self) -> int:
        """Count those that are here."""
        work = self.registry.referrers.page(NAME, SUBJECT, limit=1000, room=1 << 20)
        return len(self.result(work).descriptors)

    def count(self) -> int:
        """Count what the other registry was asked."""
        return len(self.upstream.take())

    def test_they_are_fetched(self) -> None:
        self.named = self.refer(3)
        self.assertEqual(self.fetch(), "")
        self.assertEqual((self.here(), self.count()), (3, 4))
        self.fetch()
        self.assertEqual(self.count(), 0)
        self.clock.advance(61)
        self.fetch()
        self.assertEqual(self.count(), 1)

    def test_where_nobody_can_be_asked_some_may_be_missing(self) -> None:
        self.named = self.refer(1)
        self.fetch()
        self.clock.advance(61)
        self.upstream.fault = DOWN
        self.assertEqual(self.fetch(), DOWN.reason)
        self.assertEqual(self.here(), 1)

    def test_offline_some_may_be_missing(self) -> None:
        self.registry = self.make_registry(offline=True)
        self.assertIn("offline", self.fetch())
        self.assertEqual(self.count(), 0)

    def test_what_could_not_be_had_is_remembered(self) -> None:
        self.upstream.fault = DOWN
        for _ in range(3):
            self.assertEqual(self.fetch(), DOWN.reason)
        self.assertEqual(self.count(), 1)
        self.upstream.fault = None
        self.named = self.refer(1)
        self.clock.advance(11)  # the rule's time for what is absent
        self.assertEqual((self.fetch(), self.here()), ("", 1))

    def test_manifests_that_could_not_be_had_are_remembered(self) -> None:
        self.named = self.refer(99)
        broken = self.upstream.add(REMOTE, b"{")
        self.named.append(broken)
        for _ in range(3):
            self.assertIn("cannot be kept", self.fetch())
        self.assertEqual((self.here(), self.count()), (99, 101))
        self.clock.advance(11)
        self.assertIn("cannot be kept", self.fetch())
        self.assertEqual(self.count(), 2)

    def test_what_the_other_only_claims_is_not_missing(self) -> None:
        self.named = [*self.refer(1), Digest.of(b"none")]
        self.assertEqual((self.fetch(), self.here()), ("", 1))

    def test_too_many_are_not_all_of_them(self) -> None:
        self.named = [Digest.of(b"%d" % each) for each in range(20_000)]
        for _ in range(3):
            self.assertIn("20000", self.fetch())
        self.assertEqual(self.count(), 101)

    def test_who_is_not_let_in_spoils_nothing_for_others(self) -> None:
        self.named = self.refer(1)
        self.closed.append(BOB.authorization)
        work = self.registry.mirror.fetch_referrers(NAME, SUBJECT, BOB)
        self.fails(Incomplete, work)
        self.assertEqual((self.fetch(), self.here()), ("", 1))


class OursTests(case.MirrorCase):
    def test_nobody_is_asked(self) -> None:
        mirror = self.registry.mirror
        self.result(mirror.fetch_referrers(OURS, SUBJECT))
        self.assertEqual(self.result(mirror.list_tags(OURS, "", 10)).tags, ())
        self.assertEqual(self.upstream.take(), [])
