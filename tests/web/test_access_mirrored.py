"""Tests of ``txregistry/web/access.py``: repositories that are not here yet."""

from urllib.parse import quote

from tests.registry.mirror.played import PlayedUpstream
from tests.temporary import make_file
from tests.web import exchange
from tests.web.content import image
from tests.web.exchange import Exchange, Headers, request_bytes
from tests.web.v1.people import BOB, HTPASSWD
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.privacy import Properties
from txregistry.settings.sections import Auth, Htpasswd, Settings

MIRRORED = "other/team/app"
OWN = "private/app"


class MirroredAccessCase(exchange.WebCase):
    """A mirror with accounts, of whose images everybody may have all."""

    hosts: frozenset[str] = frozenset()
    """By which names of ours the other registry is meant."""

    def setUp(self) -> None:
        self.upstream = PlayedUpstream()
        self.upstream.add("team/app", image(), "1")
        path = make_file(self, "htpasswd", HTPASSWD)
        settings = Settings(role="mirror", auth=Auth(htpasswd=Htpasswd(path)))
        rule = MirrorRule(self.upstream, "other/", hosts=self.hosts)
        rules = MirrorRules([rule], ["private"])
        self.exchange = Exchange(version2=settings, mirrored=rules)

    def token(self, scope: str, headers: Headers = ()) -> Headers:
        """Be given a token, and spell it as a header."""
        answer = self.get(f"/auth/token?scope={quote(scope)}", headers)
        return {"Authorization": f"Bearer {answer.json['token']}"}

    def pull(self, name: str) -> int:
        """Pull a manifest as nobody in particular, and give the status."""
        token = self.token(f"repository:{name}:pull")
        return self.get(f"/v2/{name}/manifests/1", token).status


class AbsenceTests(MirroredAccessCase):
    def test_nobody_in_particular_pulls_what_is_not_here_yet(self) -> None:
        self.assertEqual(self.pull(MIRRORED), 200)

    def test_what_is_nowhere_is_unknown_and_not_refused(self) -> None:
        self.assertEqual(self.pull("other/no/such"), 404)

    def test_what_is_private_is_as_what_is_not_there(self) -> None:
        self.assertEqual(self.pull(OWN), 401)

    def test_what_its_owner_keeps_to_himself_stays_so(self) -> None:
        name = RepositoryName(MIRRORED)
        privacy = self.exchange.registry.privacy
        self.exchange.wait(privacy.set(name, Properties("private")))
        self.assertEqual(self.pull(MIRRORED), 401)
        self.assertEqual(self.upstream.take(), [])


class HostTests(MirroredAccessCase):
    """Who comes by the other registry's name for us asks for tokens as there."""

    hosts = frozenset({"registry.example"})

    def test_token_is_good_for_what_is_called_so_there(self) -> None:
        self.assertEqual(self.pull("team/app"), 200)

    def test_host_may_have_a_port_and_capitals(self) -> None:
        target = "/auth/token?scope=repository:team/app:pull"
        data = request_bytes("GET", target, host="Registry.Example:5000")
        token = self.exchange.ask_raw(data).json["token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.get("/v2/team/app/manifests/1", headers)
        self.assertEqual(answer.status, 200)

    def test_token_is_good_for_nothing_else(self) -> None:
        token = self.token("repository:team/other:pull")
        self.assertEqual(self.get("/v2/team/app/manifests/1", token).status, 401)

    def test_pushes_are_by_the_names_that_are_here(self) -> None:
        token = self.token(f"repository:{OWN}:pull,push", BOB)
        answer = self.ask("POST", f"/v2/{OWN}/blobs/uploads/", token)
        self.assertEqual(answer.status, 202)
        answer = self.ask("POST", "/v2/team/app/blobs/uploads/", token)
        self.assertEqual(answer.status, 403)
