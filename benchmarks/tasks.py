"""The work of the `background` case: begun by a request, and waited for before its clock stops."""

from __future__ import annotations

from queue import SimpleQueue

_done: SimpleQueue[None] = SimpleQueue()


def task() -> None:
    _done.put(None)


def wait(number: int) -> None:
    """Return when *number* more tasks are done, so that they neither pile up nor run for free."""
    for _ in range(number):
        _done.get(timeout=10)
