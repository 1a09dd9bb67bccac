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
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from inspect import isasyncgenfunction, isgeneratorfunction
from logging import Logger
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from .errors import SetupError, describe
from .loop import EventLoop, Items, is_async, leave_alone

if TYPE_CHECKING:
    from .background import Pool

#: How long a thread waits for the start or the end of a worker in another one, in seconds.
_PATIENCE = 60.0


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
        # No lock is held while functions of the application run: they may send requests. The
        # condition guards the state and what `_token` is, and nothing else.
        self._changed = threading.Condition()
        self._state: Literal["new", "starting", "running", "stopping"] = "new"
        self._ending = False
        self._token: object = None
        self._calling: Callable[..., Any] | None = None
        self._pool: Pool | None = None
        self._halves: list[_Halves] = []
        self._watching_exit = False
        self.before: list[Callable[[], Any]] = []
        self.during: list[Callable[[], Any]] = []
        self.after: list[Callable[[], Any]] = []
        # Weakly: threads of the loop and the pool would keep an application alive that nobody ends.
        self._report = partial(_call, weakref.WeakMethod(self._log))
        self.loop = EventLoop(self._report, self._watch_exit)
        _workers.add(self)
        self._watch_fork()

    def _log(self, message: str, error: BaseException | None) -> None:
        self._app.logger.error("%s", message, exc_info=error)

    # --- start and end

    @property
    def starting(self) -> bool:
        """Whether a function of the start or of the end does this, which must not wait for itself.

        What coroutines and tasks of it do counts as well, until the start or end is over. What a
        thread does that it has started does not, as threads begin without the context variables of
        who starts them (unless `sys.flags.thread_inherit_context` is on, from Python 3.14 on).
        """
        return self._token is not None and self._token in _inside.get()

    @property
    def phase(self) -> Literal["new", "starting", "running", "stopping"]:
        """Where the process is; its end begins with the wait for what is under way."""
        return "stopping" if self._ending else self._state

    def start(self) -> bool:
        """Call the functions of the start, once.

        Where one of them fails, what has begun is ended again and the error raised; the next call
        tries anew. Another thread that comes meanwhile waits, as it does for an end.

        :returns: Whether this call has started the worker.
        :raises SetupError: where a start or end in another thread takes too long.
        """
        if self.starting:
            return False
        with self._changed:
            self._wait()
            if self._state == "running":
                return False
            token = self._enter("starting")
        state: Literal["new", "running"] = "new"
        try:
            if self.before or self.during or self.after:
                self._watch_exit()
                with _within(token), self._app.app_context():
                    self._begin()
            state = "running"
        finally:
            self._leave(token, state)
        return True

    def _wait(self) -> None:
        """Wait until no other thread starts or ends the worker."""

        def settled() -> bool:
            return self._state in ("new", "running")

        if self._changed.wait_for(settled, _PATIENCE):
            return
        kind = "startup" if self._state == "starting" else "shutdown"
        which = "" if self._calling is None else f", now with {describe(self._calling)}"
        raise SetupError(
            f"The {kind} functions of {self._app.name!r} have been running for more than"
            f" {_PATIENCE:g} seconds{which}, and this waits for their end. A request that one of"
            " them sends through a thread of its own would wait for itself: send it from the"
            " function, or run the thread in a copy of its context (contextvars.copy_context)."
        )

    def _enter(self, state: Literal["starting", "stopping"]) -> object:
        self._state = state
        self._token = object()
        return self._token

    def _leave(self, token: object, state: Literal["new", "running"]) -> None:
        with self._changed:
            if self._token is token:  # and this is no process that a function has forked
                self._state = state
                self._token = self._calling = None
                self._changed.notify_all()

    def _begin(self) -> None:
        try:
            for function in self.before:
                self._attempt(function, self._app.ensure_sync(function))
            for function in self.during:
                halves = _Halves(function, self.loop)
                self._attempt(function, halves.first)
                self._halves.append(halves)
        except BaseException:
            self._finish_halves(_Steps(self._app.logger))
            raise

    def _attempt(self, function: Callable[..., Any], call: Callable[[], Any]) -> None:
        self._calling = function
        try:
            call()
        except BaseException:
            self._app.logger.error("The startup function %s failed", describe(function))
            raise

    def stop(self) -> None:
        """Let what is under way finish, call the functions of the end, and stop the event loop.

        Asynchronous calls and bodies of requests (but in debug mode and tests) and background tasks
        have `BACKGROUND_TASK_TIMEOUT` seconds together. All of the functions run: the failure of
        one is logged. What asks to exit, `SystemExit` or `KeyboardInterrupt`, is raised at the end.

        :raises SetupError: in a function of the start.
        """
        if self.starting:
            if self._state == "starting":
                raise SetupError("shutdown() is called by a startup function, which runs still.")
            return
        self._ending = True
        try:
            self._stop()
        finally:
            self._ending = False

    def _stop(self) -> None:
        steps = _Steps(self._app.logger)
        began = monotonic()
        # Still as usual: a task may send a request, or ask for another task.
        steps.take("Waiting for asynchronous calls", partial(self._settle, began))
        steps.take("Waiting for background tasks", partial(self._drain, began))
        with self._changed:
            another = self._state == "stopping"
            self._wait()
            if another:
                return
            running = self._state == "running"
            token = self._enter("stopping")
        try:
            self._ended()  # from here on a request waits for the end, and starts the worker anew
            if running:
                steps.take("The end", partial(self._finish, steps, token))
            steps.take("The end of the event loop", self.loop.stop)
        finally:
            self._ended()
            self._leave(token, "new")
        steps.done()

    def _finish(self, steps: _Steps, token: object) -> None:
        if not (self._halves or self.after):
            return
        with _within(token), self._app.app_context():
            self._finish_halves(steps)
            for function in self.after:
                self._calling = function
                steps.take_function(function, self._app.ensure_sync(function))
        self._drain(monotonic())  # what these have added

    def _finish_halves(self, steps: _Steps) -> None:
        while self._halves:
            halves = self._halves.pop()
            self._calling = halves.function
            steps.take_function(halves.function, halves.second)

    def forked(self) -> None:
        """Begin anew in a forked process: threads and what they held stayed with the parent."""
        self._changed = threading.Condition()
        self._token = self._calling = None
        self._ending = False
        self.loop.forget()
        self._pool = None
        if self._halves:
            leave_alone(self._halves)
            self._halves = []
        if self._state != "new":
            self._state = "new"
            self._ended()

    def refuse_late(self, call: str) -> None:
        """Refuse to register a function that this process would not call.

        :param call: How it is registered, for the message.
        :raises SetupError: where the worker has started.
        """
        if self._state != "new":
            raise SetupError(
                f"{call}() comes too late: this process has started. Register the function before,"
                " at import or in the application factory; what a startup function opens is closed"
                " by a function of while_serving."
            )

    # --- background tasks

    def announce(self, task: Callable[[], object]) -> Callable[[], None]:
        """Make room for a background task; see :meth:`Pool.reserve`.

        :param task: A function that does not raise.
        :returns: A function that lets the task begin.
        """
        pool = self._pool
        if pool is None:
            with self._changed:
                pool = self._pool = self._pool or self._make_pool()
        pool.reserve()
        return partial(pool.submit, task)

    def _make_pool(self) -> Pool:
        from .background import Pool

        self._watch_exit()
        config = self._app.config
        threads, length = config["BACKGROUND_TASK_THREADS"], config["BACKGROUND_TASK_QUEUE"]
        return Pool(threads, length, self._report)

    def _settle(self, began: float) -> None:
        if self._app.debug or self._app.testing:
            return  # a page that listens for events must not hold a restart up
        seconds = self._app.config["BACKGROUND_TASK_TIMEOUT"]
        left = self.loop.settle(_remaining(began, seconds))
        if left:
            self._app.logger.error(
                "%d asynchronous calls or bodies were not done %s seconds after the shutdown began"
                " (BACKGROUND_TASK_TIMEOUT), and are cancelled.",
                left,
                seconds,
            )

    def _drain(self, began: float) -> None:
        pool = self._pool
        if pool is None:
            return
        seconds = self._app.config["BACKGROUND_TASK_TIMEOUT"]
        # Still there meanwhile: a task may ask for another one.
        left = pool.drain(_remaining(began, seconds))
        if self._pool is pool:
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
        import concurrent.futures.thread  # noqa: F401 - for what it registers

        with suppress(AttributeError, RuntimeError):  # it is not public; the exit has begun
            threading._register_atexit(_call, stop)  # type: ignore[attr-defined]  # private


class _Steps:
    """The steps of an end, which are all taken whatever fails."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._leaving: BaseException | None = None

    def take(self, what: str, call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:
            self._logger.exception("%s failed", what)
            if self._leaving is None and not isinstance(error, Exception):
                self._leaving = error

    def take_function(self, function: Callable[..., Any], call: Callable[[], object]) -> None:
        self.take(f"The shutdown function {describe(function)}", call)

    def done(self) -> None:
        """Raise the first exception that asked to exit."""
        if self._leaving is not None:
            raise self._leaving


class _Halves:
    """A function that runs up to its `yield` at the start, and from there at the end."""

    def __init__(self, function: Callable[[], Any], loop: EventLoop) -> None:
        self.function = function
        made = function()
        # Of an asynchronous one both halves are one task, as task groups need it.
        self._steps: Generator[Any, None, None] | Items = (
            made if isinstance(made, Generator) else loop.iterate(made, lasting=True)
        )

    def first(self) -> None:
        """Run to the `yield`.

        :raises SetupError: where the function has none.
        """
        if next(self._steps, _END) is _END:
            raise SetupError(
                f"{describe(self.function)} ended without a yield: a function of while_serving"
                " prepares something, yields once, and cleans up behind the yield."
            )

    def second(self) -> None:
        """Run from the `yield` to the end.

        :raises SetupError: where there is another one.
        """
        if next(self._steps, _END) is not _END:
            self._steps.close()
            raise SetupError(
                f"{describe(self.function)} yielded twice: what stands behind its second yield"
                " never runs."
            )


_END = object()


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
        inner = getattr(function, "__wrapped__", None)
        if isgeneratorfunction(inner) or isasyncgenfunction(inner):
            kind = "one that a decorator has changed: leave out @contextmanager"
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


def _remaining(began: float, seconds: float | None) -> float | None:
    return None if seconds is None else max(0.0, began + seconds - monotonic())


# The tokens of the starts and ends, of any applications, whose function does what is done. What it
# begins keeps them; a token that is no worker's any more stands for nothing.
_inside: ContextVar[tuple[object, ...]] = ContextVar("microweb.inside", default=())


@contextmanager
def _within(token: object) -> Iterator[None]:
    before = _inside.set((*_inside.get(), token))
    try:
        yield
    finally:
        _inside.reset(before)


_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


def _forked() -> None:
    for worker in list(_workers):
        worker.forked()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forked)
