"""The life of a worker process: what runs once before its requests, and once behind them."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

import microweb.worker
from microweb import App, current_app, g, has_request_context
from microweb.background import Pool
from microweb.errors import CoroutineCancelled, SetupError, describe

Log = list[str]
new: Any = asyncio  # for what Python 3.10 does not have


@pytest.fixture
def log() -> Log:
    return []


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [repr(record.exc_info[1]) for record in caplog.records if record.exc_info]


def eventually(true: Callable[[], bool]) -> None:
    """Wait a moment for what another thread does, and fail where it does not."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def answering(app: App, log: Log) -> None:
    @app.get("/")
    def index() -> str:
        log.append("request")
        return "answer"


def written(app: App, log: Log) -> App:
    """Return the application with functions of all kinds that write their name."""

    @app.after_serving
    def after() -> None:
        log.append("after")

    @app.while_serving
    async def asynchronous() -> AsyncIterator[None]:
        await asyncio.sleep(0)
        log.append("in, asynchronously")
        yield
        await asyncio.sleep(0)
        log.append("out, asynchronously")

    @app.while_serving
    def plain() -> Iterator[None]:
        log.append("in")
        yield
        log.append("out")

    @app.before_serving
    async def asynchronous_before() -> None:
        await asyncio.sleep(0)
        log.append("before, asynchronously")

    @app.before_serving
    def before() -> None:
        log.append("before")

    @app.after_serving
    async def asynchronous_after() -> None:
        log.append("after, asynchronously")

    answering(app, log)
    return app


START = ["before, asynchronously", "before", "in, asynchronously", "in"]
END = ["out", "out, asynchronously", "after", "after, asynchronously"]


# --- order


def test_the_first_request_starts_the_worker_and_shutdown_ends_it(app: App, log: Log) -> None:
    client = written(app, log).test_client()
    assert log == []
    assert client.get("/").text == "answer"
    assert log == [*START, "request"]
    client.get("/")
    assert log == [*START, "request", "request"]
    log.clear()
    app.shutdown()
    assert log == END
    app.shutdown()
    assert log == END


def test_after_a_shutdown_a_request_starts_the_worker_again(app: App, log: Log) -> None:
    client = written(app, log).test_client()
    for _ in range(2):
        client.get("/")
        app.shutdown()
        assert log == [*START, "request", *END]
        log.clear()


def test_startup_says_whether_it_was_the_one(app: App, log: Log) -> None:
    assert written(app, log).startup() is True
    assert app.startup() is False
    app.test_client().get("/")
    assert log == [*START, "request"]
    app.shutdown()
    assert app.startup() is True


def test_without_functions_there_is_a_worker_too(app: App, log: Log) -> None:
    answering(app, log)
    assert (app.startup(), app.startup()) == (True, False)
    app.shutdown()
    assert app.startup() is True


def test_a_shutdown_before_any_start_calls_nothing(app: App, log: Log) -> None:
    written(app, log).shutdown()
    assert log == []


def test_the_functions_have_the_application_and_no_request(app: App, log: Log) -> None:
    app.teardown_appcontext(lambda exc: log.append(f"teardown {exc!r}"))

    def look() -> None:
        g.seen = g.get("seen", 0) + 1
        log.append(f"{current_app.name} {has_request_context()} {g.seen}")

    async def look_asynchronously() -> None:
        look()

    app.before_serving(look)
    app.before_serving(look_asynchronously)
    app.after_serving(look_asynchronously)
    app.after_serving(look)
    app.startup()
    assert log == ["example False 1", "example False 2", "teardown None"]
    log.clear()
    app.shutdown()
    assert log == ["example False 1", "example False 2", "teardown None"]


def test_what_was_opened_at_the_start_is_used_by_requests_and_at_the_end(
    app: App, log: Log
) -> None:
    @app.while_serving
    async def serve() -> AsyncIterator[None]:
        lock = app.extensions["lock"] = asyncio.Lock()
        await lock.acquire()
        yield
        async with lock:
            log.append("acquired at the end")

    @app.get("/")
    async def release() -> str:
        asyncio.get_running_loop().call_later(0.005, app.extensions["lock"].release)
        return ""

    app.test_client().get("/")
    app.shutdown()
    assert log == ["acquired at the end"]


def test_a_variable_set_between_the_halves_is_there_at_the_end(app: App, log: Log) -> None:
    variable: ContextVar[str] = ContextVar("variable")

    @app.while_serving
    async def serve() -> AsyncIterator[None]:
        variable.set("set")
        yield
        log.append(variable.get())

    app.startup()
    app.shutdown()
    assert log == ["set"]


def test_background_tasks_are_done_before_the_functions_of_the_end(app: App, log: Log) -> None:
    def task() -> None:
        time.sleep(0.01)
        log.append("task")

    app.after_serving(lambda: log.append("after"))
    app.startup()
    app.add_background_task(task)
    app.shutdown()
    assert log == ["task", "after"]


# --- failures


def failing(log: Log) -> Callable[[], None]:
    """Return a function that fails when it is called for the first time."""

    def fail() -> None:
        log.append("try")
        if log.count("try") == 1:
            raise LookupError("at first")

    return fail


def test_a_start_that_fails_is_undone_and_the_next_request_tries_again(
    app: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    fail = failing(log)

    @app.while_serving
    def first() -> Iterator[None]:
        log.append("in")
        yield
        log.append("out")

    @app.while_serving
    def second() -> Iterator[None]:
        fail()
        yield
        log.append("end of the second")

    app.after_serving(lambda: log.append("after"))
    answering(app, log)
    client = app.test_client()
    with pytest.raises(LookupError, match="at first"):
        client.get("/")
    assert log == ["in", "try", "out"]
    assert messages(caplog) == [("ERROR", f"The startup function {describe(second)} failed")]
    app.shutdown()
    assert log == ["in", "try", "out"]
    log[:] = ["try"]
    assert client.get("/").text == "answer"
    app.shutdown()
    assert log == ["try", "in", "try", "request", "end of the second", "out", "after"]


def test_a_before_function_that_fails_keeps_the_others_from_running(
    app: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    @app.before_serving
    async def fail() -> NoReturn:
        raise LookupError

    written(app, log)
    for _ in range(2):
        with pytest.raises(LookupError):
            app.startup()
    assert log == []
    name = describe(fail)
    assert messages(caplog) == [("ERROR", f"The startup function {name} failed")] * 2


def test_a_teardown_learns_of_the_failure_of_a_start(app: App, log: Log) -> None:
    app.teardown_appcontext(lambda exc: log.append(repr(exc)))
    app.before_serving(failing(log))
    with pytest.raises(LookupError):
        app.startup()
    assert log == ["try", "LookupError('at first')"]


def test_functions_of_the_end_that_fail_are_logged_and_the_others_run(
    app: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    @app.while_serving
    async def during() -> AsyncIterator[None]:
        yield
        raise LookupError("during")

    @app.after_serving
    async def asynchronous() -> NoReturn:
        raise LookupError("asynchronous")

    @app.after_serving
    def plain() -> NoReturn:
        raise LookupError("plain")

    written(app, log)
    app.startup()
    log.clear()
    app.shutdown()
    assert log == END
    assert messages(caplog) == [
        ("ERROR", f"The shutdown function {describe(function)} failed")
        for function in (during, asynchronous, plain)
    ]
    assert errors(caplog) == [
        f"LookupError('{name}')" for name in ("during", "asynchronous", "plain")
    ]


# --- requests meanwhile


def test_a_startup_function_may_send_a_request(app: App, log: Log) -> None:
    @app.before_serving
    def warm_up() -> None:
        log.append("begin")
        log.append(app.test_client().get("/").text)

    answering(app, log)
    assert app.test_client().get("/").text == "answer"
    assert log == ["begin", "request", "answer", "request"]


def test_a_startup_function_may_use_a_client_in_a_with_block(app: App, log: Log) -> None:
    @app.before_serving
    def warm_up() -> None:
        with app.test_client() as client:
            log.append(client.get("/").text)

    answering(app, log)
    app.startup()
    assert log == ["request", "answer"]
    app.shutdown()


def test_an_asynchronous_startup_function_may_send_a_request(app: App, log: Log) -> None:
    @app.before_serving
    async def warm_up() -> None:
        log.append(await asyncio.to_thread(lambda: app.test_client().get("/").text))
        log.append(app.test_client().get("/").text)

    answering(app, log)
    assert app.test_client().get("/").text == "answer"
    assert log == ["request", "answer", "request", "answer", "request"]


def test_requests_that_come_at_once_wait_for_the_one_start(app: App, log: Log) -> None:
    @app.before_serving
    def start() -> None:
        time.sleep(0.05)
        log.append("started")

    answering(app, log)
    barrier = threading.Barrier(10)

    def visit(_: int) -> str:
        barrier.wait()
        return app.test_client().get("/").text

    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(visit, range(10))) == ["answer"] * 10
    assert log == ["started", *["request"] * 10]


def test_a_request_waits_for_a_start_in_another_thread(app: App, log: Log) -> None:
    entered = threading.Event()

    @app.before_serving
    def start() -> None:
        entered.set()
        time.sleep(0.05)
        log.append(app.test_client().get("/").text)
        log.append("started")

    answering(app, log)
    with ThreadPoolExecutor(1) as threads:
        starting = threads.submit(app.startup)
        entered.wait(5)
        app.test_client().get("/")
        assert starting.result(5) is True
    assert log == ["request", "answer", "started", "request"]


def starting_in_a_thread(app: App, started: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=app.startup)
    thread.start()
    assert started.wait(5)
    return thread


def test_who_waits_for_a_start_too_long_is_told_why(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microweb.worker, "_PATIENCE", 0.05)
    errors: list[SetupError] = []

    @app.before_serving
    def warm_up() -> None:
        def send() -> None:
            with pytest.raises(SetupError) as raised:
                app.test_client().get("/")
            errors.append(raised.value)

        thread = threading.Thread(target=send)
        thread.start()
        thread.join()

    answering(app, [])
    assert app.test_client().get("/").text == "answer"
    assert str(errors[0]) == (
        "The startup functions of 'example' have been running for more than 0.05 seconds, now with"
        f" {describe(warm_up)}, and this waits for their end. A request that one of them sends"
        " through a thread of its own would wait for itself: send it from the function, or run the"
        " thread in a copy of its context (contextvars.copy_context)."
    )


def test_a_thread_in_a_copy_of_the_context_may_send_a_request(app: App, log: Log) -> None:
    @app.before_serving
    def warm_up() -> None:
        def send() -> None:
            log.append(app.test_client().get("/").text)

        thread = threading.Thread(target=copy_context().run, args=(send,))
        thread.start()
        thread.join()

    answering(app, log)
    app.startup()
    assert log == ["request", "answer"]


def test_what_a_start_has_begun_waits_for_nothing_when_it_is_over(app: App, log: Log) -> None:
    begun = threading.Event()

    @app.before_serving
    def begin() -> None:
        def task() -> None:
            begun.wait(5)
            log.append(f"{app.worker.starting} {app.startup()} {app.test_client().get('/').text}")

        assert app.worker.starting
        app.add_background_task(task)

    answering(app, log)
    app.startup()
    assert not app.worker.starting
    begun.set()
    app.worker._drain(time.monotonic())
    assert log == ["request", "False False answer"]
    assert app._compiled is not None


def test_the_starts_of_two_applications_may_need_each_other(app: App, log: Log) -> None:
    other = App("other", static_folder=None)
    answering(other, log)
    answering(app, log)

    @app.before_serving
    def first() -> None:
        log.append(other.test_client().get("/").text)

    @other.before_serving
    def second() -> None:
        log.append(app.test_client().get("/").text)

    app.startup()
    assert log == ["request", "answer", "request", "answer"]


def test_a_start_that_fails_lets_who_waits_try(app: App, log: Log) -> None:
    entered = threading.Event()

    @app.before_serving
    def start() -> None:
        log.append("try")
        if not entered.is_set():
            entered.set()
            time.sleep(0.03)
            raise LookupError

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(app.startup)
        assert entered.wait(5)
        assert app.startup() is True
        assert isinstance(first.exception(5), LookupError)
    assert log == ["try", "try"]


def test_an_end_waits_for_a_start(app: App, log: Log) -> None:
    entered = threading.Event()

    @app.while_serving
    def serve() -> Iterator[None]:
        entered.set()
        time.sleep(0.03)
        log.append("in")
        yield
        log.append("out")

    thread = starting_in_a_thread(app, entered)
    app.shutdown()
    thread.join()
    assert log == ["in", "out"]


def test_a_function_of_the_end_may_send_a_request_while_another_thread_waits(
    app: App, log: Log
) -> None:
    entered = threading.Event()

    @app.after_serving
    async def end() -> None:
        entered.set()
        await asyncio.sleep(0.03)
        log.append(await asyncio.to_thread(lambda: app.test_client().get("/").text))

    @app.after_serving
    def plain_end() -> None:
        log.append(f"{app.startup()} {app.test_client().get('/').text}")
        app.shutdown()

    app.before_serving(lambda: log.append("before"))
    answering(app, log)
    app.startup()  # and nothing is compiled
    with ThreadPoolExecutor(1) as threads:
        ending = threads.submit(app.shutdown)
        assert entered.wait(5)
        log.append(app.test_client().get("/").text)  # waits, and starts the worker anew
        ending.result(5)
    assert log == [
        *("before", "request", "answer", "request", "False answer"),
        *("before", "request", "answer"),
    ]


def test_two_ends_at_once_are_one(app: App, log: Log) -> None:
    entered = threading.Event()

    @app.after_serving
    def end() -> None:
        entered.set()
        time.sleep(0.03)
        log.append("end")

    app.startup()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(app.shutdown)
        assert entered.wait(5)
        app.shutdown()
        assert log == ["end"]
        first.result(5)
    assert log == ["end"]


def test_a_startup_function_cannot_end_the_worker(app: App) -> None:
    app.before_serving(app.shutdown)
    with pytest.raises(SetupError, match="is called by a startup function, which runs still"):
        app.startup()


def test_a_task_of_the_end_is_done(app: App, log: Log) -> None:
    def task() -> None:
        time.sleep(0.02)
        log.append("task")

    app.after_serving(lambda: app.add_background_task(task))
    app.startup()
    app.shutdown()
    assert log == ["task"]


def test_a_task_may_send_the_first_request_while_the_end_waits_for_it(app: App, log: Log) -> None:
    def task() -> None:
        time.sleep(0.03)
        log.append(app.test_client().get("/").text)

    app.after_serving(lambda: log.append("after"))
    answering(app, log)
    app.startup()
    app.add_background_task(task)
    app.shutdown()
    assert log == ["request", "answer", "after"]


# --- what is under way at the end


@pytest.fixture
def slow(app: App, log: Log) -> App:
    @app.get("/view")
    async def view() -> str:
        log.append("view")
        await asyncio.sleep(0.1)
        return "answer"

    @app.get("/body")
    async def body() -> AsyncIterator[str]:
        log.append("body")
        for _ in range(5):
            yield "a"
            await asyncio.sleep(0.02)

    @app.while_serving
    async def serve() -> AsyncIterator[None]:
        yield
        log.append("out")

    app.testing = False
    return app


def visited(app: App, log: Log, path: str) -> str:
    """Send a request that is under way when the application is shut down."""
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(read, app, path)
        eventually(lambda: bool(log))
        app.shutdown()
        return answer.result(5)


def read(app: App, path: str) -> str:
    response = app.test_client().get(path)
    text = response.text
    response.close()
    return text


def test_asynchronous_views_and_bodies_end_before_the_worker(slow: App, log: Log) -> None:
    assert visited(slow, log, "/view") == "answer"
    assert log == ["view", "out"]
    log.clear()
    assert visited(slow, log, "/body") == "aaaaa"
    assert log == ["body", "out"]


@pytest.mark.parametrize("key", ["DEBUG", "TESTING"])
def test_in_debug_mode_and_tests_they_are_cut(slow: App, log: Log, key: str) -> None:
    slow.config[key] = True
    with pytest.raises(CoroutineCancelled):
        visited(slow, log, "/view")


def test_they_are_cut_when_they_take_too_long(
    slow: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    slow.config.update(BACKGROUND_TASK_TIMEOUT=0.02, PROPAGATE_EXCEPTIONS=False)
    assert "Internal Server Error" in visited(slow, log, "/view")
    assert sorted(messages(caplog)) == [
        (
            "ERROR",
            "1 asynchronous calls or bodies were not done 0.02 seconds after the shutdown began"
            " (BACKGROUND_TASK_TIMEOUT), and are cancelled.",
        ),
        ("ERROR", "Exception on /view [GET]"),
    ]


# --- both halves in one task


def test_both_halves_of_an_asynchronous_function_are_one_task(app: App, log: Log) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="none")
    seen: list[object] = []

    @app.while_serving
    async def serve() -> AsyncIterator[None]:
        token = variable.set("set")
        seen.append(asyncio.current_task())
        g.opened = True
        yield
        seen.append(asyncio.current_task())
        log.append(f"{current_app.name} {'opened' in g}")
        variable.reset(token)

    app.startup()
    app.shutdown()
    assert seen[0] is seen[1]
    assert log == ["example False"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python has no asyncio.TaskGroup")
def test_a_task_group_lasts_as_long_as_the_process(app: App, log: Log) -> None:
    @app.while_serving
    async def serve() -> AsyncIterator[None]:
        async with new.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(10))
            yield
            task.cancel()
            log.append("cancelled")

    app.startup()
    app.shutdown()
    assert log == ["cancelled"]


# --- what asks to exit


@pytest.mark.parametrize("leaving", [SystemExit, KeyboardInterrupt])
def test_an_exit_in_a_function_of_the_end_is_raised_behind_the_others(
    app: App, log: Log, caplog: pytest.LogCaptureFixture, leaving: type[BaseException]
) -> None:
    @app.while_serving
    def during() -> Iterator[None]:
        yield
        raise leaving("first")

    @app.after_serving
    async def asynchronous() -> NoReturn:
        raise leaving("second")

    written(app, log)
    app.startup()
    log.clear()
    with pytest.raises(leaving) as raised:
        app.shutdown()
    assert str(raised.value) == "first"
    assert log == END
    assert messages(caplog) == [
        ("ERROR", f"The shutdown function {describe(function)} failed")
        for function in (during, asynchronous)
    ]
    app.worker.during.clear()
    app.worker.after.clear()
    assert app.startup() is True


def test_an_interrupted_end_calls_its_functions_all_the_same(
    app: App, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> NoReturn:
        raise KeyboardInterrupt

    written(app, log).startup()
    log.clear()
    app.add_background_task(log.append, "task")
    with monkeypatch.context() as patch:
        patch.setattr(Pool, "drain", interrupt)
        with pytest.raises(KeyboardInterrupt):
            app.shutdown()
    log.remove("task")
    assert log == END
    app.shutdown()  # of the pool


# --- the test client


def test_a_with_block_of_a_client_starts_and_ends_the_worker(app: App, log: Log) -> None:
    written(app, log)
    client = app.test_client()
    for _ in range(2):
        with client:
            assert log == START
            client.get("/")
        assert log == [*START, "request", *END]
        log.clear()


def test_only_the_outer_of_nested_blocks_does(app: App, log: Log) -> None:
    written(app, log)
    with app.test_client():
        with app.test_client() as inner:
            inner.get("/")
        assert log == [*START, "request"]
    assert log == [*START, "request", *END]


def test_a_worker_that_runs_already_is_not_ended_by_a_block(app: App, log: Log) -> None:
    written(app, log)
    app.startup()
    with app.test_client() as client:
        client.get("/")
    assert log == [*START, "request"]


def test_a_block_that_fails_ends_the_worker(app: App, log: Log) -> None:
    written(app, log)
    with pytest.raises(LookupError), app.test_client():
        raise LookupError
    assert log == [*START, *END]


def test_a_block_does_not_begin_where_the_start_fails(app: App, log: Log) -> None:
    app.before_serving(failing(log))
    client = app.test_client()
    with pytest.raises(LookupError), client:
        log.append("never")
    with client:
        log.append("block")
    assert log == ["try", "try", "block"]


# --- the process


def run(program: str) -> str:
    """Run a program with an application, and return what it printed."""
    program = (
        "import asyncio, os, sys\n"
        "from microweb import App\n"
        "app = App('app', static_folder=None)\n"
        "say = lambda *args: print(*args, flush=True)\n"
        "app.before_serving(lambda: say('before'))\n"
        "app.after_serving(lambda: say('after'))\n"
        "@app.get('/')\n"
        "async def index(): return str(id(asyncio.get_running_loop()))\n"
        "client = app.test_client()\n"
    ) + program
    # That a process with threads forks is what one of these is about.
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


@pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 2), reason="this Python starts no thread at its exit"
)
def test_at_its_exit_a_process_ends_its_worker() -> None:
    program = """
import time
async def end():
    say('resolved', (await asyncio.get_running_loop().getaddrinfo('127.0.0.1', 80))[0][4])
def task():
    time.sleep(0.05)
    say('task')
app.after_serving(end)
client.get('/')
app.add_background_task(task)
say('exit')
"""
    lines = ["before", "exit", "task", "after", "resolved ('127.0.0.1', 80)", ""]
    assert run(program) == "\n".join(lines)


def test_at_the_exit_of_a_process_without_a_request_nothing_runs() -> None:
    assert run("say('exit')") == "exit\n"


def test_a_forked_process_starts_and_ends_a_worker_of_its_own() -> None:
    program = """
first = client.get('/').text
app.add_background_task(print, end='')
pid = os.fork()
if pid == 0:
    say('child')
    second = client.get('/').text
    assert second == client.get('/').text != first
    sys.exit()
os.waitpid(pid, 0)
say('parent')
assert client.get('/').text == first
"""
    assert run(program) == "before\nchild\nbefore\nafter\nparent\nafter\n"


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit()", "import gc; gc.collect()"])
def test_a_forked_process_cleans_nothing_up_that_is_its_parents(end: str) -> None:
    program = f"""
@app.while_serving
def plain():
    try: yield
    finally: say('plain', os.getpid() == parent)
@app.while_serving
async def asynchronous():
    try: yield
    finally: say('asynchronous', os.getpid() == parent)
@app.get('/task')
async def task():
    async def wait():
        try: await asyncio.sleep(10)
        finally: say('task', os.getpid() == parent)
    app.extensions['task'] = asyncio.create_task(wait())
    await asyncio.sleep(0)
    return ''
parent = os.getpid()
client.get('/task')
pid = os.fork()
if pid == 0:
    say('child')
    {end}
    sys.exit()
os.waitpid(pid, 0)
say('parent')
"""
    lines = ["before", "child", "parent"]
    assert run(program) == "\n".join(
        [*lines, "asynchronous True", "plain True", "after", "task True", ""]
    )


def test_a_forked_process_goes_on_where_another_thread_was_starting() -> None:
    program = """
import threading, time
app.before_serving(lambda: time.sleep(0.3))
thread = threading.Thread(target=client.get, args=('/',))
thread.start()
time.sleep(0.1)
pid = os.fork()
if pid == 0:
    say('child', client.get('/').status_code)
    sys.exit()
thread.join()
os.waitpid(pid, 0)
say('parent')
"""
    lines = ["before", "before", "child 200", "after", "parent", "after", ""]
    assert run(program) == "\n".join(lines)


@pytest.fixture
def uwsgi(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The module that uWSGI has in its processes; see tests/servers for the true one."""
    module = SimpleNamespace(number=0)
    module.worker_id = lambda: module.number
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    return module


def test_under_uwsgi_a_worker_starts_behind_the_fork(uwsgi: SimpleNamespace, log: Log) -> None:
    uwsgi.post_fork_hook = lambda: log.append("another hook")
    uwsgi.atexit = lambda: log.append("another end")
    app = written(App("app", static_folder=None), log)
    uwsgi.post_fork_hook()  # in a spooler or mule
    assert log == ["another hook"]
    uwsgi.number = 1
    uwsgi.post_fork_hook()
    assert log == ["another hook", "another hook", *START]
    app.test_client().get("/")
    log.clear()
    uwsgi.atexit()
    assert log == ["another end", *END]


def test_an_application_that_is_made_in_a_worker_starts_with_its_first_request(
    uwsgi: SimpleNamespace, log: Log
) -> None:
    uwsgi.number = 2
    app = written(App("app", static_folder=None), log)
    assert not hasattr(uwsgi, "post_fork_hook")
    app.test_client().get("/")
    assert log == [*START, "request"]
    uwsgi.atexit()
    assert log == [*START, "request", *END]


def test_the_hooks_of_a_server_keep_no_application_alive(uwsgi: SimpleNamespace) -> None:
    app = weakref.ref(App("app", static_folder=None))
    gc.collect()
    assert app() is None
    uwsgi.number = 1
    uwsgi.post_fork_hook()


def test_in_a_forked_process_the_functions_of_the_start_run_again(app: App, log: Log) -> None:
    client = written(app, log).test_client()
    app.worker.forked()
    client.get("/")
    assert log == [*START, "request"]
    app.async_to_sync(asyncio.sleep)(0)
    running = app.worker.loop._running
    assert running is not None
    app.worker.forked()
    client.get("/")
    assert log == [*START, "request"] * 2
    running.stop()  # what a fork would have done


def test_an_application_that_nobody_ends_takes_its_loop_along() -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if "loop" in thread.name]

    def use() -> weakref.ref[App]:
        app = App("dropped", static_folder=None)

        @app.get("/")
        async def view() -> str:
            return "answer"

        assert app.test_client().get("/").text == "answer"
        assert threads() == ["microweb-loop"]
        return weakref.ref(app)

    app = use()
    gc.collect()
    assert app() is None
    assert threads() == []


def test_a_function_in_a_partial_is_named(app: App, caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: Exception) -> NoReturn:
        raise error

    app.before_serving(partial(fail, LookupError()))
    with pytest.raises(LookupError):
        app.startup()
    assert messages(caplog) == [("ERROR", f"The startup function {describe(fail)} failed")]
