"""What a registry's settings forbid to everybody."""

from txregistry.model.errors import Unsupported
from txregistry.registry.repositories import Registry


def require_writes(registry: Registry) -> None:
    """Refuse to take content where the registry is read-only.

    Raises:
        Unsupported: it is.
    """
    if not registry.writes:
        raise Unsupported(
            "This registry is read-only at present "
            "(storage.maintenance.readonly.enabled).",
            ("GET", "HEAD"),
        )


def require_deletes(registry: Registry) -> None:
    """Refuse to delete where that is switched off.

    Raises:
        Unsupported: it is.
    """
    if not registry.deletes:
        raise Unsupported(
            "Deleting is switched off in this registry (storage.delete.enabled).",
            ("GET", "HEAD"),
        )
