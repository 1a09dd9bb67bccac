"""The figures of the stories, shown where a load was asked for: `make load`."""

from __future__ import annotations

import pytest

from . import figures


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if figures.WANTED and figures.table:
        terminalreporter.section("load and faults")
        for line in figures.lines():
            terminalreporter.line(line)
