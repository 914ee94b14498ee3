"""Requests to a bucket of S3, or of what speaks like it.

Source: the Amazon S3 API, version 2006-03-01, signed with Signature Version 4. The
names of the methods are those of txAWS.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

from txregistry.storage.credentials import CredentialSource
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.objects import WRITTEN
from txregistry.storage.remote import Answer, RemoteServer, Request
from txregistry.storage.remotebody import Faltered
from txregistry.storage.requestbody import PiecesBody
from txregistry.storage.s3refusals import MOMENTARY, Refused, explain
from txregistry.storage.s3signing import NOTHING, Payload, S3Signature, elsewhere
from txregistry.storage.s3xml import Part, read_code, read_text, write_completion
from txregistry.streams import read_all

T = TypeVar("T")

_HOST_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""A bucket that can be part of a host's name."""
_ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes in an answer that is no object and no listing."""
_OK: Final = 200
_GONE: Final = 404
_EXISTS: Final = 412
_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How objects are kept.

    Attributes:
        encrypt: Whether the service encrypts them.
        kms_key: The key of the service's key management with which it does.
        storage_class: The storage class; None for the bucket's own.
        acl: A canned access control list; None for the bucket's own.
    """

    encrypt: bool = False
    kms_key: str | None = None
    storage_class: str | None = None
    acl: str | None = None

    def headers(self) -> dict[str, str]:
        """Give the header fields of a request that makes an object."""
        found = {"Content-Type": _TYPE, WRITTEN: secrets.token_hex(8)}
        if self.encrypt:
            kind = "AES256" if self.kms_key is None else "aws:kms"
            found["x-amz-server-side-encryption"] = kind
        if self.encrypt and self.kms_key is not None:
            name = "x-amz-server-side-encryption-aws-kms-key-id"
            found[name] = self.kms_key
        if self.storage_class is not None:
            found["x-amz-storage-class"] = self.storage_class
        if self.acl is not None:
            found["x-amz-acl"] = self.acl
        return found


PLAIN: Final = Keeping()
"""As the bucket has it."""


class S3Client:
    """Make requests to a bucket.

    Args:
        server: How it is asked.
        endpoint: The URL of the service, such as ``https://s3.eu-west-1.amazonaws.com``.
        region: What the signature names, such as ``eu-west-1``.
        bucket: The bucket.
        credentials: Who asks.
        virtual_host: Whether the bucket is named in the host, not in the path.
        keeping: How objects are kept.
        section: Where the settings of all this are, for whoever has to look into a
            failure.

    Attributes:
        place: The bucket in words, for whoever has to look into a failure.

    Raises:
        ValueError: the endpoint is no such URL, or the bucket cannot be part of it.
    """

    def __init__(
        self,
        server: RemoteServer,
        endpoint: str,
        region: str,
        bucket: str,
        credentials: CredentialSource,
        *,
        virtual_host: bool = False,
        keeping: Keeping = PLAIN,
        section: str = "",
    ) -> None:
        self._url = bucket_url(endpoint, bucket, virtual_host=virtual_host)
        self.place = f"The S3 bucket {bucket} at {endpoint}"
        self._server = server
        self._region = region
        self._signature = S3Signature(region)
        self._bucket = quote(bucket, safe="")
        self._credentials = credentials
        self._keeping = keeping
        self._section = section

    async def ask(
        self,
        method: str,
        name: str,
        query: str,
        headers: Mapping[str, str],
        take: Callable[[Answer], Awaitable[T]],
        payload: Payload | None = None,
        *,
        works: bool = False,
    ) -> T:
        """Make a request that may be repeated.

        Args:
            method: The method.
            name: The object's quoted name; empty for the bucket.
            query: The query of the URL, quoted.
            headers: Header fields beside those that say who asks.
            take: As for `RemoteServer.ask`.
            payload: The body.
            works: Whether the server moves many bytes before it answers.
        """
        url = f"{self._url}/{name}?{query}".rstrip("?")
        credentials = await self._credentials.get()
        attempts = 0

        def make() -> Request:
            nonlocal attempts
            attempts += 1
            signed = self._signature.headers(method, url, headers, credentials, payload)
            body = None if payload is None else PiecesBody(payload.pieces)
            return Request(self.place, method, url, signed, body, works)

        try:
            return await self._server.ask(make, take)
        except Refused as refused:
            refused.repeated = attempts > 1
            raise

    async def refusal(self, answer: Answer) -> StorageUnavailable:
        """Make an exception of an answer that is of no use."""
        remark = await answer.remark()
        return self._refuse(answer, read_code(remark))

    def missing(self) -> StorageUnavailable:
        """Make an exception of a bucket that is not there."""
        at = f"{self._section}." if self._section else ""
        return StorageUnavailable(f"{self.place} is not there; look at {at}bucket")

    async def url_for(
        self, method: str, name: str, lifetime: float, public: str = ""
    ) -> str:
        """Sign a URL for whoever has it, who may find the service elsewhere."""
        url = elsewhere(f"{self._url}/{name}", public)
        credentials = await self._credentials.get()
        return self._signature.url(method, url, credentials, lifetime)

    async def head_object(self, name: str) -> int | None:
        """Give the bytes of an object; None where there is none."""

        async def take(answer: Answer) -> int | None:
            if answer.status == _GONE:
                return None
            size = answer.header("Content-Length")
            if answer.status != _OK or not re.fullmatch(r"[0-9]{1,19}", size):
                raise await self.refusal(answer)
            return int(size)

        return await self.ask("HEAD", name, "", {}, take)

    async def put_object(
        self,
        name: str,
        payload: Payload,
        *,
        if_absent: bool = False,
        if_match: str = "",
    ) -> tuple[str, str]:
        """Put an object, in one request.

        Args:
            name: Its quoted name.
            payload: Its bytes.
            if_absent: Only if there is none.
            if_match: Only in place of the one that has this entity tag.

        Returns:
            The word that was said with it, and its entity tag.

        Raises:
            Refused: with ``if_absent`` and 412, there was one; with ``if_match`` and
                412 or 404, there was not that one.
        """
        headers = self._keeping.headers()
        if if_absent:
            headers["If-None-Match"] = "*"
        if if_match:
            headers["If-Match"] = if_match
        try:
            _, tag = await self._do("PUT", name, "", headers, payload)
        except Refused as refused:
            # What is there may be what we wrote: an answer may be lost.
            if refused.status != _EXISTS or not refused.repeated:
                raise
            written, tag = await self.look(name)
            if written != headers[WRITTEN]:
                raise
        return headers[WRITTEN], tag

    async def look(self, name: str) -> tuple[str, str]:
        """Give the word that was said with an object when it was written, and its tag.

        Both are empty where there is none.
        """

        async def take(answer: Answer) -> tuple[str, str]:
            if answer.status == _GONE:
                return "", ""
            if answer.status != _OK:
                raise await self.refusal(answer)
            return answer.header(WRITTEN), answer.header("ETag")

        return await self.ask("HEAD", name, "", {}, take)

    async def delete_object(self, name: str) -> None:
        """Delete an object; it may be absent."""
        try:
            await self._do("DELETE", name, "")
        except Refused as refused:
            if refused.status != _GONE or refused.code == "NoSuchBucket":
                raise

    async def post_deletion(self, document: bytes) -> bytes:
        """Ask for many deletions at once, and give what became of them."""
        digest = hashlib.md5(document, usedforsecurity=False).digest()
        headers = {
            "Content-MD5": base64.b64encode(digest).decode(),
            "Content-Type": "application/xml",
        }
        return (await self._do("POST", "", "delete", headers, Payload.of(document)))[0]

    async def copy_object(self, source: str, name: str) -> None:
        """Let the server copy an object."""
        headers = {
            **self._keeping.headers(),
            "x-amz-copy-source": self._source(source),
            "x-amz-metadata-directive": "REPLACE",
        }
        await self._do("PUT", name, "", headers, whole="CopyObjectResult")

    async def init_multipart_upload(self, name: str) -> str:
        """Begin an object that is uploaded in parts.

        Returns:
            What the server calls the upload.
        """
        headers = self._keeping.headers()
        said, _ = await self._do("POST", name, "uploads", headers, NOTHING)
        found = read_text(said, "InitiateMultipartUploadResult/UploadId")
        if not found:
            raise StorageUnavailable(f"{self.place} began no upload")
        return found

    async def upload_part(
        self, name: str, upload_id: str, number: int, payload: Payload
    ) -> Part:
        """Upload a part; of several of one number, the last one counts."""
        query = f"partNumber={number}&uploadId={quote(upload_id, safe='')}"
        _, etag = await self._do("PUT", name, query, {}, payload)
        return Part(number, etag)

    async def upload_part_copy(
        self, name: str, upload_id: str, number: int, source: str, start: int, stop: int
    ) -> Part:
        """Let the server copy part of an object to be a part of another."""
        query = f"partNumber={number}&uploadId={quote(upload_id, safe='')}"
        headers = {
            "x-amz-copy-source": self._source(source),
            "x-amz-copy-source-range": f"bytes={start}-{stop - 1}",
        }
        said, _ = await self._do("PUT", name, query, headers, whole="CopyPartResult")
        return Part(number, read_text(said, "CopyPartResult/ETag"))

    async def complete_multipart_upload(
        self, name: str, upload_id: str, parts: Sequence[Part]
    ) -> None:
        """Make an object of its parts, at one moment.

        Raises:
            Refused: with 404, there is no such upload, or no longer.
        """
        await self._do(
            "POST",
            name,
            f"uploadId={quote(upload_id, safe='')}",
            {"Content-Type": "application/xml"},
            Payload.of(write_completion(parts)),
            whole="CompleteMultipartUploadResult",
        )

    async def abort_multipart_upload(self, name: str, upload_id: str) -> None:
        """Forget an upload and its parts; there may be none."""
        try:
            await self._do("DELETE", name, f"uploadId={quote(upload_id, safe='')}")
        except Refused as refused:
            if refused.status != _GONE:
                raise

    async def _do(
        self,
        method: str,
        name: str,
        query: str,
        headers: Mapping[str, str] = {},
        payload: Payload | None = None,
        whole: str = "",
    ) -> tuple[bytes, str]:
        """Make a request whose answer is small, if it is done.

        Args:
            method: As for `ask`, and so are the others.
            name: Likewise.
            query: Likewise.
            headers: Likewise.
            payload: Likewise.
            whole: What the answer is to be: with requests that it works for, the
                headers only say that the server has begun.

        Returns:
            The answer, and its entity tag.
        """

        async def take(answer: Answer) -> tuple[bytes, str]:
            said = await read_all(answer.body, _ANSWER_LIMIT) or b""
            done = answer.status // 100 == 2  # noqa: PLR2004 - all that went well
            if done and (not whole or f"<{whole}".encode() in said):
                return said, answer.header("ETag")
            code = read_code(said)
            if code in MOMENTARY or (done and not code):
                raise Faltered(f"{self.place} did not go through with it: {code}")
            raise self._refuse(answer, code)

        return await self.ask(
            method, name, query, headers, take, payload, works=bool(whole)
        )

    def _refuse(self, answer: Answer, code: str) -> StorageUnavailable:
        region = answer.header("x-amz-bucket-region")
        return explain(
            self.place, answer.status, code, region, self._region, self._section
        )

    def _source(self, name: str) -> str:
        return f"/{self._bucket}/{name}"


def bucket_url(endpoint: str, bucket: str, *, virtual_host: bool) -> str:
    """Give the URL of a bucket, without ``/`` at the end.

    Raises:
        ValueError: the endpoint is no URL of a service, or cannot name the bucket.
    """
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
