"""Tests of ``txregistry/web/routing.py``."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.registry.mirror.rules import MirrorRules
from txregistry.registry.repositories import Registry
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once
from txregistry.web.access import open_access
from txregistry.web.addressing import Addressing
from txregistry.web.guards import Guards
from txregistry.web.routing import new_app
from txregistry.web.v2.tags import add_tag_routes


class RoutesTests(SynchronousTestCase):
    def setUp(self) -> None:
        clock = Clock()
        registry = Registry(MemoryObjectStore(clock), clock, at_once)
        app = new_app(Addressing(MirrorRules()))
        add_tag_routes(app, Guards(open_access(registry)), registry)
        self.routes = app.url_map.bind("registry.example")

    def test_paths_are_matched(self) -> None:
        _, arguments = self.routes.match("/v2/team/app/tags/list")
        self.assertEqual(str(arguments["name"]), "team/app")

    def test_nothing_is_compiled_that_would_build_them(self) -> None:
        (endpoint, *_) = {each.endpoint for each in self.routes.map.iter_rules()}
        (rule, *_) = self.routes.map.iter_rules(endpoint)
        with self.assertRaises(NotImplementedError):
            self.routes.build(endpoint, dict.fromkeys(rule.arguments, "x"))
