"""Tests of ``txregistry/assembly/doubts.py``."""

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.assembly.doubts import find_doubts
from txregistry.settings.mirror import Mirror, Proxy, Upstream
from txregistry.settings.replication import PushTo
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
    def told(self, url: str, **more: Any) -> list[str]:
        """Give what is doubtful about a mirror."""
        upstream = Upstream("other", url=url, **more)
        return list(find_doubts(Settings(mirror=Mirror((upstream,)))))

    def doubts(self, url: str, **more: Any) -> int:
        """Count what is doubtful about a mirror."""
        return len(self.told(url, **more))

    def test_a_secret_that_is_sent_to_others_without_tls(self) -> None:
        me = {"username": "bob", "password": "x"}
        self.assertEqual(self.doubts("http://a.example", **me), 1)
        self.assertEqual(self.doubts("http://10.0.0.1:1", command=("helper",)), 1)
        self.assertEqual(self.doubts("https://a.example", **me), 0)
        self.assertEqual(self.doubts("http://localhost:1", **me), 0)
        self.assertEqual(self.doubts("http://[::1]:1", **me), 0)
        self.assertEqual(self.doubts("http://a.example"), 0)

    def test_passwords_of_clients_that_are_sent_without_tls(self) -> None:
        self.assertEqual(self.doubts("http://a.example", passthrough=True), 1)
        self.assertEqual(self.doubts("https://a.example", passthrough=True), 0)
        self.assertEqual(self.doubts("http://localhost:1", passthrough=True), 0)

    def test_who_we_are_where_clients_say_who_they_are(self) -> None:
        path = make_file(self, "credentials", b"")
        os.chmod(path, 0o600)
        for setting, more in (
            ("username", {"username": "bob", "password": "x"}),
            ("credentials", {"credentials": path}),
            ("command", {"command": ("helper",)}),
        ):
            (told,) = self.told("https://a.example", passthrough=True, **more)
            self.assertIn(f"mirror.upstreams[0].{setting}: ", told)
            self.assertIn("warm", told)
            self.assertEqual(self.doubts("https://a.example", **more), 0)

    def test_a_proxy_that_is_shown_a_password_without_tls(self) -> None:
        (told,) = self.told("https://a", proxy="http://bob:secret@proxy.example:1")
        self.assertIn("mirror.upstreams[0].proxy: proxy.example:1", told)
        self.assertNotIn("secret", told)
        for proxy in (
            "http://proxy.example:1",
            "https://bob:secret@proxy.example:1",
            "http://bob:secret@localhost:1",
        ):
            self.assertEqual(self.doubts("https://a", proxy=proxy), 0, proxy)

    def test_credentials_that_are_not_there(self) -> None:
        (told,) = self.told("https://a", credentials="/none/credentials")
        self.assertIn("mirror.upstreams[0].credentials: ", told)
        self.assertIn("'/none/credentials'", told)

    def test_by_the_settings_of_distribution(self) -> None:
        for url, count in (("http://a.example", 1), ("https://a.example", 0)):
            proxy = Proxy(url, username="bob", password="x")
            self.assertEqual(len(list(find_doubts(Settings(proxy=proxy)))), count)

    def test_by_the_settings_of_replication(self) -> None:
        rule = PushTo(to="http://a.example", credentials="/none/credentials")
        found = list(find_doubts(Settings(replication=(rule,))))
        self.assertEqual(
            [each.partition(": ")[0] for each in found],
            ["replication[0].to", "replication[0].credentials"],
        )

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
