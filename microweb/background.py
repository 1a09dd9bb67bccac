"""Background tasks: what a worker process does when it has answered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
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
        # A queue of C, on which a thread waits in a fifth of the time that a condition takes.
        self._tasks: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        # Guards the counters; only the end waits for it.
        self._changed = Condition()
        self._announced = 0
        self._started = 0
        #: Threads that nobody has given a task, and tasks that nobody has given a thread.
        self._idle = 0
        self._unclaimed = 0
        self._ending = False
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
        error = None
        with self._changed:
            if self._idle:
                self._idle -= 1
            elif self._started < self._threads:
                error = self._add_thread()
                self._unclaimed += error is not None
            else:
                self._unclaimed += 1
            self._tasks.put(task)
            if self._ending:
                self._changed.notify_all()
        if error is not None:
            self._report("No thread can be started for a background task, which waits", error)

    def _add_thread(self) -> RuntimeError | None:
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
        wanted = True
        while wanted:
            task = self._tasks.get()
            if task is None:
                return
            self._run(task)
            del task  # and what it holds, before the next one comes
            wanted = self._is_wanted()

    def _run(self, task: Callable[[], object]) -> None:
        try:
            task()
        except BaseException as error:
            # Nothing that a task raises may end the thread, on which the next ones count.
            self._report("A background task failed", error)

    def _is_wanted(self) -> bool:
        """Count a task as done; return whether its thread is to take another one."""
        with self._changed:
            self._announced -= 1
            if self._ending:
                self._changed.notify_all()
            if self._unclaimed:
                self._unclaimed -= 1
            elif self._closed:
                self._started -= 1
                return False
            else:
                self._idle += 1
            return True

    def drain(self, timeout: float | None) -> int:
        """Wait until every task is done, then let the threads end.

        :param timeout: How long to wait, in seconds; None waits as long as it takes.
        :returns: How many tasks are not done by then.
        """
        deadline = None if timeout is None else monotonic() + timeout
        with self._changed:
            self._ending = True
            while self._announced:
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    break
                if not self._stranded():
                    self._changed.wait_for(lambda: not self._announced or self._stranded(), left)
                elif self._add_thread() is None:
                    self._unclaimed -= 1
                else:
                    self._run_here()
            lost = self._announced
            with suppress(Empty):
                while True:
                    self._tasks.get_nowait()
            self._unclaimed = 0
            self._closed = True
            for _ in range(self._idle):
                self._tasks.put(None)
            # No more to be counted on, by who comes late.
            self._started -= self._idle
            self._idle = 0
            return lost

    def _stranded(self) -> bool:
        """Whether tasks wait for a thread that could not be started."""
        return not self._tasks.empty() and not self._started

    def _run_here(self) -> None:
        """Run a task without the lock that is held when this is called and when it returns."""
        task = self._tasks.get_nowait()
        self._changed.release()
        try:
            if task is not None:
                self._run(task)
        finally:
            self._changed.acquire()
            self._announced -= 1
            self._unclaimed -= 1
