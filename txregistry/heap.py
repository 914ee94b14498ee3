"""Python's own collection of garbage, told that what is loaded stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage while modules are loaded: there is none.

    All that they make stays, and would be looked through time and again: a tenth of
    the time that it takes to load them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def keep_loaded() -> None:
    """Never look again for garbage in what there is by now.

    Else each time that all is looked through, which nobody knows beforehand, every
    request waits for as long as that takes: for some hundred thousand objects of
    modules.
    """
    gc.freeze()
