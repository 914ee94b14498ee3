"""Tests that the short way and the general way give the same answers."""

from collections.abc import Mapping

from klein.resource import KleinResource

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import (
    ABSENT,
    ABSENT_512,
    CONFIG,
    LAYER,
    digest_of,
    signature,
)
from tests.web.exchange import Exchange, Headers
from tests.web.v2.test_blobs import MALFORMED
from tests.web.v2.test_manifests import BAD_NAMES, BAD_TAGS
from txregistry.web.fastpath import FastResource
from txregistry.web.request import RegistryRequest

#: What is asked of lists.
QUERIES = (
    *("", "?n=1", "?n=0", "?n=99999999", "?n=-1", "?n=", "?n=x", "?last=1.0"),
    *("?n=1&last=a", "?last=library&n=1", "?last=z", "?last=%00", "?last=..%2F"),
    *("?n=2&x=y&x=z", "?artifactType=a/b", "?artifactType=application%2Fx&n=1"),
)
_CHANGING = frozenset({"date", "docker-upload-uuid", "location"})


class _Slow(FastResource):
    """What answers everything in the general way."""

    def render(self, request: RegistryRequest) -> object:  # type: ignore[override]  # ours
        """Answer a request."""
        request.spread_path()
        return KleinResource.render(self, request)


class SameAnswerTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.push_image("library/app", "latest", "1.0", "a_b-c")
        self.push_image("blobs/uploads", "latest")
        self.push_image("manifests", "manifests")
        for artifact_type in ("a/b", "a/c", "application/x"):
            data = signature(self.data, artifact_type)
            self.push_manifest("library/app", digest_of(data), data)
        self.slow = Exchange(store=self.exchange.store, clock=self.exchange.clock)
        root = self.slow.root
        self.slow.site.resource = _Slow(root._app)

    def targets(self) -> list[str]:
        references = (
            *("latest", "1.0", "a_b-c", "none", "Latest", "uploads", "list"),
            *(digest_of(self.data), ABSENT, ABSENT_512, digest_of(LAYER)),
            *(digest_of(self.data).replace(":", "%3A"), "%6Catest"),
            *MALFORMED,
            *BAD_TAGS,
            *("", "x" * 128, "a/b", "latest/", "..", ".", "%2e%2e", "latest?n=1"),
        )
        blobs = (digest_of(CONFIG), digest_of(LAYER), *references)
        names = (
            *("library/app", "library%2Fapp", "nobody", "library", "manifests"),
            *("blobs/uploads", "x" * 240, *BAD_NAMES, "..", "%2e", "_catalog"),
        )
        digest = digest_of(self.data)
        return [
            *("/v2/", "/v2", "/v2/?a=b", "/v2/%5Fcatalog", "/v2/_catalog/"),
            *(f"/v2/_catalog{query}" for query in QUERIES),
            *(f"/v2/library/app/tags/list{query}" for query in QUERIES),
            *(f"/v2/library/app/referrers/{digest}{query}" for query in QUERIES),
            *(f"/v2/library/app/referrers/{each}" for each in references),
            *(f"/v2/{name}/tags/list" for name in names),
            *(f"/v2/{name}/referrers/{digest}" for name in names),
            *("/v2/tags/list", "/v2/tags/list/tags/list", "/v2/library/app/tags"),
            *("/v2/library/app/tags/list/", "/v2/library/app/tags//list"),
            *("/v2/library/app/tags/lists", "/v2/library/app/tags/%6Cist"),
            *(f"/v2/library/app/manifests/{each}" for each in references),
            *(f"/v2/library/app/blobs/{each}" for each in blobs),
            *(f"/v2/{name}/manifests/latest" for name in names),
            *(f"/v2/{name}/blobs/{digest_of(CONFIG)}" for name in names),
            "/v2/manifests/manifests/manifests",
            "/v2/manifests/manifests/latest",
            "/v2/blobs/uploads/manifests/latest",
            "/v2/blobs/blobs/blobs/blobs",
            "/v2/manifests/latest",
            f"/v2/blobs/{ABSENT}",
            "/V2/library/app/manifests/latest",
            "/v2/library/app/manifests//latest",
        ]

    def assertSame(self, method: str, target: str, headers: Headers = ()) -> Answer:
        """Both ways give the same answer."""
        fast = self.exchange.ask(method, target, headers)
        # Cookies let Twisted's own parser read the head, as nothing depends on them.
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        slow = self.slow.ask(method, target, [*pairs, ("Cookie", "a=b")])
        self.assertEqual(
            (fast.status, fast.body), (slow.status, slow.body), f"{method} {target}"
        )
        self.assertEqual(fields(fast), fields(slow), f"{method} {target}")
        return fast

    def test_get_and_head(self) -> None:
        statuses = [
            self.assertSame(method, target).status
            for target in self.targets()
            for method in ("GET", "HEAD")
        ]
        self.assertEqual({*statuses}, {200, 400, 404})

    def test_with_conditions_and_ranges(self) -> None:
        digest, config = digest_of(self.data), digest_of(CONFIG)
        statuses = [
            self.assertSame(method, target, headers).status
            for target in (
                "/v2/library/app/manifests/latest",
                f"/v2/library/app/manifests/{digest}",
                f"/v2/library/app/blobs/{config}",
                f"/v2/library/app/blobs/{ABSENT}",
            )
            for headers in (
                {"If-None-Match": "*"},
                {"If-None-Match": f'W/"{digest}", "{config}"'},
                {"Range": "bytes=1-3"},
                {"Range": "bytes=99999-"},
                {"Range": "bytes=1-3", "If-Range": f'"{ABSENT}"'},
                {"Accept": "text/plain"},
                {"Connection": "close"},
                {"Connection": "keep-alive"},
            )
            for method in ("GET", "HEAD")
        ]
        self.assertEqual({*statuses}, {200, 206, 304, 404, 416})

    def test_other_methods(self) -> None:
        for target in self.targets():
            for method in ("POST", "PATCH"):
                answer = self.assertSame(method, target)
                self.assertIn(answer.status, (400, 404, 405, 202), target)

    def test_what_can_be_asked(self) -> None:
        """It is told wherever the general way would tell it by its refusal."""
        statuses = set()
        for target in self.targets():
            told = self.exchange.ask("OPTIONS", target)
            refused = self.slow.ask("OPTIONS", target)
            statuses.add((told.status, refused.status))
            if refused.status == 405:
                allowed = sorted(
                    [*(refused.header("allow") or "").split(", "), "OPTIONS"]
                )
                self.assertEqual(told.header("allow"), ", ".join(allowed), target)
            else:
                self.assertEqual(told.body, refused.body, target)
        self.assertEqual(statuses, {(204, 405), (400, 400), (404, 404)})

    def test_both_ways_are_taken(self) -> None:
        """Else these tests would compare a thing with itself."""
        short = (
            *("/v2/", "/v2/_catalog", "/v2/library/app/tags/list?n=2"),
            f"/v2/library/app/referrers/{digest_of(self.data)}?artifactType=a/b",
            "/v2/library/app/manifests/latest",
        )
        taken: list[str] = []

        def general(_: object, request: RegistryRequest) -> int:
            raise AssertionError(request.path)

        class Noted(_Slow):
            def render(self, request: RegistryRequest) -> object:  # type: ignore[override]  # ours
                taken.append(request.path.decode())
                return super().render(request)

        self.slow.site.resource = Noted(self.slow.root._app)
        for target in short:
            self.slow.ask("GET", target)
        self.assertEqual(taken, [target.partition("?")[0] for target in short])
        self.patch(KleinResource, "render", general)
        for target in short:
            self.assertEqual(self.exchange.ask("GET", target).status, 200, target)


def fields(answer: Answer) -> list[tuple[str, str]]:
    """Give the headers, but those that differ every time."""
    return sorted(field for field in answer.fields if field[0] not in _CHANGING)
