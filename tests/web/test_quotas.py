"""Tests of quotas, as clients of both versions meet them."""

from twisted.internet.task import Clock

from tests.web.answers import Answer
from tests.web.content import OCI_MANIFEST, digest_of, image
from tests.web.exchange import CHUNKED, Exchange, chunked
from tests.web.v1 import case
from tests.web.v1.images import BASE, TOP, V1Image, layer_of
from txregistry.registry.quotas.rules import Quota
from txregistry.settings.sections import Settings

UPLOADS = "/v2/acme/web/blobs/uploads/"
BIG = b"b" * 6000
LETTERS = "".join(digest_of(b"%d" % number) for number in range(300))
HUGE = V1Image(TOP.image_id, TOP.json, layer_of(a_txt=LETTERS))


class QuotaCase(case.V1Case):
    """A registry in which all repositories of ``acme`` have a quota together."""

    def setUp(self) -> None:
        clock = Clock()
        clock.advance(1_700_000_000)
        quotas = [Quota(("acme/**",), 8192, 2)]
        self.exchange = Exchange(version1=Settings(), clock=clock, quotas=quotas)

    def denied(self, answer: Answer, told: str, before: object) -> None:
        """Expect a refusal that says how much is used, and left nothing."""
        self.assertEqual((answer.status, answer.code), (403, "DENIED"))
        message = answer.json["errors"][0]["message"]
        start = "The quota of acme/** has no room for this: its repositories use "
        self.assertTrue(message.startswith(f"{start}{told} more. "), message)
        self.assertEqual(self.exchange.stored(), before)


class Version2Tests(QuotaCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blob("acme/web", BIG)
        self.before = self.exchange.stored()
        self.told = "5.9 KiB of 8 KiB, and this takes 3.9 KiB"

    def test_a_whole_blob_is_refused(self) -> None:
        data = b"x" * 4000
        target = f"{UPLOADS}?digest={digest_of(data)}"
        self.denied(self.ask("POST", target, body=data), self.told, self.before)

    def test_it_is_refused_before_it_comes(self) -> None:
        data = b"x" * 4000
        target = f"{UPLOADS}?digest={digest_of(data)}"
        head = f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n"
        answer = self.exchange.ask_raw(head.encode(), "POST")
        self.denied(answer, self.told, self.before)

    def test_a_chunk_of_known_length_is_refused(self) -> None:
        location = self.begin_upload("acme/web")
        answer = self.ask("PATCH", location, body=b"x" * 7000)
        self.denied(answer, "5.9 KiB of 8 KiB, and this takes 6.8 KiB", self.before)
        self.assertEqual(self.get(location).status, 404)

    def test_a_chunk_as_docker_sends_it_is_refused(self) -> None:
        location = self.begin_upload("acme/web")
        body = chunked(b"x" * 3000, b"x" * 3000, b"x" * 3000)
        answer = self.ask("PATCH", location, CHUNKED, body)
        self.denied(answer, "5.9 KiB of 8 KiB, and this takes 5.9 KiB", self.before)
        self.assertEqual(self.get(location).status, 404)

    def test_the_end_of_an_upload_is_refused(self) -> None:
        location = self.begin_upload("acme/web")
        data = b"x" * 4000
        target = f"{location}?digest={digest_of(data)}"
        self.denied(self.ask("PUT", target, body=data), self.told, self.before)

    def test_a_mount_is_refused(self) -> None:
        data = b"x" * 4000
        digest = self.push_blob("other", data)
        before = self.exchange.stored()
        answer = self.ask("POST", f"{UPLOADS}?mount={digest}&from=other")
        self.denied(answer, self.told, before)

    def test_a_mount_within_costs_nothing(self) -> None:
        target = f"/v2/acme/app/blobs/uploads/?mount={digest_of(BIG)}&from=acme/web"
        self.assertEqual(self.ask("POST", target).status, 201)
        self.push_blob("acme/app", b"x" * 2192)

    def test_what_is_there_is_taken_as_docker_sends_it(self) -> None:
        self.push_blob("acme/app", b"x" * 2192)
        location = self.begin_upload("acme/app")
        answer = self.ask("PATCH", location, CHUNKED, chunked(BIG))
        self.assertEqual(answer.status, 202)
        answer = self.ask("PUT", f"{location}?digest={digest_of(BIG)}")
        self.assertEqual(answer.status, 201)

    def test_what_is_new_is_refused_at_its_end(self) -> None:
        location = self.begin_upload("acme/app")
        data = b"x" * 4000
        answer = self.ask("PATCH", location, CHUNKED, chunked(data))
        self.assertEqual(answer.status, 202)
        answer = self.ask("PUT", f"{location}?digest={digest_of(data)}")
        self.denied(answer, self.told, self.before)

    def test_a_manifest_is_refused_for_its_tag(self) -> None:
        data = self.push_image("acme/web", "v1", "v2")
        before = self.exchange.stored()
        headers = {"Content-Type": OCI_MANIFEST}
        target = "/v2/acme/web/manifests/v3"
        answer = self.ask("PUT", target, headers, data)
        self.denied(answer, "2 of 2 tags, and this takes 1", before)
        self.assertEqual(answer.json["errors"][0]["detail"]["unit"], "tags")
        self.push_manifest("acme/web", "v2", image(annotations={"a": "b"}))
        self.ask("DELETE", "/v2/acme/web/manifests/v1")
        self.push_manifest("acme/web", "v3", data)

    def test_others_are_not_concerned(self) -> None:
        self.push_blob("other", b"x" * 9000)
        self.push_image("other", "v1", "v2", "v3")
        self.push_blob("acme/web", b"x" * 2192)


class Version1Tests(QuotaCase):
    def test_a_layer_is_refused_while_it_comes(self) -> None:
        token = self.announce()
        self.push_parts(BASE, token)
        before = self.exchange.stored()
        self.assertEqual(self.put_json(HUGE, token).status, 200)
        answer = self.put_layer(HUGE, token)
        self.assertEqual(answer.status, 403)
        told = answer.json["error"]
        self.assertIn("The quota of acme/** has no room for this", told)
        self.assertIn("bytes of 8 KiB", told)
        self.assertEqual(self.exchange.stored(), before)

    def test_a_tag_is_refused(self) -> None:
        write = self.push_v1(tags=("v1", "v2"))
        before = self.exchange.stored()
        answer = self.put_tag("v3", TOP.image_id, write)
        self.assertEqual(answer.status, 403)
        self.assertIn("use 2 of 2 tags, and this takes 1 more", answer.json["error"])
        self.assertEqual(self.exchange.stored(), before)
        self.assertEqual(self.put_tag("v2", BASE.image_id, write).status, 200)

    def test_a_layer_does_not_fit_beside_what_came_meanwhile(self) -> None:
        token = self.announce()
        self.push_parts(BASE, token)
        before = self.exchange.stored()
        self.assertEqual(self.put_json(TOP, token).status, 200)
        self.assertEqual(self.put_layer(TOP, token).status, 200)
        used = 8192 - len(BASE.layer) - len(TOP.layer) + 1
        self.push_blob("acme/app", b"x" * used)
        self.assertEqual(self.put_checksum(TOP, token).status, 403)
        digest = digest_of(b"x" * used)
        self.assertEqual(self.ask("DELETE", f"/v2/acme/app/blobs/{digest}").status, 202)
        left = [key for key in self.exchange.stored() if key not in before]
        self.assertEqual([key for key in left if digest[7:] not in key], [])
        answer = self.get(f"/v1/images/{TOP.image_id}/json", token)
        self.assertEqual(answer.status, 404)
