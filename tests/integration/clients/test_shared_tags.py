"""Tags are the same by version 1 and 2: what is set or deleted on one side."""

from tests.integration.clients import versions
from tests.integration.clients.images import Image, make_image, write_layout
from tests.integration.clients.versions import AS_V1, tars_of
from tests.integration.engines.errors import EngineError
from tests.integration.engines.images import FakeImage
from tests.integration.engines.layers import unpack


class SharedTagsTests(versions.VersionsCase):
    def delete_v1(self, path: str) -> None:
        """Delete by version 1, as its API has it: engines never do."""
        self.remote.demand(200, "DELETE", f"/v1/repositories/{path}")

    def assertGone(self, name: str, tag: str) -> None:
        """No release finds a tag, nor does version 2."""
        for release in AS_V1:
            self.assertRaises(EngineError, self.old(release).pull, name, tag)
        self.remote.demand(404, "GET", f"/v2/{name}/manifests/{tag}")

    def assertOldGets(self, name: str, tag: str, images: tuple[FakeImage, ...]) -> None:
        """Every release pulls by version 1 what was pushed by it."""
        for release in AS_V1:
            self.assertPulled(self.old(release).pull(name, tag), images)

    def assertNewGets(self, name: str, tag: str, images: tuple[FakeImage, ...]) -> None:
        """Version 2 has what was pushed by version 1."""
        parts = self.remote.fetch(name, tag)
        layers = self.remote.manifest(name, tag).json()["layers"]
        found = [unpack(parts[layer["digest"]]) for layer in layers]
        self.assertSameTars(found, tars_of(images))

    def push_new(self, name: str, tag: str) -> Image:
        """Push by version 2."""
        image = make_image(f"{name}:{tag} of version 2")
        self.remote.push(name, tag, image)
        return image

    def test_both_list_the_tags_of_both(self) -> None:
        images = self.push_old("tags/both", "1.6.2", "old")
        image = self.push_new("tags/both", "new")
        self.assertEqual(sorted(self.remote.tags("tags/both")), ["new", "old"])
        for release in AS_V1:
            found = self.old(release).pull_all("tags/both")
            self.assertEqual(sorted(found), ["new", "old"])
            self.assertPulled(found["old"], images)
            self.assertOldPulled(found["new"], image)

    def test_both_list_the_repositories_of_both(self) -> None:
        self.push_old("catalog/old", "1.6.2")
        self.push_new("catalog/new", "1")
        names = {"catalog/old", "catalog/new"}
        self.assertEqual(names - set(self.remote.catalog()), set())
        found = self.old("1.12.6").search("catalog/").results
        self.assertEqual({each.name for each in found}, names)

    def test_version_2_pushes_over_a_tag(self) -> None:
        for release in AS_V1:
            name = f"over/old-{release}"
            self.push_old(name, release, "1")
            self.assertOldHolds(name, "1", self.push_new(name, "1"))

    def test_version_1_pushes_over_a_tag(self) -> None:
        for release in AS_V1:
            name = f"over/new-{release}"
            self.push_new(name, "1")
            images = self.push_old(name, release, "1")
            self.assertNewGets(name, "1", images)
            self.assertOldGets(name, "1", images)

    def test_a_tag_goes_back_and_forth(self) -> None:
        image = make_image("and back")
        for release in AS_V1:
            images = self.push_old("over/again", release, "1")
            self.assertNewGets("over/again", "1", images)
            self.remote.push("over/again", "1", image)
            self.assertOldHolds("over/again", "1", image)

    def test_version_1_tags_what_version_2_pushed(self) -> None:
        image = make_image("retagged")
        self.remote.push("tags/again", "1", image)
        path = "/v1/repositories/tags/again/tags/2"
        top = image.config.digest.removeprefix("sha256:")
        self.old("1.6.2").pull("tags/again", "1")
        self.remote.demand(200, "PUT", path, f'"{top}"'.encode())
        self.assertEqual(self.remote.digest("tags/again", "2"), image.digest)
        self.assertOldHolds("tags/again", "2", image)

    def test_version_2_deletes_a_tag_of_version_1(self) -> None:
        images = self.push_old("gone/by-2", "1.6.2", "1")
        self.push_old("gone/by-2", "1.6.2", "2")
        self.old("1.6.2").push("gone/by-2", images, {"3": images[-1].id})
        self.remote.delete("gone/by-2", "1")
        self.assertGone("gone/by-2", "1")
        self.assertOldGets("gone/by-2", "3", images)

    def test_version_2_deletes_a_manifest_of_version_1(self) -> None:
        images = self.push_old("gone/manifest", "1.6.2", "1")
        self.old("1.6.2").push("gone/manifest", images, {"2": images[-1].id})
        kept = self.push_old("gone/manifest", "1.6.2", "3")
        self.remote.delete("gone/manifest", self.remote.digest("gone/manifest", "1"))
        for tag in ("1", "2"):
            self.assertGone("gone/manifest", tag)
        self.assertOldGets("gone/manifest", "3", kept)

    def test_version_1_deletes_a_tag_of_version_2(self) -> None:
        self.push_new("gone/by-1", "1")
        kept = self.push_new("gone/by-1", "2")
        self.delete_v1("gone/by-1/tags/1")
        self.assertGone("gone/by-1", "1")
        self.assertEqual(self.remote.tags("gone/by-1"), ["2"])
        self.assertOldHolds("gone/by-1", "2", kept)

    def test_version_1_deletes_a_tag_of_version_1(self) -> None:
        self.push_old("gone/own", "1.6.2", "1")
        kept = self.push_old("gone/own", "1.6.2", "2")
        self.delete_v1("gone/own/tags/1")
        self.assertGone("gone/own", "1")
        self.assertEqual(self.remote.tags("gone/own"), ["2"])
        self.assertNewGets("gone/own", "2", kept)

    def test_version_1_deletes_a_repository(self) -> None:
        for number, path in enumerate(("", "/", "/tags")):
            name = f"gone/all-{number}"
            self.push_new(name, "1")
            self.push_old(name, "1.6.2", "2")
            self.delete_v1(f"{name}{path}")
            for tag in ("1", "2"):
                self.assertGone(name, tag)
            self.assertNotIn(name, self.remote.catalog())

    def test_what_was_deleted_is_pushed_again(self) -> None:
        for release in AS_V1:
            name = f"back/by-{release}"
            images = self.push_old(name, release)
            self.delete_v1(f"{name}/")
            self.old(release).push(name, images, {"latest": images[-1].id})
            self.assertOldGets(name, "latest", images)
            self.assertNewGets(name, "latest", images)


class SkopeoDeletesTests(versions.VersionsCase):
    program = "skopeo"

    def test_deletes_what_version_1_pushed(self) -> None:
        self.push_old("gone/skopeo", "1.6.2", "1")
        url = f"docker://{self.host}/gone/skopeo:1"
        self.client.run("delete", "--tls-verify=false", url)
        for release in AS_V1:
            pull = self.old(release).pull
            self.assertRaises(EngineError, pull, "gone/skopeo", "1")

    def test_does_not_find_what_version_1_deleted(self) -> None:
        layout = self.place / "layout"
        write_layout(layout, {"1": make_image("gone")})
        url = f"docker://{self.host}/gone/deleted:1"
        plain = "--dest-tls-verify=false"
        self.client.run("copy", plain, f"oci:{layout}:1", url)
        self.remote.demand(200, "DELETE", "/v1/repositories/gone/deleted/tags/1")
        complaint = self.client.refuse("inspect", "--tls-verify=false", url)
        self.assertIn("manifest unknown", complaint)
