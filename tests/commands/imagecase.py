"""A test case for the programs that move images."""

import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.zygote import Ended, shared
from tests.integration.clients.images import Image, Index, make_image, make_index
from tests.temporary import make_folder
from tests.transfer.archives.building import layout, pack
from txregistry.storage import keys

IMAGE = make_image("app")
INDEX = make_index("app")


def misuse(
    case: SynchronousTestCase, main: Callable[[Sequence[str]], None], *words: str
) -> str:
    """Call a program wrongly, in this process; give what it says."""
    err = io.StringIO()
    case.patch(sys, "stderr", err)
    with case.assertRaises(SystemExit) as raised:
        main(words)
    case.assertEqual(raised.exception.code, 2)
    return err.getvalue()


class ImageCommandCase(SynchronousTestCase):
    """Run programs on a registry's folder, and look what is in it."""

    def setUp(self) -> None:
        """Make an empty folder."""
        self.zygote = shared()
        self.folder = make_folder(self)
        self.place = make_folder(self)

    def path(self, name: str) -> str:
        """Name a file of this test."""
        return os.path.join(self.place, name)

    def run_well(self, program: str, *arguments: str, given: bytes = b"") -> Ended:
        """Run a program that ends well, and says nothing of itself."""
        done = self.zygote.run(program, *arguments, given=given)
        self.assertEqual((done.status, done.err), (0, ""))
        return done

    def fails(
        self,
        status: int,
        program: str,
        *arguments: str,
        given: bytes = b"",
        **variables: str,
    ) -> str:
        """Run a program that does not end well; give the one line that it says."""
        done = self.zygote.run(program, *arguments, given=given, **variables)
        self.assertEqual((done.status, done.out), (status, b""), done.err)
        self.assertRegex(done.err, rf"\A{program}[a-z ]*: [^\n]+\n\Z")
        self.assertNotIn("Traceback", done.err)
        return done.err

    def put(self, target: Image | Index = IMAGE, name: str = "team/app:1") -> str:
        """Put an image into the folder; give what is said."""
        return self.put_data(pack(layout({"1": target})), name)

    def put_data(self, data: bytes, name: str = "team/app:1") -> str:
        """Put an archive into the folder; give what is said."""
        done = self.run_well("registryput", self.folder, name, given=data)
        return done.out.decode().strip()

    def get(self, name: str = "team/app:1", *options: str) -> bytes:
        """Get an archive from the folder."""
        return self.run_well("registryget", self.folder, name, *options).out

    def stored(self) -> list[str]:
        """Give all files in the folder, but for those that make no image visible."""
        scratch = f"{keys.PRIVATE}scratch"
        return sorted(
            str(path.relative_to(self.folder))
            for path in Path(self.folder).rglob("*")
            if path.is_file() and scratch not in str(path)
        )
