"""Tests of ``txregistry/transfer/storecopy.py``: what is damaged."""

from tests.registry.content import LAYER, image
from tests.transfer import copying
from tests.transfer.copying import (
    IMAGE,
    V1,
    A,
    B,
    contents,
    link,
    pushed,
)
from tests.web.stores import ShortStore
from txregistry.model.digest import Digest
from txregistry.storage import keys
from txregistry.transfer.copyreport import CopyReport

DIGEST = Digest.of(IMAGE)


class DamagedTests(copying.StoreCopyCase):
    def setUp(self) -> None:
        super().setUp()
        self.put_all(pushed(A, IMAGE, V1))

    def left_out(self, key: str, data: bytes) -> CopyReport:
        """Put something in the place of what is sound, and copy."""
        self.put(key, data)
        report = self.copy()
        self.expect_all()
        return report

    def test_a_damaged_layer(self) -> None:
        key = keys.blob(Digest.of(LAYER))
        report = self.left_out(key, b"a lAyer")
        self.assertEqual(
            self.troubles(report),
            [("damaged", key), ("dangling", keys.layer_link(A, Digest.of(LAYER)))],
        )
        self.assertFalse(report.is_complete)
        self.assertIn(str(Digest.of(b"a lAyer")), report.left_out[0].reason)
        self.assertIn(keys.tag_link(A, V1), contents(self.target))

    def test_damaged_content_is_read_once(self) -> None:
        key = keys.blob(Digest.of(LAYER))
        self.put_all(pushed(B, IMAGE, V1))
        report = self.left_out(key, b"x")
        self.assertEqual(report.troubles["damaged"], 1)
        self.assertEqual(report.troubles["dangling"], 2)

    def test_a_damaged_manifest_takes_its_tag_along(self) -> None:
        report = self.left_out(keys.blob(DIGEST), b"{}")
        self.assertFalse(report.is_complete)
        self.assertNotIn(keys.tag_link(A, V1), contents(self.target))

    def test_what_became_shorter_while_it_was_read(self) -> None:
        key = keys.blob(Digest.of(LAYER))
        source = ShortStore(self.clock, {key: LAYER})
        report = self.result(self.make_copy(source).run())
        self.assertEqual(self.troubles(report), [("damaged", key)])
        self.assertIn("6 bytes could be read of 7", report.left_out[0].reason)

    def test_malformed_links(self) -> None:
        for data in (b"", link(LAYER) + b"\n", b"x" * 300, b"\xff", link(b"else")):
            with self.subTest(data=data):
                self.target = self.make_target()
                key = keys.layer_link(A, Digest.of(LAYER))
                report = self.left_out(key, data)
                self.assertEqual(self.troubles(report), [("malformed", key)])
                self.assertTrue(report.is_complete)

    def test_a_malformed_tag_has_no_history(self) -> None:
        key = keys.tag_link(A, V1)
        report = self.left_out(key, b"")
        self.assertEqual(self.troubles(report), [("malformed", key)])

    def test_a_tag_whose_manifest_has_no_link(self) -> None:
        self.result(self.store.delete([keys.revision_link(A, DIGEST)]))
        report = self.copy()
        self.assertEqual(self.troubles(report), [("dangling", keys.tag_link(A, V1))])
        self.expect_all()

    def test_a_tag_whose_manifest_has_a_malformed_link(self) -> None:
        report = self.left_out(keys.revision_link(A, DIGEST), b"")
        self.assertEqual(
            [trouble for trouble, _ in self.troubles(report)], ["malformed", "dangling"]
        )

    def test_a_history_without_a_tag(self) -> None:
        self.result(self.store.delete([keys.tag_link(A, V1)]))
        report = self.copy()
        self.assertEqual(report.left_out, [])
        self.expect_all()

    def test_a_link_to_nothing(self) -> None:
        key = keys.layer_link(B, Digest.of(b"gone"))
        report = self.left_out(key, link(b"gone"))
        self.assertEqual(self.troubles(report), [("dangling", key)])
        self.assertTrue(report.is_complete)

    def test_a_manifest_that_names_what_is_not_there(self) -> None:
        sparse = image(layers=(b"nowhere",))
        self.put(keys.blob(Digest.of(sparse)), sparse)
        self.put(keys.revision_link(A, Digest.of(sparse)), link(sparse))
        self.assertEqual(self.copy().left_out, [])
        self.expect_all()

    def test_keys_are_told_so_that_a_terminal_can_show_them(self) -> None:
        self.put(f"{keys.REPOSITORIES}\x1b[2J/_x", b"")
        report = self.copy()
        self.assertNotIn("\x1b", "".join(report.examples))

    def test_what_is_told_one_by_one_is_bounded(self) -> None:
        for number in range(1100):
            data = str(number).encode()
            self.put(keys.layer_link(B, Digest.of(data)), b"")
        report = self.copy()
        self.assertEqual((len(report.left_out), report.untold), (1000, 100))
