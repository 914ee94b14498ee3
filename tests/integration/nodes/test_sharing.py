"""What nodes that share a store do to each other, on each store."""

from typing import Any

from tests.integration.nodes import expiry, sharing
from tests.integration.nodes.expiry import SMALL
from tests.integration.stores import s3case, test_swift
from txregistry.storage.interfaces import IObjectStore


class S3SecretTests(s3case.S3StoreCase, sharing.SecretContract):
    def open_shared(self, root: str = "") -> IObjectStore:
        return self.open_store(root, contest=0.25)


class SwiftSecretTests(test_swift.SwiftStoreCase, sharing.SecretContract):
    def open_shared(self, root: str = "") -> IObjectStore:
        return self.open_store(root)


class S3ExpiryTests(s3case.S3StoreCase, expiry.ExpiryContract):
    def open_shared(self, root: str = "") -> IObjectStore:
        return self.open_store(root)

    def joiner(self, store: Any) -> Any:
        return store._joiner


class SwiftExpiryTests(test_swift.SwiftStoreCase, expiry.ExpiryContract):
    dynamic = False

    def open_shared(self, root: str = "") -> IObjectStore:
        return self.open_store(root, largest=30_000, dynamic=self.dynamic)

    def joiner(self, store: Any) -> Any:
        return store._staging.joining


class DynamicExpiryTests(SwiftExpiryTests):
    """Blobs as Distribution 2 has them: they are of what is listed."""

    dynamic = True
    firsts = (SMALL,)  # for what is gone it waits many seconds
