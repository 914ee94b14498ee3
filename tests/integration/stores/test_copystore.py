"""``txregistry copy-store`` between folders, a real Swift and its S3."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.stores import service
from tests.registry.content import image, index
from tests.temporary import make_file, make_folder
from tests.transfer.copying import has_digest, link
from tests.transfer.copyprogram import LIMIT, command, run
from tests.transfer.program import environment
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import Key
from txregistry.storage.kinds import Blob, Scratch, Upload, recognize

SEED = 5
SIZES = (0, 1, 70_000, 300_000, 1_100_000, 11_000_000)
"""Of layers: of all that is sent at once, in pieces and in parts."""
KILLS = 4
LARGE = 1 << 29
"""Bytes that take a while to be hashed and written."""


def make_tree(chance: Random, count: int) -> Iterator[tuple[Key, bytes]]:
    """Make the objects of some repositories."""
    layers = [chance.randbytes(size) for size in SIZES]
    yield from ((keys.blob(Digest.of(layer)), layer) for layer in layers)
    yield keys.secret("cookies"), chance.randbytes(32)
    for number in range(count):
        name = RepositoryName(f"team/app{number}" if number % 2 else f"app{number}/0/x")
        config = json.dumps({"number": number}).encode()
        chosen = [chance.choice(layers), chance.randbytes(50)]
        manifest = image(config, chosen)
        listing = index([manifest])
        for data in (config, *chosen):
            yield keys.blob(Digest.of(data)), data
            yield keys.layer_link(name, Digest.of(data)), link(data)
        for tag, data in ((Tag("v1"), manifest), (Tag("latest"), listing)):
            digest = Digest.of(data)
            yield keys.blob(digest), data
            yield keys.revision_link(name, digest), link(data)
            yield keys.tag_link(name, tag), link(data)
            yield keys.tag_history_link(name, tag, digest), link(data)


def write(root: str, objects: Mapping[Key, bytes]) -> None:
    """Write objects into a folder."""
    for key, data in objects.items():
        path = Path(root, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(root: str) -> dict[str, bytes]:
    """Read all objects in a folder but those on their way."""
    return {
        key: path.read_bytes()
        for path in Path(root).rglob("*")
        if path.is_file()
        for key in [str(path.relative_to(root))]
        if not isinstance(recognize(key), Upload | Scratch)
    }


def staged(root: str) -> int:
    """Give the bytes in a folder that are on their way to their place."""
    size = 0
    for path in Path(root, keys.single_uploads()).glob("*/data"):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


class CopyStoreTests(service.ServiceCase):
    def setUp(self) -> None:
        super().setUp()
        self.tree = dict(make_tree(Random(SEED), 5))  # noqa: S311 - an example
        self.source = make_folder(self)
        write(self.source, self.tree)

    def config(self, **storage: Mapping[str, Any]) -> str:
        """Write settings, and give their path."""
        return make_file(self, "config.yml", json.dumps({"storage": storage}).encode())

    def s3(self, **settings: Any) -> str:
        """Write settings of a store in the test's own bucket."""
        usual = {
            "accesskey": service.USER,
            "secretkey": service.KEY,
            "regionendpoint": self.service.url,
            "bucket": self.container,
            "rootdirectory": "/some/root",
            "chunksize": 5 * 1024 * 1024,
        }
        return self.config(s3={**usual, **settings})

    def swift(self, **settings: Any) -> str:
        """Write settings of a store in the test's own container."""
        usual = {
            "authurl": self.service.login,
            "username": service.USER,
            "password": service.KEY,
            "container": self.container,
        }
        return self.config(swift={**usual, **settings})

    def copy(self, *arguments: str) -> dict[str, Any]:
        """Copy, and give the report."""
        done = run(*arguments, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        report: dict[str, Any] = json.loads(done.stdout)
        self.assertEqual((report["left_out"], report["foreign"]), ([], 0))
        return report

    def test_from_a_folder_by_s3_and_swift_to_a_folder(self) -> None:
        target = make_folder(self)
        places = [self.source, self.s3(), self.swift(prefix="other"), target]
        size = sum(len(data) for key, data in self.tree.items() if "/blobs/" in key)
        for place, following in pairwise(places):
            report = self.copy(place, following, "--parallel=8")
            self.assertEqual(report["bytes"], size)
        self.assertEqual(read(target), self.tree)
        again = self.copy(places[1], places[2], "--verify")
        self.assertEqual(set(again["copied"].values()), {0})
        self.assertEqual(sum(again["present"].values()), len(self.tree))

    def test_what_is_new_is_brought(self) -> None:
        target = self.swift()
        self.copy(self.source, target)
        more = dict(make_tree(Random(SEED + 1), 1))  # noqa: S311 - an example
        fresh = {key: data for key, data in more.items() if "secrets" not in key}
        write(self.source, fresh)
        report = self.copy(self.source, target)
        # The same repository: its two tags move.
        self.assertEqual(report["copied"]["tags"], 2)
        back = make_folder(self)
        self.copy(target, back)
        self.assertEqual(read(back), self.tree | fresh)

    def test_killed_again_and_again(self) -> None:
        for place in (self.s3(), make_folder(self)):
            chance = Random(SEED)  # noqa: S311 - an example
            for _ in range(KILLS):
                process = subprocess.Popen(
                    command(self.source, place, "--parallel=3"),
                    env=environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                try:
                    process.communicate(timeout=chance.uniform(0.8, 4))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate(timeout=LIMIT)
                if os.path.isdir(place):
                    self.check_blobs(read(place))
            self.copy(self.source, place)
            back = make_folder(self)
            self.copy(place, back)
            self.assertEqual(read(back), self.tree)

    def check_blobs(self, objects: Mapping[str, bytes]) -> None:
        """Expect every blob to be what its key says."""
        for key, data in objects.items():
            kind = recognize(key)
            if isinstance(kind, Blob):
                self.assertTrue(has_digest(data, kind.digest), key)

    def impossible(self, text: str, *arguments: str) -> None:
        """Expect one sentence, and 2."""
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_what_cannot_be_done(self) -> None:
        source = self.source
        self.impossible(
            "look at storage.s3.bucket", source, self.s3(bucket="no-such-bucket")
        )
        self.impossible("FROM cannot be read", self.s3(secretkey="wrong"), source)
        self.impossible(
            "TO cannot be written",
            source,
            self.s3(accesskey=service.READER, secretkey=service.READER_KEY),
        )
        self.impossible("storage.swift", source, self.swift(password="wrong"))
        self.impossible("storage.swift", self.swift(container="no-such"), source)

    def test_the_same_place_by_another_name(self) -> None:
        one = self.s3()
        key = keys.secret("cookies")
        self.keep({key: b"x"}, "some/root/")
        other = self.s3(
            regionendpoint=self.service.url.replace("127.0.0.1", "localhost")
        )
        self.impossible("the same place", one, other)


class InterruptedTests(SynchronousTestCase):
    """A copy that is told to end does so at once, with nothing but its status."""

    def test_while_it_waits_for_an_answer(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with (
                self.subTest(signal=number),
                socket.create_server((service.LOOPBACK, 0)) as server,
            ):
                server.settimeout(LIMIT)
                host, port = server.getsockname()
                s3 = {
                    "accesskey": "us",
                    "secretkey": "key",
                    "regionendpoint": f"http://{host}:{port}",
                    "bucket": "images",
                }
                settings = json.dumps({"storage": {"s3": s3}}).encode()
                config = make_file(self, "config.yml", settings)
                process = subprocess.Popen(
                    command(config, make_folder(self)),
                    env=environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                with server.accept()[0]:
                    process.send_signal(number)
                    told = process.communicate(timeout=LIMIT)
                self.assertEqual((process.returncode, *told), (130, b"", b""))

    def test_while_it_copies_what_is_large(self) -> None:
        source, target = make_folder(self), make_folder(self)
        hashing = hashlib.sha256()
        for _ in range(LARGE >> 20):
            hashing.update(bytes(1 << 20))
        key = keys.blob(Digest("sha256", hashing.hexdigest()))
        write(source, {key: b""})
        os.truncate(Path(source, key), LARGE)
        process = subprocess.Popen(
            command(source, target),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while staged(target) < 1 << 20:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, *told), (130, b"", b""))
        found = [path for path in Path(target).rglob("*") if path.is_file()]
        self.assertEqual(found, [])  # nor what was on its way
