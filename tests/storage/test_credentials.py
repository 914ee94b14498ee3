"""Tests of ``txregistry/storage/credentials.py``."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from txregistry.storage.credentials import FoundCredentials, S3Credentials
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.tasks import at_once

P = ParamSpec("P")
T = TypeVar("T")


class Looking:
    """What looks for credentials as somebody says."""

    def __init__(self, found: Callable[[], Any]) -> None:
        self._found = found
        self.count = 0

    def get_credentials(self) -> Any:
        """Give what was found."""
        self.count += 1
        return self._found()


class Role:
    """A role whose keys are good for some minutes."""

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        self.count = 0
        self.broken = False

    def fetch(self) -> dict[str, str]:
        """Give the next keys."""
        self.count += 1
        if self.broken:
            raise CredentialRetrievalError(provider="role", error_msg="secret thing")
        end = datetime.now(UTC) + timedelta(minutes=self.minutes)
        return {
            "access_key": f"access{self.count}",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": end.isoformat(),
        }

    def credentials(self) -> Any:
        """Give credentials that renew themselves."""
        return RefreshableCredentials.create_from_metadata(
            self.fetch(), self.fetch, "role"
        )


class FoundCredentialsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def find(self, found: Callable[[], Any]) -> FoundCredentials:
        """Look for credentials."""
        self.looking = Looking(found)
        return FoundCredentials(at_once, self.clock, session=self.looking)

    def get(self, source: FoundCredentials) -> S3Credentials:
        """Give what there is."""
        return self.successResultOf(Deferred.fromCoroutine(source.get()))

    def fails(self, source: FoundCredentials) -> str:
        """Expect that there is nothing."""
        work = Deferred.fromCoroutine(source.get())
        return str(self.failureResultOf(work, StorageUnavailable).value)

    def test_what_does_not_end_is_looked_for_once(self) -> None:
        source = self.find(lambda: Credentials("a", "s", "t"))
        for _ in range(3):
            self.assertEqual(self.get(source), S3Credentials("a", "s", "t"))
            self.clock.advance(3600)
        self.assertEqual(self.looking.count, 1)

    def test_what_ends_late_is_kept(self) -> None:
        role = Role(600)
        source = self.find(role.credentials)
        for _ in range(3):
            self.assertEqual(self.get(source).access, "access1")
            self.clock.advance(3600)

    def test_what_ends_soon_is_renewed_and_not_all_the_time(self) -> None:
        role = Role(12)  # botocore begins a quarter of an hour before the end
        source = self.find(role.credentials)
        first = self.get(source)
        before = role.count
        self.assertEqual(self.get(source), first)
        self.assertEqual(role.count, before)
        self.clock.advance(60)
        self.assertNotEqual(self.get(source), first)
        self.assertEqual(role.count, before + 1)

    def test_what_is_still_good_is_used_while_it_cannot_be_renewed(self) -> None:
        role = Role(12)
        source = self.find(role.credentials)
        first = self.get(source)
        role.broken = True
        self.clock.advance(60)
        self.assertEqual(self.get(source), first)

    def test_what_is_over_and_cannot_be_renewed(self) -> None:
        role = Role(12)
        source = self.find(role.credentials)
        self.get(source)
        role.broken = True
        source._found._expiry_time = datetime.now(UTC)
        self.clock.advance(60)
        said = self.fails(source)
        self.assertIn("look at accesskey and secretkey", said)
        self.assertNotIn("secret thing", said)
        role.broken = False
        self.assertIn("access", self.get(source).access)

    def test_nothing_is_found(self) -> None:
        said = self.fails(self.find(lambda: None))
        self.assertIn("set accesskey and secretkey", said)

    def test_those_who_come_together_look_once(self) -> None:
        waiting: list[Deferred[Any]] = []

        def later(
            work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
        ) -> Deferred[T]:
            waiting.append(Deferred())
            return waiting[-1].addCallback(lambda _: work(*args, **kwargs))

        self.looking = Looking(lambda: Credentials("a", "s"))
        source = FoundCredentials(later, self.clock, session=self.looking)
        found = [Deferred.fromCoroutine(source.get()) for _ in range(3)]
        waiting[0].callback(None)
        for each in found:
            self.assertEqual(self.successResultOf(each), S3Credentials("a", "s"))
        self.assertEqual((len(waiting), self.looking.count), (1, 1))


class PlacesTests(SynchronousTestCase):
    """Where botocore looks."""

    def setUp(self) -> None:
        self.folder = make_folder(self)
        environment = {
            name: text for name, text in os.environ.items() if "AWS" not in name
        }
        self.patch(os, "environ", environment)
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = self.path("credentials")
        os.environ["AWS_CONFIG_FILE"] = self.path("config")

    def path(self, name: str) -> str:
        """Name a file."""
        return os.path.join(self.folder, name)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def find(self, profile: str | None = None) -> Deferred[S3Credentials]:
        """Find credentials."""
        source = FoundCredentials(at_once, Clock(), profile)
        return Deferred.fromCoroutine(source.get())

    def test_the_environment(self) -> None:
        os.environ["AWS_ACCESS_KEY_ID"] = "a"
        os.environ["AWS_SECRET_ACCESS_KEY"] = "s"
        os.environ["AWS_SESSION_TOKEN"] = "t"
        found = self.successResultOf(self.find())
        self.assertEqual(found, S3Credentials("a", "s", "t"))

    def test_a_profile(self) -> None:
        self.write(
            "credentials",
            "[default]\naws_access_key_id=a\naws_secret_access_key=s\n"
            "[other]\naws_access_key_id=b\naws_secret_access_key=s\n",
        )
        self.assertEqual(self.successResultOf(self.find()).access, "a")
        self.assertEqual(self.successResultOf(self.find("other")).access, "b")

    def test_a_program(self) -> None:
        answer = {"Version": 1, "AccessKeyId": "p", "SecretAccessKey": "s"}
        self.write("answer", json.dumps(answer))
        self.write("config", f"[default]\ncredential_process=cat {self.path('answer')}")
        self.assertEqual(self.successResultOf(self.find()).access, "p")

    def test_a_profile_that_is_not_there(self) -> None:
        failure = self.failureResultOf(self.find("none"), StorageUnavailable)
        self.assertIn("ProfileNotFound", str(failure.value))

    def test_nothing_anywhere(self) -> None:
        self.failureResultOf(self.find(), StorageUnavailable)
