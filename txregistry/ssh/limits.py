"""How much there may be of everything, and how long it may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be of everything.

    Attributes:
        connections: Connections at the same time; one place gets half of them.
        unknown: Of these, connections of who is not known yet; likewise. One more cuts
            off the oldest of them.
        channels: Channels of one connection at the same time.
        attempts: Keys that one connection may try.
        login: Seconds in which somebody must be known.
        idle: Seconds after which who neither sends nor takes anything is cut off.
        farewell: Seconds in which who was cut off may take the reason.
    """

    connections: int = 100
    unknown: int = 100
    channels: int = 4
    attempts: int = 10
    login: float = 30.0
    idle: float = 300.0
    farewell: float = 5.0
