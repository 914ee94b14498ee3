"""What reads all content time and again, as the settings describe it."""

from typing import Any
from uuid import uuid4

from txregistry.registry.collection.lease import Lease
from txregistry.registry.quarantine import Quarantine
from txregistry.registry.repositories import Registry
from txregistry.registry.scrubbing.schedule import ScrubSchedule
from txregistry.registry.scrubbing.scrub import Scrub
from txregistry.settings.sections import Settings
from txregistry.storage import keys
from txregistry.tasks import Blocking


def make_scrub_schedule(
    settings: Settings, registry: Registry, reactor: Any, blocking: Blocking
) -> ScrubSchedule:
    """Make it; it is not begun yet."""
    store = registry.plain_store
    scrub = Scrub(store, Quarantine(store), reactor, blocking, settings.scrub.rate)
    lease = Lease(store, str(uuid4()), reactor, keys.scrub_lease())
    return ScrubSchedule(
        scrub, lease, settings.scrub.every, reactor, registry.counts.scrub
    )
