"""Every role, every kind of caller, every route."""

from collections.abc import Callable, Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from tests.web.answers import Answer
from tests.web.exchange import Exchange
from tests.web.matrix import registries
from tests.web.matrix.registries import HTPASSWD, IMAGES
from tests.web.matrix.roles import REPOSITORIES, TABLE, Rights
from tests.web.matrix.routes import (
    CATALOG,
    IMAGE_PULL,
    IMAGE_PUSH,
    LOG_IN,
    NOBODY,
    OPEN,
    ROUTES,
    SEARCH,
    STATUS,
    TOKEN,
    Route,
)
from txregistry.settings.sections import Auth, Htpasswd, Settings

_REFUSED = frozenset({401, 403})
_ABSENT = frozenset({401, 403, 404, 405})
_SHOWN = ("role", "caller", "route", "repository", "status")


class RouteTests(SynchronousTestCase):
    def test_the_table_has_every_route(self) -> None:
        path = make_file(self, "htpasswd", HTPASSWD)
        settings = Settings(role="vendor", auth=Auth(htpasswd=Htpasswd(path)))
        app: Any = Exchange(version1=settings).root._app
        found = {
            (rule.endpoint, method)
            for rule in app.url_map.iter_rules()
            for method in rule.methods - {"HEAD"}
        }
        listed = {(each.endpoint, each.method) for each in ROUTES}
        self.assertEqual(found - listed, set())
        self.assertEqual({each for each in listed - found if each[1] != "HEAD"}, set())

    def test_every_route_has_a_guard(self) -> None:
        app: Any = Exchange(version1=Settings()).root._app
        endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
        self.assertEqual(endpoints, set(app.guards))

    def test_a_route_without_a_guard_cannot_be_added(self) -> None:
        app: Any = Exchange(version1=Settings()).root._app
        with self.assertRaises(TypeError):
            app.route("/new", methods=["GET"])


class MatrixTests(registries.MatrixCase):
    def test_private_for_everybody(self) -> None:
        self.check("private, for everybody")

    def test_private(self) -> None:
        self.check("private")

    def test_vendor(self) -> None:
        self.check("vendor")

    def test_mirror(self) -> None:
        self.check("mirror")

    def test_sponsor(self) -> None:
        self.check("sponsor")

    def check(self, role: str) -> None:
        """Ask everything as everybody; say all at once that is not as it must be."""
        wrong = []
        for caller, rights in TABLE[role].items():
            for repository in REPOSITORIES:
                self.open(role)
                headers = self.headers_of(caller)
                app: Any = self.exchange.root._app
                for route in ROUTES:
                    path = route.path.format(
                        R=repository,
                        I=IMAGES[repository].image_id,
                        D=self.digests[repository],
                    )
                    answer = self.ask_as(
                        caller, headers, route.method, path, route.body
                    )
                    if route.endpoint not in app.guards:
                        fits = answer.status in _ABSENT
                    else:
                        fits = _fits(route, rights, repository, answer)
                    if not fits:
                        wrong.append((role, caller, route, repository, answer.status))
        self.assertEqual([dict(zip(_SHOWN, each, strict=True)) for each in wrong], [])

    def test_lists_show_what_one_may_see(self) -> None:
        for role, callers in TABLE.items():
            for caller, rights in callers.items():
                if not rights.catalog:
                    continue
                self.open(role)
                headers = self.headers_of(caller)
                visible = {name for name in REPOSITORIES if rights.may.get(name)}
                if caller == "the service's token for all":
                    visible = set(REPOSITORIES)  # as whoever issued it has said
                answer = self.ask_as(caller, headers, "GET", "/v2/_catalog", None)
                self.assertEqual(
                    set(answer.json["repositories"]), visible, (role, caller)
                )
                if 1 in rights.versions:
                    target = "/v1/search?q=app"
                    answer = self.ask_as(caller, headers, "GET", target, None)
                    shown = {each["name"] for each in answer.json["results"]}
                    self.assertEqual(shown, visible, (role, caller))


def _fits(route: Route, rights: Rights, repository: str, answer: Answer) -> bool:
    """Say whether an answer is what somebody may have."""
    status = answer.status
    version = 1 if route.path.startswith(("/v1/", "/_")) or route.path == "/" else 2
    may = rights.may.get(repository, frozenset())
    if version not in rights.versions:
        may = frozenset()
    if route.needs == LOG_IN and rights.token and version == 1:
        return status in {200, *_REFUSED}  # a token of one version in the other
    if route.needs in _UNLIKE:
        return _UNLIKE[route.needs](status, "pull" in may)
    allowed = {
        LOG_IN: rights.known or rights.token,
        CATALOG: rights.catalog and version in rights.versions,
        STATUS: rights.status,
        IMAGE_PUSH: rights.versions == (1,),  # its token says for which repository
    }.get(route.needs, route.needs in may)
    if allowed:
        return status not in _REFUSED
    return status in _no(route, rights)


def _no(route: Route, rights: Rights) -> frozenset[int]:
    """Say which refusal is due: who is known would not be helped by logging in."""
    if rights.token or route.needs == LOG_IN:
        return _REFUSED
    return frozenset({403 if rights.known and route.needs != IMAGE_PUSH else 401})


_UNLIKE: Mapping[str, Callable[[int, bool], bool]] = {
    OPEN: lambda status, _: status not in _REFUSED,
    TOKEN: lambda status, _: status in {200, 401},
    SEARCH: lambda status, _: status in {200, 401},
    NOBODY: lambda status, _: status in {401, 403, 404},
    IMAGE_PULL: lambda status, may: (
        (status == 200) if may else status in {401, 403, 404}
    ),
}
"""What is not simply allowed or refused."""
