"""Background tasks: what a worker process does when it has answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

from .errors import SetupError


class Pool:
    """A few threads that work off a queue of bounded length.

    A task is announced first (:meth:`reserve`) and handed over later (:meth:`submit`), so that
    there is room for whatever was announced.

    :param threads: How many tasks run at a time, at most.
    :param length: How many tasks may be announced, waiting or running, at most.
    """

    def __init__(self, threads: int, length: int) -> None:
        self._threads = threads
        self._length = length
        self._tasks: deque[Callable[[], object]] = deque()
        self._changed = Condition()
        self._announced = 0
        self._started = 0
        self._idle = 0
        self._closed = False

    def reserve(self) -> None:
        """Make room for one task.

        :raises SetupError: where as many are waiting as may wait.
        """
        with self._changed:
            if self._announced >= self._length:
                raise SetupError(
                    f"{self._announced} background tasks are waiting or running, and no more may"
                    " wait: they come faster than they are done. Raise BACKGROUND_TASK_QUEUE or"
                    " BACKGROUND_TASK_THREADS, or hand the work to a queue of its own."
                )
            self._announced += 1

    def submit(self, task: Callable[[], object]) -> None:
        """Run a task for which there is room as soon as a thread is free; it must not raise."""
        with self._changed:
            self._tasks.append(task)
            if self._closed:  # a straggler, which finds no thread any more
                self._started = 0
            if self._idle < len(self._tasks) and self._started < self._threads:
                self._started += 1
                # A daemon, so that a task that hangs does not keep the process from ending.
                Thread(target=self._work, name="microweb-background", daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._tasks or self._closed)
                self._idle -= 1
                if not self._tasks:
                    return
                task = self._tasks.popleft()
            try:
                task()
            finally:
                del task  # and what it holds, before the next one comes
                with self._changed:
                    self._announced -= 1
                    self._changed.notify_all()

    def drain(self, timeout: float | None) -> int:
        """Wait until every task is done, then let the threads end.

        :param timeout: How long to wait, in seconds; None waits as long as it takes.
        :returns: How many tasks are not done by then.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._announced, timeout)
            left = self._announced
            self._tasks.clear()
            self._closed = True
            self._changed.notify_all()
            return left
