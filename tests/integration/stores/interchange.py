"""Content in one store that Distribution and this registry have in turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from tests.integration.clients import test_interchange
from tests.integration.clients.images import digest_of, make_image
from tests.integration.clients.remote import Remote, with_digest
from tests.integration.daemon import ConfiguredDaemon
from tests.integration.stores import service
from tests.integration.tuned import wait_for

MIB = 1024 * 1024
SIZES = (0, 1, 5 * MIB + 3, 33 * MIB + 1)
"""Bytes in blobs: nothing; what is put at once; what comes in parts, and what is copied
in parts by either of us."""
CONTENT = Random(7).randbytes(max(SIZES))  # noqa: S311 - an example
HALF = CONTENT[: 6 * MIB]
LIMIT = 120.0
"""Seconds within which what is removed now and then is removed."""


class StoreInterchangeCase(test_interchange.InterchangeCase):
    """Distribution and this registry in turn, on the same part of the service."""

    def setUp(self) -> None:
        self.service = service.find_service()
        self.container = self.service.make_container()
        super().setUp()

    def section(self) -> dict[str, Any]:
        """Give the section of ``storage`` that both read."""
        raise NotImplementedError

    def storage(self) -> dict[str, Any]:
        """See `ClientCase`."""
        return {**self.section(), "delete": {"enabled": True}}

    def objects(self) -> list[str]:
        """List the keys of all objects that are the business of both."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        """Remove an object, as Distribution does that."""
        raise NotImplementedError

    def parts(self) -> list[str]:
        """List what belongs to uploads that may go on, and is no object."""
        raise NotImplementedError

    def sessions(self) -> list[str]:
        """List the keys of uploads that may go on."""
        return [key for key in self.objects() if "/_uploads/" in key]

    @contextmanager
    def purging(self) -> Iterator[Remote]:
        """Serve by this registry, which forgets uploads after a second."""
        self.rest()
        rule = {"enabled": True, "age": "1s", "interval": "1s", "dryrun": False}
        storage = {**self.storage(), "maintenance": {"uploadpurging": rule}}
        daemon = ConfiguredDaemon(self.directory / "purging", {"storage": storage})
        try:
            yield Remote(daemon.host)
            self.assertNotIn("Traceback", daemon.log)
        finally:
            daemon.discard()

    def assertBlobs(self, remote: Remote, name: str, *blobs: bytes) -> None:
        """All that was pushed can be pulled."""
        for data in blobs:
            found = remote.blob(name, digest_of(data))
            self.assertTrue(found == data, f"{len(data)}")


class StoreInterchangeTests(StoreInterchangeCase):
    """What is so in every store on another machine.

    Import the module and inherit as ``interchange.StoreInterchangeTests``.
    """

    writes_empty = True
    """Whether they can write an empty blob."""

    def test_serves_what_distribution_wrote(self) -> None:
        other = self.as_peer()
        self.push_all(other)
        blobs = [CONTENT[:size] for size in SIZES if size or self.writes_empty]
        for data in blobs:
            push_as_docker(other, "team/app", data)
        remote = self.as_ours()
        self.assertAllThere(remote)
        self.assertBlobs(remote, "team/app", *blobs)
        for data in blobs:
            mount(remote, "team/app", "team/mounted", digest_of(data))
        remote.delete("team/app", self.docker.digest)
        other = self.as_peer()
        self.assertEqual(other.tags("team/app"), ["1"])
        other.demand(404, "GET", f"/v2/team/app/manifests/{self.docker.digest}")
        self.assertSame(other, "team/app", "1", self.image)
        self.assertBlobs(other, "team/mounted", *blobs)

    def test_writes_what_distribution_serves(self) -> None:
        remote = self.as_ours()
        self.push_all(remote)
        blobs = [CONTENT[:size] for size in SIZES]
        for data in blobs:
            push_as_docker(remote, "team/app", data)
        for start, push in enumerate((Remote.push_blob, push_in_one), 1):
            blobs.append(CONTENT[start : 6 * MIB])
            push(remote, "team/app", blobs[-1])
        other = self.as_peer()
        self.assertAllThere(other)
        self.assertBlobs(other, "team/app", *blobs)
        for data in blobs:
            mount(other, "team/app", "team/mounted", digest_of(data))
        other.delete("team/app", self.docker.digest)
        remote = self.as_ours()
        self.assertEqual(remote.tags("team/app"), ["1"])
        remote.demand(404, "GET", "/v2/team/app/manifests/2")
        self.assertSame(remote, "team/app", "1", self.image)
        self.assertBlobs(remote, "team/mounted", *blobs)

    def test_survives_distributions_collections(self) -> None:
        remote = self.as_ours()
        remote.push("team/app", "1", self.image)
        if self.keeps_parts:
            remote.push("team/multi", "all", self.index)
        remote.push("team/app", "gone", make_image("gone"))
        remote.push("team/app", "gone", self.docker)
        remote.push_blob("team/app", CONTENT)
        place = begin(remote, "team/app", HALF)
        self.collect()
        self.collect("--delete-untagged")
        remote = self.as_ours()
        remote.demand(404, "GET", f"/v2/team/app/blobs/{digest_of(CONTENT)}")
        remote.push_blob("team/app", CONTENT)
        remote.demand(404, "GET", f"/v2/team/app/manifests/{make_image('gone').digest}")
        remote.push("team/app", "back", make_image("gone"))
        # What is not finished yet is not theirs to collect.
        remote.demand(201, "PUT", with_digest(place, digest_of(HALF)))
        self.assertOutlived(remote)
        self.assertOutlived(self.as_peer())

    def assertOutlived(self, remote: Remote) -> None:
        """What was pushed there is there, what was collected too after a new push."""
        self.assertSame(remote, "team/app", "1", self.image)
        self.assertSame(remote, "team/app", "gone", self.docker)
        self.assertSame(remote, "team/app", "back", make_image("gone"))
        if self.keeps_parts:
            self.assertSame(remote, "team/multi", "all", self.index)
        self.assertBlobs(remote, "team/app", HALF, CONTENT)


class StoreLayoutTests(StoreInterchangeCase):
    """What lies where, as far as it is the business of both.

    Import the module and inherit as ``interchange.StoreLayoutTests``.
    """

    clears = True
    """Whether nothing is kept of what they abandoned."""

    def test_writes_the_keys_that_distribution_writes(self) -> None:
        other = self.as_peer()
        other.push("team/app", "1", self.docker)
        self.push_all(other)
        theirs = self.objects()
        for key in theirs:
            self.remove(key)
        self.assertEqual(self.objects(), [])
        remote = self.as_ours()
        remote.push("team/app", "1", self.docker)
        self.push_all(remote)
        self.assertEqual(self.objects(), theirs)

    def test_removes_what_was_abandoned(self) -> None:
        remote = self.as_ours()
        remote.push("team/app", "1", self.image)
        places = [begin(remote, "team/app", data) for data in (b"", b"x", HALF)]
        self.rest()
        # What their purge does: it removes all that is listed below a session.
        for key in self.sessions():
            self.remove(key)
        ours = self.parts()
        other = self.as_peer()
        begin(other, "team/app")
        begin(other, "team/app", HALF)
        begin(other, "team/nothing", b"x")
        self.assertTrue(self.sessions())
        with self.purging() as remote:
            for place in places:
                remote.demand(404, "GET", place)
            kept = set() if self.clears else set(self.parts()) - set(ours)
            wait_for(
                lambda: not self.sessions() and set(self.parts()) == kept,
                "nothing is left of uploads",
                LIMIT,
                glance=0.5,
            )
            self.assertSame(remote, "team/app", "1", self.image)


def begin(remote: Remote, name: str, data: bytes = b"") -> str:
    """Begin an upload, and append something to it.

    Returns:
        Where it goes on.
    """
    place = remote.demand(202, "POST", f"/v2/{name}/blobs/uploads/").location
    return remote.demand(202, "PATCH", place, data).location if data else place


def push_as_docker(remote: Remote, name: str, data: bytes) -> None:
    """Push a blob in two requests: its bytes, and what they are."""
    place = remote.demand(202, "POST", f"/v2/{name}/blobs/uploads/").location
    place = remote.demand(202, "PATCH", place, [data] if data else b"").location
    remote.demand(201, "PUT", with_digest(place, digest_of(data)))


def push_in_one(remote: Remote, name: str, data: bytes) -> None:
    """Push a blob in one request, which only this registry takes."""
    path = f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}"
    remote.demand(201, "POST", path, data)


def mount(remote: Remote, source: str, target: str, digest: str) -> None:
    """Have a repository take a blob over from another."""
    query = f"mount={digest}&from={source}"
    remote.demand(201, "POST", f"/v2/{target}/blobs/uploads/?{query}")
