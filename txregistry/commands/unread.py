"""What programs write, where nobody reads it any more."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_when_unread() -> Iterator[None]:
    """End quietly within the block when whoever reads has gone, as ``head`` does.

    Raises:
        SystemExit: with 1, then.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # Python would try once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(1) from None
