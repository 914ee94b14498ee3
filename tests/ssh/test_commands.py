"""Tests of ``txregistry/ssh/commands.py``, and of what is told of them."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.logger import capturedLogs

from tests.integration.clients.images import Image, make_image
from tests.ssh.exchange import MemoryExchange
from tests.transfer.archives.case import ArchiveTestCase
from txregistry.auth.policy import Rule, RulePolicy
from txregistry.model.access import Action, Identity
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.ssh.commands import Commands, Done
from txregistry.ssh.permission import AllowedPolicy, PolicyPermission, parse_allowed
from txregistry.ssh.trail import Trail
from txregistry.storage.interfaces import StorageFull, StorageUnavailable
from txregistry.streams import IReader
from txregistry.tasks import at_once
from txregistry.transfer.images.endings import Ending

ALICE = Identity("alice", address="192.0.2.1")
BOB = Identity("bob")
RULES = (
    Rule(frozenset({"alice"}), ("**",), frozenset({Action.ADMIN})),
    Rule(frozenset({"bob"}), ("team/**",), frozenset({Action.PULL})),
)
APP = RepositoryName("team/app")
IT = Tag("it")


class Failing(MemoryExchange):
    """An exchange whose client, or whatever is behind it, fails."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__()
        self.failure = failure

    def receive(self) -> IReader:
        """See `IExchange`."""
        raise self.failure


class CommandsTestCase(ArchiveTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.commands = self.make_commands()
        self.exchange = MemoryExchange()

    def make_commands(self, **switches: Any) -> Commands:
        """Make the commands of a registry over the store."""
        self.registry = self.make_registry(**switches)
        permission = PolicyPermission(self.registry, RulePolicy(RULES))
        return Commands(self.registry, at_once, permission)

    def run_line(self, line: str, given: bytes = b"", who: Identity = ALICE) -> Done:
        """Do what a line asks for."""
        self.exchange = MemoryExchange(given)
        return self.result(self.commands.run(line.encode(), who, self.exchange))

    def ask(self, line: str, given: bytes = b"", who: Identity = ALICE) -> bytes:
        """Do what a line asks for, which ends well; give what comes of it."""
        done = self.run_line(line, given, who)
        self.assertEqual((done.ending, done.told), (Ending.DONE, ""))
        return self.exchange.got

    def refusal(
        self, line: str, given: bytes = b"", who: Identity = ALICE
    ) -> tuple[Ending, str]:
        """Do what a line asks for, which comes to nothing; say why."""
        done = self.run_line(line, given, who)
        self.assertNotEqual(done.ending, Ending.DONE)
        self.assertTrue(done.told.isprintable(), done.told)
        self.assertTrue(done.told.endswith("."), done.told)
        return done.ending, done.told

    def push_app(self) -> Image:
        """Have an image."""
        image = make_image("linux/amd64")
        self.push_image(image, IT, APP)
        return image


class GetTests(CommandsTestCase):
    def test_gives_what_put_takes(self) -> None:
        image = self.push_app()
        archive = self.ask("get team/app:it")
        told = self.ask("put other/app:new", archive)
        self.assertEqual(told.decode(), f"{image.digest}\n")
        self.assertHolds(image, Tag("new"), RepositoryName("other/app"))
        self.assertNothingStaged()
        self.assertEqual(self.ask(f"get team/app@{image.digest}")[:512], archive[:512])

    def test_goes_on_where_it_was_cut_off(self) -> None:
        self.push_app()
        whole = self.ask("get team/app:it")
        for offset in (0, 1, 512, 5000, len(whole) - 1, len(whole)):
            rest = self.ask(f"get team/app:it --resume {offset}")
            self.assertEqual(rest, whole[offset:])
        ending, told = self.refusal(f"get team/app:it --resume {len(whole) + 1}")
        self.assertEqual((ending, self.exchange.got), (Ending.USAGE, b""))
        self.assertIn(str(len(whole)), told)

    def test_goes_on_with_the_same_archive_only(self) -> None:
        self.push_app()
        plan = json.loads(self.ask("plan team/app:it"))
        line = f"get team/app:it --resume 700 --identity {plan['identity']}"
        self.assertEqual(len(self.ask(line)), plan["size"] - 700)
        self.push_image(make_image("linux/arm64"), IT, APP)
        ending, told = self.refusal(line)
        self.assertEqual((ending, self.exchange.got), (Ending.NOT_FOUND, b""))
        self.assertIn("another one", told)

    def test_the_plan_says_what_comes(self) -> None:
        image = self.push_app()
        plan = json.loads(self.ask("plan team/app:it"))
        self.assertEqual(plan["digest"], image.digest)
        self.assertEqual(plan["size"], len(self.ask("get team/app:it")))
        blobs = {blob.digest: len(blob.data) for blob in image.blobs}
        self.assertEqual(plan["blobs"], blobs)

    def test_leaves_out_what_is_there(self) -> None:
        image = self.push_app()
        have = ",".join(blob.digest for blob in image.blobs)
        whole = self.ask("get team/app:it")
        part = self.ask(f"get team/app:it --layers-have {have}")
        for blob in image.blobs:
            self.assertIn(blob.data, whole)
            self.assertNotIn(blob.data, part)

    def test_what_is_not_there_is_not_found(self) -> None:
        self.push_app()
        digest = Digest.of(b"none")
        for line in (
            "get none:it",
            "get team/app:none",
            f"get team/app@{digest}",
            "plan none",
            "tags none",
            "history none:it",
            "history team/app:none",
            "rm team/app:none",
            f"rm team/app@{digest}",
        ):
            self.assertEqual(self.refusal(line)[0], Ending.NOT_FOUND, line)


class PutTests(CommandsTestCase):
    def test_what_is_cut_off_is_not_seen(self) -> None:
        self.push_app()
        archive = self.ask("get team/app:it")
        for size in (0, 100, 1024, len(archive) // 2, len(archive) - 1025):
            ending, _ = self.refusal("put other:new", archive[:size])
            self.assertEqual(ending, Ending.DAMAGED)
            self.assertEqual(self.ask("list other"), b"")
            self.assertNothingStaged()

    def test_what_came_whole_need_not_come_again(self) -> None:
        image = self.push_app()
        archive = self.ask("get team/app:it")
        self.refusal("put other:new", archive[:-1025])
        have = self.ask("held other").decode().split()
        self.assertLess(
            set(map(str, (blob.digest for blob in image.blobs))), {*have, ""}
        )
        rest = self.ask(f"get team/app:it --layers-have {','.join(have)}")
        self.assertLess(len(rest), len(archive))
        self.ask("put other:new", rest)
        self.assertHolds(image, Tag("new"), RepositoryName("other"))

    def test_one_of_several_must_be_named(self) -> None:
        self.push_app()
        one = self.ask("get team/app:it")
        self.assertEqual(
            self.refusal("put other:new --image none", one)[0], Ending.USAGE
        )
        self.ask("put other:new --image team/app:it", one)

    def test_a_registry_that_is_read_only_takes_nothing(self) -> None:
        self.push_app()
        archive = self.ask("get team/app:it")
        self.commands = self.make_commands(writes=False)
        self.assertEqual(self.refusal("put other:new", archive)[0], Ending.REFUSED)
        self.assertEqual(self.refusal("rm team/app:it")[0], Ending.REFUSED)
        self.assertEqual(self.ask("get team/app:it"), archive)

    def test_a_tag_that_has_to_stay_stays(self) -> None:
        self.push_app()
        archive = self.ask("get team/app:it")
        stays = Immutability([ImmutableTags(("**",), ("*",))])
        self.commands = self.make_commands(immutability=stays)
        self.push_image(make_image("linux/arm64"), Tag("new"), APP)
        self.assertEqual(self.refusal("put team/app:new", archive)[0], Ending.REFUSED)
        self.assertEqual(self.refusal("rm team/app:new")[0], Ending.REFUSED)

    def test_failures_of_the_store_are_told_without_its_words(self) -> None:
        endings = {
            StorageFull("/secret: no space"): Ending.NO_ROOM,
            StorageUnavailable("/secret: i/o error"): Ending.UNREACHABLE,
            RuntimeError("/secret"): Ending.FAILED,
            CancelledError(): Ending.INTERRUPTED,
        }
        for failure, ending in endings.items():
            with capturedLogs():
                done = self.result(
                    self.commands.run(b"put a:b", ALICE, Failing(failure))
                )
            self.assertEqual(done.ending, ending)
            self.assertNotIn("secret", done.told)
            self.assertNotIn("\n", done.told)
        self.flushLoggedErrors(RuntimeError)


class ListTests(CommandsTestCase):
    NAMES = (
        "a",
        "team",
        "team-b/x",
        "team.c",
        "team/app",
        "team/app/sub",
        "teams",
        "z",
    )

    def push_names(self, *names: str) -> None:
        """Have repositories."""
        image = make_image("linux/amd64")
        for name in names:
            self.push_image(image, IT, RepositoryName(name))

    def names(self, prefix: str = "", who: Identity = ALICE) -> list[str]:
        """List names."""
        return self.ask(f"list {prefix}", who=who).decode().split()

    def test_lists_those_that_begin_so(self) -> None:
        self.push_names(*self.NAMES)
        ordered = sorted(self.NAMES)
        self.assertEqual(self.names(), ordered)
        for prefix in ("a", "team", "team/", "team-", "team/app", "b", "zz", "t", "0"):
            expected = [name for name in ordered if name.startswith(prefix)]
            self.assertEqual(self.names(prefix), expected, prefix)

    def test_lists_those_that_one_may_see(self) -> None:
        self.push_names(*self.NAMES)
        self.assertEqual(self.names(who=BOB), ["team/app", "team/app/sub"])
        self.assertEqual(self.names(who=Identity("carol")), [])

    @given(
        st.sets(
            st.from_regex(r"[ab](\.[ab]|-[ab]|/[ab]){0,2}", fullmatch=True), max_size=6
        ),
        st.from_regex(r"[ab./-]{0,4}", fullmatch=True).filter(
            lambda text: not text.startswith("-")
        ),
    )
    def test_lists_all_of_them(self, names: set[str], prefix: str) -> None:
        super().setUp()
        self.push_names(*names)
        expected = [name for name in sorted(names) if name.startswith(prefix)]
        self.assertEqual(self.names(prefix), expected)

    def test_lists_tags(self) -> None:
        self.push_app()
        self.push_image(make_image("linux/amd64"), Tag("also"), APP)
        self.assertEqual(self.ask("tags team/app"), b"also\nit\n")

    def test_history_tells_the_latest_first(self) -> None:
        images = [make_image(f"linux/{arch}") for arch in ("amd64", "arm64", "s390x")]
        for image in images:
            self.clock.advance(3600)
            self.push_image(image, IT, APP)
        lines = self.ask("history team/app:it").decode().splitlines()
        self.assertEqual(
            [each.split()[0] for each in lines],
            [image.digest for image in reversed(images)],
        )
        self.assertEqual(
            [each.split()[1] for each in lines],
            [
                f"2023-11-1{day}T{hour}:13:20+00:00"
                for day, hour in ((5, "01"), (5, "00"), (4, "23"))
            ],
        )

    def test_removes_tags_and_images(self) -> None:
        image = self.push_app()
        self.push_image(image, Tag("also"), APP)
        self.ask("rm team/app:it")
        self.assertEqual(self.ask("tags team/app"), b"also\n")
        self.ask(f"rm team/app@{image.digest}")
        self.assertEqual(self.ask("tags team/app"), b"")

    def test_help_tells_of_all(self) -> None:
        self.assertIn(b"put NAME:TAG", self.ask("help", who=Identity("carol")))


class PermissionTests(CommandsTestCase):
    def test_what_may_not_be_done_is_refused_whether_it_is_there_or_not(self) -> None:
        image = self.push_app()
        told = set()
        for name in ("team/app", "none/app"):
            for line in (
                f"put {name}:it",
                f"held {name}",
                f"rm {name}:it",
                f"rm {name}@{image.digest}",
            ):
                ending, text = self.refusal(line, who=BOB)
                self.assertEqual(ending, Ending.REFUSED)
                told.add(text.replace(name, "NAME"))
        self.assertEqual(len(told), 2, told)
        for line in ("get a", "plan a", "tags a", "history a:b"):
            self.assertEqual(self.refusal(line, who=BOB)[0], Ending.REFUSED)

    def test_what_may_be_done_is_done(self) -> None:
        self.push_app()
        self.ask("get team/app:it", who=BOB)
        self.ask("tags team/app", who=BOB)
        self.ask("history team/app:it", who=BOB)

    def test_rights_are_read_from_text(self) -> None:
        policy = AllowedPolicy(
            map(parse_allowed, ("team/**,base/*:pull,push", "**:list", "team/x:delete"))
        )
        expected = {
            ("team/a", Action.PUSH): True,
            ("team/a", Action.DELETE): False,
            ("team/x", Action.DELETE): True,
            ("base/a", Action.PULL): True,
            ("base/a/b", Action.PULL): False,
            ("other", Action.LIST): True,
            ("other", Action.PULL): False,
        }
        for (name, action), allowed in expected.items():
            found = policy.allows(BOB, RepositoryName(name), action)
            self.assertEqual(found, allowed, (name, action))

    def test_rights_that_are_none_are_refused(self) -> None:
        for text in ("", "team", "team:", "team:all", ":pull", "a b:pull", "a:pull,"):
            self.assertRaises(ValueError, parse_allowed, text)


class TrailTests(CommandsTestCase):
    def records(self, *lines: str, pulls: bool = True) -> list[dict[str, Any]]:
        """Say what is recorded of commands of Bob's, and of Alice's last one."""
        found: list[dict[str, Any]] = []
        trail = Trail(found.append, pulls=pulls)
        with capturedLogs() as events:
            for line in lines:
                done = self.run_line(line, who=ALICE)
                trail.note(done, ALICE, 10, 20, 0.5)
        self.assertEqual(len(events), len(lines))
        return found

    def test_records_who_did_what(self) -> None:
        image = self.push_app()
        (record,) = self.records("get team/app:it")
        self.assertEqual(record.pop("time")[:2], "20")
        self.assertEqual(
            record,
            {
                "who": "alice",
                "from": "192.0.2.1",
                "did": "pull",
                "route": "ssh get",
                "method": "SSH",
                "outcome": "done",
                "status": 0,
                "sent": 10,
                "received": 20,
                "repository": "team/app",
                "tag": "it",
                "digest": image.digest,
            },
        )

    def test_leaves_out_reading_if_told_to(self) -> None:
        self.push_app()
        lines = ("get team/app:it", "list", "help", "rm team/app:it", "nonsense")
        self.assertEqual(
            [each["route"] for each in self.records(*lines, pulls=False)], ["ssh rm"]
        )
        self.assertEqual(
            [each["outcome"] for each in self.records(*lines)],
            ["failed", "done", "failed"],
        )
