"""Tests of ``txregistry/registry/checking/knowndigests.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.registry.checking.knowndigests import KnownDigests

DIGESTS = st.builds(
    Digest.of, st.binary(max_size=1), st.sampled_from(("sha256", "sha512"))
)


class KnownDigestsTests(SynchronousTestCase):
    @given(st.sets(DIGESTS), st.sets(DIGESTS), st.sets(DIGESTS))
    def test_is_a_set_with_marks(
        self, added: set[Digest], asked: set[Digest], marked: set[Digest]
    ) -> None:
        known = KnownDigests()
        for digest in added:
            known.add(digest)
        for digest in marked:
            known.mark(digest)
        self.assertEqual(len(known), len(added))
        for digest in added | asked | marked:
            self.assertEqual(known.holds(digest), digest in added)
            self.assertEqual(known.is_marked(digest), digest in added & marked)
