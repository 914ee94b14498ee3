"""What old and new find at the same port, and what old engines make of each other."""

import http.client
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from tests.integration.engines import served
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import SpeaksV2
from tests.integration.engines.images import (
    FakeImage,
    make_chained,
    make_config,
    make_images,
    make_random,
)
from tests.integration.engines.layers import (
    EMPTY_ARCHIVE,
    EMPTY_NOTHING,
    make_files,
    make_layer,
    raw,
    xz,
)
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.served import BOTH, PLAIN
from tests.integration.engines.trace import (
    differences,
    pull_over_http,
    pull_over_https,
    push_over_http,
    push_over_https,
)

PREFER_V2 = ("1.12.6", "17.05.0")
"""The releases that speak version 2 where they find it, and know schema 2."""
TODAY = "docker/29.0.0 go/go1.25.3 git-commit/d105562 kernel/6.1 os/linux arch/amd64"


class OnePortTests(served.ServedCase):
    """Both versions are spoken at one port."""

    both = True

    def test_releases_that_know_no_schema_2_speak_version_1(self) -> None:
        for release, secure in itertools.product(RELEASES, (False, True)):
            if release not in PREFER_V2:
                name = f"port/{'tls' if secure else 'http'}-{release}"
                images = make_images(name, release)
                engine = self.engine(release, secure=secure, at=BOTH)
                engine.push(name, images, {"latest": images[-1].id})
                self.assertPulled(engine.pull(name, "latest"), images)

    def test_releases_that_do_speak_version_2(self) -> None:
        for release, secure in itertools.product(PREFER_V2, (False, True)):
            images = make_images("port/new", release)
            engine = self.engine(release, secure=secure, at=BOTH)
            tags = {"latest": images[-1].id}
            self.assertRaises(SpeaksV2, engine.push, "port/new", images, tags)
            self.assertRaises(SpeaksV2, engine.pull, "port/new", "latest")
            self.assertRaises(SpeaksV2, engine.pull_all, "port/new")

    def test_todays_clients_find_version_2(self) -> None:
        for agent in (TODAY, "containers/5.36 (github.com/containers/image)", ""):
            version, status = self.ask(BOTH, agent)
            self.assertEqual((version, status), ("registry/2.0", 200))

    def test_nobody_finds_version_2_where_it_is_not_spoken(self) -> None:
        self.assertEqual(self.ask(PLAIN, TODAY), (None, 404))

    def ask(self, address: str, agent: str) -> tuple[str | None, int]:
        """Ask whether version 2 is spoken, and give the header that says it."""
        connection = http.client.HTTPConnection(address, self.daemon.port, timeout=10)
        with closing(connection):
            connection.request("GET", "/v2/", headers={"User-Agent": agent})
            answer = connection.getresponse()
            return answer.getheader("Docker-Distribution-Api-Version"), answer.status


class ExchangeTests(served.ServedCase):
    """What is pushed by one release is pulled by others."""

    def push(self, name: str, images: tuple[FakeImage, ...], release: str) -> None:
        """Push images as ``latest``."""
        self.engine(release).push(name, images, {"latest": images[-1].id})

    def assertAllPull(self, name: str, images: tuple[FakeImage, ...]) -> None:
        """Every release pulls the same ids, JSON, layers and files."""
        for release in RELEASES:
            pulled = self.engine(release).pull(name, "latest")
            self.assertPulled(pulled, images)
            served.assert_same_files(self, pulled.files, served.merge_files(images))

    def test_every_release_pulls_what_every_release_pushed(self) -> None:
        for release in RELEASES:
            name = f"cross/by-{release}"
            images = make_images(name, release)
            self.push(name, images, release)
            self.assertAllPull(name, images)

    def test_layers_of_every_kind(self) -> None:
        layers = [
            make_layer(make_files("kinds/gzip")),
            EMPTY_ARCHIVE,
            make_layer(make_files("kinds/raw"), pack=raw),
            EMPTY_NOTHING,
            make_layer(make_files("kinds/xz"), pack=xz),
        ]
        images = make_random("kinds", layers)
        self.push("acme/kinds", images, "1.0.0")
        self.assertAllPull("acme/kinds", images)

    def test_layers_of_every_kind_in_a_chain(self) -> None:
        layers = [
            make_layer(make_files(f"chain/{number}"), pack=pack)
            for number, pack in enumerate((raw, xz, None))
        ]
        images = make_chained(layers, make_config("chain", layers))
        self.push("acme/chain", images, "17.05.0")
        self.assertAllPull("acme/chain", images)

    def test_images_of_one_layer_that_is_empty(self) -> None:
        for number, layer in enumerate((EMPTY_ARCHIVE, EMPTY_NOTHING)):
            name = f"acme/empty-{number}"
            images = make_random(name, [layer])
            self.push(name, images, "1.3.3")
            self.assertAllPull(name, images)

    def test_two_repositories_share_images(self) -> None:
        base, one, other = make_images("acme/shared", "1.6.2")
        for name, images in {
            "acme/a": (base, one),
            "acme/b": (base, one, other),
        }.items():
            self.push(name, images, "1.6.2")
        self.assertAllPull("acme/a", (base, one))
        self.assertAllPull("acme/b", (base, one, other))

    def test_one_id_may_be_another_image_in_another_repository(self) -> None:
        for word in ("one", "two"):
            images = make_random("same ids", [make_layer(make_files(word))])
            self.push(f"acme/{word}", images, "1.6.2")
        for word in ("one", "two"):
            images = make_random("same ids", [make_layer(make_files(word))])
            self.assertAllPull(f"acme/{word}", images)

    def test_engines_push_the_same_at_the_same_time(self) -> None:
        for release, secure in itertools.product(("1.0.0", *PREFER_V2), (False, True)):
            name = f"together/{'tls' if secure else 'http'}-{release}"
            images = make_images(name, release)
            tags = [f"t{number}" for number in range(4)]
            engines = [self.engine(release, secure=secure) for _ in tags]

            def push(
                engine: Engine,
                tag: str,
                name: str = name,
                images: tuple[FakeImage, ...] = images,
            ) -> None:
                engine.push(name, images, {tag: images[-1].id})

            with ThreadPoolExecutor(len(tags)) as pool:
                list(pool.map(push, engines, tags))
            for tag in tags:
                self.assertPulled(engines[0].pull(name, tag), images)

    def test_a_tag_moves(self) -> None:
        for word in ("before", "after"):
            images = make_images(word, "1.9.1")
            self.push("acme/moved", images, "1.9.1")
            self.assertAllPull("acme/moved", images)


class TraceCase(served.ServedCase):
    """Engines ask of this registry what they were seen to ask of others."""

    def assertAsks(self, release: str, *, secure: bool, at: str = PLAIN) -> None:
        """A push of two images and a pull ask what they should, in order."""
        name = f"trace/{release}-{at}"
        base, top = images = make_images(name, release, depth=2)
        pushing = self.engine(release, secure=secure, at=at)
        pulling = self.engine(release, secure=secure, at=at)
        pushing.push(name, images, {"latest": top.id})
        pulling.pull(name, "latest")
        push = push_over_https if secure else push_over_http
        pull = pull_over_https if secure else pull_over_http
        for engine, expected in ((pushing, push), (pulling, pull)):
            steps = expected(base.id, top.id, name)
            self.assertEqual(differences(steps, engine.trace), [])


class TraceTests(TraceCase):
    both = True

    def test_over_http_by_nobody_known(self) -> None:
        for release, address in itertools.product(("1.5.0", "1.6.2"), (PLAIN, BOTH)):
            self.assertAsks(release, secure=False, at=address)


class AccountTraceTests(TraceCase):
    accounts = (("bob", "secret"),)

    def test_over_https_by_somebody(self) -> None:
        for release in ("1.5.0", "1.6.2"):
            self.assertAsks(release, secure=True)
