"""Keys to try a store with, and what it should list of them."""

from collections.abc import Iterable
from typing import Final

from hypothesis import strategies as st

from txregistry.storage.interfaces import Key

_NAMES: Final = ("a", "a-b", "a.b", "a_b", "a0", "aB", "ab", "b", "_x")
"""Names that sort differently before a ``/`` than they do alone."""

KEYS: Final = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4).map(
    lambda names: Key("/".join(("k", *names)))
)
PREFIXES: Final = st.lists(st.sampled_from(_NAMES), max_size=2).map(
    lambda names: "/".join(("k", *names, ""))
)


def _apart(keys: Iterable[Key]) -> list[Key]:
    """Drop keys that are also groups: no store of ours has both."""
    kept: list[Key] = []
    for key in keys:
        if not any(f"{each}/".startswith(f"{key}/") for each in kept) and not any(
            key.startswith(f"{each}/") for each in kept
        ):
            kept.append(key)
    return kept


KEY_SETS: Final = st.lists(KEYS, max_size=14).map(_apart)


def listed(keys: Iterable[Key], prefix: str) -> list[str]:
    """Give what begins with a prefix, in byte order."""
    found = [key for key in keys if key.startswith(prefix)]
    return sorted(found, key=str.encode)


def grouped(keys: Iterable[Key], prefix: str) -> list[str]:
    """Give the same up to the next ``/``, each once."""
    found = set()
    for key in keys:
        if key.startswith(prefix):
            first, slash, _ = key.removeprefix(prefix).partition("/")
            found.add(prefix + first + slash)
    return sorted(found, key=str.encode)
