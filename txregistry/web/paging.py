"""Pages of lists: ``n``, ``last`` and ``Link``.

Source: OCI Distribution 1.1, "Listing Tags".
"""

from urllib.parse import quote, urlencode

from txregistry.model.errors import PageInvalid
from txregistry.web.request import RegistryRequest


def wanted_count(request: RegistryRequest, most: int) -> int | None:
    """Read how many entries are wanted.

    Args:
        request: The request.
        most: How many there are at most; more than that is cut down to it.

    Returns:
        The number; None where the request says nothing.

    Raises:
        PageInvalid: it is not a number from nought up.
    """
    text = request.query(b"n")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise PageInvalid("n must be a whole number from 0 up.", {"n": text[:100]})
    return min(int(text[:18]), most)


def link_next(request: RegistryRequest, last: str, count: int | None) -> None:
    """Tell where the list goes on; other parameters are kept."""
    args = [
        (name, value)
        for name, values in (request.args or {}).items()
        if name not in {b"n", b"last"}
        for value in values
    ]
    kept: list[tuple[bytes, bytes]] = [*args, (b"last", last.encode())]
    if count is not None:
        kept.append((b"n", b"%d" % count))
    path = quote(request.path, safe="/%:@")
    link = f'<{path}?{urlencode(kept)}>; rel="next"'
    request.responseHeaders.addRawHeader(b"link", link.encode("ascii"))
