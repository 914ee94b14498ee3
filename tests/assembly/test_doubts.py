"""Tests of ``txregistry/assembly/doubts.py``."""

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.assembly.doubts import find_doubts
from txregistry.settings.mirror import Mirror, Upstream
from txregistry.settings.roles import apply_role
from txregistry.settings.sections import Auth, Htpasswd, Http, Index, Listener, Settings


class OpenTests(SynchronousTestCase):
    def doubts(self, http: Http, auth: Auth | None = None) -> list[str]:
        """Give what is doubtful about a registry that listens in some way."""
        settings = Settings(http=http, auth=auth or Auth())
        return list(find_doubts(apply_role(settings)))

    def test_who_listens_to_others_and_lets_them_do_everything(self) -> None:
        for http in (
            Http(addr=":5000"),
            Http(addr="0.0.0.0:5000"),
            Http(addr="[::]:5000"),
            Http(addr="registry.example:5000"),
            Http(listen=("tcp:5000",)),
            Http(listen=("unix:/run/r", "tcp:5000:interface=10.0.0.1")),
            Http(listen=(Listener("tcp:5000:interface=127.0.0.1.example"),)),
            Http(listen=("haproxy:tcp:5000",)),
        ):
            (doubt,) = self.doubts(http)
            self.assertIn("may push and delete", doubt)

    def test_loopback_is_not_doubted(self) -> None:
        for http in (
            Http(),
            Http(addr="127.0.0.1:5000"),
            Http(addr="localhost:5000"),
            Http(addr="[::1]:5000"),
            Http(listen=("tcp:5000:interface=127.0.0.1",)),
            Http(listen=("tcp:5000:interface=127.0.0.1:backlog=5",)),
            Http(listen=("tcp6:5000:interface=\\:\\:1", "unix:/run/registry")),
        ):
            self.assertEqual(self.doubts(http), [])

    def test_who_asks_who_is_there_is_not_doubted(self) -> None:
        auth = Auth(htpasswd=Htpasswd("accounts"))
        self.assertEqual(self.doubts(Http(addr=":5000"), auth), [])


class UpstreamTests(SynchronousTestCase):
    def doubts(self, url: str, **more: Any) -> int:
        """Count what is doubtful about a mirror."""
        upstream = Upstream("other", url=url, **more)
        settings = Settings(mirror=Mirror((upstream,)))
        return len(list(find_doubts(settings)))

    def test_a_secret_that_is_sent_to_others_without_tls(self) -> None:
        me = {"username": "bob", "password": "x"}
        self.assertEqual(self.doubts("http://a.example", **me), 1)
        self.assertEqual(self.doubts("http://10.0.0.1:1", command=("helper",)), 1)
        self.assertEqual(self.doubts("https://a.example", **me), 0)
        self.assertEqual(self.doubts("http://localhost:1", **me), 0)
        self.assertEqual(self.doubts("http://[::1]:1", **me), 0)
        self.assertEqual(self.doubts("http://a.example"), 0)

    def test_a_secret_that_everybody_may_read(self) -> None:
        path = make_file(self, "credentials", b"")
        for mode, count in ((0o644, 1), (0o600, 0)):
            os.chmod(path, mode)
            self.assertEqual(self.doubts("https://a", credentials=path), count)


class FileTests(SynchronousTestCase):
    def test_secrets_that_everybody_may_read(self) -> None:
        path = make_file(self, "key", b"")
        settings = Settings(index=Index(key=path))
        for mode, count in ((0o644, 1), (0o640, 0), (0o600, 0)):
            os.chmod(path, mode)
            self.assertEqual(len(list(find_doubts(settings))), count, oct(mode))

    def test_files_that_everybody_may_write(self) -> None:
        path = make_file(self, "accounts", b"")
        settings = Settings(auth=Auth(htpasswd=Htpasswd(path)))
        for mode, count in ((0o666, 2), (0o664, 0), (0o644, 0)):
            os.chmod(path, mode)
            self.assertEqual(len(list(find_doubts(settings, path))), count, oct(mode))

    def test_files_that_are_not_there_are_somebody_elses_business(self) -> None:
        self.assertEqual(list(find_doubts(Settings(index=Index(key="/none/key")))), [])
