"""Engines of every release push to this registry as it is run, and pull again."""

import itertools
import socket

from tests.integration.engines import served
from tests.integration.engines.case import BOB
from tests.integration.engines.errors import EngineError
from tests.integration.engines.images import FakeImage, make_images
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.served import PLAIN

NEW = ("1.12.6", "17.05.0")
"""The releases that push chains of ids, and take any number of components in names."""
EVERY_WAY = tuple(itertools.product(RELEASES, (False, True)))
"""Every release, without TLS and with it."""
GUESSED = tuple((f"bob-{number}", "secret") for number, _ in enumerate(EVERY_WAY))
"""Accounts whose passwords are guessed: after the first time one has to wait."""


class TransferTests(served.ServedCase):
    """A registry that is open to everybody, and says that it is not standalone."""

    def push(
        self, name: str, release: str, *, secure: bool = False
    ) -> tuple[FakeImage, ...]:
        """Push three images, with two tags on the last."""
        images = make_images(name, release)
        tags = {"latest": images[-1].id, "v1.0": images[-1].id}
        pushed = self.engine(release, secure=secure).push(name, images, tags)
        self.assertEqual(pushed.sent, [image.id for image in images])
        return images

    def test_pushes_and_pulls(self) -> None:
        for release, secure in EVERY_WAY:
            name = f"acme/{'tls' if secure else 'http'}-{release}"
            images = self.push(name, release, secure=secure)
            for tag in ("latest", "v1.0"):
                pulled = self.engine(release, secure=secure).pull(name, tag)
                self.assertPulled(pulled, images)

    def test_pushes_nothing_that_is_there(self) -> None:
        for release, secure in EVERY_WAY:
            name = f"acme/twice-{release}"
            images = make_images(name, release)
            if not secure:
                self.push(name, release)
            engine = self.engine(release, secure=secure)
            again = engine.push(name, images, {"again": images[-1].id})
            self.assertEqual((again.sent, len(again.found)), ([], 3))
            self.assertPulled(engine.pull(name, "again"), images)

    def test_a_name_without_a_namespace_is_of_library(self) -> None:
        for release in RELEASES:
            name = f"solo-{release}"
            images = self.push(name, release)
            for spelled in (name, f"library/{name}"):
                pulled = self.engine(release).pull(spelled, "latest")
                self.assertPulled(pulled, images)

    def test_names_of_three_components(self) -> None:
        for release, secure in itertools.product(NEW, (False, True)):
            name = f"acme/team/{'tls' if secure else 'http'}-{release}"
            images = self.push(name, release, secure=secure)
            engine = self.engine(release, secure=secure)
            self.assertPulled(engine.pull(name, "latest"), images)

    def test_logs_in(self) -> None:
        for release, secure in EVERY_WAY:
            engine = self.engine(release, secure=secure, user=BOB)
            self.assertEqual(engine.login(), "Login Succeeded")

    def test_searches(self) -> None:
        for name in ("find/needle", "needle"):
            self.push(name, "1.6.2")
        for release, secure in EVERY_WAY:
            found = self.engine(release, secure=secure).search("needle")
            self.assertEqual((found.query, found.num_results), ("needle", 2))
            names = sorted(result.name for result in found.results)
            self.assertEqual(names, ["find/needle", "needle"])

    def test_pulls_all_tags(self) -> None:
        base, *_ = images = self.push("acme/all", "1.6.2")
        self.engine("1.6.2").push("acme/all", images, {"old": base.id})
        for release, secure in EVERY_WAY:
            pulled = self.engine(release, secure=secure).pull_all("acme/all")
            self.assertPulled(pulled.pop("old"), [base])
            self.assertEqual(len(pulled), 1 if release in NEW else 2)
            for image in pulled.values():
                self.assertPulled(image, images)

    def test_goes_on_with_a_layer_that_was_cut_off(self) -> None:
        images = self.push("acme/cut", "1.6.2")
        size = len(images[-1].layer)
        for release, secure in EVERY_WAY:
            engine = self.engine(release, secure=secure)
            for cuts in ((1000, 1, 30_000), (size - 1, 0, size)):
                if release == "0.10.0":  # which cannot
                    self.assertRaises(
                        EngineError, engine.pull, "acme/cut", "latest", cut=cuts
                    )
                else:
                    pulled = engine.pull("acme/cut", "latest", cut=cuts)
                    self.assertPulled(pulled, images)

    def fail_to_push(
        self, name: str, release: str, *, secure: bool
    ) -> tuple[tuple[FakeImage, ...], str]:
        """Push three images, of which the second is damaged.

        Returns:
            The images as they should be, and the authorization of the push.
        """
        base, middle, top = images = make_images(name, release)
        damaged = FakeImage(middle.id, middle.parent, middle.json, top.layer[:-100])
        engine = self.engine(release, secure=secure)
        tags = {"latest": top.id}
        self.assertRaises(EngineError, engine.push, name, (base, damaged, top), tags)
        self.assertRaises(EngineError, engine.pull, name, "latest")
        last = [step for step in engine.trace if step.path.endswith("/layer")][-1]
        return images, last.header

    def assertPushesTheRest(
        self, name: str, release: str, images: tuple[FakeImage, ...], *, secure: bool
    ) -> None:
        """The same push sends what is missing, and then it is all there."""
        base, middle, top = images
        engine = self.engine(release, secure=secure)
        pushed = engine.push(name, images, {"latest": top.id})
        self.assertEqual(pushed.found, [base.id])
        self.assertEqual(pushed.sent, [middle.id, top.id])
        self.assertPulled(engine.pull(name, "latest"), images)

    def test_a_push_that_failed_is_done_again(self) -> None:
        for release, secure in EVERY_WAY:
            name = f"acme/failed-{'tls' if secure else 'http'}-{release}"
            images, _ = self.fail_to_push(name, release, secure=secure)
            self.assertPushesTheRest(name, release, images, secure=secure)

    def test_a_push_that_broke_off_is_done_again(self) -> None:
        for release in RELEASES:
            name = f"acme/broken-{release}"
            images, authorization = self.fail_to_push(name, release, secure=False)
            self.leave_half_way(images[1], authorization)
            self.assertPushesTheRest(name, release, images, secure=False)

    def leave_half_way(self, image: FakeImage, authorization: str) -> None:
        """Send half of a layer, and hang up."""
        half = image.layer[: len(image.layer) // 2]
        head = (
            f"PUT /v1/images/{image.id}/layer HTTP/1.1\r\nHost: {PLAIN}\r\n"
            f"Authorization: {authorization}\r\nTransfer-Encoding: chunked\r\n\r\n"
            f"{len(half):x}\r\n"
        )
        address = (PLAIN, self.daemon.port)
        with socket.create_connection(address) as connection:
            connection.sendall(head.encode() + half)


class StandaloneTests(TransferTests):
    """Over TLS everything carries a password, or an empty one."""

    standalone = True


class AccountTests(TransferTests):
    """Everything needs a password, or a token that was given for one."""

    accounts = (BOB, *GUESSED)

    def test_who_is_not_logged_in_is_refused(self) -> None:
        images = self.push("acme/closed", "1.6.2")
        tags = {"x": images[-1].id}
        for release, secure in EVERY_WAY:
            engine = self.engine(release, secure=secure, user=None)
            self.assertRaises(EngineError, engine.pull, "acme/closed", "latest")
            self.assertRaises(EngineError, engine.push, "acme/open", images, tags)

    def test_who_is_unknown_is_refused(self) -> None:
        images = self.push("acme/known", "1.6.2")
        tags = {"x": images[-1].id}
        for release in RELEASES:
            # Who guesses a second time under one name is made to wait.
            for what in ("pull", "push"):
                engine = self.engine(release, user=(f"eve-{what}-{release}", "secret"))
                if what == "pull":
                    self.assertRaises(EngineError, engine.pull, "acme/known", "latest")
                else:
                    self.assertRaises(
                        EngineError, engine.push, "acme/known", images, tags
                    )

    def test_a_wrong_password_is_told(self) -> None:
        for (release, secure), (user, _) in zip(EVERY_WAY, GUESSED, strict=True):
            engine = self.engine(release, secure=secure, user=(user, "guessed"))
            error = self.assertRaises(EngineError, engine.login)
            self.assertIn("Wrong login/password", str(error))

    def test_nobody_finds_what_they_may_not_pull(self) -> None:
        self.push("acme/hidden", "1.6.2")
        engine = self.engine("1.12.6", user=None)
        with self.assertRaisesRegex(EngineError, "401"):
            engine.search("hidden")


class StandaloneAccountTests(AccountTests):
    """The same, where over TLS everything carries the password."""

    standalone = True
