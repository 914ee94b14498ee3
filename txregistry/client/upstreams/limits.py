"""How long an upstream is waited for, and how much is asked and taken of it."""

from dataclasses import dataclass
from typing import Final

_GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an upstream is waited for, and how often it is asked.

    Attributes:
        connect: Seconds in which a connection must come about.
        answer: Seconds until the headers of an answer are there, with that.
        work: Seconds until they are, of an answer that many bytes come before.
        stall: Seconds for which a body that is waited for may stand still.
        document: Seconds in which a manifest, a list or a token must be there whole.
        turn: Seconds for which a request waits until it may be made.
        attempts: How often a request is made at most.
        pause: Seconds before the second attempt, doubled before each further one; a
            part of them, up to half, is left to chance.
        longest_pause: Seconds that such a pause has at most.
    """

    connect: float = 10.0
    answer: float = 30.0
    work: float = 300.0
    stall: float = 30.0
    document: float = 60.0
    turn: float = 60.0
    attempts: int = 3
    pause: float = 0.5
    longest_pause: float = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is asked of an upstream at once, and taken from it.

    Attributes:
        concurrency: Blobs that are read from it at the same time. Half as many besides
            may be passed on to whoever reads parts of them, and as many questions be
            open that are answered in short.
        waiting: Requests of each of these kinds that wait for their turn.
        rate: Requests a second; None for as many as there are.
        burst: Requests that may be made at once when there were none for a while.
        largest: Bytes in a blob.
        skip: Bytes of a blob that are read in vain to get at those behind them, where
            an upstream does not let us begin in the middle.
        least: Bytes a second that are enough, of a body that is waited for.
        window: Seconds over which these are measured.
        failures: Failures in a row after which the upstream is left alone.
        alone: Seconds for which it is, doubled each time that it fails again.
        longest_alone: Seconds that this comes to at most.
        throttled: Seconds for which nothing is asked when the upstream says that it is
            too much, but not until when.
        longest_throttled: Seconds for which an upstream can have us wait.
        tokens: Tokens of others that are kept.
    """

    concurrency: int = 16
    waiting: int = 256
    rate: float | None = None
    burst: int = 10
    largest: int = 64 * _GIB
    skip: int = _GIB
    least: int = 1024
    window: float = 30.0
    failures: int = 5
    alone: float = 5.0
    longest_alone: float = 300.0
    throttled: float = 60.0
    longest_throttled: float = 3600.0
    tokens: int = 1024


USUAL_PATIENCE: Final = Patience()
USUAL_LIMITS: Final = Limits()
