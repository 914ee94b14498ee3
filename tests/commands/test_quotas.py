"""Tests of ``txregistry/commands/quotas.py``, and of what ``gc`` says of quotas."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.zygote import Ended, shared
from tests.registry.content import CONFIG, LAYER
from tests.temporary import make_file, make_folder
from tests.transfer.copying import IMAGE, V1, V2, A, B, pushed

SIZE = len(CONFIG) + len(LAYER) + len(IMAGE)
QUOTAS = "quotas: [{repositories: [a, b], bytes: 1KiB, tags: 5}, {repositories: [a]"


class QuotasTests(SynchronousTestCase):
    """``a`` and ``b`` have the same image."""

    def setUp(self) -> None:
        self.root = make_folder(self)
        for key, data in (*pushed(A, IMAGE, V1, V2), *pushed(B, IMAGE, V1)):
            path = Path(self.root, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def run_it(self, command: str, *arguments: str, settings: str = "") -> Ended:
        """Run a command."""
        settings = settings or QUOTAS + ", tags: 1}]"
        place = f"storage: {{filesystem: {{rootdirectory: {self.root}}}}}\n"
        path = make_file(self, "config.yml", (place + settings).encode())
        return shared().run("txregistry", command, "-c", path, *arguments)

    def test_before_and_after_a_round(self) -> None:
        done = self.run_it("quotas")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertEqual(
            done.out.decode(),
            "a b: 0 bytes of 1 KiB, 0 of 5 tags (not counted yet)\n"
            "a: 0 bytes, 0 of 1 tags (not counted yet)\n",
        )
        done = self.run_it("gc")
        self.assertEqual((done.status, done.err), (0, ""))
        told = f"a b: {SIZE} bytes of 1 KiB, 3 of 5 tags\n"
        self.assertIn(f"used by {told}", done.out.decode())
        done = self.run_it("quotas")
        self.assertIn(told, done.out.decode())
        self.assertRegex(done.out.decode(), r"(?m)^counted 20\d\d-.* let in since$")
        done = self.run_it("quotas", "--json")
        found = json.loads(done.out)
        self.assertRegex(found["counted"], r"^20\d\d-")
        self.assertEqual(
            found["quotas"][0],
            {
                "repositories": "a b",
                "bytes": SIZE,
                "bytes_allowed": 1024,
                "tags": 3,
                "tags_allowed": 5,
                "counted": True,
            },
        )

    def test_a_dry_round_counts(self) -> None:
        done = self.run_it("gc", "--dry-run", "--json")
        self.assertEqual((done.status, done.err), (0, ""))
        found = json.loads(done.out)["quotas"]
        self.assertEqual([each["bytes"] for each in found], [SIZE, SIZE])
        self.assertEqual([each["tags"] for each in found], [3, 2])
        self.assertIn("not counted yet", self.run_it("quotas").out.decode())

    def test_settings_are_shown(self) -> None:
        done = self.run_it("check-config")
        self.assertEqual((done.status, done.err), (0, ""))
        self.assertIn("bytes: 1KiB", done.out.decode())
        self.assertIn("tags: 5", done.out.decode())

    def test_no_quotas(self) -> None:
        done = self.run_it("quotas", settings="quotas: []")
        self.assertEqual(done.status, 1)
        self.assertIn("have no quotas", done.err)

    def test_what_is_refused_by_hand(self) -> None:
        self.run_it("gc", settings=QUOTAS + ", tags: 1}]")
        done = self.run_it("rm", "a:v2")
        self.assertEqual((done.status, done.err), (0, ""))
        found = json.loads(self.run_it("quotas", "--json").out)
        self.assertEqual(found["quotas"][1]["tags"], 1)
        done = self.run_it("undo", "a:v2")
        self.assertEqual(done.status, 1)
        self.assertIn("use 1 of 1 tags, and this takes 1 more", done.err)
