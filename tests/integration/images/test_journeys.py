"""From every place to every other, and back: always the same bytes."""

from tests.integration.clients.images import contents_of
from tests.integration.daemon import Daemon
from tests.integration.images import case
from tests.integration.images.case import IMAGE, INDEX
from tests.transfer.archives.building import place, python_reads


class JourneyTests(case.JourneyCase):
    def test_everywhere(self) -> None:
        daemon = Daemon(self.directory / "daemon")
        self.addCleanup(daemon.discard)
        server = self.ssh_server()
        near, far = self.folder("near"), self.folder("far")
        places: dict[str, list[str]] = {
            str(near): [],
            daemon.url: [],
            server.url(far): server.options,
        }
        self.put(near, INDEX, "team/app:1")
        whole = self.run_well("registryget", near, "team/app:1")
        found = python_reads(whole)
        for digest, data in contents_of(INDEX).items():
            self.assertEqual(found[place(digest)], data)
        for target, theirs in places.items():
            name = ("team/app:1", *theirs)
            told = self.run_well("registryput", target, *name, given=whole)
            self.assertEqual(told.decode().strip(), INDEX.digest)
        for source, ours in places.items():
            data = self.run_well("registryget", source, "team/app:1", *ours)
            self.assertTrue(data == whole, source)

    def test_over_http(self) -> None:
        daemon = Daemon(self.directory / "daemon")
        self.addCleanup(daemon.discard)
        near = self.folder()
        self.put(daemon.url, INDEX, "team/app:1")
        self.put(daemon.url, IMAGE, "team/app:2")
        whole = self.run_well("registryget", daemon.url, "team/app:1")
        path = self.directory / "image.tar"
        part = self.directory / "image.tar.part"
        for size in (300, 200_000, len(whole) - 2000):
            part.write_bytes(whole[:size])
            self.run_well(
                "registryget", daemon.url, "team/app:1", "--resume", "-o", path
            )
            self.assertTrue(path.read_bytes() == whole)
        part.write_bytes(whole[:200_000])
        moved = ("team/app:2", "--resume", "-o", path)
        self.fails(3, "registryget", daemon.url, *moved)
        said = self.run_well("registryget", daemon.url, "team/app:1", "--verify")
        self.assertEqual(said.decode().strip(), INDEX.digest)
        self.fails(3, "registryget", daemon.url, "team/none:1")
        held = self.run_well("registryput", daemon.url, "team/app", "--held")
        blobs = {blob.digest for blob in (*INDEX.blobs, *IMAGE.blobs)}
        self.assertEqual({*held.decode().split()}, blobs)
        (self.directory / "held").write_bytes(held)
        have = ("team/app:1", "--layers-have", self.directory / "held")
        delta = self.run_well("registryget", daemon.url, *have)
        self.assertLess(len(delta), 20_000)
        before = daemon.log
        self.run_well("registryput", daemon.url, "team/app:3", given=delta)
        self.assertNotIn("POST", daemon.log[len(before) :])  # nothing was uploaded
        self.fails(5, "registryput", near, "team/app:3", given=delta)

    def test_bundles_over_http(self) -> None:
        daemon = Daemon(self.directory / "daemon")
        self.addCleanup(daemon.discard)
        path = self.directory / "bundle"
        self.put(daemon.url, INDEX, "team/app:1")
        self.put(daemon.url, IMAGE, "other:2")
        names = ("team/app:1", "other:2")
        told = self.run_well("txregistry", "bundle", daemon.url, path, *names)
        self.assertEqual(
            told.decode(), f"{INDEX.digest} team/app:1\n{IMAGE.digest} other:2\n"
        )
        prefix = ("--prefix", "again")
        self.run_well("txregistry", "import", path, daemon.url, *prefix)
        for name in names:
            self.assertEqual(
                self.run_well("registryget", daemon.url, f"again/{name}", "--verify"),
                self.run_well("registryget", daemon.url, name, "--verify"),
            )
