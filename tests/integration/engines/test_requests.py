"""The bytes that the engines send, and what they carry with them."""

import socket
import threading
from collections.abc import Sequence
from contextlib import closing

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.engines import case, hello
from tests.integration.engines.authorization import Credentials
from tests.integration.engines.case import BOB, NAME
from tests.integration.engines.connection import Request, Url
from tests.integration.engines.cookies import CookieJar
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import EngineError, SpeaksV2
from tests.integration.engines.images import make_images
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.scripted import Answer, Asked, Scripted
from tests.integration.engines.trace import Kind, kind_of

INDEX = f"/v1/repositories/{NAME}/"
IMAGES = f"{INDEX}images"
USERS = "/v1/users/"
OG = Kind.ANONYMOUS


class BytesTests(case.EngineCase):
    def test_go_writes_names_sorted_and_its_own_last(self) -> None:
        headers = (("X-A", "1"), ("User-Agent", "docker"), ("Content-Type", "t"))
        url = Url.parse("http://a:5000/v1/b?c=d")
        self.assertEqual(
            b"".join(Request("PUT", url, headers, chunks=(b"ab", b"c" * 17)).pieces()),
            b"PUT /v1/b?c=d HTTP/1.1\r\nHost: a:5000\r\nUser-Agent: docker\r\n"
            b"Transfer-Encoding: chunked\r\nContent-Type: t\r\nX-A: 1\r\n"
            b"Accept-Encoding: gzip\r\nConnection: close\r\n\r\n"
            b"2\r\nab\r\n11\r\nccccccccccccccccc\r\n0\r\n\r\n",
        )

    def pushed(self, release: str) -> tuple[Scripted, str]:
        """Push; give the registry and the path of the image on top."""
        registry = self.serve()
        top = self.push(registry, release)[-1]
        return registry, f"/v1/images/{top.id}"

    def only(self, asked: Sequence[Asked]) -> Asked:
        """Give the only request."""
        (one,) = asked
        return one

    def test_layers_come_in_chunks(self) -> None:
        for release in RELEASES:
            registry, image = self.pushed(release)
            layer = self.only(registry.find("PUT", f"{image}/layer"))
            self.assertGreater(layer.chunks, 4)
            self.assertIsNone(layer.header("Content-Length"))
            typed = (
                None if release in ("0.10.0", "1.0.0") else "application/octet-stream"
            )
            self.assertEqual(layer.header("Content-Type"), typed)

    def test_checksums_have_an_empty_body(self) -> None:
        registry, image = self.pushed("1.6.2")
        checksum = self.only(registry.find("PUT", f"{image}/checksum"))
        self.assertEqual(checksum.header("Content-Length"), "0")
        top = make_images(NAME, "1.6.2", depth=2)[-1]
        self.assertEqual(checksum.header("X-Docker-Checksum"), top.tarsum)
        self.assertEqual(checksum.header("X-Docker-Checksum-Payload"), top.payload_sum)

    def test_the_index_is_told_content_type_in_lower_case_from_1_5_on(self) -> None:
        for release, name in (("1.3.3", "Content-Type"), ("1.5.0", "Content-type")):
            registry, _ = self.pushed(release)
            announced = self.only(registry.find("PUT", INDEX))
            self.assertIn(f"{name}: application/json", announced.lines)

    def test_the_last_list_is_empty_and_names_the_registries(self) -> None:
        registry, _ = self.pushed("1.6.2")
        last = self.only(registry.find("PUT", IMAGES))
        self.assertEqual(last.body, b"[]")
        url = f"http://{registry.address}/v1/"
        self.assertEqual(last.header("X-Docker-Endpoints"), url)

    def test_all_but_old_pings_say_who_asks_and_close(self) -> None:
        for release, traits in RELEASES.items():
            registry, _ = self.pushed(release)
            for asked in registry.asked:
                agent = asked.header("User-Agent")
                ping = asked.target in ("/v2/", "/v1/_ping")
                if traits.named_pings or not ping:
                    self.assertEqual(agent, traits.user_agent)
                else:
                    self.assertEqual(agent, "Go 1.1 package http")
                if not (ping and traits.lasting_pings):
                    self.assertEqual(asked.header("Connection"), "close")

    def test_the_announcement_lists_images_and_tags(self) -> None:
        registry, _ = self.pushed("1.6.2")
        base, top = (image.id for image in make_images(NAME, "1.6.2", depth=2))
        announced = self.only(registry.find("PUT", INDEX))
        expected = f'[{{"id":"{base}"}},{{"id":"{top}","Tag":"latest"}}]'
        self.assertEqual(announced.body, expected.encode())


class AuthorizationTests(case.EngineCase):
    def kinds(
        self,
        release: str,
        user: Credentials | None,
        *,
        secure: bool = False,
        standalone: str = "True",
    ) -> tuple[Kind, ...]:
        """Push and pull; give what announcement, end, image, list and layer carry."""
        registry = self.serve(secure=secure, standalone=standalone)
        images = make_images(NAME, release, depth=1)
        image = f"/v1/images/{images[0].id}"
        engine = self.engine(registry, release, user)
        engine.push(NAME, images, {"latest": images[0].id})
        engine.pull(NAME, "latest")
        found = {(step.method, step.path): step.authorization for step in engine.trace}
        return (
            found["PUT", INDEX],
            found["PUT", IMAGES],
            found["PUT", f"{image}/layer"],
            found["GET", IMAGES],
            found["GET", f"{image}/layer"],
        )

    def test_over_http_without_a_login(self) -> None:
        for release in ("1.0.0", "1.3.3", "1.5.0", "1.6.2"):
            expected = (OG, OG, Kind.WRITE, Kind.NONE, Kind.READ)
            self.assertEqual(self.kinds(release, None), expected)
        for release in ("1.9.1", "1.12.6", "17.05.0"):
            expected = (Kind.NONE, Kind.WRITE, Kind.WRITE, Kind.NONE, Kind.READ)
            self.assertEqual(self.kinds(release, None), expected)

    def test_over_http_or_not_standalone_with_a_login(self) -> None:
        expected = (Kind.BASIC, Kind.BASIC, Kind.WRITE, Kind.BASIC, Kind.READ)
        for release in ("1.0.0", "1.6.2", "1.9.1", "1.12.6"):
            self.assertEqual(self.kinds(release, BOB), expected)
            kinds = self.kinds(release, BOB, secure=True, standalone="mirror")
            self.assertEqual(kinds, expected)

    def test_over_https_and_standalone_everything_is_basic(self) -> None:
        for release in RELEASES:
            self.assertEqual(self.kinds(release, None, secure=True), (OG,) * 5)
            self.assertEqual(self.kinds(release, BOB, secure=True), (Kind.BASIC,) * 5)

    def test_the_word_token_is_put_in_front_whatever_is_there(self) -> None:
        registry = self.serve()
        token = "Token signature=s,access=read"
        registry.tell("GET", IMAGES, Answer(200, [], {"X-Docker-Token": token}))
        self.push(registry)
        engine = self.engine(registry)
        engine.pull(NAME, "latest")
        self.assertEqual(engine.trace[-1].header, f"Token {token}")

    def test_without_a_token_old_releases_send_the_word(self) -> None:
        for release, kind in (("1.6.2", Kind.BARE), ("1.9.1", Kind.NONE)):
            registry = self.serve()
            registry.tell("GET", IMAGES, Answer(200, []))
            self.push(registry)
            engine = self.engine(registry, release)
            engine.pull(NAME, "latest")
            self.assertEqual(engine.trace[-1].authorization, kind)

    def test_later_releases_take_a_token_from_any_answer(self) -> None:
        for release, header in (("1.6.2", "s,"), ("1.9.1", "other")):
            registry = self.serve()
            _, top = self.push(registry)
            told = Answer(200, [top.id, top.parent], {"X-Docker-Token": "other"})
            registry.tell("GET", f"/v1/images/{top.id}/ancestry", told)
            engine = self.engine(registry, release)
            engine.pull(NAME, "latest")
            self.assertIn(header, engine.trace[-1].header)

    def test_kinds(self) -> None:
        for header, kind in {
            "Basic Og==": Kind.ANONYMOUS,
            'Token signature=s,repository="a/b",access=delete': Kind.DELETE,
            "Token Token signature=s,access=write": Kind.WRITE,
            "Token opaque": Kind.TOKEN,
            "Bearer x": Kind.OTHER,
        }.items():
            self.assertEqual(kind_of(header), kind)


class RedirectTests(case.EngineCase):
    def test_a_redirected_get_keeps_all_but_authorization(self) -> None:
        for status in (301, 302, 303, 307):
            registry = self.serve()
            self.push(registry)
            there = {"Location": f"http://{registry.address}{IMAGES}?moved"}
            registry.tell("GET", IMAGES, Answer(status, headers=there))
            self.engine(registry, user=BOB).pull(NAME, "latest")
            (moved,) = registry.find("GET", f"{IMAGES}?moved")
            self.assertIsNone(moved.header("Authorization"))
            self.assertEqual(moved.header("X-Docker-Token"), "true")

    def test_redirects_end(self) -> None:
        registry = self.serve()
        self.push(registry)
        registry.tell("GET", IMAGES, Answer(302, headers={"Location": IMAGES}))
        self.assertRaises(EngineError, self.pull, registry)

    def test_cookies_go_back(self) -> None:
        registry = self.serve()
        self.push(registry)
        cookie = {"Set-Cookie": "session=abc; Path=/; HttpOnly"}
        registry.tell("GET", IMAGES, Answer(200, [], cookie))
        registry.asked.clear()
        self.pull(registry)
        self.assertEqual(registry.asked[-1].header("Cookie"), "session=abc")
        self.assertIsNone(registry.asked[0].header("Cookie"))


class CookieTests(SynchronousTestCase):
    def test_fits_host_and_path(self) -> None:
        jar = CookieJar()
        jar.keep("a.example", "/v1/x", "one=1")
        jar.keep("a.example", "/v1/x", "two=2; Path=/; Domain=example; Secure")
        self.assertEqual(jar.header("a.example", "/v1/y", secure=True), "one=1; two=2")
        self.assertEqual(jar.header("a.example", "/v1/y", secure=False), "one=1")
        self.assertEqual(jar.header("a.example", "/v12", secure=False), "")
        self.assertEqual(jar.header("b.example", "/v1/y", secure=True), "two=2")

    def test_forgets(self) -> None:
        jar = CookieJar()
        jar.keep("a", "/", "one=1")
        jar.keep("a", "/", "one=; Max-Age=0")
        self.assertEqual(jar.header("a", "/", secure=False), "")


class HelloTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.patch(hello, "DEADLINE", 0.2)

    def pull(self, answer: bytes | None) -> str:
        """Pull where TLS is answered like that; None to hang."""
        done = threading.Event()

        def serve() -> None:
            connection, _ = self.listener.accept()
            with closing(connection):
                connection.recv(1)
                if answer is None:
                    done.wait(5)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = self.listener.getsockname()
        engine = Engine("1.3.3", f"{host}:{port}")
        error = self.assertRaises(EngineError, engine.pull, NAME, "latest")
        done.set()
        thread.join()
        return str(error)

    def test_a_port_that_hangs_is_told(self) -> None:
        self.assertIn("hung", self.pull(None))

    def test_a_port_that_answers_anything_else_is_told(self) -> None:
        self.assertIn("answered", self.pull(b"HTTP/1.1 200 OK\r\n\r\n"))


class AccountTests(case.EngineCase):
    def test_old_releases_make_an_account_first(self) -> None:
        for release in ("1.0.0", "1.3.3", "1.5.0", "1.6.2", "1.9.1"):
            registry = self.serve()
            engine = self.engine(registry, release, BOB)
            self.assertEqual(engine.login(), "Login Succeeded")
            post, get = engine.trace[-2:]
            self.assertEqual((post.method, post.status), ("POST", 401))
            self.assertEqual((get.method, get.authorization), ("GET", Kind.BASIC))
            (account,) = registry.find("POST", USERS)
            self.assertTrue(account.body.startswith(b'{"username":"bob",'))

    def test_an_account_that_is_made_is_all_they_want(self) -> None:
        registry = self.serve()
        registry.tell("POST", USERS, Answer(201, "User Created"))
        engine = self.engine(registry, "1.6.2", ("bob", "wrong"))
        self.assertEqual(engine.login(), "Account created.")

    def test_only_one_text_of_a_400_will_do(self) -> None:
        known = b'"Username or email already exists"'
        for body, good in ((known, True), (known + b"\n", False), (b"{}", False)):
            registry = self.serve()
            registry.tell("POST", USERS, Answer(400, body))
            engine = self.engine(registry, "1.6.2", BOB)
            if good:
                engine.login()
            else:
                self.assertRaises(EngineError, engine.login)

    def test_a_wrong_password_is_told(self) -> None:
        for release in RELEASES:
            engine = self.engine(self.serve(), release, ("bob", "wrong"))
            error = self.assertRaises(EngineError, engine.login)
            self.assertIn("Wrong login/password", str(error))

    def test_newer_releases_only_ask_after_looking_for_version_2_twice(self) -> None:
        registry = self.serve()
        engine = self.engine(registry, "1.12.6", BOB)
        self.assertEqual(engine.login(), "Login Succeeded")
        steps = [f"{step.method} {step.path}" for step in engine.trace]
        probe = "GET /v2/"
        expected = ["HELLO /v2/", probe, probe, f"HELLO {USERS}", f"GET {USERS}"]
        self.assertEqual(steps, expected)

    def test_a_login_by_version_2(self) -> None:
        for release in ("1.6.2", "1.9.1", "1.12.6"):
            registry = self.serve()
            headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
            registry.tell("GET", "/v2/", Answer(200, {}, headers))
            self.assertRaises(SpeaksV2, self.engine(registry, release, BOB).login)

    def test_search(self) -> None:
        for release, target in (
            ("1.0.0", "/v1/search?q=a+b"),
            ("1.6.2", "/v1/search?q=a+b"),
            ("1.12.6", "/v1/search?q=a+b&n=25"),
        ):
            registry = self.serve()
            self.push(registry)
            found = self.engine(registry, release).search("a b")
            self.assertEqual([one.name for one in found.results], [NAME])
            (asked,) = registry.find("GET", target)
            self.assertEqual(asked.header("X-Docker-Token"), "true")

    def test_search_wants_types(self) -> None:
        bodies: list[object] = [
            [],
            {"num_results": "1"},
            {"results": [{"star_count": True}]},
            {"results": [{"is_official": 0}]},
        ]
        for body in bodies:
            registry = self.serve()
            registry.tell("GET", "/v1/search?q=a", Answer(200, body))
            self.assertRaises(EngineError, self.engine(registry).search, "a")
