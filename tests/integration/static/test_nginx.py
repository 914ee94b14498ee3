"""nginx serves a folder as a registry does."""

from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import SpeaksV2
from tests.integration.engines.images import make_images
from tests.integration.engines.releases import RELEASES
from tests.integration.static import case
from tests.integration.static.case import NESTED
from tests.transfer.static.case import APP, SOLO
from tests.web.v1.images import V1Image
from txregistry.model.names import RepositoryName, Tag

PREFER_V2 = ("1.12.6", "17.05.0")
"""The releases that speak version 2 where they find it, and know schema 2."""
OCTETS = "application/octet-stream"


class NginxTests(case.StaticCase):
    def test_serves_images_of_all_types(self) -> None:
        remote = self.serve()
        for tag, target in self.targets().items():
            self.assertServes(remote, tag, target)
        self.assertServes(remote, "index", self.index, str(NESTED))
        self.assertEqual(remote.tags("team/app"), sorted(self.targets()))
        self.assertEqual(remote.catalog(), [str(NESTED), "team/app"])

    def test_answers_what_clients_look_at(self) -> None:
        remote = self.serve()
        answer = remote.demand(200, "GET", "/v2/")
        self.assertEqual(answer.body, b"{}")
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        version = answer.headers["Docker-Distribution-Api-Version"]
        self.assertEqual(version, "registry/2.0")
        path = f"/v2/team/app/blobs/{self.image.layers[0].digest}"
        answer = remote.demand(206, "GET", path, headers={"Range": "bytes=1-5"})
        self.assertEqual(answer.body, self.image.layers[0].data[1:6])
        self.assertEqual(answer.headers["Content-Type"], OCTETS)
        answer = remote.demand(200, "HEAD", path)
        self.assertEqual(
            answer.headers["Content-Length"], str(len(self.image.layers[0].data))
        )

    def test_what_is_not_there_or_nobodys_business(self) -> None:
        remote = self.serve()
        absent = "sha256:" + "0" * 64
        for path in (
            "/",
            "/v2/team/app/manifests/absent",
            f"/v2/team/app/manifests/{absent}",
            f"/v2/team/app/blobs/{absent}",
            f"/v2/other/blobs/{self.image.layers[0].digest}",
            "/v2/other/manifests/image",
            "/v2/team/app/tags/",
            "/v2/team/app/_manifests/oci-index/index",
            "/v2/team/app/manifests/..%2f..%2f..%2f..%2findex.json",
            f"/v2/team/app/referrers/{absent}",
            "/index.json",
            "/oci-layout",
            f"/blobs/sha256/{self.image.digest.partition(':')[2]}",
            "/.txregistry-export/kind",
            "/v1/repositories/absent/app/tags",
            "/v1/images/" + "0" * 64 + "/layer",
            "/_layer",
        ):
            remote.demand(404, "GET", path)
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            remote.demand(405, method, "/v2/team/app/tags/list", b"x")

    def test_another_export_is_served_at_once(self) -> None:
        remote = self.serve()
        self.push_image(self.index, "image")
        self.untag("index")
        self.export()
        self.assertServes(remote, "image", self.index)
        remote.demand(404, "GET", "/v2/team/app/manifests/index")


class EngineTests(case.StaticCase):
    """Old engines, as they are played, pull by version 1."""

    def pulls(self, name: RepositoryName, release: str, images: str) -> None:
        """Let a release pull what was pushed by one."""
        chain = make_images(f"{name}/{images}", images)
        for one in chain:
            self.push_images(V1Image(one.id, one.json, one.layer), name=name)
        top = V1Image(chain[-1].id, chain[-1].json, chain[-1].layer)
        self.point(top, Tag("old"), name)
        self.export()
        pulled = Engine(release, self.host).pull(str(name), "old")
        self.assertEqual(pulled.ancestry, tuple(one.id for one in chain[::-1]))
        self.assertEqual(pulled.jsons, {one.id: one.json for one in chain})
        self.assertTrue(pulled.layers == {one.id: one.layer for one in chain})
        if RELEASES[release].resumes:
            cut = Engine(release, self.host).pull(str(name), "old", cut=20)
            self.assertTrue(cut.layers == pulled.layers)

    def test_releases_that_know_no_schema_2(self) -> None:
        self.serve()
        for release in RELEASES:
            if release not in PREFER_V2:
                self.pulls(RepositoryName(f"old/r{release}"), release, release)

    def test_without_a_namespace(self) -> None:
        self.serve()
        self.pulls(SOLO, "1.6.2", "1.5.0")

    def test_images_of_version_2(self) -> None:
        self.serve()
        for release in ("1.0.0", "1.6.2", "1.9.1"):
            pulled = Engine(release, self.host).pull(str(APP), "index")
            layers = [layer.data for layer in self.index.images[0].layers]
            found = [pulled.layers[each] for each in pulled.ancestry[::-1]]
            self.assertTrue(found == layers)

    def test_all_tags(self) -> None:
        self.serve()
        pulled = Engine("1.6.2", self.host).pull_all(str(APP))
        self.assertEqual(sorted(pulled), sorted(self.targets()))

    def test_releases_that_do_speak_version_2(self) -> None:
        self.serve()
        for release in PREFER_V2:
            engine = Engine(release, self.host)
            self.assertRaises(SpeaksV2, engine.pull, str(APP), "image")
