"""Tests of the lists of referrers."""

from typing import Any

from tests.web import exchange
from tests.web.content import (
    ABSENT,
    ABSENT_512,
    DOCKER_MANIFEST,
    LAYER,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    descriptor,
    digest_of,
    image,
    index,
    signature,
)
from tests.web.v2.test_blobs import MALFORMED


class ReferrerCase(exchange.WebCase):
    """A manifest to refer to."""

    def setUp(self) -> None:
        super().setUp()
        self.subject = self.push_image("a", "latest")
        self.digest = digest_of(self.subject)

    def sign(self, artifact_type: str = "example/signature", **more: Any) -> str:
        """Push a manifest that refers to the other, and give its digest."""
        data = image(
            layers=(),
            artifactType=artifact_type,
            subject=descriptor(self.subject, OCI_MANIFEST),
            **more,
        )
        return self.push_manifest("a", digest_of(data), data)

    def listed(self, query: str = "", digest: str | None = None) -> list[Any]:
        """Give the descriptors that are listed."""
        answer = self.get(f"/v2/a/referrers/{digest or self.digest}{query}")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.header("content-type"), OCI_INDEX)
        document = answer.json
        manifests: list[Any] = document.pop("manifests")
        self.assertEqual(document, {"schemaVersion": 2, "mediaType": OCI_INDEX})
        return manifests

    def digests(self, query: str = "") -> list[str]:
        """Give the digests that are listed."""
        return [each["digest"] for each in self.listed(query)]


class ListTests(ReferrerCase):
    def test_nobody_refers(self) -> None:
        self.assertEqual(self.listed(), [])

    def test_is_never_not_found(self) -> None:
        for name in ("a", "nobody", "a/b/c"):
            for digest in (ABSENT, ABSENT_512, digest_of(LAYER)):
                answer = self.get(f"/v2/{name}/referrers/{digest}")
                self.assertEqual(answer.status, 200, f"{name} {digest}")
                self.assertEqual(answer.json["manifests"], [], f"{name} {digest}")

    def test_malformed_digests(self) -> None:
        for digest in MALFORMED:
            answer = self.get(f"/v2/a/referrers/{digest}")
            self.assertRefused(answer, 400, "DIGEST_INVALID", digest)

    def test_bad_names(self) -> None:
        for name in ("A", "a..b", "a/../b", "x" * 241):
            answer = self.get(f"/v2/{name}/referrers/{ABSENT}")
            self.assertRefused(answer, 400, "NAME_INVALID", name)

    def test_describes_a_referrer(self) -> None:
        data = signature(self.subject)
        self.push_manifest("a", digest_of(data), data)
        self.assertEqual(
            self.listed(),
            [
                {
                    "mediaType": OCI_MANIFEST,
                    "digest": digest_of(data),
                    "size": len(data),
                    "artifactType": "example/signature",
                }
            ],
        )

    def test_annotations_are_whole(self) -> None:
        annotations = {"org.example.a": "1", "\u00e9": "", "b": "x" * 1000}
        self.sign(annotations=annotations)
        self.assertEqual(self.listed()[0]["annotations"], annotations)

    def test_without_artifact_type_the_type_of_the_config_counts(self) -> None:
        data = image(layers=(), subject=descriptor(self.subject, OCI_MANIFEST))
        self.push_manifest("a", digest_of(data), data)
        self.assertEqual(self.listed()[0]["artifactType"], OCI_CONFIG)

    def test_an_index_without_artifact_type_has_none(self) -> None:
        data = index(subject=descriptor(self.subject, OCI_MANIFEST))
        self.push_manifest("a", "sbom", data, OCI_INDEX)
        (found,) = self.listed()
        self.assertEqual(found["mediaType"], OCI_INDEX)
        self.assertNotIn("artifactType", found)

    def test_each_once_whatever_it_was_pushed_by(self) -> None:
        data = signature(self.subject)
        for reference in ("one", "two", digest_of(data)):
            self.push_manifest("a", reference, data)
        self.assertEqual(self.digests(), [digest_of(data)])

    def test_docker_manifests_refer_to_nothing(self) -> None:
        subject = descriptor(self.subject, OCI_MANIFEST)
        data = image(media_type=DOCKER_MANIFEST, subject=subject)
        self.push_manifest("a", "x", data, DOCKER_MANIFEST)
        self.assertEqual(self.listed(), [])

    def test_other_repositories_have_their_own(self) -> None:
        self.sign()
        answer = self.get(f"/v2/b/referrers/{self.digest}")
        self.assertEqual(answer.json["manifests"], [])

    def test_before_the_subject(self) -> None:
        subject = image(annotations={"later": "1"})
        data = signature(subject)
        self.push_manifest("a", digest_of(data), data)
        found = self.listed(digest=digest_of(subject))
        self.assertEqual([each["digest"] for each in found], [digest_of(data)])

    def test_deleted_referrers_are_gone(self) -> None:
        kept, gone = self.sign(annotations={"x": "1"}), self.sign()
        self.ask("DELETE", f"/v2/a/manifests/{gone}")
        self.assertEqual(self.digests(), [kept])

    def test_referrers_outlive_the_subject(self) -> None:
        digest = self.sign()
        self.ask("DELETE", f"/v2/a/manifests/{self.digest}")
        self.assertEqual(self.digests(), [digest])

    def test_subject_of_sha512(self) -> None:
        long = digest_of(self.subject, "sha512")
        subject = {**descriptor(self.subject, OCI_MANIFEST), "digest": long}
        data = image(layers=(), subject=subject)
        self.push_manifest("a", "x", data)
        found = self.listed(digest=long)
        self.assertEqual([each["digest"] for each in found], [digest_of(data)])

    def test_head(self) -> None:
        self.sign()
        head = self.ask("HEAD", f"/v2/a/referrers/{self.digest}")
        get = self.get(f"/v2/a/referrers/{self.digest}")
        self.assertEqual(head.status, 200)
        self.assertEqual(head.header("content-length"), str(len(get.body)))

    def test_takes_no_other_method(self) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = self.ask(method, f"/v2/a/referrers/{self.digest}")
            self.assertRefused(answer, 405, "UNSUPPORTED", method)
            self.assertEqual(answer.header("allow"), "GET, HEAD")


class FilterTests(ReferrerCase):
    def setUp(self) -> None:
        super().setUp()
        self.one = self.sign("example/one")
        self.two = self.sign("example/two+json")
        self.three = self.sign("example/three")

    def applied(self, query: str) -> str | None:
        answer = self.get(f"/v2/a/referrers/{self.digest}{query}")
        return answer.header("oci-filters-applied")

    def test_one_type(self) -> None:
        query = "?artifactType=example%2Fone"
        self.assertEqual(self.digests(query), [self.one])
        self.assertEqual(self.applied(query), "artifactType")

    def test_several_types_are_a_union(self) -> None:
        query = "?artifactType=example/one&artifactType=example/three&artifactType=x"
        self.assertEqual(self.digests(query), sorted([self.one, self.three]))
        self.assertEqual(self.applied(query), "artifactType")

    def test_a_type_with_a_plus(self) -> None:
        self.assertEqual(self.digests("?artifactType=example/two%2Bjson"), [self.two])

    def test_a_type_of_none(self) -> None:
        query = "?artifactType=example/none"
        self.assertEqual(self.digests(query), [])
        self.assertEqual(self.applied(query), "artifactType")

    def test_no_filter_is_none(self) -> None:
        self.assertEqual(self.digests(), sorted([self.one, self.two, self.three]))
        self.assertIsNone(self.applied(""))

    def test_a_filter_of_a_repository_never_seen(self) -> None:
        answer = self.get(f"/v2/nobody/referrers/{ABSENT}?artifactType=x")
        self.assertEqual(answer.header("oci-filters-applied"), "artifactType")


class PageTests(ReferrerCase):
    def setUp(self) -> None:
        super().setUp()
        self.all = sorted(
            self.sign(f"example/{number % 2}", annotations={"n": str(number)})
            for number in range(7)
        )

    def walk(self, query: str) -> list[list[str]]:
        target: str | None = f"/v2/a/referrers/{self.digest}{query}"
        pages = []
        while target is not None:
            answer = self.get(target)
            pages.append([each["digest"] for each in answer.json["manifests"]])
            link = answer.header("link")
            if link is not None:
                self.assertRegex(link, r'^</v2/a/referrers/sha256:[^>]+>; rel="next"$')
            target = None if link is None else link[1 : link.index(">")]
        return pages

    def test_byte_order_of_digests(self) -> None:
        self.assertEqual(self.walk(""), [self.all])

    def test_n(self) -> None:
        for count in (1, 2, 3, 7, 8):
            pages = self.walk(f"?n={count}")
            self.assertEqual([digest for page in pages for digest in page], self.all)
            self.assertEqual({len(page) for page in pages[:-1]} - {count}, set())

    def test_pages_keep_the_filter(self) -> None:
        pages = self.walk("?artifactType=example/1&n=2")
        self.assertEqual([len(page) for page in pages], [2, 1])

    def test_n_that_is_no_number(self) -> None:
        answer = self.get(f"/v2/a/referrers/{self.digest}?n=x")
        self.assertRefused(answer, 400, "PAGINATION_NUMBER_INVALID")

    def test_pages_stay_below_what_containerd_reads(self) -> None:
        large = {"x": "x" * 1_000_000}
        self.all += [self.sign(annotations={**large, "n": str(n)}) for n in range(5)]
        for answer_size, page in self.sizes():
            self.assertLess(answer_size, 4 * 1024 * 1024)
            self.assertTrue(page)
        found = [digest for _, page in self.sizes() for digest in page]
        self.assertEqual(found, sorted(self.all))

    def sizes(self) -> list[tuple[int, list[str]]]:
        target: str | None = f"/v2/a/referrers/{self.digest}"
        pages = []
        while target is not None:
            answer = self.get(target)
            digests = [each["digest"] for each in answer.json["manifests"]]
            pages.append((len(answer.body), digests))
            link = answer.header("link")
            target = None if link is None else link[1 : link.index(">")]
        return pages


class FallbackTests(ReferrerCase):
    def fallback(self) -> str:
        return self.digest.replace(":", "-")

    def test_says_what_the_list_says(self) -> None:
        self.sign(annotations={"a": "b"})
        self.sign("example/other")
        document = self.get(f"/v2/a/manifests/{self.fallback()}").json
        found = sorted(document["manifests"], key=lambda each: str(each["digest"]))
        self.assertEqual(found, self.listed())

    def test_goes_with_the_last_referrer(self) -> None:
        digest = self.sign()
        self.ask("DELETE", f"/v2/a/manifests/{digest}")
        answer = self.get(f"/v2/a/manifests/{self.fallback()}")
        self.assertRefused(answer, 404, "MANIFEST_UNKNOWN")

    def test_what_a_client_wrote_there_is_listed(self) -> None:
        """Clients of registries without referrers kept them in this index."""
        self.exchange = exchange.Exchange(write_fallback=False)
        self.push_image("a", "latest")
        data = signature(self.subject)
        self.push_manifest("a", digest_of(data), data)
        keys = [key for key in self.exchange.stored() if "/_referrers/" in key]
        self.exchange.wait(self.exchange.store.delete(keys))
        self.assertEqual(self.digests(), [])
        self.push_manifest("a", self.fallback(), index(data), OCI_INDEX)
        self.assertEqual(self.digests(), [digest_of(data)])

    def test_switched_off(self) -> None:
        self.exchange = exchange.Exchange(write_fallback=False)
        self.push_image("a", "latest")
        digest = self.sign()
        self.assertEqual(self.digests(), [digest])
        self.assertEqual(self.get("/v2/a/tags/list").json["tags"], ["latest"])

    def test_strangers_in_the_fallback_are_not_listed(self) -> None:
        """Only what has this subject refers to it, whatever an index says."""
        other = self.push_image("a", "other", annotations={"b": "c"})
        self.push_manifest("a", self.fallback(), index(other), OCI_INDEX)
        self.assertEqual(self.listed(), [])
