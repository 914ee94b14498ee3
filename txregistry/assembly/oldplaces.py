"""Where docker-registry kept its data: a folder, a bucket of S3 or a container."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from txregistry.storage.folder import FolderObjectSource
from txregistry.storage.interfaces import IObjectSource
from txregistry.tasks import Blocking

_REGION: Final = "us-east-1"


class OldPlace(Protocol):
    """A place that data can be read from."""

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""

    def open(
        self, reactor: Any, blocking: Blocking
    ) -> AbstractAsyncContextManager[IObjectSource]:
        """Read from it, within a block.

        Raises:
            SettingsError: what was said of it cannot be used.
            StorageUnavailable: it is not there.
        """


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A folder on this machine."""

    path: str
    is_local = True

    @asynccontextmanager
    async def open(
        self, reactor: Any, blocking: Blocking
    ) -> AsyncIterator[IObjectSource]:
        """See `OldPlace`."""
        del reactor
        yield FolderObjectSource(self.path, blocking)


@dataclass(frozen=True, slots=True)
class S3Place:
    """A prefix in a bucket; without an endpoint, of Amazon's."""

    bucket: str
    prefix: str
    access: str
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    region: str
    endpoint: str | None
    is_local = False

    @asynccontextmanager
    async def open(
        self, reactor: Any, blocking: Blocking
    ) -> AsyncIterator[IObjectSource]:
        """See `OldPlace`."""
        del blocking
        # botocore takes a while to load, and only S3 needs it.
        from txregistry.assembly.olds3 import open_s3  # noqa: PLC0415 - as said

        async with open_s3(self, reactor) as source:
            yield source


@dataclass(frozen=True, slots=True)
class SwiftPlace:
    """A prefix in a container of Swift, or Cloud Files."""

    container: str
    prefix: str
    url: str
    user: str
    key: str = field(repr=False)
    is_local = False

    @asynccontextmanager
    async def open(
        self, reactor: Any, blocking: Blocking
    ) -> AsyncIterator[IObjectSource]:
        """See `OldPlace`."""
        del blocking
        # What speaks HTTP takes a while to load, and a folder does not need it.
        from txregistry.assembly.oldswift import open_swift  # noqa: PLC0415 - as said

        async with open_swift(self, reactor) as source:
            yield source


def parse_place(text: str, environment: Mapping[str, str]) -> OldPlace:
    """Read what somebody says where data is.

    Args:
        text: A folder, ``s3://bucket/prefix`` or ``swift://container/prefix``.
        environment: Has the credentials.

    Raises:
        ValueError: it is nothing of that, or a variable is missing.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        if not text:
            raise ValueError("TREE is empty; it must be a folder or a URL.")
        return FolderPlace(text)
    container, _, prefix = rest.partition("/")
    if not container or scheme not in {"s3", "swift"}:
        raise ValueError(
            f"{text!r} cannot be read; allowed are a folder, s3://bucket/prefix and "
            "swift://container/prefix."
        )
    if scheme == "swift":
        url, user, key = _need(environment, scheme, ("ST_AUTH", "ST_USER", "ST_KEY"))
        return SwiftPlace(container, prefix, url, user, key)
    access, secret = _need(
        environment, scheme, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return S3Place(
        bucket=container,
        prefix=prefix,
        access=access,
        secret=secret,
        token=environment.get("AWS_SESSION_TOKEN") or None,
        region=region or _REGION,
        endpoint=environment.get("AWS_ENDPOINT_URL") or None,
    )


def _need(
    environment: Mapping[str, str], scheme: str, names: tuple[str, ...]
) -> list[str]:
    """Give variables.

    Raises:
        ValueError: one is not set.
    """
    for name in names:
        if not environment.get(name):
            raise ValueError(
                f"{scheme}:// needs {', '.join(names)}: {name} is not set."
            )
    return [environment[name] for name in names]
