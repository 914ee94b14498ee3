"""The interfaces between commands and what carries them."""

from typing import Protocol

from zope.interface import Interface

from txregistry.auth.interfaces import Caller
from txregistry.model.access import Action
from txregistry.model.names import RepositoryName
from txregistry.streams import IReader


class IExchange(Interface):
    """One command's bytes, in both directions."""

    def receive() -> IReader:
        """Take what the client sends, up to its end.

        Returns:
            A reader, which raises ``CancelledError`` where the client goes away before
            that.
        """

    async def send(reader: IReader) -> None:
        """Send all that a reader gives, no faster than the client takes it.

        Args:
            reader: Gives it; it is closed.

        Raises:
            CancelledError: the client went away before the end.
        """


class Permission(Protocol):
    """What everybody may do."""

    def may(self, caller: Caller, name: RepositoryName | None, action: Action) -> bool:
        """Say whether somebody may do something to a repository."""

    async def lists(self, caller: Caller, name: RepositoryName) -> bool:
        """Say whether a repository is shown to who asks for all there are."""
