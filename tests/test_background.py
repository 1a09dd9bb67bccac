"""Background tasks: what runs behind the response, in which order, and what becomes of it."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

import pytest

from microweb import (
    App,
    copy_current_request_context,
    current_app,
    g,
    has_request_context,
    request,
    session,
)
from microweb.background import Pool
from microweb.errors import SetupError, describe

Log = list[Any]


@pytest.fixture
def log() -> Log:
    return []


def pool_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "microweb-background"]


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    eventually(lambda: not pool_threads())


def eventually(true: Callable[[], bool]) -> None:
    """Wait a moment for what another thread does, and fail where it does not."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def make_pool(threads: int, length: int, reports: Log | None = None) -> Pool:
    """Return a pool that puts what it reports into a list, or else must not report anything."""

    def report(message: str, error: BaseException) -> None:
        assert reports is not None, message
        reports.append((message, repr(error)))

    return Pool(threads, length, report)


def hand_over(pool: Pool, task: Callable[[], object]) -> None:
    pool.reserve()
    pool.submit(task)


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


# --- the pool


def test_one_thread_works_in_the_order_of_handing_over(log: Log) -> None:
    pool = make_pool(threads=1, length=100)
    for number in range(50):
        hand_over(pool, partial(log.append, number))
    assert pool.drain(5) == 0
    assert log == list(range(50))


def test_there_are_no_more_threads_than_allowed_and_they_work_side_by_side() -> None:
    pool = make_pool(threads=3, length=100)
    together = threading.Barrier(3)
    names: set[str] = set()

    def task() -> None:
        together.wait(5)
        names.add(f"{threading.get_ident()}")

    for _ in range(30):
        hand_over(pool, task)
    assert len(pool_threads()) == 3
    assert all(thread.daemon for thread in pool_threads())
    assert pool.drain(5) == 0
    assert len(names) == 3


def test_an_idle_thread_is_used_again() -> None:
    pool = make_pool(threads=4, length=100)
    idents: set[int] = set()
    for _ in range(5):
        done = threading.Event()

        def task(done: threading.Event = done) -> None:
            idents.add(threading.get_ident())
            done.set()

        hand_over(pool, task)
        assert done.wait(5)
        eventually(lambda: pool._idle == 1)
    assert len(idents) == 1
    pool.drain(5)


FULL = (
    "{} background tasks are waiting or running, and no more may wait: they come faster than they"
    " are done. Raise BACKGROUND_TASK_QUEUE or BACKGROUND_TASK_THREADS, or hand the work to a queue"
    " of its own."
)


def test_a_full_queue_refuses_until_a_task_is_done(log: Log) -> None:
    pool = make_pool(threads=1, length=3)
    going_on = threading.Event()
    hand_over(pool, partial(going_on.wait, 5))
    hand_over(pool, partial(log.append, 1))
    pool.reserve()  # announced counts as well
    with pytest.raises(SetupError) as raised:
        pool.reserve()
    assert str(raised.value) == FULL.format(3)
    pool.submit(partial(log.append, 2))
    going_on.set()
    eventually(lambda: log == [1, 2])
    hand_over(pool, partial(log.append, 3))
    assert pool.drain(5) == 0
    assert log == [1, 2, 3]


@pytest.mark.parametrize("leaving", [SystemExit, KeyboardInterrupt, LookupError])
def test_a_task_that_raises_anything_does_not_cost_its_thread(
    log: Log, leaving: type[BaseException]
) -> None:
    reports: Log = []
    pool = make_pool(threads=1, length=10, reports=reports)

    def task() -> NoReturn:
        log.append(threading.get_ident())
        raise leaving

    for _ in range(3):
        hand_over(pool, task)
    assert pool.drain(5) == 0
    assert len(log) == 3
    assert len({*log}) == 1
    assert reports == [("A background task failed", f"{leaving.__name__}()")] * 3


def test_threads_that_end_are_not_counted(log: Log) -> None:
    pool = make_pool(threads=2, length=10)
    for number in range(2):
        hand_over(pool, partial(log.append, number))
    assert pool.drain(5) == 0
    eventually(lambda: pool._started == 0)


def no_thread_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)


NO_THREAD = (
    "No thread can be started for a background task, which waits",
    'RuntimeError("can\'t start new thread")',
)


def test_a_task_for_which_there_is_no_thread_is_done_by_the_next_one(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: Log = []
    pool = make_pool(threads=1, length=10, reports=reports)
    with monkeypatch.context() as patch:
        no_thread_starts(patch)
        hand_over(pool, partial(log.append, 1))
    assert (log, reports) == ([], [NO_THREAD])
    hand_over(pool, partial(log.append, 2))
    eventually(lambda: log == [1, 2])
    assert pool.drain(5) == 0


def test_tasks_for_which_there_is_no_thread_are_done_at_the_end(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: Log = []
    pool = make_pool(threads=1, length=10, reports=reports)
    no_thread_starts(monkeypatch)
    for number in range(2):
        hand_over(pool, partial(log.append, number))
    assert pool.drain(5) == 0
    assert (log, reports) == ([0, 1], [NO_THREAD] * 2)


def test_a_task_that_comes_while_the_end_waits_wakes_a_thread(log: Log) -> None:
    pool = make_pool(threads=2, length=10)
    going_on = threading.Event()
    hand_over(pool, partial(going_on.wait, 5))
    hand_over(pool, partial(log.append, 1))
    eventually(lambda: log == [1])
    drain = threading.Thread(target=lambda: log.append(pool.drain(5)))
    drain.start()
    eventually(lambda: len(pool._changed._waiters) == 1)  # type: ignore[attr-defined]
    hand_over(pool, partial(log.append, 2))
    eventually(lambda: log == [1, 2])
    going_on.set()
    drain.join()
    assert log == [1, 2, 0]


def test_a_straggler_finds_a_thread(log: Log) -> None:
    pool = make_pool(threads=1, length=10)
    hand_over(pool, partial(log.append, 1))
    assert pool.drain(5) == 0
    # The pool is closed; who has a place comes late, and runs all the same.
    hand_over(pool, partial(log.append, 2))
    eventually(lambda: log == [1, 2])


def test_draining_gives_up_after_its_time_and_counts_what_is_left(log: Log) -> None:
    pool = make_pool(threads=1, length=10)
    going_on = threading.Event()
    hand_over(pool, partial(going_on.wait, 5))
    for number in range(3):
        hand_over(pool, partial(log.append, number))
    began = time.monotonic()
    assert pool.drain(0.05) == 4
    assert 0.05 <= time.monotonic() - began < 1
    going_on.set()
    eventually(lambda: not pool_threads())
    assert log == []


# --- from a request


def test_tasks_run_once_each_after_the_request_with_their_arguments(app: App, log: Log) -> None:
    app.config["BACKGROUND_TASK_THREADS"] = 1

    @app.get("/")
    def index() -> str:
        for number in range(4):
            app.add_background_task(
                lambda *args, **kwargs: log.append((args, kwargs)), number, b=-number
            )
        log.append("view")
        return "answer"

    assert app.test_client().get("/").text == "answer"
    app.shutdown()
    assert log == ["view", *(((number,), {"b": -number}) for number in range(4))]


def test_a_task_has_the_request_and_the_session_and_a_g_of_its_own(app: App, log: Log) -> None:
    @app.post("/orders/<int:number>")
    def order(number: int) -> str:
        g.user = "ada"
        session["cart"] = [number]
        assert request.form["book"] == "Emma"
        app.add_background_task(task, request._get_current_object())
        return ""

    def task(the_request: Any) -> None:
        same = request._get_current_object() is the_request
        log.extend([request.path, request.form["book"], same, session["cart"], "user" in g])
        log.extend([request.view_args, current_app.name])

    app.test_client().post("/orders/7", data={"book": "Emma"})
    app.shutdown()
    assert log == ["/orders/7", "Emma", True, [7], False, {"number": 7}, "example"]


def test_the_request_is_opened_where_the_view_never_touched_it(app: App, log: Log) -> None:
    @app.get("/")
    def index() -> str:
        app.add_background_task(lambda: log.append((request.path, session.get("a"))))
        return ""

    response = app.test_client().get("/")
    app.shutdown()
    assert log == [("/", None)]
    assert "Vary" not in response.headers  # the task's touch is not the response's


def test_the_teardown_functions_run_at_the_end_of_a_task(app: App, log: Log) -> None:
    @app.teardown_request
    def request_ends(exc: BaseException | None) -> None:
        log.append(("request", threading.current_thread().name, repr(exc)))

    @app.teardown_appcontext
    def context_ends(exc: BaseException | None) -> None:
        log.append(("context", threading.current_thread().name, repr(exc)))

    @app.get("/")
    def index() -> str:
        app.add_background_task(task)
        return ""

    def task() -> NoReturn:
        eventually(lambda: len(log) == 2)
        log.append("task")
        raise LookupError("failed")

    app.test_client().get("/")
    app.shutdown()
    main, other = threading.current_thread().name, "microweb-background"
    assert log == [
        ("request", main, "None"),
        ("context", main, "None"),
        "task",
        ("request", other, "LookupError('failed')"),
        ("context", other, "LookupError('failed')"),
    ]


def test_a_task_begins_behind_the_teardown_functions(app: App, log: Log) -> None:
    @app.teardown_request
    def commit(exc: BaseException | None) -> None:
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.02)
            log.append("committed")

    @app.get("/")
    def index() -> str:
        app.add_background_task(log.append, "task")
        return ""

    app.test_client().get("/")
    app.shutdown()
    assert log == ["committed", "task"]


def test_a_task_of_a_stream_begins_when_the_stream_is_closed(app: App, log: Log) -> None:
    @app.get("/")
    def index() -> Iterator[str]:
        app.add_background_task(log.append, "task")

        def body() -> Iterator[str]:
            yield "one"
            app.add_background_task(log.append, "task of the body")
            yield "two"

        return body()

    app.config["BACKGROUND_TASK_THREADS"] = 1
    response = app.test_client().get("/")
    body = response.iter_encoded()
    assert [*body] == [b"one", b"two"]
    time.sleep(0.02)
    assert log == []
    response.close()
    app.shutdown()
    assert log == ["task", "task of the body"]


def test_a_request_that_fails_has_its_tasks_done(
    app: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/")
    def index() -> NoReturn:
        app.add_background_task(log.append, "task")
        raise LookupError

    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert app.test_client().get("/").status_code == 500
    app.shutdown()
    assert log == ["task"]
    assert messages(caplog) == [("ERROR", "Exception on / [GET]")]


def test_an_error_is_logged_with_the_tasks_name_and_place(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    def task(number: int) -> NoReturn:
        raise LookupError(number)

    app.add_background_task(task, 7)
    app.add_background_task(partial(task, 8))
    app.shutdown()
    place = f"{__file__}:{task.__code__.co_firstlineno}"
    name = "test_an_error_is_logged_with_the_tasks_name_and_place.<locals>.task"
    assert (
        messages(caplog)
        == [
            ("ERROR", f"The background task {name!r} ({place}) failed"),
        ]
        * 2
    )
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert sorted(map(repr, errors)) == ["LookupError(7)", "LookupError(8)"]


def test_tasks_that_exit_are_logged_and_the_next_ones_are_done(
    app: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["BACKGROUND_TASK_THREADS"] = 1

    async def leave_asynchronously() -> NoReturn:
        sys.exit(1)

    def leave() -> NoReturn:
        sys.exit(2)

    app.add_background_task(leave_asynchronously)
    app.add_background_task(leave)
    app.add_background_task(log.append, "done")
    app.shutdown()
    assert log == ["done"]
    assert messages(caplog) == [
        ("ERROR", f"The background task {describe(task)} failed")
        for task in (leave_asynchronously, leave)
    ]


def test_a_response_survives_that_no_thread_can_be_started(
    app: App, log: Log, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    @app.get("/")
    def index() -> str:
        app.add_background_task(log.append, "task")
        return "answer"

    with monkeypatch.context() as patch:
        no_thread_starts(patch)
        assert app.test_client().get("/").text == "answer"
    assert messages(caplog) == [("ERROR", NO_THREAD[0])]
    assert log == []
    app.shutdown()
    assert log == ["task"]


def test_a_pool_keeps_no_application_alive() -> None:
    def use() -> weakref.ref[App]:
        app = App("dropped", static_folder=None)
        done = threading.Event()
        app.add_background_task(done.set)
        assert done.wait(5)
        pools.append(app.worker._pool)
        return weakref.ref(app)

    pools: list[Any] = []
    app = use()
    eventually(lambda: pools[0]._idle == 1)
    gc.collect()
    assert app() is None
    assert pools[0].drain(5) == 0


def test_a_full_queue_refuses_the_task_and_the_request_fails(app: App, log: Log) -> None:
    app.config["BACKGROUND_TASK_QUEUE"] = 2

    @app.get("/")
    def index() -> str:
        for number in range(3):
            app.add_background_task(log.append, number)
        return ""

    with pytest.raises(SetupError, match=re.escape(FULL.format(2))):
        app.test_client().get("/")
    app.shutdown()
    assert sorted(log) == [0, 1]


def test_a_task_adds_a_task(app: App, log: Log) -> None:
    @app.get("/")
    def index() -> str:
        app.add_background_task(task, 3)
        return ""

    def task(left: int) -> None:
        time.sleep(0.005)  # the shutdown waits already
        log.append((left, request.path))
        if left:
            app.add_background_task(task, left - 1)

    app.test_client().get("/")
    app.shutdown()
    assert log == [(3, "/"), (2, "/"), (1, "/"), (0, "/")]


def test_an_asynchronous_task_runs_on_the_loop_of_the_requests(app: App, log: Log) -> None:
    @app.get("/")
    async def index() -> str:
        app.add_background_task(task, asyncio.get_running_loop())
        return ""

    async def task(loop: object) -> None:
        await asyncio.sleep(0.005)
        log.append((asyncio.get_running_loop() is loop, request.path))

    app.test_client().get("/")
    app.shutdown()
    assert log == [(True, "/")]


def test_a_copied_context_does_not_begin_the_tasks_of_its_request(app: App, log: Log) -> None:
    @app.get("/")
    def index() -> str:
        app.add_background_task(log.append, "task")
        thread = threading.Thread(target=copy_current_request_context(lambda: request.path))
        thread.start()
        thread.join()
        time.sleep(0.005)
        log.append("view")
        return ""

    app.test_client().get("/")
    app.shutdown()
    assert log == ["view", "task"]


# --- elsewhere


def test_outside_of_a_request_a_task_begins_at_once_with_a_context(app: App, log: Log) -> None:
    def task() -> None:
        log.append((current_app.name, has_request_context()))

    app.add_background_task(task)
    eventually(lambda: log == [("example", False)])
    with app.app_context():
        app.add_background_task(task)
        eventually(lambda: log == [("example", False)] * 2)


def test_in_a_request_of_another_application_a_task_begins_at_once(app: App, log: Log) -> None:
    other = App("other", static_folder=None)

    @app.get("/")
    def index() -> str:
        other.add_background_task(lambda: log.append((current_app.name, has_request_context())))
        eventually(lambda: log == [("other", False)])
        return ""

    app.test_client().get("/")
    other.shutdown()
    assert log == [("other", False)]


def test_in_a_with_block_a_task_waits_for_the_end_of_the_kept_context(app: App, log: Log) -> None:
    @app.get("/")
    def index() -> str:
        g.user = "ada"
        app.add_background_task(log.append, request.args["n"])
        return ""

    with app.test_client() as client:
        client.get("/?n=1")
        time.sleep(0.005)
        assert (g.user, log) == ("ada", [])  # the context is still there
        client.get("/?n=2")
        eventually(lambda: log == ["1"])
    assert log == ["1", "2"]


def test_a_shutdown_that_waits_too_long_says_how_many_are_lost(
    app: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    app.config.update(BACKGROUND_TASK_TIMEOUT=0.05, BACKGROUND_TASK_THREADS=1)
    going_on = threading.Event()
    app.add_background_task(going_on.wait, 5)
    app.add_background_task(log.append, "never")
    app.shutdown()
    assert messages(caplog) == [
        (
            "ERROR",
            "2 background tasks were not done 0.05 seconds after the shutdown began"
            " (BACKGROUND_TASK_TIMEOUT), and are lost.",
        )
    ]
    going_on.set()
    eventually(lambda: not pool_threads())
    assert log == []


def test_a_shutdown_may_wait_as_long_as_it_takes(app: App, log: Log) -> None:
    app.config["BACKGROUND_TASK_TIMEOUT"] = None
    app.add_background_task(lambda: log.append(threading.Event().wait(0.02)))
    app.shutdown()
    assert log == [False]


def test_after_a_shutdown_a_task_starts_another_pool(app: App, log: Log) -> None:
    for number in range(2):
        app.add_background_task(log.append, number)
        app.shutdown()
        assert log == [*range(number + 1)]


def test_the_task_that_is_called_is_what_ensure_sync_made(log: Log) -> None:
    class Loud(App):
        def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
            log.append(describe(func))
            return super().ensure_sync(func)

    app = Loud("loud", static_folder=None)

    async def task() -> None: ...

    app.add_background_task(task)
    app.shutdown()
    assert log == [describe(task)]
