"""Content in Swift that Distribution 2 has as well, in turn with us."""

from typing import Any

from tests.integration.clients.images import digest_of
from tests.integration.stores import interchange, stored
from tests.integration.stores.interchange import CONTENT, MIB
from txregistry.storage import keys

PREFIX = "some/root"


class SwiftCase(interchange.StoreInterchangeCase):
    peer = "docker-registry"
    keeps_parts = False
    dynamic = True
    """Whether large objects are written as Distribution does that."""

    def section(self) -> dict[str, Any]:
        """See `StoreInterchangeCase`."""
        more = {"prefix": PREFIX, "chunksize": 5 * MIB, "writedlo": self.dynamic}
        return {"swift": stored.swift_section(self.service, self.container, **more)}

    def objects(self) -> list[str]:
        """See `StoreInterchangeCase`."""
        names = self.service.names(self.container, f"{PREFIX}/files/{keys.ROOT}")
        return [name.removeprefix(f"{PREFIX}/files/") for name in names]

    def remove(self, key: str) -> None:
        """See `StoreInterchangeCase`."""
        self.service.delete(f"{self.container}/{PREFIX}/files/{key}")

    def parts(self) -> list[str]:
        """See `StoreInterchangeCase`."""
        return self.service.names(self.container, f"{PREFIX}/segments/")


class SwiftInterchangeTests(SwiftCase, interchange.StoreInterchangeTests):
    """Large objects are written as Distribution does that."""

    writes_empty = False
    """They wait for something to be in it, and give up."""

    def test_they_delete_it_with_its_segments(self) -> None:
        interchange.push_as_docker(self.as_ours(), "team/app", CONTENT)
        self.assertEqual(len(self.parts()), 7)
        self.collect()
        self.assertEqual(self.parts(), [])


class SwiftLayoutTests(SwiftCase, interchange.StoreLayoutTests):
    """Likewise."""

    clears = False
    """What they wrote may be what a blob consists of, if it was about to be moved."""


class StaticInterchangeTests(SwiftCase):
    """Large objects are written as they are best; they do not know such themselves."""

    dynamic = False

    def test_they_serve_and_delete_what_is_static(self) -> None:
        remote = self.as_ours()
        remote.push("team/app", "1", self.image)
        interchange.push_as_docker(remote, "team/app", CONTENT)
        self.assertTrue(self.parts())
        other = self.as_peer()
        self.assertBlobs(other, "team/app", CONTENT)
        self.collect()
        remote = self.as_ours()
        self.assertSame(remote, "team/app", "1", self.image)
        digest = digest_of(CONTENT)
        remote.demand(404, "GET", f"/v2/team/app/blobs/{digest}")
        # Segments of what is gone are swept later; but those of what comes are new.
        interchange.push_as_docker(remote, "team/app", CONTENT)
        self.assertBlobs(remote, "team/app", CONTENT)
