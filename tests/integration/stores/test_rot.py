"""Content that is not what its digest says, in Swift: found, and healed by a push."""

from tests.integration import test_rot
from tests.integration.clients.images import Content
from tests.integration.scrubbing import EVERY, LAYER, QUIET, apart, blob_of
from tests.integration.stores import service, stored
from tests.integration.tuned import wait_for

ROTTEN = b"rotten".ljust(len(LAYER.data), b".")


class SwiftRotTests(test_rot.RotCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = service.find_service()
        self.container = self.service.make_container()
        # Nobody is sent to Swift itself, as there is no key for URLs.
        self.storage = {"swift": stored.swift_section(self.service, self.container)}

    def rot(self, content: Content) -> None:
        """Put other bytes in the place of some content."""
        name = f"{self.container}/files/{blob_of(content)}"
        self.service.put(name, ROTTEN)

    def has(self, key: str) -> bool:
        """Say whether there is an object."""
        return f"files/{key}" in self.service.names(self.container)

    def test_is_found_by_a_cold_pull_and_by_the_scrubber(self) -> None:
        daemon = self.run_daemon("first", {**QUIET, "storage": self.storage})
        self.push(daemon)
        self.is_pulled(daemon)
        daemon.stop()
        self.rot(LAYER)
        daemon.start()
        self.breaks_off(daemon, LAYER)
        self.is_absent(daemon, LAYER)
        self.push(daemon)
        self.is_pulled(daemon)
        daemon.stop()
        self.rot(LAYER)
        daemon = self.run_daemon("second", {**EVERY, "storage": self.storage})
        wait_for(lambda: "has rotted" in daemon.log, "it is found", 120, 0.5)
        self.assertTrue(self.has(apart(LAYER)))
        self.is_absent(daemon, LAYER)
        self.push(daemon)
        self.is_pulled(daemon)
