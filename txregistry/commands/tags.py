"""``txregistry tags``: tell where tags point, and where they pointed before."""

import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.python import usage

from txregistry.assembly.stores import make_store
from txregistry.commands.breakable import start_threads
from txregistry.commands.meant import Meant, parse_meant, spell_time
from txregistry.commands.storeoptions import StoreOptions
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry import tags
from txregistry.registry.taghistory import TagHistory
from txregistry.settings.sections import Settings
from txregistry.settings.storage import Filesystem

_NONE: Final = 1
_PAGE: Final = 500


class Tags(StoreOptions):
    """``tags``: list the tags of a repository."""

    synopsis = "Usage: txregistry tags NAME[:TAG] [options]"
    longdesc = (
        "Tells where each tag points. With --history also where it pointed before, "
        "the latest first, and which tags were deleted. Ends with 0, or with 1 where "
        "there is no such tag or repository, or 2 when the store cannot be read."
    )
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["history", None, "Tell also what was before, and what was deleted."],
        ["json", None, "Tell each tag as a JSON document, in a line."],
    ]
    meant: Meant

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, meant: str
    ) -> None:
        """Take which tags are meant.

        Raises:
            UsageError: it names none.
        """
        self.meant = parse_meant(meant)
        if isinstance(self.meant.reference, Digest):
            raise usage.UsageError("NAME or NAME:TAG is needed, not a digest.")

    async def work(self, reactor: Any, settings: Settings) -> int:
        """See `StoreOptions`."""
        files = settings.storage.filesystem or Filesystem()
        blocking = start_threads(reactor, files.maxthreads, "tags")
        kept = tags.Tags(make_store(settings, reactor, blocking), reactor)
        found = False
        async for tag in self._meant(kept):
            self.check_broken_off()
            found |= await self._show(kept, tag)
        if not found:
            sys.stderr.write(f"txregistry: there is no tag of {self._asked}.\n")
        return 0 if found else _NONE

    @property
    def _asked(self) -> str:
        name, tag = self.meant.name, self.meant.reference
        return str(name) if tag is None else f"{name}:{tag}"

    async def _meant(self, kept: tags.Tags) -> AsyncIterator[Tag]:
        """Give the tags that are meant, each once."""
        name, reference = self.meant.name, self.meant.reference
        if isinstance(reference, Tag):
            yield reference
            return
        after, more = "", True
        while more:
            page = await kept.page(name, after, _PAGE)
            for tag in page.tags:
                yield tag
            after, more = (str(page.tags[-1]) if page.tags else ""), page.more
        if self["history"]:
            async for deletion in kept.history.deleted(name):
                if await kept.find(name, deletion.tag) is None:
                    yield deletion.tag

    async def _show(self, kept: tags.Tags, tag: Tag) -> bool:
        """Tell of a tag; say whether there is, or was, one."""
        name = self.meant.name
        present = await kept.find(name, tag)
        document: dict[str, Any] = {
            "tag": str(tag),
            "digest": None if present is None else str(present),
        }
        if self["history"]:
            document |= await _history(kept.history, name, tag)
        if present is None and not document.get("history"):
            return False
        if self["json"]:
            sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
        else:
            sys.stdout.write(_spell(document))
        return True


async def _history(
    history: TagHistory, name: RepositoryName, tag: Tag
) -> dict[str, Any]:
    return {
        "history": [
            {"digest": str(past.digest), "time": spell_time(past.when)}
            for past in await history.past(name, tag)
        ],
        "deleted": [
            {"digest": str(each.digest), "time": spell_time(each.when)}
            for each in await history.deletions(name, tag)
        ],
    }


def _spell(document: dict[str, Any]) -> str:
    """Write what is known of a tag in a few lines."""
    digest = document["digest"]
    lines = [f"{document['tag']} {digest or '(deleted)'}"]
    lines += [
        f"  {deleted['time']} deleted, was {deleted['digest']}"
        for deleted in document.get("deleted", ())
    ]
    for past in document.get("history", ()):
        now = " (now)" if past["digest"] == digest else ""
        lines.append(f"  {past['time']} {past['digest']}{now}")
    return "".join(f"{line}\n" for line in lines)
