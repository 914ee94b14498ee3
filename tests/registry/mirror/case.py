"""A registry that mirrors another one, both in memory."""

from typing import Any

from tests.registry import case
from tests.registry.mirror.played import PlayedUpstream
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.repositories import Registry

NAME = RepositoryName("other/team/app")
REMOTE = "team/app"


class MirrorCase(case.RegistryTestCase):
    """``other/`` is another registry's; import the module and inherit."""

    def setUp(self) -> None:
        self.upstream = PlayedUpstream()
        super().setUp()

    def make_registry(self, **switches: Any) -> Registry:
        """Make the mirror over the store: a second one is a restart of the first."""
        rule = MirrorRule(self.upstream, "other/", recheck=60, absent=10, patience=3)
        return super().make_registry(mirrored=MirrorRules([rule]), **switches)
