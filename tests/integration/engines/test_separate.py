"""An Index in front of registries: daemons that share nothing but a key, or trust."""

from pathlib import Path
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.integration.daemon import LOOPBACK
from tests.integration.engines import served
from tests.integration.engines.authorization import Credentials
from tests.integration.engines.case import BOB
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import EngineError
from tests.integration.engines.images import FakeImage, make_images
from tests.integration.engines.pulling import Pulled
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.served import (
    PLAIN,
    EngineDaemon,
    assert_same_images,
    make_engine,
    write_accounts,
)
from tests.integration.engines.trace import (
    differences,
    pull_over_https,
    push_over_https,
)


class SeparateCase(served.SharedCase):
    """An Index that stands alone, and a registry, for all tests of a class."""

    secure = True
    """Whether all is done over TLS."""
    registry: ClassVar[EngineDaemon]
    index: ClassVar[EngineDaemon]

    @classmethod
    def start(cls) -> None:
        """Start both: the registry first, for the Index says where it is."""
        key, public = write_keys(cls.directory, "index")
        cls.registry = cls.run_daemon("registry", {"index": {"trust": [public]}})
        cls.run_index(key=key)

    @classmethod
    def run_index(cls, **more: Any) -> None:
        """Start the Index.

        Args:
            more: Settings of ``index``, over the usual.
        """
        cls.index = cls.run_daemon("index", cls.alone(**more))

    @classmethod
    def alone(cls, **more: Any) -> dict[str, Any]:
        """Give the settings of an Index for the registry.

        Args:
            more: Settings of ``index``, over the usual.
        """
        accounts = write_accounts(cls.directory, [BOB])
        usual = {"alone": True, "endpoints": [cls.address_of(cls.registry)]}
        return {"index": usual | more, "auth": {"htpasswd": {"path": str(accounts)}}}

    @classmethod
    def address_of(cls, daemon: EngineDaemon) -> str:
        """Say where a daemon is, for engines."""
        return f"{LOOPBACK if cls.secure else PLAIN}:{daemon.port}"

    def engine(
        self,
        release: str,
        user: Credentials | None = BOB,
        *,
        at: EngineDaemon | None = None,
    ) -> Engine:
        """Make an engine for the Index, or another daemon."""
        return make_engine(release, at or self.index, user, secure=self.secure)

    def push(self, name: str, release: str) -> tuple[FakeImage, ...]:
        """Push two images."""
        images = make_images(name, release, depth=2)
        self.engine(release).push(name, images, {"latest": images[-1].id})
        return images

    def pull(self, name: str, release: str) -> Pulled:
        """Pull them."""
        return self.engine(release).pull(name, "latest")


class SeparateTests(SeparateCase):
    """The registry knows the Index by its public key, and never asks it."""

    def test_pushes_and_pulls(self) -> None:
        for release in RELEASES:
            name = f"acme/by-{release}"
            images = self.push(name, release)
            for puller in ("0.10.0", "1.6.2", "17.05.0", release):
                assert_same_images(self, self.pull(name, puller), images)

    def test_a_name_without_a_namespace_is_of_library(self) -> None:
        for release in RELEASES:
            images = self.push(f"solo-{release}", release)
            assert_same_images(self, self.pull(f"solo-{release}", release), images)

    def test_pushes_nothing_that_is_there(self) -> None:
        for release in RELEASES:
            name = f"acme/twice-{release}"
            images = self.push(name, release)
            again = self.engine(release).push(name, images, {"x": images[-1].id})
            self.assertEqual((again.sent, len(again.found)), ([], 2))

    def test_each_host_is_asked_for_its_own(self) -> None:
        engine = self.engine("1.6.2")
        images = make_images("acme/hosts", "1.6.2", depth=2)
        engine.push("acme/hosts", images, {"latest": images[-1].id})
        engine.pull("acme/hosts", "latest")
        for step in engine.trace:
            part = "/v1/images/" in step.path or "/tags" in step.path
            daemon = self.registry if part else self.index
            self.assertEqual(step.host, self.address_of(daemon), str(step))

    def test_logs_in_and_searches_at_the_index(self) -> None:
        self.push("acme/sought", "1.6.2")
        for release in RELEASES:
            engine = self.engine(release)
            self.assertEqual(engine.login(), "Login Succeeded")
            found = engine.search("sought").results
            self.assertEqual([each.name for each in found], ["acme/sought"])

    def test_who_is_not_known_to_the_index_is_refused(self) -> None:
        images = self.push("acme/closed", "1.6.2")
        for release in RELEASES:
            engine = self.engine(release, None)
            self.assertRaises(EngineError, engine.pull, "acme/closed", "latest")
            tags = {"latest": images[-1].id}
            self.assertRaises(EngineError, engine.push, "acme/x", images, tags)

    def test_the_registry_takes_nobody_who_was_not_at_the_index(self) -> None:
        images = self.push("acme/aside", "1.6.2")
        for release in RELEASES:
            engine = self.engine(release, at=self.registry)
            tags = {"latest": images[-1].id}
            self.assertRaises(EngineError, engine.pull, "acme/aside", "latest")
            self.assertRaises(EngineError, engine.push, "acme/aside", images, tags)


class SeparatePlainTests(SeparateTests):
    """The same without TLS."""

    secure = False


class SeparateTraceTests(SeparateCase):
    def test_trace(self) -> None:
        for release in ("1.5.0", "1.6.2"):
            name = f"trace/{release}"
            base, top = images = make_images(name, release, depth=2)
            pushing, pulling = self.engine(release), self.engine(release)
            pushing.push(name, images, {"latest": top.id})
            pulling.pull(name, "latest")
            push = push_over_https(base.id, top.id, name)
            self.assertEqual(differences(push, pushing.trace), [])
            pull = pull_over_https(base.id, top.id, name)
            self.assertEqual(differences(pull, pulling.trace), [])


class OtherIndexTests(SeparateCase):
    """The registry trusts another Index than the one that sends engines to it."""

    @classmethod
    def start(cls) -> None:
        """See `SeparateCase`."""
        _, public = write_keys(cls.directory, "trusted")
        cls.registry = cls.run_daemon("registry", {"index": {"trust": [public]}})
        cls.run_index()

    def test_tokens_of_an_index_that_is_not_trusted_are_refused(self) -> None:
        for release in RELEASES:
            self.assertRaises(EngineError, self.push, "acme/web", release)


class AskedIndexTests(SeparateTests):
    """The registry asks the Index about every token."""

    @classmethod
    def start(cls) -> None:
        """Start both; the Index once more, when it is known where the registry is."""
        cls.index = cls.run_daemon(
            "index", {"index": {"alone": True, "endpoints": [LOOPBACK]}}
        )
        trusted = [str(cls.directory / "index.pem")]
        asked = {"url": f"https://{cls.index.host}", "cas": trusted}
        cls.registry = cls.run_daemon("registry", {"index": asked})
        cls.index.settings = cls.alone()
        cls.index.restart()


class SeveralRegistriesTests(SeparateCase):
    """An Index in front of two registries."""

    other: ClassVar[EngineDaemon]

    @classmethod
    def start(cls) -> None:
        """See `SeparateCase`."""
        key, public = write_keys(cls.directory, "index")
        trusting = {"index": {"trust": [public]}}
        cls.registry = cls.run_daemon("registry", trusting)
        cls.other = cls.run_daemon("other", trusting)
        both = [cls.address_of(cls.registry), cls.address_of(cls.other)]
        cls.run_index(key=key, endpoints=both)

    def test_a_push_goes_to_all_and_a_pull_comes_from_the_first(self) -> None:
        for release in RELEASES:
            name = f"acme/both-{release}"
            images = make_images(name, release, depth=2)
            engine = self.engine(release)
            pushed = engine.push(name, images, {"latest": images[-1].id})
            self.assertEqual(pushed.sent, [image.id for image in images] * 2)
            engine.trace.clear()
            assert_same_images(self, engine.pull(name, "latest"), images)
            hosts = {step.host for step in engine.trace}
            self.assertNotIn(self.other.host, hosts)


def write_keys(directory: Path, name: str) -> tuple[str, str]:
    """Make a pair of keys, as OpenSSL would.

    Returns:
        The files of the private and of the public key.
    """
    key = Ed25519PrivateKey.generate()
    private, public = directory / f"{name}.key", directory / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return str(private), str(public)
