"""Transfers over SSH that are cut off go on."""

from pathlib import Path

from tests.integration.images import case
from tests.integration.images.case import INDEX
from tests.transfer.archives.building import layout, pack

CUT = 250_000
GIVEN = pack(layout({"1": INDEX}))


class CutTests(case.JourneyCase):
    def setUp(self) -> None:
        """Run a server."""
        super().setUp()
        self.server = self.ssh_server()
        self.far = self.folder("far")
        self.url = self.server.url(self.far)

    def ssh(self, before: str = "", after: str = "", end: str = "") -> list[str]:
        """Write a program that does something to what goes through ``ssh``."""
        path = self.directory / "ssh"
        config = self.server.directory / "ssh_config"
        path.write_text(
            f'#!/bin/sh\ncase "$*" in *--plan*|*--held*) exec ssh -F {config} "$@";; '
            f'esac\n{before} ssh -F {config} "$@" {after}\n{end}\n'
        )
        path.chmod(0o755)
        return ["--ssh", str(path)]

    def held(self) -> set[str]:
        """Say which blobs the other end has."""
        told = self.run_well("registryput", self.far, "team/app", "--held")
        return {*told.decode().split()}

    def test_what_is_got(self) -> None:
        self.run_well("registryput", self.far, "team/app:1", given=GIVEN)
        path = self.directory / "image.tar"
        arguments = (self.url, "team/app:1", "--output", path)
        cut = self.ssh(after=f"| head -c {CUT}", end="exit 255")
        said = self.fails(6, "registryget", *arguments, *cut)
        self.assertIn("image.tar.part stays, for --resume.", said)
        part = Path(f"{path}.part")
        self.assertGreater(part.stat().st_size, CUT // 2)
        told = self.directory / "told"
        watched = self.ssh(after=f"| tee {told}")
        self.run_well("registryget", *arguments, "--resume", *watched)
        whole = self.run_well("registryget", self.far, "team/app:1")
        self.assertTrue(path.read_bytes() == whole)
        self.assertFalse(part.exists())
        self.assertLess(told.stat().st_size, len(whole) - CUT // 2)

    def test_what_is_got_is_no_more_the_same(self) -> None:
        self.run_well("registryput", self.far, "team/app:1", given=GIVEN)
        path = self.directory / "image.tar"
        arguments = (self.url, "team/app:1", "--output", path)
        cut = self.ssh(after=f"| head -c {CUT}", end="exit 255")
        self.fails(6, "registryget", *arguments, *cut)
        self.put(self.far, INDEX.images[0], "team/app:1")
        said = self.fails(
            3, "registryget", *arguments, "--resume", *self.server.options
        )
        self.assertIn("another image", said)

    def test_what_is_put(self) -> None:
        cut = self.ssh(before=f"head -c {CUT} |", end="exit 255")
        arguments = (self.url, "team/app:1")
        self.fails(6, "registryput", *arguments, *cut, given=GIVEN)
        self.fails(3, "registryget", self.far, "team/app:1")
        blobs = {blob.digest for blob in INDEX.blobs}
        self.assertTrue(self.held())
        self.assertLess(self.held(), blobs)
        sent = self.directory / "sent"
        watched = self.ssh(before=f"tee {sent} |")
        told = self.run_well(
            "registryput", *arguments, "--resume", *watched, given=GIVEN
        )
        self.assertEqual(told.decode().strip(), INDEX.digest)
        self.assertEqual(self.held(), blobs)
        self.assertLess(sent.stat().st_size, len(GIVEN) - CUT // 2)

    def test_what_the_other_end_says(self) -> None:
        arguments = (self.url, "team/app:1")
        ours = self.server.options
        self.assertIn("no repository", self._get_fails(3, *arguments, *ours))
        damaged = GIVEN.replace(INDEX.images[0].layers[0].data[-50:], bytes(50))
        self.fails(5, "registryput", *arguments, *ours, given=damaged)
        self.assertEqual(list(self.far.rglob("link")), [])
        none = (self.server.url(self.directory / "none's; touch x"), "team/app:1")
        said = self.fails(3, "registryput", *none, *ours, given=GIVEN)
        self.assertIn("is not there", said)
        self.assertFalse(any(self.directory.rglob("x")))
        stranger = ("--ssh", "ssh -F /dev/null -o BatchMode=yes -i /none")
        self._get_fails(4, *arguments, *stranger)
        self._get_fails(6, "ssh://127.0.0.1:1/x", "a:1", *ours)
        self._get_fails(1, *arguments, "--ssh", "/none/ssh")

    def _get_fails(self, status: int, *arguments: str) -> str:
        return self.fails(status, "registryget", *arguments)
