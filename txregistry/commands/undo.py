"""``txregistry undo``: let a tag point to what it pointed to before."""

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from twisted.python import usage

from txregistry.commands.changing import REFUSED, ChangingOptions
from txregistry.commands.meant import parse_meant
from txregistry.commands.storeoptions import STORE_PARAMETERS
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, ReferenceUnknown
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.registry.restoration import describe_missing


class Undo(ChangingOptions):
    """``undo``: let a tag go back, or bring back a deleted one."""

    synopsis = "Usage: txregistry undo NAME:TAG [options]"
    longdesc = (
        "The tag points then to the latest other manifest that it pointed to; twice "
        "undone is nothing done. A tag that was deleted comes back, as long as its "
        "manifest was not collected. 'txregistry tags NAME --history' tells what was. "
        "Ends with 0 when the tag was moved, 1 when it may not or cannot be, 2 when "
        "the store cannot be used."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        *STORE_PARAMETERS,
        ["to", None, None, "The digest that the tag is to point to."],
    ]
    name: RepositoryName
    tag: Tag
    to: Digest | None = None

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, meant: str
    ) -> None:
        """Take which tag is meant.

        Raises:
            UsageError: it is none.
        """
        found = parse_meant(meant)
        if not isinstance(found.reference, Tag):
            raise usage.UsageError("A tag is needed: NAME:TAG.")
        self.name, self.tag = found.name, found.reference

    def postOptions(self) -> None:
        """See where it is to go.

        Raises:
            UsageError: that is no digest.
        """
        try:
            self.to = None if self["to"] is None else Digest.parse(self["to"])
        except DigestInvalid as error:
            raise usage.UsageError(f"--to: {error.message}") from error

    async def change(self, registry: Registry) -> int:
        """See `ChangingOptions`."""
        try:
            done = await registry.restoration.undo(self.name, self.tag, self.to)
        except ReferenceUnknown as error:
            sys.stderr.write(f"txregistry: {describe_missing(error.digests)}\n")
            return REFUSED
        before = "was deleted" if done.before is None else f"was {done.before}"
        sys.stdout.write(f"{self.name}:{self.tag} is {done.digest}, {before}\n")
        return 0
