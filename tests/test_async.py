"""Asynchronous views, hooks, handlers and bodies, on the way through an application."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import Any, NoReturn

import pytest

from microweb import (
    App,
    Blueprint,
    Response,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    render_template_string,
    request,
    session,
)
from microweb.errors import CoroutineCancelled, SetupError, describe
from microweb.loop import is_async

Log = list[Any]


@pytest.fixture
def log() -> Log:
    return []


def eventually(true: Callable[[], bool]) -> None:
    """Wait a moment for what another thread does, and fail where it does not."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


# --- views


def test_a_view_has_the_request_the_session_g_and_the_application(app: App) -> None:
    @app.before_request
    def before() -> None:
        g.user = "ada"

    @app.post("/books/<int:number>")
    async def book(number: int) -> dict[str, Any]:
        await asyncio.sleep(0)
        session["seen"] = session.get("seen", 0) + 1
        return {
            "number": number,
            "title": request.form["title"],
            "user": g.user,
            "app": current_app.name,
            "seen": session["seen"],
        }

    client = app.test_client()
    for seen in (1, 2):
        answer = client.post("/books/7", data={"title": "Emma"})
        assert answer.json == {
            "number": 7,
            "title": "Emma",
            "user": "ada",
            "app": "example",
            "seen": seen,
        }


def test_the_children_of_a_view_have_its_context(app: App) -> None:
    async def child(name: str) -> str:
        await asyncio.sleep(0.001)
        setattr(g, name, request.args["q"])
        return f"{name}={request.args['q']}"

    @app.get("/")
    async def index() -> list[Any]:
        task = asyncio.create_task(child("c"))
        gathered = await asyncio.gather(child("a"), child("b"))
        return [*gathered, await task, sorted(g), await asyncio.to_thread(lambda: request.path)]

    assert app.test_client().get("/?q=1").json == ["a=1", "b=1", "c=1", ["a", "b", "c"], "/"]


def test_all_requests_hooks_and_tasks_run_on_one_loop(app: App) -> None:
    loops = set()

    @app.before_request
    @app.teardown_request
    async def hook(*args: object) -> None:
        loops.add(asyncio.get_running_loop())

    @app.get("/")
    async def index() -> str:
        loops.add(asyncio.get_running_loop())
        return ""

    @app.get("/plain")
    def plain() -> str:
        app.add_background_task(hook)
        app.async_to_sync(hook)()
        return ""

    client = app.test_client()
    for path in ("/", "/plain", "/"):
        client.get(path)
    app.shutdown()
    assert len(loops) == 1


def test_a_queue_of_one_request_is_read_by_the_next(app: App) -> None:
    app.extensions["queue"] = queue = asyncio.Queue[str]()

    @app.post("/")
    async def put() -> str:
        asyncio.get_running_loop().call_later(0.01, queue.put_nowait, request.args["q"])
        return ""

    @app.get("/")
    async def take() -> str:
        return await queue.get()

    client = app.test_client()
    for word in ("one", "two"):
        client.post("/", query_string={"q": word})
        assert client.get("/").text == word


def test_a_plain_view_calls_a_coroutine_function(app: App) -> None:
    async def fetch(name: str) -> str:
        """Fetch it."""
        g.fetched = name
        return f"{name} of {request.path}"

    sync_fetch = app.async_to_sync(fetch)
    assert (sync_fetch.__name__, sync_fetch.__doc__) == ("fetch", "Fetch it.")

    @app.get("/")
    def index() -> str:
        return f"{sync_fetch('page')} {g.fetched}"

    assert app.test_client().get("/").text == "page of / page"


def test_a_plain_view_may_run_a_loop_of_its_own(app: App) -> None:
    async def own() -> str:
        return request.path

    @app.get("/")
    def index() -> str:
        return asyncio.run(own())

    @app.get("/asynchronous")
    async def asynchronous() -> str:
        return request.path

    client = app.test_client()
    assert [client.get(path).text for path in ("/asynchronous", "/", "/asynchronous")] == [
        "/asynchronous",
        "/",
        "/asynchronous",
    ]


def test_a_coroutine_that_calls_another_one_as_if_it_were_plain_is_told(app: App) -> None:
    async def fetch() -> None: ...

    @app.get("/")
    async def index() -> None:
        current_app.async_to_sync(fetch)()

    with pytest.raises(SetupError) as raised:
        app.test_client().get("/")
    assert str(raised.value) == (
        f"{describe(fetch)} is asynchronous and is called by code that runs on the event loop"
        " already, which would wait for itself: await it there instead."
    )


def test_a_view_under_a_plain_decorator_that_does_not_await_is_told(app: App) -> None:
    def plain(view: Callable[[], Any]) -> Callable[[], Any]:
        @wraps(view)
        def decorated() -> Any:
            made.append(view())
            return made[-1]

        return decorated

    made: list[Any] = []

    @app.get("/wrong")
    @plain
    async def wrong() -> str:
        return ""

    @app.get("/right")
    @plain
    @app.ensure_sync
    async def right() -> str:
        return "right"

    client = app.test_client()
    place = f"{__file__}:{wrong.__wrapped__.__code__.co_firstlineno}"  # type: ignore[attr-defined]
    with pytest.raises(TypeError) as raised:
        client.get("/wrong")
    made[0].close()  # else Python warns that it was never awaited
    assert str(raised.value) == (
        f"The view 'wrong' ({place}) returned a coroutine that nothing awaited: make the view an"
        " `async def` and return what `await` gives. A decorator around an asynchronous view calls"
        " it by current_app.ensure_sync(view)(...)."
    )
    assert client.get("/right").text == "right"


def test_twenty_threads_each_see_their_own_requests(app: App) -> None:
    @app.before_request
    async def before() -> None:
        g.number = request.args["n"]

    @app.get("/<int:number>")
    async def index(number: int) -> str:
        session["n"] = number
        await asyncio.sleep(0)
        inner = await asyncio.create_task(child())
        return f"{number} {request.args['n']} {g.number} {session['n']} {inner}"

    async def child() -> str:
        await asyncio.sleep(0)
        return request.path

    def browse(first: int) -> list[str]:
        client = app.test_client()
        numbers = range(first, first + 50)
        return [
            answer
            for n in numbers
            if (answer := client.get(f"/{n}?n={n}").text) != f"{n} {n} {n} {n} /{n}"
        ]

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(browse, range(0, 1000, 50))) == [[]] * 20


# --- failures


def test_a_cancelled_view_is_a_500_that_is_logged(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/")
    async def index() -> None:
        task = asyncio.create_task(asyncio.sleep(1))
        task.cancel()
        await task

    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert app.test_client().get("/").status_code == 500
    assert messages(caplog) == [("ERROR", "Exception on / [GET]")]
    (error,) = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert isinstance(error, CoroutineCancelled)
    assert error.function is index


def test_a_timeout_goes_to_its_error_handler(app: App) -> None:
    @app.errorhandler(TimeoutError)
    @app.errorhandler(asyncio.TimeoutError)  # another class before Python 3.11
    async def too_slow(error: Exception) -> tuple[str, int]:
        await asyncio.sleep(0)
        return "too slow", 504

    @app.get("/")
    async def index() -> None:
        await asyncio.wait_for(asyncio.sleep(5), 0.001)

    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (504, "too slow")


def test_an_error_handler_of_a_status_may_be_asynchronous(app: App) -> None:
    @app.errorhandler(404)
    async def missing(error: Exception) -> tuple[str, int]:
        return f"no {request.path}", 404

    assert app.test_client().get("/books").text == "no /books"


def test_an_exit_leaves_the_request_and_the_next_one_is_answered(app: App, log: Log) -> None:
    app.teardown_request(lambda exc: log.append(repr(exc)))

    @app.get("/exit")
    async def leave() -> NoReturn:
        raise SystemExit(3)

    @app.get("/")
    async def index() -> str:
        return "still here"

    client = app.test_client()
    with pytest.raises(SystemExit):
        client.get("/exit")
    assert client.get("/").text == "still here"
    assert log == ["SystemExit(3)", "None"]


def test_the_failure_of_a_task_that_nobody_awaits_is_logged(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> NoReturn:
        raise LookupError("unseen")

    @app.get("/")
    async def index() -> str:
        asyncio.create_task(fail())  # noqa: RUF006 - that is the point
        await asyncio.sleep(0.001)
        return "answer"

    assert app.test_client().get("/").text == "answer"
    gc.collect()
    assert [
        (record.name, *message)
        for record, message in zip(caplog.records, messages(caplog), strict=True)
    ] == [("example", "ERROR", "On the event loop: Task exception was never retrieved")]
    assert [repr(record.exc_info[1]) for record in caplog.records if record.exc_info] == [
        "LookupError('unseen')"
    ]


# --- hooks


def test_every_kind_of_hook_may_be_asynchronous(app: App, log: Log) -> None:
    users = Blueprint("users", __name__, url_prefix="/users")

    @app.url_value_preprocessor
    def preprocess(endpoint: str | None, values: dict[str, Any] | None) -> None:
        log.append(f"preprocess {endpoint} {values}")

    @app.before_request
    async def before() -> None:
        log.append("before")

    @users.before_request
    async def blueprint_before() -> None:
        log.append("before of the blueprint")

    @users.get("/<name>")
    async def user(name: str) -> str:
        @after_this_request
        async def after_this(response: Response) -> Response:
            log.append("after this")
            return response

        return render_template_string("{{ greeting }} {{ name }}", name=name)

    @app.context_processor
    async def names() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"greeting": "Hello"}

    @app.after_request
    async def after(response: Response) -> Response:
        log.append(f"after {response.get_data(as_text=True)}")
        return response

    @app.teardown_request
    async def teardown(exc: BaseException | None) -> None:
        log.append(f"teardown {request.path}")

    @app.teardown_appcontext
    async def teardown_context(exc: BaseException | None) -> None:
        log.append(f"teardown of the context {current_app.name}")

    app.register_blueprint(users)

    @app.get("/plain/<name>")
    def plain(name: str) -> str:
        return render_template_string("{{ greeting }} {{ name }}", name=name)

    assert app.test_client().get("/plain/bob").text == "Hello bob"
    assert log == [
        "preprocess plain {'name': 'bob'}",
        "before",
        "after Hello bob",
        "teardown /plain/bob",
        "teardown of the context example",
    ]


def test_an_asynchronous_view_can_render_with_an_asynchronous_context_processor(app: App) -> None:
    @app.context_processor
    async def names() -> dict[str, Any]:
        return {"greeting": "Hello"}

    @app.get("/")
    async def index() -> str:
        return await asyncio.to_thread(render_template_string, "{{ greeting }}")

    assert app.test_client().get("/").text == "Hello"


def test_a_before_function_may_answer(app: App) -> None:
    @app.before_request
    async def closed() -> tuple[str, int]:
        return "closed", 503

    app.add_url_rule("/", "index", lambda: "open")
    assert app.test_client().get("/").status == "503 SERVICE UNAVAILABLE"


def test_a_failing_teardown_function_is_logged_and_the_others_run(
    app: App, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    app.teardown_request(lambda exc: log.append("the other one"))

    @app.teardown_request
    async def fail(exc: BaseException | None) -> NoReturn:
        raise LookupError

    app.add_url_rule("/", "index", lambda: "answer")
    assert app.test_client().get("/").text == "answer"
    assert log == ["the other one"]
    assert messages(caplog) == [("ERROR", f"Teardown function {describe(fail)} failed")]


class Own(App):
    """Calls coroutine functions in its own way, each on a loop of its own."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if not is_async(func):
            return func

        @wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.extensions["called"].append(func.__name__)
            return asyncio.run(func(*args, **kwargs))

        return call


def test_an_application_may_call_coroutine_functions_in_its_own_way(log: Log) -> None:
    app = Own("own", static_folder=None)
    app.extensions["called"] = log

    async def start() -> None: ...

    async def before() -> None: ...

    async def after_this(response: Response) -> Response:
        return response

    async def view() -> NoReturn:
        after_this_request(after_this)
        raise LookupError

    async def handler(exc: Exception) -> str:
        return "handled"

    async def teardown(exc: BaseException | None) -> None: ...

    app.before_serving(start)
    app.before_request(before)
    app.get("/")(view)
    app.register_error_handler(LookupError, handler)
    app.teardown_request(teardown)
    app.after_serving(start)
    with app.test_client() as client:
        assert client.get("/").text == "handled"
    assert log == ["start", "before", "view", "handler", "after_this", "teardown", "start"]
    assert [thread.name for thread in threading.enumerate() if "loop" in thread.name] == []


def test_a_function_with_a_copied_context_may_be_asynchronous(app: App, log: Log) -> None:
    app.teardown_request(lambda exc: log.append(f"teardown {exc!r}"))

    @app.get("/")
    async def index() -> str:
        g.user = "ada"

        @copy_current_request_context
        async def later(number: int) -> None:
            await asyncio.sleep(0.01)
            log.append((number, request.path, "user" in g))

        assert (is_async(later), later.__name__) == (True, "later")
        g.task = asyncio.create_task(later(7))
        return ""

    app.test_client().get("/")
    assert log == ["teardown None"]
    eventually(lambda: len(log) == 3)
    assert log[1:] == [(7, "/", False), "teardown None"]


# --- what is asynchronous


async def coroutine_function(*args: Any) -> None: ...


async def asynchronous_generator() -> AsyncIterator[int]:
    yield 1


class Calling:
    async def __call__(self) -> None: ...

    async def method(self) -> None: ...

    @staticmethod
    async def static() -> None: ...

    def plain(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        (coroutine_function, True),
        (partial(coroutine_function, 1), True),
        (partial(partial(Calling()), 1), True),
        (Calling(), True),
        (Calling().method, True),
        (Calling.static, True),
        (Calling().plain, False),
        (partial(print, 1), False),
        (print, False),
        # To call the class makes an object, and no coroutine.
        (Calling, False),
        # A call of it gives an iterator, which a view may return.
        (asynchronous_generator, False),
    ],
)
def test_what_is_asynchronous(function: Any, answer: bool) -> None:
    assert is_async(function) is answer
