"""What a client sees of an error, and what the developer does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    NotFound,
    TooManyRequests,
    Unauthorized,
)

from microweb import App, Response, abort, got_request_exception, request
from microweb.identity import KEY

NAMED = {KEY: "a-7"}  # a request that has its id already

JSON = {"Accept": "application/json"}


def broken(app: App) -> App:
    """Return the application, outside of tests, with a view that fails."""
    app.testing = False

    @app.get("/broken")
    def view() -> str:
        raise ValueError("secret evidence")

    return app


# --- HTML or JSON


def test_a_browser_gets_html(app: App) -> None:
    response = app.test_client().get("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.status == "404 NOT FOUND"
    assert response.content_type == "text/html; charset=utf-8"
    assert response.text == (
        "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
        "<p>The requested URL was not found on the server. If you entered the URL manually please"
        " check your spelling and try again.</p>\n"
    )
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    "accept", ["application/json", "application/problem+json", "application/json, text/plain, */*"]
)
def test_a_client_that_prefers_json_gets_problem_details(app: App, accept: str) -> None:
    response = app.test_client().get("/nowhere", headers={"Accept": accept}, environ_base=NAMED)
    assert response.status == "404 NOT FOUND"
    assert response.content_type == "application/problem+json"
    assert json.loads(response.data) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": NotFound.description,
        "request_id": "a-7",
    }
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "text/*"}])
def test_a_client_without_a_preference_gets_html(app: App, headers: dict[str, str]) -> None:
    response = app.test_client().get("/nowhere", headers=headers)
    assert response.content_type == "text/html; charset=utf-8"


def test_the_description_is_escaped_in_html_only(app: App) -> None:
    app.add_url_rule("/", "index", lambda: abort(400, "<b> & </b>"))
    client = app.test_client()
    assert "<p>&lt;b&gt; &amp; &lt;/b&gt;</p>" in client.get("/").text
    assert json.loads(client.get("/", headers=JSON).data)["detail"] == "<b> & </b>"


@pytest.mark.parametrize("headers", [{}, JSON])
def test_headers_of_an_error_are_sent_in_both_forms(app: App, headers: dict[str, str]) -> None:
    app.add_url_rule("/busy", "busy", lambda: abort(429, retry_after=60))
    app.add_url_rule("/post", "post", lambda: "", methods=["POST"])
    client = app.test_client()
    assert client.get("/busy", headers=headers).headers["Retry-After"] == "60"
    assert client.get("/post", headers=headers).headers["Allow"] == "OPTIONS, POST"


def test_an_error_carries_its_challenge(app: App) -> None:
    from werkzeug.datastructures import WWWAuthenticate

    @app.get("/")
    def index() -> str:
        raise Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "here"}))

    response = app.test_client().get("/")
    assert response.headers["WWW-Authenticate"] == "Basic realm=here"


def test_an_error_for_head_has_no_body(app: App) -> None:
    response = app.test_client().head("/nowhere")
    assert (response.status_code, response.data) == (404, b"")
    assert int(response.headers["Content-Length"]) > 0


def test_the_server_error_is_a_problem_too_and_keeps_the_evidence(app: App) -> None:
    response = broken(app).test_client().get("/broken", headers=JSON, environ_base=NAMED)
    assert response.status_code == 500
    assert json.loads(response.data) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": InternalServerError.description,
        "request_id": "a-7",
    }
    assert "evidence" not in response.text


def test_an_error_of_ones_own_has_its_name_and_words(app: App) -> None:
    class Teapot(HTTPException):
        code = 418
        description = "Short and stout."

    @app.get("/")
    def index() -> str:
        raise Teapot

    client = app.test_client()
    response = client.get("/", headers=JSON, environ_base=NAMED)
    assert response.status == "418 I'M A TEAPOT"
    assert json.loads(response.data) == {
        "type": "about:blank",
        "title": "I'm a teapot",
        "status": 418,
        "detail": "Short and stout.",
        "request_id": "a-7",
    }
    assert "<p>Short and stout.</p>" in client.get("/").text


def test_an_error_with_a_response_of_its_own_is_that_response(app: App) -> None:
    @app.get("/")
    def index() -> str:
        raise NotFound(response=Response("my own", 410))

    response = app.test_client().get("/", headers=JSON)
    assert (response.status_code, response.text) == (410, "my own")


def test_an_error_that_makes_its_own_response_is_left_alone(app: App) -> None:
    class Own(HTTPException):
        code = 400

        def get_response(self, environ: Any = None, scope: Any = None) -> Any:
            return Response("own", 400, mimetype="text/plain")

    @app.get("/")
    def index() -> str:
        raise Own

    response = app.test_client().get("/", headers=JSON)
    assert (response.text, response.content_type) == ("own", "text/plain; charset=utf-8")


def test_an_error_with_body_and_headers_of_its_own_is_sent_as_it_says(app: App) -> None:
    class Own(HTTPException):
        code = 400

        def get_body(self, environ: Any = None, scope: Any = None) -> str:
            return '{"mine": true}'

        def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
            return [("Content-Type", "application/json"), ("X-Mine", "yes")]

    @app.get("/")
    def index() -> str:
        raise Own

    client = app.test_client()
    for headers in ({}, JSON):
        response = client.get("/", headers=headers, buffered=True)
        assert response.json == {"mine": True}
        assert response.content_type == "application/json"
        assert response.headers["X-Mine"] == "yes"


def test_the_serializer_of_errors_can_be_overridden() -> None:
    class Own(App):
        def make_error_response(self, e: HTTPException) -> Response:
            return self.response_class(f"{e.code} at {request.path}", status=e.code)

    app = broken(Own("example"))
    client = app.test_client()
    assert client.get("/nowhere").text == "404 at /nowhere"
    assert client.get("/broken").text == "500 at /broken"


def test_a_redirect_of_the_router_is_no_problem_document(app: App) -> None:
    app.add_url_rule("/users/", "users", lambda: "")
    response = app.test_client().get("/users", headers=JSON, buffered=True)
    assert (response.status_code, response.location) == (308, "http://localhost/users/")
    assert response.content_type == "text/html; charset=utf-8"


def test_after_hooks_see_error_pages(app: App) -> None:
    seen: list[str] = []

    @app.after_request
    def look(response: Response) -> Response:
        seen.append(response.status)
        response.headers["X-Seen"] = "yes"
        return response

    assert app.test_client().get("/nowhere").headers["X-Seen"] == "yes"
    assert seen == ["404 NOT FOUND"]


# --- server errors


def test_an_unhandled_error_is_a_500_and_is_logged(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    response = broken(app).test_client().get("/broken?page=2")
    assert response.status == "500 INTERNAL SERVER ERROR"
    assert "evidence" not in response.text
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("example", "ERROR")
    assert record.getMessage() == "Exception on /broken [GET]"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "secret evidence"


@pytest.mark.parametrize(
    "settings",
    [
        {"TESTING": True},
        {"DEBUG": True},
        {"PROPAGATE_EXCEPTIONS": True},
        {"PROPAGATE_EXCEPTIONS": True, "TESTING": False, "DEBUG": False},
    ],
)
def test_an_unhandled_error_is_raised_for_developers(
    app: App, settings: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    broken(app).config.update(settings)
    with pytest.raises(ValueError, match="^secret evidence$"):
        app.test_client().get("/broken")
    assert caplog.records == []


def test_propagation_can_be_switched_off_in_tests(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    broken(app).config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
    assert app.test_client().get("/broken").status_code == 500


@pytest.mark.parametrize("key", [500, InternalServerError])
def test_a_handler_of_500_gets_the_original_exception(app: App, key: Any) -> None:
    seen: list[Any] = []

    @app.errorhandler(key)
    def explain(error: InternalServerError) -> tuple[str, int]:
        seen.extend([type(error), repr(error.original_exception)])
        return "sorry", 500

    assert broken(app).test_client().get("/broken").text == "sorry"
    assert seen == [InternalServerError, "ValueError('secret evidence')"]


def test_an_aborted_500_has_no_original_exception(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    @app.errorhandler(500)
    def explain(error: InternalServerError) -> tuple[str, int]:
        seen.append(error.original_exception)
        return "sorry", 500

    app.add_url_rule("/", "index", lambda: abort(500))
    assert app.test_client().get("/").text == "sorry"
    assert seen == [None]
    assert caplog.records == []


def test_a_handler_that_fails_is_a_server_error_itself(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    @app.errorhandler(ValueError)
    def fail(error: ValueError) -> str:
        raise LookupError("in the handler")

    assert broken(app).test_client().get("/broken").status_code == 500
    (record,) = caplog.records
    assert record.exc_info is not None
    assert repr(record.exc_info[1]) == "LookupError('in the handler')"


@pytest.mark.parametrize("wrong", [True, False])
def test_a_handler_of_500_that_fails_does_not_lose_the_answer(
    app: App, caplog: pytest.LogCaptureFixture, wrong: bool
) -> None:
    @app.errorhandler(500)
    def fail(error: Exception) -> Any:
        if wrong:
            return None
        raise LookupError("in the handler")

    response = broken(app).test_client().get("/broken")
    assert (response.status_code, "Internal Server Error" in response.text) == (500, True)
    assert [record.getMessage() for record in caplog.records] == [
        "Exception on /broken [GET]",
        "The handler of error 500 failed",
    ]


def test_a_handler_may_return_anything_that_a_view_may(app: App) -> None:
    app.register_error_handler(404, lambda error: ({"path": request.path}, 404, {"X-A": "1"}))
    response = app.test_client().get("/nowhere")
    assert (response.status_code, response.json) == (404, {"path": "/nowhere"})
    assert response.headers["X-A"] == "1"


def test_a_handler_without_a_status_answers_200(app: App) -> None:
    app.register_error_handler(404, lambda error: "found after all")
    assert app.test_client().get("/nowhere").status_code == 200


def test_a_handler_may_return_the_error_itself(app: App) -> None:
    app.register_error_handler(HTTPException, lambda error: error)
    assert app.test_client().get("/nowhere").status_code == 404


def test_an_error_in_an_after_hook_is_a_server_error(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.testing = False
    log: list[str] = []

    @app.after_request
    def fail_once(response: Response) -> Response:
        log.append(response.status)
        if len(log) == 1:
            raise ValueError("once")
        return response

    app.add_url_rule("/", "index", lambda: "")
    assert app.test_client().get("/").status_code == 500
    assert log == ["200 OK", "500 INTERNAL SERVER ERROR"]


# --- trapped errors


def test_http_errors_can_be_trapped_like_others(app: App) -> None:
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    with pytest.raises(NotFound):
        app.test_client().get("/nowhere")


def test_a_trapped_error_still_has_its_handler(app: App) -> None:
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    app.register_error_handler(404, lambda error: ("handled", 404))
    assert app.test_client().get("/nowhere").text == "handled"


def form(app: App) -> App:
    """Return the application with a view that needs a form field."""
    app.add_url_rule("/", "index", lambda: request.form["name"], methods=["POST"])
    return app


def test_a_missing_form_key_is_a_400_that_hides_the_key(app: App) -> None:
    response = form(app).test_client().post("/")
    assert response.status_code == 400
    assert "name" not in response.text


def test_a_missing_form_key_is_an_exception_in_debug(app: App) -> None:
    app.debug = True
    with pytest.raises(KeyError, match="name"):
        form(app).test_client().post("/")


def test_a_missing_form_key_may_be_trapped_or_not(app: App) -> None:
    app.config["TRAP_BAD_REQUEST_ERRORS"] = True
    with pytest.raises(KeyError, match="name"):
        form(app).test_client().post("/")
    app.debug = True
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    response = app.test_client().post("/")
    assert (response.status_code, "name" in response.text) == (400, True)


# --- signals


def test_an_unhandled_error_is_signalled_once(app: App) -> None:
    seen: list[object] = []

    def keep(sender: App, exception: Exception) -> None:
        seen.extend([sender, repr(exception), request.path])

    with got_request_exception.connected_to(keep, app):
        broken(app).test_client().get("/broken")
    assert seen == [app, "ValueError('secret evidence')", "/broken"]


def test_an_error_is_signalled_before_it_is_raised(app: App) -> None:
    seen: list[str] = []

    def keep(sender: App, exception: Exception) -> None:
        seen.append(repr(exception))

    broken(app).testing = True
    with got_request_exception.connected_to(keep, app), pytest.raises(ValueError, match="secret"):
        app.test_client().get("/broken")
    assert seen == ["ValueError('secret evidence')"]


def test_handled_errors_are_not_signalled(app: App) -> None:
    seen: list[Exception] = []

    def keep(sender: App, exception: Exception) -> None:
        seen.append(exception)

    app.register_error_handler(ValueError, lambda error: "handled")
    app.add_url_rule("/busy", "busy", lambda: abort(TooManyRequests.code))
    with got_request_exception.connected_to(keep, app):
        client = broken(app).test_client()
        codes = [client.get(url).status_code for url in ("/broken", "/busy", "/nowhere")]
    assert codes == [200, 429, 404]
    assert seen == []
