"""The event loop of a worker process, on which all of its coroutines run.

One loop, in a thread of its own, lasts as long as the process: a client that belongs to a loop can
be made in one request and used in the next. asyncio is imported when the first coroutine runs.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import Context, copy_context
from functools import partial
from threading import Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any

from .errors import CoroutineCancelled, SetupError, describe

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

#: How long the loop waits at its end for coroutines that were cancelled, in seconds.
_LAST_WORDS = 5.0


def is_async(function: Any) -> bool:
    """Whether calling a function gives a coroutine: ``async def``, also in a partial or an object.

    >>> is_async(print)
    False
    """
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

    def __init__(
        self,
        report: Callable[[str, BaseException | None], None],
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self._report = report
        self._started = started
        self._lock = Lock()
        self._running: tuple[AbstractEventLoop, Thread] | None = None

    def run(self, function: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Call a coroutine function on the loop, and return its result.

        It sees the context variables of the caller, and the caller sees those that it sets. Where
        the caller is stopped while it waits, the coroutine is cancelled.

        :raises CoroutineCancelled: where somebody cancels it.
        :raises SetupError: where the caller is a coroutine of this loop, which has to await.
        """
        from asyncio import run_coroutine_threadsafe
        from concurrent.futures import CancelledError

        variables: list[Context] = []
        with self._lock:  # what is handed over before the end is cancelled by it, and not forgotten
            loop, thread = self._running or self._start()
            if thread is current_thread():
                raise SetupError(
                    f"{describe(function)} is asynchronous and is called by code that runs on the"
                    " event loop already, which would wait for itself: await it there instead."
                )
            future = run_coroutine_threadsafe(_call(function, args, kwargs, variables), loop)
        try:
            result, leaving = future.result()
        except CancelledError:
            raise CoroutineCancelled(function) from None
        except BaseException:
            future.cancel()
            raise
        finally:
            del future  # it holds the error, whose traceback holds this frame
            _take_over(variables)
        if leaving is not None:
            raise leaving
        return result

    def iterate(self, body: AsyncIterator[Any]) -> Iterator[Any]:
        """Return the items of an asynchronous iterator, each of them awaited on the loop."""
        return _Items(self, body)

    def _start(self) -> tuple[AbstractEventLoop, Thread]:
        import asyncio

        # In an empty context: the loop would keep that of the first request.
        loop = Context().run(asyncio.new_event_loop)
        loop.set_exception_handler(partial(_unseen, self._report))
        thread = Thread(target=_serve, args=(loop,), name="microweb-loop", daemon=True)
        thread.start()
        # For an application that nobody ends, as in a test.
        self._end = weakref.finalize(self, _stop, loop, thread, self._report)
        # At the exit of the process it is `started` that sees to the end, in its order.
        self._end.atexit = False
        self._running = loop, thread
        self._started()
        return self._running

    def stop(self) -> None:
        """Cancel what still runs, and end the loop; the next coroutine starts another one."""
        with self._lock:
            if self._running is None:
                return
            self._running = None
        self._end()

    def forget(self) -> None:
        """Leave a loop alone whose thread did not come along into a forked process."""
        if self._running is not None:
            self._end.detach()
        self._lock = Lock()
        self._running = None


class _Items:
    """The items of an asynchronous iterator, which can be closed before the first of them too."""

    def __init__(self, loop: EventLoop, body: AsyncIterator[Any]) -> None:
        self._loop = loop
        self._body = body

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self._loop.run(self._body.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        close = getattr(self._body, "aclose", None)
        if close is not None:
            self._loop.run(close)


async def _call(
    function: Callable[..., Awaitable[Any]], args: Any, kwargs: Any, variables: list[Context]
) -> tuple[Any, BaseException | None]:
    try:
        return await function(*args, **kwargs), None
    except (KeyboardInterrupt, SystemExit) as leaving:
        # These would end the loop; they are for the thread that waits.
        return None, leaving
    finally:
        variables.append(copy_context())


def _take_over(variables: list[Context]) -> None:
    for context in variables:
        for variable, value in context.items():
            if variable.get(_UNSET) is not value:
                variable.set(value)


_UNSET = object()


def _serve(loop: AbstractEventLoop) -> None:
    import asyncio

    asyncio.set_event_loop(loop)
    while True:
        try:
            loop.run_forever()
            break
        except (KeyboardInterrupt, SystemExit) as leaving:  # of a task that nobody waits for
            loop.call_exception_handler({"message": "A task asked to exit", "exception": leaving})
    try:
        loop.run_until_complete(_finish(loop))
    finally:
        loop.close()


async def _finish(loop: AbstractEventLoop) -> None:
    import asyncio

    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_LAST_WORDS)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _unseen(report: Any, loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    report(f"On the event loop: {context['message']}", context.get("exception"))


def _stop(loop: AbstractEventLoop, thread: Thread, report: Any) -> None:
    loop.call_soon_threadsafe(loop.stop)
    if thread is current_thread():  # the last reference was dropped by a coroutine
        return
    thread.join(2 * _LAST_WORDS)
    if thread.is_alive():
        report(
            "The event loop has not ended: a coroutine does not let itself be cancelled, or a"
            " function handed to asyncio.to_thread still runs.",
            None,
        )
