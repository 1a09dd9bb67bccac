"""The complete order of everything that runs in a request, on each way that it can go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from microweb import (
    App,
    Blueprint,
    abort,
    after_this_request,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    got_request_exception,
    render_template_string,
    request_finished,
    request_started,
    request_tearing_down,
    template_rendered,
)
from microweb.sessions import SecureCookieSession, SessionInterface

#: Each hook by its word in the log: the decorator of a scope, that of a blueprint for the whole
#: application, and what it returns.
HOOKS: dict[str, tuple[str, str, Callable[..., Any]]] = {
    "values": ("url_value_preprocessor", "app_url_value_preprocessor", lambda *args: None),
    "before": ("before_request", "before_app_request", lambda *args: None),
    "after": ("after_request", "after_app_request", lambda response: response),
    "teardown": ("teardown_request", "teardown_app_request", lambda *args: None),
    "context": ("context_processor", "app_context_processor", lambda *args: {}),
}
SIGNALS = {
    "(pushed)": appcontext_pushed,
    "(started)": request_started,
    "(finished)": request_finished,
    "(exception)": got_request_exception,
    "(tearing down)": request_tearing_down,
    "(context tearing down)": appcontext_tearing_down,
    "(popped)": appcontext_popped,
    "(before render)": before_render_template,
    "(rendered)": template_rendered,
}
LEVELS = ("app", "parent for all", "child for all", "parent", "child")
OF_THE_APP = LEVELS[:3]

Acts = dict[str, Callable[[], Any]]


class Stage:
    """An application with two of each hook on itself, on a blueprint and on one nested in it.

    :param acts: What a step does in place of its own, by the line that it writes.
    :param asynchronous: All that may be a coroutine function is one.
    """

    def __init__(self, folder: Path, acts: Acts | None = None, asynchronous: bool = False) -> None:
        self.log: list[str] = []
        self.acts = acts or {}
        self.asynchronous = asynchronous
        for name in ("static", "static of parent"):
            (folder / name).mkdir()
            (folder / name / "a.txt").write_text("a")
        self.app = App("stage", root_path=str(folder))
        self.app.config.update(SECRET_KEY="a key for tests only", TESTING=True)
        self.app.session_interface = RecordingSessions(self)
        self.parent = Blueprint(
            "parent",
            __name__,
            url_prefix="/parent",
            static_folder="static of parent",
            static_url_path="/files",
            root_path=str(folder),
        )
        self.child = Blueprint("child", __name__, url_prefix="/child")
        for word in HOOKS:
            self._register(word, self.app, "app", False)
            for name, blueprint in (("parent", self.parent), ("child", self.child)):
                self._register(word, blueprint, f"{name} for all", True)
                self._register(word, blueprint, name, False)
        for number in (1, 2):
            write = self.writer(f"teardown of the context {number}", lambda exc: None)
            self.app.teardown_appcontext(self._coloured(write))
        for key in (404, 405, 500, LookupError):
            handler = getattr(key, "__name__", key)
            for scope, name in ((self.app, "app"), (self.child, "child")):
                if name == "app" or key != 500:
                    write = self.writer(
                        f"{name} handles {handler}",
                        lambda error: ("handled", getattr(error, "code", 200)),
                    )
                    scope.register_error_handler(key, self._coloured(write))
        self._add_views()
        self.parent.register_blueprint(self.child)
        self.app.register_blueprint(self.parent)

    def writer(self, line: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that writes its line, and an exception that it is given."""

        def write(*args: Any) -> Any:
            error = args[0] if args and isinstance(args[0], ValueError) else None
            self.log.append(line if error is None else f"{line} {error!r}")
            return self.acts.get(line, lambda: answer(*args))()

        return write

    def _coloured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if not self.asynchronous:
            return function

        @wraps(function)
        async def coroutine_function(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return coroutine_function

    def _register(self, word: str, scope: App | Blueprint, level: str, for_all: bool) -> None:
        own, of_the_app, answer = HOOKS[word]
        for number in (1, 2):
            write = self.writer(f"{level} {word} {number}", answer)
            # This one is a plain function everywhere.
            function = write if word == "values" else self._coloured(write)
            getattr(scope, of_the_app if for_all else own)(function)

    def _add_views(self) -> None:
        def index() -> Any:
            for number in (1, 2):
                write = self.writer(f"after this {number}", lambda response: response)
                after_this_request(self._coloured(write))
            return self.writer("view", lambda: "answer")()

        def page() -> str:
            self.log.append("view")
            return render_template_string("page")

        def stream() -> Iterator[str]:
            self.log.append("view")
            return self._body()

        for view in (index, page, stream):
            # What renders a template may not be a coroutine function if the template needs one.
            coloured = view if view is page else self._coloured(view)
            self.child.add_url_rule(f"/{view.__name__}/", view.__name__, coloured)

    def _body(self) -> Iterator[str]:
        try:
            for number in (1, 2):
                yield self.writer(f"piece {number}", lambda: "piece ")()
        finally:
            self.log.append("body closed")

    def __enter__(self) -> Stage:
        self._signals = ExitStack()
        for line, signal in SIGNALS.items():

            def write(sender: App, line: str = line, **values: Any) -> None:
                self.log.append(line)

            self._signals.enter_context(signal.connected_to(write, self.app))
        return self

    def __exit__(self, *args: object) -> None:
        self._signals.close()
        if self.asynchronous:
            self.app.shutdown()  # the event loop, which has a thread and files

    def open(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Send a request, read and close its answer, and return its status and body."""
        with self:
            response = self.app.test_client().open(path, method=method, buffered=True)
        return response.status_code, response.text


class RecordingSessions(SessionInterface):
    """Writes when a session is saved."""

    def __init__(self, stage: Stage) -> None:
        self.save = stage.writer("session saved", lambda: None)

    def open_session(self, app: Any, request: Any) -> Any:
        return SecureCookieSession()

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        self.save()


@pytest.fixture(params=[False, True], ids=["functions", "coroutine functions"])
def asynchronous(request: pytest.FixtureRequest) -> bool:
    answer: bool = request.param
    return answer


# --- what is expected


def forth(word: str, levels: tuple[str, ...] = LEVELS) -> list[str]:
    """The lines of one kind of hook in the order of registration, outermost level first."""
    return [f"{level} {word} {number}" for level in levels for number in (1, 2)]


def back(word: str, levels: tuple[str, ...] = LEVELS) -> list[str]:
    return forth(word, levels)[::-1]


def begin(levels: tuple[str, ...] = LEVELS) -> list[str]:
    return ["(pushed)", "(started)", *forth("values", levels), *forth("before", levels)]


def finish(levels: tuple[str, ...] = LEVELS) -> list[str]:
    return [*back("after", levels), "session saved", "(finished)"]


def end(levels: tuple[str, ...] = LEVELS, error: str = "") -> list[str]:
    return [
        *(f"{line}{error}" for line in back("teardown", levels)),
        "(tearing down)",
        *(f"teardown of the context {number}{error}" for number in (2, 1)),
        *("(context tearing down)", "(popped)"),
    ]


INDEX = "/parent/child/index/"
AFTER_THIS = ["after this 1", "after this 2"]
ERROR = " ValueError('broken')"


def broken() -> Any:
    raise ValueError("broken")


def missing_key() -> Any:
    raise KeyError("key")


# --- the ways of a request


def test_a_view_that_answers(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(INDEX) == (200, "answer")
    assert stage.log == [
        *("(pushed)", "(started)"),
        *("app values 1", "app values 2"),
        *("parent for all values 1", "parent for all values 2"),
        *("child for all values 1", "child for all values 2"),
        *("parent values 1", "parent values 2", "child values 1", "child values 2"),
        *("app before 1", "app before 2"),
        *("parent for all before 1", "parent for all before 2"),
        *("child for all before 1", "child for all before 2"),
        *("parent before 1", "parent before 2", "child before 1", "child before 2"),
        *("view", "after this 1", "after this 2"),
        *("child after 2", "child after 1", "parent after 2", "parent after 1"),
        *("child for all after 2", "child for all after 1"),
        *("parent for all after 2", "parent for all after 1"),
        *("app after 2", "app after 1"),
        *("session saved", "(finished)"),
        *("child teardown 2", "child teardown 1", "parent teardown 2", "parent teardown 1"),
        *("child for all teardown 2", "child for all teardown 1"),
        *("parent for all teardown 2", "parent for all teardown 1"),
        *("app teardown 2", "app teardown 1", "(tearing down)"),
        *("teardown of the context 2", "teardown of the context 1"),
        *("(context tearing down)", "(popped)"),
    ]
    assert stage.log == [*begin(), "view", *AFTER_THIS, *finish(), *end()]


def test_a_template_that_is_rendered(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open("/parent/child/page/") == (200, "page")
    rendering = [*forth("context"), "(before render)", "(rendered)"]
    assert stage.log == [*begin(), "view", *rendering, *finish(), *end()]


def test_head_goes_the_way_of_get(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(INDEX, "HEAD") == (200, "")
    assert stage.log == [*begin(), "view", *AFTER_THIS, *finish(), *end()]


@pytest.mark.parametrize("line", forth("before"))
def test_a_before_hook_that_answers_skips_those_behind_it_and_the_view(
    tmp_path: Path, asynchronous: bool, line: str
) -> None:
    stage = Stage(tmp_path, {line: lambda: ("stopped", 202)}, asynchronous)
    assert stage.open(INDEX) == (202, "stopped")
    whole = begin()
    assert stage.log == [*whole[: whole.index(line) + 1], *finish(), *end()]


@pytest.mark.parametrize("line", forth("before", OF_THE_APP))
def test_a_before_hook_that_answers_in_place_of_a_404(
    tmp_path: Path, asynchronous: bool, line: str
) -> None:
    stage = Stage(tmp_path, {line: lambda: ("stopped", 202)}, asynchronous)
    assert stage.open("/nowhere") == (202, "stopped")
    whole = begin(OF_THE_APP)
    assert stage.log == [
        *whole[: whole.index(line) + 1],
        *finish(OF_THE_APP),
        *end(OF_THE_APP),
    ]


@pytest.mark.parametrize("line", [*forth("values"), *forth("before")])
def test_a_hook_before_the_view_that_aborts(tmp_path: Path, asynchronous: bool, line: str) -> None:
    stage = Stage(tmp_path, {line: lambda: abort(404)}, asynchronous)
    assert stage.open(INDEX) == (404, "handled")
    whole = begin()
    assert stage.log == [
        *whole[: whole.index(line) + 1],
        *("child handles 404", *finish(), *end()),
    ]


def test_a_view_that_aborts(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, {"view": lambda: abort(404)}, asynchronous)
    assert stage.open(INDEX) == (404, "handled")
    assert stage.log == [*(*begin(), "view", "child handles 404", *AFTER_THIS, *finish(), *end())]


def test_an_error_of_the_view_that_is_handled(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, {"view": missing_key}, asynchronous)
    assert stage.open(INDEX) == (200, "handled")
    assert stage.log == [
        *(*begin(), "view", "child handles LookupError", *AFTER_THIS, *finish(), *end())
    ]


def test_an_error_of_the_view_that_is_not_handled(
    tmp_path: Path, asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path, {"view": broken}, asynchronous)
    stage.app.testing = False
    assert stage.open(INDEX) == (500, "handled")
    assert stage.log == [
        *(*begin(), "view", "(exception)", "app handles 500", *AFTER_THIS, *finish()),
        *end(error=ERROR),
    ]
    assert [record.getMessage() for record in caplog.records] == [f"Exception on {INDEX} [GET]"]


def test_an_error_of_the_view_that_is_propagated(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, {"view": broken}, asynchronous)
    with pytest.raises(ValueError, match="^broken$"):
        stage.open(INDEX)
    assert stage.log == [*begin(), "view", "(exception)", *end(error=ERROR)]


def test_an_error_handler_that_fails(
    tmp_path: Path, asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    acts: Acts = {"view": lambda: abort(404), "child handles 404": broken}
    stage = Stage(tmp_path, acts, asynchronous)
    stage.app.testing = False
    assert stage.open(INDEX) == (500, "handled")
    assert stage.log == [
        *(*begin(), "view", "child handles 404", "(exception)", "app handles 500"),
        *(*AFTER_THIS, *finish(), *end(error=ERROR)),
    ]


@pytest.mark.parametrize("line", [*AFTER_THIS, *back("after"), "session saved"])
def test_an_error_after_the_view_runs_the_after_hooks_a_second_time(
    tmp_path: Path, asynchronous: bool, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    stage = Stage(tmp_path, {line: broken}, asynchronous)
    stage.app.testing = False
    assert stage.open(INDEX) == (500, "handled")
    whole = [*AFTER_THIS, *back("after"), "session saved"]
    until = whole[: whole.index(line) + 1]
    assert stage.log == [
        *(*begin(), "view", *until, "(exception)", "app handles 500", *until, *end(error=ERROR))
    ]
    assert [record.getMessage() for record in caplog.records] == [
        f"Exception on {INDEX} [GET]",
        "Request finalizing failed with an error while handling an error",
    ]


def test_an_error_after_the_view_that_is_propagated_runs_them_once(
    tmp_path: Path, asynchronous: bool
) -> None:
    stage = Stage(tmp_path, {"app after 2": broken}, asynchronous)
    with pytest.raises(ValueError, match="^broken$"):
        stage.open(INDEX)
    after = [*AFTER_THIS, *back("after")[:-1]]
    assert stage.log == [*begin(), "view", *after, "(exception)", *end(error=ERROR)]


@pytest.mark.parametrize(
    "line", [*back("teardown"), "teardown of the context 2", "teardown of the context 1"]
)
def test_an_error_of_a_teardown_function_stops_nothing(
    tmp_path: Path, asynchronous: bool, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    stage = Stage(tmp_path, {line: broken}, asynchronous)
    assert stage.open(INDEX) == (200, "answer")
    whole = [*begin(), "view", *AFTER_THIS, *finish(), *end()]
    whole.insert(whole.index(line) + 1, "(exception)")
    assert stage.log == whole
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["broken"]


def test_all_teardown_functions_may_fail(
    tmp_path: Path, asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [line for line in end() if "(" not in line]
    stage = Stage(tmp_path, dict.fromkeys(lines, broken), asynchronous)
    assert stage.open(INDEX) == (200, "answer")
    whole = [*begin(), "view", *AFTER_THIS, *finish()]
    for line in end():
        whole += [line] if line not in lines else [line, "(exception)"]
    assert stage.log == whole
    assert len(caplog.records) == len(lines)


# --- requests that no view answers


def test_a_404_outside_of_all_blueprints(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open("/nowhere") == (404, "handled")
    assert stage.log == [
        *(*begin(OF_THE_APP), "app handles 404", *finish(OF_THE_APP), *end(OF_THE_APP))
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "handler"),
    [
        ("GET", "/parent/child/nowhere", 404, "child handles 404"),
        ("GET", "/parent/nowhere", 404, "app handles 404"),
        ("POST", INDEX, 405, "child handles 405"),
        ("OPTIONS", "/parent/child/nowhere", 404, "child handles 404"),
    ],
)
def test_a_miss_below_a_prefix_has_the_hooks_of_the_app_and_the_handler_of_the_blueprint(
    tmp_path: Path, asynchronous: bool, method: str, path: str, status: int, handler: str
) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(path, method) == (status, "handled")
    assert stage.log == [*(*begin(OF_THE_APP), handler, *finish(OF_THE_APP), *end(OF_THE_APP))]


def test_a_redirect_to_the_slash(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(INDEX.rstrip("/"))[0] == 308
    assert stage.log == [*begin(OF_THE_APP), *finish(OF_THE_APP), *end(OF_THE_APP)]


def test_automatic_options(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(INDEX, "OPTIONS") == (200, "")
    assert stage.log == [*begin(), *finish(), *end()]


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        ("/static/a.txt", OF_THE_APP),
        ("/parent/files/a.txt", (*OF_THE_APP, "parent")),
    ],
)
def test_a_static_file(
    tmp_path: Path, asynchronous: bool, path: str, levels: tuple[str, ...]
) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(path) == (200, "a")
    assert stage.log == [*begin(levels), *finish(levels), *end(levels)]


# --- streams


STREAM = "/parent/child/stream/"


def test_a_stream_ends_before_the_request_does(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(STREAM) == (200, "piece piece ")
    assert stage.log == [
        *(*begin(), "view", *finish(), "piece 1", "piece 2", "body closed", *end())
    ]


def test_a_stream_that_is_closed_early(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    with stage:
        response = stage.app.test_client().get(STREAM)
        assert next(iter(response.iter_encoded())) == b"piece "
        assert stage.log == [*begin(), "view", *finish(), "piece 1"]
        response.close()
    assert stage.log == [*begin(), "view", *finish(), "piece 1", "body closed", *end()]


def test_a_stream_that_fails_midway(
    tmp_path: Path, asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path, {"piece 2": broken}, asynchronous)
    stage.app.testing = False
    with stage:
        response = stage.app.test_client().get(STREAM)
        pieces = iter(response.iter_encoded())
        assert next(pieces) == b"piece "
        with pytest.raises(ValueError, match="^broken$"):
            next(pieces)
        response.close()
    assert stage.log == [
        *(*begin(), "view", *finish(), "piece 1", "piece 2", "body closed", "(exception)"),
        *end(error=ERROR),
    ]
    assert [record.getMessage() for record in caplog.records] == [f"Exception on {STREAM} [GET]"]


def test_head_of_a_stream_runs_none_of_it(tmp_path: Path, asynchronous: bool) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    assert stage.open(STREAM, "HEAD") == (200, "")
    assert stage.log == [*begin(), "view", *finish(), *end()]


# --- contexts by hand


def test_a_context_without_a_request_has_the_end_of_a_context_only(
    tmp_path: Path, asynchronous: bool
) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    with stage, stage.app.app_context():
        stage.log.append("inside")
    assert stage.log == [
        *("(pushed)", "inside"),
        *("teardown of the context 2", "teardown of the context 1"),
        *("(context tearing down)", "(popped)"),
    ]


def test_a_request_context_by_hand_has_the_end_of_its_request(
    tmp_path: Path, asynchronous: bool
) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    with stage, stage.app.test_request_context(INDEX):
        stage.log.append("inside")
    assert stage.log == ["(pushed)", "inside", *end()]


def test_preprocess_request_by_hand_runs_the_hooks_before_the_view(
    tmp_path: Path, asynchronous: bool
) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    with stage, stage.app.test_request_context(INDEX):
        assert stage.app.preprocess_request() is None
    assert stage.log == ["(pushed)", *begin()[2:], *end()]


def test_templates_outside_of_a_request_have_the_names_of_the_app(
    tmp_path: Path, asynchronous: bool
) -> None:
    stage = Stage(tmp_path, asynchronous=asynchronous)
    with stage, stage.app.app_context():
        render_template_string("page")
    assert stage.log[1:-4] == [*forth("context", OF_THE_APP), "(before render)", "(rendered)"]
