"""An upstream that speaks only version 1: this registry as a process, and liars."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from cryptography import x509

from tests.integration.clients.programs import Program, find, make_environment
from tests.integration.clients.remote import Remote
from tests.integration.daemon import LOOPBACK
from tests.integration.engines.case import BOB
from tests.integration.engines.certificate import make_pem
from tests.integration.engines.images import FakeImage, make_images
from tests.integration.engines.served import (
    BOTH,
    PLAIN,
    EngineDaemon,
    assert_same_images,
    make_engine,
    write_accounts,
)
from tests.integration.engines.test_separate import write_keys
from tests.integration.upstreams import version1
from tests.integration.upstreams.case import connections, sockets
from tests.integration.upstreams.liar import Liar, Talk, answer
from tests.integration.upstreams.lyingcase import CHUNK, CHUNKED, HASTY, redirect
from tests.integration.upstreams.version1 import LATEST, WEB, Mirroring
from tests.web.v1.images import BASE, TOP
from txregistry.client.upstreams.limits import Limits
from txregistry.client.upstreams.logins import Login, ToldLogin
from txregistry.client.upstreams.resuming import Resumption
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown, UpstreamInvalid, UpstreamSilent
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag

RELEASES: Final = ("0.10.0", "1.6.2", "1.12.6")
"""An engine of each kind of pushes."""
LOGIN: Final = ToldLogin(Login(*BOB))


class StandaloneTests(version1.Version1Case):
    """The upstream is a registry that is its own Index, and open to everybody."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.serve1("upstream", {"v1": {"standalone": True}})
        self.plain = f"http://{PLAIN}:{self.daemon.port}"

    def push(
        self, release: str, name: str = "acme/web", **others: Any
    ) -> tuple[FakeImage, ...]:
        """Push three images to the upstream."""
        images = make_images(name, release)
        engine = make_engine(release, self.daemon, **others)
        engine.push(name, images, {"latest": images[-1].id, "base": images[0].id})
        return images

    def secure(self, **others: Any) -> Mirroring:
        """Make a mirror that speaks TLS with the upstream."""
        authority = x509.load_pem_x509_certificate(make_pem()[1].encode())
        url = f"https://{self.daemon.host}"
        return self.mirror(url, authorities=[authority], **others)

    async def test_images_are_served_by_both_versions(self) -> None:
        mirror = self.mirror(self.plain)
        pushed = {}
        for release in RELEASES:
            name = f"acme/by-{release}"
            pushed[name] = self.push(release, name)
            found = await mirror.pull(RepositoryName(name))
            self.assertEqual((found.age, found.fault), (0.0, ""))
        self.daemon.stop()
        served = self.serve1(mirror.directory.name, {}, both=True)
        for name, images in pushed.items():
            for release in RELEASES:
                pulled = make_engine(release, served).pull(name, "latest")
                assert_same_images(self, pulled, images)
            self.assert_served_by_version_2(served, name, images)

    def assert_served_by_version_2(
        self, served: EngineDaemon, name: str, images: Sequence[FakeImage]
    ) -> None:
        """Expect to pull images by version 2, and with skopeo."""
        host = f"{BOTH}:{served.port}"
        parts = Remote(host).fetch(name, "latest")
        layers = {str(Digest.of(each.layer)) for each in images}
        self.assertLessEqual(layers, set(parts))
        home = self.directory / name.replace("/", "-")
        skopeo = Program(
            find("skopeo"), environment=make_environment(home), directory=home
        )
        target = home / "pulled"
        source = f"docker://{host}/{name}:latest"
        skopeo.run("copy", "--src-tls-verify=false", source, f"dir:{target}")
        written = {each.read_bytes() for each in target.iterdir()}
        self.assertLessEqual(set(parts.values()), written)

    async def test_tls(self) -> None:
        images = self.push("1.6.2", secure=True)
        mirror = self.secure()
        await mirror.pull()
        top = await mirror.registry.images.find(WEB, ImageId(images[-1].id))
        self.assertEqual(top.json, images[-1].json)
        self.assertEqual(top.checksums, (images[-1].payload_sum,))

    async def test_tag_that_moves(self) -> None:
        self.push("1.6.2")
        mirror = self.mirror(self.plain)
        before = await mirror.pull()
        images = make_images("acme/other", "1.6.2", depth=2)
        engine = make_engine("1.6.2", self.daemon)
        engine.push("acme/web", images, {"latest": images[-1].id})
        after = await mirror.pull()
        self.assertNotEqual(before.manifest.digest, after.manifest.digest)
        found = await mirror.registry.image_tags.find(WEB, LATEST, "amd64")
        self.assertEqual(str(found), images[-1].id)

    async def test_what_is_not_there(self) -> None:
        self.push("1.6.2")
        mirror = self.mirror(self.plain)
        for name, tag in (("acme/web", "none"), ("acme/none", "latest")):
            await self.fails_to_pull(ManifestUnknown, mirror, name, tag)

    async def fails_to_pull(
        self, kind: Any, mirror: Mirroring, name: str, tag: str = "latest"
    ) -> str:
        """Expect a failure."""
        return await self.fails(kind, mirror.pull(RepositoryName(name), Tag(tag)))

    async def test_tags(self) -> None:
        images = self.push("1.6.2")
        upstream = self.ask1(self.plain)
        self.assertEqual(await upstream.tags("acme/web", "", 9), ["base", "latest"])
        self.assertEqual(await upstream.tags("acme/web", "base", 9), ["latest"])
        self.assertIsNone(await upstream.tags("acme/none", "", 9))
        found = await upstream.tag_ids("acme/web")
        self.assertEqual(
            found, {LATEST: ImageId(images[-1].id), Tag("base"): ImageId(images[0].id)}
        )

    async def test_upstream_that_is_away(self) -> None:
        self.push("1.6.2")
        mirror = self.mirror(self.plain)
        found = await mirror.pull()
        self.daemon.stop()
        stale = await mirror.pull()
        self.assertEqual(stale.manifest, found.manifest)
        self.assertIn("cannot be asked", stale.fault)
        await self.fails_to_pull(UpstreamSilent, mirror, "acme/web", "base")


class AccountsTests(version1.Version1Case):
    """The upstream wants to know who asks."""

    async def test_login(self) -> None:
        for standalone in (True, False):
            accounts = write_accounts(self.directory, [BOB])
            settings = {
                "v1": {"standalone": standalone},
                "auth": {"htpasswd": {"path": str(accounts)}},
            }
            daemon = self.serve1(f"upstream-{standalone}", settings)
            images = make_images("acme/web", "1.6.2", depth=2)
            engine = make_engine("1.6.2", daemon, BOB, secure=True)
            engine.push("acme/web", images, {"latest": images[-1].id})
            url = f"http://{PLAIN}:{daemon.port}"
            mirror = self.mirror(url, login=LOGIN)
            self.assertEqual((await mirror.pull()).fault, "")
            for login in (ToldLogin(), ToldLogin(Login("bob", "wrong"))):
                await self.fails(UpstreamInvalid, self.mirror(url, login=login).pull())


class IndexTests(version1.Version1Case):
    """An Index gives tokens, and says where the registry is."""

    def setUp(self) -> None:
        super().setUp()
        key, public = write_keys(self.directory, "index")
        self.registry = self.serve1("registry", {"index": {"trust": [public]}})
        accounts = write_accounts(self.directory, [BOB])
        self.place = f"{LOOPBACK}:{self.registry.port}"
        self.index = self.serve1(
            "index",
            {
                "index": {"alone": True, "endpoints": [self.place], "key": key},
                "auth": {"htpasswd": {"path": str(accounts)}},
            },
        )
        self.images = make_images("acme/web", "1.6.2")
        engine = make_engine("1.6.2", self.index, BOB, secure=True)
        engine.push("acme/web", self.images, {"latest": self.images[-1].id})

    def mirrored(self, login: ToldLogin = LOGIN) -> Mirroring:
        """Make a mirror of it."""
        authority = x509.load_pem_x509_certificate(make_pem()[1].encode())
        return self.mirror(
            f"https://{self.index.host}", authorities=[authority], login=login
        )

    async def test_images(self) -> None:
        mirror = self.mirrored()
        found = await mirror.pull()
        self.assertEqual(found.fault, "")
        layers = [each.digest for each in found.manifest.parse().blobs[1:]]
        self.assertEqual(layers, [Digest.of(each.layer) for each in self.images])

    async def test_nobody_in_particular(self) -> None:
        said = await self.fails(UpstreamInvalid, self.mirrored(ToldLogin()).pull())
        self.assertIn("does not let us have this", said)

    async def test_registry_that_is_away(self) -> None:
        mirror = self.mirrored()
        self.registry.stop()
        await self.fails(UpstreamSilent, mirror.pull())


B: Final = BASE.image_id
T: Final = TOP.image_id
JSON: Final = "Content-Type: application/json"
Answers = dict[str, bytes | Callable[[Talk], None]]


def told(document: object, *fields: str) -> bytes:
    """Answer with some JSON."""
    return answer(json.dumps(document).encode(), JSON, *fields)


def truth() -> Answers:
    """Answer as it should be."""
    return {
        "/images": told([]),
        "/tags/latest": told(T),
        f"{T}/ancestry": told([T, B]),
        f"{B}/json": answer(BASE.json, JSON),
        f"{T}/json": answer(TOP.json, JSON),
        f"{B}/layer": answer(BASE.layer),
        f"{T}/layer": answer(TOP.layer),
    }


class LyingTests(version1.Version1Case):
    """Nothing of a lie is kept, and nothing is left of who told it."""

    async def lies(self, said: str, answers: Answers, **others: Any) -> Liar:
        """Expect that an image cannot be had."""
        before = sockets()
        liar = self.lie1(truth() | answers)
        mirror = self.mirror(liar.url, **others)
        fault = await self.fails(UpstreamInvalid, mirror.pull())
        self.assertIn(said, fault)
        upstream: Any = mirror.rule.upstream
        self.assertEqual(upstream._blob_slots.taken, 0)
        self.assertEqual(upstream._slots.taken, 0)
        self.assertFalse(await mirror.registry.images.holds(WEB, ImageId(T)))
        self.assertIsNone(await mirror.registry.tags.find(WEB, LATEST))
        left = [each for each in mirror.directory.rglob("uploads/*") if each.is_file()]
        self.assertEqual(left, [])
        liar.stop()
        await self.eventually(lambda: sockets() <= before)
        return liar

    async def test_truth(self) -> None:
        liar = self.lie1(truth())
        mirror = self.mirror(liar.url)
        found = await mirror.pull()
        layers = [each.digest for each in found.manifest.parse().blobs[1:]]
        self.assertEqual(layers, [Digest.of(each.layer) for each in (BASE, TOP)])
        self.assertEqual(len(liar.asked), 7)
        await mirror.pull()
        self.assertEqual(len(liar.asked), 8)

    async def test_lengths(self) -> None:
        wrong = answer(TOP.json, JSON, f"X-Docker-Size: {len(TOP.layer) + 1}")
        await self.lies("of a blob that has", {f"{T}/json": wrong})
        await self.lies("cut off", {f"{T}/layer": answer(TOP.layer[:-5])})
        await self.lies("is empty", {f"{T}/layer": answer(b"")})

    async def test_endless_layers(self) -> None:
        def play(talk: Talk) -> None:
            talk.say(CHUNKED)
            talk.say_for_ever(CHUNK)

        size = answer(TOP.json, JSON, f"X-Docker-Size: {len(TOP.layer)}")
        endless: Answers = {f"{T}/layer": play}
        said = "more than there can be"
        await self.lies(said, {f"{T}/json": size, **endless})
        await self.lies(said, endless, limits=Limits(largest=1 << 20))

    async def test_endless_documents(self) -> None:
        def play(talk: Talk) -> None:
            talk.say(CHUNKED.replace(b"octet-stream", b"json"))
            talk.say_for_ever(CHUNK)

        for end in ("/images", "/tags/latest", f"{T}/ancestry", f"{T}/json"):
            await self.lies("more than there can be", {end: play})

    async def test_ancestries(self) -> None:
        ancestry = f"{T}/ancestry"
        for found in ([T, B, T], [T] * 2, [B, T], [], [T] + [B] * 500):
            await self.lies("ancestry", {ancestry: told(found)})
        await self.lies("ancestry", {ancestry: told([T])})

    async def test_pages_for_people(self) -> None:
        page = answer(b"<html>", "Content-Type: text/html; charset=utf-8")
        for end in truth():
            await self.lies("a page for people", {end: page})

    async def test_other_images(self) -> None:
        await self.lies("not the JSON", {f"{T}/json": answer(BASE.json, JSON)})
        wrong = f"X-Docker-Checksum-Payload: {BASE.payload}"
        await self.lies("checksum", {f"{T}/json": answer(TOP.json, JSON, wrong)})
        listed = told([{"id": T, "checksum": "tarsum+sha256:" + "1" * 64}])
        await self.lies("checksum", {"/images": listed})

    async def test_ids_that_are_none(self) -> None:
        for found in ("../../etc/passwd", T[:-1], "", None, {"id": T}):
            await self.lies("", {"/tags/latest": told(found)})

    async def test_addresses_where_we_do_not_go(self) -> None:
        secret = self.lie1(truth())
        for host in ("169.254.169.254", "0.0.0.0", "[fe80::1]"):  # noqa: S104 - nobody listens there
            place = f"{host}:{secret.port}"
            said = "an address where we do not go"
            for end in truth():
                await self.lies(said, {end: redirect(f"http://{place}/{end}")})
            elsewhere = told([], f"X-Docker-Endpoints: {place}")
            await self.lies(said, {"/images": elsewhere})
        self.assertEqual(secret.talks, [])

    async def test_circles(self) -> None:
        circle = redirect(f"/v1/images/{T}/layer")
        await self.lies("in circles", {f"{T}/layer": circle})

    async def test_image_that_is_not_finished(self) -> None:
        unfinished = answer(b"{}", JSON, status="400 Bad Request")
        for end in (f"{T}/ancestry", f"{B}/json", f"{T}/layer"):
            liar = self.lie1({end: unfinished} | truth() | {end: unfinished})
            await self.fails(UpstreamSilent, self.mirror(liar.url).pull())

    async def test_silence(self) -> None:
        def play(talk: Talk) -> None:
            talk.wait()

        liar = self.lie1(truth() | {f"{T}/ancestry": play})
        mirror = self.mirror(liar.url, patience=HASTY)
        await self.fails(UpstreamSilent, mirror.pull())
        await self.eventually(lambda: connections(mirror.rule.upstream) == 0)

    async def test_layer_that_breaks_off_comes_together_in_the_end(self) -> None:
        data = TOP.layer
        asked: list[int] = []

        def play(talk: Talk) -> None:
            head = talk.asked[-1].lower()
            text = head.partition(b"range: bytes=")[2].partition(b"-")[0]
            start = int(text or b"0")
            asked.append(start)
            stop = min(len(data), start + 50)
            part = f"Content-Range: {start}-{len(data) - 1}/{len(data)}"
            status = "206 Partial Content" if start else "200 OK"
            whole = answer(data[start:], *([part] if start else []), status=status)
            talk.say(whole[: len(whole) - (len(data) - stop)])

        liar = self.lie1(truth() | {f"{T}/layer": play})
        mirror = self.mirror(liar.url)
        upstream: Any = mirror.rule.upstream
        upstream._resumption = Resumption(attempts=99, pause=0.01, longest_pause=0.01)
        await mirror.pull()
        self.assertEqual(asked, list(range(0, len(data), 50)))
