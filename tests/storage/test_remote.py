"""Tests of ``txregistry/storage/remote.py``."""

from twisted.internet.defer import CancelledError, Deferred

from tests.storage.playing import LOST, REFUSED, SILENT, PlayedCase, Reply
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.remote import Answer, Request
from txregistry.storage.remotebody import Faltered
from txregistry.streams import IReader, read_all

DATA = b"0123456789"
GOOD = Reply(body=DATA)
ALL = 1 << 20
NOW = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:28:03 GMT"


def make() -> Request:
    """Make a request."""
    return Request("The store", "GET", "http://host/path", {"X-Key": "secret"})


async def whole(answer: Answer) -> bytes:
    """Take a body whole."""
    data = await read_all(answer.body, ALL)
    assert data is not None
    return data


class AskingTests(PlayedCase):
    def asks(self, *replies: Reply) -> bytes:
        """Give what is had in the end."""
        return self.result(self.play(*replies).ask(make, whole))

    def gives_up(self, *replies: Reply) -> str:
        """Expect that nothing is had, and give what is said of it."""
        return self.fault(Faltered, self.play(*replies).ask(make, whole))

    def test_an_answer(self) -> None:
        self.assertEqual(self.asks(GOOD), DATA)

    def test_a_failure_and_then_an_answer(self) -> None:
        for status in (408, 429, 500, 502, 503, 504):
            self.assertEqual(self.asks(Reply(status), GOOD), DATA)
            self.assertEqual(len(self.agent.asked), 2)

    def test_no_connection_and_then_an_answer(self) -> None:
        self.assertEqual(self.asks(REFUSED, REFUSED, GOOD), DATA)

    def test_silence_and_then_an_answer(self) -> None:
        self.assertEqual(self.asks(SILENT, GOOD), DATA)

    def test_a_body_that_is_cut_and_then_an_answer(self) -> None:
        cut = Reply(body=b"012", after="cut", length=10)
        self.assertEqual(self.asks(cut, GOOD), DATA)

    def test_failures_without_an_end(self) -> None:
        said = self.gives_up(*[Reply(503)] * 5)
        self.assertEqual(said, "The store answered 503")
        self.assertEqual(self.agent.left, 1)

    def test_no_connection_without_an_end(self) -> None:
        said = self.gives_up(*[REFUSED] * 4)
        self.assertIn("The store gave no answer: ConnectionRefused", said)

    def test_silence_without_an_end(self) -> None:
        said = self.gives_up(*[SILENT] * 4)
        self.assertEqual(said, "The store did not answer in 30 s")

    def test_what_the_server_has_to_work_for_is_waited_for_longer(self) -> None:
        def make_work() -> Request:
            return Request("The store", "PUT", "http://host/path", {}, works=True)

        server = self.play(*[SILENT] * 4)
        said = self.fault(Faltered, server.ask(make_work, whole))
        self.assertEqual(said, "The store did not answer in 300 s")

    def test_a_connection_that_is_lost_and_then_an_answer(self) -> None:
        self.assertEqual(self.asks(LOST, GOOD), DATA)

    def test_connections_that_are_lost_without_an_end(self) -> None:
        said = self.gives_up(*[LOST] * 4)
        self.assertEqual(said, "The store gave no answer: it closed the connection")

    def test_each_pause_is_longer(self) -> None:
        server = self.play(*[REFUSED] * 4)
        done = Deferred.fromCoroutine(server.ask(make, whole))
        for left, pause in ((2, 0.5), (1, 1.0), (0, 2.0)):
            self.clock.advance(pause - 0.01)
            self.assertEqual(self.agent.left, left + 1)
            self.clock.advance(0.01)
            self.assertEqual(self.agent.left, left)
        self.failureResultOf(done, Faltered)

    def pause_of(self, chance: float, *replies: Reply) -> float:
        """Give the seconds until the second attempt."""
        server = self.play(*replies, GOOD, chance=chance)
        done = Deferred.fromCoroutine(server.ask(make, whole))
        self.agent.flush()
        started = self.clock.seconds()
        (call,) = self.clock.getDelayedCalls()
        self.clock.advance(call.getTime() - started)
        self.agent.flush()
        self.assertEqual(self.successResultOf(done), DATA)
        return call.getTime() - started

    def test_a_part_of_each_pause_is_left_to_chance(self) -> None:
        for chance, pause in ((0.0, 0.25), (0.5, 0.375), (1.0, 0.5)):
            self.assertEqual(self.pause_of(chance, REFUSED), pause)

    def test_a_pause_that_the_server_asks_for(self) -> None:
        for told, pause in (
            ({"Retry-After": "3"}, 3.0),
            ({"Retry-After": "0"}, 0.0),
            ({"Retry-After": "3600"}, 10.0),
            ({"Retry-After": "999999999"}, 10.0),
            ({"Retry-After": LATER, "Date": NOW}, 3.0),
            ({"Retry-After": NOW, "Date": LATER}, 0.0),
            ({"Retry-After": LATER, "Date": "?"}, 10.0),
            ({"Retry-After": "Thu, 01 Jan 1970 00:00:04 GMT", "Date": "?"}, 4.0),
        ):
            for status in (429, 503):
                found = self.pause_of(0.0, Reply(status, headers=told))
                self.assertEqual(found, pause + 0.25)

    def test_a_pause_that_cannot_be_read(self) -> None:
        for told in ("soon", "-1", "1.5", "1" * 10, "\u0663", ""):
            found = self.pause_of(0.0, Reply(503, headers={"Retry-After": told}))
            self.assertEqual(found, 0.25)

    def test_fields_that_are_no_text(self) -> None:
        async def field(answer: Answer) -> str:
            return answer.header("Etag")

        told = {"Etag": '"\udcff"', "Retry-After": "\udcff", "Date": "\udcff"}
        self.assertEqual(self.pause_of(0.0, Reply(503, headers=told)), 0.25)
        server = self.play(Reply(headers=told))
        self.assertEqual(self.result(server.ask(make, field)), '"\xff"')

    def test_no_timer_is_left(self) -> None:
        self.asks(GOOD)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_each_attempt_has_its_own_request(self) -> None:
        urls = iter(["http://host/1", "http://host/2"])
        server = self.play(Reply(500), GOOD)
        self.result(server.ask(lambda: Request("", "GET", next(urls), {}), whole))
        self.assertEqual([asked.target for asked in self.agent.asked], ["/1", "/2"])

    def test_a_redirect_is_not_followed(self) -> None:
        async def status(answer: Answer) -> int:
            return answer.status

        server = self.play(Reply(307, headers={"Location": "http://other/"}))
        self.assertEqual(self.result(server.ask(make, status)), 307)

    def test_no_encoding_is_asked_for_and_none_is_undone(self) -> None:
        packed = Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"})
        self.assertEqual(self.asks(packed), b"no gzip")
        self.assertEqual(self.agent.asked[0].header("Accept-Encoding"), "identity")

    def test_cookies_are_not_kept(self) -> None:
        server = self.play(Reply(headers={"Set-Cookie": "a=b"}), GOOD)
        self.result(server.ask(make, whole))
        self.result(server.ask(make, whole))
        self.assertEqual(self.agent.asked[1].header("Cookie"), "")

    def test_what_is_cancelled_is_not_asked_again(self) -> None:
        done = Deferred.fromCoroutine(self.play(SILENT, GOOD).ask(make, whole))
        self.agent.flush()
        done.cancel()
        self.agent.flush()
        self.failureResultOf(done, CancelledError)
        self.assertEqual((self.agent.left, self.clock.getDelayedCalls()), (1, []))

    def test_what_is_cancelled_in_a_pause_is_not_asked_again(self) -> None:
        done = Deferred.fromCoroutine(self.play(REFUSED, GOOD).ask(make, whole))
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_handed_out_is_not_asked_for_again(self) -> None:
        async def begun(answer: Answer) -> IReader:
            await answer.body.begin()
            return answer.body

        for after in ("cut", "silence"):
            short = Reply(body=b"012", after=after, length=10)
            reader = self.result(self.play(short, GOOD).ask(make, begun))
            said = self.fault(StorageUnavailable, read_all(reader, ALL))
            self.assertIn("after 3 bytes", said)
            self.assertEqual(self.agent.left, 1)

    def test_chunks_that_are_cut_are_no_end(self) -> None:
        cut = Reply(body=DATA, after="cut", length=None)
        said = self.gives_up(*[cut] * 4)
        self.assertEqual(said, "The store broke off after 10 bytes")

    def test_chunks_to_their_end(self) -> None:
        self.assertEqual(self.asks(Reply(body=DATA, length=None)), DATA)
