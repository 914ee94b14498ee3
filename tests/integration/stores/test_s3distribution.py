"""Content in S3 that Distribution 2 and 3 have as well, in turn with us."""

import re
from typing import Any

from tests.integration.stores import interchange, stored
from txregistry.storage import keys

ROOT = "some/root"
_UPLOAD = re.compile("/_uploads/.*/data(-parts/[^/]+)?/[^/]+$")


class S3Case(interchange.StoreInterchangeCase):
    def section(self) -> dict[str, Any]:
        """See `StoreInterchangeCase`."""
        return {
            "s3": stored.s3_section(
                self.service, self.container, rootdirectory=f"/{ROOT}"
            )
        }

    def objects(self) -> list[str]:
        """See `StoreInterchangeCase`."""
        names = self.service.names(self.container, f"{ROOT}/{keys.ROOT}")
        return [name.removeprefix(f"{ROOT}/") for name in names]

    def parts(self) -> list[str]:
        """See `StoreInterchangeCase`."""
        bucket = f"{self.container}+segments"
        self.service.put(bucket, b"")
        # Each upload in parts is an object there; what it was given lies below it.
        return [name for name in self.service.names(bucket) if _UPLOAD.search(name)]

    def remove(self, key: str) -> None:
        """See `StoreInterchangeCase`."""
        self.service.delete(f"{self.container}/{ROOT}/{key}", segments=True)


class S3InterchangeTests(S3Case, interchange.StoreInterchangeTests):
    """Distribution 3."""


class S3Interchange2Tests(S3Case, interchange.StoreInterchangeTests):
    """The same with Distribution 2.8, as Debian has it."""

    peer = "docker-registry"
    keeps_parts = False
    writes_empty = False
    """They complete an upload that has no parts, which is refused."""


class S3LayoutTests(S3Case, interchange.StoreLayoutTests):
    """Distribution 3."""
