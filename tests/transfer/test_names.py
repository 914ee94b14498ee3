"""Tests of how ``txregistry/transfer`` reads the names in a tree."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.transfer import case
from tests.web.v1.images import BASE, TOP, B, T
from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName, Tag
from txregistry.transfer.oldtree import parse_folder

NESTED = RepositoryName("a/b/c")


class ParseFolderTests(SynchronousTestCase):
    def test_names(self) -> None:
        for folder, name, times in (
            ("acme/web", "acme/web", 0),
            ("library/solo", "solo", 0),
            ("a/b%2Fc", "a/b/c", 1),
            ("a/b%252Fc", "a/b/c", 2),
            ("a/b%2fc", "a/b/c", 1),
            ("acme/we%62", "acme/web", 1),
            ("ac%6De/web", "acme/web", 0),
        ):
            with self.subTest(folder=folder):
                found = parse_folder(f"repositories/{folder}/")
                self.assertEqual(found, (RepositoryName(name), times))

    def test_what_is_none(self) -> None:
        for folder in (
            "a/b%25252Fc",
            "a%252Fb/c",
            "a/..%2Fb",
            "a/..%252Fb",
            "a/%2E%2E",
            "a/%252E%252E%252Fb",
            "..%2Fa/b",
            "%2E%2E/b",
            "a/%2Fetc",
            "a/b%00",
            "a/b%0A",
            "a/b+c",
            "a/b%FF",
            "a/\udcff",
            "A/b",
            "a/B",
            "a/b c",
            "a/%20",
            "a/" + "b" * 300,
        ):
            with self.subTest(folder=folder), self.assertRaises(NameInvalid):
                parse_folder(f"repositories/{folder}/")

    @given(st.text(max_size=40))
    def test_whatever_there_is_gives_a_name_or_none(self, text: str) -> None:
        try:
            name, _ = parse_folder(f"repositories/{text}/")
        except NameInvalid:
            return
        self.assertEqual(RepositoryName.parse(str(name)), name)


class NameTests(case.TreeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.tree.image(BASE)
        self.tree.image(TOP, [B])

    def test_both_encodings(self) -> None:
        for folder in ("a/b%2Fc", "a/b%252Fc"):
            with self.subTest(folder=folder):
                self.tree.tag(folder, "latest", T)
                self.assertTrue(self.run_import().is_complete)
                self.assertEqual(self.tag_of(NESTED), T)

    def test_both_encodings_at_once(self) -> None:
        self.tree.tag("a/b%2Fc", "old", T)
        self.tree.tag("a/b%2Fc", "latest", B)
        self.tree.tag("a/b%252Fc", "latest", T)
        report = self.run_import()
        self.assertEqual(self.tag_of(NESTED), T)
        self.assertEqual(self.tag_of(NESTED, Tag("old")), T)
        reason = "a folder of a newer release has this tag too"
        self.assertEqual(self.left_out(report), [("tag", "a/b/c:latest", reason)])

    def test_the_same_tag_in_both_encodings_is_one(self) -> None:
        self.tree.tag("a/b%2Fc", "latest", T)
        self.tree.tag("a/b%252Fc", "latest", T)
        report = self.run_import()
        self.assertEqual((report.tags, report.left_out), (1, []))

    def test_a_name_that_is_none_is_left_out(self) -> None:
        self.tree.tag("acme/web", "latest", T)
        self.tree.tag("acme/..%2F..%2Fetc", "latest", T)
        report = self.run_import()
        self.assertEqual(
            self.left_out(report),
            [
                (
                    "repository",
                    "repositories/acme/..%2F..%2Fetc/",
                    "its name is none that it can have here",
                )
            ],
        )
        self.assertFalse(report.is_complete)

    def test_names_are_told_so_that_a_terminal_is_safe(self) -> None:
        self.tree.tag("acme/\x1b[2J\xe9", "latest", T)
        (left_out,) = self.run_import().left_out[:1]
        self.assertEqual(left_out.name, r"repositories/acme/\x1b[2J\xe9/")

    def test_a_quoted_tag(self) -> None:
        self.tree.tag("acme/web", "v1%2E0", T)
        self.run_import()
        self.assertEqual(self.tag_of(tag=Tag("v1.0")), T)

    def test_tags_that_are_none(self) -> None:
        self.tree.tag("acme/web", "latest", T)
        for tag in ("..%2F..%2Fx", "v1%252E0", "%2E%2E", "a+b", "", "x" * 129):
            self.tree.put(f"repositories/acme/web/tag_{tag}", T.encode())
        report = self.run_import()
        self.assertEqual(
            {reason for _, _, reason in self.left_out(report)},
            {"its name is none that a tag can have here"},
        )
        self.assertEqual((len(report.left_out), report.tags), (6, 1))

    def test_a_tag_that_holds_no_id(self) -> None:
        self.tree.tag("acme/web", "latest", T)
        for number, data in enumerate((b"", b"x" * 9999, b"../etc", b"\xff", b"{}")):
            self.tree.put(f"repositories/acme/web/tag_{number}", data)
        report = self.run_import()
        self.assertEqual(
            {reason for _, _, reason in self.left_out(report)},
            {"what it holds is no image id"},
        )
        self.assertEqual(len(report.left_out), 5)

    def test_properties_that_look_like_a_tag(self) -> None:
        self.tree.tag("acme/web", "_x", T)
        report = self.run_import()
        self.assertEqual((report.tags, report.left_out), (1, []))
        self.assertEqual(self.tags(case.WEB), ["_x"])

    def test_a_tag_that_looks_like_properties(self) -> None:
        self.tree.tag("acme/web", "x_json", T)
        report = self.run_import()
        self.assertEqual((report.tags, report.left_out), (1, []))
        self.assertEqual(self.tag_of(tag=Tag("x_json")), T)

    def test_a_tag_in_place_of_the_properties_of_another(self) -> None:
        self.tree.tag("acme/web", "_x", B)
        self.tree.tag("acme/web", "x_json", T)
        report = self.run_import()
        self.assertEqual((report.tags, report.left_out), (2, []))
        self.assertEqual(self.tag_of(tag=Tag("_x")), B)
        self.assertEqual(self.tag_of(tag=Tag("x_json")), T)

    def test_properties_of_latest_in_their_first_place(self) -> None:
        self.tree.put("repositories/acme/web/tag_latest", T.encode())
        self.tree.put("repositories/acme/web/json", b'{"docker_version": "0.7.0"}')
        self.run_import()
        found = self.result(self.registry.image_tags.properties(case.WEB, case.LATEST))
        self.assertEqual(found.docker_version, "0.7.0")

    def test_files_that_are_nothing_are_passed_over(self) -> None:
        self.tree.tag("acme/web", "latest", T)
        for name in ("x", "acme/x", "acme/web/x/y", "acme/web/tag", "acme/web/_Tag_"):
            self.tree.put(f"repositories/{name}", b"garbage")
        report = self.run_import()
        self.assertEqual((report.tags, report.left_out), (1, []))
