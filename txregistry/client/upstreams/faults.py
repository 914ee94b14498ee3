"""Kinds of failures that make a difference only to who asks again."""

from txregistry.client.upstreams.interfaces import UpstreamUnavailable


class Faltered(UpstreamUnavailable):
    """There was no answer, or half of one: to ask again may help at once."""


class Distrusted(UpstreamUnavailable):
    """The server did not prove who it is: to ask again does not help at once."""


class Throttled(UpstreamUnavailable):
    """The upstream says that we ask too much."""
