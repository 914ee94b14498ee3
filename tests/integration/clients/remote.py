"""A registry seen from outside: requests by hand, where no client would make them."""

import http.client
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from tests.integration.clients.images import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Image,
    Index,
    digest_of,
)

MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
TIMEOUT = 60.0
"""How long one answer may take, in seconds."""


class AnswerError(AssertionError):
    """A registry answered something else than it must."""


@dataclass(frozen=True)
class Answer:
    """What a registry answered."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The document in the body."""
        return json.loads(self.body)

    @property
    def location(self) -> str:
        """Where to go on: a path with its query, whatever host was named."""
        target = urlsplit(self.headers["Location"])
        return f"{target.path}?{target.query}" if target.query else target.path


class Remote:
    """One registry. May be used by several threads: each request has a connection."""

    def __init__(self, host: str) -> None:
        self.host = host

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read all of the answer, whichever it is.

        A body in several pieces is sent in chunks, without a length.
        """
        connection = http.client.HTTPConnection(self.host, timeout=TIMEOUT)
        with closing(connection):
            connection.request(method, path, body or None, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def demand(
        self,
        expected: int,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request which must be answered with one status.

        Raises:
            AnswerError: with the request and the answer.
        """
        answer = self.ask(method, path, body, headers)
        if answer.status != expected:
            raise AnswerError(
                f"{method} {path} {dict(headers or {})} (a body of {len(body)}): "
                f"{answer.status}, not {expected}\n{answer.headers}{answer.body!r}"
            )
        return answer

    def push_blob(self, name: str, data: bytes) -> str:
        """Push a blob, as containerd does it.

        Returns:
            Its digest.
        """
        digest = digest_of(data)
        upload = self.demand(202, "POST", f"/v2/{name}/blobs/uploads/").location
        octets = {"Content-Type": "application/octet-stream"}
        self.demand(201, "PUT", with_digest(upload, digest), data, octets)
        return digest

    def push_manifest(
        self, name: str, reference: str, media_type: str, data: bytes
    ) -> str:
        """Push a manifest by tag or digest.

        Returns:
            The digest that the registry answered.
        """
        path, kind = f"/v2/{name}/manifests/{reference}", {"Content-Type": media_type}
        answer = self.demand(201, "PUT", path, data, kind)
        return str(answer.headers["Docker-Content-Digest"])

    def push(self, name: str, tag: str, target: Image | Index) -> None:
        """Push an image with all that it needs."""
        for blob in target.blobs:
            self.push_blob(name, blob.data)
        for part in target.manifests:
            reference = tag if part is target.manifest else part.digest
            self.push_manifest(name, reference, part.media_type, part.data)

    def manifest(self, name: str, reference: str) -> Answer:
        """Get a manifest, which must be there."""
        path = f"/v2/{name}/manifests/{reference}"
        return self.demand(200, "GET", path, headers={"Accept": _ACCEPT})

    def digest(self, name: str, reference: str) -> str:
        """Ask what a tag points at."""
        path = f"/v2/{name}/manifests/{reference}"
        answer = self.demand(200, "HEAD", path, headers={"Accept": _ACCEPT})
        return str(answer.headers["Docker-Content-Digest"])

    def blob(self, name: str, digest: str) -> bytes:
        """Get a blob, which must be there and have that digest.

        It may be somewhere else, as far as the registry says where.
        """
        answer = self.ask("GET", f"/v2/{name}/blobs/{digest}")
        if answer.status == _ELSEWHERE:
            target = urlsplit(answer.headers["Location"])
            store = Remote(target.netloc)
            answer = store.demand(200, "GET", f"{target.path}?{target.query}")
        elif answer.status != _OK:
            raise AnswerError(f"{digest} of {name}: {answer.status} {answer.body!r}")
        return _verified(answer.body, digest)

    def fetch(self, name: str, reference: str) -> dict[str, bytes]:
        """Pull an image with all that it needs; every digest and size is verified.

        Returns:
            What was pulled, by digest.
        """
        answer = self.manifest(name, reference)
        document = answer.json()
        usual = OCI_INDEX if "manifests" in document else OCI_MANIFEST
        if answer.headers["Content-Type"] != document.get("mediaType", usual):
            raise AnswerError(f"{reference} came as {answer.headers}")
        expected = reference if ":" in reference else self.digest(name, reference)
        pulled = {expected: _verified(answer.body, expected)}
        for child in document.get("manifests", ()):
            pulled |= self.fetch(name, child["digest"])
        for part in (*document.get("layers", ()), document.get("config")):
            if part is not None:
                data = self.blob(name, part["digest"])
                if len(data) != part["size"]:
                    raise AnswerError(f"{part} has {len(data)} bytes")
                pulled[part["digest"]] = data
        return pulled

    def tags(self, name: str) -> list[str]:
        """List the tags of a repository, all pages of them."""
        return self._pages(f"/v2/{name}/tags/list", "tags")

    def catalog(self) -> list[str]:
        """List the repositories, all pages of them."""
        return self._pages("/v2/_catalog", "repositories")

    def referrers(self, name: str, digest: str) -> list[str]:
        """List the digests of what refers to a manifest, sorted."""
        found = self.demand(200, "GET", f"/v2/{name}/referrers/{digest}").json()
        return sorted(descriptor["digest"] for descriptor in found["manifests"])

    def delete(self, name: str, reference: str) -> None:
        """Delete a tag, or a manifest with all its tags."""
        self.demand(202, "DELETE", f"/v2/{name}/manifests/{reference}")

    def _pages(self, path: str, key: str) -> list[str]:
        found: list[str] = []
        while path:
            answer = self.demand(200, "GET", path)
            found += answer.json()[key] or []
            link = re.match("<([^>]+)>", answer.headers.get("Link", ""))
            path = link[1] if link else ""
        return found


def with_digest(upload: str, digest: str) -> str:
    """Close an upload: its location with the digest that it must have."""
    return f"{upload}{'&' if '?' in upload else '?'}digest={digest}"


_OK, _ELSEWHERE = 200, 307
_ACCEPT = ", ".join(MANIFEST_TYPES)


def _verified(data: bytes, digest: str) -> bytes:
    if digest_of(data) != digest:
        raise AnswerError(f"{len(data)} bytes under {digest} are not that")
    return data
