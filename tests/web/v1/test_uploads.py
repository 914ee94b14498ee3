"""Tests of how images are pushed: JSON first, and what may come when."""

from tests.web.exchange import CHUNKED, chunked, request_bytes
from tests.web.v1.case import R
from tests.web.v1.images import (
    BASE,
    TOP,
    B,
    T,
    V1Image,
    document,
    layer_of,
)
from tests.web.v1.pushing import BAD_JSON, NEW, NEW_ID, ON_NEW, OTHER_ID, PATH, PushCase


class StateTests(PushCase):
    """What each request does in each state."""

    def test_absent(self) -> None:
        before = self.exchange.stored()
        self.assertSays(self.put_layer(NEW, self.write), 404, "Image not found")
        self.assertSays(self.put_checksum(NEW, self.write), 404, "Image not found")
        self.assertEqual(self.exchange.stored(), before)

    def test_json_begins(self) -> None:
        answer = self.put_json(NEW, self.write)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertEqual(answer.header("cache-control"), "no-cache")
        self.assertIsNowhere()

    def test_json_again_starts_over(self) -> None:
        another = V1Image(NEW_ID, document(NEW_ID, B), NEW.layer)
        for image in (NEW, NEW, another):
            self.assertEqual(self.put_json(image, self.write).status, 200)
        self.assertEqual(self.put_layer(NEW, self.write).status, 200)
        self.assertEqual(self.put_json(another, self.write).status, 200)
        answer = self.put_checksum(another, self.write)
        self.assertSays(answer, 400, "Checksum mismatch")
        self.assertIsNowhere()

    def test_layer_may_come_again(self) -> None:
        self.put_json(NEW, self.write)
        other = V1Image(NEW_ID, NEW.json, layer_of(o_txt="other"))
        for image in (NEW, other, NEW):
            answer = self.put_layer(image, self.write)
            self.assertEqual((answer.status, answer.body), (200, b"true"))
            self.assertIsNowhere()
        self.assertSays(self.put_checksum(other, self.write), 400, "Checksum mismatch")
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()

    def test_wrong_checksum_may_be_mended(self) -> None:
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        for wrong in (BASE.payload, "sha256:" + "0" * 64, NEW.payload.upper()):
            answer = self.put_checksum(NEW, self.write, wrong)
            self.assertSays(answer, 400, "Checksum mismatch")
            self.assertIsNowhere()
        answer = self.put_checksum(NEW, self.write)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertIsComplete()

    def test_complete(self) -> None:
        self.push_parts(NEW, self.write)
        before = self.exchange.stored()
        answer = self.put_json(NEW, self.write)
        self.assertEqual(answer.body, b'{"error":"Image already exists"}')
        self.assertEqual(answer.status, 409)
        answer = self.put_layer(NEW, self.write)
        self.assertEqual(answer.body, b'{"error":"Image already exists"}')
        self.assertEqual(answer.status, 409)
        answer = self.put_checksum(NEW, self.write)
        self.assertSays(answer, 409, "Cannot set this image checksum")
        self.assertEqual(self.exchange.stored(), before)
        self.assertIsComplete()

    def test_complete_is_complete_for_every_push(self) -> None:
        self.push_parts(NEW, self.write)
        another = self.announce()
        self.assertSays(self.put_json(NEW, another), 409, "Image already exists")

    def test_complete_is_not_replaced(self) -> None:
        self.push_parts(NEW, self.write)
        evil = V1Image(NEW_ID, document(NEW_ID, B), layer_of(e_txt="evil"))
        for step in (self.put_json, self.put_layer, self.put_checksum):
            self.assertEqual(step(evil, self.announce()).status // 100, 4)
        self.assertIsComplete()

    def test_nothing_of_an_upload_stays(self) -> None:
        self.push_parts(NEW, self.write)
        self.assertEqual(
            [key for key in self.exchange.stored() if "/uploads/" in key], []
        )

    def test_two_pushes_at_once_do_not_disturb_each_other(self) -> None:
        another = self.announce()
        other = V1Image(NEW_ID, document(NEW_ID, B), layer_of(o_txt="other"))
        self.assertEqual(self.put_json(NEW, self.write).status, 200)
        self.assertEqual(self.put_json(other, another).status, 200)
        self.assertEqual(self.put_layer(NEW, self.write).status, 200)
        self.assertEqual(self.put_layer(other, another).status, 200)
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        answer = self.put_checksum(other, another)
        self.assertSays(answer, 409, "Image already exists")
        self.assertIsComplete()

    def test_retry_after_a_push_that_died(self) -> None:
        """A client that starts again is given another token."""
        for steps in range(3):
            dead = self.announce()
            for step in (self.put_json, self.put_layer)[:steps]:
                self.assertEqual(step(NEW, dead).status, 200)
        retry = self.announce()
        answer = self.part("json", retry)
        self.assertSays(answer, 404, "Image not found")
        self.push_parts(NEW, retry)
        self.assertIsComplete()

    def test_retry_with_the_same_token(self) -> None:
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        answer = self.part("json", self.write)
        self.assertSays(answer, 400, "Image is being uploaded, retry later")
        self.push_parts(NEW, self.write)
        self.assertIsComplete()

    def test_abandoned_uploads_expire(self) -> None:
        before = self.exchange.stored()
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        self.exchange.clock.advance(1000)
        expire = self.exchange.registry.image_states.expire
        self.assertEqual(self.exchange.wait(expire(1001)), 0)
        self.assertEqual(self.exchange.wait(expire(1000)), 1)
        self.assertEqual(self.exchange.stored(), before)
        self.assertSays(self.put_layer(NEW, self.write), 404, "Image not found")


class JsonTests(PushCase):
    def test_bad_json(self) -> None:
        before = self.exchange.stored()
        for data, error in BAD_JSON:
            answer = self.put_json(V1Image(NEW_ID, data, b""), self.write)
            self.assertSays(answer, 400, error)
            self.assertEqual(self.exchange.stored(), before, data[:80])
        self.assertIsNowhere()

    def test_bad_id(self) -> None:
        before = self.exchange.stored()
        for image_id in ("x", NEW_ID[1:], NEW_ID.upper(), "f" * 16, f"{NEW_ID}%0A"):
            data = b'{"id": "%s"}' % image_id.encode()
            for part in ("json", "layer"):
                target = f"/v1/images/{image_id}/{part}"
                answer = self.ask("PUT", target, self.write, data)
                if part == "layer" and len(image_id) == 16:
                    self.assertSays(answer, 404, "Image not found")
                else:
                    self.assertSays(answer, 404, "Invalid image ID")
            target = f"/v1/images/{image_id}/checksum"
            headers = {**self.write, "X-Docker-Checksum-Payload": NEW.payload}
            self.assertEqual(self.ask("PUT", target, headers, b"").status, 404)
        self.assertEqual(self.exchange.stored(), before)

    def test_is_kept_to_the_byte(self) -> None:
        for data in (
            b'{"id":"%s"}' % NEW_ID.encode(),
            b'  {"x" : 1.0e2 ,\r\n"id":"%s", "\\u00e9":"\xc3\xa9<>"}\n\n'
            % NEW_ID.encode(),
            b'{"id":"%s","parent":""}\n' % NEW_ID.encode(),
            b'{"id":"%s","parent":null}' % NEW_ID.encode(),
        ):
            self.setUp()
            image = V1Image(NEW_ID, data, NEW.layer)
            self.push_parts(image, self.write)
            self.assertIsComplete(image)
            answer = self.part("ancestry", self.read)
            self.assertEqual(answer.json, [NEW_ID])

    def test_no_more_than_id_and_parent_is_needed(self) -> None:
        """Docker 1.10 sends no more for all but the top."""
        data = b'{"id":"%s","parent":"%s"}' % (NEW_ID.encode(), T.encode())
        image = V1Image(NEW_ID, data, NEW.layer)
        self.push_parts(image, self.write)
        answer = self.part("ancestry", self.read)
        self.assertEqual(answer.json, [NEW_ID, T, B])
        self.assertEqual(self.put_tag("new", NEW_ID, self.write).status, 200)

    def test_one_mebibyte_is_enough(self) -> None:
        before = self.exchange.stored()
        for size, status in ((1 << 20, 200), ((1 << 20) + 1, 413)):
            data = b'{"id": "%s", "x": "%s"}'
            data %= NEW_ID.encode(), b"x" * (size - len(data) - len(NEW_ID) + 4)
            self.assertEqual(len(data), size)
            for more, body in (({}, data), (CHUNKED, chunked(data))):
                headers = {**self.write, **more}
                answer = self.ask("PUT", f"{PATH}/json", headers, body)
                self.assertEqual(answer.status, status)
                if status != 200:
                    self.assertEqual(list(answer.json), ["error"])
        self.assertEqual(len(self.exchange.stored()), len(before) + 1)

    def test_too_large_is_told_before_it_is_sent(self) -> None:
        connection = self.exchange.connect()
        headers = {**self.write, "Content-Length": str(1 << 30)}
        connection.send(request_bytes("PUT", f"{PATH}/json", headers))
        self.assertEqual(connection.answer("PUT").status, 413)
        connection.drop()

    def test_parent_may_be_in_progress(self) -> None:
        self.put_json(NEW, self.write)
        self.assertEqual(self.put_json(ON_NEW, self.write).status, 200)
        self.assertEqual(self.put_layer(ON_NEW, self.write).status, 200)
        answer = self.put_checksum(ON_NEW, self.write)
        self.assertSays(answer, 400, "Image depends on a non existing parent")
        self.assertIsNowhere(ON_NEW)
        self.push_parts(NEW, self.write)
        self.assertEqual(self.put_checksum(ON_NEW, self.write).status, 200)
        self.assertIsComplete(ON_NEW)
        answer = self.part("ancestry", self.read, OTHER_ID)
        self.assertEqual(answer.json, [OTHER_ID, NEW_ID])

    def test_parent_may_not_be_in_progress_elsewhere(self) -> None:
        self.put_json(NEW, self.announce())
        answer = self.put_json(ON_NEW, self.write)
        self.assertSays(answer, 400, "Image depends on a non existing parent")

    def test_no_image_is_its_own_ancestor(self) -> None:
        self.put_json(NEW, self.write)
        self.put_json(ON_NEW, self.write)
        circle = V1Image(NEW_ID, document(NEW_ID, OTHER_ID), NEW.layer)
        answer = self.put_json(circle, self.write)
        self.assertSays(answer, 400, "Image is its own ancestor")

    def test_parent_that_changes_makes_no_circle(self) -> None:
        """The child remembers another ancestry than its parent has in the end."""
        self.put_json(NEW, self.write)
        self.put_json(ON_NEW, self.write)
        self.push_parts(V1Image(NEW_ID, document(NEW_ID, T), NEW.layer), self.write)
        self.assertEqual(self.put_layer(ON_NEW, self.write).status, 200)
        self.assertEqual(self.put_checksum(ON_NEW, self.write).status, 200)
        answer = self.part("ancestry", self.read, OTHER_ID)
        self.assertEqual(answer.json, [OTHER_ID, NEW_ID, T, B])

    def test_ancestry_has_127_images(self) -> None:
        parent, top = T, 125
        for number in range(1, top + 1):
            image_id = f"{number:064x}"
            self.push_parts(
                V1Image(image_id, document(image_id, parent), b"xy"), self.write
            )
            parent = image_id
        answer = self.part("ancestry", self.read, parent)
        self.assertEqual((len(answer.json), answer.json[-1]), (127, B))
        self.assertEqual(self.put_tag("deep", parent, self.write).status, 200)
        before = self.exchange.stored()
        image = V1Image(NEW_ID, document(NEW_ID, parent), b"xy")
        answer = self.put_json(image, self.write)
        self.assertSays(answer, 400, "Image has more than 126 ancestors")
        self.assertEqual(self.exchange.stored(), before)


class SeveralTests(PushCase):
    def test_same_layer_in_two_images(self) -> None:
        twin = V1Image(OTHER_ID, document(OTHER_ID, NEW_ID), NEW.layer)
        self.push_parts(NEW, self.write)
        self.push_parts(twin, self.write)
        self.assertIsComplete(NEW)
        self.assertIsComplete(twin)

    def test_images_stay_when_their_tags_go(self) -> None:
        self.push_parts(NEW, self.write)
        self.put_tag("new", NEW_ID, self.write)
        delete = self.token(access="delete")
        self.assertEqual(self.ask("DELETE", f"{R}/tags/new", delete).status, 200)
        self.assertIsComplete()
        for image in (BASE, TOP):
            self.assertIsComplete(image)
