"""Tests of ``txregistry/commands/registryget.py``, on folders."""

import fcntl
import io
import json
import os
import pty
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.commands import imagecase, program
from tests.commands.imagecase import IMAGE, INDEX
from tests.integration.clients.images import contents_of
from tests.temporary import make_file
from tests.transfer.archives.building import place, python_reads
from tests.transfer.program import environment
from txregistry.commands.imageoptions import TransferLine
from txregistry.commands.registryget import main
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.storage import keys
from txregistry.transfer.images.partfiles import find_place
from txregistry.transfer.images.remotecommands import MOST_LAYERS

LIMIT = 240.0
PROGRAM = "from txregistry.commands.registryget import main; main()"
LAYER = IMAGE.layers[1].digest


class RegistryGetTests(imagecase.ImageCommandCase):
    def setUp(self) -> None:
        """Fill the folder."""
        super().setUp()
        self.put(INDEX)

    def corrupt(self, digest: str, data: bytes | None = None) -> Path:
        """Damage a blob in the folder."""
        path = Path(self.folder, keys.blob(Digest.parse(digest)))
        path.write_bytes(path.read_bytes()[:-1] + b"x" if data is None else data)
        return path

    def test_what_is_written_is_the_image(self) -> None:
        found = python_reads(self.get())
        for digest, data in contents_of(INDEX).items():
            self.assertEqual(found.pop(place(digest)), data)
        self.assertEqual(sorted(found), ["index.json", "manifest.json", "oci-layout"])

    def test_it_is_the_same_each_time_and_by_its_digest_too(self) -> None:
        self.assertEqual(self.get(), self.get())
        found = python_reads(self.get(f"team/app@{INDEX.digest}"))
        self.assertIn(place(INDEX.digest), found)

    def test_nothing_is_written_where_it_is_from(self) -> None:
        before = sorted(Path(self.folder).rglob("*"))
        self.get()
        self.assertEqual(sorted(Path(self.folder).rglob("*")), before)

    def test_one_platform(self) -> None:
        data = self.get("team/app:1", "--platform", "linux/arm64")
        wanted = {place(digest) for digest in contents_of(INDEX.images[1])}
        found = {name for name in python_reads(data) if name.startswith("blobs/")}
        self.assertEqual(found, wanted)

    def test_a_file(self) -> None:
        path = self.path("image.tar")
        done = self.run_well("registryget", self.folder, "team/app:1", "--output", path)
        self.assertEqual(done.out, b"")
        self.assertEqual(Path(path).read_bytes(), self.get())
        self.assertEqual(os.listdir(self.place), ["image.tar"])

    def test_what_was_cut_off_is_gone_on_with(self) -> None:
        path, whole = self.path("image.tar"), self.get()
        middle = whole.index(INDEX.images[1].layers[0].data) + 1000
        for size in (0, 100, 700, 2000, middle, len(whole) - 700, len(whole)):
            Path(f"{path}.part").write_bytes(whole[:size])
            arguments = (self.folder, "team/app:1", "--resume", "--output", path)
            self.run_well("registryget", *arguments)
            self.assertTrue(Path(path).read_bytes() == whole, size)
            os.unlink(path)

    def test_it_is_gone_on_with_only_if_asked_for(self) -> None:
        path, whole = self.path("image.tar"), self.get()
        Path(f"{path}.part").write_bytes(b"x" * 1000)
        self.run_well("registryget", self.folder, "team/app:1", "-o", path)
        self.assertEqual(Path(path).read_bytes(), whole)

    def test_what_is_there_was_not_of_an_archive(self) -> None:
        path = self.path("image.tar")
        Path(f"{path}.part").write_bytes(b"x" * 5000)
        self.run_well("registryget", self.folder, "team/app:1", "-ro", path)
        self.assertEqual(Path(path).read_bytes(), self.get())

    def test_the_tag_has_moved_since(self) -> None:
        path = self.path("image.tar")
        Path(f"{path}.part").write_bytes(self.get()[:100_000])
        self.put(IMAGE)
        said = self.fails(3, "registryget", self.folder, "team/app:1", "-ro", path)
        self.assertIn("1 is another image now", said)
        self.assertEqual(os.listdir(self.place), ["image.tar.part"])

    def test_what_is_there_is_damaged(self) -> None:
        path, whole = self.path("image.tar"), self.get()
        place = whole.index(INDEX.images[1].layers[0].data) + 1000
        part = Path(f"{path}.part")
        part.write_bytes(whole[:place] + b"damaged" + whole[place + 7 : place + 100])
        arguments = (self.folder, "team/app:1", "-ro", path)
        self.assertIn("has the digest", self.fails(5, "registryget", *arguments))
        self.assertEqual(os.listdir(self.place), [])
        self.run_well("registryget", *arguments)
        self.assertEqual(Path(path).read_bytes(), whole)

    def test_layers_that_the_other_end_has(self) -> None:
        have = [blob.digest for blob in INDEX.images[0].layers]
        path = make_file(self, "have", "\n".join(have).encode())
        names = python_reads(self.get("team/app:1", "--layers-have", path))
        self.assertTrue(names.keys().isdisjoint(map(place, have)))
        self.assertIn(place(INDEX.images[1].layers[0].digest), names)
        told = python_reads(self.get("team/app:1", "--layers-have", ",".join(have)))
        self.assertEqual(told, names)
        given = self.run_well(
            "registryget",
            *(self.folder, "team/app:1", "--layers-have", "-"),
            given="\n".join(have).encode(),
        )
        self.assertEqual(python_reads(given.out), names)

    def test_a_delta_is_taken_where_the_rest_is(self) -> None:
        held = self.run_well("registryput", self.folder, "team/app", "--held").out
        delta = self.get("team/app:1", "--layers-have", make_file(self, "held", held))
        self.assertLess(len(delta), len(self.get()) // 10)
        self.assertEqual(self.put_data(delta, "team/app:2"), INDEX.digest)
        other = self.fails(5, "registryput", self.folder, "team/other:2", given=delta)
        self.assertIn("lacks", other)

    def test_verify(self) -> None:
        self.assertEqual(
            self.get("team/app:1", "--verify"), INDEX.digest.encode() + b"\n"
        )

    def test_damage(self) -> None:
        path = self.corrupt(INDEX.images[0].layers[1].digest)
        for options in ((), ("--verify",), ("-o", self.path("x"))):
            done = self.zygote.run("registryget", self.folder, "team/app:1", *options)
            self.assertEqual(done.status, 5)
            self.assertIn("has the digest", done.err)
            self.assertEqual(done.err.count("\n"), 1)
            with self.assertRaises((tarfile.TarError, EOFError)):
                python_reads(done.out)
        self.assertEqual(os.listdir(self.place), [])
        path.write_bytes(b"")
        self.assertIn("has 0", self.fails(5, "registryget", self.folder, "team/app:1"))
        path.unlink()
        said = self.fails(5, "registryget", self.folder, "team/app:1")
        self.assertIn("has no such blob", said)

    def test_a_layer_that_is_not_what_the_config_says(self) -> None:
        # A manifest whose digests are right, and whose config is of other layers.
        config = INDEX.images[1].config
        image = json.loads(INDEX.images[0].manifest.data)
        image["config"] = config.descriptor()
        data = json.dumps(image).encode()
        digest = Digest.of(data)
        link = keys.revision_link(RepositoryName("team/app"), digest)
        for key, content in ((keys.blob(digest), data), (link, str(digest).encode())):
            path = Path(self.folder, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        name = f"team/app@{digest}"
        self.assertIn(place(str(digest)), python_reads(self.get(name)))
        said = self.fails(5, "registryget", self.folder, name, "--verify")
        self.assertIn("unpacks to", said)

    def test_a_plan(self) -> None:
        plan = json.loads(self.get("team/app:1", "--plan"))
        whole = self.get()
        self.assertEqual(plan["size"], len(whole))
        self.assertEqual(plan["digest"], INDEX.digest)
        rest = self.get(
            "team/app:1", "--offset", "70000", "--identity", plan["identity"]
        )
        self.assertTrue(rest == whole[70_000:])
        other = (self.folder, "team/app:1", "--offset", "1", "--identity", LAYER)
        self.assertIn("another one", self.fails(3, "registryget", *other))
        beyond = (self.folder, "team/app:1", "--offset", str(len(whole) + 1))
        self.assertIn("no more than", self.fails(3, "registryget", *beyond))

    def test_what_is_not_there(self) -> None:
        for name in ("team/app:2", "team/none", f"team/app@{LAYER}"):
            self.fails(3, "registryget", self.folder, name)
        self.fails(3, "registryget", self.path("none"), "team/app")
        self.fails(3, "registryget", self.place, "team/app")
        platform = (self.folder, "team/app:1", "--platform", "plan9/arm")
        self.assertIn("none of these", self.fails(3, "registryget", *platform))

    def test_no_room(self) -> None:
        done = self.zygote.run(
            "registryget", self.folder, "team/app:1", out="/dev/full"
        )
        self.assertEqual(done.status, 7)
        self.assertIn("No space left on device", done.err)

    def test_nobody_answers(self) -> None:
        said = self.fails(6, "registryget", "http://127.0.0.1:1", "team/app")
        self.assertIn("127.0.0.1:1", said)

    def test_a_password_is_told_to_nobody(self) -> None:
        for url in ("http://me:secret@127.0.0.1:1", "ssh://me:secret@host/x"):
            said = self.fails(2, "registryget", url, "team/app")
            self.assertNotIn("secret", said)

    def test_two_at_once(self) -> None:
        path = self.path("image.tar")
        with Path(f"{path}.part").open("wb") as part:
            fcntl.flock(part, fcntl.LOCK_EX)
            said = self.fails(1, "registryget", self.folder, "team/app:1", "-o", path)
        self.assertIn("Another process", said)

    def test_an_image_goes_to_no_terminal(self) -> None:
        ours, theirs = pty.openpty()
        try:
            done = self.zygote.run(
                "registryget", self.folder, "team/app:1", out=os.ttyname(theirs)
            )
        finally:
            os.close(ours)
            os.close(theirs)
        self.assertEqual(done.status, 2)
        self.assertIn("terminal", done.err)

    def test_a_link_is_followed(self) -> None:
        path, link = self.path("image.tar"), self.path("link")
        os.symlink("image.tar", link)
        for _ in range(2):  # it leads nowhere at first
            self.run_well("registryget", self.folder, "team/app:1", "-o", link)
            self.assertTrue(os.path.islink(link))
            self.assertEqual(Path(path).read_bytes(), self.get())
        self.assertEqual(sorted(os.listdir(self.place)), ["image.tar", "link"])

    def test_what_is_no_file_stays(self) -> None:
        pipe, link, loop = self.path("pipe"), self.path("link"), self.path("loop")
        os.mkfifo(pipe)
        os.symlink("pipe", link)
        os.symlink("loop", loop)
        for path, text in (
            (pipe, "no regular file"),
            (link, "no regular file"),
            (loop, "leads to itself"),
            (self.place, "is a folder"),
            (self.path("new/"), "the name of a file"),
            ("", "the name of a file"),
            ("-", "leave it out"),
        ):
            with self.subTest(path=path):
                # Nobody is asked for anything: there is no such registry.
                arguments = (self.path("none"), "team/app:1", "-o", path)
                self.assertIn(text, self.fails(2, "registryget", *arguments))
        self.assertTrue(Path(pipe).is_fifo())
        self.assertEqual(sorted(os.listdir(self.place)), ["link", "loop", "pipe"])

    def test_nor_is_a_pipe_that_is_open(self) -> None:
        out, into = os.pipe()
        try:  # as /dev/stdout may be: what such a link says is no path
            with self.assertRaisesRegex(ValueError, "no regular file"):
                find_place(f"/proc/self/fd/{into}")
        finally:
            os.close(out)
            os.close(into)

    def test_it_is_interrupted_on_its_way_to_a_file(self) -> None:
        path, module = self.path("image.tar"), "txregistry.commands.registryget"
        arguments = (self.folder, "team/app:1", "-o", path)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number):
                done = program.interrupt(number, module, *arguments)
                self.assertEqual(done.returncode, 130, done.stderr)
                told = f"It was broken off. {path}.part stays, for --resume."
                self.assertEqual(done.stderr, f"registryget: {told}\n")
                self.assertEqual(os.listdir(self.place), ["image.tar.part"])
        self.run_well("registryget", *arguments, "--resume")
        self.assertEqual(Path(path).read_bytes(), self.get())

    def test_it_is_interrupted_while_nobody_reads(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.folder, "team/app:1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        assert process.stdout is not None
        process.stdout.read(1)  # it is about to fill the pipe
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertEqual(err, b"registryget: It was broken off.\n")
        self.assertLess(len(out), len(self.get()))


class UsageTests(imagecase.ImageCommandCase):
    def test_what_cannot_be(self) -> None:
        many = ",".join([LAYER] * 3) + ",sha256:x"
        for arguments, text in (
            ((), "Wrong number of arguments"),
            (("one",), "Wrong number of arguments"),
            (("one", "team/app", "three"), "Wrong number of arguments"),
            (("", "team/app"), "SOURCE"),
            (("ftp://host", "team/app"), "allowed are"),
            (("http://host:99999", "team/app"), "SOURCE"),
            (("http://host/x?y", "team/app"), "SOURCE"),
            (("ssh://-oProxyCommand=x/y", "team/app"), "SOURCE"),
            (("ssh://host:99999/y", "team/app"), "SOURCE"),
            (("ssh://host/a\nb", "team/app"), "SOURCE"),
            ((self.folder, "Team/App"), "NAME"),
            ((self.folder, "../app"), "NAME"),
            ((self.folder, "team/app:"), "NAME"),
            ((self.folder, "team/app@sha256:1"), "NAME"),
            ((self.folder, "team/app", "--platform", "linux"), "--platform"),
            ((self.folder, "team/app", "--layers-have", many), "--layers-have"),
            ((self.folder, "team/app", "--layers-have", "/none"), "--layers-have"),
            ((self.folder, "team/app", "--layers-have", "/"), "--layers-have"),
            ((self.folder, "team/app", "--resume"), "--output"),
            ((self.folder, "team/app", "--verify", "-o", "x"), "--output"),
            ((self.folder, "team/app", "--offset", "-1"), "--offset"),
            ((self.folder, "team/app", "--cert", "x"), "--key"),
            ((self.folder, "team/app", "--ssh", "'"), "--ssh"),
            ((self.folder, "team/app", "--fly"), "--fly"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(text, imagecase.misuse(self, main, *arguments))

    def test_what_is_found_out_later(self) -> None:
        for arguments, text in (
            (("https://host", "team/app", "--cacert", "/none"), "cacert"),
            ((make_file(self, "config.yml", b"htp: 1"), "team/app"), "htp"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(text, self.fails(2, "registryget", *arguments))

    def test_no_more_layers_go_into_a_command_than_it_can_have(self) -> None:
        self.assertLess(MOST_LAYERS * len(f"{LAYER},"), 64 * 1024)

    def test_help(self) -> None:
        done = self.zygote.run("registryget", "--help")
        self.assertEqual(done.status, 0)
        self.assertIn(b"Usage: registryget SOURCE NAME", done.out)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class LineTests(SynchronousTestCase):
    def show(self, err: io.StringIO) -> str:
        """Give what a line comes to."""
        self.patch(sys, "stderr", err)
        line = TransferLine("getting", Clock())
        line.show(1 << 20, 4 << 20)
        line.clear()
        return err.getvalue()

    def test_a_terminal_has_it(self) -> None:
        self.assertIn("getting [##--------] 25% 1.0 MiB", self.show(_Terminal()))

    def test_nothing_else_has_it(self) -> None:
        self.assertEqual(self.show(io.StringIO()), "")
