"""What pytest does besides: print the figures that tests tell."""

from typing import Any

from tests.figures import MARK


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests told, though what they write is kept from the terminal."""
    told = sorted(
        line.removeprefix(MARK)
        for report in terminalreporter.stats.get("passed", ())
        for _, text in report.sections
        for line in text.splitlines()
        if line.startswith(MARK)
    )
    if told:
        terminalreporter.section("figures")
        for line in told:
            terminalreporter.line(line)
