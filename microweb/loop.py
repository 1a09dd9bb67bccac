"""The event loop of a worker process, on which all of its coroutines run.

One loop, in a thread of its own, lasts as long as the process: a client that belongs to a loop can
be made in one request and used in the next. asyncio is imported when the first coroutine runs.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from threading import RLock, current_thread
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .errors import CoroutineCancelled
from .jobs import END, Job, Pump, Running

if TYPE_CHECKING:
    from .jobs import Report


def is_async(function: Any) -> bool:
    """Whether calling a function gives a coroutine: ``async def``, also in a partial or an object.

    >>> is_async(print)
    False
    """
    if (
        type(function) is FunctionType and not function.__dict__
    ):  # what it nearly always is (1.6 µs)
        return bool(function.__code__.co_flags & inspect.CO_COROUTINE)
    if isinstance(function, partial):
        return is_async(function.func)
    # Of the type, so that a class whose objects are called so is not: to call it makes an object.
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - it is looked at, not asked for
    )


class EventLoop:
    """An asyncio loop in a thread of its own, which starts when it is first needed.

    :param report: Called with a message and an exception or None, for what no caller gets to see:
        the failure of a task that nobody waits for. The loop's thread keeps it alive.
    :param started: Called when the loop starts.
    """

    def __init__(self, report: Report, started: Callable[[], None] = lambda: None) -> None:
        self._report = report
        self._started = started
        # A thread may come here again, out of a signal handler.
        self._lock = RLock()
        self._running: Running | None = None

    def run(self, function: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Call a coroutine function on the loop, and return its result.

        It sees the context variables of the caller, and the caller sees those that it sets. Where
        the caller is stopped while it waits, the coroutine is cancelled.

        :raises CoroutineCancelled: where somebody cancels it.
        :raises SetupError: where the caller is a coroutine of this loop, which has to await.
        """
        job = Job(function, args, kwargs)
        self._hand_over(job)
        return job.take()

    def iterate(self, body: AsyncIterator[Any], lasting: bool = False) -> Items:
        """Return the items of an asynchronous iterator.

        One task runs it from its beginning to its end, so that timeouts, task groups and the
        tokens of context variables may reach across a `yield`; it makes one item at a time.

        :param body: The iterator; its `aclose` is called at its end, if it has one.
        :param lasting: It is expected to last as long as the process; see :meth:`settle`.
        """
        return Items(self, body, lasting)

    def settle(self, seconds: float | None) -> int:
        """Wait for the calls and iterators that are under way, but for those that are lasting.

        :param seconds: How long to wait; None waits as long as it takes.
        :returns: How many are still under way then.
        """
        with self._lock:
            running = self._running
            if running is None or running.thread is current_thread() or not running.under_way():
                return 0
            job = Job(running.settle, (seconds,), {}, lasting=True)
            self._hand_over(job)
        try:
            left: int = job.take()
        except CoroutineCancelled:  # somebody else has stopped the loop
            return 0
        return left

    def _hand_over(self, job: Job) -> None:
        with self._lock:  # what is handed over before the end is cancelled by it, and not forgotten
            running = self._running
            if running is None or running.ending:
                running = self._start()
            running.refuse_to_wait_for_itself(job.function)
            running.begin(job)

    def _start(self) -> Running:
        running = Running(self._report, self._lock)
        # For an application that nobody ends, as in a test.
        self._end = weakref.finalize(self, running.stop)
        # At the exit of the process it is `started` that sees to the end, in its order.
        self._end.atexit = False
        self._running = running
        self._started()
        return running

    def stop(self) -> None:
        """Cancel what still runs, and end the loop; the next coroutine starts another one."""
        with self._lock:
            if self._running is None:
                return
            self._running, end = None, self._end
        end()

    def forget(self) -> None:
        """Leave a loop alone whose thread did not come along into a forked process."""
        if self._running is not None:
            self._end.detach()
            leave_alone(self._running)
        self._lock = RLock()
        self._running = None


class Items:
    """The items of an asynchronous iterator, which can be closed before the first of them too.

    :param loop: The loop on which it runs.
    :param body: The iterator.
    :param lasting: See :meth:`EventLoop.iterate`.
    """

    def __init__(self, loop: EventLoop, body: AsyncIterator[Any], lasting: bool) -> None:
        self._loop = loop
        self._body = body
        self._lasting = lasting
        self._pump: Pump | None = None
        self._over = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._over:
            raise StopIteration
        if self._pump is None:
            pump = Pump(self._body, self._lasting)
            self._loop._hand_over(pump)
            self._pump = pump
        else:
            self._pump.ask(True)
        self._over = True  # unless it gives an item: a pump that fails or is interrupted has ended
        item = self._pump.take()
        if item is END:
            raise StopIteration
        self._over = False
        return item

    def close(self) -> None:
        """Close the iterator, wherever it is."""
        if self._over:
            return
        if self._pump is not None:
            self._pump.ask(False)
            self._over = True
            with suppress(CoroutineCancelled):  # the loop has ended, and it with it
                self._pump.take()
        else:
            self._over = True
            close = getattr(self._body, "aclose", None)
            if close is not None:
                self._loop.run(close)

    def __del__(self) -> None:
        # Nobody has closed it. The pump does so, and this, which may be called anywhere, does not
        # wait for it.
        if not self._over and self._pump is not None:
            self._pump.wish(False, [])


# What a forked process has of its parent's coroutines and generators. The list is never emptied:
# to drop one that is suspended throws GeneratorExit into it, and the child would run the clean-up
# of the parent, which still uses what is cleaned up there. It outlasts the end of the child too,
# when Python empties its modules: what it calls at a fork, in worker.py, leads here.
_left_alone: list[object] = []


def leave_alone(thing: object) -> None:
    """Keep something for ever that must not be finalised in a forked process.

    :param thing: What holds the suspended coroutines or generators.
    """
    _left_alone.append(thing)
