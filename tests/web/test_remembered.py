"""Tests of ``txregistry/web/remembered.py``: what holds still is given again."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.web.resource import IResource
from zope.interface.verify import verifyObject

from tests.registry.mirror.played import PlayedUpstream
from tests.web import exchange
from tests.web.content import ABSENT
from tests.web.exchange import Exchange, request_bytes
from tests.web.remembering import BLOB, LATEST, LAYER_AT, NAME, ImageCase
from txregistry.registry.collection.condemned import link_item, write_list
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import Key
from txregistry.tasks import at_once
from txregistry.web import remembered
from txregistry.web.audit import AuditTrail
from txregistry.web.certificates import CertifiedResource
from txregistry.web.remembered import IRepeating

P = ParamSpec("P")
T = TypeVar("T")


class RememberedTests(ImageCase):
    def test_interface(self) -> None:
        root = self.exchange.root
        for resource in (root, CertifiedResource(root)):
            self.assertTrue(verifyObject(IRepeating, resource))
            self.assertTrue(verifyObject(IResource, resource))

    def test_what_is_asked_again_is_given_again(self) -> None:
        tag = f'"{self.digest}"'
        statuses = [
            self.warm(method, target, headers).status
            for method, target, headers in (
                ("HEAD", LAYER_AT, {}),
                ("HEAD", LAYER_AT, {"Connection": "keep-alive"}),
                ("HEAD", LAYER_AT, {"Range": "bytes=0-1"}),
                ("HEAD", LAYER_AT, {"If-None-Match": f'"{BLOB}"'}),
                ("GET", LAYER_AT, {"If-None-Match": f'"{BLOB}"'}),
                ("GET", LATEST, {}),
                ("HEAD", LATEST, {}),
                ("GET", LATEST, {"Accept": "*/*"}),
                ("GET", LATEST, {"If-None-Match": tag}),
                ("GET", self.by_digest, {}),
                ("GET", f"{self.by_digest}?ns=x", {"User-Agent": "crane"}),
                ("HEAD", self.by_digest, {}),
            )
        ]
        self.assertEqual(statuses.count(304), 3)
        self.assertEqual({*statuses}, {200, 304})

    def test_what_is_not(self) -> None:
        for method, target, headers in (
            ("GET", LAYER_AT, {}),
            ("GET", LAYER_AT, {"Range": "bytes=0-1"}),
            ("HEAD", LAYER_AT, {"Connection": "close"}),
            ("HEAD", LAYER_AT, {"Cookie": "a=b"}),
            ("HEAD", LAYER_AT, {"Authorization": "Bearer x"}),
            ("HEAD", LAYER_AT, {"X-Token": "x"}),
            ("HEAD", LAYER_AT, {"User-Agent": "x" * 1024}),
            ("GET", LATEST, {"Accept": "text/plain"}),
            ("HEAD", f"/v2/{NAME}/blobs/{ABSENT}", {}),
            ("GET", f"/v2/{NAME}/manifests/none", {}),
            ("GET", f"/v2/{NAME}/tags/list", {}),
            ("GET", "/v2/", {}),
        ):
            for _ in range(3):
                self.assertRendered(method, target, headers)

    def test_nothing_is_that_goes_on(self) -> None:
        """A body would be taken for the next request."""
        connection = self.exchange.connect()
        for _ in range(3):
            connection.send(request_bytes("GET", LATEST, {"Content-Length": "3"}))
            connection.send(b"abc")
        self.assertEqual(self.rendered[-3:], [LATEST] * 3)
        answers = connection.answers("GET", "GET", "GET")
        self.assertEqual([each.body for each in answers], [self.data] * 3)

    def test_nothing_is_that_lies_elsewhere(self) -> None:
        self.exchange = Exchange(store=_Elsewhere(self.root, "scratch", at_once, {}))
        self.watch(self.exchange)
        for _ in range(3):
            self.assertEqual(self.assertRendered("GET", LAYER_AT).status, 307)

    def test_nothing_is_that_another_registry_may_have(self) -> None:
        upstream = PlayedUpstream("docker.io")
        upstream.add("app", self.data, "latest")
        rule = MirrorRule(upstream, "library/")
        self.exchange = self.serve(mirrored=MirrorRules([rule]))
        for _ in range(3):
            for target in (LATEST, self.by_digest, LAYER_AT):
                self.assertEqual(self.assertRendered("HEAD", target).status, 200)

    def test_nothing_is_of_which_only_a_part_was_seen(self) -> None:
        """What was found out later, in another turn, was not seen."""
        later = _Later()
        store = FilesystemObjectStore(self.root, "scratch", later, {})
        self.exchange = Exchange(store=store)
        place, item = keys.condemned_links(NAME), link_item("layers", BLOB)
        other = Exchange(store=self.make_store())
        other.wait(write_list(other.store, place, "1", [item]))
        connection = self.exchange.connect()
        connection.send(request_bytes("HEAD", LAYER_AT))
        self.assertEqual(connection.received, b"")
        later.go_on()
        self.assertEqual(connection.answer("HEAD").status, 200)
        os.unlink(self.path(keys.layer_link(NAME, BLOB)))
        self.assertEqual(self.ask("HEAD", LAYER_AT).status, 404)

    def test_nothing_is_where_no_file_proves_it(self) -> None:
        self.exchange = Exchange()
        self.watch(self.exchange)
        self.push_image(str(NAME), "latest")
        for _ in range(3):
            self.assertRendered("GET", LATEST)

    def test_nothing_is_that_has_just_changed(self) -> None:
        now = time.time
        self.patch(time, "time_ns", lambda: int(now() * 10**9))
        for _ in range(3):
            self.push_manifest(str(NAME), "latest", self.data)
            self.assertRendered("GET", LATEST)

    def test_another_request_has_its_own_answer(self) -> None:
        self.warm("GET", LATEST)
        self.assertEqual(self.ask("HEAD", LATEST).body, b"")
        self.assertEqual(self.ask("GET", LATEST).body, self.data)
        unchanged = self.ask("GET", LATEST, {"If-None-Match": "*"})
        self.assertEqual(unchanged.status, 304)

    def test_it_is_of_the_present_date(self) -> None:
        self.warm("GET", LATEST)
        self.exchange.clock.advance(1)
        self.exchange.site.date()
        self.exchange.site._date = b"Thu, 01 Jan 2026 00:00:00 GMT"
        answer = self.ask("GET", LATEST)
        self.assertEqual(answer.header("date"), "Thu, 01 Jan 2026 00:00:00 GMT")

    def test_no_more_are_kept_than_there_may_be(self) -> None:
        self.patch(remembered, "_MOST", 2)
        self.assertTwoKept()

    def test_no_more_is_kept_than_there_is_room_for(self) -> None:
        connection = self.exchange.connect()
        asked = request_bytes("GET", f"{LATEST}?ns=a")
        connection.send(asked)
        size = len(asked) + len(connection.received)
        self.patch(remembered, "_ROOM", 2 * size)
        self.exchange = self.serve()
        self.assertTwoKept()

    def assertTwoKept(self) -> None:
        """Of three answers, the last two are kept."""
        targets = [f"{LATEST}?ns={letter}" for letter in "abc"]
        for target in targets:
            self.ask("GET", target)
        self.rendered.clear()
        for target in reversed(targets):
            self.ask("GET", target)
        self.assertEqual(self.rendered, targets[:1])

    def test_what_is_replaced_leaves_its_room(self) -> None:
        self.patch(remembered, "_ROOM", 6000)
        self.exchange = self.serve()
        self.warm("HEAD", LAYER_AT)
        for _ in range(9):
            self.push_manifest(str(NAME), "latest", self.data)
            self.warm("GET", LATEST)
        self.rendered.clear()
        self.ask("HEAD", LAYER_AT)
        self.assertEqual(self.rendered, [])

    def test_what_was_asked_last_is_kept(self) -> None:
        self.patch(remembered, "_MOST", 2)
        for target in (LATEST, self.by_digest, LATEST, LAYER_AT):
            self.ask("HEAD", target)
        self.rendered.clear()
        self.ask("HEAD", LATEST)
        self.assertEqual(self.rendered, [])

    def test_a_connection_goes_on(self) -> None:
        """Out of memory and not, one after the other, and several at once."""
        self.warm("GET", LATEST)
        connection = self.exchange.connect()
        data = request_bytes("GET", LATEST)
        for sent in (data, data, data + data, data, request_bytes("GET", "/v2/"), data):
            connection.send(sent)
        answers = connection.answers(*["GET"] * 7)
        self.assertEqual([each.status for each in answers], [200] * 7)
        bodies = [each.body for each in answers]
        self.assertEqual(bodies, [self.data] * 5 + [b"{}", self.data])

    def test_a_request_in_pieces_is_answered(self) -> None:
        self.warm("GET", LATEST)
        connection = self.exchange.connect()
        connection.send(request_bytes("GET", LATEST), size=7)
        self.assertEqual(connection.answer().body, self.data)

    def test_who_does_not_read_gets_no_more(self) -> None:
        self.warm("GET", LATEST)
        connection = self.exchange.connect(room=10)
        data = request_bytes("GET", LATEST)
        self.rendered.clear()
        connection.send(data)
        self.assertTrue(connection.waits)
        self.exchange.clock.advance(59)
        self.exchange.site.sweep()
        self.assertFalse(connection.pipe.aborted)
        connection.pipe.read()
        connection.send(data)
        self.assertEqual(self.rendered, [])
        self.assertEqual(
            [each.body for each in connection.answers("GET", "GET")],
            [self.data, self.data],
        )
        self.exchange.clock.advance(61)
        self.exchange.site.sweep()
        self.assertTrue(connection.pipe.aborted)

    def test_who_does_not_read_is_not_silent(self) -> None:
        self.exchange = self.serve(site={"idle": 10.0})
        self.warm("GET", LATEST)
        connection = self.exchange.connect(room=10)
        connection.send(request_bytes("GET", LATEST))
        self.exchange.clock.advance(30)
        self.assertFalse(connection.ended)
        connection.pipe.read()
        self.exchange.clock.advance(9)
        self.assertFalse(connection.ended)
        self.exchange.clock.advance(2)
        self.assertTrue(connection.ended)

    def test_who_is_silent_is_left(self) -> None:
        self.warm("GET", LATEST)
        connection = self.exchange.connect()
        for _ in range(3):
            connection.send(request_bytes("GET", LATEST))
            self.exchange.clock.advance(50)
            self.assertFalse(connection.ended)
        self.exchange.clock.advance(11)
        self.assertTrue(connection.ended)

    def test_who_leaves_unread_answers_is_forgotten(self) -> None:
        self.warm("GET", LATEST)
        connection = self.exchange.connect(room=10)
        with exchange.logged() as events:
            connection.send(request_bytes("GET", LATEST))
            connection.drop()
        lines = [each for each in exchange.lines(events) if "GET" in each]
        self.assertEqual(len(lines), 1, lines)
        self.assertEqual(self.exchange.site.channels, set())

    def test_connections_end_with_the_service(self) -> None:
        self.warm("GET", LATEST)
        connection = self.exchange.connect()
        connection.send(request_bytes("GET", LATEST)[:10])
        self.exchange.site.draining = True
        connection.send(request_bytes("GET", LATEST)[10:])
        self.assertEqual(connection.answer().header("connection"), "close")
        other = self.exchange.connect()
        other.send(request_bytes("GET", LATEST))
        self.assertEqual(other.answer().header("connection"), "close")
        self.assertTrue(other.ended)


class ToldTests(ImageCase):
    def test_each_leaves_its_line(self) -> None:
        with exchange.logged() as events:
            for _ in range(3):
                self.ask("GET", LATEST, {"User-Agent": "crane"})
        self.assertEqual(
            [str(each["access"]) for each in events if "access" in each],
            [f'192.168.1.1 - "GET {LATEST}" 200 {len(self.data)} 0 "crane"'] * 3,
        )

    def test_each_is_recorded(self) -> None:
        records: list[dict[str, Any]] = []
        trail = AuditTrail(records.append, pulls=True)
        self.exchange = self.serve(site={"audit": trail})
        for method, target in (("GET", LATEST), ("HEAD", LAYER_AT)):
            records.clear()
            self.warm(method, target)
            for record in records:
                del record["time"]
            first, *others = records
            self.assertEqual(others, [first])
            self.assertEqual(
                (first["did"], first["repository"], first["outcome"], first["status"]),
                ("pull", str(NAME), "done", 200),
            )


class _Elsewhere(FilesystemObjectStore):
    """Files that clients can fetch somewhere else."""

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        return f"https://elsewhere.example/{key}?{method}={lifetime}"


class _Later:
    """Do blocking work when told to."""

    def __init__(self) -> None:
        self._work: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def __call__(
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """See `Blocking`."""
        done: Deferred[T] = Deferred()
        self._work.append((partial(work, *args, **kwargs), done))
        return done

    def go_on(self) -> None:
        """Do all that there is to do."""
        while self._work:
            work, done = self._work.pop(0)
            done.callback(work())
