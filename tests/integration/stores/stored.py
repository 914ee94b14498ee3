"""Where registries keep their content for the tests of clients."""

from typing import Any

from tests.integration.clients import case
from tests.integration.stores import service
from tests.integration.stores.service import SwiftService

MIB = 1024 * 1024
_TEMPORARY_KEY = "a key for URLs"


class S3Case(case.ClientCase):
    """Registries have buckets of their own, of the service's S3.

    Import the module and inherit as ``stored.S3Case``, before the tests of a client.
    """

    def storage(self) -> dict[str, Any]:
        """See `ClientCase`."""
        running = service.find_service()
        bucket = running.make_container()
        return {"s3": s3_section(running, bucket, chunksize=5 * MIB)}


class SwiftCase(case.ClientCase):
    """Registries have containers of their own, and send clients there.

    Import the module and inherit as ``stored.SwiftCase``, before the tests of a client.
    """

    def storage(self) -> dict[str, Any]:
        """See `ClientCase`."""
        running = service.find_service()
        container = running.make_container()
        allow_urls(running, container)
        return {"swift": swift_section(running, container, chunksize=MIB)}


def s3_section(running: SwiftService, bucket: str, **more: Any) -> dict[str, Any]:
    """Give the settings for a bucket: those that Distribution has, too."""
    return {
        "accesskey": service.USER,
        "secretkey": service.KEY,
        "region": service.REGION,
        "regionendpoint": running.url,
        "forcepathstyle": True,
        "bucket": bucket,
        **more,
    }


def swift_section(running: SwiftService, container: str, **more: Any) -> dict[str, Any]:
    """Give the settings for a container: those that Distribution 2 has, too."""
    return {
        "authurl": running.login,
        "authversion": 1,
        "username": service.USER,
        "password": service.KEY,
        "container": container,
        **more,
    }


def allow_urls(running: SwiftService, container: str) -> None:
    """Give a container a key for temporary URLs."""
    running.put(container, b"", X_Container_Meta_Temp_URL_Key=_TEMPORARY_KEY)
