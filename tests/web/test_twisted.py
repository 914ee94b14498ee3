"""The names of Twisted's that are not public, and what is expected of them.

When one of these fails after an update, ``txregistry/web/channel.py`` has to be read
again beside Twisted's ``http.py``, before anything else.
"""

import inspect
from io import BytesIO
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel, _ChunkedTransferDecoder
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.web.content import ABSENT
from tests.web.exchange import Exchange, request_bytes
from tests.web.wire import Connection
from txregistry.web.channel import RegistryChannel
from txregistry.web.request import RegistryRequest


class NamesTests(SynchronousTestCase):
    def test_methods_take_what_they_are_given(self) -> None:
        for method, arguments in (
            (HTTPChannel.allHeadersReceived, []),
            (HTTPChannel.allContentReceived, []),
            (HTTPChannel.requestDone, ["request"]),
            (HTTPChannel.writeHeaders, ["version", "code", "reason", "headers"]),
            (HTTPChannel.dataReceived, ["data"]),
            (HTTPChannel.lineReceived, ["line"]),
            (HTTPChannel.rawDataReceived, ["data"]),
            (HTTPChannel.lineLengthExceeded, ["line"]),
            (HTTPChannel.headerReceived, ["line"]),
            (HTTPChannel.resumeProducing, []),
            (HTTPChannel.connectionLost, ["reason"]),
            (HTTPChannel.timeoutConnection, []),
            (HTTPChannel._respondToBadRequestAndDisconnect, []),
            (HTTPChannel._finishRequestBody, ["data"]),
            (Request.gotLength, ["length"]),
            (Request.handleContentChunk, ["data"]),
            (Request.requestReceived, ["command", "path", "version"]),
            (Request.connectionLost, ["reason"]),
            (Request.process, []),
            (Request.getRequestHostname, []),
        ):
            found = list(inspect.signature(method).parameters)
            self.assertEqual(found, ["self", *arguments], method.__qualname__)

    def test_all_that_is_overridden_is_there(self) -> None:
        """A method that Twisted calls no more would be dead code, and a hole."""
        ours = {
            *("stop_reading", "go_on_reading", "send_continue", "touch"),
            *("leave_if_idle", "gather", "lend", "give_back", "abort"),
        }
        for ours_class, theirs in (
            (RegistryChannel, HTTPChannel),
            (RegistryRequest, Request),
        ):
            for name, value in vars(ours_class).items():
                if inspect.isfunction(value) and not name.startswith("_"):
                    expected = name not in ours | set(_OF_REQUESTS)
                    self.assertEqual(hasattr(theirs, name), expected, name)

    def test_twisted_closes_what_it_refuses(self) -> None:
        source = inspect.getsource(HTTPChannel)
        self.assertGreaterEqual(
            source.count("self._respondToBadRequestAndDisconnect()"), 6
        )


_OF_REQUESTS = (
    *("reader", "header", "query", "queries", "abort"),
    *("answer_as_v1", "hide_v2", "answer", "spread_path"),
)


class _Silent(Resource):
    """What never answers."""

    isLeaf = True

    def render(self, request: object) -> int:
        """See ``IResource``."""
        del request
        return NOT_DONE_YET


class BehaviourTests(SynchronousTestCase):
    def setUp(self) -> None:
        clock = Clock()
        site = Site(_Silent(), reactor=clock, parsePOSTFormSubmission=False)
        site.protocol = HTTPChannel  # type: ignore[assignment]  # the bare one
        stock: Any = site
        connection = Connection(stock, clock)
        self.addCleanup(connection.drop)
        self.channel: Any = connection.channel

    def test_headers_stay_until_the_body_is_in(self) -> None:
        self.channel.dataReceived(
            request_bytes("POST", "/x", {"Content-Length": "5"}) + b"he"
        )
        found = (self.channel._command, self.channel._path, self.channel._version)
        self.assertEqual(found, (b"POST", b"/x", b"HTTP/1.1"))
        self.assertEqual(self.channel.length, 5)
        self.assertEqual(len(self.channel.requests), 1)
        self.assertFalse(self.channel._handlingRequest)

    def test_headers_are_forgotten_afterwards(self) -> None:
        self.channel.dataReceived(request_bytes("POST", "/x", body=b"hello"))
        self.assertFalse(hasattr(self.channel, "_command"))
        self.assertEqual(self.channel.length, 0)

    def test_chunks_have_a_decoder_that_can_be_replaced(self) -> None:
        head = request_bytes("POST", "/x", {"Transfer-Encoding": "chunked"})
        self.channel.dataReceived(head)
        self.assertIsInstance(self.channel._transferDecoder, _ChunkedTransferDecoder)
        self.assertIsNone(self.channel.length)

    def test_the_network_is_paused_and_resumed_through_one_producer(self) -> None:
        self.channel._networkProducer.pauseProducing()
        self.assertEqual(self.channel.transport.producerState, "paused")
        self.channel._networkProducer.resumeProducing()
        self.assertEqual(self.channel.transport.producerState, "producing")

    def test_a_timeout_that_is_switched_off_is_forgotten(self) -> None:
        """Why the channel takes it from the site when it is switched on again."""
        self.channel.setTimeout(60)
        self.channel.setTimeout(None)
        self.assertIsNone(self.channel.timeOut)

    def test_waiting_for_the_transport_is_known(self) -> None:
        self.assertFalse(self.channel._waitingForTransport)
        self.channel.pauseProducing()
        self.assertTrue(self.channel._waitingForTransport)
        self.channel.resumeProducing()
        self.assertFalse(self.channel._waitingForTransport)


class OursTests(SynchronousTestCase):
    def test_no_other_protocol_is_behind_the_channel(self) -> None:
        """Twisted's usual one chooses between HTTP/1.1 and h2."""
        exchange = Exchange()
        channel: Any = exchange.site.buildProtocol(None)
        self.assertIs(type(channel), RegistryChannel)
        self.assertIs(channel.requestFactory, RegistryRequest)
        self.assertIs(channel.site, exchange.site)

    def test_bodies_are_not_put_into_files(self) -> None:
        for size in ("200000", "1000000000"):
            connection = Exchange().connect()
            target = f"/v2/a/blobs/uploads/?digest={ABSENT}"
            head = request_bytes("POST", target, {"Content-Length": size})
            connection.send(head)
            (request,) = connection.channel.requests
            self.assertIsInstance(request.content, BytesIO, size)
            connection.drop()

    def test_the_limits_are_ours(self) -> None:
        channel = RegistryChannel()
        limits = (channel.totalHeadersSize, channel.maxHeaders, channel.MAX_LENGTH)
        self.assertEqual(limits, (32 * 1024, 200, 16 * 1024))

    def test_a_request_without_a_body_takes_the_usual_way(self) -> None:
        connection = Exchange().connect()
        connection.send(request_bytes("GET", "/v2/"))
        self.assertEqual(connection.answer().status, 200)
        self.assertEqual(connection.channel.requests, [])
