"""Tests of ``txregistry/model/layoutnames.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.layoutnames import (
    IMAGE_NAME,
    NAMELESS,
    REF_NAME,
    annotate,
    name_after_folder,
    name_image,
)
from txregistry.model.names import RepositoryName, Tag

DEFAULT = RepositoryName("medium")


class NameImageTests(SynchronousTestCase):
    def named(self, ref: str | None, name: str | None = None) -> tuple[str, str | None]:
        """Name an image; give texts."""
        repository, tag = name_image(ref, name, DEFAULT)
        return str(repository), None if tag is None else str(tag)

    def test_a_tag_alone(self) -> None:
        self.assertEqual(self.named("1.0"), ("medium", "1.0"))

    def test_nothing_at_all(self) -> None:
        self.assertEqual(self.named(None), ("medium", None))

    def test_a_name_with_a_tag(self) -> None:
        self.assertEqual(self.named("team/app:1"), ("team/app", "1"))
        self.assertEqual(self.named("app:1"), ("app", "1"))

    def test_a_name_is_taken_as_it_is(self) -> None:
        self.assertEqual(self.named("quay.io/team/app:1"), ("quay.io/team/app", "1"))

    def test_a_port_is_no_part_of_a_name(self) -> None:
        for host in ("localhost:5000", "r.example:5000", "[::1]:5000"):
            self.assertEqual(self.named(f"{host}/team/app:1"), ("team/app", "1"))

    def test_containerds_name_loses_its_host(self) -> None:
        for host in ("quay.io", "localhost", "r.example:5000", "[::1]:5000"):
            self.assertEqual(self.named("1", f"{host}/team/app:2"), ("team/app", "2"))
        self.assertEqual(self.named("1", "team/app:2"), ("team/app", "2"))

    def test_the_hubs_name_is_short(self) -> None:
        name = "docker.io/library/alpine:3"
        self.assertEqual(self.named("3", name), ("alpine", "3"))
        self.assertEqual(self.named(name), ("alpine", "3"))
        self.assertEqual(self.named(None, "docker.io/team/app:1"), ("team/app", "1"))

    def test_the_first_counts_if_it_names_a_repository(self) -> None:
        found = self.named("acme.io/app:1", "docker.io/other:2")
        self.assertEqual(found, ("acme.io/app", "1"))
        self.assertEqual(self.named("/x:1", "docker.io/other:2"), ("other", "2"))

    def test_a_digest_is_no_tag(self) -> None:
        digest = "sha256:" + "0" * 64
        self.assertEqual(self.named(f"team/app@{digest}"), ("team/app", None))
        self.assertEqual(self.named(f"team/app:1@{digest}"), ("team/app", "1"))

    def test_what_leads_elsewhere_names_nothing(self) -> None:
        for text in (
            "../../etc/passwd",
            "/etc:1",
            "a//b",
            "a/../b:1",
            "a:../1",
            ":",
            "/",
        ):
            self.assertEqual(self.named(text), ("medium", None), text)
            self.assertEqual(self.named(None, text), ("medium", None), text)

    @given(st.text(max_size=40), st.none() | st.text(max_size=40))
    def test_whatever_it_is_names_are_names(self, ref: str, name: str | None) -> None:
        repository, tag = name_image(ref, name, DEFAULT)
        RepositoryName.parse(str(repository))
        if tag is not None:
            Tag.parse(str(tag))


class AnnotateTests(SynchronousTestCase):
    def test_an_image_is_called_so_again(self) -> None:
        for text in ("app", "team/app", "team/a__b", "a---b/c"):
            for tag in ("1", "latest", "1.0_x"):
                name = RepositoryName(text)
                place = text if "/" in text else f"library/{text}"
                said = annotate(name, Tag(tag), f"docker.io/{place}:{tag}")
                found = name_image(said.get(REF_NAME), said[IMAGE_NAME], DEFAULT)
                self.assertEqual(found, (name, Tag(tag)))

    def test_what_the_specification_does_not_allow_is_left_out(self) -> None:
        name = RepositoryName("a__b")
        self.assertEqual(annotate(name, Tag("1"), "x"), {IMAGE_NAME: "x"})


class NameAfterFolderTests(SynchronousTestCase):
    def test_the_folders_name_in_lower_case(self) -> None:
        self.assertEqual(name_after_folder("Alpine-3"), RepositoryName("alpine-3"))

    def test_a_folder_whose_name_is_none(self) -> None:
        for text in ("", "..", "a b", "_x"):
            self.assertEqual(name_after_folder(text), NAMELESS)
