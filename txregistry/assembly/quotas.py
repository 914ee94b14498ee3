"""The quotas that the settings describe."""

from txregistry.registry.quotas.rules import Quota
from txregistry.settings.sections import Settings


def make_quotas(settings: Settings) -> list[Quota]:
    """Say how much repositories may hold together."""
    return [
        Quota(
            quota.repositories,
            None if quota.bytes is None else int(quota.bytes),  # a plain number
            quota.tags,
        )
        for quota in settings.quotas
    ]
