"""How the registry is: what there is to look at, and how each of it was found."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from twisted.logger import Logger

Check = Callable[[], Awaitable[str]]
"""Looks at something, and says what is wrong with it: nothing where it is well."""

_UNKNOWN: Final = "it cannot be found out; the log says why"


class Health:
    """Look at all that must be well for the registry to serve.

    Args:
        checks: What there is to look at, by its name.
        serves: Says whether it has begun to serve.

    Attributes:
        serves: The same.
    """

    _log = Logger()

    def __init__(self, checks: Mapping[str, Check], serves: Callable[[], bool]) -> None:
        self._checks = checks
        self.serves = serves

    async def look(self) -> dict[str, str]:
        """Look at everything.

        Returns:
            What is wrong with each, by its name; empty where it is well.
        """
        return {name: await self._look_at(name) for name in self._checks}

    async def _look_at(self, name: str) -> str:
        try:
            return await self._checks[name]()
        except Exception:  # noqa: BLE001 - one that fails must not hide the others
            self._log.failure("Looking at the {name} failed", name=name)
            return _UNKNOWN
