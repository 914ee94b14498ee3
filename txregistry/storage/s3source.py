"""Objects in Amazon's S3, or in what speaks like it, to be read."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from txregistry.storage.credentials import CredentialSource
from txregistry.storage.interfaces import Key, NotFound, StorageUnavailable
from txregistry.storage.objects import LISTING_LIMIT, Names, RemoteObjectSource, T, Take
from txregistry.storage.remote import Answer, RemoteServer
from txregistry.storage.s3client import PLAIN, Keeping, S3Client
from txregistry.storage.s3xml import read_code, read_listing
from txregistry.streams import read_all

_OK: Final = 200
_ABSENT: Final = 404


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
        keeping: How objects are kept that are written.
        section: Where the settings of all this are, for whoever has to look into a
            failure.

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
        root: str = "",
        *,
        virtual_host: bool = False,
        keeping: Keeping = PLAIN,
        section: str = "",
    ) -> None:
        self._client = S3Client(
            server,
            endpoint,
            region,
            bucket,
            credentials,
            virtual_host=virtual_host,
            keeping=keeping,
            section=section,
        )
        super().__init__(self._client.place, root)

    async def _ask(
        self,
        method: str,
        name: str,
        query: str,
        headers: Mapping[str, str],
        take: Take[T],
    ) -> T:
        return await self._client.ask(method, name, query, headers, take)

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
            found = None if data is None else read_listing(data)
            if found is None:
                raise StorageUnavailable(f"{self._place} gave no listing")
            return Names(*found)

        return await self._ask("GET", "", query(asked), {}, take)

    async def _accept(self, answer: Answer, key: Key, *also: int) -> None:
        if answer.status == _ABSENT:
            if read_code(await answer.remark()) == "NoSuchBucket":
                raise self._client.missing()
            raise NotFound(key)
        await super()._accept(answer, key, *also)

    async def _look(self, answer: Answer) -> None:
        if answer.status == _ABSENT:
            raise self._client.missing()

    async def _refusal(self, answer: Answer) -> StorageUnavailable:
        return await self._client.refusal(answer)


def query(asked: Mapping[str, str]) -> str:
    """Write the query of a URL; what is empty is left out."""
    return "&".join(
        f"{name}={quote(text, safe='')}" for name, text in asked.items() if text
    )
