"""Tests of ``txregistry/web/access.py``: what a refusal tells, and what not."""

from tests.asked import AskedStore
from tests.web import callers
from tests.web.answers import Answer
from tests.web.callers import TOKENS, WRONG, shape
from tests.web.content import ABSENT
from tests.web.exchange import Headers, request_bytes
from tests.web.v1.people import BOB, EVE
from txregistry.model.names import RepositoryName
from txregistry.settings.sections import Rule
from txregistry.storage import keys
from txregistry.storage.memory import MemoryObjectStore

SESSION = "7a5b1a4e-0000-4000-8000-000000000000"
WITH_ERROR = '",error="'


class ScopeTests(callers.CallersCase):
    def told(self, answer: Answer) -> tuple[int, str, str]:
        """Give the status, the scope that is told, and the error."""
        first = self.challenges(answer)[0].removeprefix(TOKENS)
        scope, _, error = first.partition(WITH_ERROR)
        return (
            answer.status,
            scope.removeprefix(',scope="').strip('"'),
            error.strip('"'),
        )

    def scope(self, method: str, target: str, headers: Headers = ()) -> str:
        """Give the scope that a challenge tells."""
        body = b"" if method in {"POST", "PUT", "PATCH"} else None
        status, scope, error = self.told(self.ask(method, target, headers, body))
        self.assertEqual((status, error), (401, ""), target)
        return scope

    def test_it_is_what_the_request_needs(self) -> None:
        upload = f"/v2/a/b/blobs/uploads/{SESSION}"
        for method, target, scope in (
            ("GET", "/v2/a/b/manifests/x", "repository:a/b:pull"),
            ("HEAD", "/v2/a/b/manifests/x", "repository:a/b:pull"),
            ("GET", f"/v2/a/b/manifests/{ABSENT}", "repository:a/b:pull"),
            ("GET", f"/v2/a/b/blobs/{ABSENT}", "repository:a/b:pull"),
            ("HEAD", f"/v2/a/b/blobs/{ABSENT}", "repository:a/b:pull"),
            ("GET", f"/v2/a/b/referrers/{ABSENT}", "repository:a/b:pull"),
            ("GET", "/v2/a/b/tags/list", "repository:a/b:pull"),
            ("POST", "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push"),
            ("GET", upload, "repository:a/b:pull,push"),
            ("PATCH", upload, "repository:a/b:pull,push"),
            ("PUT", f"{upload}?digest={ABSENT}", "repository:a/b:pull,push"),
            ("DELETE", upload, "repository:a/b:pull,push"),
            ("PUT", "/v2/a/b/manifests/x", "repository:a/b:pull,push"),
            ("DELETE", "/v2/a/b/manifests/x", "repository:a/b:delete"),
            ("DELETE", f"/v2/a/b/blobs/{ABSENT}", "repository:a/b:delete"),
            ("GET", "/v2/", ""),
        ):
            what = f"{method} {target}"
            if method == "HEAD":
                answer = self.ask("HEAD", target)
                self.assertEqual(self.told(answer), (401, scope, ""), what)
                continue
            self.assertEqual(self.scope(method, target), scope, what)

    def test_mount_needs_what_is_mounted_too(self) -> None:
        target = f"/v2/a/b/blobs/uploads/?mount={ABSENT}"
        both = "repository:a/b:pull,push repository:c:pull"
        self.assertEqual(self.scope("POST", f"{target}&from=c"), both)

    def test_mount_from_anywhere_needs_no_more(self) -> None:
        for more in ("", "&from=", "&from=UPPER", '&from=a"b', "&from=a%0d%0ab"):
            target = f"/v2/a/b/blobs/uploads/?mount={ABSENT}{more}"
            self.assertEqual(self.scope("POST", target), "repository:a/b:pull,push")

    def test_what_only_looks_like_a_mount_needs_no_more(self) -> None:
        for method, target in (
            ("GET", "/v2/a/b/tags/list"),
            ("PUT", "/v2/a/b/manifests/x"),
        ):
            asked = f"{target}?mount={ABSENT}&from=c"
            self.assertEqual(self.scope(method, asked), self.scope(method, target))
        target = "/v2/a/b/blobs/uploads/?from=c"
        self.assertEqual(self.scope("POST", target), "repository:a/b:pull,push")

    def test_catalog_needs_its_own(self) -> None:
        token = self.token("repository:acme/open:pull", headers=BOB)
        answer = self.get("/v2/_catalog", token)
        wanted = (401, "registry:catalog:*", "insufficient_scope")
        self.assertEqual(self.told(answer), wanted)

    def test_bad_token_is_told_with_the_scope(self) -> None:
        bad = {"Authorization": "Bearer a.b.c"}
        answer = self.get("/v2/acme/web/tags/list", bad)
        wanted = (401, "repository:acme/web:pull", "invalid_token")
        self.assertEqual(self.told(answer), wanted)

    def test_token_that_is_not_enough_is_told_so(self) -> None:
        token = self.token("repository:acme/web:pull", headers=BOB)
        answer = self.ask("POST", "/v2/acme/web/blobs/uploads/", token, b"")
        wanted = (401, "repository:acme/web:pull,push", "insufficient_scope")
        self.assertEqual(self.told(answer), wanted)

    def test_password_is_not_told_scopes(self) -> None:
        answer = self.get("/v2/acme/web/tags/list")
        self.assertEqual(len(self.challenges(answer)), 1)

    def test_known_without_the_right_is_not_sent_for_a_token(self) -> None:
        answer = self.get("/v2/acme/web/tags/list", EVE)
        self.assertRefused(answer, 403, "DENIED")
        self.assertEqual(self.challenges(answer), [])


class SecretTests(callers.CallersCase):
    """Whether a repository is there, is told by nothing."""

    rules = (
        Rule(("bob",), ("**",), ("admin",)),
        Rule(("everyone",), ("acme/open", "acme/hidden", "acme/none"), ("pull",)),
        Rule(("everyone",), ("acme/doomed", "acme/gone"), ("pull", "delete")),
    )

    def make_store(self) -> MemoryObjectStore:
        self.store = AskedStore(self.clock)
        return self.store

    def setUp(self) -> None:
        super().setUp()
        outside, self.exchange = self.exchange, self.inside
        for name in ("acme/hidden", "acme/doomed"):
            self.push_image(name, "latest")
            self.hide(name)
        self.exchange = outside

    REQUESTS = (
        ("GET", "tags/list"),
        ("GET", "manifests/latest"),
        ("GET", f"manifests/{ABSENT}"),
        ("GET", f"blobs/{ABSENT}"),
        ("GET", f"referrers/{ABSENT}"),
        ("POST", "blobs/uploads/"),
        ("GET", f"blobs/uploads/{SESSION}"),
        ("PUT", f"blobs/uploads/{SESSION}?digest={ABSENT}"),
        ("PUT", "manifests/latest"),
        ("DELETE", "manifests/latest"),
        ("DELETE", f"blobs/{ABSENT}"),
    )

    def assertSame(self, one: str, other: str, headers: Headers) -> None:
        """Two repositories are refused in the same way."""
        for method, path in self.REQUESTS:
            body = b"x" if method in {"POST", "PUT"} else None
            told = []
            for name in (one, other):
                answer = self.ask(method, f"/v2/{name}/{path}", headers, body)
                self.assertIn(answer.status, {401, 403}, (name, method, path))
                told.append(shape(answer, name))
            self.assertEqual(told[0], told[1], (method, path))

    def test_to_nobody(self) -> None:
        self.assertSame("acme/web", "acme/wib", {})

    def test_to_somebody(self) -> None:
        self.assertSame("acme/web", "acme/wib", EVE)

    def test_to_a_token(self) -> None:
        token = self.token("repository:acme/open:pull", headers=EVE)
        self.assertSame("acme/web", "acme/wib", token)

    def test_to_a_wrong_password(self) -> None:
        self.assertSame("acme/open", "acme/none", WRONG)

    def test_what_is_private_is_as_what_is_not_there(self) -> None:
        self.assertSame("acme/hidden", "acme/none", {})

    def test_it_is_so_for_tokens_of_nobody(self) -> None:
        names = ("acme/hidden", "acme/none")
        token = self.token(*(f"repository:{name}:pull" for name in names))
        self.assertSame(*names, token)

    def test_it_is_so_for_who_may_delete(self) -> None:
        self.assertSame("acme/doomed", "acme/gone", {})

    def test_what_is_not_private_is_there(self) -> None:
        self.assertEqual(self.get("/v2/acme/open/tags/list").status, 200)
        self.assertEqual(self.get("/v2/acme/hidden/tags/list", EVE).status, 200)
        answer = self.get("/v2/acme/none/tags/list", EVE)
        self.assertRefused(answer, 404, "NAME_UNKNOWN")

    def test_word_of_an_owner_is_looked_up_for_both(self) -> None:
        """So that the time tells nothing either."""
        for name in ("acme/hidden", "acme/none"):
            self.store.asked.clear()
            self.get(f"/v2/{name}/tags/list")
            key = keys.repository_properties(RepositoryName.parse(name))
            self.assertIn(key, self.store.asked)
            self.assertIn(keys.manifests(RepositoryName.parse(name)), self.store.asked)


class AnonymousPushTests(callers.CallersCase):
    """Who is not known may push, and so must be told what is missing."""

    rules = (Rule(("everyone",), ("scratch/**",), ("push",)),)

    def test_what_is_not_there_yet_is_not_there(self) -> None:
        digest = ABSENT
        for headers in ({}, self.token("repository:scratch/a:pull,push")):
            answer = self.ask("HEAD", f"/v2/scratch/a/blobs/{digest}", headers)
            self.assertEqual(answer.status, 404)
            answer = self.get("/v2/scratch/a/manifests/x", headers)
            self.assertRefused(answer, 404, "NAME_UNKNOWN")

    def test_all_of_a_push(self) -> None:
        self.push_image("scratch/a", "x")
        self.assertEqual(self.get("/v2/scratch/a/manifests/x").status, 200)

    def test_what_is_private_is_not_to_be_pushed_to(self) -> None:
        self.push_image("scratch/a", "x")
        self.hide("scratch/a")
        answer = self.ask("POST", "/v2/scratch/a/blobs/uploads/", {}, b"")
        self.assertRefused(answer, 401, "UNAUTHORIZED")
        self.assertRefused(self.get("/v2/scratch/a/manifests/x"), 401, "UNAUTHORIZED")


class BodyTests(callers.CallersCase):
    """A body is not waited for."""

    def test_body_of_who_is_refused_is_not_asked_for(self) -> None:
        upload = f"/v2/acme/web/blobs/uploads/{SESSION}"
        for method, target in (
            ("PUT", "/v2/acme/web/manifests/x"),
            ("PUT", f"{upload}?digest={ABSENT}"),
            ("PATCH", upload),
            ("POST", f"/v2/acme/web/blobs/uploads/?digest={ABSENT}"),
        ):
            for headers, status in (({}, 401), (WRONG, 401), (EVE, 403)):
                more = {"Expect": "100-continue", "Content-Length": "1000"}
                answer = self.ask(method, target, {**headers, **more})
                self.assertEqual((answer.status, answer.interim), (status, ()), target)
                self.assertFalse(answer.keeps)

    def test_body_of_who_is_let_in_is_asked_for(self) -> None:
        headers = {**BOB, "Expect": "100-continue", "Content-Length": "5"}
        target = "/v2/acme/web/manifests/x"
        connection = self.exchange.connect()
        connection.send(request_bytes("PUT", target, headers))
        self.assertEqual(connection.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(b"{1:2}")
        answer = connection.answer("PUT")
        self.assertRefused(answer, 400, "MANIFEST_INVALID")
        connection.drop()

    def test_refusal_comes_before_the_body(self) -> None:
        connection = self.exchange.connect()
        more = {"Content-Length": "100000000"}
        connection.send(request_bytes("PUT", "/v2/acme/web/manifests/x", more))
        self.assertRefused(connection.answer("PUT"), 401, "UNAUTHORIZED")
        connection.drop()
