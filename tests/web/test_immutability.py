"""Tests of tags that stay where they are, as clients of both versions meet them."""

from twisted.internet.task import Clock

from tests.web.answers import Answer
from tests.web.content import (
    CONFIG,
    LAYER,
    OCI_INDEX,
    OCI_MANIFEST,
    digest_of,
    image,
    index,
    signature,
)
from tests.web.exchange import Exchange
from tests.web.v1 import case
from tests.web.v1.case import R
from tests.web.v1.images import BASE, TOP
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.settings.sections import Settings

MANIFESTS = "/v2/acme/web/manifests"
TOLD = (
    "The tag v1 of acme/web is immutable (a rule of the registry's settings); push "
    "under another tag."
)
KEPT = (
    "The tag v1 of acme/web is immutable (a rule of the registry's settings); neither "
    "it nor what it points to can be deleted."
)


class ImmutableCase(case.V1Case):
    """A registry where tags such as ``v1`` stay."""

    def setUp(self) -> None:
        clock = Clock()
        clock.advance(1_700_000_000)
        rules = Immutability([ImmutableTags(("**",), ("v*",))])
        self.exchange = Exchange(version1=Settings(), clock=clock, immutability=rules)


class Version2Tests(ImmutableCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.push_image("acme/web", "v1")
        self.other = image(annotations={"other": "yes"})

    def put(self, target: str, data: bytes) -> Answer:
        """Push a manifest."""
        headers = {"Content-Type": OCI_MANIFEST}
        return self.ask("PUT", f"{MANIFESTS}/{target}", headers, data)

    def denied(self, answer: Answer, told: str) -> None:
        """Expect a refusal that changed nothing."""
        self.assertEqual((answer.status, answer.code), (403, "DENIED"))
        self.assertEqual(answer.json["errors"][0]["message"], told)
        self.assertEqual(self.get(f"{MANIFESTS}/v1").body, self.data)
        self.assertEqual(self.get(f"{MANIFESTS}/{digest_of(self.other)}").status, 404)

    def test_push_under_it_is_denied(self) -> None:
        self.denied(self.put("v1", self.other), TOLD)

    def test_push_by_digest_under_it_is_denied(self) -> None:
        target = f"{digest_of(self.other)}?tag=new&tag=v1"
        self.denied(self.put(target, self.other), TOLD)
        self.assertEqual(self.get(f"{MANIFESTS}/new").status, 404)

    def test_same_may_be_pushed_again(self) -> None:
        self.assertEqual(self.put("v1", self.data).status, 201)

    def test_delete_of_it_is_denied(self) -> None:
        self.denied(self.ask("DELETE", f"{MANIFESTS}/v1"), KEPT)

    def test_delete_of_what_it_points_to_is_denied(self) -> None:
        self.denied(self.ask("DELETE", f"{MANIFESTS}/{digest_of(self.data)}"), KEPT)

    def needed(self, path: str, digest: str) -> None:
        """Expect that something cannot be deleted, which a tag needs."""
        told = (
            "The tag v1 of acme/web is immutable (a rule of the registry's settings) "
            f"and needs {digest}, which therefore cannot be deleted."
        )
        target = f"/v2/acme/web/{path}/{digest}"
        self.denied(self.ask("DELETE", target), told)
        self.assertEqual(self.get(target).status, 200)

    def test_delete_of_its_blobs_is_denied(self) -> None:
        for data in (CONFIG, LAYER):
            self.needed("blobs", digest_of(data))

    def test_delete_of_other_blobs_is_taken(self) -> None:
        target = f"/v2/acme/web/blobs/{self.push_blob('acme/web', b'other')}"
        self.assertEqual(self.ask("DELETE", target).status, 202)
        self.assertEqual(self.get(target).status, 404)

    def test_signatures_are_taken(self) -> None:
        data = signature(self.data)
        self.assertEqual(self.put(digest_of(data), data).status, 201)


class IndexTests(ImmutableCase):
    def test_delete_of_a_member_is_denied(self) -> None:
        data = self.push_image("acme/web", "latest")
        outer = index(data)
        headers = {"Content-Type": OCI_INDEX}
        answer = self.ask("PUT", f"{MANIFESTS}/v1", headers, outer)
        self.assertEqual(answer.status, 201)
        target = f"{MANIFESTS}/{digest_of(data)}"
        answer = self.ask("DELETE", target)
        self.assertEqual((answer.status, answer.code), (403, "DENIED"))
        message = answer.json["errors"][0]["message"]
        self.assertTrue(message.startswith("The tag v1 of acme/web is immutable"))
        self.assertEqual(self.get(target).status, 200)


class Version1Tests(ImmutableCase):
    def setUp(self) -> None:
        super().setUp()
        self.write = self.push_v1(tags=("v1", "latest"))

    def tag(self) -> str:
        """Say which image the tag names."""
        found: str = self.get(f"{R}/tags/v1", self.token(access="read")).json
        return found

    def test_tag_is_not_moved(self) -> None:
        answer = self.put_tag("v1", BASE.image_id, self.write)
        self.assertSays(answer, 403, TOLD)
        self.assertEqual(self.tag(), TOP.image_id)

    def test_same_may_be_set_again(self) -> None:
        answer = self.put_tag("v1", TOP.image_id, self.write)
        self.assertEqual(answer.status, 200)

    def test_nothing_of_it_is_deleted(self) -> None:
        for path in ("/tags/v1", "/tags", "/"):
            token = self.token(access="delete")
            answer = self.ask("DELETE", f"{R}{path}", token)
            self.assertSays(answer, 403, KEPT)
            self.assertEqual(self.tag(), TOP.image_id)
            token = self.token(access="read")
            self.assertEqual(self.get(f"{R}/tags/latest", token).status, 200)
