"""Tests of ``txregistry/workers/setup.py``."""

import math

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.model.durations import Duration
from txregistry.settings.reading import load_settings
from txregistry.settings.sections import Http, Listener, Settings
from txregistry.workers.setup import Order, Setup, encode, read_order, read_setup

_RICH = b"""
storage: {s3: {region: eu, bucket: b, accesskey: k, secretkey: hush}}
http:
  listen: [tcp:1, {endpoint: 'tcp:2', apis: [v2], tls: true}]
  tls: {certificate: c, key: k, clientcas: [ca]}
  headers: {X-A: [one, two]}
  draintimeout: 1h30m
auth:
  certificates: {names: [{from: dns, pattern: '.+'}], groups: ou}
  groups: {ops: [ann, bob]}
  rules: [{who: ['@ops'], repositories: ['**'], may: [push], from: [10.0.0.0/8]}]
  immutable: [{repositories: ['a/**'], tags: ['v*']}]
collection: {retention: [{repositories: ['**'], newest: 3, pulled: 30d}]}
quotas: [{repositories: ['a/**'], bytes: 50GiB, tags: 3}]
mirror: {upstreams: [{name: docker.io, prefix: hub}]}
"""


class SetupTests(SynchronousTestCase):
    def check(self, settings: Settings) -> None:
        """Expect that a worker has what we have."""
        setup = Setup(
            {"config": "/c.yml", "listen": ["tcp:1"], "role": None},
            settings,
            {"tokens": bytes(range(32))},
            ["hub/"],
            3,
            [4, 5],
            b"\x00\xff",
        )
        self.assertEqual(read_setup(encode(setup)), setup)

    def test_worker_has_the_default_settings(self) -> None:
        self.check(Settings())

    def test_worker_has_all_kinds_of_settings(self) -> None:
        path = make_file(self, "config.yml", _RICH)
        settings, _ = load_settings(path, {})
        self.assertIsInstance(settings.http.listen[1], Listener)
        self.check(settings)

    def test_times_are_the_same_to_the_last_digit(self) -> None:
        for seconds in (0.0, 0.1, 1 / 3, 1e9 / 7, 5e-324, math.nextafter(30, 31)):
            self.check(Settings(http=Http(draintimeout=Duration(seconds))))

    def test_what_is_none_is_refused(self) -> None:
        for data in (b"", b"{}", b'{"settings": 1}'):
            with self.assertRaises(msgspec.DecodeError):
                read_setup(data)


class OrderTests(SynchronousTestCase):
    def test_comes_as_it_was_given(self) -> None:
        for order in (Order(reload=True), Order(tickets=b"\x00" * 32)):
            self.assertEqual(read_order(encode(order)), order)

    def test_what_is_none_is_refused(self) -> None:
        with self.assertRaises(msgspec.DecodeError):
            read_order(b"[]")
