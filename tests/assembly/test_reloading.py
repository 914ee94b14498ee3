"""Tests of ``txregistry/assembly/reloading.py``."""

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, formatEvent

from tests.temporary import make_file, make_folder
from tests.web import callers
from tests.web.exchange import Headers, logged
from tests.web.v1.people import BOB, EVE, HTPASSWD
from txregistry.assembly.reloading import Reloading
from txregistry.settings.reading import read_settings
from txregistry.settings.roles import apply_role
from txregistry.settings.sections import Settings
from txregistry.tasks import at_once

OPEN = "[{who: [everyone], repositories: ['**'], may: [admin]}]"
BOBS = "[{who: [bob], repositories: ['**'], may: [admin]}]"
TEAMS = "[{who: ['@team'], repositories: ['**'], may: [admin]}]"
TAGS = "/v2/acme/web/tags/list"


class ReloadingCase(callers.CallersCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = make_folder(self)
        self.path = os.path.join(self.folder, "config.yml")
        self.accounts = make_file(self, "htpasswd", HTPASSWD)
        self.worked: list[str] = []
        self.late = 0.0
        """Seconds that the time of day is ahead of the files' own."""

    def write(self, rules: str = "", *, auth: str = "", more: str = "") -> None:
        """Write the settings, in place of what there is."""
        lines = [f"htpasswd: {{path: {self.accounts}}}"]
        lines += [f"rules: {rules}"] if rules else []
        lines += [auth] if auth else []
        text = f"auth: {{{', '.join(lines)}}}\n{more}"
        self.replace(text)

    def replace(self, text: str) -> None:
        """Put a whole file in place of the settings."""
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{self.path}.new", self.path)

    def read(self) -> Settings:
        """Read the settings."""
        return read_settings(self.path, {})[0]

    def blocking(
        self, work: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> "Deferred[Any]":
        """Note what is done elsewhere, and do it."""
        self.worked.append(work.__name__)
        return at_once(work, *args, **kwargs)

    def start(self) -> Reloading:
        """Serve by the settings, and watch them."""
        settings = apply_role(self.read())
        self.exchange = self.serve(settings)
        assert self.exchange.admission is not None
        reloading = Reloading(
            settings,
            self.read,
            self.path,
            self.exchange.admission,
            self.clock,
            self.blocking,
            self.now,
        )
        reloading.start()
        self.addCleanup(reloading.stop)
        return reloading

    def now(self) -> float:
        """Tell the time of day."""
        return os.stat(self.folder).st_ctime + self.late

    def look(self) -> None:
        """Let it look at the files, and see that nobody is writing them."""
        self.clock.advance(1)
        self.clock.advance(1)

    def status(self, headers: Headers = (), target: str = TAGS) -> int:
        """Ask for something, and give the answer's status."""
        return self.get(target, headers).status


class RulesTests(ReloadingCase):
    def test_those_of_the_start_are_in_force(self) -> None:
        self.write(BOBS)
        self.start()
        self.assertEqual([self.status(each) for each in (BOB, EVE)], [200, 403])

    def test_change_is_in_force_within_two_seconds(self) -> None:
        self.write(BOBS)
        self.start()
        self.write(BOBS.replace("bob", "eve"))
        self.assertEqual([self.status(each) for each in (BOB, EVE)], [200, 403])
        self.look()
        self.assertEqual([self.status(each) for each in (BOB, EVE)], [403, 200])

    def test_change_is_in_force_when_told_so(self) -> None:
        self.write(BOBS)
        reloading = self.start()
        self.write(BOBS.replace("bob", "eve"))
        self.assertIsNone(self.successResultOf(reloading.reload()))
        self.assertEqual([self.status(each) for each in (BOB, EVE)], [403, 200])

    def test_change_is_seen_again_and_again(self) -> None:
        self.write(BOBS)
        self.start()
        for name, wanted in (("eve", 403), ("bob", 200), ("eve", 403), ("bob", 200)):
            self.write(BOBS.replace("bob", name))
            self.look()
            self.assertEqual(self.status(BOB), wanted)

    def test_change_between_the_start_and_the_first_look_is_seen(self) -> None:
        self.write(BOBS)
        settings = apply_role(self.read())
        self.write(BOBS.replace("bob", "eve"))
        self.exchange = self.serve(settings)
        assert self.exchange.admission is not None
        reloading = Reloading(
            settings,
            self.read,
            self.path,
            self.exchange.admission,
            self.clock,
            at_once,
        )
        reloading.start()
        self.addCleanup(reloading.stop)
        self.look()
        self.assertEqual(self.status(BOB), 403)

    def test_file_that_is_being_written_is_not_taken(self) -> None:
        self.write(BOBS)
        self.start()
        self.look()
        for name in ("eve", "carol", "eve"):
            self.write(BOBS.replace("bob", name))
            self.clock.advance(1)
            self.assertEqual(self.status(BOB), 200)
        self.clock.advance(1)
        self.assertEqual([self.status(each) for each in (BOB, EVE)], [403, 200])

    def test_rules_that_are_gone_stay(self) -> None:
        self.write("[{who: [bob], repositories: ['**'], may: [pull]}]")
        self.start()
        with open(self.path, encoding="utf-8") as file:
            whole = file.read()
        with logged() as events:
            for size in range(len(whole)):
                self.replace(whole[:size])
                self.look()
                target = "/v2/acme/web/blobs/uploads/"
                self.assertEqual(self.ask("POST", target, BOB, b"").status, 403, size)
                self.assertEqual(self.status(EVE), 403, size)
        told = [each for each in warnings(events, LogLevel.error) if "gone" in each]
        self.assertGreaterEqual(len(told), 1)
        self.replace(whole)
        self.look()
        self.assertEqual(self.status(BOB), 200)

    def test_groups(self) -> None:
        self.write(TEAMS, auth="groups: {team: [bob]}")
        self.start()
        self.assertEqual([self.status(each) for each in (BOB, EVE)], [200, 403])
        self.write(TEAMS, auth="groups: {team: [eve]}")
        self.look()
        self.assertEqual([self.status(each) for each in (BOB, EVE)], [403, 200])

    def test_registry_that_was_open_is_closed(self) -> None:
        self.replace(f"auth: {{rules: {OPEN}}}")
        self.start()
        self.assertEqual(self.status(), 200)
        self.replace("auth: {rules: [{who: [everyone], repositories: ['**']}]}")
        self.look()
        for target in (TAGS, "/v2/", "/v2/_catalog"):
            self.assertEqual(self.status(target=target), 403, target)
        self.replace(f"auth: {{rules: {OPEN}}}")
        self.look()
        self.assertEqual(self.status(), 200)

    def test_who_is_not_known_is_let_in_and_out(self) -> None:
        """Also to what shows them what they may see."""
        self.write(BOBS)
        self.start()
        self.assertEqual(self.status(target="/v2/_catalog"), 401)
        self.write("[{who: [everyone], repositories: [acme/web], may: [pull]}]")
        self.look()
        self.assertEqual(self.catalog(), ["acme/web"])
        self.assertEqual(self.status(), 200)
        self.write(BOBS)
        self.look()
        self.assertEqual(self.status(target="/v2/_catalog"), 401)

    def test_it_is_told_once(self) -> None:
        self.write(BOBS)
        self.start()
        with logged() as events:
            self.look()
            self.write(OPEN)
            self.look()
            self.look()
        told = [each for each in warnings(events, LogLevel.info) if "anew" in each]
        self.assertEqual(len(told), 1)

    def test_where_nothing_is_watched_nothing_is_looked_at(self) -> None:
        self.write(BOBS)
        settings = apply_role(self.read())
        self.exchange = self.serve(settings)
        assert self.exchange.admission is not None
        reloading = Reloading(
            settings,
            lambda: settings,
            None,
            self.exchange.admission,
            self.clock,
            self.blocking,
        )
        reloading.start()
        self.look()
        self.assertEqual(self.worked, [])
        self.assertIsNone(self.successResultOf(reloading.reload()))
        self.assertEqual(self.status(BOB), 200)
        reloading.stop()


class RoleTests(ReloadingCase):
    """What the role chose for accounts that are not there yet, is not in force yet."""

    def test_accounts_that_are_new_do_not_close_it_before_anybody_can_log_in(
        self,
    ) -> None:
        self.replace("{}")
        self.start()
        self.write()
        with logged() as events:
            self.look()
        self.assertEqual(self.status(), 200)
        (told,) = warnings(events)
        self.assertIn("auth.htpasswd", told)
        self.assertIn("auth.rules", told)
        self.assertIn("after a restart", told)

    def test_accounts_that_are_gone_do_not_open_it(self) -> None:
        self.write()
        self.start()
        self.assertEqual([self.status(), self.status(BOB)], [401, 200])
        self.replace("{}")
        self.look()
        self.assertEqual([self.status(), self.status(BOB)], [401, 200])

    def test_other_role_waits(self) -> None:
        self.write()
        self.start()
        self.write(more="role: mirror")
        with logged() as events:
            self.look()
        self.assertEqual(self.status(), 401)
        self.assertIn("role, ", warnings(events)[0])

    def test_rules_that_are_given_do_not_wait(self) -> None:
        self.write()
        self.start()
        self.write(BOBS, more="role: mirror")
        self.look()
        self.assertEqual([self.status(BOB), self.status(EVE)], [200, 403])
        self.write()
        with logged() as events:
            self.look()
        self.assertIn("auth.rules: they are gone", warnings(events, LogLevel.error)[0])
        self.assertEqual([self.status(BOB), self.status(EVE)], [200, 403])


def warnings(events: Any, level: Any = LogLevel.warn) -> list[str]:
    """Give what was logged at a level."""
    return [formatEvent(each) for each in events if each["log_level"] is level]


class TroubleTests(ReloadingCase):
    BAD = (
        "auth: [",
        "htp: 1",
        "auth: {rules: [{who: [x], repositories: [y], may: [fly]}]}",
        "auth: {rules: [{who: [x], repositories: ['a[']}]}",
        "auth: {rules: [{who: ['@nobody'], repositories: [a]}]}",
        "a: 2020-99-99",
        "[" * 5000,
        "- a",
    )

    def test_what_cannot_be_used_is_not_taken(self) -> None:
        self.write(BOBS)
        self.start()
        for text in self.BAD:
            self.replace(text)
            with logged() as events:
                self.look()
            told = warnings(events, LogLevel.error)
            self.assertEqual(len(told), 1, text)
            self.assertIn("What was read before stays in force", told[0])
            self.assertEqual([self.status(each) for each in (BOB, EVE)], [200, 403])

    def test_file_that_is_gone(self) -> None:
        self.write(BOBS)
        self.start()
        os.remove(self.path)
        with logged() as events:
            self.look()
            self.look()
        (told,) = warnings(events, LogLevel.error)
        self.assertIn("cannot be read", told)
        self.assertEqual(self.status(EVE), 403)
        self.write(OPEN)
        self.look()
        self.assertEqual(self.status(EVE), 200)

    def test_it_is_told_once_for_each_reason(self) -> None:
        self.write(BOBS)
        reloading = self.start()
        with logged() as events:
            for text in ("htp: 1", "htp: 1", "htp: 2", "adr: 1", "adr: 1"):
                self.replace(text)
                self.look()
                self.successResultOf(reloading.reload())
        told = warnings(events, LogLevel.error)
        self.assertEqual(len(told), 2)
        self.assertIn("htp: there is no such setting", told[0])
        self.assertIn("adr: there is no such setting", told[1])

    def test_it_is_told_again_after_all_was_well(self) -> None:
        self.write(BOBS)
        self.start()
        with logged() as events:
            for _ in range(2):
                self.replace("htp: 1")
                self.look()
                self.write(BOBS)
                self.look()
        self.assertEqual(len(warnings(events, LogLevel.error)), 2)

    def test_what_needs_a_restart_is_told_once(self) -> None:
        self.write(BOBS)
        self.start()
        with logged() as events:
            self.write(BOBS, more="http: {addr: ':7'}\nlog: {level: debug}")
            for _ in range(3):
                self.look()
        (told,) = warnings(events)
        self.assertEqual(told, "log, http: changed, and in force after a restart")

    def test_others_that_changed_do_not_hold_up_the_rules(self) -> None:
        self.write(BOBS)
        self.start()
        self.write(OPEN, more="http: {addr: ':7'}", auth="immutable: []")
        self.look()
        self.assertEqual(self.status(EVE), 200)
