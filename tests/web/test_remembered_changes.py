"""Tests that what is remembered is given while it holds, to who may have it."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_network
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from zope.interface import alsoProvides, implementer

from tests.temporary import make_file
from tests.web.content import CONFIG, LAYER, OCI_MANIFEST, digest_of, image
from tests.web.exchange import Exchange, request_bytes
from tests.web.remembering import BLOB, LATEST, LAYER_AT, NAME, ImageCase
from tests.web.test_certificates import BOB, CertifiedTransport
from tests.web.v1.people import HTPASSWD
from tests.web.wire import Connection
from txregistry.auth.identifiers import Identifiers
from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.auth.policy import EVERYONE, RulePolicy
from txregistry.auth.policy import Rule as PolicyRule
from txregistry.model.access import Action
from txregistry.model.digest import Digest
from txregistry.model.names import Tag
from txregistry.registry.collection.condemned import link_item, write_list
from txregistry.registry.privacy import Properties
from txregistry.settings.sections import Auth, Htpasswd, Rule, Settings
from txregistry.storage import keys
from txregistry.web.access import Rules
from txregistry.web.certificates import CertifiedResource, ICertifiedTransport


class ChangeTests(ImageCase):
    """What changes is seen in the very next answer."""

    def other(self) -> Exchange:
        """Serve the same in another process."""
        return Exchange(store=self.make_store())

    def changes(self) -> Iterator[tuple[str, str, Callable[[], object], str, str]]:
        """Give what is asked, what is done, and a header after that, or the status."""
        moved = image(annotations={"a": "b"})
        config = digest_of(CONFIG).encode()
        link = self.path(keys.layer_link(NAME, BLOB))
        revision = self.path(keys.revision_link(NAME, Digest.parse(self.digest)))
        tag = self.path(keys.tag_link(NAME, Tag("latest")))
        blob = self.path(keys.blob(BLOB))
        other = self.other()

        def move(made: Exchange) -> Callable[[], object]:
            headers = {"Content-Type": OCI_MANIFEST}
            return lambda: made.ask("PUT", LATEST, headers, moved)

        def write(path: str, data: bytes) -> Callable[[], object]:
            return lambda: write_file(path, data)

        def delete(made: Exchange, target: str) -> Callable[[], object]:
            return lambda: made.ask("DELETE", target)

        def rot() -> None:
            stat = self.exchange.wait(self.exchange.store.stat(keys.blob(BLOB)))
            self.exchange.registry.blobs._integrity.condemn(BLOB, stat)

        digest, status, length = "docker-content-digest", "status", "content-length"
        yield "GET", LATEST, move(self.exchange), digest, digest_of(moved)
        yield "GET", LATEST, move(other), digest, digest_of(moved)
        yield "GET", LATEST, write(tag, b"nothing"), status, "404"
        yield "GET", LATEST, write(tag, config), status, "404"
        yield "HEAD", LATEST, delete(self.exchange, LATEST), status, "404"
        yield "HEAD", LATEST, delete(other, LATEST), status, "404"
        yield "HEAD", LATEST, delete(other, self.by_digest), status, "404"
        yield "HEAD", LATEST, partial(os.unlink, tag), status, "404"
        yield "HEAD", LATEST, partial(os.unlink, revision), status, "404"
        yield "GET", self.by_digest, delete(other, self.by_digest), status, "404"
        yield "HEAD", self.by_digest, partial(os.unlink, revision), status, "404"
        yield "HEAD", LAYER_AT, delete(self.exchange, LAYER_AT), status, "404"
        yield "HEAD", LAYER_AT, delete(other, LAYER_AT), status, "404"
        yield "HEAD", LAYER_AT, partial(os.unlink, link), status, "404"
        yield "HEAD", LAYER_AT, partial(os.unlink, blob), status, "404"
        yield "HEAD", LAYER_AT, write(link, config), length, str(len(CONFIG))
        yield "HEAD", LAYER_AT, write(blob, LAYER + b"."), length, str(len(LAYER) + 1)
        yield "HEAD", LAYER_AT, rot, status, "404"

    def test_each_is_seen_at_once(self) -> None:
        for place in range(len([*self.changes()])):
            self.setUp()
            method, target, change, header, expected = [*self.changes()][place]
            self.warm(method, target)
            change()
            answer = self.ask(method, target)
            seen = str(answer.status) if header == "status" else answer.header(header)
            self.assertEqual(seen, expected, (place, method, target))

    def test_who_is_told_of_something_condemned_saves_it(self) -> None:
        """Clients rely on what they are told is there."""
        manifest = Digest.parse(self.digest)
        for target, item in (
            (LAYER_AT, link_item("layers", BLOB)),
            (LATEST, link_item("revisions", manifest)),
            (self.by_digest, link_item("revisions", manifest)),
        ):
            self.setUp()
            self.warm("HEAD", target)
            place = keys.condemned_links(NAME)
            other = self.other()
            other.wait(write_list(other.store, place, "1", [item]))
            self.assertEqual(self.ask("HEAD", target).status, 200)
            self.assertIn(keys.spared_note(place, item), self.exchange.stored())

    def test_what_is_used_is_noted(self) -> None:
        self.exchange.clock.advance(600)
        self.warm("GET", LATEST)
        uses, clock = self.exchange.registry.uses, self.exchange.clock
        self.exchange.wait(uses.flush())
        clock.advance(3600)
        self.assertRemembered("GET", LATEST, {}, self.ask("GET", LATEST))
        self.exchange.wait(uses.flush())
        self.assertEqual(
            self.exchange.wait(uses.read(NAME)),
            {"latest": 70, self.digest: 70},
        )


class AdmittedTests(ImageCase):
    """Whether who asks may have it is asked every time."""

    def setUp(self) -> None:
        super().setUp()
        rules = (Rule(who=("everyone",), repositories=("**",), may=("pull",)),)
        self.exchange = self.serve(version2=Settings(auth=Auth(rules=rules)))

    def rule(self, *rules: PolicyRule) -> None:
        """Let other rules be in force, as after they were read anew."""
        assert self.exchange.admission is not None
        self.exchange.admission.access.rules = Rules(RulePolicy(rules))

    def test_by_the_rules_at_present(self) -> None:
        self.warm("GET", LATEST)
        self.rule()
        self.assertRefused(self.ask("GET", LATEST), 403, "DENIED")
        self.rule(PolicyRule(frozenset({EVERYONE}), ("**",), frozenset({Action.PULL})))
        self.assertEqual(self.ask("GET", LATEST).status, 200)

    def test_by_where_they_are(self) -> None:
        self.rule(
            PolicyRule(
                frozenset({EVERYONE}),
                ("**",),
                frozenset({Action.PULL}),
                (ip_network("192.0.2.0/24"),),
            )
        )
        inside, outside = "192.0.2.1", "198.51.100.1"
        statuses = [
            self.status_for(each) for each in (inside, inside, outside, inside, outside)
        ]
        self.assertEqual(statuses, [200, 200, 403, 200, 403])
        self.assertEqual(self.rendered, [LATEST] * 3)

    def status_for(self, address: str) -> int:
        """Ask from somewhere."""
        peer = IPv4Address("TCP", address, 4711)
        connection = Connection(self.exchange.site, self.exchange.clock, peer=peer)
        connection.send(request_bytes("GET", LATEST))
        return connection.answer().status

    def test_by_their_certificate_at_present(self) -> None:
        self.exchange = self.serve()  # where rules do not ask for it
        self.exchange.site.resource = CertifiedResource(self.exchange.root)
        known = CertifiedTransport(BOB)
        connection = self.exchange.connect()
        pipe: Any = connection.pipe
        pipe.client_certificate = known.client_certificate
        alsoProvides(pipe, ICertifiedTransport)
        data = request_bytes("GET", LATEST)
        self.rendered.clear()
        connection.send(data)
        connection.send(data)
        self.assertEqual(self.rendered, [LATEST])
        known.revoked = True
        connection.send(data)
        *good, last = connection.answers("GET", "GET", "GET")
        self.assertEqual([each.status for each in good], [200, 200])
        self.assertRefused(last, 403, "DENIED")
        self.assertTrue(connection.ended)

    def test_when_it_is_known_who_they_are(self) -> None:
        assert self.exchange.admission is not None
        identifier = _Waiting()
        self.exchange.admission.access.identifier = Identifiers([identifier])
        self.warm("GET", LATEST)
        identifier.waits = True
        connection = self.exchange.connect()
        connection.send(request_bytes("GET", LATEST))
        self.assertEqual(connection.received, b"")
        for each in identifier.waiting:
            if not each.called:
                each.callback(None)
        self.assertEqual(connection.answer().body, self.data)

    def test_by_what_its_owner_says_at_present(self) -> None:
        accounts = Htpasswd(make_file(self, "htpasswd", HTPASSWD))
        rules = (Rule(who=("everyone",), repositories=("**",), may=("pull",)),)
        auth = Auth(htpasswd=accounts, rules=rules)
        self.exchange = self.serve(version2=Settings(auth=auth))
        self.warm("GET", LATEST)
        privacy = self.exchange.registry.privacy
        self.exchange.wait(privacy.set(NAME, Properties("private")))
        self.assertRefused(self.ask("GET", LATEST), 401, "UNAUTHORIZED")


@implementer(IIdentifier)
class _Waiting:
    """Know nobody, maybe after a while."""

    def __init__(self) -> None:
        self.waits = False
        self.waiting: list[Deferred[None]] = []

    async def identify(self, shown: Credentials) -> Caller | None:
        """See `IIdentifier`."""
        del shown
        if self.waits:
            self.waiting.append(Deferred())
            await self.waiting[-1]
        return None

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`."""
        del name
        return False


def write_file(path: str, data: bytes) -> None:
    """Write over a file."""
    with open(path, "wb") as file:
        file.write(data)
