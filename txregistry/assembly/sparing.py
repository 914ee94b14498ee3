"""Stores that somebody may collect while something is written into them."""

from typing import Any

from txregistry.registry.collection.sparing import Sparing
from txregistry.registry.collection.sparingstore import SparingStore
from txregistry.settings.sections import Settings
from txregistry.storage.interfaces import IObjectStore


def spare(settings: Settings, store: IObjectStore, clock: Any) -> IObjectStore:
    """Let what is written into a store not be collected the moment after."""
    return SparingStore(store, Sparing(store, clock, settings.collection.floor))
