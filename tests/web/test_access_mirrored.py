"""Tests of ``txregistry/web/access.py``: repositories that are not here yet."""

from urllib.parse import quote

from tests.registry.mirror.played import PlayedUpstream
from tests.temporary import make_file
from tests.web import exchange
from tests.web.content import image
from tests.web.exchange import Exchange, Headers
from tests.web.v1.people import HTPASSWD
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.privacy import Properties
from txregistry.settings.sections import Auth, Htpasswd, Settings

MIRRORED = "other/team/app"
OWN = "private/app"


class MirroredAccessTests(exchange.WebCase):
    """A mirror with accounts, of whose images everybody may have all."""

    def setUp(self) -> None:
        self.upstream = PlayedUpstream()
        self.upstream.add("team/app", image(), "1")
        rules = MirrorRules([MirrorRule(self.upstream, "other/")], ["private"])
        path = make_file(self, "htpasswd", HTPASSWD)
        settings = Settings(role="mirror", auth=Auth(htpasswd=Htpasswd(path)))
        self.exchange = Exchange(version2=settings, mirrored=rules)

    def pull(self, name: str) -> int:
        """Pull a manifest as nobody in particular, and give the status."""
        scope = quote(f"repository:{name}:pull")
        token = self.get(f"/auth/token?scope={scope}").json["token"]
        headers: Headers = {"Authorization": f"Bearer {token}"}
        return self.get(f"/v2/{name}/manifests/1", headers).status

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
