"""How workers are begun."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Launch:
    """How workers are begun.

    Attributes:
        options: What twistd was given for the registry.
        write: Takes lines of their logs.
        failed: Called where one ends before it has served at all: the next would too.
    """

    options: dict[str, Any] = field(default_factory=dict)
    write: Callable[[str], object] = sys.stderr.write
    failed: Callable[[], object] = lambda: None
