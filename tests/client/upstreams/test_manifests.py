"""Tests of ``txregistry/client/upstreams/manifests.py``."""

import hashlib

from tests.client.upstreams.case import (
    ALPINE,
    MANIFEST,
    UpstreamCase,
    document,
    error,
    index,
    manifest,
)
from tests.storage.playing import SILENT, Reply
from txregistry.client.upstreams.interfaces import (
    Fetched,
    Found,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Patience
from txregistry.model.descriptors import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
)
from txregistry.model.digest import Digest
from txregistry.model.manifests import MAX_SIZE

DIGEST = Digest.of(MANIFEST)
OTHER = Digest.of(b"other")
SHA512 = Digest.of(MANIFEST, "sha512")
INDEX = b'{"schemaVersion": 2, "manifests": []}'


class HeadTests(UpstreamCase):
    def head(self, reply: Reply, reference: str = "latest") -> Found | None:
        """Give what an answer is taken for."""
        self.play(reply)
        found = self.result(self.upstream.head_manifest(ALPINE, reference))
        self.assert_let_go()
        return found

    def wrong(self, reply: Reply, reference: str = "latest") -> str:
        """Expect an answer to be wrong, and give how."""
        self.play(reply)
        work = self.upstream.head_manifest(ALPINE, reference)
        return self.fault(UpstreamWrong, work).reason

    def reply(self, digest: object = DIGEST, **others: str) -> Reply:
        """Make an answer."""
        fields = {"Docker-Content-Digest": str(digest), "Content-Type": OCI_MANIFEST}
        return Reply(headers={**fields, **others}, length=257)

    def test_tag(self) -> None:
        found = self.head(self.reply())
        self.assertEqual(found, Found(DIGEST, 257, OCI_MANIFEST))
        (asked,) = self.agent.asked
        self.assertEqual(asked.method, "HEAD")
        self.assertEqual(asked.target, f"/v2/{ALPINE}/manifests/latest")

    def test_all_known_types_are_accepted(self) -> None:
        self.head(self.reply())
        accepted = self.agent.asked[0].header("accept").split(", ")
        known = {OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST}
        self.assertEqual(set(accepted), known)

    def test_digest(self) -> None:
        found = self.head(self.reply(), str(DIGEST))
        self.assertEqual(found, Found(DIGEST, 257, OCI_MANIFEST))
        self.assertEqual(self.agent.asked[0].target[-71:], str(DIGEST))

    def test_parameters_are_no_part_of_the_type(self) -> None:
        reply = self.reply(**{"Content-Type": f"{OCI_INDEX.upper()}; charset=utf-8"})
        found = self.head(reply)
        self.assertEqual(found, Found(DIGEST, 257, OCI_INDEX))

    def test_upstream_need_not_say_anything(self) -> None:
        for kind in ("", "x", "a/b c", "é/x"):
            reply = Reply(headers={"Content-Type": kind})
            self.assertEqual(self.head(reply), Found(None, 0, ""))

    def test_absence(self) -> None:
        for status in (404, 410):
            self.assertIsNone(self.head(error(status)))

    def test_what_can_be_nowhere_is_not_asked_for(self) -> None:
        self.play()
        for name, reference in (
            (ALPINE, "sha256:123"),
            (ALPINE, "../../x"),
            (ALPINE, "-"),
            (ALPINE, ""),
            ("UPPER", "latest"),
            ("a/../b", "latest"),
            ("", "latest"),
            ("a?b", "latest"),
        ):
            work = self.upstream.head_manifest(name, reference)
            self.assertIsNone(self.result(work))
            work2 = self.upstream.get_manifest(name, reference)
            self.assertIsNone(self.result(work2))

    def test_another_digest_is_wrong(self) -> None:
        self.assertIn("of another digest", self.wrong(self.reply(OTHER), str(DIGEST)))

    def test_another_algorithm_says_nothing(self) -> None:
        found = self.head(self.reply(SHA512), str(DIGEST))
        self.assertEqual(found, Found(SHA512, 257, OCI_MANIFEST))

    def test_digest_that_is_none_is_wrong(self) -> None:
        for text in ("sha256:123", "x", "md5:" + "0" * 32):
            self.assertIn("that is none", self.wrong(self.reply(text)))

    def test_page_is_wrong(self) -> None:
        for kind in ("text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"):
            reply = self.reply(**{"Content-Type": kind})
            self.assertIn("page for people", self.wrong(reply))

    def test_size_that_cannot_be_is_wrong(self) -> None:
        reply = Reply(headers={"Content-Type": OCI_MANIFEST}, length=MAX_SIZE + 1)
        self.assertIn("larger than there can be", self.wrong(reply))


class GetTests(UpstreamCase):
    def get(self, reply: Reply, reference: str = "latest") -> Fetched | None:
        """Give what an answer is taken for."""
        self.play(reply)
        found = self.result(self.upstream.get_manifest(ALPINE, reference))
        self.assert_let_go()
        return found

    def wrong(self, reply: Reply, reference: str = "latest") -> str:
        """Expect an answer to be wrong, and give how."""
        self.play(reply)
        work = self.upstream.get_manifest(ALPINE, reference)
        return self.fault(UpstreamWrong, work).reason

    def test_tag(self) -> None:
        found = self.get(manifest(docker_content_digest=str(DIGEST)))
        self.assertEqual(found, Fetched(MANIFEST, OCI_MANIFEST, DIGEST))

    def test_upstream_need_not_say_the_digest(self) -> None:
        found = self.get(manifest())
        self.assertEqual(found, Fetched(MANIFEST, OCI_MANIFEST, DIGEST))

    def test_digest(self) -> None:
        for digest in (DIGEST, SHA512):
            found = self.get(manifest(), str(digest))
            self.assertEqual(found, Fetched(MANIFEST, OCI_MANIFEST, digest))

    def test_tag_of_another_algorithm(self) -> None:
        found = self.get(manifest(docker_content_digest=str(SHA512)))
        self.assertEqual(found, Fetched(MANIFEST, OCI_MANIFEST, SHA512))

    def test_bytes_are_as_they_came(self) -> None:
        data = b" \n" + MANIFEST + b"\n "
        found = self.get(manifest(data), str(Digest.of(data)))
        self.assertEqual(found, Fetched(data, OCI_MANIFEST, Digest.of(data)))

    def test_bytes_of_another_digest_are_wrong(self) -> None:
        for digest in (OTHER, Digest.of(b"other", "sha512")):
            said = self.wrong(manifest(), str(digest))
            self.assertIn("of another digest", said)

    def test_bytes_that_are_not_what_the_upstream_says_are_wrong(self) -> None:
        said = self.wrong(manifest(docker_content_digest=str(OTHER)))
        self.assertIn("of another digest", said)

    def test_digest_asked_for_counts_and_not_what_is_said(self) -> None:
        said = self.wrong(manifest(docker_content_digest=str(OTHER)), str(DIGEST))
        self.assertIn("of another digest", said)
        found = self.get(manifest(docker_content_digest=str(SHA512)), str(DIGEST))
        self.assertEqual(found, Fetched(MANIFEST, OCI_MANIFEST, DIGEST))

    def test_absence(self) -> None:
        for status in (404, 410):
            self.assertIsNone(self.get(error(status)))

    def test_page_is_wrong(self) -> None:
        page = b"<html>Log in!</html>"
        reply = Reply(body=page, headers={"Content-Type": "text/html"})
        self.assertIn("page for people", self.wrong(reply))
        self.assertIn("no manifest", self.wrong(manifest(page)))

    def test_type_is_in_the_document_where_nobody_else_says_it(self) -> None:
        for kind in ("application/json", "application/octet-stream", "text/plain", ""):
            reply = Reply(body=MANIFEST, headers={"Content-Type": kind})
            found = self.get(reply)
            self.assertEqual(found, Fetched(MANIFEST, OCI_MANIFEST, DIGEST))

    def test_index_need_not_say_that_it_is_one(self) -> None:
        reply = Reply(body=INDEX, headers={"Content-Type": "application/json"})
        found = self.get(reply)
        self.assertEqual(found, Fetched(INDEX, OCI_INDEX, Digest.of(INDEX)))

    def test_what_is_of_no_known_type_is_wrong(self) -> None:
        schema1 = b'{"schemaVersion": 1, "name": "x"}'
        prettyjws = "application/vnd.docker.distribution.manifest.v1+prettyjws"
        for data, kind in (
            (schema1, prettyjws),
            (schema1, "application/json"),
            (b"[]", "application/json"),
            (b"", "application/json"),
            (b"", OCI_MANIFEST),
            (b"\xff", OCI_MANIFEST),
            (b"{" * 1000, "application/json"),
            (b'{"schemaVersion": 2, "mediaType": "a/b"}', "application/json"),
        ):
            reply = Reply(body=data, headers={"Content-Type": kind})
            self.assertIn("no manifest of a known type", self.wrong(reply))

    def test_packed_manifest_is_not_unpacked(self) -> None:
        said = self.wrong(manifest(b"\x1f\x8b\x08", content_encoding="gzip"))
        self.assertIn("no manifest", said)
        self.assertEqual(self.agent.asked[0].header("accept-encoding"), "identity")

    def test_largest(self) -> None:
        data = b"{" + b" " * (MAX_SIZE - 2) + b"}"
        found = self.get(manifest(data))
        assert found is not None
        self.assertEqual(found.digest.encoded, hashlib.sha256(data).hexdigest())

    def test_what_is_larger_is_wrong(self) -> None:
        said = self.wrong(manifest(b"{" + b" " * MAX_SIZE))
        self.assertIn("more than there can be", said)

    def test_length_that_cannot_be_is_not_waited_for(self) -> None:
        headers = {"Content-Type": OCI_MANIFEST}
        for length in (MAX_SIZE + 1, 10**17):
            reply = Reply(body=b"{", headers=headers, length=length, after="silence")
            self.assertIn("more than there can be", self.wrong(reply))
            self.assertEqual(self.clock.seconds(), 0)

    def test_body_without_an_end_is_wrong(self) -> None:
        headers = {"Content-Type": OCI_MANIFEST}
        data = b"{" + b" " * MAX_SIZE
        reply = Reply(body=data, headers=headers, length=None, after="silence")
        self.assertIn("more than there can be", self.wrong(reply))

    def test_body_that_is_late_is_none(self) -> None:
        headers = {"Content-Type": OCI_MANIFEST}
        reply = Reply(body=b"{", headers=headers, length=None, after="silence")
        for patience in (
            Patience(stall=5, attempts=1),
            Patience(document=5, attempts=1),
        ):
            self.play(reply, patience=patience)
            work = self.upstream.get_manifest(ALPINE, "latest")
            self.fault(UpstreamUnavailable, work)
            self.assertLess(self.clock.seconds(), 6)

    def test_answer_that_never_comes_is_none(self) -> None:
        self.play(SILENT, patience=Patience(answer=5, attempts=1))
        work = self.upstream.get_manifest(ALPINE, "latest")
        self.assertIn(
            "did not answer in 5 s", self.fault(UpstreamUnavailable, work).reason
        )

    def test_body_that_is_cut_is_none(self) -> None:
        for length in (len(MANIFEST), None):
            headers = {"Content-Type": OCI_MANIFEST}
            reply = Reply(
                body=MANIFEST[:9], headers=headers, length=length, after="cut"
            )
            self.play(reply, patience=Patience(attempts=1))
            work = self.upstream.get_manifest(ALPINE, "latest")
            self.assertIn("broke off", self.fault(UpstreamUnavailable, work).reason)

    def test_index_is_one(self) -> None:
        self.assertEqual(
            self.get(index(INDEX)), Fetched(INDEX, OCI_INDEX, Digest.of(INDEX))
        )

    def test_headers_of_any_bytes(self) -> None:
        for text in ("\xff\xfe", "\u2603", "a" * 5000):
            found = self.get(document({"schemaVersion": 2}, x=text, content_type=text))
            assert found is not None
            self.assertEqual(found.media_type, OCI_MANIFEST)
