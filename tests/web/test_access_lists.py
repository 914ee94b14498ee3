"""Tests of ``txregistry/web/access.py``: mounts, and lists of what one may see."""

import re

from tests.web import callers
from tests.web.callers import NAMES
from tests.web.content import LAYER, digest_of, signature
from tests.web.exchange import Exchange, Headers
from tests.web.v1.people import BOB, EVE
from txregistry.settings.sections import Rule

DIGEST = digest_of(LAYER)
EVES = ["acme/open", "acme/shared", "eve/own"]


class MountTests(callers.CallersCase):
    """Eve may push to ``eve/new``, and pull from some others."""

    def mount(self, query: str, headers: Headers = EVE, name: str = "eve/new") -> int:
        """Ask for the blob that all repositories have; give the answer's status."""
        target = f"/v2/{name}/blobs/uploads/?mount={DIGEST}{query}"
        return self.ask("POST", target, headers, b"").status

    def holds(self) -> bool:
        """Say whether the blob is in eve's."""
        return self.ask("HEAD", f"/v2/eve/new/blobs/{DIGEST}", EVE).status == 200

    def test_from_where_one_may_pull(self) -> None:
        for name in EVES:
            self.assertEqual(self.mount(f"&from={name}"), 201, name)
        self.assertTrue(self.holds())

    def test_from_elsewhere_it_is_as_if_it_were_not_there(self) -> None:
        for name in ("acme/web", "solo", "acme/absent", "UPPER", "a/../b"):
            self.assertEqual(self.mount(f"&from={name}"), 202, name)
        self.assertFalse(self.holds())

    def test_from_anywhere_means_where_one_may_pull(self) -> None:
        self.assertEqual(self.mount(""), 201)

    def test_from_anywhere_where_one_may_pull_nowhere(self) -> None:
        self.rule(Rule(("eve",), ("eve/new",), ("push",)))
        self.assertEqual(self.mount(""), 202)
        self.assertEqual(self.mount("&from=eve/own"), 202)
        self.assertFalse(self.holds())

    def test_from_what_is_private_to_who_is_not_known(self) -> None:
        self.rule(
            Rule(("everyone",), ("eve/new",), ("push",)),
            Rule(("everyone",), ("acme/open",), ("pull",)),
        )
        self.assertEqual(self.mount("&from=acme/open", {}), 201)
        self.hide("acme/open")
        self.assertEqual(self.mount("&from=acme/open", {}, "eve/new"), 202)

    def test_token_has_to_be_for_both(self) -> None:
        push = "repository:eve/new:pull,push"
        alone = self.token(push, headers=EVE)
        self.assertEqual(self.mount("&from=eve/own", alone), 202)
        self.assertEqual(self.mount("", alone), 202)
        both = self.token(push, "repository:eve/own:pull", headers=EVE)
        self.assertEqual(self.mount("&from=eve/own", both), 201)
        self.assertEqual(self.mount("&from=acme/shared", both), 202)

    def test_who_may_not_push_is_refused_whatever_there_is_to_mount(self) -> None:
        for query in ("", "&from=eve/own", "&from=acme/web", "&from=absent"):
            self.assertEqual(self.mount(query, {}), 401)
            self.assertEqual(self.mount(query, EVE, "acme/web"), 403)


class CatalogTests(callers.CallersCase):
    def test_all_see_what_they_may(self) -> None:
        self.assertEqual(self.catalog(), ["acme/open"])
        self.assertEqual(self.catalog(EVE), EVES)
        bobs = ["acme/open", "acme/shared", "acme/web", "solo"]
        self.assertEqual(self.catalog(BOB), bobs)

    def test_what_is_private_is_not_shown_to_who_is_not_known(self) -> None:
        self.hide("acme/open")
        self.assertEqual(self.catalog(), [])
        self.assertEqual(self.catalog(EVE), EVES)

    def test_token_for_it_shows_what_its_owner_may_see(self) -> None:
        for headers, names in ((EVE, EVES), ({}, ["acme/open"])):
            token = self.token("registry:catalog:*", headers=headers)
            self.assertEqual(self.catalog(token), names)

    def test_token_for_it_is_for_nothing_else(self) -> None:
        token = self.token("registry:catalog:*", headers=BOB)
        answer = self.get("/v2/acme/web/tags/list", token)
        self.assertRefused(answer, 401, "UNAUTHORIZED")

    def test_pages_have_what_one_may_see_only(self) -> None:
        for headers, names in ((EVE, EVES), ({}, ["acme/open"])):
            for count in (1, 2, 3):
                self.assertEqual(self.pages(headers, count), names)

    def pages(self, headers: Headers, count: int) -> list[str]:
        """Read all pages; none of them tells of more."""
        found: list[str] = []
        target = f"/v2/_catalog?n={count}"
        for _ in NAMES:
            answer = self.get(target, headers)
            names = answer.json["repositories"]
            found += names
            link = answer.header("link")
            if link is None:
                break
            self.assertEqual(len(names), count)
            match = re.fullmatch(r"<(.+last=([^&]+)&.+)>; rel=\"next\"", link)
            assert match is not None, link
            self.assertEqual(match[2].replace("%2F", "/"), names[-1])
            target = match[1]
        return found

    def test_last_page_is_known_though_there_are_others(self) -> None:
        answer = self.get("/v2/_catalog?n=3", EVE)
        self.assertEqual(answer.json["repositories"], EVES)
        self.assertIsNone(answer.header("link"))

    def test_it_goes_on_after_what_one_may_not_see(self) -> None:
        self.assertEqual(self.catalog(EVE, "?last=acme/web"), ["eve/own"])
        self.assertEqual(self.catalog(EVE, "?last=acme/p"), ["acme/shared", "eve/own"])

    def test_who_may_see_nothing_at_all_is_refused(self) -> None:
        bobs = Rule(("bob",), ("acme/**",), ("pull",))
        for rules in ((bobs,), (Rule(("everyone",), ("acme/open",)), bobs)):
            self.rule(*rules)
            self.assertRefused(self.get("/v2/_catalog"), 401, "UNAUTHORIZED")
            self.assertEqual(self.catalog(EVE), [])


class ListTests(callers.CallersCase):
    def test_tags(self) -> None:
        target = "/v2/acme/shared/tags/list"
        self.assertEqual(self.get(target, EVE).json["tags"], ["latest"])
        self.assertRefused(self.get(target), 401, "UNAUTHORIZED")

    def test_right_to_list_is_less_than_that_to_pull(self) -> None:
        self.rule(Rule(("eve",), ("acme/web",), ("list",)))
        self.assertEqual(self.get("/v2/acme/web/tags/list", EVE).status, 200)
        self.assertEqual(self.catalog(EVE), ["acme/web"])
        for path in ("manifests/latest", f"blobs/{DIGEST}", f"referrers/{DIGEST}"):
            answer = self.get(f"/v2/acme/web/{path}", EVE)
            self.assertRefused(answer, 403, "DENIED", path)

    def test_referrers(self) -> None:
        outside, self.exchange = self.exchange, self.inside
        data = self.push_image("acme/shared", "signed")
        self.push_manifest("acme/shared", "s", signature(data))
        self.exchange = outside
        target = f"/v2/acme/shared/referrers/{digest_of(data)}"
        self.assertEqual(len(self.get(target, EVE).json["manifests"]), 1)
        self.assertRefused(self.get(target), 401, "UNAUTHORIZED")

    def test_search(self) -> None:
        self.exchange = Exchange(
            version1=self.make_settings(), store=self.inside.store, clock=self.clock
        )
        for headers, names in (({}, ["acme/open"]), (EVE, EVES)):
            answer = self.get("/v1/search?q=", headers)
            self.assertEqual([each["name"] for each in answer.json["results"]], names)
        self.hide("acme/open")
        answer = self.get("/v1/search?q=open")
        self.assertEqual(answer.json["num_results"], 0)
