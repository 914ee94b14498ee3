"""Tests of what an Index answers to who sends a bearer token of version 2."""

from tests.web.v1 import people
from tests.web.v1.case import R
from tests.web.v1.people import BOB
from tests.web.v1.test_index import IMAGES, WANTED
from txregistry.settings.sections import TokenEndpoint


class BearerTests(people.PeopleCase):
    """Who sends a bearer token, which is good for minutes."""

    more = {"endpoint": TokenEndpoint()}  # noqa: RUF012 - read only

    def bearer(self, actions: str) -> dict[str, str]:
        """Be given one, for ``acme/web``, as bob."""
        answer = self.get(f"/auth/token?scope=repository:acme/web:{actions}", BOB)
        return {"Authorization": f"Bearer {answer.json['token']}"}

    def test_may_do_what_it_is_good_for(self) -> None:
        self.push_v1(headers=BOB)
        bearer = self.bearer("pull")
        self.assertEqual(self.get(f"{R}/images", bearer).status, 200)
        self.assertEqual(self.ask("PUT", f"{R}/", bearer, IMAGES).status, 403)

    def test_is_given_no_token_that_is_good_for_hours(self) -> None:
        self.push_v1(headers=BOB)
        bearer = {**self.bearer("pull,push,delete"), **WANTED}
        for method, target, body in (
            ("PUT", f"{R}/", IMAGES),
            ("GET", f"{R}/images", None),
            ("DELETE", f"{R}/images", None),
        ):
            answer = self.ask(method, target, bearer, body)
            self.assertIn(answer.status, {200, 204}, target)
            self.assertIsNone(answer.header("x-docker-token"), target)
            self.assertIsNone(answer.header("set-cookie"), target)
