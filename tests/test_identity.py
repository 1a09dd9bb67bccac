"""The id of a request: whose it is, and that it is one and the same wherever it appears."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator

import pytest

from microweb import App, Request, current_app, request
from microweb.identity import KEY, request_id
from microweb.logging import RequestIdFilter, default_handler

MADE = re.compile(r"[0-9a-f]{32}")
JSON = {"Accept": "application/json"}


def shop(name: str = "shop") -> App:
    """An application that trusts one proxy."""
    app = App(f"test_identity.{name}", root_path="/", static_folder=None)
    app.config["TRUSTED_PROXIES"] = 1
    app.add_url_rule("/", "index", lambda: request.id)
    return app


def test_an_id_is_made_once_and_for_one_request() -> None:
    app = shop()
    app.add_url_rule("/twice", "twice", lambda: f"{request.id} {request.id}")
    client = app.test_client()
    first, second = client.get("/twice").text.split()
    assert first == second
    assert MADE.fullmatch(first)
    assert client.get("/").text != first


def test_no_id_is_made_where_nobody_asks() -> None:
    app = shop()
    app.add_url_rule("/none", "none", lambda: f"{KEY in request.environ}")
    assert app.test_client().get("/none").text == "False"


@pytest.mark.parametrize("sent", ["7", "a-b_c.D9", "x" * 128])
def test_the_id_of_a_trusted_proxy_is_taken(sent: str) -> None:
    app = shop()
    assert app.test_client().get("/", headers={"X-Request-ID": sent}).text == sent


@pytest.mark.parametrize(
    "sent", ["", "x" * 129, "a b", "a,b", "a\tb", 'a"b', "a/b", "<a>", "ä", "7\n", "\x1b[31m"]
)
def test_what_is_no_id_is_not_taken(sent: str) -> None:
    made = request_id({"HTTP_X_REQUEST_ID": sent}, proxies=1)
    assert MADE.fullmatch(made)


@pytest.mark.parametrize("proxies", [None, 0, {}, {"x_for": 0}])
def test_nobody_is_trusted_without_trusted_proxies(proxies: dict[str, int] | int | None) -> None:
    app = shop()
    app.config["TRUSTED_PROXIES"] = proxies
    assert MADE.fullmatch(app.test_client().get("/", headers={"X-Request-ID": "7"}).text)


def test_a_request_without_an_application_trusts_nobody() -> None:
    assert MADE.fullmatch(Request({"HTTP_X_REQUEST_ID": "7"}).id)


def test_applications_that_call_each_other_have_one_id() -> None:
    inner, outer = shop("inner"), shop("outer")
    inner.config["TRUSTED_PROXIES"] = outer.config["TRUSTED_PROXIES"] = None
    seen: list[str] = []

    @outer.before_request
    def note() -> None:
        seen.append(request.id)

    outer.add_url_rule("/inner", "inner", lambda: inner.wsgi_app)
    inner.add_url_rule("/inner", "view", lambda: request.id)
    assert outer.test_client().get("/inner", buffered=True).text == seen[0]


def test_an_application_that_a_view_returns_has_its_id_whoever_asks_first() -> None:
    inner, outer = shop("inner"), shop("outer")
    seen: list[str] = []
    outer.add_url_rule("/inner", "inner", lambda: inner)
    inner.add_url_rule("/inner", "view", lambda: request.id)
    outer.teardown_request(lambda error: seen.append(request.id))
    assert outer.test_client().get("/inner", buffered=True).text == seen[0]


def test_a_hook_may_give_the_request_another_id() -> None:
    app = shop()

    @app.before_request
    def name() -> None:
        request.id = "of-the-hook"

    client = app.test_client()
    assert client.get("/").text == "of-the-hook"
    assert client.get("/missing", headers=JSON).get_json()["request_id"] == "of-the-hook"


def test_a_forked_process_makes_other_ids() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, request_id({}, False).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with open(reader) as pipe:
        theirs = pipe.read()
    assert MADE.fullmatch(theirs)
    assert theirs != request_id({}, False)


# --- in problem details


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("path", ["/missing", "/broken"])
def test_problem_details_name_the_request(path: str, debug: bool) -> None:
    app = shop(f"problem.{path[1:]}.{debug}")
    app.debug = debug
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    app.logger.addHandler(logging.NullHandler())
    answer = app.test_client().get(path, headers={**JSON, "X-Request-ID": "a-7"})
    assert answer.get_json()["request_id"] == "a-7"


def test_a_page_does_not_name_the_request() -> None:
    answer = shop().test_client().get("/missing", headers={"X-Request-ID": "a-7"})
    assert "a-7" not in answer.text


# --- in the log


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What a handler of the user's writes."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(RequestIdFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(message)s"))
    logger = logging.getLogger("test_identity")
    logger.addHandler(handler)
    yield text
    logger.removeHandler(handler)


def test_a_handler_of_ones_own_gets_the_id_by_the_filter(logged: io.StringIO) -> None:
    app = shop("own_handler")

    @app.get("/log")
    def log() -> str:
        app.logger.error("in a request")
        logging.getLogger("test_identity.another").error("of a library")
        return ""

    app.test_client().get("/log", headers={"X-Request-ID": "a-7"})
    app.logger.error("outside")
    with app.app_context():
        app.logger.error("in an application context")
    app.logger.error("as it was given", extra={"request_id": "given"})
    assert logged.getvalue().splitlines() == [
        "a-7 in a request",
        "a-7 of a library",
        "- outside",
        "- in an application context",
        "given as it was given",
    ]


def test_streams_and_background_tasks_keep_the_id(logged: io.StringIO) -> None:
    app = shop("later")

    def pieces() -> Iterator[str]:
        current_app.logger.error("stream")
        yield request.id

    @app.get("/stream")
    def stream() -> Iterator[str]:
        app.add_background_task(lambda: app.logger.error("task of %s", request.id))
        return pieces()

    with app.test_client() as client:
        assert client.get("/stream", headers={"X-Request-ID": "a-7"}, buffered=True).text == "a-7"
    assert logged.getvalue().splitlines() == ["a-7 stream", "a-7 task of a-7"]


def test_the_default_format_has_the_id_inside_of_a_request() -> None:
    record = logging.LogRecord("a", logging.WARNING, "/x/place.py", 3, "%d left", (2,), None)
    app = shop()
    with app.test_request_context("/", headers={"X-Request-ID": "a-7"}):
        assert re.fullmatch(
            r"\[[^]]+\] \[a-7\] WARNING in place: 2 left", default_handler.format(record)
        )
    assert re.fullmatch(r"\[[^]]+\] WARNING in place: 2 left", default_handler.format(record))


def test_a_format_of_ones_own_for_the_default_handler_may_have_the_id() -> None:
    stream = io.StringIO()
    record = logging.LogRecord("a", logging.WARNING, "/x/place.py", 3, "2 left", (), None)
    before, own = default_handler.formatter, logging.Formatter("%(request_id)s: %(message)s")
    try:
        default_handler.setFormatter(own)
        with shop().test_request_context(
            "/", headers={"X-Request-ID": "a-7"}, errors_stream=stream
        ):
            default_handler.handle(record)
    finally:
        default_handler.setFormatter(before)
    assert stream.getvalue() == "a-7: 2 left\n"
