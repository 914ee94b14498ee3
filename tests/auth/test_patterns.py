"""Tests of ``txregistry/auth/patterns.py``."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth.patterns import Patterns, covers
from txregistry.model.names import RepositoryName

COMPONENTS = st.sampled_from(("a", "b", "ab", "a-b", "library"))
NAMES = st.lists(COMPONENTS, min_size=1, max_size=4).map("/".join)
PATTERNS = st.lists(
    st.one_of(COMPONENTS, st.sampled_from(("*", "**", "a*", "*b", "a*b", "*a*b*"))),
    min_size=1,
    max_size=4,
).filter(lambda parts: parts.count("**") <= 2)  # more are refused


def matches_within(pattern: str, text: str) -> bool:
    """Match ``*`` by trying all there is."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        rests = range(len(text) + 1)
        return any(matches_within(pattern[1:], text[rest:]) for rest in rests)
    return text[:1] == pattern[0] and matches_within(pattern[1:], text[1:])


def matches(patterns: list[str], names: list[str]) -> bool:
    """Match components by trying all there is."""
    if not patterns:
        return not names
    first, *rest = patterns
    if first == "**":
        # At the end it is one component at least, else it may be none.
        least = 0 if rest else 1
        taken = range(least, len(names) + 1)
        return any(matches(rest, names[count:]) for count in taken)
    return bool(names) and matches_within(first, names[0]) and matches(rest, names[1:])


def is_of(parts: list[str], name: str) -> bool:
    """Match a name, by both its spellings, by trying all there is."""
    names = [name.split("/")]
    if len(names[0]) == 1:
        names.append(["library", name])
    elif names[0][0] == "library" and len(names[0]) == 2:
        names.append(names[0][1:])
    return any(matches(parts, each) for each in names)


ALL_NAMES = [
    "/".join(parts)
    for depth in range(1, 5)
    for parts in product(("a", "ab", "b", "library", "z"), repeat=depth)
]


class MatchTests(SynchronousTestCase):
    def match(self, pattern: str, name: str) -> bool:
        """Say whether a name is of a pattern."""
        return Patterns([pattern]).match(RepositoryName.parse(name))

    def test_literal(self) -> None:
        self.assertTrue(self.match("acme/web", "acme/web"))
        for name in ("acme/webs", "acme", "acme/web/x", "x/acme/web", "web"):
            self.assertFalse(self.match("acme/web", name))

    def test_dot_is_a_dot(self) -> None:
        self.assertFalse(self.match("a.b", "acb"))

    def test_star_is_within_a_component(self) -> None:
        self.assertTrue(self.match("acme/*", "acme/web"))
        self.assertFalse(self.match("acme/*", "acme/web/x"))
        self.assertFalse(self.match("*", "acme/web"))

    def test_star_may_be_part_of_a_component(self) -> None:
        self.assertTrue(self.match("acme/web-*", "acme/web-1"))
        self.assertFalse(self.match("acme/web-*", "acme/web"))

    def test_two_stars_are_any_depth(self) -> None:
        for name in ("acme/web", "acme/web/x"):
            self.assertTrue(self.match("acme/**", name))
        for name in ("acme", "other/web"):
            self.assertFalse(self.match("acme/**", name))

    def test_two_stars_before_may_be_nothing(self) -> None:
        for name in ("web", "acme/web", "acme/x/web"):
            self.assertTrue(self.match("**/web", name))

    def test_two_stars_are_everything(self) -> None:
        for name in ("web", "acme/web", "acme/x/web"):
            self.assertTrue(self.match("**", name))

    def test_library_may_be_left_out_of_the_pattern(self) -> None:
        self.assertTrue(self.match("solo", "library/solo"))

    def test_library_may_be_left_out_of_the_name(self) -> None:
        self.assertTrue(self.match("library/solo", "solo"))
        self.assertTrue(self.match("library/*", "solo"))

    @given(PATTERNS, NAMES)
    def test_is_as_if_all_was_tried(self, parts: list[str], name: str) -> None:
        wanted = is_of(parts, name)
        self.assertEqual(self.match("/".join(parts), name), wanted)

    def test_pattern_with_many_stars_is_told_at_once(self) -> None:
        pattern = "*a" * 60 + "b"
        self.assertFalse(self.match(pattern, "a" * 239 + "c"))

    def test_deep_pattern_is_told_at_once(self) -> None:
        self.assertFalse(self.match("**/a*a/**/b", "a/" * 119 + "a"))

    def refuse(self, pattern: str, why: str) -> None:
        """Expect a pattern to be refused."""
        with self.assertRaisesRegex(ValueError, why):
            Patterns(["acme/web", pattern])

    def test_slash_at_an_end_is_refused(self) -> None:
        for pattern in ("", "/a", "a/", "a//b", "/"):
            self.refuse(pattern, "at an end")

    def test_what_no_name_has_is_refused(self) -> None:
        for pattern in ("Acme/*", "a b", "a?", "[ab]", "a\n", "é", "(a)", "a\\b"):
            self.refuse(pattern, "lower-case")

    def test_two_stars_within_a_component_are_refused(self) -> None:
        for pattern in ("a**", "***", "**a/b"):
            self.refuse(pattern, "a component of its own")

    def test_many_depths_are_refused(self) -> None:
        self.refuse("**/a/**/b/**", "more than 2 times")

    def test_one_of_several_is_enough(self) -> None:
        patterns = Patterns(["acme/web", "b"])
        for name, wanted in (("acme/web", True), ("b", True), ("acme/webb", False)):
            self.assertEqual(patterns.match(RepositoryName(name)), wanted)

    def test_no_pattern_is_of_no_name(self) -> None:
        self.assertFalse(Patterns([]).match(RepositoryName("a")))

    def test_registry_as_a_whole_is_of_all_there_is_alone(self) -> None:
        self.assertTrue(Patterns(["a", "**"]).match(None))
        for pattern in ("a", "*", "a/**", "**/*", "**/a", "*/**"):
            self.assertFalse(Patterns([pattern]).match(None))


class CoversTests(SynchronousTestCase):
    def check(self, wide: str, *narrow: str) -> None:
        """Expect a pattern to cover some, and none of them to cover it."""
        self.assertTrue(covers(wide, wide))
        for each in narrow:
            self.assertTrue(covers(wide, each), each)
            self.assertFalse(covers(each, wide), each)

    def test_all_there_is_covers_all(self) -> None:
        self.check("**", "a", "*", "a/**", "**/a", "**/*", "*/**", "**/**")

    def test_all_below_covers_what_is_below(self) -> None:
        self.check(
            "acme/**", "acme/x", "acme/*", "acme/x/**", "acme/x/*/y", "acme/*/**"
        )
        for narrow in ("acme", "other/x", "**", "*/x", "**/acme/x", "acm*/x"):
            self.assertFalse(covers("acme/**", narrow), narrow)

    def test_any_component_covers_one(self) -> None:
        self.check("acme/*", "acme/x", "acme/x*", "acme/*x*")
        for narrow in ("acme/x/y", "acme/**", "other/x", "acme"):
            self.assertFalse(covers("acme/*", narrow), narrow)

    def test_part_of_a_component(self) -> None:
        self.check("*b*", "b", "ab", "*b", "a*b", "*ab*")
        for narrow in ("a", "a*", "*"):
            self.assertFalse(covers("*b*", narrow), narrow)

    def test_any_depth_covers_each(self) -> None:
        self.check("**/web", "web", "acme/web", "*/web", "acme/**/web")
        for narrow in ("acme/webs", "web/x", "**/x", "web/**"):
            self.assertFalse(covers("**/web", narrow), narrow)

    def test_depths_are_compared_wherever_they_stand(self) -> None:
        for one, other in (("*/**", "**/*/*"), ("a/*/**", "a/**/*/*")):
            self.assertTrue(covers(one, other))
            self.assertTrue(covers(other, one))

    def test_spellings_of_version_1_are_the_same(self) -> None:
        for one, other in (("solo", "library/solo"), ("*", "library/*")):
            self.assertTrue(covers(one, other))
            self.assertTrue(covers(other, one))

    def test_nothing_else_covers_the_registry_as_a_whole(self) -> None:
        self.assertFalse(covers("**/*", "**"))

    def test_what_takes_long_to_tell_is_not_covered(self) -> None:
        wide = "/".join(["*"] * 119) + "/**/a/**"
        narrow = "**/" + "/".join(["*", "a"] * 100) + "/**/b"
        self.assertFalse(covers(wide, narrow))

    @settings(max_examples=300)
    @given(PATTERNS, PATTERNS)
    def test_what_is_covered_is_so_for_all_names(
        self, wide: list[str], narrow: list[str]
    ) -> None:
        if covers("/".join(wide), "/".join(narrow)):
            for name in ALL_NAMES:
                if is_of(narrow, name):
                    self.assertTrue(is_of(wide, name), name)

    @settings(max_examples=300)
    @given(PATTERNS, st.data())
    def test_narrower_pattern_is_covered(
        self, wide: list[str], data: st.DataObject
    ) -> None:
        """Narrow a pattern component by component."""
        parts: list[str] = []
        for place, part in enumerate(wide):
            if part == "**":
                least = int(place == len(wide) - 1)
                found = st.lists(COMPONENTS, min_size=least, max_size=2)
                parts += data.draw(st.just(["**"]) | found)
            else:
                text = data.draw(st.sampled_from(("a", "*", "b")))
                parts.append(part.replace("*", text))
        if wide != ["**"] and parts != ["**"]:
            self.assertTrue(covers("/".join(wide), "/".join(parts)), parts)
