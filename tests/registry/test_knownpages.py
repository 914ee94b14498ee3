"""Tests of ``txregistry/registry/knownpages.py``."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txregistry.model.names import RepositoryName
from txregistry.registry.knownpages import KnownPages, NamesPage
from txregistry.storage.interfaces import IProof

PAGE = NamesPage((RepositoryName("a"),), more=True)
OTHER = NamesPage((), more=False)


@implementer(IProof)
class Until:
    """Prove something until it is said not to hold."""

    def __init__(self) -> None:
        self.good = True

    def holds(self) -> bool:
        """See `IProof`."""
        return self.good


class KnownPagesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.known = KnownPages(10)
        self.proof = Until()

    def keep(self, after: str, folders: int = 3, page: NamesPage = PAGE) -> None:
        self.known.keep(after, 9, page, self.proof, folders)

    def kept(self) -> str:
        return "".join(each for each in "abcd" if (each, 9) in self.known._known)

    def test_is_found_by_its_place_and_length(self) -> None:
        self.keep("a")
        self.assertIs(self.known.find("a", 9), PAGE)
        self.assertIsNone(self.known.find("a", 8))
        self.assertIsNone(self.known.find("b", 9))

    def test_what_does_not_hold_is_not_found_again(self) -> None:
        self.keep("a")
        self.proof.good = False
        self.assertIsNone(self.known.find("a", 9))
        self.proof.good = True
        self.assertIsNone(self.known.find("a", 9))

    def test_the_last_is_found(self) -> None:
        self.keep("a")
        self.keep("a", page=OTHER)
        self.assertIs(self.known.find("a", 9), OTHER)

    def test_what_was_asked_for_last_stays(self) -> None:
        for after in "abc":
            self.keep(after)
        self.known.find("a", 9)
        self.keep("d")
        self.assertEqual(self.kept(), "acd")

    def test_what_is_too_large_is_not_kept(self) -> None:
        self.keep("a", 11)
        self.assertEqual(self.kept(), "")
        for after in "abc":
            for _ in range(3):
                self.keep(after)
        self.assertEqual(self.kept(), "abc")

    def test_place_that_is_no_name_is_not_kept(self) -> None:
        self.keep("a" * 300)
        self.keep("a" * 301)
        self.assertIsNotNone(self.known.find("a" * 300, 9))
        self.assertIsNone(self.known.find("a" * 301, 9))
