"""Tests of ``txregistry/model/names.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, NameInvalid, TagInvalid
from txregistry.model.names import (
    MAX_NAME,
    RepositoryName,
    Tag,
    fallback_tag,
    parse_reference,
    parse_v1_name,
    spell_v1_name,
)

ALPHANUMERICS = st.text("abcz019", min_size=1, max_size=5)
SEPARATORS = st.sampled_from((".", "_", "__", "-", "--", "-----"))


@st.composite
def components(draw: st.DrawFn) -> str:
    """Make one component of a name, by the grammar's own words."""
    text = draw(ALPHANUMERICS)
    for _ in range(draw(st.integers(0, 3))):
        text += draw(SEPARATORS) + draw(ALPHANUMERICS)
    return text


NAMES = st.lists(components(), min_size=1, max_size=4).map("/".join)
TAG_LETTERS = "abcXYZ0189_.-"
TAGS = st.builds(
    str.__add__,
    st.sampled_from(TAG_LETTERS.rstrip(".-")),
    st.text(TAG_LETTERS, max_size=127),
)


class RepositoryNameTests(SynchronousTestCase):
    def refuse(self, text: str) -> None:
        with self.assertRaises(NameInvalid):
            RepositoryName.parse(text)

    @given(NAMES)
    def test_grammar_is_accepted(self, text: str) -> None:
        self.assertEqual(str(RepositoryName.parse(text)), text)

    @given(st.text(max_size=40))
    def test_any_text_is_a_name_or_refused(self, text: str) -> None:
        try:
            name = RepositoryName.parse(text)
        except NameInvalid:
            return
        self.assertEqual(name.text, text)

    @given(NAMES, st.sampled_from((".", "_", "__", "-", "/")))
    def test_separator_at_an_end_is_refused(self, text: str, separator: str) -> None:
        self.refuse(separator + text)
        self.refuse(text + separator)

    @given(components(), st.sampled_from(("..", "___", "._", "-.", "_-", "//")))
    def test_separators_do_not_mix(self, text: str, mixed: str) -> None:
        self.refuse(f"{text}{mixed}{text}")

    @given(NAMES, st.sampled_from("AZ \n\0:@%é\u0665\\"))
    def test_other_characters_are_refused(self, text: str, letter: str) -> None:
        self.refuse(f"a{letter}{text}")

    def test_empty_name_is_refused(self) -> None:
        self.refuse("")

    def test_newline_at_the_end_is_refused(self) -> None:
        self.refuse("library/alpine\n")

    def test_way_up_is_refused(self) -> None:
        self.refuse("a/../b")

    def test_reserved_component_is_refused(self) -> None:
        self.refuse("a/_manifests")

    def test_longest_name_is_accepted(self) -> None:
        self.assertEqual(len(str(RepositoryName.parse("a" * MAX_NAME))), MAX_NAME)

    def test_longer_name_is_refused(self) -> None:
        self.refuse("a" * (MAX_NAME + 1))

    def test_long_run_of_separators_is_told_at_once(self) -> None:
        self.refuse("a" + "-" * 200 + "_")


class Version1NameTests(SynchronousTestCase):
    def refuse(self, text: str) -> None:
        with self.assertRaises(NameInvalid):
            parse_v1_name(text)

    @given(components())
    def test_without_a_namespace_it_is_in_the_library(self, text: str) -> None:
        self.assertEqual(parse_v1_name(f"library/{text}"), parse_v1_name(text))

    @given(components())
    def test_is_in_its_short_form(self, text: str) -> None:
        self.assertEqual(parse_v1_name(f"library/{text}").text, text)

    @given(NAMES)
    def test_is_a_name_of_version_2(self, text: str) -> None:
        name = parse_v1_name(text)
        self.assertEqual(RepositoryName.parse(name.text), name)

    @given(NAMES)
    def test_has_one_form(self, text: str) -> None:
        name = parse_v1_name(text)
        self.assertEqual(parse_v1_name(name.text), name)

    @given(NAMES)
    def test_full_spelling_is_the_same_name(self, text: str) -> None:
        name = parse_v1_name(text)
        self.assertEqual(parse_v1_name(spell_v1_name(name)), name)

    @given(st.text(max_size=40))
    def test_any_text_is_a_name_or_refused(self, text: str) -> None:
        try:
            name = parse_v1_name(text)
        except NameInvalid:
            return
        self.assertIn(text, (name.text, f"library/{name.text}"))

    def test_full_spelling_has_a_namespace(self) -> None:
        self.assertEqual(spell_v1_name(RepositoryName("solo")), "library/solo")
        self.assertEqual(spell_v1_name(RepositoryName("acme/web")), "acme/web")

    def test_library_of_several_components_stays(self) -> None:
        self.assertEqual(parse_v1_name("library/a/b").text, "library/a/b")

    def test_library_itself_can_be_a_repository(self) -> None:
        self.assertEqual(parse_v1_name("library/library").text, "library")

    def test_library_alone_before_a_slash_is_none(self) -> None:
        self.refuse("library/")

    def test_what_only_version_1_could_say_is_refused(self) -> None:
        for text in ("Acme/web", "acme/web-", "acme/.web", "acme/web\n", "acme//web"):
            self.refuse(text)

    def test_longest_name_may_be_in_the_library(self) -> None:
        text = "a" * MAX_NAME
        self.assertEqual(parse_v1_name(f"library/{text}").text, text)

    def test_longer_name_is_refused(self) -> None:
        self.refuse("library/" + "a" * (MAX_NAME + 1))


class TagTests(SynchronousTestCase):
    def refuse(self, text: str) -> None:
        with self.assertRaises(TagInvalid):
            Tag.parse(text)

    @given(TAGS)
    def test_grammar_is_accepted(self, text: str) -> None:
        self.assertEqual(str(Tag.parse(text)), text)

    @given(st.text(max_size=140))
    def test_any_text_is_a_tag_or_refused(self, text: str) -> None:
        try:
            tag = Tag.parse(text)
        except TagInvalid:
            return
        self.assertEqual(tag.text, text)

    @given(TAGS, st.sampled_from(".-"))
    def test_dot_or_dash_begins_none(self, text: str, first: str) -> None:
        self.refuse(first + text[:127])

    def test_128_characters_are_accepted(self) -> None:
        self.assertEqual(len(str(Tag.parse("v" * 128))), 128)

    def test_129_characters_are_refused(self) -> None:
        self.refuse("v" * 129)

    def test_empty_tag_is_refused(self) -> None:
        self.refuse("")

    def test_slash_is_refused(self) -> None:
        self.refuse("a/b")

    def test_case_tells_tags_apart(self) -> None:
        self.assertNotEqual(Tag.parse("V1"), Tag.parse("v1"))


class ReferenceTests(SynchronousTestCase):
    @given(TAGS)
    def test_without_a_colon_it_is_a_tag(self, text: str) -> None:
        self.assertEqual(parse_reference(text), Tag(text))

    @given(st.binary())
    def test_a_digest_is_a_digest(self, data: bytes) -> None:
        self.assertEqual(parse_reference(str(Digest.of(data))), Digest.of(data))

    @given(TAGS, TAGS)
    def test_a_colon_makes_it_a_digest(self, before: str, after: str) -> None:
        with self.assertRaises(DigestInvalid):
            parse_reference(f"{before}:{after}")


class FallbackTagTests(SynchronousTestCase):
    @given(st.binary(), st.sampled_from(("sha256", "sha512")))
    def test_is_a_tag(self, data: bytes, algorithm: str) -> None:
        tag = fallback_tag(Digest.of(data, algorithm))
        self.assertEqual(Tag.parse(str(tag)), tag)

    def test_of_sha256_is_whole(self) -> None:
        self.assertEqual(
            str(fallback_tag(Digest("sha256", "a" * 64))), "sha256-" + "a" * 64
        )

    def test_of_sha512_is_cut_to_64_digits(self) -> None:
        self.assertEqual(
            str(fallback_tag(Digest("sha512", "b" * 128))), "sha512-" + "b" * 64
        )
