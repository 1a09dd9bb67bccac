"""What a request means besides its order: HEAD, OPTIONS, sessions, errors and their handlers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, InternalServerError

from microweb import (
    App,
    Blueprint,
    Response,
    abort,
    after_this_request,
    copy_current_request_context,
    make_response,
    request,
    session,
    url_for,
)
from microweb.sessions import SecureCookieSession, SessionInterface
from microweb.views import MethodView

# --- methods


@pytest.mark.parametrize(
    ("answer", "length"),
    [
        ("é", "2"),
        (b"abc", "3"),
        ({"a": 1}, None),
        (("created", 201), "7"),
        (iter(["a", "b"]), None),
    ],
)
def test_head_has_the_headers_of_get_and_no_body(app: App, answer: Any, length: str | None) -> None:
    app.add_url_rule("/", "index", lambda: answer)
    head = app.test_client().head("/", buffered=True)
    assert head.data == b""
    if length is not None:
        assert head.headers["Content-Length"] == length


def test_head_of_a_json_answer_has_the_length_of_get(app: App) -> None:
    app.add_url_rule("/", "index", lambda: {"a": 1})
    client = app.test_client()
    head, get = client.head("/"), client.get("/")
    assert head.headers["Content-Length"] == get.headers["Content-Length"] == str(len(get.data))


def test_a_view_for_head_is_called_for_head(app: App) -> None:
    app.add_url_rule("/", "get", lambda: "get")
    app.add_url_rule("/own", "own", lambda: ("", 200, {"X": request.method}), methods=["HEAD"])
    client = app.test_client()
    assert client.head("/own").headers["X"] == "HEAD"
    assert client.get("/own").status_code == 405


def test_head_of_a_class_of_methods_is_its_get(app: App) -> None:
    class Item(MethodView):
        def get(self) -> Any:
            return "four", 200, {"X-Method": request.method}

        def put(self) -> str:
            return ""

    app.add_url_rule("/", view_func=Item.as_view("item"))
    client = app.test_client()
    response = client.head("/")
    assert (response.data, response.headers["Content-Length"]) == (b"", "4")
    assert response.headers["X-Method"] == "HEAD"
    assert client.post("/").headers["Allow"] == "GET, HEAD, OPTIONS, PUT"


def test_options_name_the_methods_of_all_rules_of_the_url(app: App) -> None:
    app.add_url_rule("/<int:id>", "one", lambda id: "")
    app.add_url_rule("/<int:id>", "two", lambda id: "", methods=["PUT", "DELETE"])
    response = app.test_client().options("/7")
    assert (response.status_code, response.data) == (200, b"")
    assert set(response.allow) == {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}
    assert response.headers["Content-Length"] == "0"


# --- sessions and matching


def test_the_session_is_open_for_a_hook_of_a_request_that_matches_nothing(app: App) -> None:
    @app.before_request
    def remember() -> None:
        session["seen"] = True

    client = app.test_client()
    assert client.get("/nowhere").status_code == 404
    with client.session_transaction() as opened:
        assert opened["seen"] is True


def test_an_interface_of_ones_own_is_asked_for_every_request(app: App) -> None:
    log: list[str] = []

    class Own(SessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            log.append("open")
            return SecureCookieSession()

        def save_session(self, app: Any, session: Any, response: Any) -> None:
            log.append(f"save {response.status_code}")

    app.session_interface = Own()
    app.add_url_rule("/", "index", lambda: "")
    client = app.test_client()
    client.get("/")
    client.get("/nowhere")
    assert log == ["open", "save 200", "open", "save 404"]


# --- errors


@pytest.mark.parametrize(
    ("testing", "debug", "propagate"),
    list(product([False, True], [False, True], [None, False, True])),
)
def test_an_unhandled_error_is_raised_where_it_is_asked_for(
    app: App, testing: bool, debug: bool, propagate: bool | None
) -> None:
    app.config.update(TESTING=testing, DEBUG=debug, PROPAGATE_EXCEPTIONS=propagate)
    app.add_url_rule("/", "index", lambda: 1 / 0)
    raised = (testing or debug) if propagate is None else propagate
    client = app.test_client()
    if raised:
        with pytest.raises(ZeroDivisionError):
            client.get("/")
    else:
        assert client.get("/").status_code == 500


@pytest.mark.parametrize("key", [500, InternalServerError, HTTPException])
def test_a_handler_of_the_500_gets_the_wrapped_error(app: App, key: Any) -> None:
    seen: list[tuple[type, type]] = []

    @app.errorhandler(key)
    def handle(error: Any) -> tuple[str, int]:
        seen.append((type(error), type(error.original_exception)))
        return "handled", 500

    app.testing = False
    app.add_url_rule("/", "index", lambda: 1 / 0)
    app.add_url_rule("/abort", "abort", lambda: abort(500))
    client = app.test_client()
    assert [client.get(path).text for path in ("/", "/abort")] == ["handled", "handled"]
    assert seen == [
        (InternalServerError, ZeroDivisionError),
        (InternalServerError, type(None)),
    ]


def test_handlers_stand_by_code_and_scope_and_class(app: App) -> None:
    class Gone(Exception):
        pass

    class Lost(Gone):
        pass

    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.register_error_handler(Exception, lambda error: ("blog Exception", 299))
    blog.register_error_handler(404, lambda error: ("blog 404", 299))
    app.register_error_handler(403, lambda error: ("app 403", 299))
    app.register_error_handler(404, lambda error: ("app 404", 299))
    app.register_error_handler(HTTPException, lambda error: ("app HTTPException", 299))
    app.register_error_handler(Lost, lambda error: ("app Lost", 299))
    app.register_error_handler(Gone, lambda error: ("app Gone", 299))

    def stop(what: str) -> Any:
        if what.isdigit():
            abort(int(what))
        raise {"gone": Gone, "lost": Lost}[what]

    for scope in (app, blog):
        scope.add_url_rule("/<what>", "stop", stop)
    app.register_blueprint(blog)
    client = app.test_client()
    answers = {
        path: client.get(path).text
        for path in (
            *("/403", "/404", "/410", "/gone", "/lost"),
            *("/blog/403", "/blog/404", "/blog/410", "/blog/gone", "/blog/lost"),
        )
    }
    assert answers == {
        "/403": "app 403",
        "/404": "app 404",
        "/410": "app HTTPException",
        "/gone": "app Gone",
        "/lost": "app Lost",
        "/blog/403": "app 403",
        "/blog/404": "blog 404",
        "/blog/410": "blog Exception",
        "/blog/gone": "blog Exception",
        "/blog/lost": "blog Exception",
    }


def test_abort_takes_a_code_a_response_and_a_description(app: App) -> None:
    app.register_error_handler(404, lambda error: (error.description, 404))
    app.add_url_rule("/code", "code", lambda: abort(404, "no such page"))
    app.add_url_rule("/keyword", "keyword", lambda: abort(404, description="none"))
    app.add_url_rule("/response", "response", lambda: abort(make_response("own", 299)))
    client = app.test_client()
    answers = [client.get(path) for path in ("/code", "/keyword", "/response")]
    assert [response.text for response in answers] == ["no such page", "none", "own"]
    assert [response.status_code for response in answers] == [404, 404, 299]


# --- functions of one request


def test_functions_after_this_request_run_once_and_in_order(app: App) -> None:
    def add(text: str) -> None:
        @after_this_request
        def write(response: Response) -> Response:
            response.data += text.encode()
            return response

    @app.before_request
    def before() -> None:
        add("1")

    def index() -> str:
        add("2")
        return "0"

    app.add_url_rule("/", "index", index)
    app.after_request(lambda response: make_response(response.data + b"3"))
    client = app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["0123", "0123"]


def test_outside_of_a_request_there_is_nothing_after_it(app: App) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="after_this_request"):
        after_this_request(lambda response: response)


def test_a_copied_request_is_the_same_object(app: App) -> None:
    seen: list[object] = []

    def index() -> str:
        proxy: Any = request
        seen.append(proxy._get_current_object())
        copy_current_request_context(lambda: seen.append(proxy._get_current_object()))()
        return url_for("index")

    app.add_url_rule("/", "index", index)
    assert app.test_client().get("/").text == "/"
    assert seen[0] is seen[1]


def test_a_stream_has_its_request_to_the_end(app: App) -> None:
    def index() -> Iterator[str]:
        for _ in range(2):
            yield f"{request.path} {url_for('index')} "

    app.add_url_rule("/", "index", index)
    assert app.test_client().get("/", buffered=True).text == "/ / / / "
