"""Uses, written down time and again while the daemon runs."""

from typing import Any, Final

from txregistry.registry.flushing import Flushing
from txregistry.registry.uses import Uses

_OFTEN: Final = 300.0


class NotingUses(Flushing):
    """Write uses down.

    Args:
        uses: The uses.
        clock: The reactor.
    """

    def __init__(self, uses: Uses, clock: Any) -> None:
        super().__init__(uses.flush, _OFTEN, "noting what was used", clock)
