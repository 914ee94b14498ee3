"""Tests of ``txregistry/openfiles.py``; low limits are in ``integration``."""

import resource

from twisted.trial.unittest import SynchronousTestCase

from tests.web.exchange import lines, logged
from txregistry.openfiles import allow_open_files, open_files


class OpenFilesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.soft, self.hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(self.limit, self.soft)

    def limit(self, soft: int) -> None:
        """Set the limit that a process may raise."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self.hard))

    def test_limit_is_what_it_is(self) -> None:
        self.limit(256)
        self.assertEqual(open_files(), 256)

    def test_limit_is_raised(self) -> None:
        self.limit(256)
        with logged() as events:
            allow_open_files()
        found = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertEqual(found[1], self.hard)
        self.assertEqual(found[0], open_files())
        self.assertTrue(found[0] in {self.hard, 1 << 20})
        few = found[0] < 4096
        self.assertEqual(len(events), int(few), lines(events))

    def test_it_is_never_lowered(self) -> None:
        allow_open_files()
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        allow_open_files()
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), before)
