"""Tests of ``txregistry/registry/mirror/wishes.py``."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.registry.mirror.played import PlayedUpstream
from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    DigestInvalid,
    NameInvalid,
    NameUnknown,
    RegistryError,
    TagInvalid,
    UpstreamSilent,
)
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.mirror.wishes import Tags, Wanted, list_tags, parse_wish
from txregistry.registry.tagpatterns import TagPatterns

HUB = MirrorRule(
    PlayedUpstream("docker.io"),
    "docker.io/",
    frozenset({"docker.io", "index.docker.io"}),
    library=True,
)
QUAY = MirrorRule(PlayedUpstream("quay.io"), "quay.io/", frozenset({"quay.io"}))
PORT = MirrorRule(PlayedUpstream("near"), "near/", frozenset({"localhost:5000"}))
ALONE = MirrorRule(PlayedUpstream("docker.io"), library=True)
DIGEST = Digest.of(b"x")
ANY = TagPatterns(["*"])


class ParseTests(SynchronousTestCase):
    def parse(self, text: str, *rules: MirrorRule) -> str:
        """Say what is meant, as it is called here."""
        wish = parse_wish(MirrorRules(rules or [HUB, QUAY, PORT], ["private"]), text)
        self.assertEqual(wish.text, text)
        if isinstance(wish.what, TagPatterns):
            return f"{wish.name} {wish.what.texts}"
        return str(Wanted(wish.name, wish.what))

    def refused(self, kind: type[RegistryError], text: str, *rules: MirrorRule) -> None:
        with self.assertRaises(kind):
            self.parse(text, *rules)

    def test_with_the_registry(self) -> None:
        for text, meant in (
            ("docker.io/library/alpine:3.20", "docker.io/library/alpine:3.20"),
            ("docker.io/alpine:3.20", "docker.io/library/alpine:3.20"),
            ("index.docker.io/team/app:1", "docker.io/team/app:1"),
            ("quay.io/a/b/c:v1", "quay.io/a/b/c:v1"),
            ("localhost:5000/a:1", "near/a:1"),
        ):
            self.assertEqual(self.parse(text), meant)

    def test_without_it_is_the_hub(self) -> None:
        self.assertEqual(self.parse("alpine:3.20"), "docker.io/library/alpine:3.20")
        self.assertEqual(self.parse("team/app:1"), "docker.io/team/app:1")
        self.refused(NameUnknown, "alpine", QUAY)

    def test_as_it_is_called_here(self) -> None:
        self.assertEqual(self.parse("near/a:1"), "near/a:1")

    def test_what_is_ours_alone_is_the_hubs_where_it_is_not_ours(self) -> None:
        self.assertEqual(self.parse("private/a:1"), "docker.io/private/a:1")
        self.refused(NameUnknown, "private/a:1", ALONE)

    def test_names_are_those_of_the_registry(self) -> None:
        self.assertEqual(self.parse("alpine", ALONE), "library/alpine:latest")
        self.assertEqual(self.parse("a/b:1", ALONE), "a/b:1")
        for text in ("docker.io/alpine", "docker.io/library/alpine"):
            self.assertEqual(self.parse(text, ALONE), "library/alpine:latest")
        self.refused(NameUnknown, "quay.io/a", ALONE)

    def test_the_usual_tag(self) -> None:
        self.assertEqual(self.parse("quay.io/a/b"), "quay.io/a/b:latest")
        self.assertEqual(self.parse("localhost:5000/a"), "near/a:latest")

    def test_digests(self) -> None:
        for tag in ("", ":1"):
            text = f"quay.io/a{tag}@{DIGEST}"
            self.assertEqual(self.parse(text), f"quay.io/a@{DIGEST}")

    def test_patterns(self) -> None:
        found = self.parse("alpine:3.*")
        self.assertEqual(found, "docker.io/library/alpine ('3.*',)")

    def test_what_is_none(self) -> None:
        for text in ("", "/", ":1", "A:1", "a b", "quay.io/", "quay.io/A", "a//b", "é"):
            self.refused(NameInvalid, text)
        for text in ("a:", "a:-", "a:b c", "a:*[", "quay.io/a:"):
            self.refused(TagInvalid, text)
        for text in ("a@", "a@x", "a@sha256:1", f"a@{DIGEST}@{DIGEST}"):
            self.refused(DigestInvalid, text)

    def test_what_is_of_another_registry(self) -> None:
        for text in ("ghcr.io/a:1", "localhost/a", "quay.io:443/a:1"):
            self.refused(NameUnknown, text)


class PagedUpstream(PlayedUpstream):
    """A registry that gives pages of tags in an order of its own."""

    def __init__(self, pages: Sequence[Sequence[str]]) -> None:
        super().__init__()
        self.pages = pages

    async def tags(
        self, repository: str, after: str, limit: int, caller: Credentials | None = None
    ) -> list[str] | None:
        """See `IUpstream`."""
        del limit
        await self._note(caller, "tags", repository, after)
        place = 0
        while after and after not in self.pages[place]:
            place += 1
        return list(self.pages[place + bool(after)])


class TagsTests(SynchronousTestCase):
    def listed(
        self, upstream: PlayedUpstream, patterns: TagPatterns = ANY, most: int = 10
    ) -> Tags:
        """List tags."""
        rules = MirrorRules([MirrorRule(upstream, "other/")])
        work = list_tags(rules, RepositoryName("other/a"), patterns, most)
        return self.successResultOf(Deferred.fromCoroutine(work))

    def fails(self, upstream: PlayedUpstream, kind: type[RegistryError]) -> None:
        rules = MirrorRules([MirrorRule(upstream, "other/")])
        work = list_tags(rules, RepositoryName("other/a"), ANY)
        self.failureResultOf(Deferred.fromCoroutine(work), kind)

    def test_all_pages(self) -> None:
        upstream = PagedUpstream([["b", "a"], ["d"], ["c"], []])
        found = self.listed(upstream)
        self.assertEqual(found, Tags(tuple(map(Tag, "badc")), more=False))
        self.assertEqual({each[1] for each in upstream.take()}, {"a"})

    def test_those_of_a_pattern(self) -> None:
        upstream = PagedUpstream([["3.1", "2.9"], ["3.2", "13.1"], []])
        found = self.listed(upstream, TagPatterns(["3.*"]))
        self.assertEqual(found, Tags((Tag("3.1"), Tag("3.2")), more=False))

    def test_not_more_than_some(self) -> None:
        upstream = PagedUpstream([["b", "a"], ["d"], ["c"], []])
        found = self.listed(upstream, most=2)
        self.assertEqual(found, Tags((Tag("b"), Tag("a")), more=True))
        self.assertFalse(self.listed(upstream, most=4).more)

    def test_a_list_that_goes_in_circles_ends(self) -> None:
        upstream = PagedUpstream([["a"], ["b"], ["a"]])
        self.assertEqual(self.listed(upstream).tags, (Tag("a"), Tag("b")))
        self.assertLess(len(upstream.take()), 5)

    def test_a_list_without_end_ends(self) -> None:
        upstream = PagedUpstream([[f"t{number}"] for number in range(1000)])
        found = self.listed(upstream, TagPatterns(["t1"]))
        self.assertEqual(found, Tags((Tag("t1"),), more=True))
        self.assertEqual(len(upstream.take()), 100)

    def test_no_such_repository(self) -> None:
        self.fails(PlayedUpstream(), NameUnknown)

    def test_an_upstream_that_is_down(self) -> None:
        fault = UpstreamUnavailable("other.example", "is down")
        self.fails(PlayedUpstream(fault=fault), UpstreamSilent)
