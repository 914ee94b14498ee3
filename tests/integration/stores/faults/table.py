"""The faults that every store has to bear."""

from dataclasses import dataclass
from enum import Enum

from tests.integration.stores.faults import acts
from tests.integration.stores.faults.proxy import Act


class Kind(Enum):
    """What a fault is to whoever meets it once."""

    SLOW = "it takes its time, and all is well"
    MOMENTARY = "to ask again helps"
    REFUSAL = "to ask again does not help"
    LIE = "who believes it must not do any harm"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        name: What it is.
        act: How it is made.
        kind: What it is to whoever meets it.
    """

    name: str
    act: Act
    kind: Kind = Kind.MOMENTARY


FAULTS = (
    Fault("done, then cut", acts.done_and_cut),
    Fault("503", acts.answer(503)),
    Fault("403", acts.forbid, Kind.REFUSAL),
    Fault("body cut short", acts.truncate),
    Fault("done, then 500", acts.done_and_answer(500)),
    Fault("cut", acts.cut),
    Fault("cut in the request", acts.cut_in_body),
    Fault("done, then silence", acts.done_and_silent),
    Fault("stall", acts.stall),
    Fault("delay", acts.delay, Kind.SLOW),
)
"""Each is met once, at one of the requests of what is done."""

KINDRED = (
    Fault("silence", acts.silence),
    Fault("429 with a pause", acts.answer(429, "Retry-After: 1\r\n")),
    Fault("garbage", acts.garbage),
    Fault("chunks without end", acts.truncate_chunks),
    Fault("drip", acts.drip, Kind.SLOW),
    Fault("reset", acts.reset),
    Fault("half a head", acts.half_a_head),
    Fault("promises, kept", acts.promise, Kind.SLOW),
    Fault("a promise, not kept", acts.only_promise),
    Fault("503 at once", acts.answer_early(503)),
)
"""Each of these is one of those to whoever is above the requests: what is done with one
or two requests, of every kind, meets these too."""

LASTING = (
    Fault("503 for ever", acts.answer(503)),
    Fault("done and cut, for ever", acts.done_and_cut),
    Fault("403 for ever", acts.forbid, Kind.REFUSAL),
)
"""Each is met from one of the requests on."""

LIE = Fault("404", acts.deny, Kind.LIE)
"""What a service says that has lost sight of something, or not seen it yet."""
