"""Skopeo writes archives that are read, and reads ours."""

import json

from tests.integration.archives import case
from tests.integration.archives.case import in_zstd, repacked, unpacked
from tests.integration.clients.images import Image, Index, digest_of, make_index


class SkopeoTests(case.ExchangeCase):
    program = "skopeo"

    def copy(self, source: str, target: str, *options: str) -> None:
        """Copy an image."""
        self.client.run("copy", *options, source, target)

    def test_its_oci_archives(self) -> None:
        targets: list[Image | Index] = [self.image, self.index, in_zstd(self.image)]
        for number, target in enumerate(targets):
            path = self.directory / f"{number}.tar"
            whole = ("--all", "--preserve-digests")
            self.copy(self.layout(target), f"oci-archive:{path}:1", *whole)
            for data in (path.read_bytes(), repacked(path.read_bytes())):
                self.assertEqual(str(self.theirs(data)), target.digest)
                self.assertHolds(target)

    def test_its_docker_archives(self) -> None:
        path = self.directory / "theirs.tar"
        self.copy(self.layout(self.image), f"docker-archive:{path}:team/app:1")
        self.theirs(path, "team/app:1")
        self.assertHoldsPlain(self.image)

    def test_ours_as_oci_archives(self) -> None:
        index = make_index("docker", docker=True)
        for target in (self.image, self.index, in_zstd(self.image), index):
            path = self.ours(target)
            layout = self.directory / target.digest[7:]
            whole = ("--all", "--preserve-digests")
            if target is index:
                # A layout of its own would have other types; and by name it finds none
                # of docker's.
                self.copy(f"oci-archive:{path}", f"dir:{layout}", *whole)
                written = {digest_of(each.read_bytes()) for each in layout.iterdir()}
                blobs = {blob.digest for blob in index.blobs}
                self.assertLessEqual({*blobs, index.digest}, written)
            else:
                self.copy(f"oci-archive:{path}:it", f"oci:{layout}:it", *whole)
                self.assertLayoutHolds(layout, target)

    def test_ours_as_docker_archives(self) -> None:
        targets: list[Image | Index] = [self.image, self.index, in_zstd(self.image)]
        for target in targets:
            image = target.images[0] if isinstance(target, Index) else target
            path = self.ours(target)
            layout = self.directory / target.digest[7:]
            self.copy(f"docker-archive:{path}", f"dir:{layout}")
            document = json.loads((layout / "manifest.json").read_bytes())
            self.assertEqual(document["config"]["digest"], image.config.digest)
            layers = [
                (layout / each["digest"].partition(":")[2]).read_bytes()
                for each in document["layers"]
            ]
            tars = self.image.tars if target is targets[2] else image.tars
            self.assertTrue([unpacked(each) for each in layers] == [*tars])

    def test_ours_by_the_name_of_docker(self) -> None:
        path = self.ours(self.image)
        inspect = ("inspect", "--config", "--raw")
        name = f"docker-archive:{path}:library/alpine:it"
        self.assertEqual(self.client.run(*inspect, name), self.image.config.data)
