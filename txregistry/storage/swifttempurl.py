"""URLs under which a client finds an object in Swift itself, for a while.

Source: Swift's TempURL middleware. The key that signs them is one that the container or
the account has: none is ever made here, since each node would make another.
"""

import hashlib
import hmac
from typing import Final
from urllib.parse import unquote, urlsplit

from twisted.internet.interfaces import IReactorTime

from txregistry.storage.swiftcontainer import SwiftContainer

_KEEP: Final = 300.0
"""Seconds for which a key is remembered, and that there is none."""
_DIGESTS: Final = ("sha256", "sha512", "sha1")
"""Ways to sign, the best first."""
_METHODS: Final = ("GET", "HEAD")


class TempUrls:
    """Sign URLs.

    Args:
        container: Where the objects are.
        clock: Tells the time.
        key: The key, where it is given.
        of_container: Whether the container may have one; otherwise only the account.
        methods: What may be signed.
    """

    def __init__(
        self,
        container: SwiftContainer,
        clock: IReactorTime,
        key: str | None = None,
        *,
        of_container: bool = True,
        methods: tuple[str, ...] = _METHODS,
    ) -> None:
        self._container = container
        self._clock = clock
        self._given = key
        self._of_container = of_container
        self._methods = methods
        self._found: str | None = None
        self._until = float("-inf")

    async def sign(self, name: str, method: str, lifetime: float) -> str | None:
        """Sign a URL.

        Args:
            name: The object's whole name.
            method: What can be done with it.
            lifetime: Seconds for which it is good.

        Returns:
            The URL; None where there is no key, or the service takes none.
        """
        if method not in self._methods:
            return None
        told = (await self._container.features()).tempurl
        digest = next(
            (each for each in _DIGESTS if told and each in told.allowed_digests), None
        )
        key = await self._key() if digest is not None else None
        if key is None or digest is None:
            return None
        url = await self._container.url(name)
        expires = int(self._clock.seconds() + lifetime)
        text = f"{method}\n{expires}\n{unquote(urlsplit(url).path)}"
        made = hmac.new(key.encode(), text.encode(), getattr(hashlib, digest))
        return f"{url}?temp_url_sig={made.hexdigest()}&temp_url_expires={expires}"

    async def _key(self) -> str | None:
        if self._given is not None:
            return self._given
        if self._clock.seconds() >= self._until:
            self._found = await self._look()
            self._until = self._clock.seconds() + _KEEP
        return self._found

    async def _look(self) -> str | None:
        if self._of_container:
            found = await self._container.look()
            for name in ("Temp-Url-Key", "Temp-Url-Key-2"):
                if key := found.header(f"X-Container-Meta-{name}"):
                    return key
        account = await self._container.account()
        for name in ("Temp-Url-Key", "Temp-Url-Key-2"):
            if key := account.header(f"X-Account-Meta-{name}"):
                return key
        return None
