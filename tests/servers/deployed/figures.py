"""The figures of all stories, for one table at the end of the run."""

from __future__ import annotations

import os

#: `full` for the sizes that are promised (`make load`); else sizes that a test run has time for.
FULL = os.environ.get("MICROWEB_LOAD", "") == "full"
#: Whether somebody has asked for a load, and so for its figures.
WANTED = "MICROWEB_LOAD" in os.environ

table: list[tuple[str, dict[str, str]]] = []


def size(small: int, full: int) -> int:
    """How much of something there is in a short run, and in a full one."""
    return full if FULL else small


def note(story: str, **figures: object) -> None:
    table.append((story, {name.replace("_", " "): str(figure) for name, figure in figures.items()}))


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def lines() -> list[str]:
    width = max((len(story) for story, _ in table), default=0)
    return [
        f"{story:<{width}}  " + ", ".join(f"{name} {figure}" for name, figure in figures.items())
        for story, figures in table
    ]
