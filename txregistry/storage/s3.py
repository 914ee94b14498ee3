"""Objects in Amazon's S3, or in what speaks like it.

Source: the Amazon S3 API, version 2006-03-01: ``GetObject``, ``HeadObject``,
``ListObjectsV2`` and ``HeadBucket``, signed with Signature Version 4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import quote, unquote_plus, urlsplit
from xml.parsers.expat import ExpatError, ParserCreate

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.objects import LISTING_LIMIT, Names, RemoteObjectSource, T, Take
from txregistry.storage.remote import Answer, RemoteServer, Request
from txregistry.streams import read_all

_HOST_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""A bucket that can be part of a host's name."""
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """Who asks.

    Attributes:
        access: The access key's id.
        secret: The access key.
        token: The session's token, where they are temporary.
    """

    access: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class S3ObjectSource(RemoteObjectSource):
    """Read objects in a bucket.

    Args:
        server: How it is asked.
        endpoint: The URL of the service, such as ``https://s3.eu-west-1.amazonaws.com``.
        region: What the signature names, such as ``eu-west-1``.
        bucket: The bucket.
        credentials: Who asks.
        root: What the keys there begin with beside ours.
        virtual_host: Whether the bucket is named in the host, not in the path.

    Raises:
        ValueError: the endpoint is no such URL, or the bucket cannot be part of it.
    """

    def __init__(
        self,
        server: RemoteServer,
        endpoint: str,
        region: str,
        bucket: str,
        credentials: S3Credentials,
        root: str = "",
        *,
        virtual_host: bool = False,
    ) -> None:
        self._url = _bucket_url(endpoint, bucket, virtual_host=virtual_host)
        super().__init__(f"The S3 bucket {bucket} at {endpoint}", root)
        self._server = server
        self._region = region
        self._credentials = Credentials(
            credentials.access, credentials.secret, credentials.token
        )

    async def _ask(
        self,
        method: str,
        name: str,
        query: str,
        headers: Mapping[str, str],
        take: Take[T],
    ) -> T:
        url = f"{self._url}/{name}?{query}".rstrip("?")
        return await self._server.ask(partial(self._sign, method, url, headers), take)

    async def _list(
        self, prefix: str, after: str, count: int, *, delimiter: bool
    ) -> Names:
        asked = {
            "list-type": "2",
            "encoding-type": "url",
            "prefix": prefix,
            "start-after": after,
            "max-keys": str(count),
            "delimiter": "/" if delimiter else "",
        }

        async def take(answer: Answer) -> Names:
            if answer.status != _OK:
                raise await self._refusal(answer)
            data = await read_all(answer.body, LISTING_LIMIT)
            found = None if data is None else _read_listing(data)
            if found is None:
                raise StorageUnavailable(f"{self._place} gave no listing")
            return found

        query = "&".join(
            f"{name}={quote(text, safe='')}" for name, text in asked.items() if text
        )
        return await self._ask("GET", "", query, {}, take)

    def _reason(self, remark: bytes) -> str:
        code = dict(_read_leaves(remark) or ()).get("Error/Code", "")
        return code if re.fullmatch(r"[A-Za-z0-9.]{1,64}", code, re.ASCII) else ""

    def _sign(self, method: str, url: str, headers: Mapping[str, str]) -> Request:
        signed = AWSRequest(method=method, url=url, headers=dict(headers))
        S3SigV4Auth(self._credentials, "s3", self._region).add_auth(signed)
        return Request(self._place, method, url, dict(signed.headers.items()))


def _bucket_url(endpoint: str, bucket: str, *, virtual_host: bool) -> str:
    parts = urlsplit(endpoint)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
    ):
        raise ValueError("an endpoint is http:// or https://, a host, and maybe a port")
    host, path = parts.netloc.lower(), parts.path.rstrip("/")
    if not virtual_host:
        return f"{parts.scheme}://{host}{path}/{quote(bucket, safe='')}"
    if not _HOST_NAME.fullmatch(bucket):
        raise ValueError(f"the bucket {bucket} cannot be part of a host's name")
    return f"{parts.scheme}://{bucket}.{host}{path}"


def _read_listing(document: bytes) -> Names | None:
    """Read a ``ListBucketResult``; None where it is something else."""
    leaves = _read_leaves(document)
    if leaves is None:
        return None
    names, quoted, truncated = [], False, ""
    for path, text in leaves:
        match path:
            case "ListBucketResult/Contents/Key":
                names.append(text)
            case "ListBucketResult/CommonPrefixes/Prefix":
                names.append(text)
            case "ListBucketResult/EncodingType":
                quoted = text == "url"
            case "ListBucketResult/IsTruncated":
                truncated = text
    if truncated not in {"true", "false"}:
        return None
    return sorted(map(unquote_plus, names) if quoted else names), truncated == "true"


def _read_leaves(document: bytes) -> list[tuple[str, str]] | None:
    """Read XML, without what it may declare.

    Returns:
        The path of each element, such as ``Error/Code``, and the text in it before
        its end, in order; None where it is no such XML.
    """
    path: list[str] = []
    text: list[str] = []
    found: list[tuple[str, str]] = []

    def start(name: str, _: Mapping[str, str]) -> None:
        path.append(name)
        text.clear()

    def end(_: str) -> None:
        found.append(("/".join(path), "".join(text)))
        path.pop()
        text.clear()

    def declare(*_: object) -> None:
        raise ValueError("entities are not for answers")

    parser = ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = declare
    try:
        parser.Parse(document, True)
    except (ExpatError, ValueError):
        return None
    return found
