"""What works with our own server and with OpenSSH's alike."""

from pathlib import Path

from tests.integration.ssh import case
from tests.integration.ssh.case import SshCase, archive_of, make_large

SIZE = 5 << 20


class CommandsContract(SshCase):
    """What both servers do."""

    def test_images_go_in_and_out(self) -> None:
        image = make_large(SIZE)
        told = self.ssh().text("put", "team/app:1.2", given=archive_of(image))
        self.assertEqual(told, image.digest)
        whole = self.ssh("bob").run("get", "team/app:1.2")
        self.assertIn(image.layers[0].data, whole)
        rest = self.ssh("bob").run("get", "team/app:1.2", "--resume", str(SIZE))
        self.assertTrue(rest == whole[SIZE:])

    def test_what_may_not_be_done_is_refused(self) -> None:
        self.assertEnds(4, "put", "team/app:1", who="bob")
        self.assertEnds(3, "get", "team/none:1", who="bob")
        self.assertEnds(2, "get team/app:1; id")
        self.assertEnds(2)

    def test_who_is_not_known_does_not_get_in(self) -> None:
        done = self.run_ssh("list", who="mallory")
        self.assertEqual((done.returncode, done.stdout), (255, b""))
        self.assertIn(b"Permission denied (publickey)", done.stderr)

    def test_what_is_cut_off_is_not_seen(self) -> None:
        archive = archive_of(make_large(SIZE))
        self.assertEnds(5, "put", "cut/app:1", given=archive[: SIZE // 2])
        self.assertEqual(self.ssh().text("list", "cut/"), "")
        uploads = [
            each
            for each in Path(self.place).rglob("*")
            if "uploads" in each.parts and each.is_file()
        ]
        self.assertEqual(uploads, [])
        self.ssh().run("put", "cut/app:1", given=archive)


class OwnServerTests(CommandsContract, case.OwnCase):
    """Our own server."""


class OpenSshServerTests(CommandsContract, case.OpenCase):
    """OpenSSH's server."""


del CommandsContract, SshCase
