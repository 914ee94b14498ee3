"""What an engine asked, in order; and what it asks, as real engines were seen to do."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

REFUSED = 0
"""The status of what got no answer: TLS on a port without."""


class Kind(StrEnum):
    """What a request carries as ``Authorization``."""

    NONE = "-"
    BASIC = "Basic"
    ANONYMOUS = "Basic Og=="
    READ = "Token read"
    WRITE = "Token write"
    DELETE = "Token delete"
    TOKEN = "Token, of which no access can be read"
    BARE = "Token, and nothing behind it"
    OTHER = "something else"


def kind_of(authorization: str) -> Kind:
    """Say what the value of an ``Authorization`` header is; "" is no header."""
    if authorization in ("", "Basic Og=="):
        return Kind.ANONYMOUS if authorization else Kind.NONE
    scheme, _, value = authorization.partition(" ")
    if scheme != "Token":
        return Kind.BASIC if scheme == "Basic" else Kind.OTHER
    if not value.strip():
        return Kind.BARE
    access = re.search(r"access=(read|write|delete)\b", value)
    return Kind(f"Token {access[1]}") if access else Kind.TOKEN


@dataclass(frozen=True, order=True)
class Step:
    """A request that was answered.

    Attributes:
        method: The method; ``HELLO`` for a ClientHello of TLS to a port without.
        path: The path, with the query.
        authorization: What it carried.
        status: The status of the answer; `REFUSED` for none.
        host: The host and port that was asked; no part of a comparison.
        header: The whole ``Authorization``; no part of a comparison.
    """

    method: str
    path: str
    authorization: Kind = Kind.NONE
    status: int = 200
    host: str = field(default="", compare=False)
    header: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path} [{self.authorization}] {self.status}"


Group = tuple[Step, ...]
"""Steps that are taken in any order."""


def differences(expected: Iterable[Group], recorded: Sequence[Step]) -> list[str]:
    """Compare what an engine asked with what it should.

    Returns:
        A line for each step that is missing (``-``) or too many (``+``), in order; none
        if the traces agree.
    """
    found, position = [], 0
    for group in expected:
        part = list(recorded[position : position + len(group)])
        position += len(group)
        for step in group:
            if step in part:
                part.remove(step)
            else:
                found.append(f"- {step}")
        found += [f"+ {step}" for step in part]
    return found + [f"+ {step}" for step in recorded[position:]]


def push_over_http(
    base: str, top: str, name: str = "acme/web", tag: str = "latest"
) -> list[Group]:
    """Give what Docker 1.5 and 1.6 ask to push two new images, not logged in.

    Args:
        base: The id of the base image.
        top: The id of the image on it.
        name: The repository, with its namespace.
        tag: The tag of the image on top.
    """
    return [
        *_discovery_over_http(),
        _one("PUT", f"/v1/repositories/{name}/", Kind.ANONYMOUS),
        *_uploads(base, top, name, tag),
        _one("PUT", f"/v1/repositories/{name}/images", Kind.ANONYMOUS, 204),
    ]


def pull_over_http(
    base: str, top: str, name: str = "acme/web", tag: str = "latest"
) -> list[Group]:
    """Give what Docker 1.5 and 1.6 ask to pull two images, not logged in.

    The arguments are those of `push_over_http`; the tag is not in any path.
    """
    del tag
    return [
        *_discovery_over_http(),
        _one("GET", f"/v1/repositories/{name}/images"),
        *_downloads(base, top, name),
    ]


def push_over_https(
    base: str, top: str, name: str = "acme/web", tag: str = "latest"
) -> list[Group]:
    """Give what Docker 1.5 and 1.6 ask to push two new images, logged in.

    The index says that it is not standalone. The arguments are those of
    `push_over_http`.
    """
    return [
        *_discovery_over_https(),
        _one("PUT", f"/v1/repositories/{name}/", Kind.BASIC),
        *_uploads(base, top, name, tag),
        _one("PUT", f"/v1/repositories/{name}/images", Kind.BASIC, 204),
    ]


def pull_over_https(
    base: str, top: str, name: str = "acme/web", tag: str = "latest"
) -> list[Group]:
    """Give what Docker 1.5 and 1.6 ask to pull two images, logged in.

    The index says that it is not standalone. The arguments are those of
    `push_over_http`; the tag is not in any path.
    """
    del tag
    return [
        *_discovery_over_https(),
        _one("GET", f"/v1/repositories/{name}/images", Kind.BASIC),
        *_downloads(base, top, name),
    ]


def _one(
    method: str, path: str, kind: Kind = Kind.NONE, status: int = 200
) -> tuple[Step]:
    return (Step(method, path, kind, status),)


def _discovery_over_http() -> list[Group]:
    return [
        _one("HELLO", "/v2/", status=REFUSED),
        _one("HELLO", "/v1/_ping", status=REFUSED),
        _one("GET", "/v2/", status=404),
        _one("GET", "/v1/_ping"),
    ]


def _discovery_over_https() -> list[Group]:
    return [
        _one("GET", "/v2/", status=404),
        _one("GET", "/v1/_ping"),
        _one("GET", "/v1/_ping"),
    ]


def _uploads(base: str, top: str, name: str, tag: str) -> list[Group]:
    return [
        tuple(
            Step("GET", f"/v1/images/{image}/json", Kind.WRITE, 404)
            for image in (base, top)
        ),
        *(
            _one("PUT", f"/v1/images/{image}/{part}", Kind.WRITE)
            for image in (base, top)
            for part in ("json", "layer", "checksum")
        ),
        _one("PUT", f"/v1/repositories/{name}/tags/{tag}", Kind.WRITE),
    ]


def _downloads(base: str, top: str, name: str) -> list[Group]:
    return [
        _one("GET", f"/v1/repositories/{name}/tags", Kind.READ),
        _one("GET", f"/v1/images/{top}/ancestry", Kind.READ),
        *(
            _one("GET", f"/v1/images/{image}/{part}", Kind.READ)
            for image in (base, top)
            for part in ("json", "layer")
        ),
    ]
