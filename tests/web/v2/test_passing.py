"""Tests of pulling where another registry decides who may.

Bob has an account there, and vera one here.
"""

from collections.abc import Sequence
from typing import Any

from twisted.internet.task import Clock

from tests.registry.content import image
from tests.registry.mirror.played import PlayedUpstream
from tests.temporary import make_file
from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import digest_of
from tests.web.exchange import Exchange, Headers
from tests.web.v1.case import basic
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.settings.sections import Auth, Htpasswd, Rule, Settings

DATA = image()
BLOB = b"0123456789" * 100
NAME = "hub/team/app"
MANIFEST = f"/v2/{NAME}/manifests/1"
BOB = basic("bob", "secret")
WRONG = basic("bob", "guessed")
VERA = basic("vera", "guessed")
HTPASSWD = b"vera:$2b$04$ySmg0rqazfHus9oFYztym.PDZCmWaApvGjfYURGZ5T9sr7G62EaPO\n"
DOWN = UpstreamUnavailable("hub", "is down")
CHALLENGE = 'Bearer realm="http://registry.example/auth/token",service="txregistry"'


class PassingCase(exchange.WebCase):
    settings = Settings(role="mirror")
    shared: Sequence[str] = (BOB["Authorization"],)
    """What the other registry lets in."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_750_000_000)
        self.upstream = PlayedUpstream("hub", members=frozenset(self.shared))
        self.upstream.add("team/app", DATA, "1")
        self.blob = f"/v2/{NAME}/blobs/{self.upstream.add_blob('team/app', BLOB)}"
        self.exchange = Exchange(clock=self.clock)
        self.start(self.settings)

    def start(self, settings: Settings, **more: Any) -> None:
        """Start anew, with the same content if there is any."""
        rule = MirrorRule(
            self.upstream,
            "hub/",
            hosts=frozenset({"hub.example"}),
            recheck=600,
            passing=True,
        )
        self.exchange = Exchange(
            mirrored=MirrorRules([rule]),
            store=self.exchange.store,
            clock=self.clock,
            version1=settings,
            **more,
        )

    def token(self, headers: Headers = (), scope: str = "") -> dict[str, str]:
        """Get a token, and give what shows it."""
        target = f"/auth/token?service=txregistry{scope and f'&scope={scope}'}"
        answer = self.ask("GET", target, headers)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.header("cache-control"), "no-store")
        self.assertEqual(answer.json["token"], answer.json["access_token"])
        return {"Authorization": f"Bearer {answer.json['token']}"}

    def asked(self) -> list[str]:
        """Say what the other registry was asked."""
        return [each[0] for each in self.upstream.take()]

    def refused(self, answer: Answer, status: int = 401) -> None:
        """Expect that somebody may not pull."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertNotIn(DATA, answer.body)
        if status == 401:
            challenge = answer.header("www-authenticate") or ""
            self.assertTrue(challenge.startswith(CHALLENGE), challenge)


class PullTests(PassingCase):
    def test_who_may_there_may_here(self) -> None:
        for headers in (BOB, self.token(BOB)):
            answer = self.ask("GET", MANIFEST, headers)
            self.assertEqual((answer.status, answer.body), (200, DATA))
            answer = self.ask("GET", self.blob, headers)
            self.assertEqual((answer.status, answer.body), (200, BLOB))
            answer = self.ask("GET", f"/v2/{NAME}/tags/list", headers)
            self.assertEqual(answer.json["tags"], ["1"])
            answer = self.ask("GET", f"/v2/{NAME}/referrers/{digest_of(DATA)}", headers)
            self.assertEqual(answer.status, 200)

    def test_who_may_not_there_may_not_here(self) -> None:
        self.test_who_may_there_may_here()  # so that all of it is here
        for headers in (WRONG, {}, self.token(WRONG), self.token(), VERA):
            for target in (
                MANIFEST,
                f"/v2/{NAME}/manifests/{digest_of(DATA)}",
                self.blob,
                f"/v2/{NAME}/tags/list",
                f"/v2/{NAME}/referrers/{digest_of(DATA)}",
            ):
                for method in ("GET", "HEAD"):
                    self.refused(self.ask(method, target, headers))

    def test_a_refusal_says_whose_it_is(self) -> None:
        answer = self.ask("GET", MANIFEST, WRONG)
        self.assertIn(b"upstream registry hub does not let you", answer.body)

    def test_only_bytes_are_shared(self) -> None:
        self.ask("GET", self.blob, BOB)
        self.asked()
        self.ask("GET", self.blob, WRONG)
        self.assertEqual(self.asked(), ["head blob"])

    def test_who_was_let_in_is_for_a_while(self) -> None:
        self.ask("GET", MANIFEST, BOB)
        self.asked()
        self.ask("GET", MANIFEST, BOB)
        self.assertEqual(self.asked(), [])
        self.clock.advance(61)
        self.ask("GET", MANIFEST, BOB)
        self.assertEqual(self.asked(), ["head"])

    def test_who_may_no_longer(self) -> None:
        self.ask("GET", MANIFEST, BOB)
        self.upstream.members = frozenset()
        self.clock.advance(61)
        self.refused(self.ask("GET", MANIFEST, BOB))

    def test_who_was_let_in_to_one_repository_is_not_to_another(self) -> None:
        self.upstream.add("team/other", DATA, "1")
        self.ask("GET", MANIFEST, BOB)
        self.asked()
        self.ask("GET", "/v2/hub/team/other/manifests/1", BOB)
        self.assertIn("head", self.asked())

    def test_nobody_is_let_in_where_that_cannot_be_decided(self) -> None:
        self.ask("GET", MANIFEST, BOB)
        self.clock.advance(61)
        self.upstream.fault = DOWN
        self.assertEqual(self.ask("GET", MANIFEST, BOB).status, 504)
        self.start(self.settings, offline=True)
        answer = self.ask("GET", MANIFEST, BOB)
        self.assertEqual(answer.status, 504)
        self.assertIn(b"offline", answer.body)
        for place in ("tags/list", f"referrers/{digest_of(DATA)}"):
            answer = self.ask("GET", f"/v2/{NAME}/{place}", BOB)
            self.assertEqual(answer.status, 504, place)

    def test_a_list_is_not_made_of_what_is_here(self) -> None:
        self.ask("GET", MANIFEST, BOB)
        self.upstream.fault = DOWN
        answer = self.ask("GET", f"/v2/{NAME}/tags/list", BOB)
        self.assertEqual(answer.status, 504)

    def test_no_cache_may_give_it_to_others(self) -> None:
        for target in (self.blob, MANIFEST, f"/v2/{NAME}/manifests/{digest_of(DATA)}"):
            answer = self.ask("GET", target, BOB)
            self.assertIn("private", answer.header("cache-control") or "")

    def test_what_is_not_there(self) -> None:
        self.assertRefused(
            self.ask("GET", f"/v2/{NAME}/manifests/2", BOB), 404, "MANIFEST_UNKNOWN"
        )
        absent = f"/v2/{NAME}/blobs/{digest_of(b'absent')}"
        self.assertRefused(self.ask("GET", absent, BOB), 404, "BLOB_UNKNOWN")

    def test_what_is_no_account_at_all(self) -> None:
        for shown in ("Bearer x", "Token x", "Basic " + "x" * 5000):
            self.refused(self.ask("GET", MANIFEST, {"Authorization": shown}))

    def test_two_accounts_at_once(self) -> None:
        both = [("Authorization", BOB["Authorization"])] * 2
        self.assertEqual(self.ask("GET", MANIFEST, both).status, 401)

    def test_a_token_ends(self) -> None:
        headers = self.token(BOB)
        self.clock.advance(301)
        self.refused(self.ask("GET", MANIFEST, headers))


class AnonymousTests(PassingCase):
    shared = ("", BOB["Authorization"])

    def test_who_needs_no_account_there_needs_none_here(self) -> None:
        for headers in ({}, self.token()):
            answer = self.ask("GET", MANIFEST, headers)
            self.assertEqual((answer.status, answer.body), (200, DATA))
        self.refused(self.ask("GET", MANIFEST, WRONG))


class LogInTests(PassingCase):
    def test_docker_is_told_where_there_are_tokens(self) -> None:
        answer = self.get("/v2/")
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.header("www-authenticate"), CHALLENGE)

    def test_a_refusal_says_what_for(self) -> None:
        self.assertEqual(
            self.get(MANIFEST).header("www-authenticate"),
            f'{CHALLENGE},scope="repository:{NAME}:pull"',
        )

    def test_any_token_is_good_to_begin(self) -> None:
        for headers in (self.token(), self.token(BOB), BOB):
            self.assertEqual(self.ask("GET", "/v2/", headers).status, 200)
        for shown in ("Bearer x", "Token x"):
            answer = self.ask("GET", "/v2/", {"Authorization": shown})
            self.assertEqual(answer.status, 401)

    def test_no_token_for_a_token(self) -> None:
        answer = self.ask("GET", "/auth/token", self.token(BOB))
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.header("www-authenticate"), 'Basic realm="txregistry"')


class LeakTests(PassingCase):
    """By no other way are the bytes had."""

    def setUp(self) -> None:
        super().setUp()
        self.ask("GET", MANIFEST, BOB)
        self.ask("GET", self.blob, BOB)

    def test_a_mount(self) -> None:
        digest = self.blob.rpartition("/")[2]
        self.start(Settings(role="private"))
        for source in (f"&from={NAME}", ""):
            answer = self.ask(
                "POST",
                f"/v2/mine/app/blobs/uploads/?mount={digest}{source}",
                BOB,
                b"",
            )
            self.assertEqual(answer.status, 202, source)
        self.assertEqual(self.get(f"/v2/mine/app/blobs/{digest}").status, 404)

    def test_version_1(self) -> None:
        for target in (
            f"/v1/repositories/{NAME}/tags",
            f"/v1/repositories/{NAME}/images",
            f"/v1/repositories/{NAME}/tags/1",
        ):
            for headers in ({}, BOB):
                answer = self.ask("GET", target, headers)
                self.assertIn(answer.status, {401, 403, 404}, target)

    def test_the_catalog(self) -> None:
        self.start(Settings(role="private"))
        self.push_image("private/app", "1")
        for headers in (self.token(), BOB):
            answer = self.ask("GET", "/v2/_catalog", headers)
            self.assertEqual(answer.json["repositories"], ["private/app"])


class OwnAccountsTests(PassingCase):
    """Where there are accounts here as well."""

    def setUp(self) -> None:
        rules = (
            Rule(("authenticated",), ("private/**",), ("push",)),
            Rule(("everyone",), ("**",), ("pull",)),
        )
        path = make_file(self, "htpasswd", HTPASSWD)
        auth = Auth(htpasswd=Htpasswd(path), rules=rules)
        self.settings = Settings(role="mirror", auth=auth)
        super().setUp()

    def begin(self, headers: Headers) -> int:
        """Begin to push."""
        return self.ask("POST", "/v2/private/app/blobs/uploads/", headers, b"").status

    def test_each_account_is_good_where_it_is_one(self) -> None:
        self.assertEqual(self.ask("GET", MANIFEST, BOB).status, 200)
        self.refused(self.ask("GET", MANIFEST, VERA))
        self.assertEqual(self.begin(VERA), 202)
        self.assertEqual(self.begin(BOB), 401)

    def test_each_token_is_good_where_it_was_asked_for(self) -> None:
        there = self.token(BOB, f"repository:{NAME}:pull")
        self.assertEqual(self.ask("GET", MANIFEST, there).status, 200)
        self.assertEqual(self.begin(there), 401)
        here = self.token(VERA, "repository:private/app:pull,push")
        self.assertEqual(self.begin(here), 202)
        self.refused(self.ask("GET", MANIFEST, here))
        answer = self.ask("GET", "/auth/token?scope=repository:private/app:push", BOB)
        self.assertEqual(answer.status, 401)

    def test_who_logs_in_may_be_either(self) -> None:
        for headers in (self.token(VERA), self.token(BOB), VERA):
            self.assertEqual(self.ask("GET", "/v2/", headers).status, 200)
        self.assertEqual(self.get("/v2/").status, 401)

    def test_by_the_name_of_the_host(self) -> None:
        data = exchange.request_bytes(
            "GET",
            "/auth/token?scope=repository:team/app:pull",
            BOB,
            host="hub.example",
        )
        token = self.exchange.ask_raw(data).json["token"]
        self.assertTrue(token.startswith("passed."))


class ClosedTests(PassingCase):
    """The other registry is not asked any more, and much of it is here."""

    def setUp(self) -> None:
        super().setUp()
        self.ask("GET", MANIFEST, BOB)
        self.ask("GET", self.blob, BOB)
        rules = MirrorRules([], ["hub/ours"])
        rules.closed = ("hub/",)
        store = self.exchange.store
        settings = Settings(role="private")
        self.exchange = Exchange(
            mirrored=rules, store=store, clock=self.clock, version1=settings
        )

    def test_nobody_may_pull_what_was_for_some(self) -> None:
        for target in (
            MANIFEST,
            self.blob,
            f"/v2/{NAME}/tags/list",
            f"/v2/{NAME}/referrers/{digest_of(DATA)}",
        ):
            for headers in ({}, BOB):
                answer = self.ask("GET", target, headers)
                self.assertRefused(answer, 403, "DENIED")
                self.assertIn(b"is not asked any more", answer.body)

    def test_nor_get_it_otherwise(self) -> None:
        digest = self.blob.rpartition("/")[2]
        target = f"/v2/mine/blobs/uploads/?mount={digest}&from={NAME}"
        self.assertEqual(self.ask("POST", target, {}, b"").status, 202)
        self.assertEqual(self.get("/v2/_catalog").json["repositories"], [])
        self.assertNotEqual(self.get(f"/v1/repositories/{NAME}/tags").status, 200)

    def test_all_else_is_as_it_was(self) -> None:
        for name in ("mine", "hub/ours", "hubs/app"):
            self.push_image(name, "1")
            self.assertEqual(self.get(f"/v2/{name}/manifests/1").status, 200)


class RulesTests(PassingCase):
    def test_our_rules_say_from_where(self) -> None:
        rule = Rule(("everyone",), ("**",), ("pull",), ("10.0.0.0/8",))
        self.start(Settings(auth=Auth(rules=(rule,))))
        self.refused(self.ask("GET", MANIFEST, BOB), 403)
        self.assertEqual(self.asked(), [])
