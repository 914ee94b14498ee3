"""What a request shows of who makes it, by ``Authorization``."""

from txregistry.model.errors import Unauthorized
from txregistry.web.request import RegistryRequest


def authorization(request: RegistryRequest) -> str:
    """Give what a request shows, but for a certificate; empty for nothing.

    Raises:
        Unauthorized: it shows two things.
    """
    headers = request.requestHeaders.getRawHeaders(b"authorization", ())
    if len(headers) > 1:
        raise Unauthorized
    return headers[0].decode("latin-1").strip() if headers else ""
