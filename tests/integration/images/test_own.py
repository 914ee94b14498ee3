"""Our programs talk to our own SSH server."""

import shlex
from pathlib import Path

from tests.commands.zygote import shared
from tests.integration.daemon import LOOPBACK
from tests.integration.images.case import INDEX
from tests.integration.ssh import case
from tests.temporary import make_folder
from tests.transfer.archives.building import layout, pack

GIVEN = pack(layout({"1": INDEX}))
URL = f"ssh://{LOOPBACK}"
NAME = "team/app:1"


class OwnServerTests(case.OwnCase):
    def run_as(
        self, who: str, status: int, program: str, *arguments: str, given: bytes = b""
    ) -> bytes:
        """Run a program as somebody; give what it writes, or says of itself."""
        ssh = shlex.join(self.options(who))
        words = (URL, *arguments, "--ssh", ssh)
        done = shared().run(program, *words, given=given)
        self.assertEqual(done.status, status, done.err)
        self.assertEqual(done.err.count("\n"), int(status > 0))
        return done.err.encode() if status else done.out

    def test_there_and_back(self) -> None:
        told = self.run_as("alice", 0, "registryput", NAME, given=GIVEN)
        self.assertEqual(told.decode().strip(), INDEX.digest)
        whole = self.run_as("bob", 0, "registryget", NAME)
        folder = make_folder(self)
        here = shared().run("registryput", folder, NAME, given=whole)
        self.assertEqual((here.status, here.out), (0, told))
        self.assertTrue(shared().run("registryget", folder, NAME).out == whole)
        path = Path(make_folder(self), "image.tar")
        Path(f"{path}.part").write_bytes(whole[:200_000])
        options = ("--resume", "--output", str(path))
        self.run_as("bob", 0, "registryget", NAME, *options)
        self.assertTrue(path.read_bytes() == whole)
        held = self.run_as("alice", 0, "registryput", "team/app", "--held").decode()
        self.assertLessEqual({each.digest for each in INDEX.blobs}, {*held.split()})
        again = ("team/app:2", "--resume")
        told = self.run_as("alice", 0, "registryput", *again, given=GIVEN)
        self.assertEqual(told.decode().strip(), INDEX.digest)

    def test_what_is_refused(self) -> None:
        for who in ("bob", "mallory"):
            self.run_as(who, 4, "registryput", "team/no:1", given=GIVEN)
        self.run_as("mallory", 4, "registryget", NAME)
        self.run_as("bob", 3, "registryget", "team/none:1")
        damaged = GIVEN.replace(INDEX.images[0].layers[0].data[-50:], bytes(50))
        self.run_as("alice", 5, "registryput", "team/no:1", given=damaged)
        self.run_as("alice", 3, "registryget", "team/no:1")
