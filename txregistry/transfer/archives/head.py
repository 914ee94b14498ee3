"""The documents at the head of an archive, before its content."""

from collections.abc import Collection
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.streams import IReader, read_all
from txregistry.tasks import Blocking
from txregistry.transfer.archives.limits import LIMITS
from txregistry.transfer.archives.members import Members
from txregistry.transfer.archives.packed import UnpackingReader
from txregistry.transfer.archives.places import is_file, place_of
from txregistry.transfer.archives.refusals import ArchiveRefused

_MEMBERS: Final = 8
"""Members among which archives of ours have their documents."""
_LARGEST: Final = 16 * 1024 * 1024


async def read_head(
    source: IReader, wanted: Collection[str], clock: IReactorTime, blocking: Blocking
) -> dict[str, bytes]:
    """Read documents that are among an archive's first members, as ours have them.

    Args:
        source: Gives the archive; it is closed, and read no further than need be.
        wanted: Where the documents are.
        clock: Lets others have their turn.
        blocking: Where unpacking goes.

    Returns:
        Those that are there. What is no archive has none.
    """
    reader = UnpackingReader(source, blocking, LIMITS.size, lambda _: None)
    members = Members(reader, LIMITS, clock)
    found: dict[str, bytes] = {}
    try:
        for _ in range(_MEMBERS):
            entry = await members.next()
            if entry is None or len(found) == len(wanted):
                break
            place = place_of(entry, LIMITS)
            if entry.is_directory or not is_file(entry) or entry.size > _LARGEST:
                break
            if place in wanted:
                data = await read_all(members.open(entry.size), _LARGEST)
                found[place] = data or b""
    except ArchiveRefused:
        pass  # whoever reads all of it says why
    finally:
        await reader.close()
    return found
