"""Tests of ids that mean several images, and of images whose repository is gone."""

from tests.web.v1 import people
from tests.web.v1.case import R
from tests.web.v1.images import BASE, B, V1Image, document, layer_of
from tests.web.v1.people import BOB

OTHER = V1Image(B, document(B), layer_of(evil_txt="evil"))


class AmbiguousTests(people.PeopleCase):
    def test_id_of_two_images_is_none_for_who_names_no_repository(self) -> None:
        self.push_v1("acme/zzz", (BASE,), headers=BOB)
        self.push_v1("acme/aaa", (OTHER,), headers=BOB)
        answer = self.get(f"/v1/images/{B}/layer", BOB)
        self.assertSays(answer, 404, "Image not found")

    def test_id_of_the_same_image_twice_is_that(self) -> None:
        self.push_v1("acme/zzz", (BASE,), headers=BOB)
        self.push_v1("acme/aaa", (BASE,), headers=BOB)
        answer = self.get(f"/v1/images/{B}/layer", BOB)
        self.assertEqual(answer.body, BASE.layer)

    def test_images_of_a_private_repository_stay_private_when_it_is_deleted(
        self,
    ) -> None:
        self.push_v1(headers=BOB)
        private = b'{"access": "private"}'
        self.assertEqual(self.ask("PUT", f"{R}/properties", BOB, private).status, 200)
        self.assertEqual(self.ask("DELETE", f"{R}/", BOB).status, 200)
        answer = self.get(f"{R}/properties", BOB)
        self.assertEqual(answer.json, {"access": "private"})
