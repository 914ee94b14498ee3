"""Tests of ``txregistry/commands/registryput.py``, on folders."""

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.commands import imagecase
from tests.commands.imagecase import IMAGE, INDEX
from tests.integration.clients.images import contents_of
from tests.temporary import make_file
from tests.transfer.archives.building import (
    Member,
    layout,
    member,
    pack,
    place,
    python_reads,
    saved,
)
from tests.transfer.archives.test_hostile import MALFORMED, UNSUPPORTED, WRONG
from tests.transfer.program import environment
from txregistry.commands.registryput import main

LIMIT = 240.0
PROGRAM = "from txregistry.commands.registryput import main; main()"
GOOD = layout({"1": IMAGE})
HOSTILE = (
    "no archive",
    "a packed one that is damaged",
    "another archive behind",
    "parent within",
    "absolute",
    "twice",
    "link and file",
    "no digest",
    "deep json",
    "other size",
    "damaged layer",
    "docker: links to each other",
    "blob of the same size",
    "diff_ids",
    "device",
    "hard link",
    "link to outside",
    "sparse",
    "docker before 1.10",
)
"""One of each kind; those who test the reader have many more."""


def without(digest: str) -> list[Member]:
    """Give the good layout without one of its blobs."""
    return [
        each for each in GOOD if not isinstance(each, tuple) or each[0] != place(digest)
    ]


class RegistryPutTests(imagecase.ImageCommandCase):
    def refused(self, status: int, data: bytes, *options: str) -> str:
        """An archive is refused, and nothing of it is in the folder."""
        name = ("team/app:1", *options)
        said = self.fails(status, "registryput", self.folder, *name, given=data)
        self.assertEqual(self.stored(), [])
        return said

    def test_what_is_put_is_there(self) -> None:
        for target in (IMAGE, INDEX):
            self.assertEqual(self.put(target), target.digest)
            found = python_reads(self.get())
            self.assertLessEqual({*contents_of(target).values()}, {*found.values()})

    def test_what_docker_saves(self) -> None:
        digest = self.put_data(pack(saved({"app:1": IMAGE})))
        self.assertIn(IMAGE.config.data, python_reads(self.get()).values())
        packed = gzip.compress(pack(saved({"app:1": IMAGE})))
        self.assertEqual(self.put_data(packed, "team/app:2"), digest)

    def test_a_file(self) -> None:
        path = make_file(self, "image.tar", pack(GOOD))
        done = self.run_well("registryput", self.folder, "team/app:1", "-i", path)
        self.assertEqual(done.out, IMAGE.digest.encode() + b"\n")

    def test_one_of_several(self) -> None:
        data = pack(saved({"one:1": IMAGE, "two:2": INDEX.images[1]}))
        self.assertIn("say which", self.refused(2, data))
        self.assertIn("No single image", self.refused(2, data, "--image", "three:3"))
        done = self.run_well(
            "registryput", self.folder, "a:1", "--image", "two:2", given=data
        )
        again = self.put_data(pack(saved({"two:2": INDEX.images[1]})))
        self.assertEqual(done.out.decode().strip(), again)

    def test_verify_changes_nothing(self) -> None:
        done = self.run_well(
            "registryput", self.folder, "team/app:1", "--verify", given=pack(GOOD)
        )
        self.assertEqual(done.out.decode(), f"{IMAGE.digest} 1\n")
        self.assertEqual(list(Path(self.folder).iterdir()), [])

    def test_verify_of_a_part_of_what_is_there(self) -> None:
        part = pack(without(IMAGE.layers[0].digest))
        self.assertIn("lacks 1 part", self.refused(5, part, "--verify"))
        self.put(IMAGE)
        self.run_well("registryput", self.folder, "team/app:1", "--verify", given=part)

    def test_what_is_held(self) -> None:
        self.put(IMAGE)
        done = self.run_well("registryput", self.folder, "team/app", "--held")
        wanted = sorted(blob.digest for blob in IMAGE.blobs)
        self.assertEqual(done.out.decode().split(), wanted)

    def test_what_came_whole_is_kept_to_go_on(self) -> None:
        data = pack(GOOD)
        cut = data[: data.index(IMAGE.layers[-1].data) + 9]
        arguments = (self.folder, "team/app:1", "--resume")
        self.fails(5, "registryput", *arguments, given=cut)
        held = self.run_well("registryput", self.folder, "team/app", "--held").out
        self.assertIn(IMAGE.layers[0].digest, held.decode())
        self.fails(3, "registryget", self.folder, "team/app:1")
        rest = pack(without(IMAGE.layers[0].digest))
        self.put_data(rest)

    def test_nothing_damaged_is_kept_to_go_on(self) -> None:
        data = pack(GOOD).replace(
            IMAGE.layers[-1].data, bytes(len(IMAGE.layers[-1].data))
        )
        self.refused(5, data, "--resume")

    def test_archives_that_nobody_should_write(self) -> None:
        known = {**MALFORMED, **WRONG, **UNSUPPORTED}
        for name in HOSTILE:
            with self.subTest(name):
                members = known[name]
                data = members if isinstance(members, bytes) else pack(members)
                self.refused(5, data)

    def test_cut_off_in_every_member(self) -> None:
        for members in (GOOD, saved({"app:1": IMAGE})):
            size = 0
            for each in members:
                size += 512
                self.refused(5, pack(members)[: size - 256])
                if isinstance(each, tuple):
                    data = each[1]
                    self.refused(5, pack(members)[: size + len(data) // 2])
                    size += -(-len(data) // 512) * 512

    def test_bombs(self) -> None:
        lie = pack([member("blobs/sha256/" + "a" * 64, size=10 << 40)], b"")
        for data in (
            gzip.compress(bytes(64 << 20)),
            lie + bytes(4096),
            gzip.compress(pack(GOOD) + bytes(64 << 20)),
        ):
            self.refused(5, data)

    def test_no_room(self) -> None:
        text = {
            "storage": {
                "filesystem": {
                    "rootdirectory": self.folder,
                    "minfree": 1 << 60,
                }
            }
        }
        path = make_file(self, "config.yml", json.dumps(text).encode())
        said = self.fails(7, "registryput", path, "team/app:1", given=pack(GOOD))
        self.assertIn("minfree", said)
        self.assertEqual(self.stored(), [])

    def test_tags_that_stay(self) -> None:
        text = {
            "storage": {"filesystem": {"rootdirectory": self.folder}},
            "auth": {"immutable": [{"repositories": ["**"], "tags": ["1"]}]},
        }
        path = make_file(self, "config.yml", json.dumps(text).encode())
        self.run_well("registryput", path, "team/app:1", given=pack(GOOD))
        other = pack(layout({"1": INDEX}))
        before = self.stored()
        self.fails(4, "registryput", path, "team/app:1", given=other)
        self.assertEqual(self.stored(), before)
        self.run_well("registryput", path, "team/app:2", given=other)

    def test_what_is_only_read(self) -> None:
        for name, data in python_reads(pack(GOOD)).items():
            path = Path(self.folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        arguments = (self.folder, "team/app:1")
        self.fails(4, "registryput", *arguments, given=pack(GOOD))

    def test_a_folder_is_not_made(self) -> None:
        path = self.path("none")
        self.fails(3, "registryput", path, "team/app:1", given=pack(GOOD))
        self.assertFalse(Path(path).exists())

    def test_a_folder_that_cannot_be_written(self) -> None:
        path = make_file(self, "file", b"")
        self.fails(3, "registryput", path + "/x", "a:1", given=pack(GOOD))
        Path(self.folder, "docker").write_bytes(b"")
        arguments = (self.folder, "team/app:1")
        said = self.fails(2, "registryput", *arguments, given=pack(GOOD))
        self.assertIn("rootdirectory", said)

    def test_nobody_answers(self) -> None:
        data = pack(GOOD)
        self.fails(6, "registryput", "http://127.0.0.1:1", "team/app:1", given=data)

    def test_it_is_interrupted_while_nothing_comes(self) -> None:
        data = pack(layout({"1": INDEX}))
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.folder, "team/app:1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        assert process.stdin is not None
        process.stdin.write(data[:-1000])  # more than a pipe holds: most was read
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT)
        process.stdin.close()
        assert process.stderr is not None
        assert process.stdout is not None
        with process.stderr, process.stdout:
            self.assertEqual(
                process.stderr.read(), b"registryput: It was broken off.\n"
            )
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.stored(), [])

    def test_usage(self) -> None:
        for arguments, text in (
            (("one",), "Wrong number of arguments"),
            ((self.folder, "team/app"), "NAME:TAG"),
            ((self.folder, f"team/app@{IMAGE.digest}"), "NAME:TAG"),
            (("s3://bucket", "team/app:1"), "TARGET"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(text, imagecase.misuse(self, main, *arguments))

    def test_a_file_that_is_not_there(self) -> None:
        self.fails(3, "registryput", self.folder, "team/app:1", "-i", "/none")
