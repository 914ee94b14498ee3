"""Tests of ``txregistry/web/access.py``: version 2 refuses what the rules refuse."""

from collections.abc import Sequence
from typing import Final

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from tests.temporary import make_file
from tests.web import exchange
from tests.web.content import ABSENT
from tests.web.exchange import Exchange
from tests.web.v1.case import basic
from tests.web.v1.people import HTPASSWD
from txregistry.auth.accounts import MemoryAccounts
from txregistry.auth.basicidentifier import BasicIdentifier
from txregistry.auth.identifiers import Identifiers
from txregistry.auth.policy import Rule, RulePolicy
from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName
from txregistry.settings.sections import Auth, Htpasswd, Settings
from txregistry.web.access import Access, Rules

GROUPS: Final = {"eve": frozenset({"team"})}
PEOPLE: Final = {"": Identity(""), "bob": Identity("bob")} | {
    "eve": Identity("eve", GROUPS["eve"])
}
THERE: Final = ("acme/web", "library/solo", "web")
ABSENTEES: Final = ("acme/none", "none")
REQUESTS: Final = (
    (Action.LIST, "GET", "/v2/{}/tags/list"),
    (Action.PULL, "GET", "/v2/{}/manifests/latest"),
    (Action.PULL, "HEAD", f"/v2/{{}}/blobs/{ABSENT}"),
    (Action.PULL, "GET", f"/v2/{{}}/referrers/{ABSENT}"),
    (Action.PUSH, "POST", "/v2/{}/blobs/uploads/"),
    (Action.PUSH, "PUT", "/v2/{}/manifests/latest"),
    (Action.DELETE, "DELETE", "/v2/{}/manifests/none"),
    (Action.DELETE, "DELETE", f"/v2/{{}}/blobs/{ABSENT}"),
)

WHO: Final = ("bob", "eve", "carol", "@team", "everyone", "anonymous", "authenticated")
PATTERNS: Final = (
    "**",
    "*",
    "acme/**",
    "acme/*",
    "**/web",
    "acme/web",
    "library/*",
    "solo",
    "none",
)
RULES: Final = st.lists(
    st.builds(
        Rule,
        st.frozensets(st.sampled_from(WHO), min_size=1, max_size=2),
        st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2).map(tuple),
        st.frozensets(st.sampled_from(list(Action)), max_size=2),
    ),
    max_size=4,
)


class RulesTests(exchange.WebCase):
    def setUp(self) -> None:
        clock = Clock()
        path = make_file(self, "htpasswd", HTPASSWD)
        inside = self.exchange = Exchange(clock=clock)
        for name in THERE:
            self.push_image(name, "latest")
        auth = Auth(htpasswd=Htpasswd(path), rules=())
        self.exchange = Exchange(
            version2=Settings(auth=auth), store=inside.store, clock=clock
        )
        accounts = MemoryAccounts({"bob": "secret", "eve": "guessed"}, GROUPS)
        assert self.exchange.admission is not None
        self.access: Access = self.exchange.admission.access
        self.access.identifier = Identifiers([BasicIdentifier(accounts)], ["basic"])

    def obey(self, rules: Sequence[Rule]) -> RulePolicy:
        """Put rules in force."""
        try:
            policy = RulePolicy(rules)
        except ValueError:
            assume(False)
            raise
        self.access.rules = Rules(policy)
        return policy

    def status(self, name: str, who: str, method: str, target: str) -> int:
        """Ask something, and give the answer's status."""
        passwords = {"bob": "secret", "eve": "guessed"}
        headers = basic(who, passwords[who]) if who else {}
        body = b"x" if method in {"PUT", "POST"} else None
        return self.ask(method, target.format(name), headers, body).status

    @settings(max_examples=60)
    @given(
        rules=RULES,
        name=st.sampled_from(THERE),
        who=st.sampled_from(sorted(PEOPLE)),
        asked=st.sampled_from(REQUESTS),
    )
    def test_of_what_is_there(
        self,
        rules: Sequence[Rule],
        name: str,
        who: str,
        asked: tuple[Action, str, str],
    ) -> None:
        policy = self.obey(rules)
        action, method, target = asked
        may = policy.allows(PEOPLE[who], RepositoryName(name), action)
        status = self.status(name, who, method, target)
        self.assertEqual(status not in {401, 403}, may)
        if not may:
            self.assertEqual(status, 403 if who else 401)

    @settings(max_examples=60)
    @given(
        rules=RULES,
        name=st.sampled_from(ABSENTEES),
        who=st.sampled_from(sorted(PEOPLE)),
        asked=st.sampled_from(REQUESTS),
    )
    def test_of_what_is_not_there(
        self,
        rules: Sequence[Rule],
        name: str,
        who: str,
        asked: tuple[Action, str, str],
    ) -> None:
        """Who is not known, and may not push, is not told that."""
        policy = self.obey(rules)
        action, method, target = asked
        identity, repository = PEOPLE[who], RepositoryName(name)
        may = policy.allows(identity, repository, action)
        if not who:
            may = may and policy.allows(identity, repository, Action.PUSH)
        status = self.status(name, who, method, target)
        self.assertEqual(status not in {401, 403}, may)

    @settings(max_examples=30)
    @given(rules=RULES, who=st.sampled_from(sorted(PEOPLE)))
    def test_of_the_catalog(self, rules: Sequence[Rule], who: str) -> None:
        policy = self.obey(rules)
        headers = basic(who, {"bob": "secret", "eve": "guessed"}[who]) if who else {}
        found = self.get("/v2/_catalog", headers).json["repositories"]
        seen = [
            name
            for name in sorted(THERE)
            if policy.allows(PEOPLE[who], RepositoryName(name), Action.LIST)
        ]
        self.assertEqual(found, seen)
