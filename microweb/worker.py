"""What an application has once in each worker process: startup, shutdown, an event loop, a pool.

A worker starts after the fork (with uWSGI's hook for that, else with the first request), and ends
with the process.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from inspect import isasyncgenfunction, isgeneratorfunction
from typing import Any

from .background import Pool
from .errors import SetupError, describe
from .loop import EventLoop, is_async


class Worker:
    """One process's share of an application.

    :param app: The application: its functions to call, its configuration and its log.
    :param ended: Called when the worker has ended and the next request has to start it anew: after
        a shutdown, and in a forked process.

    :ivar before: Functions to call at the start.
    :ivar during: Generator functions: the part before `yield` runs at the start, that behind it at
        the end.
    :ivar after: Functions to call at the end.
    """

    def __init__(self, app: Any, ended: Callable[[], None]) -> None:
        self._app = app
        self._ended = ended
        self._lock = threading.RLock()
        self._started = False
        self._pool: Pool | None = None
        self._halves: list[_Halves] = []
        self._watching_exit = False
        self.before: list[Callable[[], Any]] = []
        self.during: list[Callable[[], Any]] = []
        self.after: list[Callable[[], Any]] = []
        # Weakly: the loop's thread would keep an application alive that nobody ends.
        self.loop = EventLoop(partial(_call, weakref.WeakMethod(self._report)), self._watch_exit)
        _workers.add(self)
        self._watch_fork()

    def _report(self, message: str, error: BaseException | None) -> None:
        self._app.logger.error("%s", message, exc_info=error)

    # --- start and end

    @property
    def starting(self) -> bool:
        """Whether this is the work of a function of the start, in whatever thread it does it."""
        return _starting.get() is self

    def start(self) -> bool:
        """Call the functions of the start, once.

        Where one of them fails, what has begun is ended again and the error raised; the next call
        tries anew.

        :returns: Whether this call has started the worker.
        """
        if self.starting:
            return False
        with self._lock:
            if self._started:
                return False
            if self.before or self.during or self.after:
                self._watch_exit()
                token = _starting.set(self)
                try:
                    with self._app.app_context():
                        self._begin()
                finally:
                    _starting.reset(token)
            self._started = True
            return True

    def _begin(self) -> None:
        try:
            for function in self.before:
                self._attempt(function, self._app.ensure_sync(function))
            for function in self.during:
                halves = _Halves(function, self.loop)
                self._attempt(function, halves.first)
                self._halves.append(halves)
        except BaseException:
            self._finish_halves()
            raise

    def _attempt(self, function: Callable[..., Any], call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException:
            self._app.logger.error("The startup function %s failed", describe(function))
            raise

    def stop(self) -> None:
        """Finish the background tasks, call the functions of the end, and stop the event loop.

        All of the functions run: the failure of one is logged.
        """
        with self._lock:
            self._drain()
            if self._started and (self._halves or self.after):
                with self._app.app_context():
                    self._finish_halves()
                    for function in self.after:
                        self._try(function, self._app.ensure_sync(function))
            self._started = False
            self.loop.stop()
            self._ended()

    def _finish_halves(self) -> None:
        while self._halves:
            halves = self._halves.pop()
            self._try(halves.function, halves.second)

    def _try(self, function: Callable[..., Any], call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception:
            self._app.logger.exception("The shutdown function %s failed", describe(function))

    def forked(self) -> None:
        """Begin anew in a forked process: threads and what they held stayed with the parent."""
        self._lock = threading.RLock()
        self.loop.forget()
        self._pool = None
        if self._started:
            self._started = False
            self._halves = []
            self._ended()

    # --- background tasks

    def announce(self, task: Callable[[], object]) -> Callable[[], None]:
        """Make room for a background task; see :meth:`Pool.reserve`.

        :param task: A function that does not raise.
        :returns: A function that lets the task begin.
        """
        pool = self._pool
        if pool is None:
            with self._lock:
                pool = self._pool = self._pool or self._make_pool()
        pool.reserve()
        return partial(pool.submit, task)

    def _make_pool(self) -> Pool:
        self._watch_exit()
        config = self._app.config
        return Pool(config["BACKGROUND_TASK_THREADS"], config["BACKGROUND_TASK_QUEUE"])

    def _drain(self) -> None:
        pool = self._pool
        if pool is None:
            return
        seconds = self._app.config["BACKGROUND_TASK_TIMEOUT"]
        # Still there meanwhile: a task may ask for another one.
        left = pool.drain(seconds)
        self._pool = None
        if left:
            self._app.logger.error(
                "%d background tasks were not done %s seconds after the shutdown began"
                " (BACKGROUND_TASK_TIMEOUT), and are lost.",
                left,
                seconds,
            )

    # --- the process

    def _watch_fork(self) -> None:
        """Start right after uWSGI's fork, where this is its master process."""
        uwsgi: Any = sys.modules.get("uwsgi")
        if uwsgi is not None and not uwsgi.worker_id():
            _chain(uwsgi, "post_fork_hook", weakref.WeakMethod(self._start_forked))

    def _start_forked(self) -> None:
        uwsgi: Any = sys.modules["uwsgi"]
        if uwsgi.worker_id():  # and not a spooler or mule
            self.start()

    def _watch_exit(self) -> None:
        if self._watching_exit:
            return
        self._watching_exit = True
        stop = weakref.WeakMethod(self.stop)
        uwsgi: Any = sys.modules.get("uwsgi")
        if uwsgi is not None:
            _chain(uwsgi, "atexit", stop)
        atexit.register(_call, stop)
        # That is behind the end of all executors, without which asyncio can neither resolve a name
        # nor call `to_thread`. This is before it, once the module has registered its own end.
        import concurrent.futures.thread  # noqa: F401

        with suppress(AttributeError, RuntimeError):  # it is not public; the exit has begun
            threading._register_atexit(_call, stop)  # type: ignore[attr-defined]


class _Halves:
    """A function that runs up to its `yield` at the start, and from there at the end."""

    def __init__(self, function: Callable[[], Any], loop: EventLoop) -> None:
        self.function = function
        self._loop = loop
        self._generator: Generator[Any, None, None] | AsyncGenerator[Any, None] = function()

    def first(self) -> None:
        """Run to the `yield`.

        :raises SetupError: where the function has none.
        """
        if self._ends():
            raise SetupError(
                f"{describe(self.function)} ended without a yield: a function of while_serving"
                " prepares something, yields once, and cleans up behind the yield."
            )

    def second(self) -> None:
        """Run from the `yield` to the end.

        :raises SetupError: where there is another one.
        """
        if not self._ends():
            raise SetupError(
                f"{describe(self.function)} yielded twice: what stands behind its second yield"
                " never runs."
            )

    def _ends(self) -> bool:
        try:
            if isinstance(self._generator, Generator):
                next(self._generator)
            else:
                self._loop.run(self._generator.__anext__)
        except (StopIteration, StopAsyncIteration):
            return True
        return False


def refuse_generator(decorator: str, function: Callable[..., Any]) -> None:
    """Refuse a function whose call would run nothing of it."""
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        raise SetupError(
            f"{decorator} calls {describe(function)}, which has a yield and would not run: a"
            " function that prepares something, yields, and cleans up is for while_serving."
        )


def check_generator(function: Callable[[], Any]) -> None:
    """Refuse a function that :attr:`Worker.during` cannot run."""
    if not (isgeneratorfunction(function) or isasyncgenfunction(function)):
        kind = "a coroutine function" if is_async(function) else "a plain function"
        raise SetupError(
            f"while_serving needs a function with one yield, between what it prepares and what it"
            f" cleans up; {describe(function)} is {kind}."
        )


def _chain(module: Any, name: str, method: weakref.WeakMethod[Any]) -> None:
    """Make a server's hook call a method too, after what it calls already."""
    before = getattr(module, name, None)

    def hook() -> None:
        if before is not None:
            before()
        _call(method)

    setattr(module, name, hook)


def _call(method: weakref.WeakMethod[Any], *args: Any) -> None:
    function = method()
    if function is not None:
        function(*args)


# What runs inside of a function of the start must not wait for its end; threads and coroutines
# that it starts have its variables.
_starting: ContextVar[Worker | None] = ContextVar("microweb.starting", default=None)

_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


def _forked() -> None:
    for worker in list(_workers):
        worker.forked()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forked)
