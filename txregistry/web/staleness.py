"""What a client is told that gets what is here, and maybe something old."""

from typing import Final

from twisted.web.server import Request

_WARNING: Final = '111 - "Revalidation Failed"'


def warn_of_old(request: Request) -> None:
    """Say that another registry could not be asked, so that this may not be all.

    Source: RFC 7234, section 5.5.2.
    """
    request.responseHeaders.setRawHeaders("warning", [_WARNING])
