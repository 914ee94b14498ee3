"""What the balancers that are documented hand on, and what not."""

import http.client
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.clients.images import digest_of
from tests.integration.clients.remote import Answer, Remote, with_digest
from tests.integration.daemon import LOOPBACK
from tests.integration.engines.certificate import make_contexts, make_pem
from tests.integration.nodes import case
from tests.integration.nodes.case import COUNT, MIB, served_by
from tests.integration.nodes.haproxy import Balancer, find_blocks, listen, port_of
from tests.integration.nodes.nginx import Nginx
from tests.integration.tuned import TunedDaemon, wait_for, write_htpasswd
from tests.temporary import make_file
from txregistry.assembly.listening import make_endpoints
from txregistry.settings.reading import load_settings

CLIENT, BEHIND = "127.0.0.5", "127.0.0.6"
"""Addresses of loopback: that of clients, and where a node listens for PROXY alone."""
DATA = bytes(range(256)) * 8192
TIMEOUT = 60.0


class Secure(Remote):
    """A balancer over TLS, asked from `CLIENT`."""

    def ask(
        self,
        method: str,
        path: str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """See `Remote`."""
        with closing(self.connect()) as connection:
            connection.request(method, path, body or None, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def connect(self) -> http.client.HTTPSConnection:
        """Make a connection."""
        return http.client.HTTPSConnection(
            self.host,
            timeout=TIMEOUT,
            context=make_contexts()[1],
            source_address=(CLIENT, 0),
        )


class DocumentTests(SynchronousTestCase):
    def test_settings_of_nodes_can_be_used(self) -> None:
        blocks = find_blocks("yaml")
        self.assertEqual(len(blocks), 2)
        for block in blocks:
            path = make_file(self, "config.yml", block.encode())
            settings, ignored = load_settings(path, {})
            self.assertEqual(ignored, [])
            self.assertEqual(settings.http.host, "https://registry.example")
            self.assertEqual(len(make_endpoints(MemoryReactor(), settings.http)), 1)


class BalancerCase(SynchronousTestCase):
    """One node, which stands for all, behind a balancer that speaks TLS."""

    def setUp(self) -> None:
        self.directory = make_directory(self)
        accounts = write_htpasswd(self.directory / "htpasswd", {"alice": "sesame"})
        self.settings: dict[str, Any] = {
            "http": {"proxies": [LOOPBACK]},
            "auth": {
                "htpasswd": {"path": str(accounts)},
                "endpoint": {"enabled": True},
                "rules": [
                    {
                        "who": ["everyone"],
                        "repositories": ["open/**"],
                        "may": ["pull", "push"],
                    }
                ],
            },
        }
        self.pem = self.directory / "pem"
        self.pem.write_text("".join(make_pem()))
        self.node = self.make_node(self.directory / "node")
        self.addCleanup(self.node.discard)
        self.remote = Secure(self.start_balancer())

    def make_node(self, directory: Path) -> TunedDaemon:
        """Start a node."""
        return TunedDaemon(directory, self.settings)

    def start_balancer(self) -> str:
        """Start the balancer, and say where it listens."""
        raise NotImplementedError

    def assertLogged(self, line: str) -> None:
        """The node writes a line."""
        wait_for(lambda: line in self.node.log, line)


class HaproxyTests(BalancerCase):
    def start_balancer(self) -> str:
        """See `BalancerCase`."""
        balancer = Balancer(listen(), [self.node.host] * COUNT, self.pem)
        self.addCleanup(balancer.stop)
        return balancer.host

    def test_who_asks_and_where_is_told(self) -> None:
        """Not what clients say of themselves, but what they are."""
        lies = {
            "X-Forwarded-For": "192.0.2.1",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "http",
        }
        for headers in ({}, lies):
            name = f"open/asked/{len(headers)}"
            self.remote.demand(404, "GET", f"/v2/{name}/tags/list", headers=headers)
            self.assertLogged(f'{CLIENT} - "GET /v2/{name}/tags/list" 404 ')
            path = "/v2/closed/tags/list"
            answer = self.remote.demand(401, "GET", path, headers=headers)
            realm = f'realm="https://{self.remote.host}/auth/token"'
            self.assertIn(realm, answer.headers["WWW-Authenticate"])

    def test_bodies(self) -> None:
        begin = "/v2/open/a/blobs/uploads/"
        for body in (DATA, [DATA[:MIB], DATA[MIB:]]):
            place = self.remote.demand(202, "POST", begin).location
            self.remote.demand(202, "PATCH", place, body)
            self.remote.demand(201, "PUT", with_digest(place, digest_of(DATA)))
            self.assertTrue(self.remote.blob("open/a", digest_of(DATA)) == DATA)
        self.refuse_early(self.remote.demand(202, "POST", begin).location)

    def refuse_early(self, place: str) -> None:
        """A chunk that is out of place is refused before it was sent."""
        with closing(self.remote.connect()) as connection:
            connection.putrequest("PATCH", place)
            connection.putheader("Content-Length", f"{1 << 40}")
            connection.putheader("Content-Range", f"5-{(1 << 40) + 4}")
            connection.endheaders()
            connection.send(b"some bytes")
            self.assertEqual(connection.getresponse().status, 416)


class NginxTests(HaproxyTests):
    def start_balancer(self) -> str:
        """See `BalancerCase`."""
        balancer = Nginx(listen(), [self.node.host] * COUNT, self.pem)
        self.addCleanup(balancer.stop)
        return balancer.host


class _Proxied(TunedDaemon):
    """A node that listens for what speaks PROXY, and to nothing else there."""

    def _complete(self, port: int) -> dict[str, Any]:
        found = super()._complete(port)
        endpoint = f"tcp:{port}:interface={BEHIND}"
        found["http"]["listen"] = [{"endpoint": endpoint, "proxyprotocol": True}]
        return found


class ProxyProtocolTests(HaproxyTests):
    """The balancer says who asks before it says anything else."""

    def make_node(self, directory: Path) -> TunedDaemon:
        """See `BalancerCase`."""
        self.listener = listen()
        self.settings["http"]["host"] = f"https://{LOOPBACK}:{port_of(self.listener)}"
        return _Proxied(directory, self.settings)

    def start_balancer(self) -> str:
        """See `BalancerCase`."""
        nodes = [f"{BEHIND}:{self.node.port} send-proxy-v2"] * COUNT
        changes = {"    option forwardfor\n": ""}
        balancer = Balancer(self.listener, nodes, self.pem, changes)
        self.addCleanup(balancer.stop)
        return balancer.host


class NginxNodesTests(case.OnS3, case.NodesCase):
    """Uploads by nginx, whose requests each reach another node."""

    def test_a_node_is_gone(self) -> None:
        pem = make_directory(self) / "pem"
        pem.write_text("".join(make_pem()))
        hosts = [each.host for each in self.nodes.daemons]
        balancer = Nginx(listen(), hosts, pem)
        self.addCleanup(balancer.stop)
        remote = Secure(balancer.host)
        daemon = self.nodes.daemons[0]
        self.push(remote, hosts)
        daemon.kill()
        self.push(remote, hosts[1:])
        daemon.start()
        self.nodes.await_turns()

    def push(self, remote: Remote, hosts: Sequence[str]) -> None:
        """Push a blob by some nodes, and by all of them."""
        turns = []
        path = f"/v2/{self.name}/blobs/uploads/"
        answer = remote.demand(202, "POST", path)
        place = answer.location
        turns.append(served_by(answer))
        for start in range(0, len(DATA), MIB // 2):
            piece = DATA[start : start + MIB // 2]
            turns.append(served_by(remote.demand(202, "PATCH", place, piece)))
        end = with_digest(place, digest_of(DATA))
        turns.append(served_by(remote.demand(201, "PUT", end)))
        # Where one was tried in vain, it is named before the one that answered.
        self.assertEqual({each.rpartition(" ")[2] for each in turns}, set(hosts))
        for host in hosts:
            self.assertTrue(Remote(host).blob(self.name, digest_of(DATA)) == DATA)
