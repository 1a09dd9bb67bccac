"""The routes that tell whether a process lives and whether it is ready."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import Any

import pytest
from click.testing import CliRunner

from microweb import App, Blueprint, abort, g, redirect, session, url_for
from microweb.cli import MicrowebGroup
from microweb.errors import SetupError

OK = 200, {"status": "ok"}


def unavailable(*failed: str) -> tuple[int, dict[str, Any]]:
    return 503, {"status": "unavailable", "failed": list(failed)}


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[App]:
    """An application as in production, which writes its log into a text."""
    app = App(f"test_health.{request.node.name}", root_path="/", static_folder=None)
    app.secret_key = "a key for tests only"
    app.add_url_rule("/", "index", lambda: "hello")
    app.extensions["log"] = log = io.StringIO()
    app.logger.addHandler(logging.StreamHandler(log))
    yield app
    app.shutdown()


def log(app: App) -> str:
    text: str = app.extensions["log"].getvalue()
    return text


def asked(app: App, path: str) -> tuple[int, Any]:
    answer = app.test_client().get(path)
    return answer.status_code, answer.json


def test_a_process_lives_and_is_ready(shop: App) -> None:
    shop.health_routes()
    for path in ("/healthz", "/readyz"):
        answer = shop.test_client().get(path)
        assert (answer.status_code, answer.json) == OK
        assert list(answer.headers) == [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(answer.data))),
            ("Cache-Control", "no-store"),
        ]


def test_head_and_options_are_answered(shop: App) -> None:
    shop.health_routes()
    client = shop.test_client()
    head = client.head("/readyz")
    assert (head.status_code, head.data, head.headers["Cache-Control"]) == (200, b"", "no-store")
    assert client.options("/readyz").allow == {"GET", "HEAD", "OPTIONS"}
    assert client.post("/readyz").status_code == 405


def test_the_urls_may_be_others_and_are_built(shop: App) -> None:
    shop.health_routes(live="/alive", ready="/internal/ready")
    assert [asked(shop, path) for path in ("/alive", "/internal/ready")] == [OK, OK]
    assert asked(shop, "/healthz")[0] == 404
    with shop.test_request_context():
        assert url_for("health_live") == "/alive"
        assert url_for("health_ready") == "/internal/ready"


def test_an_application_that_did_not_ask_has_no_such_routes(shop: App) -> None:
    assert [asked(shop, path)[0] for path in ("/healthz", "/readyz")] == [404, 404]


def test_options_are_those_of_a_route() -> None:
    app = App("hosts", static_folder=None, host_matching=True)
    app.health_routes(host="<host>")
    answer = app.test_client().get("/readyz", base_url="http://10.0.0.7:8080")
    assert answer.json == {"status": "ok"}


def test_with_subdomains_a_variable_takes_an_address_too() -> None:
    app = App("hosts", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    app.health_routes(subdomain="<any>")
    with pytest.warns(UserWarning, match="doesn't match configured server name"):  # of Werkzeug
        answer = app.test_client().get("/readyz", base_url="http://10.0.0.7:8080")
    assert answer.json == {"status": "ok"}


def test_a_probe_by_the_address_of_a_process_is_answered(shop: App) -> None:
    shop.config["TRUSTED_HOSTS"] = ["example.com"]
    shop.health_routes()
    shop.add_url_rule("/page", "page", lambda: "a page")
    client = shop.test_client()
    by_address = "http://10.0.0.7:8080"
    for path, status in {"/healthz": 200, "/readyz": 200, "/page": 400, "/healthz/": 400}.items():
        assert client.get(path, base_url=by_address).status_code == status
    assert client.head("/healthz", base_url=by_address).status_code == 200
    assert client.post("/healthz", base_url=by_address).status_code == 405


def test_the_command_lists_them(shop: App) -> None:
    shop.health_routes()
    group = MicrowebGroup(create_app=lambda: shop)
    # The command line sets this variable, and the runner gives back what it was.
    runner = CliRunner(env={"MICROWEB_RUN_FROM_CLI": "true"})
    lines = runner.invoke(group, ["routes"]).output.splitlines()
    assert [line.split()[:3] for line in lines if "health_" in line.split()[2]] == [
        ["/healthz", "GET", "health_live"],
        ["/readyz", "GET", "health_ready"],
    ]


# --- the hooks of the application do not run


def test_no_hook_runs_around_them(shop: App) -> None:
    ran: list[str] = []
    pages = Blueprint("pages", "pages", url_prefix="/pages")
    shop.url_value_preprocessor(lambda endpoint, values: ran.append("preprocessor"))
    pages.before_app_request(lambda: ran.append("blueprint"))
    shop.teardown_request(lambda error: ran.append("teardown"))
    shop.register_blueprint(pages)
    shop.health_routes()

    @shop.before_request
    def ask_for_a_login() -> Any:
        ran.append("before")
        return redirect("/login")

    @shop.after_request
    def use_the_session(response: Any) -> Any:
        ran.append("after")
        session["seen"] = True
        return response

    assert [asked(shop, "/healthz"), asked(shop, "/readyz"), ran] == [OK, OK, []]
    assert asked(shop, "/")[0] == 302
    assert ran == ["preprocessor", "blueprint", "before", "after", "teardown"]


def test_the_context_of_a_check_is_torn_down(shop: App) -> None:
    shop.health_routes()
    closed: list[str] = []

    @shop.health_check
    def database() -> None:
        g.database = "open"

    @shop.teardown_appcontext
    def close(error: BaseException | None) -> None:
        closed.append(g.pop("database"))

    assert (asked(shop, "/readyz"), closed) == (OK, ["open"])


# --- checks


async def well() -> bool:
    await asyncio.sleep(0)
    return True


async def unwell() -> bool:
    await asyncio.sleep(0)
    return False


def refuse() -> None:
    abort(418)


CHECKS: dict[str, tuple[Callable[[], Any], tuple[int, Any]]] = {
    "None": (lambda: None, OK),
    "True": (lambda: True, OK),
    "a coroutine": (well, OK),
    "False": (lambda: False, unavailable("check")),
    "a coroutine with False": (unwell, unavailable("check")),
    "an error": (lambda: 1 / 0, unavailable("check")),
    "an HTTP error": (refuse, unavailable("check")),
    "something else": (lambda: "fine", unavailable("check")),
    "nought": (lambda: 0, unavailable("check")),
}


@pytest.mark.parametrize(("check", "expected"), CHECKS.values(), ids=CHECKS)
def test_a_check_decides(shop: App, check: Callable[[], Any], expected: tuple[int, Any]) -> None:
    shop.health_routes()
    shop.health_check("check")(check)
    assert asked(shop, "/readyz") == expected
    assert asked(shop, "/healthz") == OK
    assert bool(log(shop)) is (expected != OK)


def test_each_check_that_fails_is_named_and_all_of_them_run(shop: App) -> None:
    @shop.health_check
    def database() -> None:
        raise ConnectionError("no route to 10.0.0.3, password 'secret'")

    @shop.health_check
    def cache() -> bool:
        return True

    @shop.health_check("search engine")
    def search() -> bool:
        return False

    shop.health_routes()
    answer = shop.test_client().get("/readyz")
    assert (answer.status_code, answer.json) == unavailable("database", "search engine")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "secret" not in answer.text
    assert "ConnectionError: no route to 10.0.0.3, password 'secret'" in log(shop)
    assert f"database' ({__file__}:" in log(shop)
    assert f"search' ({__file__}:" in log(shop)
    assert log(shop).endswith(" returned False.\n")


def test_what_a_check_must_not_return_is_said(shop: App) -> None:
    shop.health_routes()
    shop.health_check("check")(lambda: "fine")
    asked(shop, "/readyz")
    assert log(shop).endswith(
        " returned 'fine': return None or True where all is well, or else False.\n"
    )


# --- the life of the process


def test_asking_for_readiness_starts_the_process_and_asking_for_life_does_not(shop: App) -> None:
    started: list[str] = []
    shop.health_routes()
    shop.before_serving(lambda: started.append("started"))
    assert (asked(shop, "/healthz"), started) == (OK, [])
    assert (asked(shop, "/readyz"), started) == (OK, ["started"])
    assert (asked(shop, "/")[0], started) == (200, ["started"])


def test_a_process_whose_startup_fails_lives_and_is_not_ready(shop: App) -> None:
    databases: list[str] = []
    shop.health_routes()

    @shop.before_serving
    def connect() -> None:
        if not databases:
            raise ConnectionError("no database")

    assert asked(shop, "/healthz") == OK
    assert asked(shop, "/readyz") == unavailable("startup")
    assert "The process is not ready: its startup failed\n" in log(shop)
    assert log(shop).endswith("ConnectionError: no database\n")
    databases.append("a database")
    assert asked(shop, "/readyz") == OK


def test_a_process_that_is_starting_in_another_thread_is_not_waited_for(shop: App) -> None:
    began, go_on = threading.Event(), threading.Event()
    shop.health_routes()

    @shop.before_serving
    def connect() -> None:
        began.set()
        assert go_on.wait(20)

    thread = threading.Thread(target=asked, args=(shop, "/"))
    thread.start()
    assert began.wait(20)
    assert asked(shop, "/healthz") == OK
    assert asked(shop, "/readyz") == unavailable("startup")
    go_on.set()
    thread.join()
    assert asked(shop, "/readyz") == OK


@pytest.mark.parametrize("where", ["task", "after_serving"])
def test_a_process_that_is_ending_lives_and_is_not_ready(shop: App, where: str) -> None:
    began, go_on = threading.Event(), threading.Event()
    shop.health_routes()

    def wait() -> None:
        began.set()
        assert go_on.wait(20)

    if where == "after_serving":
        shop.after_serving(wait)

    @shop.get("/task")
    def task() -> str:
        shop.add_background_task(wait)
        return ""

    assert asked(shop, "/task" if where == "task" else "/")[0] == 200
    assert asked(shop, "/readyz") == OK
    thread = threading.Thread(target=shop.shutdown)
    thread.start()
    assert began.wait(20)
    deadline = monotonic() + 20  # the task may have begun before the shutdown has
    while (answer := asked(shop, "/readyz")) == OK and monotonic() < deadline:
        pass
    assert answer == unavailable("shutdown")
    assert asked(shop, "/healthz") == OK
    go_on.set()
    thread.join()
    assert asked(shop, "/readyz") == OK  # of the next one, which this has started


def test_a_shutdown_that_fails_is_over_all_the_same(shop: App) -> None:
    shop.health_routes()
    shop.after_serving(partial(exit, 3))
    assert asked(shop, "/readyz") == OK
    with pytest.raises(SystemExit):
        shop.shutdown()
    assert shop.worker.phase == "new"


# --- mistakes


def test_a_second_call_is_refused(shop: App) -> None:
    shop.health_routes()
    with pytest.raises(SetupError) as caught:
        shop.health_routes("/live", "/ready")
    assert str(caught.value) == (
        "health_routes() was called already, for /healthz and /readyz: an application has these"
        " routes once. Call it with both URLs, live= and ready=."
    )


REMEDY = (
    " (health_routes() takes other URLs, as live= and ready=; its endpoints are 'health_live' and"
    " 'health_ready'.)"
)


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        (("/", "/readyz"), "GET '/' is registered twice: by '/' of 'shop."),
        (("/x", "/x"), "GET '/x' is registered twice: by '/x' of 'Health.live' ("),
        (
            ("healthz", "/readyz"),
            "The URL rule 'healthz' must start with a slash: write '/healthz'.",
        ),
        ((7, "/readyz"), "A URL rule is text such as '/', and not 7."),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(shop: App, urls: Any, message: str) -> None:
    with pytest.raises(SetupError) as caught:
        shop.health_routes(*urls)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(REMEDY)


def test_a_url_with_a_variable_is_refused(shop: App) -> None:
    with pytest.raises(SetupError) as caught:
        shop.health_routes("/<name>/healthz")
    assert str(caught.value) == (
        "health_routes() takes URLs without variables, not '/<name>/healthz'."
    )


def test_a_check_without_the_routes_is_refused(shop: App) -> None:
    @shop.health_check
    def database() -> None: ...

    with pytest.raises(SetupError) as caught, shop.test_request_context():
        pass
    assert str(caught.value).startswith("The health check 'test_a_check_without_the_routes")
    assert str(caught.value).endswith(
        " is never asked: call app.health_routes(), which answers /healthz and /readyz."
    )


@pytest.mark.parametrize(
    ("name", "owner"),
    [("database", "'well' ("), ("startup", "microweb's own, "), ("shutdown", "microweb's own, ")],
)
def test_a_name_that_is_taken_is_refused(shop: App, name: str, owner: str) -> None:
    shop.health_check("database")(well)
    with pytest.raises(SetupError) as caught:
        shop.health_check(name)(unwell)
    assert str(caught.value).startswith(f"The health check {name!r} is taken: it is {owner}")
    assert str(caught.value).endswith(
        " would be called the same. Write @app.health_check('another name') above the function."
    )


def test_a_check_without_a_name_is_refused(shop: App) -> None:
    nameless = partial(print, "x")
    with pytest.raises(SetupError) as caught:
        shop.health_check(nameless)
    assert str(caught.value) == (
        f"health_check takes a function with a name, and not {nameless!r}: give a function, and"
        " write @app.health_check('name') where it has none."
    )


@pytest.mark.parametrize("call", ["health_routes", "health_check"])
def test_after_the_first_request_it_is_too_late(shop: App, call: str) -> None:
    asked(shop, "/")
    with pytest.raises(SetupError) as caught:
        shop.health_routes() if call == "health_routes" else shop.health_check(well)
    assert str(caught.value).startswith(f"{call}() comes too late: ")
