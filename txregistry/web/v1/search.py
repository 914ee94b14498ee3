"""``/v1/search``.

Source: Docker Registry API v1, "Search".
"""

from collections.abc import AsyncIterator, Callable
from typing import Final

from txregistry.auth.interfaces import Caller
from txregistry.model.errors import DataInvalid
from txregistry.model.names import RepositoryName, parse_v1_name
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.v1.access import V1Access
from txregistry.web.v1.answers import answer
from txregistry.web.v1.guards import V1Guards

_USUAL: Final = 25
_MOST: Final = 100
_PAGES: Final = 100
_SEARCHED: Final = 10_000
"""Repositories looked at for one answer."""


def add_search_routes(
    app: App,
    guards: V1Guards,
    names: Callable[[], AsyncIterator[RepositoryName]],
    access: V1Access,
) -> None:
    """Add ``/v1/search``: by name, among what who asks may pull."""

    async def _search(caller: Caller, term: str) -> list[str]:
        found: dict[str, None] = {}  # ``solo`` and ``library/solo`` are one
        looked = 0
        async for name in names():
            looked += 1
            if looked > _SEARCHED:
                break
            text = parse_v1_name(name.text).text
            if term in text and await access.lists(caller, name):
                found[text] = None
        return list(found)

    @app.route("/v1/search", methods=["GET"], guard=guards.search)
    async def search(request: RegistryRequest, caller: Caller) -> bytes:
        query = request.query(b"q") or ""
        count = _number(request, b"n", _USUAL, _MOST)
        page = _number(request, b"page", 1, _PAGES)
        term = query.lower().removeprefix("library/")
        async with access.walk(request):
            found = await _search(caller, term)
        shown = found[(page - 1) * count : page * count]
        return answer(
            request,
            {
                "query": query[:256],
                "num_results": len(found),
                "num_pages": max(1, -(-len(found) // count)),
                "page": page,
                "page_size": count,
                "results": [_result(name) for name in shown],
            },
        )


def _result(name: str) -> dict[str, object]:
    return {
        "name": name,
        "description": "",
        "star_count": 0,
        "is_official": False,
        "is_trusted": False,
        "is_automated": False,
    }


def _number(request: RegistryRequest, name: bytes, usual: int, most: int) -> int:
    text = request.query(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise DataInvalid(f"{name.decode()} must be a number from 1 to {most}")
    return int(text)
