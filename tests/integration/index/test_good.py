"""An Index that does as it should: what it is asked, how often, and when it is gone."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from tests.integration.index import case
from tests.integration.index.case import (
    BOUND,
    KEEP,
    UNAUTHORIZED,
    UNAVAILABLE,
    R,
    Reply,
    V1Daemon,
    token,
)
from tests.integration.index.fake import FakeIndex, Line, Question, good
from tests.web.v1.images import BASE, TOP, B, T

TAGS = f"{R}/tags"


class GoodCase(case.IndexCase):
    """A registry with an image, and its Index. Inherit in this module alone."""

    daemon: V1Daemon
    index: FakeIndex

    def setUp(self) -> None:
        super().setUp()
        self.index = self.fake()
        self.daemon = self.serve_with_index(self.index.url)
        self.index.behave = good([B, T])
        self.write = token()
        for image in (BASE, TOP):
            self.push(self.daemon, image, self.write)
        body = json.dumps(T).encode()
        reply = self.daemon.ask("PUT", f"{TAGS}/latest", self.write, body)
        self.assertEqual(reply.status, 200)
        self.index.asked.clear()

    def together(self, headers: dict[str, str], *paths: str) -> list[Reply]:
        """Ask for several things at the same time."""
        with ThreadPoolExecutor(len(paths)) as threads:
            asked = [
                threads.submit(self.daemon.ask, "GET", path, headers) for path in paths
            ]
            return [each.result() for each in asked]


class QuestionTests(GoodCase):
    def test_token_that_it_knows_is_good(self) -> None:
        read = token("read")
        for path in (TAGS, f"{TAGS}/latest", *_parts(T), *_parts(B)):
            self.assertEqual(self.daemon.ask("GET", path, read).status, 200, path)

    def test_token_that_it_does_not_know_is_none(self) -> None:
        for path in (TAGS, f"{TAGS}/latest", *_parts(T)):
            reply = self.daemon.ask("GET", path, token("read", signature="bad"))
            self.assertEqual(reply.said, UNAUTHORIZED, path)

    def test_is_asked_as_the_first_registries_did(self) -> None:
        read = token("read")
        self.daemon.ask("GET", TAGS, {**read, "Cookie": "a=b", "X-Meta": "c"})
        (question,) = self.index.asked
        self.assertEqual((question.method, question.path), ("GET", f"{R}/images"))
        self.assertEqual(question.headers["authorization"], read["Authorization"])
        self.assertNotIn("cookie", question.headers)
        self.assertNotIn("x-meta", question.headers)

    def test_name_without_namespace_is_asked_for_in_full(self) -> None:
        for name in ("solo", "library/solo"):
            read = token("read", name)
            self.daemon.ask("GET", f"/v1/repositories/{name}/tags", read)
            path = self.index.asked[-1].path
            self.assertEqual(path, "/v1/repositories/library/solo/images")

    def test_is_not_asked_about_what_is_none(self) -> None:
        for headers in (
            {},
            {"Authorization": "Token"},
            {"Authorization": "Basic Ym9iOnNlY3JldA=="},
            {"Authorization": "Basic Og=="},
            {"Authorization": "Bearer good"},
            {"Authorization": "Token signature=good"},
            token("read", "acme/web/images?x="),
            token("read", "../x"),
            token("all"),
            token("read", signature="x" * 5000),
        ):
            reply = self.daemon.ask("GET", TAGS, headers)
            self.assertEqual(reply.said, UNAUTHORIZED)
        self.assertEqual(self.index.asked, [])

    def test_password_is_never_shown_to_it(self) -> None:
        self.daemon.ask("GET", TAGS, {"Authorization": "Basic Ym9iOnNlY3JldA=="})
        self.daemon.ask("GET", TAGS, token("read"))
        for question in self.index.asked:
            self.assertNotIn("Basic", question.headers["authorization"])

    def test_access_is_what_the_token_says(self) -> None:
        body = json.dumps(T).encode()
        for access, method, path, status in (
            ("read", "PUT", f"{TAGS}/new", 401),
            ("delete", "PUT", f"{TAGS}/new", 401),
            ("delete", "GET", TAGS, 401),
            ("write", "DELETE", f"{TAGS}/latest", 401),
            ("write", "GET", TAGS, 200),
            ("write", "PUT", f"{TAGS}/new", 200),
            ("delete", "DELETE", f"{TAGS}/new", 200),
        ):
            data = body if method == "PUT" else None
            reply = self.daemon.ask(method, path, token(access), data)
            self.assertEqual(reply.status, status, (access, method, path))

    def test_cookie_stands_for_its_token(self) -> None:
        given = self.daemon.ask("GET", TAGS, token("read")).headers["set-cookie"]
        cookie = {"Cookie": given.partition(";")[0]}
        self.assertEqual(self.daemon.ask("GET", TAGS, cookie).status, 200)
        body = json.dumps(T).encode()
        reply = self.daemon.ask("PUT", f"{TAGS}/new", cookie, body)
        self.assertEqual(reply.said, UNAUTHORIZED)


class OftenTests(GoodCase):
    def test_parallel_requests_are_one_question(self) -> None:
        """Docker 1.5 looks for five images at a time."""
        self.index.behave = good([B, T], after=0.5)
        replies = self.together(token(), *[f"/v1/images/{T}/json"] * 5, TAGS)
        self.assertEqual([each.status for each in replies], [200] * 6)
        self.assertEqual(len(self.index.asked), 1)

    def test_parallel_requests_are_one_refusal(self) -> None:
        self.index.behave = good([B, T], after=0.5)
        replies = self.together(token(signature="bad"), *[TAGS] * 5)
        self.assertEqual([each.said for each in replies], [UNAUTHORIZED] * 5)
        self.assertEqual(len(self.index.asked), 1)

    def test_answer_is_kept_for_a_while(self) -> None:
        read = token("read")
        began = time.monotonic()
        self.assertEqual(self.daemon.ask("GET", TAGS, read).status, 200)
        while len(self.index.asked) == 1:
            self.assertEqual(self.daemon.ask("GET", TAGS, read).status, 200)
            self.assertLess(time.monotonic() - began, KEEP + BOUND)
        self.assertGreaterEqual(time.monotonic() - began, KEEP)

    def test_token_that_ends_is_good_no_longer_than_its_answer_is_kept(self) -> None:
        read = token("read", signature="good-for-now")
        self.assertEqual(self.daemon.ask("GET", TAGS, read).status, 200)
        ended = time.monotonic()

        def refuse(line: Line, question: Question) -> None:
            del question
            line.send(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")

        self.index.behave = refuse
        self.eventually(lambda: self.daemon.ask("GET", TAGS, read).status == 401)
        self.assertLess(time.monotonic() - ended, KEEP + BOUND)

    def test_answer_is_for_one_token_alone(self) -> None:
        read = token("read")
        self.daemon.ask("GET", TAGS, read)
        for other in (
            token("read", signature="bad"),
            token("write", signature="bad"),
            {"Authorization": read["Authorization"].replace("good", "goo")},
        ):
            reply = self.daemon.ask("GET", TAGS, other)
            self.assertEqual(reply.said, UNAUTHORIZED)


class GoneTests(GoodCase):
    def assertIsUnavailable(self, headers: dict[str, str]) -> None:
        """Nobody gets in, and all are told to come again."""
        reply = self.daemon.ask("GET", TAGS, headers)
        self.assertEqual(reply.said, UNAVAILABLE)
        self.assertIn("retry-after", reply.headers)
        self.assertLess(reply.seconds, BOUND)

    def test_killed_and_back_again(self) -> None:
        read = token("read")
        self.index.kill()
        self.assertIsUnavailable(read)
        self.assertIsUnavailable(token("read", signature="bad"))
        self.index.start()
        self.assertEqual(self.daemon.ask("GET", TAGS, read).status, 200)
        reply = self.daemon.ask("GET", TAGS, token("read", signature="bad"))
        self.assertEqual(reply.said, UNAUTHORIZED)

    def test_killed_in_the_middle_of_an_answer(self) -> None:
        begun: list[Question] = []

        def half(line: Line, question: Question) -> None:
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n[")
            begun.append(question)
            line.wait(30)

        self.index.behave = half
        read = token("read")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(self.daemon.ask, "GET", TAGS, read)
            self.eventually(lambda: bool(begun))
            self.index.kill()
            self.assertEqual(waiting.result().said, UNAVAILABLE)
        self.index.behave = good([B, T])
        self.index.start()
        self.assertEqual(self.daemon.ask("GET", TAGS, read).status, 200)

    def test_killed_in_the_middle_of_a_push(self) -> None:
        new = "c" * 64
        image = type(BASE)(new, b'{"id": "%s"}' % new.encode(), TOP.layer)
        self.index.behave = good([new])
        write = token()
        path = f"/v1/images/{new}"
        reply = self.daemon.ask("PUT", f"{path}/json", write, image.json)
        self.assertEqual(reply.status, 200)
        self.index.kill()
        self.eventually(
            lambda: (
                self.daemon.ask("PUT", f"{path}/layer", write, image.layer).said
                == UNAVAILABLE
            )
        )
        self.assertIsUnavailable(write)
        self.index.start()
        for part, body in (("layer", image.layer), ("checksum", b"")):
            headers = {**write, "X-Docker-Checksum-Payload": image.payload}
            reply = self.daemon.ask("PUT", f"{path}/{part}", headers, body)
            self.assertEqual(reply.said, (200, True))
        reply = self.daemon.ask("GET", f"{path}/layer", token("read"))
        self.assertEqual((reply.status, reply.body), (200, image.layer))

    def test_never_there(self) -> None:
        self.index.kill()
        for _ in range(3):
            self.assertIsUnavailable(token("read"))
        for headers in ({}, {"Authorization": "Basic Og=="}):
            reply = self.daemon.ask("GET", TAGS, headers)
            self.assertEqual(reply.said, UNAUTHORIZED)

    def test_kept_connections_that_are_dead_do_no_harm(self) -> None:
        for _ in range(5):
            self.assertEqual(self.daemon.ask("GET", TAGS, token("read")).status, 200)
            self.index.kill()
            self.index.start()


def _parts(image_id: str) -> list[str]:
    return [f"/v1/images/{image_id}/{part}" for part in ("json", "layer", "ancestry")]
