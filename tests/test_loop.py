"""The event loop of a process: one for all requests and threads, and what becomes of failures."""

from __future__ import annotations

import asyncio
import gc
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import pytest

import microweb.jobs
from microweb.errors import CoroutineCancelled, SetupError, describe
from microweb.loop import EventLoop

Reports = list[tuple[str, str]]
new: Any = asyncio  # for what Python 3.10 does not have
color: ContextVar[str] = ContextVar("color", default="none")


@pytest.fixture
def reports() -> Reports:
    return []


@pytest.fixture
def loop(reports: Reports) -> Iterator[EventLoop]:
    loop = EventLoop(lambda message, error: reports.append((message, repr(error))))
    yield loop
    loop.stop()
    assert loop_threads() == []


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "microweb-loop"]


def eventually(true: Callable[[], bool]) -> None:
    """Wait a moment for what another thread does, and fail where it does not."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


async def which() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


# --- results and errors


def test_a_coroutine_gets_its_arguments_and_its_result_comes_back(loop: EventLoop) -> None:
    async def add(a: int, *, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    assert loop.run(add, 2, b=3) == 5


def test_an_awaitable_of_any_kind_can_be_run(loop: EventLoop) -> None:
    class Later:
        def __await__(self) -> Generator[Any, None, str]:
            yield from asyncio.sleep(0).__await__()
            return "later"

    def function() -> Awaitable[str]:
        return Later()

    assert loop.run(function) == "later"


def test_an_error_reaches_the_caller_as_it_is_with_its_traceback(loop: EventLoop) -> None:
    error = LookupError("none")

    async def fail() -> NoReturn:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(LookupError) as raised:
        loop.run(fail)
    assert raised.value is error
    assert [entry.name for entry in raised.traceback][-1] == "fail"


def test_asyncio_is_not_imported_before_there_is_a_coroutine() -> None:
    program = (
        "import sys; from microweb import App; app = App('a', static_folder=None);"
        "app.get('/')(lambda: ''); app.wsgi_app({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/'},"
        " lambda *args: None); assert 'asyncio' not in sys.modules; app.shutdown();"
        "assert 'asyncio' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


# --- one loop


def test_it_starts_when_it_is_needed_and_says_so_once() -> None:
    started: list[str] = []
    loop = EventLoop(print, lambda: started.append("started"))
    assert (started, loop_threads()) == ([], [])
    loops = {loop.run(which) for _ in range(3)}
    assert (len(loops), started, len(loop_threads())) == (1, ["started"], 1)
    loop.stop()


def test_all_threads_share_it_also_when_they_come_at_once(loop: EventLoop) -> None:
    barrier = threading.Barrier(20)

    def call(_: int) -> asyncio.AbstractEventLoop:
        barrier.wait()
        running: asyncio.AbstractEventLoop = loop.run(which)
        return running

    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(call, range(20)))) == 1
    assert [thread.daemon for thread in loop_threads()] == [True]


def test_what_belongs_to_a_loop_is_used_by_later_coroutines(loop: EventLoop) -> None:
    async def open_them() -> tuple[asyncio.Queue[str], asyncio.Lock, asyncio.Event]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        lock, event = asyncio.Lock(), asyncio.Event()
        await lock.acquire()
        asyncio.get_running_loop().call_later(0.02, event.set)
        return queue, lock, event

    queue, lock, event = loop.run(open_them)

    async def wait_for_all() -> str:
        async with lock:
            await event.wait()
            given: str = await queue.get()
            return given

    async def give() -> None:
        lock.release()
        await queue.put("given")

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.run, wait_for_all)
        loop.run(give)
        assert waiting.result(5) == "given"


def test_a_connection_lasts_from_one_coroutine_to_the_next(loop: EventLoop) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(line.upper())
        writer.close()

    async def connect() -> Any:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        return server, *await asyncio.open_connection(*server.sockets[0].getsockname())

    server, reader, writer = loop.run(connect)

    async def ask(line: bytes) -> bytes:
        writer.write(line)
        answer: bytes = await reader.readline()
        return answer

    assert [loop.run(ask, b"one\n"), loop.run(ask, b"two\n")] == [b"ONE\n", b"TWO\n"]

    async def close() -> None:
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    loop.run(close)


def test_coroutines_of_several_threads_run_side_by_side(loop: EventLoop) -> None:
    together: list[int] = []

    async def wait_for_the_others(number: int) -> int:
        together.append(number)
        while len(together) < 20:
            await asyncio.sleep(0.001)
        return number

    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(partial(loop.run, wait_for_the_others), range(20)))
    assert results == list(range(20))


# --- context variables


def test_a_coroutine_sees_the_callers_variables_and_the_caller_its(loop: EventLoop) -> None:
    async def paint() -> str:
        before = color.get()
        color.set("blue")
        return before

    color.set("red")
    assert (loop.run(paint), color.get()) == ("red", "blue")


def test_variables_come_back_from_a_failing_coroutine_too(loop: EventLoop) -> None:
    async def paint() -> None:
        color.set("green")
        raise LookupError("paint")

    with pytest.raises(LookupError, match="paint"):
        loop.run(paint)
    assert color.get() == "green"


def test_each_thread_has_its_own_variables(loop: EventLoop) -> None:
    async def paint(value: str) -> str:
        before = color.get()
        color.set(value)
        await asyncio.sleep(0.002)
        return f"{before} {color.get()}"

    def call(number: int) -> tuple[str, str]:
        color.set(f"{number}")
        return loop.run(paint, f"{number}!"), color.get()

    with ThreadPoolExecutor(10) as threads:
        seen = list(threads.map(call, range(30)))
    assert seen == [(f"{number} {number}!", f"{number}!") for number in range(30)]


def test_the_loop_keeps_nothing_of_its_first_caller() -> None:
    class Value:
        pass

    variable: ContextVar[Value | None] = ContextVar("variable", default=None)
    loop = EventLoop(print)
    variable.set(Value())
    loop.run(which)
    variable.set(None)
    gc.collect()
    assert [thing for thing in gc.get_objects() if type(thing) is Value] == []
    loop.stop()


# --- cancelling and leaving


async def cancel_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1)


async def await_a_cancelled_task() -> None:
    task = asyncio.create_task(asyncio.sleep(1))
    task.cancel()
    await task


@pytest.mark.parametrize("function", [cancel_itself, await_a_cancelled_task])
def test_a_cancelled_coroutine_says_what_to_catch(
    loop: EventLoop, function: Callable[[], Any]
) -> None:
    with pytest.raises(CoroutineCancelled) as raised:
        loop.run(function)
    assert str(raised.value) == (
        f"The coroutine of {describe(function)} was cancelled before it had a result. Catch"
        " asyncio.CancelledError in it where a cancelled task is expected, such as behind a"
        " timeout."
    )
    assert raised.value.function is function


def test_a_timeout_is_a_timeout(loop: EventLoop) -> None:
    async def slow() -> None:
        await asyncio.wait_for(asyncio.sleep(5), 0.001)

    with pytest.raises(asyncio.TimeoutError):
        loop.run(slow)


@pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt()])
def test_an_exit_reaches_the_caller_and_the_loop_goes_on(
    loop: EventLoop, leaving: BaseException, reports: Reports
) -> None:
    async def leave() -> NoReturn:
        await asyncio.sleep(0)
        raise leaving

    first = loop.run(which)
    with pytest.raises(type(leaving)) as raised:
        loop.run(leave)
    assert raised.value is leaving
    assert (loop.run(which), reports) == (first, [])


def test_an_exit_of_a_task_that_nobody_waits_for_is_reported_and_the_loop_goes_on(
    loop: EventLoop, reports: Reports
) -> None:
    async def leave() -> NoReturn:
        raise SystemExit(3)

    async def begin() -> None:
        task = asyncio.create_task(leave())
        task.add_done_callback(lambda task: task.exception())

    first = loop.run(which)
    loop.run(begin)
    assert loop.run(which) is first
    assert reports == [("On the event loop: A task asked to exit", "SystemExit(3)")]


def test_the_failure_of_a_task_that_nobody_waits_for_is_reported(
    loop: EventLoop, reports: Reports
) -> None:
    async def fail() -> NoReturn:
        raise LookupError("unseen")

    async def begin() -> None:
        asyncio.create_task(fail())  # noqa: RUF006 - that is the point
        await asyncio.sleep(0.001)

    loop.run(begin)
    gc.collect()
    assert reports == [
        ("On the event loop: Task exception was never retrieved", "LookupError('unseen')")
    ]


def test_a_failing_callback_is_reported(loop: EventLoop, reports: Reports) -> None:
    def fail() -> NoReturn:
        raise LookupError("unseen")

    async def begin() -> None:
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)

    loop.run(begin)
    ((message, error),) = reports
    assert re.match(r"On the event loop: Exception in callback .*fail\(\)", message)
    assert error == "LookupError('unseen')"


class Interruption(Exception):
    pass


def test_the_coroutine_of_an_interrupted_caller_is_cancelled(loop: EventLoop) -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append("cancelled")

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise Interruption

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(Interruption):
            loop.run(wait)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    eventually(lambda: ended == ["cancelled"])


def test_on_the_loop_itself_one_has_to_await(loop: EventLoop) -> None:
    async def outer() -> None:
        loop.run(which)

    with pytest.raises(SetupError) as raised:
        loop.run(outer)
    assert str(raised.value) == (
        f"{describe(which)} is asynchronous and is called by code that runs on the event loop"
        " already, which would wait for itself: await it there instead."
    )


def test_a_thread_of_a_coroutine_may_call_another_one(loop: EventLoop) -> None:
    async def outer() -> bool:
        inner = await asyncio.to_thread(loop.run, which)
        return inner is asyncio.get_running_loop()

    assert loop.run(outer) is True


# --- asynchronous iterators


def counting(log: list[str], failing: bool = False) -> AsyncIterator[int]:
    async def count() -> AsyncIterator[int]:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                yield number
                if failing:
                    raise LookupError("midway")
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    return count()


def test_an_iterator_is_read_to_its_end(loop: EventLoop) -> None:
    log: list[str] = []
    assert list(loop.iterate(counting(log))) == [0, 1, 2]
    assert log == ["closed"]


def test_an_iterator_is_closed_early(loop: EventLoop) -> None:
    log: list[str] = []
    items: Any = loop.iterate(counting(log))
    assert (next(items), log) == (0, [])
    items.close()
    assert log == ["closed"]
    assert list(items) == []


def test_an_iterator_fails_midway(loop: EventLoop) -> None:
    log: list[str] = []
    items: Any = loop.iterate(counting(log, failing=True))
    assert next(items) == 0
    with pytest.raises(LookupError, match="^'?midway'?$"):
        next(items)
    assert log == ["closed"]
    items.close()


class Letters:
    """An iterator that is no generator, as those of database drivers."""

    def __init__(self) -> None:
        self.letters = ["a", "b"]

    def __aiter__(self) -> Letters:
        return self

    async def __anext__(self) -> str:
        if not self.letters:
            raise StopAsyncIteration
        return self.letters.pop(0)


class ClosableLetters(Letters):
    async def aclose(self) -> None:
        self.letters = ["closed"]


def test_an_iterator_that_has_nothing_to_close_is_read(loop: EventLoop) -> None:
    items: Any = loop.iterate(Letters())
    assert list(items) == ["a", "b"]
    items.close()


def test_an_iterator_that_was_not_begun_is_closed_too(loop: EventLoop) -> None:
    letters = ClosableLetters()
    items: Any = loop.iterate(letters)
    items.close()
    assert letters.letters == ["closed"]


def test_one_task_runs_an_iterator(loop: EventLoop) -> None:
    async def count() -> AsyncIterator[tuple[Any, str]]:
        token = color.set("blue")
        for _ in range(3):
            yield asyncio.current_task(), color.get()
        color.reset(token)
        yield asyncio.current_task(), color.get()

    color.set("red")
    items = list(loop.iterate(count()))
    assert len({task for task, _ in items}) == 1
    assert [seen for _, seen in items] == ["blue", "blue", "blue", "red"]


def test_an_iterator_and_its_reader_see_what_the_other_sets(loop: EventLoop) -> None:
    other: ContextVar[str] = ContextVar("other", default="none")

    async def paint() -> AsyncIterator[str]:
        color.set("blue")
        yield other.get()
        yield other.get()
        color.set("green")
        yield other.get()

    items = loop.iterate(paint())
    seen = []
    for number, item in enumerate(items):
        seen.append((item, color.get()))
        other.set(f"{number}")
        if number == 0:
            color.set("the reader's")
    assert seen == [("none", "blue"), ("0", "the reader's"), ("1", "green")]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python has no asyncio.timeout")
def test_a_timeout_and_a_task_group_reach_across_a_yield(loop: EventLoop) -> None:
    async def slow() -> AsyncIterator[str]:
        try:
            async with new.timeout(0.02):
                yield "in time"
                await asyncio.sleep(5)
        except TimeoutError:
            yield "too late"
        async with new.TaskGroup() as group:
            child = group.create_task(asyncio.sleep(0, "child"))
            yield "group"
        yield child.result()

    assert list(loop.iterate(slow())) == ["in time", "too late", "group", "child"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python has no asyncio.timeout")
def test_a_timeout_is_noticed_while_nobody_asks(loop: EventLoop) -> None:
    log: list[str] = []

    async def slow() -> AsyncIterator[str]:
        try:
            async with new.timeout(0.01):
                yield "in time"
        except TimeoutError:
            log.append("too late")
            yield "an early item"
        yield "last"

    async def fail() -> AsyncIterator[str]:
        async with new.timeout(0.01):
            yield "in time"

    items = loop.iterate(slow())
    assert next(items) == "in time"
    eventually(lambda: log == ["too late"])
    assert list(items) == ["an early item", "last"]
    items = loop.iterate(fail())
    assert next(items) == "in time"
    time.sleep(0.03)
    with pytest.raises(TimeoutError):
        next(items)
    assert list(items) == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python has no asyncio.TaskGroup")
def test_the_failure_of_a_child_ends_an_iterator_that_nobody_reads(loop: EventLoop) -> None:
    async def fail() -> NoReturn:
        raise LookupError("child")

    async def wait() -> AsyncIterator[str]:
        async with new.TaskGroup() as group:
            group.create_task(fail())
            yield "group"

    items = loop.iterate(wait())
    assert next(items) == "group"
    time.sleep(0.01)
    with pytest.raises(Exception, match="unhandled errors in a TaskGroup") as raised:
        next(items)
    assert repr(raised.value.exceptions) == "(LookupError('child'),)"  # type: ignore[attr-defined]


def test_no_item_is_made_before_it_is_asked_for(loop: EventLoop) -> None:
    made: list[int] = []

    async def count() -> AsyncIterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    items = loop.iterate(count())
    for number in range(3):
        assert made == [*range(number)]
        assert next(items) == number
        loop.run(asyncio.sleep, 0.002)
    items.close()


def test_an_iterator_that_is_dropped_is_closed_and_nobody_waits(loop: EventLoop) -> None:
    log: list[str] = []
    items = loop.iterate(counting(log))
    assert next(items) == 0
    del items
    eventually(lambda: log == ["closed"])
    eventually(lambda: len(loop.run(tasks)) == 1)


def test_an_iterator_that_is_dropped_behind_the_loop_makes_no_noise(loop: EventLoop) -> None:
    log: list[str] = []
    items = loop.iterate(counting(log))
    assert next(items) == 0
    loop.stop()
    assert log == ["closed"]
    del items


def test_who_reads_an_iterator_while_the_loop_stops_is_told(loop: EventLoop) -> None:
    async def wait() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(10)

    waiting = loop.iterate(wait())
    idle, closed = loop.iterate(wait()), loop.iterate(wait())
    assert [next(items) for items in (waiting, idle, closed)] == [1, 1, 1]
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(next, waiting)
        time.sleep(0.01)
        loop.stop()
        assert isinstance(future.exception(5), CoroutineCancelled)
    with pytest.raises(CoroutineCancelled):
        next(idle)
    assert list(idle) == []
    closed.close()


def test_an_exit_of_an_iterator_reaches_the_reader(loop: EventLoop) -> None:
    async def leave() -> AsyncIterator[int]:
        yield 1
        raise SystemExit(3)

    items = loop.iterate(leave())
    assert next(items) == 1
    with pytest.raises(SystemExit):
        next(items)
    assert list(items) == []


def test_a_reader_on_the_loop_itself_is_refused_and_the_iterator_is_closed(
    loop: EventLoop,
) -> None:
    log: list[str] = []

    async def read() -> None:
        next(items)

    items = loop.iterate(counting(log))
    for _ in range(2):
        with pytest.raises(SetupError, match="which would wait for itself"):
            loop.run(read)
        assert next(items) in {0, 1}
    items.close()
    assert log == ["closed"]


def test_the_iterator_of_an_interrupted_reader_is_cancelled(loop: EventLoop) -> None:
    log: list[str] = []

    async def wait() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(10)
        finally:
            log.append("closed")

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise Interruption

    items = loop.iterate(wait())
    assert next(items) == 1
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(Interruption):
            next(items)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    eventually(lambda: log == ["closed"])
    items.close()


# --- waiting for what is under way


def test_settling_waits_for_calls_and_iterators_but_for_lasting_ones(loop: EventLoop) -> None:
    lasting = loop.iterate(counting([]), lasting=True)
    next(lasting)
    assert loop.settle(5) == 0
    items = loop.iterate(counting([]))
    next(items)
    with ThreadPoolExecutor(2) as threads:
        call = threads.submit(loop.run, asyncio.sleep, 0.03, "called")
        settling = threads.submit(loop.settle, 5)
        assert call.result(5) == "called"
        assert not settling.done()
        items.close()
        assert settling.result(5) == 0
    lasting.close()


def test_settling_takes_no_longer_than_it_may(loop: EventLoop) -> None:
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(loop.run, asyncio.sleep, 10) for _ in range(2)]
        eventually(lambda: len(loop.run(tasks)) == 3)
        began = time.monotonic()
        assert loop.settle(0.03) == 2
        assert 0.03 <= time.monotonic() - began < 1
        settling = threads.submit(loop.settle, None)
        time.sleep(0.01)
        loop.stop()  # what somebody else does
        assert settling.result(5) == 0
        assert {type(future.exception(5)) for future in waiting} == {CoroutineCancelled}


def test_there_is_nothing_to_settle_without_a_loop_or_on_it(loop: EventLoop) -> None:
    assert loop.settle(None) == 0

    async def settle() -> int:
        return loop.settle(None)

    assert loop.run(settle) == 0


# --- the end


def test_a_coroutine_that_stops_the_loop_does_not_end_it(loop: EventLoop, reports: Reports) -> None:
    async def stop() -> str:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        return "went on"

    first = loop.run(which)
    assert [loop.run(stop), loop.run(stop)] == ["went on"] * 2
    assert (loop.run(which), reports) == (first, [])

    async def stop_at_the_end() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0.001)
            reports.append(("last", "words"))

    async def begin() -> None:
        running.append(asyncio.create_task(stop_at_the_end()))

    running: list[Any] = []
    loop.run(begin)
    loop.stop()
    assert (first.is_closed(), reports) == (True, [("last", "words")])


def test_a_loop_that_breaks_is_replaced(loop: EventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    first = loop.run(which)

    def crash() -> NoReturn:
        raise GeneratorExit  # as nothing does that asyncio expects

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.run, asyncio.sleep, 10)
        eventually(lambda: len(loop.run(tasks)) == 2)
        monkeypatch.setattr(first, "_run_once", crash)
        first.call_soon_threadsafe(lambda: None)
        assert isinstance(waiting.exception(5), CoroutineCancelled)
    eventually(first.is_closed)
    second = loop.run(which)
    assert second is not first
    loop.stop()


def test_who_calls_between_the_steps_of_stopping_starts_another_loop(loop: EventLoop) -> None:
    class Meddling:
        """A lock of the loop, behind whose first release another thread comes at once."""

        meddled = False

        def __enter__(self) -> None:
            real.acquire()

        def __exit__(self, *args: object) -> None:
            real.release()
            if not self.meddled:
                self.meddled = True
                thread = threading.Thread(target=loop.run, args=(which,))
                thread.start()
                thread.join()

    first = loop.run(which)
    real = loop._lock
    loop._lock = Meddling()  # type: ignore[assignment]
    loop.stop()
    assert first.is_closed()
    assert len(loop_threads()) == 1
    assert loop.run(which) is not first


def test_who_waits_for_a_coroutine_that_cannot_be_cancelled_is_let_go(
    loop: EventLoop, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microweb.jobs, "_LAST_WORDS", 0.05)

    async def stay() -> None:
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                reports.append(("stays", ""))

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.run, stay)
        eventually(lambda: len(loop.run(tasks)) == 2)
        loop.stop()
        error = waiting.exception(5)
        assert isinstance(error, CoroutineCancelled)
        assert error.function is stay
    assert reports[:2] == [
        ("stays", ""),
        (
            f"On the event loop: {describe(stay)} was cancelled, still runs 0.05 seconds later, and"
            " is left behind.",
            "None",
        ),
    ]
    gc.collect()  # of the task that is left


def test_a_task_factory_that_fails_is_the_callers_error(loop: EventLoop) -> None:
    def fail(*args: Any, **kwargs: Any) -> NoReturn:
        raise LookupError("factory")

    running = loop.run(which)
    running.set_task_factory(fail)
    with pytest.raises(LookupError, match="factory"):
        loop.run(which)
    running.set_task_factory(None)
    assert loop.run(which) is running


def test_a_call_leaves_nothing_behind(loop: EventLoop) -> None:
    loop.run(which)
    list(loop.iterate(counting([])))
    running = loop._running
    assert running is not None
    eventually(lambda: not running.jobs)


def test_stop_cancels_what_still_runs_and_the_next_coroutine_starts_anew(loop: EventLoop) -> None:
    log: list[str] = []
    running: list[Any] = []

    async def last_words() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)
            log.append("cancelled")

    async def begin() -> asyncio.AbstractEventLoop:
        running.append(asyncio.create_task(last_words()))
        generator = counting(log)
        running.append((generator, await generator.__anext__()))
        await asyncio.to_thread(log.append, "executor")
        return asyncio.get_running_loop()

    first = loop.run(begin)
    loop.stop()
    assert log == ["executor", "cancelled", "closed"]
    assert (first.is_closed(), loop_threads()) == (True, [])
    loop.stop()
    second = loop.run(which)
    assert second is not first
    assert not second.is_closed()


def test_stop_waits_for_no_coroutine_for_ever(
    loop: EventLoop, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microweb.jobs, "_LAST_WORDS", 0.05)
    going_on = threading.Event()

    async def begin() -> None:
        task = asyncio.create_task(asyncio.to_thread(going_on.wait, 10))
        task.add_done_callback(lambda task: task.cancelled())
        await asyncio.sleep(0.01)

    loop.run(begin)
    loop.stop()
    assert reports == [
        (
            "The event loop has not ended: a coroutine does not let itself be cancelled, or a"
            " function handed to asyncio.to_thread still runs.",
            "None",
        )
    ]
    going_on.set()
    eventually(lambda: not loop_threads())


def test_who_waits_while_the_loop_stops_is_told(loop: EventLoop) -> None:
    with ThreadPoolExecutor(5) as threads:
        waiting = [threads.submit(loop.run, asyncio.sleep, 10) for _ in range(5)]
        eventually(lambda: len(loop.run(tasks)) == 6)
        loop.stop()
        assert {type(future.exception(5)) for future in waiting} == {CoroutineCancelled}


async def tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks()


def test_nobody_waits_for_ever_who_calls_while_the_loop_stops(loop: EventLoop) -> None:
    ending = threading.Event()
    cancelled: list[CoroutineCancelled] = []

    def call() -> int:
        count = 0
        while not ending.is_set():
            try:
                loop.run(which)
                count += 1
            except CoroutineCancelled as error:
                cancelled.append(error)
        return count

    with ThreadPoolExecutor(4) as threads:
        calling = [threads.submit(call) for _ in range(4)]
        for _ in range(30):
            time.sleep(0.002)
            loop.stop()
        ending.set()
        assert all(future.result(5) for future in calling)


def test_a_loop_that_is_forgotten_is_left_alone(loop: EventLoop) -> None:
    """As in a forked process, where its thread is not."""
    first = loop.run(which)
    running = loop._running
    assert running is not None
    loop.forget()
    loop.forget()
    assert loop.run(which) is not first
    loop.stop()
    assert first.is_running()
    running.stop()
    eventually(lambda: not loop_threads())


def test_an_iterator_of_a_loop_that_is_forgotten_waits_for_nothing(
    loop: EventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a forked process that closes the answer which its parent sends."""
    log: list[str] = []
    items, others = loop.iterate(counting(log)), loop.iterate(counting(log))
    assert [next(items), next(others)] == [0, 0]
    running = loop._running
    assert running is not None
    loop.forget()
    with monkeypatch.context() as patch:
        patch.setattr(running.thread, "is_alive", lambda: False)
        with pytest.raises(CoroutineCancelled):
            next(items)
        others.close()
    assert log == []
    running.stop()
    assert log == ["closed", "closed"]


def test_a_loop_for_which_there_is_no_thread_is_not_left_open(
    loop: EventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError, match="new thread"):
            loop.run(which)
    assert loop.run(which).is_running()


def test_a_loop_whose_last_reference_is_a_coroutines_ends_too() -> None:
    holding: list[Any] = [EventLoop(print)]

    async def drop() -> None:
        await asyncio.sleep(0.02)
        holding.clear()

    async def begin() -> asyncio.AbstractEventLoop:
        holding.append(asyncio.create_task(drop()))
        return asyncio.get_running_loop()

    running = holding[0].run(begin)
    eventually(lambda: not loop_threads())
    assert (holding, running.is_closed()) == ([], True)
