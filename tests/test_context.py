"""The one context: what is current when, and for whom."""

from __future__ import annotations

import importlib
import re
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import create_environ

from microweb import (
    App,
    Request,
    Response,
    after_this_request,
    copy_current_request_context,
    current_app,
    flash,
    g,
    get_flashed_messages,
    get_template_attribute,
    has_app_context,
    has_request_context,
    render_block,
    render_template,
    render_template_string,
    request,
    session,
    stream_template,
    stream_template_string,
    url_for,
)
from microweb.context import Globals, current
from microweb.errors import OutsideContext, SetupError

NEEDS_REQUEST = (
    "{!r} was used outside of a request context: it only has a value while microweb handles a"
    " request; in a test, `with app.test_request_context('/path'):` opens one."
)
NEEDS_APP = (
    "{!r} was used outside of an application context: it only has a value while microweb works for"
    " an application; `with app.app_context():` opens one."
)


def in_thread(function: Callable[[], Any]) -> Any:
    """Return what a function returns in another thread, or raise what it raises there."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


# --- outside


@pytest.mark.parametrize(
    ("name", "use", "message"),
    [
        ("request", lambda: request.path, NEEDS_REQUEST),
        ("session", lambda: session["user"], NEEDS_REQUEST),
        ("session", lambda: session.get("user"), NEEDS_REQUEST),
        ("g", lambda: g.user, NEEDS_APP),
        ("g", lambda: g.get("user"), NEEDS_APP),
        ("current_app", lambda: current_app.name, NEEDS_APP),
        ("url_for", lambda: url_for("index"), NEEDS_APP),
        ("after_this_request", lambda: after_this_request(lambda r: r), NEEDS_REQUEST),
        (
            "copy_current_request_context",
            lambda: copy_current_request_context(print),
            NEEDS_REQUEST,
        ),
    ],
)
def test_outside_of_a_context_a_name_says_what_it_needs(
    name: str, use: Callable[[], object], message: str
) -> None:
    with pytest.raises(OutsideContext) as caught:
        use()
    assert str(caught.value) == message.format(name)
    assert caught.value.name == name
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize(
    ("name", "use", "message"),
    [
        ("flash", lambda: flash("saved"), NEEDS_REQUEST),
        ("get_flashed_messages", get_flashed_messages, NEEDS_REQUEST),
        ("render_template", lambda: render_template("x.html"), NEEDS_APP),
        ("render_template_string", lambda: render_template_string("x"), NEEDS_APP),
        ("stream_template", lambda: stream_template("x.html"), NEEDS_APP),
        ("stream_template_string", lambda: stream_template_string("x"), NEEDS_APP),
        ("render_block", lambda: render_block("x.html", "rows"), NEEDS_APP),
        ("get_template_attribute", lambda: get_template_attribute("x.html", "a"), NEEDS_APP),
    ],
)
def test_a_function_that_needs_a_context_is_called_by_its_own_name(
    name: str, use: Callable[[], object], message: str
) -> None:
    with pytest.raises(OutsideContext) as caught:
        use()
    assert str(caught.value) == message.format(name)


def test_in_a_thread_the_message_names_what_takes_the_context_along() -> None:
    with pytest.raises(OutsideContext) as caught:
        in_thread(lambda: request.path)
    assert re.fullmatch(
        r"'request' was used outside of a request context, in the thread '.*run.*': it only has a"
        r" value while microweb handles a request; where a view starts the thread, wrap its"
        r" function with copy_current_request_context; elsewhere `with"
        r" app\.test_request_context\('/path'\):` opens one\.",
        str(caught.value),
    )


@pytest.mark.parametrize(
    ("line", "what", "opens"),
    [
        ("request.path", "'request' was used outside of a request context", "test_request_context"),
        (
            "current_app.name",
            "'current_app' was used outside of an application context",
            "app_context()",
        ),
        ("url_for('index')", "'url_for' was used outside of an application context", "app_context"),
    ],
)
def test_at_import_the_message_names_the_line_of_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, what: str, opens: str
) -> None:
    name = f"imported_{len(line)}"
    path = tmp_path / f"{name}.py"
    path.write_text(f"from microweb import current_app, request, url_for\n\n{line}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(OutsideContext) as caught:
        importlib.import_module(name)
    message = str(caught.value)
    assert message.startswith(f"{what}, while {name!r} is imported ({path}:3): it only has")
    assert f"; use it in a function that is called later; `with app.{opens}" in message


@pytest.mark.parametrize("name", ["request", "session", "g", "current_app"])
def test_outside_of_a_context_nothing_can_be_assigned(name: str) -> None:
    proxies: dict[str, Any] = {"request": request, "session": session, "g": g}
    proxy = proxies.get(name, current_app)
    with pytest.raises(OutsideContext):
        proxy.attribute = 1


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("request", lambda: request.path),
        ("session", lambda: session["user"]),
        ("after_this_request", lambda: after_this_request(lambda response: response)),
    ],
)
def test_a_context_without_a_request_is_not_enough_for_it(
    app: App, name: str, use: Callable[[], object]
) -> None:
    with app.app_context(), pytest.raises(OutsideContext) as caught:
        use()
    assert str(caught.value) == NEEDS_REQUEST.format(name)


def test_outside_of_a_context_the_proxies_are_false() -> None:
    assert [bool(proxy) for proxy in (request, session, g, current_app)] == [False] * 4


def test_whether_there_is_a_context_can_be_asked(app: App) -> None:
    def answers() -> tuple[bool, bool]:
        return has_app_context(), has_request_context()

    found = [answers()]
    with app.app_context():
        found.append(answers())
        with app.test_request_context():
            found.append(answers())
        found.append(answers())
    found.append(answers())
    assert found == [(False, False), (True, False), (True, True), (True, False), (False, False)]


# --- by hand


def test_an_application_context_knows_the_application(app: App) -> None:
    with app.app_context() as context:
        assert current_app == app
        assert current_app._get_current_object() is app
        assert context.app is app
        assert isinstance(current_app, App)


def test_a_request_context_for_a_test_has_matched_its_rule(app: App) -> None:
    app.add_url_rule("/users/<int:id>", "user", lambda id: "")
    with app.test_request_context("/users/7?page=2", method="GET") as context:
        assert request.endpoint == "user"
        assert request.view_args == {"id": 7}
        assert request.args["page"] == "2"
        assert context.request == request
        assert isinstance(request, Request)


def test_a_request_context_for_a_test_takes_what_a_request_has(app: App) -> None:
    with app.test_request_context("/", method="POST", json={"a": 1}, headers={"X-A": "1"}):
        assert (request.method, request.json, request.headers["X-A"]) == ("POST", {"a": 1}, "1")
    with app.test_request_context("/", data={"name": "ada"}, method="POST"):
        assert request.form["name"] == "ada"
    with app.test_request_context("/", base_url="https://example.com/app"):
        assert (request.url, request.root_path) == ("https://example.com/app/", "/app")


def test_a_request_context_may_be_at_a_url_that_nothing_matches(app: App) -> None:
    with app.test_request_context("/nowhere"):
        assert (request.endpoint, request.view_args) == (None, None)
        assert request.routing_exception is not None
        assert request.routing_exception.code == 404


def test_a_request_context_is_made_of_an_environ(app: App) -> None:
    with app.request_context(create_environ("/path")):
        assert request.path == "/path"


def test_a_context_by_hand_runs_its_teardown_functions_at_the_end(app: App) -> None:
    log: list[str] = []
    app.teardown_request(lambda exc: log.append(f"request {exc!r}"))
    app.teardown_appcontext(lambda exc: log.append(f"context {exc!r}"))
    with app.app_context():
        assert log == []
    assert log == ["context None"]
    log.clear()
    with app.test_request_context():
        assert log == []
    assert log == ["request None", "context None"]


def test_teardown_of_a_context_by_hand_gets_the_error(app: App) -> None:
    seen: list[BaseException | None] = []
    app.teardown_appcontext(seen.append)
    error = ValueError("inside")
    with pytest.raises(ValueError, match="^inside$"), app.app_context():
        raise error
    assert seen == [error]


def test_a_request_context_by_hand_runs_no_hooks_by_itself(app: App) -> None:
    log: list[str] = []
    app.before_request(lambda: log.append("before"))
    with app.test_request_context():
        assert log == []
        assert app.preprocess_request() is None
    assert log == ["before"]


def test_a_request_may_be_dispatched_by_hand(app: App) -> None:
    app.add_url_rule("/users/<int:id>", "user", lambda id: f"user {id}")
    with app.test_request_context("/users/7"):
        assert app.dispatch_request() == "user 7"
        assert app.full_dispatch_request().data == b"user 7"


def test_contexts_of_several_applications_are_nested(app: App) -> None:
    other = App("other")
    names = []
    with app.app_context():
        names.append(current_app.name)
        with other.app_context():
            names.append(current_app.name)
        names.append(current_app.name)
    assert names == ["example", "other", "example"]


def test_a_context_may_be_pushed_and_popped(app: App) -> None:
    context = app.app_context()
    context.push()
    assert current_app == app
    context.pop()
    assert not has_app_context()


def test_a_context_may_be_entered_while_it_is_current(app: App) -> None:
    log: list[str] = []
    app.teardown_appcontext(lambda exc: log.append("teardown"))
    context = app.app_context()
    with context:
        g.name = "outer"
        with context:
            assert g.name == "outer"
        assert log == []
    assert log == ["teardown"]


def test_contexts_are_popped_in_the_opposite_order(app: App) -> None:
    outer, inner = app.app_context(), app.app_context()
    outer.push()
    inner.push()
    with pytest.raises(SetupError) as caught:
        outer.pop()
    assert str(caught.value) == (
        "pop() found <Context of 'example'> and not its own context: pop contexts in the opposite"
        " order of push(), or use `with`."
    )
    inner.pop()
    outer.pop()


def test_a_context_that_was_never_pushed_cannot_be_popped(app: App) -> None:
    with pytest.raises(SetupError, match=r"^pop\(\) found None and not its own context"):
        app.app_context().pop()


def test_a_context_is_popped_as_often_as_it_was_pushed(app: App) -> None:
    context = app.app_context()
    context.push()
    context.pop()
    with pytest.raises(SetupError, match=r"^pop\(\) found None and not its own context"):
        context.pop()


def test_a_context_that_cannot_be_opened_is_not_left_behind(app: App) -> None:
    app.add_url_rule("/", endpoint="nobody")
    with pytest.raises(SetupError), app.test_request_context():
        pass
    assert not has_app_context()


def test_a_context_is_popped_also_where_its_end_fails(app: App) -> None:
    @app.teardown_appcontext
    def leave(exc: BaseException | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), app.app_context():
        pass
    assert not has_app_context()


def test_another_thread_has_no_context_of_its_own(app: App) -> None:
    with app.app_context():
        assert in_thread(has_app_context) is False


# --- g


def test_g_keeps_what_a_context_puts_there(app: App) -> None:
    with app.app_context():
        g.user = "ada"
        assert g.user == "ada"
        assert "user" in g
        assert "other" not in g
        assert list(g) == ["user"]
        assert (g.get("user"), g.get("other"), g.get("other", 1)) == ("ada", None, 1)
        assert (g.setdefault("user", "x"), g.setdefault("other", 2)) == ("ada", 2)
        assert (g.pop("user"), g.pop("user", "gone")) == ("ada", "gone")
        del g.other
        assert list(g) == []


def test_g_says_what_it_does_not_have(app: App) -> None:
    with app.app_context():
        with pytest.raises(AttributeError) as caught:
            _ = g.user
        assert str(caught.value) == (
            "g has no 'user' in this context. Set it first, for example in a before_request"
            " function, or ask with g.get('user')."
        )
        with pytest.raises(KeyError):
            g.pop("user")
        with pytest.raises(AttributeError):
            del g.user


def test_g_shows_what_it_holds() -> None:
    found = Globals()
    found.user = "ada"
    assert repr(found) == "<g {'user': 'ada'}>"


def test_each_request_has_its_own_g(app: App) -> None:
    @app.get("/")
    def index() -> str:
        g.count = g.get("count", 0) + 1
        return str(g.count)

    client = app.test_client()
    with app.app_context():
        g.count = 10
        assert [client.get("/").text, client.get("/").text] == ["1", "1"]
        assert g.count == 10


def test_g_is_shared_by_hooks_view_and_teardown(app: App) -> None:
    log: list[str] = []
    app.before_request(lambda: log.append(g.setdefault("name", "ada")))
    app.add_url_rule("/", "index", lambda: g.name)
    app.teardown_request(lambda exc: log.append(g.name))
    app.teardown_appcontext(lambda exc: log.append(g.name))
    assert app.test_client().get("/").text == "ada"
    assert log == ["ada", "ada", "ada"]


def test_an_application_names_its_class_for_g() -> None:
    class Own(Globals):
        user = "nobody"

    class OwnApp(App):
        app_ctx_globals_class = Own

    with OwnApp("example").app_context():
        assert g.user == "nobody"


# --- proxies


def test_the_proxy_of_the_request_is_as_good_as_the_request(app: App) -> None:
    with app.test_request_context("/?a=1"):
        real = request._get_current_object()
        assert type(real) is Request
        assert request == real
        assert repr(request) == repr(real)
        request.custom = 1  # type: ignore[attr-defined]
        assert vars(real)["custom"] == 1
        with pytest.raises(AttributeError, match="nothing"):
            _ = request.nothing  # type: ignore[attr-defined]


def test_the_proxy_of_the_session_is_as_good_as_a_dict(app: App) -> None:
    with app.test_request_context():
        session["a"] = 1
        session.update(b=2)
        assert dict(session) == {"a": 1, "b": 2}
        assert ("a" in session, len(session), sorted(session)) == (True, 2, ["a", "b"])
        del session["a"]
        assert session.pop("b") == 2
        assert not session


def test_a_request_is_made_when_it_is_needed_first(app: App) -> None:
    made: list[str] = []

    class Own(Request):
        def __init__(self, environ: Any, *args: Any, **kwargs: Any) -> None:
            made.append(environ["PATH_INFO"])
            super().__init__(environ, *args, **kwargs)

    class OwnApp(App):
        request_class = Own

    own = OwnApp("example")
    own.add_url_rule("/plain", "plain", lambda: "")
    own.add_url_rule("/used", "used", lambda: request.path + request.path)
    client = own.test_client()
    client.get("/plain")
    client.get("/used")
    assert made.count("/used") == 1


# --- after_this_request


def test_functions_for_this_request_run_before_the_after_hooks(app: App) -> None:
    log: list[str] = []

    def note(name: str) -> Callable[[Response], Response]:
        def function(response: Response) -> Response:
            log.append(name)
            return response

        return function

    @app.get("/")
    def index() -> str:
        after_this_request(note("first"))
        after_this_request(note("second"))
        return ""

    app.add_url_rule("/other", "other", lambda: "")
    app.after_request(note("hook"))
    client = app.test_client()
    client.get("/")
    client.get("/other")
    assert log == ["first", "second", "hook", "hook"]


def test_a_function_for_this_request_may_answer_with_another_response(app: App) -> None:
    @app.get("/")
    def index() -> str:
        @after_this_request
        def replace(response: Response) -> Response:
            return Response("replaced")

        assert callable(replace)
        return "original"

    assert app.test_client().get("/").text == "replaced"


def test_a_before_hook_may_ask_for_a_function_after_this_request(app: App) -> None:
    @app.before_request
    def before() -> None:
        @after_this_request
        def mark(response: Response) -> Response:
            response.headers["X-Before"] = request.path
            return response

    assert app.test_client().get("/nowhere").headers["X-Before"] == "/nowhere"


def test_a_function_for_this_request_may_ask_for_another(app: App) -> None:
    @app.get("/")
    def index() -> str:
        @after_this_request
        def first(response: Response) -> Response:
            @after_this_request
            def second(response: Response) -> Response:
                response.headers["X-Second"] = "yes"
                return response

            return response

        return ""

    assert app.test_client().get("/", buffered=True).headers["X-Second"] == "yes"


# --- copies for threads


def test_a_copied_context_works_in_a_thread(app: App) -> None:
    @app.get("/<name>")
    def index(name: str) -> str:
        session["user"] = name

        @copy_current_request_context
        def work(greeting: str) -> str:
            return f"{greeting} {request.path} {session['user']} {current_app.name}"

        return str(in_thread(lambda: work("hello")))

    assert app.test_client().get("/ada").text == "hello /ada ada example"


def test_a_copied_function_keeps_its_name(app: App) -> None:
    with app.test_request_context():

        @copy_current_request_context
        def work() -> None:
            """Work."""

        assert (work.__name__, work.__doc__) == ("work", "Work.")


@pytest.mark.parametrize("touched_before", [True, False])
def test_a_copied_context_shares_the_request_object(app: App, touched_before: bool) -> None:
    with app.test_request_context() as context:
        if touched_before:
            assert request.path == "/"
        find: Callable[[], Request] = request._get_current_object
        assert in_thread(copy_current_request_context(find)) is context.request


def test_a_copied_context_has_its_own_g(app: App) -> None:
    with app.test_request_context():
        g.name = "outer"

        @copy_current_request_context
        def work() -> bool:
            found = "name" in g
            g.name = "inner"
            return found

        assert in_thread(work) is False
        assert g.name == "outer"


def test_a_copied_context_outlives_its_request(app: App) -> None:
    kept: list[Callable[[], str]] = []

    @app.get("/<name>")
    def index(name: str) -> str:
        kept.append(copy_current_request_context(lambda: request.path))
        return ""

    client = app.test_client()
    client.get("/one")
    client.get("/two")
    assert [in_thread(work) for work in kept] == ["/one", "/two"]


def test_a_copied_context_is_torn_down_after_its_function(app: App) -> None:
    # What the function put into its own g would be left open otherwise.
    log: list[str] = []

    @app.teardown_appcontext
    def close(exc: BaseException | None) -> None:
        log.append(f"closed {g.pop('connection', None)}")

    with app.test_request_context():

        @copy_current_request_context
        def work() -> None:
            g.connection = "of the thread"

        in_thread(work)
        assert log == ["closed of the thread"]
    assert log == ["closed of the thread", "closed None"]


def test_a_copied_context_leaves_the_one_it_was_called_in(app: App) -> None:
    with app.test_request_context("/one"):
        work: Callable[[], str] = copy_current_request_context(lambda: request.path)
    with app.test_request_context("/two"):
        assert work() == "/one"
        assert request.path == "/two"


# --- the client keeps a context open


def test_inside_with_client_the_last_context_stays_open(app: App) -> None:
    log: list[str] = []
    app.teardown_request(lambda exc: log.append(f"teardown {request.path}"))

    @app.get("/<name>")
    def index(name: str) -> str:
        g.name = name
        return ""

    with app.test_client() as client:
        client.get("/one")
        assert (request.path, g.name, log) == ("/one", "one", [])
        client.get("/two")
        assert (request.path, g.name, log) == ("/two", "two", ["teardown /one"])
    assert log == ["teardown /one", "teardown /two"]
    assert not has_app_context()


def test_inside_with_client_a_stream_is_torn_down_too(app: App) -> None:
    log: list[str] = []
    app.teardown_request(lambda exc: log.append("teardown"))

    @app.get("/")
    def index() -> Iterator[str]:
        yield "streamed"

    with app.test_client() as client:
        response = client.get("/", buffered=False)
        assert response.text == "streamed"
        response.close()
    assert log == ["teardown"]
    assert current.get() is None


def test_a_copied_context_leaves_the_body_and_the_files_to_the_request(app: App) -> None:
    @app.post("/")
    def index() -> list[Any]:
        upload = request.files["file"]
        thread = threading.Thread(target=copy_current_request_context(lambda: g.get("name")))
        thread.start()
        thread.join()
        return [upload.read().decode(), request.form["name"]]

    @app.post("/raw")
    def raw() -> bytes:
        copy_current_request_context(lambda: None)()
        return request.get_data()

    client = app.test_client()
    data = {"file": (BytesIO(b"content"), "a.txt"), "name": "n"}
    assert client.post("/", data=data).json == ["content", "n"]
    assert client.post("/raw", data=b"body").data == b"body"


def test_inside_with_client_the_context_is_that_of_the_application_called(app: App) -> None:
    inner = App("inner", static_folder=None)
    inner.add_url_rule("/", "index", lambda: "inner")
    app.add_url_rule("/", "index", lambda: inner)
    with app.test_client() as client:
        assert client.get("/", buffered=True).text == "inner"
        assert current_app.name == "example"
