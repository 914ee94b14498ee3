"""Tests of blobs that clients fetch from the store themselves."""

from twisted.internet.task import Clock

from tests.web import exchange
from tests.web.content import ABSENT, digest_of
from txregistry.storage.interfaces import Key
from txregistry.storage.memory import MemoryObjectStore

_DATA = b"0123456789" * 30
_DIGEST = digest_of(_DATA)
_PATH = f"/v2/library/app/blobs/{_DIGEST}"


class ReachableStore(MemoryObjectStore):
    """A store that clients can reach."""

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        return f"https://store.example/{key}?{method}&{lifetime:g}"


class RedirectTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.exchange = exchange.Exchange(store=ReachableStore(Clock()))
        self.push_blob("library/app", _DATA)

    def test_says_where_it_is(self) -> None:
        answer = self.get(_PATH)
        self.assertEqual((answer.status, answer.body), (307, b""))
        hexadecimal = _DIGEST.removeprefix("sha256:")
        expected = {
            "location": "https://store.example/docker/registry/v2/blobs/sha256/"
            f"{hexadecimal[:2]}/{hexadecimal}/data?GET&1200",
            "docker-content-digest": _DIGEST,
            "content-length": "0",
            "cache-control": "no-store",
        }
        found = {name: answer.header(name) for name in expected}
        self.assertEqual(found, expected)

    def test_says_so_for_a_range_which_is_asked_for_there(self) -> None:
        answer = self.get(_PATH, {"Range": "bytes=1-2"})
        self.assertEqual((answer.status, answer.body), (307, b""))
        self.assertIsNone(answer.header("content-range"))

    def test_tells_itself_how_large_it_is(self) -> None:
        answer = self.ask("HEAD", _PATH)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("content-length"), str(len(_DATA)))
        self.assertEqual(answer.header("docker-content-digest"), _DIGEST)

    def test_tells_itself_that_it_did_not_change(self) -> None:
        answer = self.get(_PATH, {"If-None-Match": f'"{_DIGEST}"'})
        self.assertEqual(answer.status, 304)

    def test_tells_itself_that_there_is_none(self) -> None:
        answer = self.get(f"/v2/library/app/blobs/{ABSENT}")
        self.assertRefused(answer, 404, "BLOB_UNKNOWN")

    def test_gives_manifests_itself(self) -> None:
        self.push_image("library/app", "latest")
        self.assertEqual(self.get("/v2/library/app/manifests/latest").status, 200)
