"""Background tasks: what a worker process does when it has answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic

from .errors import SetupError


class Pool:
    """A few threads that work off a queue of bounded length.

    A task is announced first (:meth:`reserve`) and handed over later (:meth:`submit`), so that
    there is room for whatever was announced.

    :param threads: How many tasks run at a time, at most.
    :param length: How many tasks may be announced, waiting or running, at most.
    :param report: Called with a message and an exception, for what no caller gets to see.
    """

    def __init__(
        self, threads: int, length: int, report: Callable[[str, BaseException], None]
    ) -> None:
        self._threads = threads
        self._length = length
        self._report = report
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
        """Run a task for which there is room as soon as a thread is free.

        Where the system gives no more threads, it waits for one that there is, for the next task,
        or for the end.
        """
        with self._changed:
            self._tasks.append(task)
            error = self._add_thread()
            self._changed.notify_all()  # one alone might be who waits in `drain`
        if error is not None:
            self._report("No thread can be started for a background task, which waits", error)

    def _add_thread(self) -> RuntimeError | None:
        if self._idle >= len(self._tasks) or self._started >= self._threads:
            return None
        # A daemon, so that a task that hangs does not keep the process from ending.
        thread = Thread(target=self._work, name="microweb-background", daemon=True)
        self._started += 1
        try:
            thread.start()
        except RuntimeError as error:
            self._started -= 1
            return error
        return None

    def _work(self) -> None:
        with self._changed:
            try:
                while self._wait():
                    self._run_next()
            finally:
                # With the lock: who submits a task sees either a thread that takes it, or none.
                self._started -= 1

    def _wait(self) -> bool:
        """Wait for a task; False stands for the end."""
        self._idle += 1
        try:
            self._changed.wait_for(lambda: self._tasks or self._closed)
        finally:
            self._idle -= 1
        return bool(self._tasks)

    def _run_next(self) -> None:
        """Run a task, without the lock that is held when this is called and when it returns."""
        task = self._tasks.popleft()
        self._changed.release()
        try:
            task()
        except BaseException as error:
            # Nothing that a task raises may end the thread, on which the next ones count.
            self._report("A background task failed", error)
        finally:
            del task  # and what it holds, before the next one comes
            self._changed.acquire()
            self._announced -= 1
            self._changed.notify_all()

    def drain(self, timeout: float | None) -> int:
        """Wait until every task is done, then let the threads end.

        :param timeout: How long to wait, in seconds; None waits as long as it takes.
        :returns: How many tasks are not done by then.
        """
        deadline = None if timeout is None else monotonic() + timeout
        with self._changed:
            while self._announced:
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    break
                if self._stranded() and self._add_thread() is not None:
                    self._run_next()
                else:
                    self._changed.wait_for(lambda: not self._announced or self._stranded(), left)
            lost = self._announced
            self._tasks.clear()
            self._closed = True
            self._changed.notify_all()
            return lost

    def _stranded(self) -> bool:
        """Whether tasks wait for a thread that could not be started."""
        return bool(self._tasks) and not self._started
