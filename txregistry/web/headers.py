"""Headers whose parts are known to be good, so that nothing is checked twice."""

from twisted.web.http_headers import Headers


class PlainHeaders(Headers):
    """Headers as Twisted keeps them, made of what is in that form already.

    Args:
        raw: Values by names, which are spelled as Twisted spells them.
    """

    def __init__(self, raw: dict[bytes, list[bytes]]) -> None:
        self._rawHeaders = raw

    def put(self, name: bytes, value: bytes) -> None:
        """Set a header of one line.

        Args:
            name: Its name, as Twisted spells it: ``Content-Length``.
            value: Its value, without anything that ends a line.
        """
        self._rawHeaders[name] = [value]
