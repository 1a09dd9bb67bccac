"""Every story is told to every server; a failure shows what the servers wrote meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from .process import started
from .servers import SERVERS, Serve

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def examples() -> Path:
    return EXAMPLES


@pytest.fixture(scope="module", params=SERVERS)
def serve(request: pytest.FixtureRequest) -> Serve:
    return SERVERS[request.param]


@pytest.fixture(scope="session", autouse=True)
def nothing_stays_running() -> Iterator[None]:
    yield
    assert [process.name for process in started if process.lives()] == []


def last_lines(log: str) -> str:
    return "\n".join(log.splitlines()[-30:])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections.extend(
            (f"end of the log of {process.name}", last_lines(process.log()))
            for process in started
            if process.ended_at is None or process.ended_at >= call.start
        )
    return report
