"""Tests of pulls that others have made before, word for word."""

from tests.web.answers import Answer
from tests.web.exchange import Headers
from tests.web.remembering import FilesCase
from tests.web.test_fastpath import fields
from tests.web.v2 import test_blobs, test_manifests


class WarmCase(FilesCase):
    """What is asked is asked three times, and has the same answer."""

    def ask(
        self,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes | None = None,
    ) -> Answer:
        """Ask one thing, on a connection of its own."""
        first = super().ask(method, target, headers, body)
        if method in {"GET", "HEAD"}:
            for _ in range(2):
                again = super().ask(method, target, headers, body)
                self.assertEqual(again.body, first.body)
                self.assertEqual(fields(again), fields(first))
        return first


class WarmBlobTests(test_blobs.PullTests, WarmCase):
    """Blobs are pulled as ever."""


class WarmRangeTests(test_blobs.RangeTests, WarmCase):
    """Parts of them as well."""


class WarmConditionTests(test_blobs.ConditionTests, WarmCase):
    """And where they may be there already."""


class WarmBlobDeleteTests(test_blobs.DeleteTests, WarmCase):
    """They are deleted as ever."""


class WarmManifestTests(test_manifests.PullTests, WarmCase):
    """Manifests are pulled as ever."""


class WarmPushTests(test_manifests.PushTests, WarmCase):
    """They are pushed as ever."""


class WarmManifestDeleteTests(test_manifests.DeleteTests, WarmCase):
    """They are deleted as ever."""
