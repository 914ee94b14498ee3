"""Tests of ``/v1/_ping``, ``/v1/_status``, ``/``, and of which version is seen."""

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.exchange import Exchange
from tests.web.v1 import case, people
from tests.web.v1.case import R
from tests.web.v1.people import BOB, EVE, NOBODY, RULES, UNAUTHORIZED
from txregistry.settings.sections import Rule, Settings, Version1
from txregistry.storage.interfaces import Health, StorageUnavailable
from txregistry.storage.memory import MemoryObjectStore

PINGS = ("/v1/_ping", "/_ping")
STATUSES = ("/v1/_status", "/_status")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PROBES = (
    "/v2/",
    "/v2",
    "/v2/acme/web/manifests/latest",
    "/v2/acme/web/tags/list",
    "/v2/acme/web/blobs/uploads/",
    "/v2/_catalog",
    "/v2/nothing",
)
ONLY_SCHEMA_1 = ("1.5.0", "1.6.2", "1.7.1", "1.8.3", "1.9.1", "1.9.0-dev")
OTHERS = (
    *("docker/1.10.0 go/go1.5.3", "docker/1.12.6 go/go1.6.4", "docker/17.05.0-ce"),
    *("docker/20.10.7 go/go1.13.15", "docker/1.50.0", "curl/7.88.1", "skopeo/1.9.3"),
    *("containerd/1.6.2", "xdocker/1.5.0", "UpstreamClient(docker/1.5.0)", ""),
)


class PingTests(people.PeopleCase):
    def test_answers_an_empty_object(self) -> None:
        for path in PINGS:
            answer = self.get(path)
            self.assertEqual((answer.status, answer.body), (200, b"{}"), path)

    def test_says_version_and_kind(self) -> None:
        """Engines up to 0.10 take no host without the first."""
        for path in PINGS:
            answer = self.get(path)
            self.assertEqual(answer.header("x-docker-registry-version"), "0.9.1")
            self.assertEqual(answer.header("x-docker-registry-standalone"), "False")

    def test_tells_nothing_else(self) -> None:
        """Without a token to everybody, a flavour or versions would help to attack."""
        answer = self.get(PINGS[0], {"X-Debug": "1"})
        self.assertIsNone(answer.header("x-docker-registry-config"))
        self.assertIsNone(answer.header("www-authenticate"))
        self.assertIsNone(answer.header("docker-distribution-api-version"))

    def test_is_not_to_be_kept(self) -> None:
        answer = self.get(PINGS[0])
        for name, value in (
            ("cache-control", "no-cache"),
            ("pragma", "no-cache"),
            ("expires", "-1"),
            ("content-type", "application/json"),
        ):
            self.assertEqual(answer.header(name), value)

    def test_never_asks_who_it_is(self) -> None:
        for header in ("Basic Ym9iOmJhZA==", "Token signature=x", "Bearer x", "%"):
            for path in PINGS:
                answer = self.get(path, {"Authorization": header})
                self.assertEqual(answer.status, 200, header)

    def test_head_has_no_body(self) -> None:
        answer = self.ask("HEAD", PINGS[0])
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.header("content-length"), "2")

    def test_takes_no_other_method(self) -> None:
        answer = self.ask("PUT", PINGS[0], body=b"{}")
        self.assertEqual((answer.status, list(answer.json)), (405, ["error"]))


class StandalonePingTests(case.V1Case):
    settings = Settings(v1=Version1(standalone=True))

    def test_says_so(self) -> None:
        for path in PINGS:
            answer = self.get(path)
            self.assertEqual(answer.header("x-docker-registry-standalone"), "True")


class StatusTests(people.PeopleCase):
    more = {  # noqa: RUF012 - read only
        "rules": (
            *(rule for rule in RULES if "bob" not in rule.who),
            Rule(who=("bob",), repositories=("**",), may=("admin",)),
        )
    }

    def test_tells_an_administrator(self) -> None:
        for path in STATUSES:
            answer = self.get(path, BOB)
            self.assertEqual(answer.status, 200, path)
            self.assertEqual(sorted(answer.json), ["failures", "host", "services"])
            self.assertEqual(answer.json["failures"], {})

    def test_tells_nobody_else(self) -> None:
        for path in STATUSES:
            answer = self.get(path, EVE)
            self.assertEqual(answer.status, 403, path)
            self.assertNotIn("host", answer.json)

    def test_asks_for_a_password(self) -> None:
        for headers in ({}, NOBODY):
            answer = self.get(STATUSES[0], headers)
            self.assertSays(answer, 401, UNAUTHORIZED)
            self.assertEqual(
                answer.header("www-authenticate"), 'Basic realm="auth required"'
            )

    def test_token_is_for_a_repository(self) -> None:
        token = self.token(headers=BOB)
        self.assertSays(self.get(STATUSES[0], token), 401, UNAUTHORIZED)


class EverybodysStatusTests(people.PeopleCase):
    more = {"rules": None}  # noqa: RUF012 - read only

    def test_tells_who_has_an_account_where_nothing_is_said(self) -> None:
        self.assertEqual(self.get(STATUSES[0], EVE).status, 200)
        for headers in ({}, NOBODY):
            self.assertSays(self.get(STATUSES[0], headers), 401, UNAUTHORIZED)


class NobodysStatusTests(people.PeopleCase):
    def test_tells_nobody_where_no_administrator_is_named(self) -> None:
        """Who may do everything to some repositories administers no registry."""
        for who in (BOB, EVE):
            self.assertEqual(self.get(STATUSES[0], who).status, 403)
        self.assertSays(self.get(STATUSES[0]), 401, UNAUTHORIZED)


class _Broken(MemoryObjectStore):
    """A store that cannot be used."""

    async def check(self) -> Health:
        """See `IObjectStore`."""
        raise StorageUnavailable("the disk at /srv/secret is gone")


class OpenStatusTests(case.V1Case):
    def test_tells_everybody_where_there_are_no_accounts(self) -> None:
        self.assertEqual(self.get(STATUSES[0]).status, 200)

    def test_tells_that_the_store_fails_and_no_more(self) -> None:
        self.exchange = Exchange(
            store=_Broken(self.exchange.clock), version1=self.settings
        )
        answer = self.get(STATUSES[0])
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json["failures"], {"storage": "unavailable"})
        self.assertNotIn(b"/srv", answer.body)

    def test_root_names_the_server(self) -> None:
        answer = self.get("/")
        self.assertEqual((answer.status, answer.json), (200, "txregistry"))
        self.assertEqual(answer.header("x-docker-registry-version"), "0.9.1")


class HiddenTests(case.V1Case):
    """Version 2 is there, and some engines had better not see it."""

    def setUp(self) -> None:
        super().setUp()
        self.push_v1()

    def test_engines_of_schema_1_find_no_version_2(self) -> None:
        for version in ONLY_SCHEMA_1:
            agent = {"User-Agent": f"docker/{version} go/go1.4.1 os/linux arch/amd64"}
            for path in PROBES:
                for method in METHODS:
                    answer = self.ask(
                        method, path, agent, b"" if "P" in method else None
                    )
                    what = f"{version} {method} {path}"
                    self.assertEqual(answer.status, 404, what)
                    self.assertSeesNoVersion2(answer, what)

    def test_all_others_find_it(self) -> None:
        for agent in OTHERS:
            answer = self.get("/v2/", {"User-Agent": agent} if agent else {})
            self.assertEqual(answer.status, 200, agent)
            self.assertEqual(
                answer.header("docker-distribution-api-version"), "registry/2.0", agent
            )

    def test_same_content_is_there_for_both(self) -> None:
        agent = {"User-Agent": OTHERS[0]}
        answer = self.get("/v2/acme/web/manifests/latest", agent)
        self.assertEqual(answer.status, 200)

    def test_nothing_of_version_1_tells_of_version_2(self) -> None:
        for path in (*PINGS, "/", "/v1/nothing", f"{R}/tags", f"{R}/images"):
            for method in ("GET", "OPTIONS"):
                answer = self.ask(method, path, {"User-Agent": OTHERS[0]})
                found = answer.header("docker-distribution-api-version")
                self.assertIsNone(found, f"{method} {path}")

    def test_what_can_be_asked_is_told(self) -> None:
        answer = self.ask("OPTIONS", f"{R}/images")
        self.assertEqual((answer.status, answer.body), (204, b""))
        allowed = "DELETE, GET, HEAD, OPTIONS, PUT"
        self.assertEqual(answer.header("allow"), allowed)
        self.assertEqual(answer.header("x-docker-registry-version"), "0.9.1")

    def test_no_fallback_if_that_is_said(self) -> None:
        self.exchange = Exchange(version1=self.settings, root={"fallback": False})
        for version in ONLY_SCHEMA_1:
            answer = self.get("/v2/", {"User-Agent": f"docker/{version}"})
            self.assertEqual(answer.status, 200)
            self.assertIsNotNone(answer.header("docker-distribution-api-version"))

    def assertSeesNoVersion2(self, answer: Answer, what: str) -> None:
        """An engine goes on with version 1 after this answer."""
        self.assertIsNone(answer.header("docker-distribution-api-version"), what)
        self.assertIsNone(answer.header("www-authenticate"), what)


class Version1OnlyTests(case.V1Case):
    def setUp(self) -> None:
        super().setUp()
        self.exchange = Exchange(
            version1=self.settings, clock=self.exchange.clock, root={"version2": False}
        )

    def test_version_2_is_nowhere_for_anybody(self) -> None:
        for agent in ("docker/1.12.6 go/go1.6.4", "docker/1.5.0", "curl/8"):
            for path in PROBES:
                for method in METHODS:
                    body = b"" if "P" in method else None
                    answer = self.ask(method, path, {"User-Agent": agent}, body)
                    what = f"{agent} {method} {path}"
                    self.assertEqual(answer.status, 404, what)
                    self.assertIsNone(
                        answer.header("docker-distribution-api-version"), what
                    )
                    self.assertIsNone(answer.header("www-authenticate"), what)

    def test_no_other_path_tells_of_it(self) -> None:
        for path in ("/nothing", "/%76%32/", "/V2/", "/v3/", "/v1", "/%761/_ping"):
            answer = self.get(path)
            self.assertIsNone(answer.header("docker-distribution-api-version"), path)

    def test_version_1_works(self) -> None:
        self.push_v1()
        self.assertEqual(self.get(f"{R}/tags", self.token(access="read")).status, 200)


class Version2OnlyTests(exchange.WebCase):
    def test_version_1_is_nowhere(self) -> None:
        for path in (*PINGS, *STATUSES, f"{R}/images", "/v1/users/", "/v1/search?q=a"):
            answer = self.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertIsNone(answer.header("x-docker-registry-version"), path)

    def test_version_2_is_not_hidden(self) -> None:
        """There is nothing to fall back to."""
        answer = self.get("/v2/", {"User-Agent": "docker/1.5.0"})
        self.assertEqual(answer.status, 200)
