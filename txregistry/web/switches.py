"""What a registry's settings forbid to everybody."""

from txregistry.model.errors import Unsupported
from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry


def require_writes(registry: Registry, name: RepositoryName | None = None) -> None:
    """Refuse to take content where the registry, or a repository, is read-only.

    Args:
        registry: The registry.
        name: The repository; None where a check of it has gone before.

    Raises:
        Unsupported: the registry is.
        Denied: the repository is that of another registry.
    """
    if name is not None:
        registry.mirror.check_push(name)
    if not registry.writes:
        raise Unsupported(
            "This registry is read-only at present "
            "(storage.maintenance.readonly.enabled, or storage.ocilayout).",
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
