"""Keys of a store in their order, of which the latest page is remembered.

Who walks through folders of a store that has none asks for keys that were listed a
moment ago: those of a folder come with those of the folders before it.
"""

from bisect import bisect_left, bisect_right
from typing import Final

from txregistry.storage.interfaces import IObjectStore, Page

_PAGE: Final = 999
"""Keys in a page: one request of S3, which also tells whether there are more."""


class KeyWindow:
    """List keys below a prefix of a store, for one walk.

    Args:
        store: The store.
        root: The prefix.
    """

    def __init__(self, store: IObjectStore, root: str) -> None:
        self._store = store
        self._root = root
        self._from = ""
        self._page: Page | None = None

    async def list(self, prefix: str, after: str) -> Page:
        """Give keys, as far as a page goes.

        Args:
            prefix: How they begin; it begins with the root itself.
            after: After which key; empty for the first.
        """
        place = max(prefix, after)
        page = self._page
        if page is None or not self._holds(page, place):
            page = await self._store.list(self._root, after=place, limit=_PAGE)
            self._from, self._page = place, page
        start = bisect_right(page.names, place)
        stop = bisect_left(page.names, beyond(prefix))
        return Page(page.names[start:stop], more=page.more and stop == len(page.names))

    def _holds(self, page: Page, place: str) -> bool:
        """Say whether a page has what comes after some place."""
        if place < self._from:
            return False
        return not page.more or (bool(page.names) and place < page.names[-1])


def beyond(group: str) -> str:
    """Give what sorts after all that lies in a group, and before what follows it.

    Args:
        group: What its keys begin with: it ends with ``/``.
    """
    return f"{group[:-1]}{chr(ord('/') + 1)}"
