"""Tests of removing a whole repository."""

from typing import Any

from tests.registry.mirror.played import PlayedUpstream
from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import digest_of
from tests.web.exchange import Exchange
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.web.audit import AuditTrail

NAME = "team/app"


class RepositoryTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.push_image(NAME, "v1", "latest")

    def start(self, **settings: Any) -> None:
        """Start anew, with the same content."""
        self.exchange = Exchange(store=self.exchange.store, **settings)

    def delete(self, name: str = NAME) -> Answer:
        return self.ask("DELETE", f"/v2/{name}/_txregistry/repository/all")

    def names(self) -> list[str]:
        names: list[str] = self.get("/v2/_catalog").json["repositories"]
        return names

    def refused(self, status: int, code: str, told: str) -> None:
        """Expect a refusal that says why, and changed nothing."""
        before = self.exchange.stored()
        answer = self.delete()
        self.assertRefused(answer, status, code)
        self.assertIn(told, answer.json["errors"][0]["message"])
        self.assertEqual(self.exchange.stored(), before)

    def test_nothing_of_it_is_served(self) -> None:
        answer = self.delete()
        self.assertEqual((answer.status, answer.body), (202, b""))
        for target in (
            "tags/list",
            "manifests/v1",
            f"manifests/{digest_of(self.data)}",
        ):
            self.assertEqual(self.get(f"/v2/{NAME}/{target}").status, 404, target)
        self.assertEqual(self.names(), [])

    def test_second_time_there_is_nothing(self) -> None:
        self.delete()
        self.assertRefused(self.delete(), 404, "NAME_UNKNOWN")

    def test_others_stay(self) -> None:
        for name in (f"{NAME}/nested", "team/app2", "other"):
            self.push_image(name, "v1")
        self.delete()
        self.assertEqual(self.names(), ["other", f"{NAME}/nested", "team/app2"])
        for name in self.names():
            self.assertEqual(self.get(f"/v2/{name}/manifests/v1").body, self.data)

    def test_can_be_pushed_again(self) -> None:
        self.delete()
        self.push_image(NAME, "v2")
        self.assertEqual(self.get(f"/v2/{NAME}/tags/list").json["tags"], ["v2"])

    def test_upload_on_its_way_ends(self) -> None:
        location = self.begin_upload(NAME)
        self.delete()
        self.assertRefused(
            self.ask("PATCH", location, body=b"x"), 404, "BLOB_UPLOAD_UNKNOWN"
        )

    def test_blobs_of_it_have_to_be_pushed_again(self) -> None:
        self.delete()
        target = f"/v2/{NAME}/manifests/v1"
        answer = self.ask("PUT", target, body=self.data)
        self.assertRefused(answer, 400, "MANIFEST_BLOB_UNKNOWN")

    def test_names_of_components_that_routes_use(self) -> None:
        for name in ("manifests", "a/blobs/uploads", "a/manifests/x", "a/tags/list"):
            self.push_image(name, "v1")
            self.assertEqual(self.delete(name).status, 202, name)
            self.assertNotIn(name, self.names())

    def test_nothing_less_than_the_whole_path_removes_it(self) -> None:
        for path in ("", "/", "/_txregistry", "/_txregistry/repository", "/all"):
            answer = self.ask("DELETE", f"/v2/{NAME}{path}")
            self.assertIn(answer.status, {400, 404, 405}, path)
        answer = self.ask("GET", f"/v2/{NAME}/_txregistry/repository/all")
        self.assertRefused(answer, 405, "UNSUPPORTED")
        self.assertEqual(self.delete("").status, 404)
        self.assertEqual(self.delete("Team/app").said, (400, "NAME_INVALID"))
        self.assertEqual(self.get(f"/v2/{NAME}/manifests/v1").body, self.data)

    def test_immutable_tag_keeps_it(self) -> None:
        rules = Immutability([ImmutableTags(("team/**",), ("v*",))])
        self.start(immutability=rules)
        self.refused(403, "DENIED", "The tag v1 of team/app is immutable")

    def test_where_deleting_is_switched_off(self) -> None:
        self.start(deletes=False)
        self.refused(405, "UNSUPPORTED", "storage.delete.enabled")

    def test_where_nothing_is_written(self) -> None:
        self.start(writes=False)
        self.refused(405, "UNSUPPORTED", "storage.maintenance.readonly.enabled")

    def test_mirrored_one_is_a_matter_of_settings(self) -> None:
        rule = MirrorRule(PlayedUpstream("docker.io"), "team/")
        self.start(mirrored=MirrorRules([rule]))
        self.refused(403, "DENIED", "a mirror of docker.io")

    def test_audit_tells(self) -> None:
        records: list[dict[str, Any]] = []
        self.start(site={"audit": AuditTrail(records.append, pulls=False)})
        self.delete()
        (record,) = records
        self.assertEqual(
            [record[each] for each in ("did", "route", "repository", "outcome")],
            ["admin", "delete_repository", NAME, "done"],
        )
