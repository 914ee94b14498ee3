"""Services of tokens: their keys and certificates, and how clients ask them."""

import re
from typing import Any

from tests.integration.clients import logins
from tests.integration.clients.containerd import Ctr
from tests.integration.clients.couriers import Courier, Skopeo
from tests.integration.clients.logins import PASSWORDS, RULES, TEAM
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Remote
from tests.integration.daemon import Peer
from tests.integration.tokenservice import KEYS, TokenService
from tests.integration.tuned import wait_for

NONE = f"sha256:{'0' * 64}"
REQUESTS = (
    ("GET", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("GET", "/v2/team/app/tags/list"),
    ("GET", "/v2/team/app/manifests/1"),
    ("HEAD", "/v2/team/app/manifests/1"),
    ("PUT", "/v2/team/app/manifests/1"),
    ("DELETE", f"/v2/team/app/manifests/{NONE}"),
    ("GET", f"/v2/team/app/blobs/{NONE}"),
    ("DELETE", f"/v2/team/app/blobs/{NONE}"),
    ("POST", "/v2/team/app/blobs/uploads/"),
    ("POST", f"/v2/team/app/blobs/uploads/?mount={NONE}&from=public/app"),
)
AT_ONCE = 3.0
"""Seconds in which other keys are trusted: files are looked at each second."""


class ServiceTests(logins.AccountsCase):
    """Who is trusted, by a set of keys or by certificates."""

    def begin(self, **more: Any) -> tuple[TokenService, Remote]:
        """Run a service, and a registry which trusts it."""
        service = self.run_service(**more)
        return service, Remote(self.serve(service.settings()).host)

    def test_each_algorithm_by_name_and_by_certificate(self) -> None:
        find(Skopeo.program)
        for algorithm in KEYS:
            for certified in (False, True):
                service = self.run_service(algorithm=algorithm, certified=certified)
                daemon = self.serve(service.settings())
                client = Skopeo(self, daemon.host)
                client.refuse_pull("team/app:1")
                client.log_in("alice", PASSWORDS["alice"])
                client.push("team/app:1", TEAM)
                client.pull("team/app:1", TEAM)
                daemon.stop()

    def replace_key(self, *, certified: bool) -> None:
        """Have the service sign with another one."""
        service, remote = self.begin(certified=certified)
        before = service.issue("alice", "repository:team/app:pull,push")
        self.assert_taken(remote, before)
        service.rotate()
        after = service.issue("alice", "repository:team/app:pull,push")
        wait_for(lambda: self.is_taken(remote, after), "the new key", AT_ONCE)
        self.assert_refused(remote, before)

    def test_another_key_takes_the_place_of_the_one_before(self) -> None:
        self.replace_key(certified=False)

    def test_another_authority_takes_the_place_of_the_one_before(self) -> None:
        self.replace_key(certified=True)

    def test_both_keys_are_good_while_both_are_published(self) -> None:
        service, remote = self.begin()
        old = service.signer
        service.rotate()
        service.publish(old, service.signer)
        new = service.issue("alice", "repository:team/app:pull")
        wait_for(lambda: self.is_taken(remote, new), "the new key", AT_ONCE)
        self.assert_taken(
            remote, service.issue("alice", "repository:team/app:pull", by=old)
        )

    def test_a_client_who_is_logged_in_goes_on_after_that(self) -> None:
        find(Skopeo.program)
        service, remote = self.begin()
        client = Skopeo(self, remote.host)
        client.log_in("alice", PASSWORDS["alice"])
        client.push("team/app:1", TEAM)
        service.rotate()
        token = service.issue("alice", "repository:team/app:pull")
        wait_for(lambda: self.is_taken(remote, token), "the new key", AT_ONCE)
        client.pull("team/app:1", TEAM)

    def test_keys_that_cannot_be_read_change_nothing(self) -> None:
        service, remote = self.begin()
        token = service.issue("alice", "repository:team/app:pull")
        service.keys.write_text('{"keys": [')
        wait_for(lambda: "auth.token.jwks" in self.daemon.log, "the log tells", AT_ONCE)
        self.assertIn("in force", self.daemon.log)
        self.assert_taken(remote, token)
        service.rotate()
        again = service.issue("alice", "repository:team/app:pull")
        wait_for(lambda: self.is_taken(remote, again), "the new key", AT_ONCE)

    def test_tokens_of_others_and_for_others_are_refused(self) -> None:
        service, remote = self.begin()
        scope = "repository:team/app:pull"
        for others in ({"iss": "x"}, {"aud": "x"}, {"exp": 1}, {"nbf": 2**33}):
            self.assert_refused(remote, service.issue("alice", scope, **others))
        small = service.issue("bob", "repository:team/app:pull,push")
        self.assert_taken(remote, small)
        path = "/v2/team/app/blobs/uploads/"
        answer = remote.demand(401, "POST", path, headers=bearer(small))
        self.assertIn('error="insufficient_scope"', answer.headers["WWW-Authenticate"])

    def is_taken(self, remote: Remote, token: str) -> bool:
        """Say whether a token is genuine to a registry, there or not what it is for."""
        path = "/v2/team/app/manifests/1"
        status = remote.ask("GET", path, headers=bearer(token)).status
        self.assertIn(status, {200, 401, 404})
        return status != 401

    def assert_taken(self, remote: Remote, token: str) -> None:
        """A token is good."""
        self.assertTrue(self.is_taken(remote, token))

    def assert_refused(self, remote: Remote, token: str) -> None:
        """A token is not good, and the client is told to get another."""
        path = "/v2/team/app/manifests/1"
        answer = remote.demand(401, "GET", path, headers=bearer(token))
        self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])


class AskingTests(logins.AccountsCase):
    """Some ask by POST first, as OAuth2 has it, and go on without that."""

    def check(self, courier: type[Courier], oauth: int) -> None:
        """Push and pull, where POST is answered by some status."""
        find(courier.program)
        service = self.run_service(oauth=oauth)
        client = courier(self, self.serve(service.settings()).host)
        client.log_in("alice", PASSWORDS["alice"])
        client.push("team/app:1", TEAM)
        client.pull("team/app:1", TEAM)
        methods = [each.method for each in service.asked]
        self.assertEqual(methods[0], "POST")
        self.assertIn("GET", methods)

    def test_containerd(self) -> None:
        self.check(Ctr, 405)

    def test_containerd_where_nothing_is_there(self) -> None:
        self.check(Ctr, 404)

    def test_own_endpoint_does_not_understand_post(self) -> None:
        auth = {**self.htpasswd(), "endpoint": {"enabled": True}, "rules": RULES}
        remote = Remote(self.serve(auth).host)
        form = b"grant_type=password&service=txregistry&username=alice&password=x"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = remote.ask("POST", "/auth/token", form, kind)
        self.assertIn(answer.status, {404, 405})


class ComparedTests(logins.AccountsCase):
    """What is said to who is not known is what Distribution's registry says."""

    def compare(self, auth: dict[str, Any], *shown: str) -> None:
        """Ask both the same; challenges are compared to the letter."""
        program = find("registry")
        ours = Remote(self.serve(auth).host)
        theirs = self.keep(Peer(program, self.directory / "peer", {"auth": auth}))
        for authorization in ("", *shown):
            headers = {"Authorization": authorization} if authorization else {}
            for method, path in REQUESTS:
                found, expected = (
                    self.told(each, method, path, headers) for each in (ours, theirs)
                )
                self.assertEqual(found, expected, f"{method} {path} {authorization}")

    def told(
        self, remote: Remote, method: str, path: str, headers: dict[str, str]
    ) -> tuple[object, ...]:
        """Say what a client can go by."""
        answer = remote.ask(method, path, headers=headers)
        refused = answer.status == 401 and answer.body
        return (
            answer.status,
            list(map(_sorted, answer.headers.get_all("WWW-Authenticate", ()))),
            answer.headers["Docker-Distribution-Api-Version"],
            answer.headers["Content-Type"],
            answer.json()["errors"][0]["code"] if refused else "",
        )

    def test_passwords(self) -> None:
        self.compare(self.htpasswd())

    def test_tokens(self) -> None:
        service = self.run_service(certified=True)
        junk = "Bearer a.b.c"
        other = service.issue("alice", "repository:other/app:pull,push")
        self.compare(service.settings(), junk, f"Bearer {other}")

    def test_tokens_of_the_service_are_good_to_both(self) -> None:
        """So the service of these tests is one as others have."""
        service = self.run_service(certified=True, algorithm="RS256")
        auth = service.settings()
        program = find("registry")
        theirs = self.keep(Peer(program, self.directory / "peer", {"auth": auth}))
        ours = Remote(self.serve(auth).host)
        for remote in (ours, theirs):
            token = service.issue("alice", "repository:team/app:pull,push")
            path = "/v2/team/app/blobs/uploads/"
            remote.demand(202, "POST", path, headers=bearer(token))


def _sorted(challenge: str) -> str:
    """Give a challenge as if its scopes were in order; with Distribution any is."""

    def in_order(found: re.Match[str]) -> str:
        scopes = (each.rpartition(":") for each in found[1].split())
        written = (
            f"{what}:{','.join(sorted(may.split(',')))}" for what, _, may in scopes
        )
        return f'scope="{" ".join(sorted(written))}"'

    return re.sub('scope="([^"]*)"', in_order, challenge)


def bearer(token: str) -> dict[str, str]:
    """Show a token."""
    return {"Authorization": f"Bearer {token}"}
