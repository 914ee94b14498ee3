"""Tests of the weaknesses that the original server had, and this one must not have.

One or more for each row of Docker Registry API v1, "Weaknesses, and compatible
answers"; each would fail if this server did what the original did.
"""

import json

from tests.web.answers import Answer
from tests.web.v1 import people
from tests.web.v1.case import R
from tests.web.v1.images import BASE, TOP, B, T, V1Image, document, layer_of
from tests.web.v1.people import BOB, EVE, UNAUTHORIZED, bent

POISON = V1Image(B, document(B), layer_of(evil_txt="evil"))
"""Something else under the id of a base image that all the world knows."""

EVES = "/v1/repositories/eve/own"
IMAGE = f"/v1/images/{T}"
FOREIGN = V1Image("e" * 64, document("e" * 64, B), layer_of(e_txt="eve"))
PATHS = (
    *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e", "..", ".", "a/../b"),
    *("....//", "%00", "a%00b", "/etc/passwd", "%2Fetc%2Fpasswd", "C:%5Cx", "~root"),
)


class WeaknessCase(people.PeopleCase):
    """Bob has ``acme/web`` for himself; eve would like to have more than hers."""

    def setUp(self) -> None:
        super().setUp()
        self.bob = self.push_v1(headers=BOB)

    def eve(self, access: str = "write") -> dict[str, str]:
        """Give a token of eve's, for what is hers."""
        return self.token("eve/own", access, EVE)


class WeaknessTests(WeaknessCase):
    """Ids, tokens and the repositories that they are of."""

    # W1: ids are self-chosen; the first writer owns an id for everybody.

    def test_w01_who_came_first_does_not_own_an_id(self) -> None:
        eve = self.eve()
        answer = self.get(f"/v1/images/{B}/json", eve)
        self.assertSays(answer, 404, "Image not found")
        self.push_parts(POISON, eve)
        answer = self.get(f"/v1/images/{B}/layer", eve)
        self.assertEqual(answer.body, POISON.layer)

    def test_w01_poison_stays_where_it_was_pushed(self) -> None:
        self.push_parts(POISON, self.eve())
        answer = self.get(f"/v1/images/{B}/layer", self.bob)
        self.assertEqual(answer.body, BASE.layer)

    def test_w01_later_pushers_are_not_told_to_skip_an_image(self) -> None:
        self.push_v1("eve/own", (POISON,), headers=EVE)
        token = self.announce("acme/more", BOB)
        self.assertEqual(self.get(f"/v1/images/{B}/json", token).status, 404)
        self.push_parts(BASE, token)
        answer = self.get(f"/v1/images/{B}/layer", token)
        self.assertEqual(answer.body, BASE.layer)

    def test_w01_layers_are_shared_by_digest(self) -> None:
        self.push_v1("acme/more", headers=BOB)
        blobs = [key for key in self.exchange.stored() if key.endswith("/data")]
        self.assertEqual(len(blobs), len(set(blobs)))
        layers = [
            self.exchange.wait(self.exchange.store.get(key, 1 << 20)) for key in blobs
        ]
        self.assertEqual(layers.count(BASE.layer), 1)

    # W2: any valid token reads any image by id.

    def test_w02_token_reads_no_image_of_another_repository(self) -> None:
        self.push_v1("eve/own", (FOREIGN_BASE, FOREIGN), headers=EVE)
        for access in ("write", "read"):
            token = self.eve(access)
            for part in ("json", "layer", "ancestry", "files", "diff"):
                answer = self.get(f"{IMAGE}/{part}", token)
                self.assertSays(answer, 404, "Image not found")

    def test_w02_hidden_looks_as_absent(self) -> None:
        eve = self.eve()
        for part in ("json", "layer", "ancestry"):
            hidden = self.get(f"{IMAGE}/{part}", eve)
            absent = self.get(f"/v1/images/{'f' * 64}/{part}", eve)
            self.assertEqual(_without_date(hidden), _without_date(absent), part)

    def test_w02_ancestry_names_nothing_of_others(self) -> None:
        eve = self.eve()
        answer = self.put_json(V1Image(T, document(T, B), b""), eve)
        self.assertSays(answer, 400, "Image depends on a non existing parent")
        answer = self.get(f"{IMAGE}/ancestry", eve)
        self.assertSays(answer, 404, "Image not found")

    # W3: PUT tag mounts other people's images.

    def test_w03_tag_mounts_no_image_of_others(self) -> None:
        answer = self.put_tag("mine", T, self.eve(), "eve/own")
        self.assertSays(answer, 404, "Image not found")
        self.assertSays(self.get(f"{EVES}/tags/mine", EVE), 404, "Tag not found")

    def test_w03_tag_names_no_image_that_is_incomplete(self) -> None:
        image = V1Image("c" * 64, document("c" * 64), layer_of(c_txt="c"))
        for step in (self.put_json, self.put_layer):
            self.assertEqual(step(image, self.bob).status, 200)
            answer = self.put_tag("new", image.image_id, self.bob)
            self.assertSays(answer, 404, "Image not found")

    # W4: the image list proves nothing, clients declare it.

    def test_w04_who_lists_an_image_does_not_get_it(self) -> None:
        listed = json.dumps([{"id": T, "checksum": TOP.payload}, {"id": B}]).encode()
        for target in (f"{EVES}/", f"{EVES}/images"):
            self.assertIn(self.ask("PUT", target, EVE, listed).status, {200, 204})
        for token in (self.eve(), self.eve("read")):
            for part in ("json", "layer", "ancestry"):
                answer = self.get(f"{IMAGE}/{part}", token)
                self.assertSays(answer, 404, "Image not found")
        answer = self.put_tag("mine", T, self.eve(), "eve/own")
        self.assertSays(answer, 404, "Image not found")

    # W5: repository and access are read from clear text by a lax expression.

    def test_w05_last_of_duplicates_does_not_win(self) -> None:
        text = self.eve()["Authorization"]
        for more in (
            ',repository="acme/web"',
            ' repository="acme/web"',
            ",repository=acme/web",
            ',repository:"acme/web"',
            ',xrepository="acme/web"',
            ',access=read,repository="acme/web"',
        ):
            for whole in (text + more, text.replace("Token ", f"Token {more[1:]},")):
                answer = self.get(f"{R}/tags", {"Authorization": whole})
                self.assertSays(answer, 401, UNAUTHORIZED)

    def test_w05_all_claims_are_signed(self) -> None:
        for old, new in (("eve/own", "acme/web"), ("access=write", "access=delete")):
            answer = self.get(f"{R}/tags", bent(self.eve(), old, new))
            self.assertSays(answer, 401, UNAUTHORIZED)
        for access in ("read", "delete", "", "x"):
            bad = bent(self.bob, "access=write", f"access={access}")
            self.assertSays(self.get(f"{R}/tags", bad), 401, UNAUTHORIZED)

    def test_w05_missing_access_is_not_all(self) -> None:
        bad = bent(self.bob, ",access=write", "")
        self.assertSays(self.get(f"{R}/tags", bad), 401, UNAUTHORIZED)
        self.assertSays(self.put_tag("a", T, bad), 401, UNAUTHORIZED)

    # W6: the token's repository is pasted into a URL.

    def test_w06_tokens_repository_is_of_the_grammar(self) -> None:
        for name in ("acme/web/images?x=", "acme/web#", "acme/../eve", "a b", "%2e%2e"):
            token = f'Token signature=x,repository="{name}",access=read'
            answer = self.get(f"{R}/tags", {"Authorization": token})
            self.assertSays(answer, 401, UNAUTHORIZED)

    # W7: cookies are replayed and widen rights; the address is anybody's word.

    def test_w07_cookie_is_good_for_no_more_than_its_token(self) -> None:
        self.push_v1("eve/own", (FOREIGN_BASE, FOREIGN), headers=EVE)
        given = self.get(f"{EVES}/tags", self.eve("read")).header("set-cookie") or ""
        cookie = {"Cookie": given.partition(";")[0]}
        self.assertEqual(self.get(f"{EVES}/tags", cookie).status, 200)
        self.assertSays(self.get(f"{R}/tags", cookie), 401, UNAUTHORIZED)
        self.assertSays(self.get(f"{IMAGE}/json", cookie), 404, "Image not found")
        answer = self.put_tag("a", FOREIGN.image_id, cookie, "eve/own")
        self.assertSays(answer, 401, UNAUTHORIZED)

    def test_w07_cookie_ends(self) -> None:
        given = self.get(f"{R}/tags", self.bob).header("set-cookie") or ""
        cookie = {"Cookie": given.partition(";")[0]}
        self.exchange.clock.advance(3600)
        self.assertSays(self.get(f"{R}/tags", cookie), 401, UNAUTHORIZED)

    def test_w07_cookie_of_the_original_is_none(self) -> None:
        pickled = "gAJ9cQFVCnJlcG9zaXRvcnk.signature?auth=UydhY21lL3dlYicKLg=="
        answer = self.get(f"{R}/tags", {"Cookie": f"session={pickled}"})
        self.assertSays(answer, 401, UNAUTHORIZED)

    def test_w07_forwarded_addresses_are_not_believed(self) -> None:
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"):
            answer = self.get(f"{R}/tags", {name: "127.0.0.1"})
            self.assertSays(answer, 401, UNAUTHORIZED)

    # W8: private data is "public" for a year; 304 without checks.

    def test_w08_private_data_is_private(self) -> None:
        for part in ("json", "layer", "ancestry"):
            answer = self.get(f"{IMAGE}/{part}", self.bob)
            control = answer.header("cache-control") or ""
            self.assertEqual(control, "private, max-age=31536000", part)
            self.assertIn("Authorization", answer.header("vary") or "", part)

    def test_w08_not_modified_is_said_to_who_may_know_alone(self) -> None:
        condition = {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
        for part in ("json", "layer", "ancestry", "files", "diff"):
            path = f"{IMAGE}/{part}"
            self.assertSays(self.get(path, condition), 401, UNAUTHORIZED)
            answer = self.get(path, {**condition, **self.eve()})
            self.assertSays(answer, 404, "Image not found")
            absent = f"/v1/images/{'f' * 64}/{part}"
            answer = self.get(absent, {**condition, **self.bob})
            self.assertSays(answer, 404, "Image not found")
            self.assertEqual(self.get(path, {**condition, **self.bob}).status, 304)

    # W9: endpoints come from Host.


FOREIGN_BASE = V1Image(B, document(B), layer_of(f_txt="eve's base"))
POISON_OF_C = V1Image("c" * 64, document("c" * 64), layer_of(c_txt="evil"))


def _without_date(answer: Answer) -> tuple[int, bytes, list[tuple[str, str]]]:
    fields = [
        field for field in answer.fields if field[0] not in {"date", "set-cookie"}
    ]
    return answer.status, answer.body, fields
