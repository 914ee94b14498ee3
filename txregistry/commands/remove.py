"""``txregistry rm``: remove a tag, a manifest with its tags, or a repository."""

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from twisted.python import usage

from txregistry.commands.changing import REFUSED, ChangingOptions
from txregistry.commands.meant import Meant, parse_meant
from txregistry.registry.repositories import Registry


class Remove(ChangingOptions):
    """``rm``: remove what is named."""

    synopsis = "Usage: txregistry rm NAME:TAG | NAME@DIGEST | NAME --repository --yes"
    longdesc = (
        "A tag goes alone; 'txregistry undo' brings it back. A manifest goes with all "
        "tags that point to it. A repository goes with all that is its, for good; "
        "those nested in it stay. Space is free when garbage was collected. What the "
        "settings say of deleting by the API does not matter; immutable tags stay. "
        "Ends with 0 when it is gone, 1 when it was not there or has to stay, 2 when "
        "the store cannot be used."
    )
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["repository", None, "Remove the whole repository."],
        ["yes", None, "Yes, the whole repository."],
    ]
    meant: Meant

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, meant: str
    ) -> None:
        """Take what is to go."""
        self.meant = parse_meant(meant)

    def postOptions(self) -> None:
        """See that nobody removes more than they mean.

        Raises:
            UsageError: that is not certain.
        """
        whole = self.meant.reference is None
        if bool(self["repository"]) != whole:
            raise usage.UsageError(
                "NAME:TAG or NAME@DIGEST is needed; or NAME with --repository and "
                "--yes, to remove all of it."
            )
        if whole and not self["yes"]:
            raise usage.UsageError(
                f"All of {self.meant.name} would go, for good; say --yes as well."
            )

    async def change(self, registry: Registry) -> int:
        """See `ChangingOptions`."""
        name, reference = self.meant.name, self.meant.reference
        if reference is not None:
            await registry.acceptance.delete(name, reference)
            sys.stdout.write(f"{reference} of {name} is gone\n")
        elif await registry.removal.delete(name):
            sys.stdout.write(f"{name} is gone\n")
        else:
            sys.stderr.write(f"txregistry: There is no repository {name}.\n")
            return REFUSED
        return 0
