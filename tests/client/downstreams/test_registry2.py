"""Tests of ``txregistry/client/downstreams/registry2.py``: questions and manifests."""

from urllib.parse import parse_qs, urlsplit

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.client.downstreams.case import (
    APP,
    DIGEST,
    SIZE,
    UPLOAD,
    DownstreamCase,
    accepted,
    created,
)
from tests.client.upstreams.case import (
    BASIC,
    MANIFEST,
    REALM,
    US,
    blob,
    challenge,
    document,
    error,
    manifest,
    redirect,
    token,
)
from tests.storage.playing import LOST, REFUSED, Reply
from txregistry.client.downstreams.interfaces import IDownstream
from txregistry.client.downstreams.making import make_downstream
from txregistry.client.upstreams.interfaces import (
    Found,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Patience
from txregistry.client.upstreams.terms import Terms
from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.tasks import at_once

OF_MANIFEST = Digest.of(MANIFEST)
BASE = "vendor/base"
CDN = "https://cdn.example/blob"
BOTH = f"repository:{APP}:pull,push"


def refused(status: int, code: str = "UNKNOWN", message: str = "our secret") -> Reply:
    """Say what is wrong."""
    return document({"errors": [{"code": code, "message": message}]}, status)


class HasBlobTests(DownstreamCase):
    def has(self, *replies: Reply) -> bool:
        """Say what is made of some answers."""
        self.give(*replies)
        found = self.result(self.downstream.has_blob(APP, DIGEST, SIZE))
        self.assert_let_go()
        return found

    def fails(self, kind: type[Exception], reply: Reply) -> str:
        self.give(reply)
        asked = self.downstream.has_blob(APP, DIGEST, SIZE)
        return self.fault(kind, asked).reason  # type: ignore[arg-type]  # one of ours

    def test_interface(self) -> None:
        verifyObject(IDownstream, self.give())

    def test_there(self) -> None:
        self.assertTrue(self.has(blob(length=SIZE)))
        self.assertEqual(self.lines(), [f"HEAD /v2/{APP}/blobs/{DIGEST}"])

    def test_not_there(self) -> None:
        self.assertFalse(self.has(error(404)))
        self.assertFalse(self.has(error(410)))

    def test_elsewhere(self) -> None:
        self.assertTrue(self.has(redirect(CDN), blob(length=SIZE)))

    def test_elsewhere_where_only_get_is_signed(self) -> None:
        self.assertTrue(self.has(redirect(CDN), error(403)))

    def test_of_another_size(self) -> None:
        self.assertIn("of a blob", self.fails(UpstreamWrong, blob(length=SIZE - 1)))

    def test_what_is_no_answer(self) -> None:
        self.fails(UpstreamWrong, error(400))
        self.fails(UpstreamRefused, error(405))
        self.fails(UpstreamRefused, error(403))
        self.fails(UpstreamUnavailable, error(503))
        self.fails(UpstreamUnavailable, error(429))
        self.fails(UpstreamUnavailable, REFUSED)
        page = blob(b"<html>", content_type="text/html", length=SIZE)
        self.fails(UpstreamWrong, page)


class ManifestTests(DownstreamCase):
    def put(self, *replies: Reply, reference: str = "v1") -> bool:
        """Say what is made of some answers."""
        self.give(*replies, patience=Patience())
        put = self.downstream.put_manifest(
            APP, reference, OF_MANIFEST, MANIFEST, OCI_MANIFEST
        )
        found = self.result(put)
        self.assert_let_go()
        return found

    def fails(self, kind: type[Exception], reply: Reply) -> str:
        self.give(reply)
        put = self.downstream.put_manifest(
            APP, "v1", OF_MANIFEST, MANIFEST, OCI_MANIFEST
        )
        return self.fault(kind, put).reason  # type: ignore[arg-type]  # one of ours

    def test_put(self) -> None:
        self.assertFalse(self.put(created()))
        asked = self.last()
        self.assertEqual(asked.body, MANIFEST)
        self.assertEqual(asked.header("content-type"), OCI_MANIFEST)
        self.assertEqual(asked.header("content-length"), str(len(MANIFEST)))
        self.assertEqual(self.lines(), [f"PUT /v2/{APP}/manifests/v1"])

    def test_put_where_subjects_are_known(self) -> None:
        self.assertTrue(self.put(created(oci_subject=str(DIGEST))))

    def test_put_by_digest(self) -> None:
        self.put(created(docker_content_digest=str(OF_MANIFEST)))
        other = Digest.of(MANIFEST, "sha512")
        self.put(created(docker_content_digest=str(other)))
        self.put(created(docker_content_digest="none"))

    def test_put_is_repeated_with_all_its_bytes(self) -> None:
        self.put(LOST, error(500), created())
        self.assertEqual([each.body for each in self.agent.asked], [MANIFEST] * 3)

    def test_another_was_taken(self) -> None:
        reply = created(docker_content_digest=str(DIGEST))
        self.assertIn("another manifest", self.fails(UpstreamWrong, reply))

    def test_something_is_missing_there(self) -> None:
        for status in (400, 404):
            for code in ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"):
                reason = self.fails(UpstreamUnavailable, refused(status, code))
                self.assertIn(f"({status}, {code})", reason)

    def test_refusals(self) -> None:
        for status, kind in {
            400: UpstreamWrong,
            401: UpstreamRefused,
            403: UpstreamRefused,
            404: UpstreamRefused,
            405: UpstreamRefused,
            409: UpstreamWrong,
            413: UpstreamWrong,
            429: UpstreamUnavailable,
            500: UpstreamUnavailable,
            507: UpstreamUnavailable,
        }.items():
            self.fails(kind, refused(status))

    def test_only_known_words_are_told(self) -> None:
        reason = self.fails(UpstreamWrong, refused(400, "TAG_INVALID"))
        self.assertEqual(
            reason, "The upstream registry docker.io answered 400, TAG_INVALID."
        )
        data: object
        for data in (
            {"errors": [{"code": "<b>"}]},
            {"errors": []},
            {"errors": [7]},
            [],
            {"errors": [{"code": ["UNKNOWN"]}]},
        ):
            reason = self.fails(UpstreamWrong, document(data, 400))
            self.assertEqual(reason, "The upstream registry docker.io answered 400.")

    def test_what_says_why_may_be_anything(self) -> None:
        for reply in (
            Reply(400, b"{" * 100_000),
            Reply(400, b"\xff"),
            Reply(400, b"x" * 100_000),
            Reply(400, b"{}", after="cut", length=100),
            Reply(400, b"<html>", {"Content-Type": "text/html"}),
        ):
            self.fails(UpstreamWrong, reply)

    def test_what_is_pushed_goes_nowhere_else(self) -> None:
        for status in (301, 302, 303, 307, 308):
            for place in (CDN, f"/v2/{BASE}/manifests/v1"):
                reason = self.fails(UpstreamWrong, redirect(place, status))
                self.assertIn("sends us on", reason)
                self.assertEqual(len(self.agent.asked), 1)

    def test_head(self) -> None:
        self.give(manifest(docker_content_digest=str(OF_MANIFEST)), error(404))
        found = self.result(self.downstream.head_manifest(APP, "v1"))
        assert found is not None
        self.assertEqual((found.digest, found.media_type), (OF_MANIFEST, OCI_MANIFEST))
        self.assertIsInstance(found, Found)
        self.assertIsNone(self.result(self.downstream.head_manifest(APP, "v2")))
        self.assert_let_go()

    def test_nothing_is_asked_after_the_end(self) -> None:
        self.give()
        self.result(self.downstream.close())
        self.fault(UpstreamUnavailable, self.downstream.head_manifest(APP, "v1"))


class MountTests(DownstreamCase):
    def mounts(self, *replies: Reply, **others: object) -> bool:
        """Say what is made of some answers."""
        self.give(*replies, **others)  # type: ignore[arg-type]  # of a test
        found = self.result(self.downstream.mount_blob(APP, DIGEST, BASE))
        self.assert_let_go()
        self.assertEqual(self.agent.left, 0)
        return found

    def test_mounted(self) -> None:
        self.assertTrue(self.mounts(created()))
        asked = urlsplit(self.last().target)
        self.assertEqual(asked.path, f"/v2/{APP}/blobs/uploads/")
        wanted = {"mount": [str(DIGEST)], "from": [BASE]}
        self.assertEqual(parse_qs(asked.query), wanted)

    def test_session_that_was_not_wanted_is_ended(self) -> None:
        self.assertFalse(self.mounts(accepted(), error(204)))
        self.assertEqual(self.lines()[1], f"DELETE {UPLOAD}")

    def test_session_need_not_end(self) -> None:
        self.assertFalse(self.mounts(accepted(), LOST))

    def test_who_mounts_nothing(self) -> None:
        for status in (400, 401, 403, 404, 405):
            self.assertFalse(self.mounts(error(status)))

    def test_who_is_not_there(self) -> None:
        self.give(error(503))
        self.fault(UpstreamUnavailable, self.downstream.mount_blob(APP, DIGEST, BASE))

    def test_token_is_good_for_both(self) -> None:
        self.give(
            challenge(scope=BOTH),
            created(),
            created(),
            login=US,
            tokens=(token("t1"), token("t2")),
        )
        self.assertTrue(self.result(self.downstream.mount_blob(APP, DIGEST, BASE)))
        self.assertEqual(self.scopes(0), [BOTH])
        self.assertTrue(self.result(self.downstream.mount_blob(APP, DIGEST, BASE)))
        self.assertEqual(self.scopes(1), [BOTH, f"repository:{BASE}:pull"])
        self.assertEqual(self.shown(), ["", "Bearer t1", "Bearer t2"])

    def test_afterwards_the_usual_one_is_used_again(self) -> None:
        self.give(
            challenge(scope=BOTH),
            error(404),
            created(),
            error(404),
            login=US,
            tokens=(token("t1"), token("t2")),
        )
        self.result(self.downstream.has_blob(APP, DIGEST, SIZE))
        self.result(self.downstream.mount_blob(APP, DIGEST, BASE))
        self.result(self.downstream.has_blob(APP, DIGEST, SIZE))
        bearers = ["", "Bearer t1", "Bearer t2", "Bearer t1"]
        self.assertEqual(self.shown(), bearers)

    def test_no_token_for_both(self) -> None:
        self.give(
            challenge(scope=BOTH),
            error(404),
            login=US,
            tokens=(token("t1"), error(403), error(403)),
        )
        self.result(self.downstream.has_blob(APP, DIGEST, SIZE))
        self.assertFalse(self.result(self.downstream.mount_blob(APP, DIGEST, BASE)))
        self.assert_let_go()

    def scopes(self, place: int) -> list[str]:
        """Give the scopes that a token was asked for with."""
        query = urlsplit(self.service.asked[place].target).query
        return parse_qs(query)["scope"]


class AuthorizationTests(DownstreamCase):
    def put(self) -> None:
        """Push a manifest."""
        put = self.downstream.put_manifest(
            APP, "v1", OF_MANIFEST, MANIFEST, OCI_MANIFEST
        )
        self.result(put)
        self.assert_let_go()

    def scope(self, place: int) -> list[str]:
        """Give what a token was asked for."""
        query = urlsplit(self.agent.asked[place].target).query
        return parse_qs(query)["scope"]

    def test_password(self) -> None:
        self.give(BASIC, created(), login=US)
        self.put()
        self.assertEqual(self.shown(), ["", US.basic])
        self.assertEqual(self.last().body, MANIFEST)

    def test_token_is_for_pushing(self) -> None:
        self.give(challenge(scope=BOTH), token(), created(), login=US)
        self.put()
        self.assertEqual(self.scope(1), [BOTH])
        self.assertEqual(self.shown(), ["", US.basic, "Bearer t1"])

    def test_token_is_for_no_more_than_that(self) -> None:
        greedy = f"repository:{APP}:* registry:catalog:*"
        self.give(challenge(scope=greedy), token(), created(), login=US)
        self.put()
        self.assertEqual(self.scope(1), [BOTH])

    def test_who_does_not_say_what_for(self) -> None:
        self.give(challenge(scope=""), token(), created(), login=US)
        self.put()
        self.assertEqual(self.scope(1), [BOTH])

    def test_who_reads_first_is_going_to_push(self) -> None:
        self.give(
            challenge(scope=f"repository:{APP}:pull"),
            token("t1"),
            error(404),
            created(),
            login=US,
        )
        self.result(self.downstream.has_blob(APP, DIGEST, SIZE))
        self.put()
        self.assertEqual(self.scope(1), [BOTH])
        self.assertEqual(self.shown()[-2:], ["Bearer t1", "Bearer t1"])

    def test_tokens_are_in_a_safe_place(self) -> None:
        self.give(challenge(realm=REALM.replace("https", "http")), login=US)
        put = self.downstream.put_manifest(
            APP, "v1", OF_MANIFEST, MANIFEST, OCI_MANIFEST
        )
        self.fault(UpstreamWrong, put)


class MakingTests(SynchronousTestCase):
    def test_urls_that_cannot_be(self) -> None:
        for url in ("ftp://x", "https://us:secret@x", "x", "https://x/?y"):
            with self.assertRaises(ValueError):
                make_downstream(Clock(), at_once, Terms("x", url))
        with self.assertRaises(ValueError):
            make_downstream(
                Clock(), at_once, Terms("x", "https://x", proxy="socks://y")
            )
