"""What one node was told, all the others know at once."""

import hashlib
import json

from tests.integration.clients.images import (
    OCI_INDEX,
    OCI_MANIFEST,
    Content,
    Image,
    contents_of,
    make_index,
)
from tests.integration.clients.remote import Remote
from tests.integration.nodes import case
from tests.integration.nodes.case import COUNT, make_small


class ContentsTests(case.OnS3, case.NodesCase):
    def push(self, tag: str, image: Image) -> None:
        """Push an image."""
        self.remote.push(self.name, tag, image)

    def assertUnknown(self, *paths: str) -> None:
        """No node has a manifest, or a blob."""
        for node in self.each:
            for path in paths:
                node.demand(404, "GET", f"/v2/{self.name}/{path}")

    def test_an_image(self) -> None:
        """Each blob, each manifest, each tag comes by another node."""
        index = make_index("several")
        self.remote.push(self.name, "1", index)
        self.assertTookTurns(2 * len(index.blobs) + len(index.manifests))
        for node in self.each:
            self.assertTrue(node.fetch(self.name, "1") == contents_of(index))

    def test_a_manifest_needs_what_others_have(self) -> None:
        image = make_small("incomplete")
        path, kind = f"/v2/{self.name}/manifests/1", image.manifest.media_type
        first, second, third = self.each
        for blob in image.blobs:
            for node in (first, second):
                data = image.manifest.data
                node.demand(400, "PUT", path, data, {"Content-Type": kind})
            third.push_blob(self.name, blob.data)
        first.push_manifest(self.name, "1", kind, image.manifest.data)
        self.assertEqual(second.digest(self.name, "1"), image.digest)

    def test_a_tag_moves_for_all(self) -> None:
        images = [make_small(f"moves {number}") for number in range(COUNT)]
        for image in images:
            self.push("later", image)
        for node, image in zip(2 * self.each, 2 * images, strict=True):
            kind, data = image.manifest.media_type, image.manifest.data
            node.push_manifest(self.name, "1", kind, data)
            for other in self.each:
                self.assertEqual(other.manifest(self.name, "1").body, data)

    def test_what_one_deletes_is_gone_for_all(self) -> None:
        image = make_small("goes")
        layer = f"blobs/{image.layers[0].digest}"
        for remover in self.each:
            for tag in ("1", "2"):
                self.push(tag, image)
            for node in self.each:  # it is known everywhere now
                node.fetch(self.name, "1")
            remover.delete(self.name, "1")
            self.assertUnknown("manifests/1")
            self.remote.manifest(self.name, "2")
            remover.delete(self.name, image.digest)
            remover.demand(202, "DELETE", f"/v2/{self.name}/{layer}")
            self.assertUnknown("manifests/2", f"manifests/{image.digest}", layer)

    def test_tags(self) -> None:
        image = make_small("tags")
        self.push("0", image)
        names = ["0", *(f"v{number}" for number in range(7))]
        for name in names[1:]:
            kind, data = image.manifest.media_type, image.manifest.data
            self.remote.push_manifest(self.name, name, kind, data)
        for node in self.each:
            self.assertEqual(node.tags(self.name), names)
        # A list goes on at another node than it began.
        found, path = [], f"/v2/{self.name}/tags/list?n=3"
        while path:
            answer = self.remote.demand(200, "GET", path)
            found += answer.json()["tags"]
            path = answer.headers.get("Link", "<>").partition(">")[0][1:]
        self.assertEqual(found, names)
        self.assertTookTurns(3)

    def test_catalog(self) -> None:
        names = [f"{self.name}/{letter}" for letter in "abc"]
        for name in names:
            self.remote.push(name, "1", make_small("catalog"))
        for node in self.each:
            query = f"n={len(names)}&last={self.name}"
            answer = node.demand(200, "GET", f"/v2/_catalog?{query}")
            self.assertEqual(answer.json()["repositories"], names)

    def test_referrers(self) -> None:
        subject = make_small("subject")
        self.push("1", subject)
        referrers = [self.refer(subject, number) for number in range(COUNT)]
        digests = sorted(each.digest for each in referrers)
        for node in self.each:
            self.assertEqual(node.referrers(self.name, subject.digest), digests)
            self.assertEqual(self.fallback(node, subject), digests)
        for node, referrer in zip(self.each, referrers, strict=True):
            node.delete(self.name, referrer.digest)
            digests.remove(referrer.digest)
            for other in self.each:
                self.assertEqual(other.referrers(self.name, subject.digest), digests)
            self.assertEqual(self.fallback(self.remote, subject), digests)

    def refer(self, subject: Image, number: int) -> Content:
        """Push what refers to an image."""
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.example",
            "config": subject.config.descriptor(),
            "layers": [],
            "subject": subject.manifest.descriptor(),
            "annotations": {"number": f"{number}"},
        }
        referrer = Content(OCI_MANIFEST, json.dumps(document).encode())
        self.remote.push_manifest(
            self.name, referrer.digest, OCI_MANIFEST, referrer.data
        )
        return referrer

    def fallback(self, node: Remote, subject: Image) -> list[str]:
        """List what refers to an image as older clients do."""
        tag = subject.digest.replace(":", "-")
        answer = node.ask("GET", f"/v2/{self.name}/manifests/{tag}")
        if answer.status == 404:
            return []
        self.assertEqual(answer.headers["Content-Type"], OCI_INDEX)
        return sorted(each["digest"] for each in answer.json()["manifests"])

    def test_sha512(self) -> None:
        image = make_small("sha512")
        for blob in image.blobs:
            self.remote.push_blob(self.name, blob.data)
        digest = f"sha512:{hashlib.sha512(image.manifest.data).hexdigest()}"
        kind, data = image.manifest.media_type, image.manifest.data
        self.remote.push_manifest(self.name, digest, kind, data)
        for node in self.each:
            self.assertEqual(node.manifest(self.name, digest).body, data)
            self.assertEqual(node.digest(self.name, digest), digest)
        self.each[1].delete(self.name, digest)
        self.assertUnknown(f"manifests/{digest}")


class SwiftContentsTests(case.OnSwift, ContentsTests):
    pass
