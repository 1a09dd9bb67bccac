"""The signals: which are sent, in which order, with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from blinker import NamedSignal, Namespace

import microweb.signals
from microweb import (
    App,
    Response,
    abort,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    current_app,
    flash,
    got_request_exception,
    message_flashed,
    render_template_string,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    stream_template_string,
    template_rendered,
)

OF_A_REQUEST: dict[str, NamedSignal] = {
    "appcontext_pushed": appcontext_pushed,
    "request_started": request_started,
    "request_finished": request_finished,
    "got_request_exception": got_request_exception,
    "request_tearing_down": request_tearing_down,
    "appcontext_tearing_down": appcontext_tearing_down,
    "appcontext_popped": appcontext_popped,
}


def recorded(app: App, log: list[str]) -> ExitStack:
    """Return what, while it is entered, writes the name of each signal of `app`."""
    stack = ExitStack()
    for name, signal in OF_A_REQUEST.items():

        def write(sender: App, name: str = name, **values: Any) -> None:
            log.append(name)

        stack.enter_context(signal.connected_to(write, app))
    return stack


def hooked(app: App, log: list[str]) -> App:
    """Return the application with hooks that write their name."""

    @app.before_request
    def before() -> None:
        log.append("before")

    @app.after_request
    def after(response: Response) -> Response:
        log.append("after")
        return response

    app.teardown_request(lambda exc: log.append("teardown"))
    app.teardown_appcontext(lambda exc: log.append("teardown of the context"))
    return app


END = [
    *("teardown", "request_tearing_down"),
    *("teardown of the context", "appcontext_tearing_down", "appcontext_popped"),
]


@pytest.mark.parametrize("url", ["/", "/nowhere"])
def test_the_signals_of_a_request_have_an_order(app: App, url: str) -> None:
    log: list[str] = []
    hooked(app, log).add_url_rule("/", "index", lambda: "")
    with recorded(app, log):
        app.test_client().get(url)
    assert log == [
        *("appcontext_pushed", "request_started", "before", "after", "request_finished"),
        *END,
    ]


def test_the_signals_of_a_failing_request_have_an_order(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []
    app.testing = False

    @hooked(app, log).get("/")
    def index() -> str:
        raise ValueError

    with recorded(app, log):
        app.test_client().get("/")
    assert log == [
        *("appcontext_pushed", "request_started", "before", "got_request_exception"),
        *("after", "request_finished"),
        *END,
    ]


def test_the_signals_at_the_end_of_a_stream_follow_its_body(app: App) -> None:
    log: list[str] = []

    @hooked(app, log).get("/")
    def index() -> Iterator[str]:
        log.append("body")
        yield ""

    with recorded(app, log):
        app.test_client().get("/", buffered=True)
    assert log == [
        *("appcontext_pushed", "request_started", "before", "after", "request_finished", "body"),
        *END,
    ]


def test_a_context_without_a_request_has_three_signals(app: App) -> None:
    log: list[str] = []
    with recorded(app, log), app.app_context():
        log.append("inside")
    assert log == [
        *("appcontext_pushed", "inside", "appcontext_tearing_down", "appcontext_popped"),
    ]


def test_request_finished_brings_the_response(app: App) -> None:
    seen: list[object] = []

    def keep(sender: App, response: Response) -> None:
        seen.extend([sender, response.status_code, response.data])

    app.add_url_rule("/", "index", lambda: ("answer", 201))
    with request_finished.connected_to(keep, app):
        app.test_client().get("/")
    assert seen == [app, 201, b"answer"]


def test_the_end_of_a_request_brings_its_error(app: App) -> None:
    seen: list[object] = []

    def keep(sender: App, exc: BaseException | None) -> None:
        seen.append(exc)

    error = ValueError()

    @app.get("/broken")
    def broken() -> str:
        raise error

    app.add_url_rule("/", "index", lambda: "")
    client = app.test_client()
    with (
        request_tearing_down.connected_to(keep, app),
        appcontext_tearing_down.connected_to(keep, app),
    ):
        client.get("/")
        with pytest.raises(ValueError):  # noqa: PT011 - without a message on purpose
            client.get("/broken")
    assert seen == [None, None, error, error]


def test_the_sender_is_the_application_itself(app: App) -> None:
    seen: list[object] = []
    other = App("other")
    app.add_url_rule("/", "index", lambda: "")
    other.add_url_rule("/", "index", lambda: "")

    def keep(sender: App) -> None:
        seen.append(sender)

    with request_started.connected_to(keep, app):
        app.test_client().get("/")
        other.test_client().get("/")
    assert len(seen) == 1
    assert seen[0] is app
    assert type(seen[0]) is App


def test_a_receiver_has_the_request(app: App) -> None:
    seen: list[object] = []
    app.add_url_rule("/<name>", "index", lambda name: "")

    def keep(sender: App, **values: Any) -> None:
        seen.extend([request.path, request.endpoint, current_app.name])

    with request_started.connected_to(keep, app):
        app.test_client().get("/ada")
    assert seen == ["/ada", "index", "example"]


def test_a_receiver_that_aborts_is_handled_like_a_hook(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "")

    def refuse(sender: App, **values: Any) -> None:
        abort(403)

    with request_started.connected_to(refuse, app):
        assert app.test_client().get("/", buffered=True).status_code == 403


def test_a_receiver_may_change_the_response(app: App) -> None:
    app.add_url_rule("/", "index", lambda: "")

    def mark(sender: App, response: Response) -> None:
        response.headers["X-Signal"] = "yes"

    with request_finished.connected_to(mark, app):
        assert app.test_client().get("/").headers["X-Signal"] == "yes"


@pytest.mark.parametrize(
    "render",
    [
        lambda: render_template_string("{{ a }}{{ b }}", a=1),
        lambda: "".join(stream_template_string("{{ a }}{{ b }}", a=1)),
    ],
)
def test_rendering_sends_a_signal_before_and_after(app: App, render: Callable[[], str]) -> None:
    log: list[tuple[str, object, object]] = []
    app.context_processor(lambda: {"b": 2})

    def before(sender: App, template: Any, context: dict[str, Any]) -> None:
        log.append(("before", context["a"], context["b"]))
        context["a"] = "changed "

    def after(sender: App, template: Any, context: dict[str, Any]) -> None:
        log.append(("after", template.name, context["a"]))

    with (
        before_render_template.connected_to(before, app),
        template_rendered.connected_to(after, app),
        app.app_context(),
    ):
        assert render() == "changed 2"
    assert log == [("before", 1, 2), ("after", None, "changed ")]


def test_flashing_sends_a_signal(app: App) -> None:
    seen: list[object] = []

    def keep(sender: App, message: str, category: str) -> None:
        seen.extend([sender, message, category])

    with message_flashed.connected_to(keep, app), app.test_request_context():
        flash("saved", "info")
    assert seen == [app, "saved", "info"]


def test_the_signals_are_named_as_they_always_were() -> None:
    names = {
        name: getattr(microweb.signals, name).name
        for name in (*OF_A_REQUEST, "template_rendered", "before_render_template")
    }
    assert names == {name: name.replace("_", "-") for name in names}
    assert message_flashed.name == "message-flashed"


def test_extensions_make_their_signals_with_the_same_namespace_class() -> None:
    assert microweb.signals.Namespace is Namespace
