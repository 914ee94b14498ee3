"""What a client is told when another registry fails."""

from typing import Final

from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.errors import (
    RegistryError,
    UpstreamInvalid,
    UpstreamSilent,
)

OFFLINE: Final = "This mirror is offline."


def lie_of(upstream: str) -> RegistryError:
    """Make what a client is told of a blob that is another one."""
    return failure_of(UpstreamWrong(upstream, "gave a blob of another digest"))


def failure_of(fault: UpstreamFault) -> RegistryError:
    """Make what a client is told of a fault."""
    detail = {"upstream": fault.upstream}
    if isinstance(fault, UpstreamUnavailable):
        what = f"{fault.reason} Try again later."
        return UpstreamSilent(what, detail, fault.retry_after)
    if isinstance(fault, UpstreamRefused):
        advice = "Whoever runs this mirror should look at its credentials there."
        return UpstreamInvalid(f"{fault.reason} {advice}", detail)
    return UpstreamInvalid(fault.reason, detail)
