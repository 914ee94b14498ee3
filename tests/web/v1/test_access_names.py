"""Tests of names that mean the same repository."""

from typing import ClassVar

from tests.web.v1 import people
from tests.web.v1.images import TOP
from tests.web.v1.people import (
    BOB,
)

IMAGE = f"/v1/images/{TOP.image_id}"


class OneNameTests(people.PeopleCase):
    """``solo`` and ``library/solo`` are one repository."""

    FORMS: ClassVar = ("solo", "library/solo")

    def test_everywhere(self) -> None:
        for pushed in self.FORMS:
            self.setUp()
            write = self.push_v1(pushed, headers=BOB)
            for asked in self.FORMS:
                root = f"/v1/repositories/{asked}"
                read = self.token(asked, "read", BOB)
                for headers in (read, write, BOB):
                    for path in ("tags", "tags/latest", "images", "json", "properties"):
                        answer = self.get(f"{root}/{path}", headers)
                        self.assertEqual(answer.status, 200, (pushed, asked, path))
                    answer = self.get(f"{IMAGE}/json", headers)
                    self.assertEqual(answer.status, 200, (pushed, asked))

    def test_token_of_one_is_good_for_the_other(self) -> None:
        for given, used in (self.FORMS, self.FORMS[::-1]):
            self.setUp()
            write = self.push_v1(given, headers=BOB)
            answer = self.put_tag("more", TOP.image_id, write, used)
            self.assertEqual(answer.status, 200)
            answer = self.get(f"/v1/repositories/{given}/tags", write)
            self.assertEqual(sorted(answer.json), ["latest", "more"])

    def test_token_may_be_respelled(self) -> None:
        write = self.push_v1("solo", headers=BOB)
        tags = "/v1/repositories/solo/tags"
        for name in self.FORMS:
            text = write["Authorization"].replace("library/solo", "solo")
            headers = {"Authorization": text.replace('"solo"', f'"{name}"')}
            self.assertEqual(self.get(tags, headers).status, 200, name)

    def test_deleted_by_one_it_is_gone_from_the_other(self) -> None:
        self.push_v1("solo", headers=BOB)
        token = self.token("library/solo", "delete", BOB)
        answer = self.ask("DELETE", "/v1/repositories/library/solo/", token)
        self.assertEqual(answer.status, 200)
        answer = self.get("/v1/repositories/solo/tags", BOB)
        self.assertSays(answer, 404, "Repository not found")

    def test_privacy_is_of_both(self) -> None:
        write = self.push_v1("solo", headers=BOB)
        target = "/v1/repositories/library/solo/properties"
        self.ask("PUT", target, write, b'{"access": "private"}')
        answer = self.get("/v1/repositories/solo/properties", BOB)
        self.assertEqual(answer.json, {"access": "private"})

    def test_version_2_has_it_once(self) -> None:
        token = self.push_v1("library/solo", headers=BOB)
        self.put_tag("more", TOP.image_id, token, "solo")
        answer = self.get("/v2/_catalog", BOB)
        self.assertEqual(answer.json, {"repositories": ["solo"]})

    def test_longer_names_are_others(self) -> None:
        self.push_v1("acme/solo", headers=BOB)
        answer = self.get("/v1/repositories/solo/tags", BOB)
        self.assertSays(answer, 404, "Repository not found")
