"""Tests of ``txregistry/assembly/quotas.py``, and where quotas are put to work."""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.assembly.background import Background
from txregistry.assembly.registries import make_registry
from txregistry.model.names import RepositoryName
from txregistry.registry.quotas.rules import Quota
from txregistry.registry.quotas.schedule import TallySchedule
from txregistry.registry.quotas.telling import TellingQuotas
from txregistry.settings.reading import load_settings
from txregistry.settings.sections import Settings
from txregistry.tasks import at_once

QUOTAS = "quotas: [{repositories: ['**'], bytes: 1MiB}]"
KINDS = (TallySchedule, TellingQuotas)


class QuotasTests(SynchronousTestCase):
    def load(self, text: str) -> Settings:
        """Read settings."""
        path = make_file(self, "config.yml", f"storage: inmemory\n{text}".encode())
        return load_settings(path, {})[0]

    def watching(self, text: str, **more: Any) -> list[type]:
        """Say what goes on in the background that is about quotas."""
        settings, clock = self.load(text), Clock()
        registry = make_registry(settings, clock, at_once)
        background = Background(settings, registry, clock, at_once, **more)
        return [type(each) for each in background.watching if isinstance(each, KINDS)]

    def test_quotas_of_the_settings(self) -> None:
        registry = make_registry(self.load(QUOTAS), Clock(), at_once)
        (quota,) = registry.quotas.rules.quotas
        self.assertEqual(quota, Quota(("**",), 1024 * 1024, None))
        self.assertIs(type(quota.size), int)

    def test_what_is_mirrored_has_none(self) -> None:
        text = f"{QUOTAS}\nmirror: {{upstreams: [{{name: docker.io}}]}}"
        registry = make_registry(self.load(text), Clock(), at_once)
        about = registry.quotas.rules.about
        self.assertEqual(about(RepositoryName("docker.io/library/alpine")), ())
        self.assertEqual(about(RepositoryName("team/app")), (0,))

    def test_one_process_counts_and_all_tell(self) -> None:
        self.assertEqual(set(self.watching(QUOTAS)), {*KINDS})
        self.assertEqual(self.watching(QUOTAS, shared=True), [TellingQuotas])
        readonly = "storage: {inmemory: {}, maintenance: {readonly: {enabled: true}}}"
        self.assertEqual(self.watching(""), [])
        self.assertEqual(self.watching(f"{QUOTAS}\n{readonly}"), [])
