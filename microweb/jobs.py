"""What runs on an event loop, for threads that wait for it: single calls, and iterators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from functools import partial
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from .errors import CoroutineCancelled, SetupError, describe

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Queue, Task
    from queue import SimpleQueue

    Report = Callable[[str, BaseException | None], None]
    Changes = list[tuple[ContextVar[Any], Any]]

#: How long a loop waits at its end for coroutines that were cancelled, in seconds.
_LAST_WORDS = 5.0

#: What a :class:`Pump` gives behind the last item.
END: Any = object()


class Job:
    """A task of the loop, and the thread that waits for what it gives.

    Cheaper than `asyncio.run_coroutine_threadsafe`, which links two futures by callbacks: a call
    takes a third less (50 µs in place of 75, most of which go into changing the thread twice).

    :param function: What is called on the loop; it returns what is awaited.
    :param args: Its arguments.
    :param kwargs: Its keyword arguments.
    :param lasting: See :meth:`Running.settle`.
    """

    def __init__(self, function: Any, args: Any, kwargs: Any, lasting: bool = False) -> None:
        from queue import SimpleQueue  # not before there is a coroutine

        self.function = function
        self.lasting = lasting
        self.task: Task[tuple[Any, BaseException | None]] | None = None
        self._args = args
        self._kwargs = kwargs
        self.running: Running | None = None
        self._given: SimpleQueue[tuple[Any, BaseException | None, Changes]] = SimpleQueue()
        #: The variables of the caller, and those of the task when they were last the same.
        self.variables = self._known = copy_context()
        self._changes: Changes = []

    # --- in the thread that waits

    def take(self) -> Any:
        """Wait for what the task gives, and return it or raise its error."""
        try:
            result, error, changes = self._given.get()
        except BaseException:  # of a signal handler
            if self.running is not None:
                self.running.call(self._cancel)
            raise
        for variable, value in changes:
            variable.set(value)
        if error is None:
            return result
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    # --- on the loop

    def begin(self, running: Running) -> None:
        """Make the task."""
        work = self._work()
        try:
            self.task = running.loop.create_task(work)
        except BaseException as error:  # of a task factory
            work.close()
            self.end(error)
            return
        self.task.add_done_callback(self._done)

    async def _work(self) -> tuple[Any, BaseException | None]:
        try:
            return await self._call(), None
        except (KeyboardInterrupt, SystemExit) as leaving:
            # These would end the loop; they are for the thread that waits.
            return None, leaving
        finally:
            self._changes = _changes(self._known)

    def _call(self) -> Awaitable[Any]:
        called: Awaitable[Any] = self.function(*self._args, **self._kwargs)
        return called

    def _cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()

    def _done(self, task: Task[tuple[Any, BaseException | None]]) -> None:
        self.task = None  # its exception holds a frame that holds this
        if task.cancelled():
            self.end(CoroutineCancelled(self.function))
        elif (error := task.exception()) is not None:
            self.end(error)
        else:
            result, leaving = task.result()
            self.end(leaving, result)

    def end(self, error: BaseException | None, result: Any = None) -> None:
        """Let the thread go on for the last time."""
        if self.running is not None:
            self.running.jobs.discard(self)
        self._given.put((result, error, self._changes))


class Pump(Job):
    """The one task of an asynchronous iterator, which makes the next item when it is asked to.

    It knows nothing of the object through which it is asked, which can go without having closed it.

    :param body: The iterator.
    :param lasting: See :meth:`Running.settle`.
    """

    def __init__(self, body: AsyncIterator[Any], lasting: bool) -> None:
        import asyncio

        super().__init__(body, (), {}, lasting)
        # What is wished for: True for another item, and the caller's variables that have changed.
        self._wishes: Queue[tuple[bool, Changes]] = asyncio.Queue()
        self._wishes.put_nowait((True, []))
        self._early: list[Any] = []  # an item that nobody has wished for yet

    # --- in the thread that waits

    def ask(self, more: bool) -> None:
        """Wish for the next item or for the end, of a task that has begun."""
        running = self.running
        assert running is not None
        running.refuse_to_wait_for_itself(self.function)
        if running.thread.is_alive():
            self.wish(more, _changes(self.variables))
        elif self._given.empty():  # in a forked process
            self._given.put((None, CoroutineCancelled(self.function), []))

    def wish(self, more: bool, changes: Changes) -> None:
        """Hand a wish over, without waiting for what comes of it."""
        if self.running is not None:
            self.running.call(self._wishes.put_nowait, (more, changes))

    def take(self) -> Any:
        item = super().take()
        self.variables = copy_context()
        return item

    # --- on the loop

    async def _call(self) -> Any:
        body = self.function
        try:
            while await self._is_wanted():
                item = self._early.pop() if self._early else await body.__anext__()
                self._given.put((item, None, _changes(self._known)))
        except StopAsyncIteration:
            pass
        finally:
            if hasattr(body, "aclose"):
                await body.aclose()
        return END

    async def _is_wanted(self) -> bool:
        """Wait for a wish, and return whether it is one for another item."""
        from asyncio import CancelledError

        while True:
            try:
                more, changes = await self._wishes.get()
                break
            except CancelledError as cancelled:
                # As if the body waited at its `yield`: what cancels it may be its own timeout or
                # task group, which makes an error of its own of it. It may make an item too.
                if not hasattr(self.function, "athrow"):
                    raise
                self._early = [await self.function.athrow(cancelled)]
        for variable, value in changes:
            variable.set(value)
        self._known = copy_context()
        return more


def _changes(before: Context) -> Changes:
    """Return the variables that have other values than before, with the values."""
    return [
        (variable, value)
        for variable, value in copy_context().items()
        if before.get(variable, END) is not value
    ]


class Running:
    """An asyncio loop that runs in a thread, and what is under way on it.

    :param report: Called with a message and an exception or None, for what no caller gets to see.
    :param lock: Held by who hands something over.

    :ivar ending: Nothing may be handed over any more.
    """

    def __init__(self, report: Report, lock: Any) -> None:
        import asyncio

        self._report = report
        self._lock = lock
        self.jobs: set[Job] = set()
        self.ending = False
        self._told_to_end = False
        # In an empty context: the loop would keep that of the first request.
        self.loop: AbstractEventLoop = Context().run(asyncio.new_event_loop)
        self.loop.set_exception_handler(partial(_unseen, report))
        self.thread = Thread(target=self._serve, name="microweb-loop", daemon=True)
        try:
            self.thread.start()
        except BaseException:
            self.loop.close()
            raise

    # --- from other threads

    def refuse_to_wait_for_itself(self, function: Any) -> None:
        if self.thread is current_thread():
            raise SetupError(
                f"{describe(function)} is asynchronous and is called by code that runs on the"
                " event loop already, which would wait for itself: await it there instead."
            )

    def begin(self, job: Job) -> None:
        """Hand a job over; the lock is held."""
        job.running = self
        self.jobs.add(job)
        try:
            self.loop.call_soon_threadsafe(job.begin, self, context=job.variables)
        except BaseException:
            self.jobs.discard(job)
            raise

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop, without waiting for it."""
        with suppress(RuntimeError):  # the loop has ended, and whatever it ran
            self.loop.call_soon_threadsafe(function, *args)

    def under_way(self) -> set[Job]:
        """Return the jobs but those that are lasting."""
        # A tuple is made in one step, and the set changes meanwhile.
        return {job for job in tuple(self.jobs) if not job.lasting}

    def stop(self) -> None:
        """Cancel what runs, and wait for the end."""
        with self._lock:
            self.ending = True
        self.call(self._end)
        if self.thread is current_thread():  # the last reference was dropped by a coroutine
            return
        self.thread.join(2 * _LAST_WORDS)
        if self.thread.is_alive():
            self._report(
                "The event loop has not ended: a coroutine does not let itself be cancelled, or a"
                " function handed to asyncio.to_thread still runs.",
                None,
            )

    # --- in its own

    def _end(self) -> None:
        self._told_to_end = True
        self.loop.stop()

    def _serve(self) -> None:
        import asyncio

        asyncio.set_event_loop(self.loop)
        try:
            while not self._told_to_end:
                self._turn()
            finishing = self.loop.create_task(self._finish())
            finishing.add_done_callback(lambda task: self.loop.stop())
            while not finishing.done():
                self._turn()
        finally:  # in whatever way: nobody may hand anything over, or wait for it
            with self._lock:
                self.ending = True
            self._give_up()
            self.loop.close()

    def _turn(self) -> None:
        """Run until something stops the loop; that may be a coroutine, which must not end it."""
        try:
            self.loop.run_forever()
        except (KeyboardInterrupt, SystemExit) as leaving:  # of a task that nobody waits for
            context = {"message": "A task asked to exit", "exception": leaving}
            self.loop.call_exception_handler(context)

    def _give_up(self) -> None:
        for job in tuple(self.jobs):
            job.end(CoroutineCancelled(job.function))

    async def settle(self, seconds: float | None) -> int:
        """Wait for the jobs that are not expected to last as long as the process.

        :param seconds: How long to wait; None waits as long as it takes.
        :returns: How many are still under way then.
        """
        import asyncio

        deadline = None if seconds is None else monotonic() + seconds
        while jobs := self.under_way():
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return len(jobs)
            tasks = {job.task for job in jobs if job.task is not None}
            if tasks:
                await asyncio.wait(tasks, timeout=left)
            await asyncio.sleep(0)  # for what was handed over and has not begun
        return 0

    async def _finish(self) -> None:
        import asyncio

        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=_LAST_WORDS)
            functions = {job.task: describe(job.function) for job in tuple(self.jobs)}
            for task in left:
                name = functions.get(task, repr(task))
                self._report(
                    f"On the event loop: {name} was cancelled, still runs {_LAST_WORDS:g} seconds"
                    " later, and is left behind.",
                    None,
                )
        self._give_up()
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()


def _unseen(report: Report, loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    report(f"On the event loop: {context['message']}", context.get("exception"))
