"""What a client is told when another registry fails."""

from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
)
from txregistry.model.errors import (
    RegistryError,
    UpstreamInvalid,
    UpstreamSilent,
)


def failure_of(fault: UpstreamFault) -> RegistryError:
    """Make what a client is told of a fault."""
    detail = {"upstream": fault.upstream}
    if isinstance(fault, UpstreamUnavailable):
        return UpstreamSilent(
            f"The registry {fault.upstream}, of which this is a mirror, cannot be "
            f"asked: {fault.reason}. Try again later.",
            detail,
        )
    if isinstance(fault, UpstreamRefused):
        return UpstreamInvalid(
            f"The registry {fault.upstream} does not let this mirror have it: "
            f"{fault.reason}. Look at the credentials in the settings.",
            detail,
        )
    return UpstreamInvalid(
        f"The registry {fault.upstream} gave an answer that cannot be used: "
        f"{fault.reason}.",
        detail,
    )
