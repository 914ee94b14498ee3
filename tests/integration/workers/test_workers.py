"""Two workers serve one content."""

import json
from typing import Any
from urllib.parse import urlsplit

from tests.integration.clients.images import make_image
from tests.integration.clients.programs import Program, find, make_environment
from tests.integration.clients.remote import Remote, with_digest
from tests.integration.tuned import wait_for
from tests.integration.workers import crewcase
from tests.integration.workers.crewcase import ask
from tests.web.content import digest_of

NAME = "team/app"
PIECES = (b"a" * 70_000, b"b" * 50_000, b"c" * 30_000)
BLOB = b"".join(PIECES)
LARGE = BLOB * 40
"""So much that what comes first is written before the rest is there."""


class ContentTests(crewcase.CrewCase):
    def settings(self) -> dict[str, Any]:
        rule = {"who": ["everyone"], "repositories": ["**"], "may": ["push", "delete"]}
        return {"auth": {"rules": [rule]}}

    def test_a_push_may_go_to_both(self) -> None:
        one, other = self.connect_to(1), self.connect_to(2)
        status, headers, _ = ask(one, "POST", f"/v2/{NAME}/blobs/uploads/")
        self.assertEqual(status, 202)
        for connection, piece in zip((other, one, other), PIECES, strict=True):
            status, headers, _ = ask(connection, "PATCH", _path(headers), piece)
            self.assertEqual(status, 202)
        digest = str(digest_of(BLOB))
        status, _, _ = ask(one, "PUT", with_digest(_path(headers), digest))
        self.assertEqual(status, 201)
        for connection in (one, other):
            got = ask(connection, "GET", f"/v2/{NAME}/blobs/{digest}")
            self.assertEqual((got[0], got[2]), (200, BLOB))

        self._tags_are_seen_by_both(one, other)
        self._one_upload_is_not_written_by_both(one, other)
        self._skopeo_brings_and_fetches()
        self._rules_change_for_both()

    def _tags_are_seen_by_both(self, one: Any, other: Any) -> None:
        for number in range(5):
            image = make_image(f"image {number}")
            Remote(self.daemon.host).push(NAME, "latest", image)
            for connection in (one, other):
                got = ask(connection, "GET", f"/v2/{NAME}/manifests/latest")
                self.assertEqual(got[1]["Docker-Content-Digest"], image.digest)
        status, *_ = ask(one, "DELETE", f"/v2/{NAME}/manifests/latest")
        self.assertEqual(status, 202)
        status, *_ = ask(other, "GET", f"/v2/{NAME}/manifests/latest")
        self.assertEqual(status, 404)

    def _one_upload_is_not_written_by_both(self, one: Any, other: Any) -> None:
        _, headers, _ = ask(one, "POST", f"/v2/{NAME}/blobs/uploads/")
        path = _path(headers)
        one.putrequest("PATCH", path)
        one.putheader("Content-Length", str(len(LARGE)))
        one.endheaders(LARGE[:-1])
        session = path.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
        wait_for(lambda: self._holds(session), "the first piece has come")
        status, _, told = ask(other, "PATCH", path, b"x")
        self.assertEqual(status, 400, told)
        self.assertEqual(json.loads(told)["errors"][0]["code"], "BLOB_UPLOAD_INVALID")
        one.send(LARGE[-1:])
        response = one.getresponse()
        response.read()
        self.assertEqual(response.status, 202)
        digest = str(digest_of(LARGE))
        status, *_ = ask(other, "PUT", with_digest(_path(response.headers), digest))
        self.assertEqual(status, 201)

    def _holds(self, session: str) -> bool:
        found = self.daemon.directory.glob(f"**/_uploads/{session}/data")
        return any(each.stat().st_size for each in found)

    def _skopeo_brings_and_fetches(self) -> None:
        skopeo = find("skopeo")
        environment = make_environment(self.directory / "home")
        program = Program(skopeo, environment=environment, directory=self.directory)
        image = make_image("both")
        remote = Remote(self.daemon.host)
        remote.push(NAME, "1", image)
        there = f"docker://{self.daemon.host}/{NAME}"
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        program.run("copy", *plain, f"{there}:1", f"{there}-2:2")
        got = remote.demand(200, "GET", f"/v2/{NAME}-2/manifests/2")
        self.assertEqual(got.headers["Docker-Content-Digest"], image.digest)

    def _rules_change_for_both(self) -> None:
        rule = {"who": ["everyone"], "repositories": ["**"], "may": ["pull"]}
        self.daemon.rewrite({**self.daemon.settings, "auth": {"rules": [rule]}})
        self.daemon.hang_up()
        for number in (1, 2):
            connection = self.connect_to(number)
            wait_for(
                lambda at=connection: self._is_refused(at),  # type: ignore[misc]  # as said
                f"worker {number} has the new rules",
            )

    def _is_refused(self, connection: Any) -> bool:
        return ask(connection, "POST", f"/v2/{NAME}/blobs/uploads/")[0] != 202


def _path(headers: Any) -> str:
    target = urlsplit(headers["Location"])
    return f"{target.path}?{target.query}" if target.query else target.path
