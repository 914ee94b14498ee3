"""Flows through links, as fluids: each gets its fair share, and more where it may.

Fair is max-min: no flow could have more without one having less that has no more than
it. That is what many connections of TCP through one place come to, and what a reactor
gives connections that always have something to do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: What counts as equal, in parts of the whole.
_SAME = 1e-9
#: What is left of a sum by subtraction is not exact below this part of it.
_ROUGH = 1e-3


@dataclass(frozen=True)
class Flow:
    """Some flows that are alike, all at the same rate.

    Args:
        uses: What one unit of the rate takes of each link, for all of them together.
        limit: The most that each can have.
        leader: The place of a flow, before this one, than which these are not faster.
    """

    uses: Mapping[int, float]
    limit: float = math.inf
    leader: int | None = None


def share(capacities: Sequence[float], flows: Sequence[Flow]) -> list[float]:
    """Give each flow its rate.

    All rise together; whoever meets a full link, its limit or a leader that has stopped
    stays there, and the others rise on.

    Args:
        capacities: Of the links.
        flows: All that there are; each uses a link, has a limit or follows one that
            does.
    """
    rising = _Rising(capacities, flows)
    while rising.flows:
        level, stopping = rising.meet()
        if level == math.inf:  # nothing holds up those that are left
            break
        rising.stop(level, stopping)
    return rising.rates


class _Rising:
    """Flows that rise together, until each has met something."""

    def __init__(self, capacities: Sequence[float], flows: Sequence[Flow]) -> None:
        self.rates = [math.inf] * len(flows)
        self.flows = set(range(len(flows)))
        self._all = flows
        self._left = list(capacities)
        self._pull = [0.0] * len(capacities)
        self._on: list[list[int]] = [[] for _ in capacities]
        self._behind: dict[int, list[int]] = {}
        for number, flow in enumerate(flows):
            for link, use in flow.uses.items():
                if use:
                    self._pull[link] += use
                    self._on[link].append(number)
            if flow.leader is not None:
                self._behind.setdefault(flow.leader, []).append(number)
        self._whole = list(self._pull)
        self._busy = {link for link, those in enumerate(self._on) if those}
        #: Those with limits, the least last.
        self._limited = sorted(
            (number for number in self.flows if flows[number].limit < math.inf),
            key=lambda number: -flows[number].limit,
        )

    def meet(self) -> tuple[float, list[int]]:
        """Return the rate at which some meet something next, and which do."""
        limited, flows = self._limited, self._all
        while limited and limited[-1] not in self.flows:
            limited.pop()
        levels = {
            link: max(0.0, self._left[link]) / self._pull[link] for link in self._busy
        }
        level = flows[limited[-1]].limit if limited else math.inf
        level = min(level, *levels.values()) if levels else level
        edge = level * (1 + _SAME)
        full = (link for link, at in levels.items() if at <= edge)
        stopping = [each for link in full for each in self._on[link]]
        while limited and flows[limited[-1]].limit <= edge:
            stopping.append(limited.pop())
        return level, stopping

    def stop(self, level: float, stopping: list[int]) -> None:
        """Let some rise no more, and with them those that follow them."""
        while stopping:
            number = stopping.pop()
            if number not in self.flows:
                continue
            self.flows.remove(number)
            self.rates[number] = level
            for link, use in self._all[number].uses.items():
                self._left[link] -= use * level
                self._pull[link] -= use
            stopping += self._behind.get(number, ())
        self._busy = {
            link for link in self._busy if not self.flows.isdisjoint(self._on[link])
        }
        for link in self._busy:
            if self._pull[link] < _ROUGH * self._whole[link]:
                self._pull[link] = sum(
                    self._all[number].uses[link]
                    for number in self._on[link]
                    if number in self.flows
                )
