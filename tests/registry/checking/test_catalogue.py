"""Every tree of the catalogue: what is wrong is found, mended, and served again."""

from tests.registry.case import V1
from tests.registry.checking import case
from tests.registry.checking.catalogue import DEFECTS, Defect
from txregistry.model.digest import Digest


class CatalogueTests(case.CheckTestCase):
    def try_all(self) -> None:
        """Break, check, mend and check again, for each defect."""
        for name, defect in DEFECTS.items():
            self.setUp()
            self.try_one(name, defect)

    def try_one(self, name: str, defect: Defect) -> None:
        defect.break_it(self)
        self.assertEqual(self.found(), sorted(defect.found), name)
        told = self.check(mend=True)
        mended = sorted((each.sort, each.key) for each in told)
        self.assertEqual(mended, sorted(defect.found), name)
        for each in told:
            wanted = "told" if (each.sort, each.key) in defect.left else "mended"
            self.assertEqual(each.state, wanted, (name, each))
        self.assertEqual(self.found(), sorted(defect.left), name)
        for tag, data in defect.tags:
            self.assertEqual(self.pulls(tag), data, (name, tag))

    def test_what_is_broken_is_found_and_mended(self) -> None:
        self.try_all()


class ServedTests(case.CheckTestCase):
    def test_mended_index_of_referrers_is_served(self) -> None:
        for name in (
            "referrer that is not in the index",
            "malformed link of the index",
            "index that says what is not so",
        ):
            self.setUp()
            DEFECTS[name].break_it(self)
            self.check(mend=True)
            self.assertEqual(self.referrers(), [Digest.of(case.SIGNATURE)], name)

    def test_rotten_layer_is_healed_by_a_push(self) -> None:
        DEFECTS["layer that rotted"].break_it(self)
        self.check(mend=True)
        self.push_blob(b"another layer")
        self.assertEqual(self.pulls(V1), case.NEW)
        sorts = [sort for sort, _ in self.found()]
        self.assertEqual(sorts, ["quarantined"])
