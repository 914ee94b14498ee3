"""Settings, accounts and keys that change while clients are at work."""

import base64
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import make_image
from tests.integration.clients.remote import Remote
from tests.integration.load import Load, Step, Visitor
from tests.integration.tokenservice import TokenService
from tests.integration.tuned import (
    TunedDaemon,
    read_audit,
    wait_for,
    write_htpasswd,
)

AT_ONCE = 3.0
"""Seconds in which a change is in force: files are looked at each second."""
ROUNDS = 40
A_WHILE = 5
"""Rounds until it is looked whether each of those at work goes on."""
PASSWORDS = {"alice": "open sesame", "bob": "secret"}
IMAGE = make_image("reload")
TEAM, FLAG, CLOSED = "team/app", "flag/app", "closed/app"


class ReloadCase(SynchronousTestCase):
    """A registry with accounts, a service of tokens, an audit, and eight at work."""

    def setUp(self) -> None:
        self.directory = make_directory(self)
        grants = lambda account, name: frozenset({"pull"})  # noqa: E731, ARG005
        self.service = TokenService(self.directory, PASSWORDS, grants)
        self.addCleanup(self.service.stop)
        self.signer = self.service.signer
        self.audit = self.directory / "audit.log"
        self.accounts = write_htpasswd(self.directory / "htpasswd", PASSWORDS)
        place = self.directory / "registry"
        self.daemon = TunedDaemon(place, self.settings(flag=False))
        self.addCleanup(self._finish)
        for name in (TEAM, FLAG, CLOSED):
            self.visitor("alice").push(name, "1", IMAGE)
        self.pushed: list[tuple[str, str]] = []
        self.refused: list[str] = []

    def settings(self, *, flag: bool) -> dict[str, Any]:
        """Give the settings; with a flag, bob may pull what is below ``flag``."""
        rules = [
            {"who": ["alice"], "repositories": ["**"], "may": ["push", "delete"]},
            {"who": ["bob"], "repositories": ["team/**"], "may": ["pull"]},
        ]
        if flag:
            rules.append({"who": ["bob"], "repositories": ["flag/**"], "may": ["pull"]})
        return {
            "auth": {
                "htpasswd": {"path": str(self.accounts)},
                **self.service.settings(),
                "rules": rules,
            },
            "audit": {"enabled": True, "file": str(self.audit), "pulls": False},
        }

    def visitor(self, name: str = "", password: str = "") -> Visitor:
        """Come as somebody, by a password."""
        text = f"{name}:{password or PASSWORDS.get(name, '')}"
        shown = {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
        return self.come(shown if name else {})

    def bearer(self, token: str) -> Visitor:
        """Come with a token."""
        return self.come({"Authorization": f"Bearer {token}"})

    def come(self, shown: dict[str, str]) -> Visitor:
        """Come with some headers, and leave at the end of the test."""
        visitor = Visitor(self.daemon.host, shown)
        self.addCleanup(visitor.connection.close)
        return visitor

    def load(self) -> Load:
        """Begin to work, as those whom no change concerns."""
        token = self.service.issue("x", f"repository:{TEAM}:pull", by=self.signer)
        visitors: list[tuple[Visitor, Step]] = [
            (self.visitor("alice"), self.push_some("one")),
            (self.visitor("alice"), self.push_some("two")),
            (self.visitor("alice"), lambda who, _: who.pull(TEAM, "1", IMAGE)),
            (self.visitor("bob"), lambda who, _: who.pull(TEAM, "1", IMAGE)),
            (self.bearer(token), lambda who, _: who.pull(TEAM, "1", IMAGE)),
            (self.bearer(token), lambda who, _: who.pull(TEAM, "1", IMAGE)),
            (self.visitor("bob"), self.be_refused(403)),
            (self.visitor(), self.be_refused(401)),
        ]
        return Load(visitors)

    def push_some(self, place: str) -> Step:
        """Push one image after the other, and note each."""

        def push(who: Visitor, number: int) -> None:
            image = make_image(f"{place} {number}")
            who.push(f"pushed/{place}", str(number), image)
            self.pushed.append((f"pushed/{place}", image.digest))

        return push

    def be_refused(self, status: int) -> Step:
        """Try to push and to pull where one may not, and note that."""

        def be_refused(who: Visitor, _: int) -> None:
            who.demand(status, "POST", f"/v2/{CLOSED}/blobs/uploads/")
            self.refused.append("bob" if status == 403 else "")
            who.demand(status, "GET", f"/v2/{CLOSED}/manifests/1")

        return be_refused

    def _finish(self) -> None:
        log = self.daemon.log
        self.daemon.discard()
        self.assertNotIn("Traceback", log)


class ReloadTests(ReloadCase):
    def test_nothing_is_lost_while_everything_changes(self) -> None:
        """Rules, accounts and keys at once, several times in a second."""
        bob = self.visitor("bob")
        path = f"/v2/{FLAG}/manifests/1"
        with self.load() as load:
            for number in range(ROUNDS):
                flag = number % 2 == 0
                new = self.service.rotate()
                self.service.publish(self.signer, new)
                write_htpasswd(self.accounts, {**PASSWORDS, f"new-{number}": "x"})
                self.daemon.rewrite(self.settings(flag=flag))
                self.daemon.hang_up()
                status = 200 if flag else 403
                self.await_status(bob, path, {status})
                token = self.service.issue("x", f"repository:{TEAM}:pull")
                self.bearer(token).pull(TEAM, "1", IMAGE)
                if number % A_WHILE == 0:
                    load.go_on()
                bob.demand(status, "GET", path)
        self.assertGreaterEqual(len(self.pushed), ROUNDS // A_WHILE)
        remote = Remote(self.daemon.host)
        self.assertEqual(remote.ask("GET", path).status, 401)
        alice = self.visitor("alice")
        for name, digest in self.pushed:
            alice.demand(200, "HEAD", f"/v2/{name}/manifests/{digest}")

    def test_who_is_trusted_no_longer_is_refused(self) -> None:
        """So are those who came before, on connections that they keep."""
        path = f"/v2/{TEAM}/manifests/1"
        second = self.service.rotate()
        self.service.publish(self.signer, second)
        write_htpasswd(self.accounts, {**PASSWORDS, "bob's twin": "x"})
        token = self.service.issue("x", f"repository:{TEAM}:pull", by=second)
        known = (self.bearer(token), self.visitor("bob's twin", "x"))
        with self.load() as load:
            for each in known:
                self.await_status(each, path, {200, 403})
            load.go_on()
            self.service.publish(self.signer)
            write_htpasswd(self.accounts, PASSWORDS)
            for each in known:
                self.await_status(each, path, {401})
            load.go_on()
            for each in known:
                each.demand(401, "GET", path)

    def await_log(self, words: str) -> None:
        """Wait until the log has some words."""
        wait_for(lambda: words in self.daemon.log, f"the log says {words}", AT_ONCE)

    def await_status(self, who: Visitor, path: str, statuses: set[int]) -> None:
        """Wait until an answer has one of some statuses."""
        wait_for(
            lambda: who.ask("GET", path).status in statuses, f"{statuses}", AT_ONCE
        )

    def test_a_broken_file_changes_nothing_and_the_log_says_so(self) -> None:
        broken = {
            "auth: [": "this is no YAML",
            "auth: {rules: [{who: [bob], repositories: ['**'], may: [fly]}]}": "'fly'",
            "role: pirate": "'pirate'",
            "nonsense: 1": "nonsense: there is no such setting",
        }
        bob, path = self.visitor("bob"), f"/v2/{FLAG}/manifests/1"
        with self.load() as load:
            for text, complaint in broken.items():
                self.daemon.rewrite_text(text)
                self.daemon.hang_up()
                self.await_log(complaint)
                load.go_on()
                bob.demand(403, "GET", path)
            self.assertEqual(self.daemon.log.count("in force."), len(broken))
            self.daemon.rewrite(self.settings(flag=True))
            self.await_status(bob, path, {200})
            load.go_on()

    def test_the_audit_has_each_push_whatever_becomes_of_its_file(self) -> None:
        files = [self.audit]
        with self.load() as load:
            for number in range(5):
                load.go_on()
                rotated = self.audit.with_name(f"audit.{number}")
                self.audit.rename(rotated)
                files.append(rotated)
                self.daemon.hang_up()
            load.go_on()
        self.daemon.stop()
        records = [each for path in files for each in read_audit(path)]
        self.assert_told(records)
        self.assertTrue(all(read_audit(path) for path in files))

    def assert_told(self, records: list[dict[str, Any]]) -> None:
        """Each push has one record, and each refusal."""
        for each in records:
            self.assertEqual(each["from"], "127.0.0.1")
        done = Counter(
            (each["who"], each["repository"], each["digest"])
            for each in records
            if each["outcome"] == "done" and each["route"] == "put_manifest"
        )
        expected = Counter(("alice", *each) for each in self.pushed)
        before = {("alice", name, IMAGE.digest): 1 for name in (TEAM, FLAG, CLOSED)}
        self.assertEqual(done, expected + Counter(before))
        refused = Counter(
            each.get("who", "")
            for each in records
            if each["outcome"] == "refused" and each["did"] == "push"
        )
        self.assertEqual(refused, Counter(self.refused))
        self.assertEqual(Path(self.audit).stat().st_mode & 0o777, 0o600)
