"""What was let in, told to other processes while the daemon runs."""

from typing import Any, Final

from txregistry.registry.flushing import Flushing
from txregistry.registry.quotas.quotas import Quotas

_OFTEN: Final = 5.0


class TellingQuotas(Flushing):
    """Write down what was let in.

    Args:
        quotas: The quotas.
        clock: The reactor.
    """

    def __init__(self, quotas: Quotas, clock: Any) -> None:
        super().__init__(quotas.flush, _OFTEN, "noting what quotas let in", clock)
