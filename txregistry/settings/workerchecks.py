"""What ``http.workers`` may not be."""

from txregistry.settings.section import SettingsError
from txregistry.settings.sections import AUTO, MOST_WORKERS, Settings


def check_workers(settings: Settings) -> None:
    """Refuse workers that nothing can come of.

    Raises:
        SettingsError: there is no such number of them, or their store is none that
            several can have.
    """
    workers = settings.http.workers
    if workers != AUTO and not (
        isinstance(workers, int) and 1 <= workers <= MOST_WORKERS
    ):
        raise SettingsError(
            f"http.workers: {workers!r} cannot be used; it must be a number from 1 to "
            f"{MOST_WORKERS}, or {AUTO!r}: one for each processor."
        )
    if settings.storage.inmemory is not None and settings.http.worker_count > 1:
        raise SettingsError(
            f"http.workers: {workers!r} cannot be used with storage.inmemory: each "
            "worker would keep other content; allowed is 1."
        )
