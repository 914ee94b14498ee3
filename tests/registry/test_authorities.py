"""Tests of ``txregistry/registry/authorities.py`` and ``askedauthority.py``."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.client.test_index import BASE, HEADER, TOP, WEB, Answering
from txregistry.auth.tokens import (
    PresentedToken,
    TokenSigner,
    TokenVerifier,
    parse_authorization,
)
from txregistry.client.index import ForeignIndex
from txregistry.model.access import Access, Identity
from txregistry.model.errors import Unauthorized, Unavailable
from txregistry.model.images import ImageId
from txregistry.registry.askedauthority import AskedAuthority
from txregistry.registry.authorities import SignedAuthority, new_owner
from txregistry.registry.interfaces import IAuthority

T = TypeVar("T")


class AuthorityCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def fails(self, kind: type[Exception], work: Coroutine[Any, Any, object]) -> None:
        """Expect some work to fail."""
        self.failureResultOf(Deferred.fromCoroutine(work), kind)

    def present(self, header: str) -> PresentedToken:
        """Send a header."""
        presented = parse_authorization(header)
        assert presented is not None
        return presented


class SignedTests(AuthorityCase):
    def setUp(self) -> None:
        super().setUp()
        key = Ed25519PrivateKey.generate()
        self.signer = TokenSigner(key, self.clock)
        self.authority = SignedAuthority(TokenVerifier([key.public_key()], self.clock))

    def token(self, nonce: str = "n", name: str = "bob") -> PresentedToken:
        """Issue a token, and send it."""
        text = self.signer.issue(WEB, Access.WRITE, Identity(name), 600, nonce)
        return self.present(f"Token {text}")

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IAuthority, self.authority))

    def test_token_is_good_for_what_it_says(self) -> None:
        grant = self.result(self.authority.grant(self.token()))
        self.assertEqual((grant.repository, grant.access), (WEB, Access.WRITE))
        self.assertEqual(grant.expires, self.clock.seconds() + 600)

    def test_every_image_may_be_pushed_and_used(self) -> None:
        grant = self.result(self.authority.grant(self.token()))
        self.assertTrue(self.result(grant.announced(TOP)))
        self.assertTrue(self.result(grant.usable(TOP)))

    def test_owner_is_the_same_for_the_same_token(self) -> None:
        token = self.token()
        found = {self.result(self.authority.grant(token)).owner for _ in range(2)}
        self.assertEqual(len(found), 1)

    def test_owner_is_another_for_another_push_or_person(self) -> None:
        tokens = (self.token(), self.token("other"), self.token(name="eve"))
        found = {self.result(self.authority.grant(each)).owner for each in tokens}
        self.assertEqual(len(found), 3)

    def test_token_of_somebody_else_is_refused(self) -> None:
        signer = TokenSigner(Ed25519PrivateKey.generate(), self.clock)
        text = signer.issue(WEB, Access.WRITE, Identity("bob"), 600, "n")
        self.fails(Unauthorized, self.authority.grant(self.present(f"Token {text}")))

    def test_token_that_expired_is_refused(self) -> None:
        token = self.token()
        self.clock.advance(601)
        self.fails(Unauthorized, self.authority.grant(token))


class AskedTests(AuthorityCase):
    def setUp(self) -> None:
        super().setUp()
        self.answering = Answering()
        agent = RequestTraversalAgent(self.answering)
        index = ForeignIndex(
            "https://index.example", agent, self.clock, timeout=10, keep=5
        )
        self.authority = AskedAuthority(index)

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IAuthority, self.authority))

    def test_index_is_shown_the_token(self) -> None:
        self.result(self.authority.grant(self.present(HEADER)))
        ((uri, headers),) = self.answering.requests
        self.assertTrue(uri.endswith(b"/v1/repositories/acme/web/images"))
        self.assertEqual(headers.getRawHeaders("authorization"), [HEADER])

    def test_token_is_good_for_what_it_says_there(self) -> None:
        grant = self.result(self.authority.grant(self.present(HEADER)))
        self.assertEqual((grant.repository, grant.access), (WEB, Access.READ))
        self.assertIsNone(grant.expires)

    def test_images_in_the_list_may_be_pushed_and_no_others(self) -> None:
        grant = self.result(self.authority.grant(self.present(HEADER)))
        for image_id, listed in ((BASE, True), (ImageId("0" * 64), False)):
            self.assertEqual(self.result(grant.announced(image_id)), listed)

    def test_index_is_asked_what_may_be_used(self) -> None:
        grant = self.result(self.authority.grant(self.present(HEADER)))
        for answer, may in ((b'{"access": true}', True), (b'{"access": false}', False)):
            self.answering.body = answer
            self.assertEqual(self.result(grant.usable(TOP)), may)
            self.clock.advance(6)
        uri, _ = self.answering.requests[-1]
        self.assertTrue(uri.endswith(f"/layer/{TOP}/access".encode()))

    def test_token_that_the_index_refuses_is_refused(self) -> None:
        self.answering.status = 401
        self.fails(Unauthorized, self.authority.grant(self.present(HEADER)))

    def test_index_that_cannot_be_asked_lets_nobody_in(self) -> None:
        self.answering.status = 500
        self.fails(Unavailable, self.authority.grant(self.present(HEADER)))
        self.flushLoggedErrors()


class OwnerTests(SynchronousTestCase):
    def test_it_can_stand_in_a_key_and_tells_nothing(self) -> None:
        found = new_owner("token", "../../bob", "n")
        self.assertRegex(found, r"\A[0-9a-f]{32}\Z")

    def test_it_is_the_same_for_the_same_parts(self) -> None:
        self.assertEqual(new_owner("a", "b"), new_owner("a", "b"))

    def test_parts_do_not_run_together(self) -> None:
        self.assertNotEqual(new_owner("a", "bc"), new_owner("ab", "c"))
