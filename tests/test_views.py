"""Class-based views: how a class becomes a view function, and which methods it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from microweb import App, Blueprint, current_app, request, url_for
from microweb.errors import SetupError, describe
from microweb.views import MethodView, View


class Page(View):
    """A page."""

    def __init__(self, template: str = "none", *, title: str = "") -> None:
        self.template = template
        self.title = title

    def dispatch_request(self, **values: Any) -> Any:
        return {"template": self.template, "title": self.title, **values}


# --- a class becomes a view


def test_the_class_gets_its_arguments_and_the_method_the_values_of_the_url(app: App) -> None:
    app.add_url_rule("/<int:number>", view_func=Page.as_view("page", "a.html", title="A"))
    assert app.test_client().get("/7").json == {"template": "a.html", "title": "A", "number": 7}


def test_the_view_function_tells_where_it_comes_from() -> None:
    view: Any = Page.as_view("page")
    assert (view.__name__, view.__module__, view.__doc__) == ("page", __name__, "A page.")
    assert (view.view_class, view.methods, view.provide_automatic_options) == (Page, None, None)
    assert describe(view) == describe(Page)


def test_the_name_is_the_endpoint(app: App) -> None:
    app.add_url_rule("/<int:number>", view_func=Page.as_view("page"))
    app.add_url_rule("/other", "elsewhere", Page.as_view("unused"))
    blueprint = Blueprint("books", __name__, url_prefix="/books")
    blueprint.add_url_rule("/", view_func=Page.as_view("all"))
    app.register_blueprint(blueprint)
    assert sorted(app.view_functions) == ["books.all", "elsewhere", "page"]
    with app.test_request_context():
        assert url_for("page", number=7, q="x") == "/7?q=x"
        assert url_for("elsewhere") == "/other"
        assert url_for("books.all") == "/books/"


def test_one_view_function_can_have_several_urls(app: App) -> None:
    view = Page.as_view("page")
    app.add_url_rule("/", view_func=view, defaults={"number": 0})
    app.add_url_rule("/<int:number>", view_func=view)
    client = app.test_client()
    none = {"template": "none", "title": ""}
    assert client.get("/").json == {**none, "number": 0}
    assert client.get("/7").json == {**none, "number": 7}


@pytest.mark.parametrize("name", [None, Page, 7])
def test_without_a_name_the_error_says_what_to_write(name: Any) -> None:
    with pytest.raises(SetupError) as raised:
        Page.as_view(name)
    assert str(raised.value) == (
        "Page.as_view() needs the name of the endpoint first: Page.as_view('page')."
    )


def test_a_name_that_is_left_out_is_pythons_error() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        Page.as_view()  # type: ignore[call-arg]


def test_a_class_without_dispatch_request_says_so(app: App) -> None:
    class Empty(View):
        pass

    app.add_url_rule("/", view_func=Empty.as_view("empty"))
    with pytest.raises(NotImplementedError) as raised:
        app.test_client().get("/")
    assert str(raised.value) == "Empty needs a method dispatch_request."


# --- objects


class Counting(View):
    made: ClassVar[list[object]] = []

    def __init__(self) -> None:
        self.made.append(self)

    def dispatch_request(self) -> str:
        return f"{self.made.index(self)}"


def test_each_request_has_an_object_of_its_own(app: App) -> None:
    class Each(Counting):
        made: ClassVar[list[object]] = []

    app.add_url_rule("/", view_func=Each.as_view("each"))
    assert Each.made == []
    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["0", "1", "2"]


def test_or_one_object_answers_all_of_them(app: App) -> None:
    class Once(Counting):
        made: ClassVar[list[object]] = []
        init_every_request = False

    app.add_url_rule("/", view_func=Once.as_view("once"))
    assert len(Once.made) == 1
    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["0", "0", "0"]


def test_the_class_of_the_view_can_be_exchanged(app: App) -> None:
    """As Flask has it: the function makes an object of its attribute `view_class`."""

    class Other(Page):
        def dispatch_request(self, **values: Any) -> Any:
            return f"other {self.template}"

    view: Any = Page.as_view("page", "a.html")
    view.view_class = Other
    app.add_url_rule("/", view_func=view)
    assert app.test_client().get("/").text == "other a.html"


# --- decorators


def wrapping(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
        def decorated(**values: Any) -> str:
            return f"{name}({view(**values)})"

        return decorated

    return decorator


@pytest.mark.parametrize("once", [False, True])
def test_the_last_decorator_is_the_outermost(app: App, once: bool) -> None:
    class Decorated(View):
        init_every_request = not once
        decorators: ClassVar[list[Callable[..., Any]]] = [wrapping("inner"), wrapping("outer")]
        methods: ClassVar[list[str]] = ["GET", "POST"]
        provide_automatic_options = False

        def dispatch_request(self, name: str) -> str:
            return name

    view: Any = Decorated.as_view("decorated")
    assert (view.__name__, view.__module__, view.view_class) == ("decorated", __name__, Decorated)
    assert (view.methods, view.provide_automatic_options) == (["GET", "POST"], False)
    app.add_url_rule("/<name>", view_func=view)
    client = app.test_client()
    assert [client.get("/a").text, client.post("/a").text] == ["outer(inner(a))"] * 2
    assert client.options("/a").status_code == 405


def test_a_decorator_that_returns_nothing_is_named() -> None:
    def forgetful(view: Callable[..., Any]) -> None: ...

    class Decorated(View):
        decorators: ClassVar[list[Callable[..., Any]]] = [forgetful]

    with pytest.raises(SetupError) as raised:
        Decorated.as_view("decorated")
    assert str(raised.value) == (
        f"The decorator {describe(forgetful)} of Decorated returned None and not a function: is a"
        " return missing?"
    )


# --- methods


def methods_of(view_class: type[View]) -> list[str] | None:
    return None if view_class.methods is None else sorted(view_class.methods)


def test_a_view_answers_get_or_what_its_methods_say(app: App) -> None:
    class Form(View):
        methods: ClassVar[set[str]] = {"POST", "PUT"}

        def dispatch_request(self) -> str:
            return request.method

    app.add_url_rule("/", view_func=Page.as_view("page"))
    app.add_url_rule("/form", view_func=Form.as_view("form"))
    client = app.test_client()
    assert client.options("/").allow == {"GET", "HEAD", "OPTIONS"}
    assert client.options("/form").allow == {"OPTIONS", "POST", "PUT"}
    assert [client.post("/form").text, client.put("/form").text] == ["POST", "PUT"]
    refused = client.get("/form")
    assert (refused.status_code, refused.allow) == (405, {"OPTIONS", "POST", "PUT"})


class Books(MethodView):
    def get(self) -> str:
        return f"get {request.method}"

    def post(self) -> str:
        return "post"


class Deletable(MethodView):
    def delete(self) -> str:
        return "delete"


class Both(Books, Deletable):
    def patch(self) -> str:
        return "patch"


class Plain:
    def put(self) -> str:
        return "put"


class Mixed(Plain, MethodView):
    pass


class Named(Books):
    methods: ClassVar[list[str]] = ["GET"]


class OfNamed(Named, Deletable):
    pass


class Spelled(MethodView):
    methods: ClassVar[list[str]] = ["get", "propfind"]

    def propfind(self) -> str:
        return "found"


class Nothing(MethodView):
    pass


@pytest.mark.parametrize(
    ("view_class", "methods"),
    [
        (Books, ["GET", "POST"]),
        (Deletable, ["DELETE"]),
        (Both, ["DELETE", "GET", "PATCH", "POST"]),
        (Mixed, ["PUT"]),
        (Named, ["GET"]),
        # The methods that it has, and those that a class above it names.
        (OfNamed, ["DELETE", "GET", "POST"]),
        (Spelled, ["get", "propfind"]),
        (Nothing, None),
        (MethodView, None),
    ],
)
def test_the_methods_of_a_class_are_those_that_it_has(
    view_class: type[View], methods: list[str] | None
) -> None:
    assert methods_of(view_class) == methods


class Upper(MethodView):
    def GET(self) -> str:  # noqa: N802 - the mistake
        return "get"


class OnlyNamed(MethodView):
    methods: ClassVar[list[str]] = ["GET"]


@pytest.mark.parametrize("view_class", [Nothing, Upper, OnlyNamed, MethodView])
def test_a_class_without_a_method_to_call_is_refused(view_class: type[View]) -> None:
    with pytest.raises(SetupError) as raised:
        view_class.as_view("nothing")
    assert str(raised.value) == (
        f"The class {describe(view_class)} answers no request: write a method that is called like"
        " an HTTP method, in lower case, such as def get(self)."
    )


def test_a_class_that_dispatches_by_itself_needs_no_such_method(app: App) -> None:
    class Own(MethodView):
        def dispatch_request(self, **values: Any) -> str:
            return "own"

    app.add_url_rule("/", view_func=Own.as_view("own"))
    assert app.test_client().get("/").text == "own"


def test_each_method_goes_to_its_own(app: App) -> None:
    app.add_url_rule("/", view_func=Both.as_view("both"))
    client = app.test_client()
    assert [getattr(client, name)("/").text for name in ("get", "post", "patch", "delete")] == [
        "get GET",
        "post",
        "patch",
        "delete",
    ]
    allowed = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST"}
    assert client.options("/").allow == allowed
    refused = client.put("/")
    assert (refused.status_code, refused.allow) == (405, allowed)


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_a_method_of_ones_own_kind(app: App) -> None:
    app.add_url_rule("/", view_func=Spelled.as_view("spelled"))
    assert app.test_client().open("/", method="PROPFIND").text == "found"


def test_head_is_answered_by_get(app: App) -> None:
    class Head(Books):
        def head(self) -> tuple[str, dict[str, str]]:
            return "", {"X-Head": "own"}

    @app.after_request
    def after(response: Any) -> Any:
        response.headers["X-Body"] = response.get_data(as_text=True)
        return response

    app.add_url_rule("/get", view_func=Books.as_view("get"))
    app.add_url_rule("/head", view_func=Head.as_view("head"))
    client = app.test_client()
    response = client.head("/get")
    assert (response.text, response.headers["X-Body"]) == ("", "get HEAD")
    assert client.head("/head").headers["X-Head"] == "own"


def test_a_method_that_is_routed_but_not_there_is_a_405_with_those_that_are(app: App) -> None:
    app.add_url_rule("/", view_func=Books.as_view("books"), methods=["GET", "POST", "PUT"])
    refused = app.test_client().put("/")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(("automatic", "answer"), [(True, ""), (False, "own"), (None, "own")])
def test_options_is_answered_by_the_application_or_by_the_class(
    app: App, automatic: bool | None, answer: str
) -> None:
    class Options(MethodView):
        provide_automatic_options = automatic

        def options(self) -> str:
            return "own"

    app.add_url_rule("/", view_func=Options.as_view("options"))
    response = app.test_client().options("/")
    assert (response.status_code, response.text) == (200, answer)


def test_without_automatic_options_the_method_is_refused(app: App) -> None:
    class Bare(Books):
        provide_automatic_options = False

    app.add_url_rule("/", view_func=Bare.as_view("bare"))
    refused = app.test_client().options("/")
    assert (refused.status_code, refused.allow) == (405, {"GET", "HEAD", "POST"})


# --- asynchronous


@pytest.mark.parametrize("once", [False, True])
def test_methods_may_be_asynchronous(app: App, once: bool) -> None:
    class Asynchronous(MethodView):
        init_every_request = not once

        async def get(self, number: int) -> str:
            await asyncio.sleep(0)
            return f"get {number} {current_app.name} {request.path}"

        def post(self, number: int) -> str:
            return f"post {number}"

    class Dispatching(View):
        init_every_request = not once

        async def dispatch_request(self) -> str:
            await asyncio.sleep(0)
            return request.path

    app.add_url_rule("/<int:number>", view_func=Asynchronous.as_view("asynchronous"))
    app.add_url_rule("/view", view_func=Dispatching.as_view("dispatching"))
    client = app.test_client()
    assert client.get("/7").text == "get 7 example /7"
    assert client.post("/7").text == "post 7"
    assert client.get("/view").text == "/view"
