"""A registry for tests of the engines: right by default, and wrong as it is told."""

import json
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

_NAMES = r"/v1/repositories/(?:library/)?(?P<name>[^/]+(?:/[^/]+)*?)"
_STANDARD = {"Connection": "close", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        status: The status.
        body: The body, or what is made JSON of.
        headers: The headers; ``Content-Length`` is added if none is here, and no
            ``Transfer-Encoding``.
        breaks: After how many bytes of the body the connection is closed.
    """

    status: int = 200
    body: Any = True
    headers: Mapping[str, str] = field(default_factory=dict)
    breaks: int | None = None

    def write(self, method: str) -> bytes:
        """Write the answer to a request."""
        body = self.body if isinstance(self.body, bytes) else _json(self.body)
        headers = {**_STANDARD, **self.headers}
        if self.status == 204:
            body = b""
        elif "Transfer-Encoding" not in headers:
            headers.setdefault("Content-Length", str(len(body)))
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {self.status} Told", *lines, "", ""])
        return head.encode() + (b"" if method == "HEAD" else body[: self.breaks])


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        method: The method.
        target: The path, with the query.
        lines: The header lines as they came.
        body: The body, without chunks.
        chunks: How many chunks it came in; 0 for a body with a length.
    """

    method: str
    target: str
    lines: tuple[str, ...]
    body: bytes
    chunks: int

    def header(self, name: str) -> str | None:
        """Give a header's value; None if there is none."""
        for line in self.lines:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return None


class Scripted:
    """A registry and index on a port, as a context.

    Args:
        tls: What TLS is spoken with; None for plain http.
        standalone: What pings say about that.

    Attributes:
        asked: All requests so far.
        told: Answers to give instead, by method and target, in turn; the last of them
            again and again.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, standalone: str = "False"
    ) -> None:
        self.asked: list[Asked] = []
        self.told: dict[tuple[str, str], list[Answer]] = {}
        self.standalone = standalone
        self.images: dict[str, dict[str, bytes]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self._tls = tls
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Host and port."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What TLS is spoken with."""
        return self._tls

    def tell(self, method: str, target: str, *answers: Answer) -> None:
        """Answer a request otherwise than a registry should."""
        self.told[method, target] = list(answers)

    def find(self, method: str, target: str) -> list[Asked]:
        """Find requests."""
        return [
            one for one in self.asked if (one.method, one.target) == (method, target)
        ]

    def answer(self, asked: Asked) -> Answer:
        """Answer a request."""
        told = self.told.get((asked.method, asked.target))
        if told:
            return told.pop(0) if len(told) > 1 else told[0]
        path = asked.target.partition("?")[0]
        method = "GET" if asked.method == "HEAD" else asked.method
        for route, serve in (
            (r"/v1/_ping", self._ping),
            (r"/v1/users/", self._user),
            (r"/v1/search", self._search),
            (r"/v1/images/(?P<image>\w+)/(?P<part>\w+)", self._image),
            (rf"{_NAMES}/images", self._list),
            (rf"{_NAMES}/tags(?:/(?P<tag>[^/]+))?", self._tag),
            (rf"{_NAMES}/", self._announce),
        ):
            found = re.fullmatch(route, path)
            if found:
                return serve(method, asked, found.groupdict())
        return Answer(404, {"error": "no such path"})

    def _ping(self, *_: object) -> Answer:
        headers = {"X-Docker-Registry-Version": "0.9.1"}
        return Answer(
            200, {}, {**headers, "X-Docker-Registry-Standalone": self.standalone}
        )

    def _user(self, method: str, asked: Asked, _: object) -> Answer:
        good = asked.header("Authorization") == "Basic Ym9iOnNlY3JldA=="
        if method == "GET" and good:
            return Answer(200, "OK")
        return Answer(401, {"error": "Requires authorization"})

    def _search(self, *_: object) -> Answer:
        found = [
            {"name": name, "description": "", "star_count": 0} for name in self.tags
        ]
        return Answer(200, {"query": "", "num_results": len(found), "results": found})

    def _announce(self, _: str, __: Asked, where: dict[str, str]) -> Answer:
        self.tags.setdefault(where["name"], {})
        return Answer(200, "", self._grant(where["name"], "write"))

    def _list(self, method: str, _: Asked, where: dict[str, str]) -> Answer:
        if method == "PUT":
            return Answer(204)
        if where["name"] not in self.tags:
            return Answer(404, {"error": "images not found"})
        listed = [{"id": image} for image in self.images]
        return Answer(200, listed, self._grant(where["name"], "read"))

    def _grant(self, name: str, access: str) -> dict[str, str]:
        token = f'signature=s,repository="{name}",access={access}'
        return {"X-Docker-Token": token, "X-Docker-Endpoints": self.address}

    def _tag(self, method: str, asked: Asked, where: dict[str, str]) -> Answer:
        tags = self.tags.get(where["name"], {})
        tag = where.get("tag")
        if tag is None:
            return Answer(200, tags)
        if method == "PUT":
            tags[tag] = json.loads(asked.body)
            return Answer()
        if tag not in tags:
            return Answer(404, {"error": "Tag not found"})
        return Answer(200, tags[tag])

    def _image(self, method: str, asked: Asked, where: dict[str, str]) -> Answer:
        parts = self.images.get(where["image"], {})
        if method == "PUT":
            self.images.setdefault(where["image"], {})[where["part"]] = asked.body
            return Answer()
        if "checksum" not in parts:
            return Answer(404, {"error": "Image not found"})
        if where["part"] == "ancestry":
            return Answer(200, self._ancestry(where["image"]))
        if where["part"] == "json":
            size = {"X-Docker-Size": str(len(parts["layer"]))}
            return Answer(200, parts["json"], size)
        return _serve_layer(parts["layer"], asked.header("Range"))

    def _ancestry(self, image: str) -> list[str]:
        parent = json.loads(self.images[image]["json"]).get("parent")
        return [image, *(self._ancestry(parent) if parent else [])]


class _Server(socketserver.ThreadingTCPServer):
    registry: Scripted

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the handshake is left to the thread."""
        connection, address = super().get_request()
        tls = self.registry.tls
        if tls is not None:
            connection = tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer one request, and close."""
        with suppress(OSError):
            self._answer(self.server.registry)

    def _answer(self, registry: Scripted) -> None:
        start = self.rfile.readline()
        found = re.fullmatch(rb"([A-Z]+) (/\S*) HTTP/1\.1\r\n", start)
        if found is None:
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        lines = []
        while line := self.rfile.readline().rstrip(b"\r\n"):
            lines.append(line.decode())
        head = Asked(found[1].decode(), found[2].decode(), tuple(lines), b"", 0)
        body, chunks = self._body(head)
        asked = Asked(head.method, head.target, head.lines, body, chunks)
        registry.asked.append(asked)
        self.request.sendall(registry.answer(asked).write(asked.method))

    def _body(self, head: Asked) -> tuple[bytes, int]:
        if head.header("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(head.header("Content-Length") or "0")), 0
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces), len(pieces)


def _serve_layer(layer: bytes, wanted: str | None) -> Answer:
    headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted or "")
    if found is None:
        return Answer(200, layer, headers)
    start = int(found[1])
    if start >= len(layer):
        return Answer(416, b"", {**headers, "Content-Range": f"bytes */{len(layer)}"})
    return Answer(206, layer[start:], headers)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
