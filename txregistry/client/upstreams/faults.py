"""Kinds of failures that make a difference only to who asks again."""

from typing import Self

from txregistry.client.upstreams.interfaces import UpstreamUnavailable


class Failed(UpstreamUnavailable):
    """There was no answer, or half of one.

    Attributes:
        narrow: Whether that tells nothing of the upstream as a whole: it was there, but
            had no answer to this; or somebody else had none.
    """

    narrow = False

    def narrowed(self) -> Self:
        """Take it that this tells nothing of the upstream as a whole."""
        self.narrow = True
        return self


class Faltered(Failed):
    """There was no answer, or half of one: to ask again may help at once."""


class Dragging(Failed):
    """What comes does so too slowly: to ask again does not help at once."""


class Distrusted(Failed):
    """The server did not prove who it is: to ask again does not help at once."""


class Throttled(UpstreamUnavailable):
    """The upstream says that we ask too much.

    Attributes:
        elsewhere: Whether it is not the upstream itself that says so, but who gives
            tokens for it.
    """

    elsewhere = False
