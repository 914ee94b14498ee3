"""Tests of the list of repositories."""

from tests.web import exchange

_NAMES = (
    "a",
    "a-b",
    "a-b/c",
    "a.b",
    "a/b",
    "a/b-c",
    "a/b/c",
    "a0",
    "ab",
    "b/tags/list",
    "manifests/blobs",
)


class CatalogTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        for name in reversed(_NAMES):
            self.push_image(name, "latest")

    def names(self, query: str = "") -> list[str]:
        answer = self.get(f"/v2/_catalog{query}")
        self.assertEqual(answer.status, 200, answer.body)
        names: list[str] = answer.json["repositories"]
        return names

    def test_byte_order_of_whole_names(self) -> None:
        self.assertEqual(sorted(_NAMES), list(_NAMES))
        self.assertEqual(self.names(), list(_NAMES))

    def test_is_json(self) -> None:
        answer = self.get("/v2/_catalog")
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(list(answer.json), ["repositories"])

    def test_an_empty_registry_has_an_empty_list(self) -> None:
        self.exchange = exchange.Exchange()
        self.assertEqual(self.names(), [])

    def test_n_is_how_many_come_at_most(self) -> None:
        for count in range(len(_NAMES) + 2):
            self.assertEqual(self.names(f"?n={count}"), list(_NAMES[:count]), count)

    def test_n_of_nought_has_no_link(self) -> None:
        self.assertIsNone(self.get("/v2/_catalog?n=0").header("link"))

    def test_n_beyond_the_largest_page_is_cut_down(self) -> None:
        answer = self.get("/v2/_catalog?n=99999999999999999999")
        self.assertEqual(answer.json["repositories"], list(_NAMES))

    def test_n_that_is_no_number_is_refused(self) -> None:
        for text in ("-1", "x", "", "1e3"):
            answer = self.get(f"/v2/_catalog?n={text}")
            self.assertRefused(answer, 400, "PAGINATION_NUMBER_INVALID", text)

    def test_last_is_where_the_list_goes_on(self) -> None:
        for last in (*_NAMES, "0", "a-", "a/", "a/b/", "a/b/c/d", "zz", "A"):
            expected = [name for name in _NAMES if name > last]
            self.assertEqual(self.names(f"?last={last}"), expected, last)

    def test_last_may_be_encoded(self) -> None:
        expected = [name for name in _NAMES if name > "a/b"]
        self.assertEqual(self.names("?last=a%2Fb"), expected)

    def test_links_lead_through_the_whole_list(self) -> None:
        for count in (1, 2, 4):
            target: str | None = f"/v2/_catalog?n={count}"
            found: list[str] = []
            while target is not None:
                answer = self.get(target)
                found += answer.json["repositories"]
                link = answer.header("link")
                if link is not None:
                    self.assertRegex(link, r'^</v2/_catalog\?[^>]+>; rel="next"$')
                target = None if link is None else link[1 : link.index(">")]
            self.assertEqual(found, list(_NAMES), count)

    def test_a_page_that_is_just_full_has_no_link(self) -> None:
        answer = self.get(f"/v2/_catalog?n={len(_NAMES)}")
        self.assertIsNone(answer.header("link"))

    def test_without_n_a_page_has_a_hundred(self) -> None:
        self.exchange = exchange.Exchange()
        names = [f"r{number:03}" for number in range(120)]
        for name in names:
            self.push_image(name)
        answer = self.get("/v2/_catalog")
        self.assertEqual(answer.json["repositories"], names[:100])
        self.assertEqual(
            answer.header("link"), '</v2/_catalog?last=r099&n=100>; rel="next"'
        )

    def test_a_repository_of_blobs_only_is_not_listed(self) -> None:
        """As with Distribution: its folder of manifests tells."""
        self.push_blob("blobsonly", b"x")
        self.begin_upload("uploading")
        self.assertEqual(self.names(), list(_NAMES))

    def test_takes_no_other_method(self) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = self.ask(method, "/v2/_catalog")
            self.assertRefused(answer, 405, "UNSUPPORTED", method)
            self.assertEqual(answer.header("allow"), "GET, HEAD", method)
