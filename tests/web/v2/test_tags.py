"""Tests of the lists of tags."""

from tests.web import exchange
from tests.web.content import digest_of

# In byte order, which is not that in which stores list folders: their names go on with
# a slash, which sorts between '.' and letters.
_TAGS = ("1", "1-rc", "1.0", "1.0-rc.1", "10", "2", "A", "Z", "_", "a", "a-b", "b")


class TagTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_image("library/app", *reversed(_TAGS))

    def tags(self, query: str = "") -> list[str]:
        answer = self.get(f"/v2/library/app/tags/list{query}")
        self.assertEqual(answer.status, 200, answer.body)
        tags: list[str] = answer.json["tags"]
        return tags

    def link(self, query: str) -> str | None:
        return self.get(f"/v2/library/app/tags/list{query}").header("link")

    def test_names_the_repository(self) -> None:
        answer = self.get("/v2/library/app/tags/list")
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(answer.json, {"name": "library/app", "tags": list(_TAGS)})

    def test_without_n_everything_comes_in_byte_order(self) -> None:
        self.assertEqual(self.tags(), list(_TAGS))
        self.assertIsNone(self.link(""))

    def test_n_is_how_many_come_at_most(self) -> None:
        for count in range(1, len(_TAGS) + 2):
            self.assertEqual(self.tags(f"?n={count}"), list(_TAGS[:count]), count)

    def test_n_of_nought_is_an_empty_list_without_link(self) -> None:
        self.assertEqual(self.tags("?n=0"), [])
        self.assertIsNone(self.link("?n=0"))

    def test_an_enormous_n_is_cut_down(self) -> None:
        self.assertEqual(self.tags("?n=" + "9" * 400), list(_TAGS))

    def test_n_that_is_no_number_is_refused(self) -> None:
        for text in ("-1", "+1", "1.0", "x", "", "0x1", "%d9%a3", "1%20", "%ff"):
            answer = self.get(f"/v2/library/app/tags/list?n={text}")
            self.assertRefused(answer, 400, "PAGINATION_NUMBER_INVALID", text)

    def test_last_is_where_the_list_goes_on(self) -> None:
        for place, tag in enumerate(_TAGS):
            self.assertEqual(self.tags(f"?last={tag}"), list(_TAGS[place + 1 :]), tag)

    def test_last_need_not_be_a_tag(self) -> None:
        for last in (
            "0",
            "1-",
            "1.",
            "1.0-",
            "9",
            "M",
            "a.",
            "zz",
            "%2F",
            "%ff",
            "%00",
        ):
            text = bytes.fromhex(last[1:]).decode("latin-1") if "%" in last else last
            expected = [tag for tag in _TAGS if tag > text]
            self.assertEqual(self.tags(f"?last={last}"), expected, last)

    def test_an_empty_last_is_none(self) -> None:
        self.assertEqual(self.tags("?last="), list(_TAGS))

    def test_links_lead_through_the_whole_list(self) -> None:
        for count in (1, 2, 3, 5, len(_TAGS) - 1):
            target: str | None = f"/v2/library/app/tags/list?n={count}"
            found: list[str] = []
            while target is not None:
                answer = self.get(target)
                found += answer.json["tags"]
                link = answer.header("link")
                if link is not None:
                    self.assertRegex(link, r'^</v2/[^>]+>; rel="next"$')
                target = None if link is None else link[1 : link.index(">")]
            self.assertEqual(found, list(_TAGS), count)

    def test_a_page_that_is_just_full_has_no_link(self) -> None:
        self.assertIsNone(self.link(f"?n={len(_TAGS)}"))
        self.assertIsNone(self.link("?n=3&last=a-b"))

    def test_a_link_is_relative_and_says_where_to_go_on(self) -> None:
        self.assertEqual(
            self.link("?n=2"),
            '</v2/library/app/tags/list?last=1-rc&n=2>; rel="next"',
        )

    def test_a_link_keeps_other_parameters(self) -> None:
        self.assertEqual(
            self.link("?ns=a%26b&n=1&last=A&x=&x=%3E"),
            '</v2/library/app/tags/list?ns=a%26b&last=Z&n=1>; rel="next"'.replace(
                "b&last", "b&x=&x=%3E&last"
            ),
        )

    def test_head_is_as_long_as_get(self) -> None:
        answer = self.ask("HEAD", "/v2/library/app/tags/list?n=2")
        get = self.get("/v2/library/app/tags/list?n=2")
        self.assertEqual(answer.status, 200)
        for name in ("content-length", "link", "content-type"):
            self.assertEqual(answer.header(name), get.header(name), name)

    def test_a_repository_that_is_not_there(self) -> None:
        for name in ("library", "library/app/more", "other", "library/ap"):
            answer = self.get(f"/v2/{name}/tags/list")
            self.assertRefused(answer, 404, "NAME_UNKNOWN", name)

    def test_a_repository_of_which_the_tags_are_gone_has_an_empty_list(self) -> None:
        for tag in _TAGS:
            self.ask("DELETE", f"/v2/library/app/manifests/{tag}")
        self.assertEqual(self.tags(), [])

    def test_digests_are_no_tags(self) -> None:
        self.push_image("untagged")
        self.assertEqual(self.get("/v2/untagged/tags/list").json["tags"], [])

    def test_many_tags(self) -> None:
        """Of more than a store gives at a time; between them others have their turn."""
        data = self.push_image("many", "t")
        tags = [f"t{number:03}" for number in range(300)]
        for start in range(0, 300, 100):
            query = "&".join(f"tag={tag}" for tag in tags[start : start + 100])
            reference = digest_of(data)
            self.push_manifest("many", f"{reference}?{query}", data)
        self.assertEqual(self.get("/v2/many/tags/list").json["tags"], ["t", *tags])

    def test_names_of_components_that_routes_use(self) -> None:
        for name in ("tags", "tags/list", "manifests", "blobs/uploads", "v2/tags/list"):
            self.push_image(name, "x")
            answer = self.get(f"/v2/{name}/tags/list")
            self.assertEqual(answer.json, {"name": name, "tags": ["x"]})
