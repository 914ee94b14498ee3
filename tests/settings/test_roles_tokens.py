"""Tests of ``txregistry/settings/roles.py``: which roles give tokens of their own."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.settings.roles import apply_role
from txregistry.settings.sections import Auth, Htpasswd, Rule, Settings, TokenEndpoint


class MixedTests(SynchronousTestCase):
    def test_private_gives_tokens_where_some_things_are_for_everybody(self) -> None:
        htpasswd = Htpasswd("accounts")
        for who, may, given in (
            (("everyone",), ("pull",), True),
            (("anonymous",), ("pull",), True),
            (("authenticated",), ("pull",), False),
            (("everyone",), (), False),
        ):
            auth = Auth(htpasswd=htpasswd, rules=(Rule(who, ("**",), may),))
            found = apply_role(Settings(auth=auth)).auth.given_endpoint
            self.assertEqual(found is not None, given, (who, may))

    def test_but_not_if_it_was_told_not_to(self) -> None:
        auth = Auth(
            htpasswd=Htpasswd("accounts"),
            endpoint=TokenEndpoint(enabled=False),
            rules=(Rule(("everyone",), ("**",), ("pull",)),),
        )
        self.assertIsNone(apply_role(Settings(auth=auth)).auth.given_endpoint)
