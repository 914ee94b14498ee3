"""An Index of our own as another process, in front of a registry that trusts it."""

import json
from pathlib import Path

from tests.integration.index import case
from tests.integration.index.case import UNAUTHORIZED, R, V1Daemon
from tests.integration.index.certificates import make_token_key
from tests.web.v1.case import basic
from tests.web.v1.images import BASE, TOP, B, T
from tests.web.v1.people import EVE, HTPASSWD, NOBODY

BOB = basic("bob", "secret")
TAGS = f"{R}/tags"
WANTED = {"X-Docker-Token": "true"}
LIST = json.dumps([{"id": B}, {"id": T, "Tag": "latest"}]).encode()


class OwnIndexTests(case.IndexCase):
    """Bob may do everything in ``acme``, and all may pull ``acme/open``."""

    index: V1Daemon
    registry: V1Daemon

    def setUp(self) -> None:
        super().setUp()
        self.key, self.public = make_token_key(self.directory, "tokens")
        accounts = self.directory / "htpasswd"
        accounts.write_bytes(HTPASSWD)
        self.registry = self.serve(
            index={"trust": [str(self.public)]}, v1={"maxlayer": 100_000}
        )
        self.index = self.serve(
            index={
                "alone": True,
                "key": str(self.key),
                "endpoints": [self.registry.host],
            },
            auth={
                "htpasswd": {"path": str(accounts)},
                "rules": [
                    {
                        "who": ["bob"],
                        "repositories": ["acme/**"],
                        "may": ["pull", "push", "delete"],
                    },
                    {
                        "who": ["everyone"],
                        "repositories": ["acme/open"],
                        "may": ["pull"],
                    },
                ],
            },
        )

    def serve_index(self, key: Path) -> V1Daemon:
        """Run another Index, where everybody may do everything."""
        endpoints = [self.registry.host]
        return self.serve(
            index={"alone": True, "key": str(key), "endpoints": endpoints}
        )

    def token(
        self,
        method: str = "PUT",
        path: str = "/",
        who: dict[str, str] | None = None,
        name: str = "acme/web",
    ) -> dict[str, str]:
        """Have the Index give a token."""
        body = LIST if method == "PUT" else None
        headers = {**(BOB if who is None else who), **WANTED}
        target = f"/v1/repositories/{name}{path}"
        reply = self.index.ask(method, target, headers, body)
        self.assertIn(reply.status, {200, 204}, reply.body)
        self.assertEqual(reply.headers["x-docker-endpoints"], self.registry.host)
        return {"Authorization": f"Token {reply.headers['x-docker-token']}"}

    def push_all(self, name: str = "acme/web") -> dict[str, str]:
        """Push an image on another, as an engine does; give the push's token."""
        write = self.token(name=name)
        for image in (BASE, TOP):
            path = f"/v1/images/{image.image_id}/json"
            self.assertEqual(self.registry.ask("GET", path, write).status, 404)
            self.push(self.registry, image, write)
        target = f"/v1/repositories/{name}/tags/latest"
        reply = self.registry.ask("PUT", target, write, json.dumps(T).encode())
        self.assertEqual(reply.said, (200, True))
        target = f"/v1/repositories/{name}/images"
        reply = self.index.ask("PUT", target, BOB, b"[]")
        self.assertEqual((reply.status, reply.body), (204, b""))
        return write

    def test_push_and_pull(self) -> None:
        self.push_all()
        read = self.token("GET", "/images")
        reply = self.registry.ask("GET", TAGS, read)
        self.assertEqual(reply.said, (200, {"latest": T}))
        reply = self.registry.ask("GET", f"/v1/images/{T}/ancestry", read)
        self.assertEqual(reply.said, (200, [T, B]))
        for image in (BASE, TOP):
            path = f"/v1/images/{image.image_id}"
            reply = self.registry.ask("GET", f"{path}/json", read)
            self.assertEqual((reply.status, reply.body), (200, image.json))
            reply = self.registry.ask("GET", f"{path}/layer", read)
            self.assertEqual((reply.status, reply.body), (200, image.layer))

    def test_index_lists_what_was_announced(self) -> None:
        self.push_all()
        reply = self.index.ask("GET", f"{R}/images", BOB)
        self.assertEqual(reply.said, (200, [{"id": B}, {"id": T}]))
        reply = self.index.ask("GET", "/v1/search?q=web", BOB)
        self.assertEqual(reply.said[1]["num_results"], 1)

    def test_everybody_may_pull_what_is_open(self) -> None:
        self.push_all("acme/open")
        for who in ({}, NOBODY):
            read = self.token("GET", "/images", who, "acme/open")
            target = "/v1/repositories/acme/open/tags"
            self.assertEqual(self.registry.ask("GET", target, read).status, 200)
            reply = self.registry.ask("GET", f"/v1/images/{T}/json", read)
            self.assertEqual(reply.status, 200)

    def test_who_may_not_gets_no_token(self) -> None:
        for who, status in ((EVE, 403), (NOBODY, 401), ({}, 401)):
            reply = self.index.ask("PUT", f"{R}/", {**who, **WANTED}, LIST)
            self.assertEqual(reply.status, status)
            self.assertNotIn("x-docker-token", reply.headers)

    def test_registry_knows_no_passwords(self) -> None:
        self.push_all()
        for headers in (BOB, NOBODY, {}):
            for path in (TAGS, f"/v1/images/{T}/json"):
                reply = self.registry.ask("GET", path, headers)
                self.assertEqual(reply.said, UNAUTHORIZED)

    def test_registry_is_no_index(self) -> None:
        for method, path in (
            ("PUT", f"{R}/"),
            ("GET", f"{R}/images"),
            ("GET", "/v1/users/"),
            ("GET", "/v1/search?q=a"),
        ):
            body = b"[]" if method == "PUT" else None
            reply = self.registry.ask(method, path, BOB, body)
            self.assertIn(reply.status, {404, 405}, path)

    def test_index_is_no_registry(self) -> None:
        write = self.token()
        for path in (TAGS, f"/v1/images/{T}/json", f"{R}/properties", "/v2/"):
            reply = self.index.ask("GET", path, write)
            self.assertIn(reply.status, {404, 405}, path)

    def test_both_answer_pings(self) -> None:
        for daemon in (self.index, self.registry):
            reply = daemon.ask("GET", "/v1/_ping")
            self.assertEqual(reply.said, (200, {}))
            self.assertEqual(reply.headers["x-docker-registry-standalone"], "False")
            self.assertEqual(daemon.ask("GET", "/v2/").status, 404)

    def test_tokens_outlive_their_index(self) -> None:
        """A push goes on: what a token says can be read without asking."""
        write = self.push_all()
        self.index.kill()
        self.assertEqual(self.registry.ask("GET", TAGS, write).status, 200)
        body = json.dumps(B).encode()
        reply = self.registry.ask("PUT", f"{TAGS}/base", write, body)
        self.assertEqual(reply.status, 200)
        self.index.start()
        self.assertEqual(self.registry.ask("GET", TAGS, self.token()).status, 200)

    def test_tokens_outlive_a_restart_of_both(self) -> None:
        write = self.push_all()
        for daemon in (self.index, self.registry):
            daemon.restart()
        self.assertEqual(self.registry.ask("GET", TAGS, write).status, 200)

    def test_tokens_of_another_index_are_none(self) -> None:
        self.push_all()
        key, _ = make_token_key(self.directory, "others")
        other = self.serve_index(key)
        reply = other.ask("PUT", f"{R}/", WANTED, LIST)
        token = {"Authorization": f"Token {reply.headers['x-docker-token']}"}
        for path in (TAGS, f"/v1/images/{T}/json"):
            reply = self.registry.ask("GET", path, token)
            self.assertEqual(reply.said, UNAUTHORIZED)

    def test_keys_may_change_one_after_another(self) -> None:
        old = self.push_all()
        key, public = make_token_key(self.directory, "new")
        both = self.serve(index={"trust": [str(self.public), str(public)]})
        new_index = self.serve_index(key)
        reply = new_index.ask("PUT", f"{R}/", WANTED, LIST)
        new = {"Authorization": f"Token {reply.headers['x-docker-token']}"}
        for token in (old, new):
            reply = both.ask("GET", TAGS, token)
            self.assertEqual(reply.said, (404, {"error": "Repository not found"}))

    def test_repository_is_deleted_in_both(self) -> None:
        self.push_all()
        delete = self.token("DELETE", "/images")
        reply = self.registry.ask("DELETE", f"{R}/", delete)
        self.assertEqual(reply.said, (200, True))
        read = self.token("GET", "/images")
        reply = self.registry.ask("GET", TAGS, read)
        self.assertEqual(reply.said, (404, {"error": "Repository not found"}))

    def test_layer_has_the_limit_of_the_settings(self) -> None:
        write = self.token()
        path = f"/v1/images/{B}"
        self.registry.ask("PUT", f"{path}/json", write, BASE.json)
        reply = self.registry.ask("PUT", f"{path}/layer", write, b"x" * 100_001)
        self.assertEqual(
            reply.said, (413, {"error": "A layer can have 100000 bytes at most"})
        )
