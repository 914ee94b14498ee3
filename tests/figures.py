"""Figures that tests tell: pytest prints them after its run, see ``conftest.py``."""

import sys
from typing import Final

MARK: Final = "figure: "
"""How a line begins that is printed once more."""


def tell(text: str) -> None:
    """Tell a figure in a line."""
    sys.stderr.write(f"{MARK}{text}\n")
