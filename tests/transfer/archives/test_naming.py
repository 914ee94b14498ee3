"""Tests of ``txregistry/transfer/archives/naming.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.names import RepositoryName, Tag
from txregistry.transfer.archives.naming import Naming


class NamingTests(SynchronousTestCase):
    def test_names(self) -> None:
        tag = Tag("1")
        for host, text, familiar, full in (
            (None, "solo", "solo:1", "docker.io/library/solo:1"),
            (None, "team/app", "team/app:1", "docker.io/team/app:1"),
            (None, "ghcr.io/a/b", "ghcr.io/a/b:1", "ghcr.io/a/b:1"),
            (None, "localhost/a", "localhost/a:1", "localhost/a:1"),
            ("r.example", "a/b", "r.example/a/b:1", "r.example/a/b:1"),
        ):
            name, naming = RepositoryName(text), Naming(host)
            self.assertEqual(naming.familiar(name, tag), familiar)
            self.assertEqual(naming.full(name, tag), full)
