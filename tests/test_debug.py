"""What a developer is told in debug mode, word for word."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import BadRequest, BadRequestKeyError
from werkzeug.routing import BaseConverter, RequestRedirect

from microweb import App, Response, redirect, request, request_started, url_for
from microweb.debug import LossyRedirect
from microweb.errors import ConfigError, SetupError, describe
from microweb.views import MethodView

URLENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
def app(app: App) -> App:
    """The application in debug mode."""
    app.debug = True
    return app


def told(app: App, *args: Any, **options: Any) -> str:
    """Return what the debugger would show of a request that fails."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the text is what counts
        app.test_client().open(*args, **options)
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])


def missing(app: App, read: Callable[[], Any], **options: Any) -> str:
    """Return what is said of a field that a view reads and the request lacks."""
    app.add_url_rule("/", "index", read, methods=["GET", "POST"])
    return told(app, "/", **options).removeprefix("400 Bad Request: ")


# --- nothing of it in production


def test_the_package_does_not_import_what_debug_mode_needs() -> None:
    code = (
        "import sys; from microweb import App; app = App('example');"
        "app.test_client().get('/nowhere');"
        "print([name for name in sys.modules if name in ('microweb.debug', 'microweb.pages')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- a file without enctype


def upload(app: App) -> App:
    app.add_url_rule("/", "index", lambda: request.files["photo"].filename, methods=["POST"])
    return app


def test_a_file_of_a_form_without_enctype(app: App) -> None:
    message = told(upload(app), "/", method="POST", data={"photo": "holiday.jpg"})
    assert message == (
        "400 Bad Request: request.files has no 'photo': the form was sent as"
        f" {URLENCODED}, and so the browser sent the name of the file only ('holiday.jpg'). Write"
        ' <form method="post" enctype="multipart/form-data">.'
    )


def test_a_file_of_a_form_sent_as_plain_text(app: App) -> None:
    message = told(
        upload(app), "/", method="POST", content_type="text/plain", data="a=b\r\nphoto=my=1.jpg\r\n"
    )
    assert message == (
        "400 Bad Request: request.files has no 'photo': the form was sent as text/plain, and so the"
        " browser sent the name of the file only ('my=1.jpg'). Write"
        ' <form method="post" enctype="multipart/form-data">.'
    )


def test_a_missing_file_is_still_a_key_error(app: App) -> None:
    def view() -> str:
        try:
            return request.files["photo"].filename or ""
        except KeyError as error:
            return type(error).__name__

    app.add_url_rule("/", "index", view, methods=["POST"])
    response = app.test_client().post("/", data={"photo": "holiday.jpg"})
    assert response.text == "BadRequestKeyError"


def test_a_handler_of_key_errors_gets_the_explained_one(app: App) -> None:
    app.register_error_handler(KeyError, lambda error: (f"{error}", 400))
    text = upload(app).test_client().post("/", data={"photo": "holiday.jpg"}).text
    assert "request.files has no 'photo'" in text


def test_a_file_of_another_name(app: App) -> None:
    data = {"photos": (io.BytesIO(b"x"), "a.jpg")}
    assert told(upload(app), "/", method="POST", data=data) == (
        "400 Bad Request: request.files has no 'photo'. It has 'photos'. Is it 'photos' that you"
        " mean? Use request.files.get('photo') where it may be missing."
    )


def test_a_field_of_a_multipart_form_that_is_no_file(app: App) -> None:
    data = {"photo": "text", "other": (io.BytesIO(b"x"), "a.jpg")}
    assert told(upload(app), "/", method="POST", data=data) == (
        "400 Bad Request: request.files has no 'photo': the form was sent as multipart/form-data,"
        ' but this field is text (\'text\'). Write <input type="file" name="photo">.'
    )


def test_plain_text_without_the_field_is_no_form(app: App) -> None:
    message = told(upload(app), "/", method="POST", content_type="text/plain", data="hello")
    assert message == (
        "400 Bad Request: request.files has no 'photo'. It is empty. The body came as text/plain."
    )


# --- a missing field


def test_a_missing_field_of_a_form(app: App) -> None:
    message = missing(
        app, lambda: request.form["name"], method="POST", data={"nmae": "Ada", "age": "36"}
    )
    assert message == (
        "request.form has no 'name'. It has 'nmae', 'age'. Is it 'nmae' that you mean? Use"
        " request.form.get('name') where it may be missing."
    )


def test_a_missing_value_of_the_query(app: App) -> None:
    assert missing(app, lambda: request.args["page"], query_string={"q": "x"}) == (
        "request.args has no 'page'. It has 'q'. Use request.args.get('page') where it may be"
        " missing."
    )


def test_a_missing_value_of_form_and_query(app: App) -> None:
    assert missing(app, lambda: request.values["page"], method="POST", data={"q": "x"}) == (
        "request.values has no 'page'. It has 'q'. Use request.values.get('page') where it may be"
        " missing."
    )


def test_a_missing_cookie(app: App) -> None:
    app.add_url_rule("/", "index", lambda: request.cookies["theme"])
    client = app.test_client()
    client.set_cookie("lang", "en")
    with pytest.raises(KeyError) as caught:
        client.get("/")
    assert str(caught.value) == (
        "400 Bad Request: request.cookies has no 'theme'. It has 'lang'. Use"
        " request.cookies.get('theme') where it may be missing."
    )


def test_a_field_that_is_elsewhere(app: App) -> None:
    assert missing(app, lambda: request.form["name"], query_string={"name": "Ada"}) == (
        "request.form has no 'name'. It is empty. request.args has one of this name."
    )


def test_a_field_that_is_in_the_json(app: App) -> None:
    assert missing(app, lambda: request.form["name"], method="POST", json={"name": "Ada"}) == (
        "request.form has no 'name'. It is empty. request.json has one of this name."
    )


def test_a_form_that_was_sent_as_json(app: App) -> None:
    assert missing(app, lambda: request.form["name"], method="POST", json=[1]) == (
        "request.form has no 'name'. It is empty. The body is JSON: see request.json."
    )


def test_a_form_that_was_not_sent(app: App) -> None:
    assert missing(app, lambda: request.form["name"]) == (
        "request.form has no 'name'. It is empty. The request has no body with a Content-Type."
    )


def test_of_many_fields_the_first_ones_are_named(app: App) -> None:
    query = {f"field{number}": "" for number in range(30)}
    message = missing(app, lambda: request.args["x"], query_string=query)
    assert "'field19', …. Use" in message
    assert "'field20'" not in message


def test_a_field_that_is_read_twice_is_explained_from_where_it_failed(app: App) -> None:
    def view() -> str:
        def inner() -> str:
            return request.form["second"]

        return request.args["first"] + inner()

    message = missing(app, view, query_string={"first": "1"})
    assert message.startswith("request.form has no 'second'.")


def test_the_key_error_of_another_mapping_keeps_its_words(app: App) -> None:
    from werkzeug.datastructures import MultiDict

    message = missing(app, lambda: MultiDict({"a": "b"})["name"], query_string={"name": "Ada"})
    assert message == f"{BadRequest.description}\nKeyError: 'name'"


def test_a_key_error_without_a_key_keeps_its_words(app: App) -> None:
    def view() -> str:
        raise BadRequestKeyError

    assert missing(app, view).startswith(str(BadRequest.description))


def test_not_trapped_it_is_a_page_that_reads_well(app: App) -> None:
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    app.add_url_rule("/", "index", lambda: request.args["<page>"])
    text = app.test_client().get("/?q=1").text
    assert (
        "<p>request.args has no &#39;&lt;page&gt;&#39;. It has &#39;q&#39;. Use"
        " request.args.get(&#39;&lt;page&gt;&#39;) where it may be missing.</p>" in text
    )


def test_in_production_a_client_learns_nothing_of_it(app: App) -> None:
    app.debug = False
    app.testing = False
    app.add_url_rule("/", "index", lambda: request.args["page"])
    response = app.test_client().get("/?q=1")
    assert response.status_code == 400
    assert "page" not in response.text


def test_a_missing_member_of_the_json(app: App) -> None:
    message = missing(app, lambda: request.json["name"], method="POST", json={"nmae": 1})
    expected = (
        "\nIf it is the JSON of the request that was asked: it has no 'name'. It has 'nmae'. Is it"
        " 'nmae' that you mean? Use request.json.get('name') where it may be missing."
    )
    assert message == "'name'" + (expected if sys.version_info >= (3, 11) else "")


def test_a_missing_member_of_json_that_another_function_read(app: App) -> None:
    def name_of(data: dict[str, str]) -> str:
        return data["name"]

    message = missing(app, lambda: name_of(request.get_json()), method="POST", json={})
    assert ("that was asked: it has no 'name'. It is empty." in message) == (
        sys.version_info >= (3, 11)
    )


@pytest.mark.parametrize("body", [{"name": 1}, ["name"], {"other": 1}, None])
def test_a_key_error_that_is_not_of_the_json_is_left_alone(app: App, body: Any) -> None:
    def view() -> str:
        return {"a": "b"}["name"]

    options: dict[str, Any] = {} if body is None else {"method": "POST", "json": body}
    assert missing(app, view, **options) == "'name'"


def test_a_key_that_came_out_of_the_json_was_looked_up_elsewhere(app: App) -> None:
    def view() -> dict[str, int]:
        body = request.get_json()
        prices = {"pear": 2}
        return {"price": prices[body["sku"]]}

    document = {"sku": "apple", "amount": 2}
    assert missing(app, view, method="POST", json=document) == "'apple'"


# --- a redirect that loses the body


class Moved(BaseConverter):
    """Redirects every value, with a status of its own."""

    code = 301

    def to_python(self, value: str) -> str:
        moved = RequestRedirect("http://localhost/new")
        moved.code = self.code
        raise moved


def moving(app: App, code: int) -> App:
    app.url_map.converters["moved"] = type("Own", (Moved,), {"code": code})
    app.add_url_rule("/old/<moved:x>", "old", lambda x: "", methods=["GET", "POST", "DELETE"])
    return app


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_redirect_that_would_lose_the_body(app: App, method: str) -> None:
    with pytest.raises(LossyRedirect) as caught:
        moving(app, 301).test_client().open("/old/1?a=b", method=method, data={"name": "Ada"})
    assert str(caught.value) == (
        f"{method} http://localhost/old/1?a=b would be redirected to http://localhost/new with"
        " status 301: browsers follow that with GET and drop the body. Send the form straight to"
        " http://localhost/new, with an action that url_for() builds, or redirect with 308, which"
        " keeps method and body."
    )
    assert caught.value.url == "http://localhost/old/1?a=b"
    assert caught.value.new_url == "http://localhost/new"


@pytest.mark.parametrize(
    ("method", "code"), [("POST", 308), ("POST", 307), ("GET", 301), ("HEAD", 302)]
)
def test_a_redirect_that_loses_nothing_is_sent(app: App, method: str, code: int) -> None:
    response = moving(app, code).test_client().open("/old/1", method=method)
    assert (response.status_code, response.location) == (code, "http://localhost/new")


def test_in_production_every_redirect_is_sent(app: App) -> None:
    app.debug = False
    assert moving(app, 301).test_client().post("/old/1").status_code == 301


def test_a_redirect_that_a_view_raises_is_its_own(app: App) -> None:
    def view() -> str:
        moved = RequestRedirect("/new")
        moved.code = 303
        raise moved

    app.add_url_rule("/", "index", view, methods=["POST"])
    assert app.test_client().post("/").status_code == 303


# --- views that do not fit their rules


def any_wrapper(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapper


def user() -> str:
    return ""


def by_number(number: int) -> str:
    return f"{number}"


def by_two(number: int, page: int = 1, *, name: str) -> str:
    return f"{number}{page}{name}"


def refused(app: App) -> str:
    with pytest.raises(SetupError) as caught:
        app.test_client().get("/anything")
    return str(caught.value)


@pytest.mark.parametrize(
    ("rule", "view", "expected"),
    [
        (
            "/users/<id>",
            user,
            "does not take 'id', which its URL rule '/users/<id>' gives: add the argument, as in"
            " def user(id).",
        ),
        (
            "/<b>/<a>",
            user,
            "does not take 'a' and 'b', which its URL rule '/<b>/<a>' gives: add the arguments, as"
            " in def user(a, b).",
        ),
        (
            "/users",
            by_number,
            "takes 'number', which its URL rule '/users' does not give: write <number> into the"
            " rule, or give the argument a default value.",
        ),
        (
            "/users/<int:id>",
            by_number,
            "takes 'number', and its URL rule '/users/<int:id>' gives 'id': a variable and its"
            " argument have the same name.",
        ),
        (
            "/users/{number}",
            by_number,
            "takes 'number', and its URL rule '/users/{number}' has that in braces, which are plain"
            " text: a variable is written <number>.",
        ),
        (
            "/users/<int:page>",
            by_two,
            "takes 'number' and 'name', which its URL rule '/users/<int:page>' does not give: write"
            " <number> and <name> into the rule, or give the argument a default value.",
        ),
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_a_view_that_does_not_fit_is_told_before_the_first_request(
    app: App, rule: str, view: Any, expected: str, debug: bool
) -> None:
    app.debug = debug  # a test is told too
    app.add_url_rule(rule, "x", view)
    assert refused(app) == f"The view {describe(view)} {expected}"


def test_all_views_that_do_not_fit_are_told_at_once(app: App) -> None:
    app.add_url_rule("/a/<id>", "a", user)
    app.add_url_rule("/b", "b", by_number)
    assert len(refused(app).splitlines()) == 2


def test_a_lambda_is_not_written_with_its_name(app: App) -> None:
    app.add_url_rule("/<id>", "x", lambda: "")
    assert refused(app).endswith("add the argument, as in def view(id).")


def test_bound_methods_and_partials_are_checked_too(app: App) -> None:
    class Views:
        def show(self) -> str:
            return ""

    app.add_url_rule("/a/<id>", "a", Views().show)
    app.add_url_rule("/b/<id>", "b", functools.partial(by_two, name="x"))
    first, second = refused(app).splitlines()
    assert "does not take 'id'" in first
    assert "takes 'number', and its URL rule '/b/<id>' gives 'id'" in second


def test_views_that_fit_or_might_fit_are_called(app: App) -> None:
    class Callable_:  # noqa: N801 - a view of a class
        __name__ = "called"

        def __call__(self) -> str:
            return ""

    def positional(id: str, /) -> str:
        return id

    positional_any: Any = positional
    signed: Any = lambda *args: ""  # noqa: E731 - it gets an attribute
    signed.__signature__ = "of a library that knows better"

    app.add_url_rule("/a/<id>", "a", lambda **values: "")
    app.add_url_rule("/b/<id>", "b", any_wrapper(user))
    app.add_url_rule("/c/<int:number>", "c", by_two, defaults={"name": "x"})
    app.add_url_rule("/d/<int:number>", "d", functools.partial(by_two, name="x"))
    app.add_url_rule("/e/<id>", "e", Callable_())
    app.add_url_rule("/f/<id>", "f", positional_any)
    app.add_url_rule("/g/<id>", "g", signed)
    app.add_url_rule("/h/<id>", "h", user, build_only=True)
    app.add_url_rule("/i/<id>", "i", user, redirect_to="/a/<id>")
    app.add_url_rule("/j/<id>", "j", user, websocket=True)
    app.add_url_rule("/k/<id>", "k", functools.partial(max))  # without a signature
    client = app.test_client()
    assert client.get("/a/1").status_code == 200
    assert client.get("/c/1").text == "11x"
    assert client.get("/d/2").text == "21x"


def test_functions_that_may_change_the_values_switch_the_check_off(app: App) -> None:
    @app.url_value_preprocessor
    def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
        (values or {}).pop("lang", None)

    app.add_url_rule("/<lang>/a", "a", user)
    assert app.test_client().get("/en/a").status_code == 200


def test_a_before_request_function_may_change_the_values_too(app: App) -> None:
    @app.before_request
    def take() -> None:
        (request.view_args or {}).pop("lang", None)

    app.add_url_rule("/<lang>/a", "a", user)
    assert app.test_client().get("/en/a").status_code == 200


def test_an_application_that_calls_views_by_itself_is_not_checked() -> None:
    class Own(App):
        def dispatch_request(self) -> Any:
            assert request.endpoint is not None
            return self.view_functions[request.endpoint]()

    app = Own("example", static_folder=None)
    app.debug = True
    app.add_url_rule("/<id>", "x", user)
    assert app.test_client().get("/1").status_code == 200


def test_in_production_nothing_is_checked(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.debug = app.testing = False
    app.add_url_rule("/a", "a", user)
    app.add_url_rule("/b/<id>", "b", user)
    assert [app.test_client().get(url).status_code for url in ("/a", "/b/1")] == [200, 500]


def test_a_wrapped_view_that_does_not_fit_is_told_when_it_is_called(app: App) -> None:
    app.add_url_rule("/a/<id>", "a", any_wrapper(user))
    assert told(app, "/a/1") == (
        "user() got an unexpected keyword argument 'id'. The view"
        f" {describe(user)} does not take 'id', which its URL rule '/a/<id>' gives: add the"
        " argument, as in def user(id)."
    )


def test_of_a_wrapped_view_only_what_is_certain_is_told(app: App) -> None:
    def add_name(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def wrapper(**values: Any) -> Any:
            return view(name="Ada", **values)

        return wrapper

    app.add_url_rule("/a/<id>", "a", add_name(by_two))
    message = told(app, "/a/1")
    assert "does not take 'id', which" in message
    assert "takes 'number'" not in message


def test_a_view_that_does_not_fit_behind_a_hook_is_told_when_it_is_called(app: App) -> None:
    app.before_request(lambda: None)
    app.add_url_rule("/b", "b", by_number)
    assert told(app, "/b").startswith("by_number() missing 1 required positional argument")
    assert "write <number> into the rule" in told(app, "/b")


def test_a_call_that_fails_for_another_reason_keeps_its_words(app: App) -> None:
    def twice(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def wrapper(**values: Any) -> Any:
            return view("1", **values)

        return wrapper

    app.add_url_rule("/a/<number>", "a", twice(by_number))
    assert told(app, "/a/1") == "by_number() got multiple values for argument 'number'"


def test_a_type_error_inside_of_a_view_keeps_its_words(app: App) -> None:
    @app.get("/a")
    def view() -> str:
        raise TypeError(f"{view.__qualname__}() is not to be called")

    @app.get("/b")
    def other() -> str:
        return "a" + 1  # type: ignore[operator,no-any-return]

    assert told(app, "/a").endswith("() is not to be called")
    assert told(app, "/b") == 'can only concatenate str (not "int") to str'


def test_a_type_error_where_no_rule_matched_keeps_its_words(app: App) -> None:
    @app.before_request
    def fail() -> None:
        raise TypeError("before")

    assert told(app, "/nowhere") == "before"


# --- class-based views that do not fit their rules


class Notes(MethodView):
    def get(self, idd: str) -> str:
        return idd

    async def put(self) -> str:
        return ""

    def delete(self, id: str, by: str) -> str:
        return id + by

    def patch(id: str) -> str:  # type: ignore[misc]  # noqa: N805 - the mistake
        return id

    def post() -> str:  # type: ignore[misc] # the mistake
        return ""


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "get",
            "takes 'idd', and its URL rule '/v/<id>' gives 'id': a variable and its argument have"
            " the same name.",
        ),
        (
            "put",
            "does not take 'id', which its URL rule '/v/<id>' gives: add the argument, as in def"
            " put(self, id).",
        ),
        (
            "delete",
            "takes 'by', which its URL rule '/v/<id>' does not give: write <by> into the rule, or"
            " give the argument a default value.",
        ),
        (
            "patch",
            "does not take 'id', which its URL rule '/v/<id>' gives: add the argument, as in def"
            " patch(self, id).",
        ),
        ("post", "lacks self: write def post(self, id)."),
    ],
)
@pytest.mark.parametrize("once", [False, True])
def test_a_method_that_does_not_fit_is_told_before_the_first_request(
    app: App, method: str, expected: str, once: bool
) -> None:
    class Chosen(Notes):
        init_every_request = not once

    app.add_url_rule("/v/<id>", view_func=Chosen.as_view("v"), methods=[method])
    function = getattr(Notes, method)
    assert f"'Notes.{method}' ({__file__}:" in describe(function)
    assert refused(app) == f"The view {describe(function)} {expected}"


def test_all_methods_and_views_that_do_not_fit_are_told_at_once(app: App) -> None:
    app.add_url_rule("/v/<id>", view_func=Notes.as_view("v"))
    app.add_url_rule("/a/<id>", "a", user)
    assert [line.split("'")[1] for line in refused(app).splitlines()] == [
        "user",
        "Notes.delete",
        "Notes.get",
        "Notes.patch",
        "Notes.post",
        "Notes.put",
    ]


def test_each_rule_of_a_class_is_checked_with_its_methods(app: App) -> None:
    class Items(MethodView):
        def get(self, id: int | None) -> str:
            return f"{id}"

        def post(self) -> str:
            return "made"

        def put(self, id: int) -> str:
            return f"put {id}"

    view = Items.as_view("items")
    app.add_url_rule("/items/", view_func=view, defaults={"id": None}, methods=["GET"])
    app.add_url_rule("/items/", view_func=view, methods=["POST"])
    app.add_url_rule("/items/<int:id>", view_func=view, methods=["GET", "PUT"])
    client = app.test_client()
    assert [client.get("/items/").text, client.post("/items/").text] == ["None", "made"]
    assert [client.get("/items/1").text, client.put("/items/1").text] == ["1", "put 1"]


def test_a_method_that_fits_one_rule_of_its_class_is_meant_for_that(app: App) -> None:
    class Items(MethodView):
        def get(self, id: str = "all") -> str:
            return id

        def post(self) -> str:
            return "made"

        @any_wrapper
        def delete(self, id: str) -> str:
            return id

    app.add_url_rule("/items", view_func=Items.as_view("items"))
    app.add_url_rule("/items/<id>", view_func=Items.as_view("item"))
    client = app.test_client()
    assert [client.get("/items/1").text, client.post("/items").text] == ["1", "made"]
    assert "takes 'id', which its URL rule '/items' does not give" in told(
        app, "/items", method="DELETE"
    )
    assert "does not take 'id', which its URL rule '/items/<id>' gives" in told(
        app, "/items/1", method="POST"
    )


def test_methods_that_fit_or_might_fit_are_called(app: App) -> None:
    def of_a_library(self: Any, number: int) -> str:
        return ""

    signed: Any = lambda self: ""  # noqa: E731 - it gets an attribute
    signed.__signature__ = "of a library that knows better"

    class Fitting(MethodView):
        def get(self, id: str, page: int = 1, **more: Any) -> str:
            return id

        def post(self, /, id: str, *, by: str = "") -> str:
            return id

        def put(*args: Any, **values: Any) -> str:
            return str(values["id"])

        delete = any_wrapper(of_a_library)
        patch = signed
        trace = functools.partialmethod(of_a_library, number=1)

        @staticmethod
        def head() -> str:
            return ""

        def options(self) -> str:
            return ""

    class Positional(MethodView):
        def get(self, id: str, /) -> str:
            return id

    view = Fitting.as_view("fitting")
    app.add_url_rule("/a/<id>", view_func=view, provide_automatic_options=True)
    app.add_url_rule("/b/<id>", view_func=Positional.as_view("positional"))
    client = app.test_client()
    assert [client.get("/a/1").text, client.post("/a/1").text] == ["1", "1"]
    assert client.put("/a/1").text == "1"


def test_classes_that_something_stands_in_front_of_are_not_checked(app: App) -> None:
    class Dispatching(MethodView):
        def get(self) -> str:
            return "got"

        def dispatch_request(self, **values: Any) -> Any:
            return self.get()

    class Decorated(MethodView):
        decorators = [lambda view: lambda **values: view()]  # noqa: RUF012

        def get(self) -> str:
            return "decorated"

    def without_values(view: Any) -> Any:
        @functools.wraps(view)
        def wrapper(**values: Any) -> Any:
            return view()

        return wrapper

    class Bare(MethodView):
        def get(self) -> str:
            return "bare"

    class Imitation:
        view_class = Bare

        def __call__(self, **values: Any) -> str:
            return "imitation"

    app.add_url_rule("/c/<id>", view_func=Dispatching.as_view("dispatching"))
    app.add_url_rule("/d/<id>", view_func=Decorated.as_view("decorated"))
    app.add_url_rule("/e/<id>", view_func=without_values(Bare.as_view("bare")))
    app.add_url_rule("/f/<id>", "imitation", Imitation())
    app.add_url_rule("/g/<id>", view_func=Bare.as_view("built"), build_only=True)
    client = app.test_client()
    urls = ("/c/1", "/d/1", "/e/1", "/f/1")
    assert [client.get(url).text for url in urls] == ["got", "decorated", "bare", "imitation"]


def test_the_class_that_answers_is_the_one_that_is_checked(app: App) -> None:
    class Other(MethodView):
        def get(self, id: str) -> str:
            return id

        put = delete = patch = post = get

    exchanged: Any = Notes.as_view("exchanged")
    exchanged.view_class = Other
    app.add_url_rule("/a/<id>", view_func=exchanged)
    assert app.test_client().get("/a/1").text == "1"


def test_hooks_that_may_change_the_values_switch_the_check_of_methods_off(app: App) -> None:
    app.before_request(lambda: None)
    app.add_url_rule("/v/<id>", view_func=Notes.as_view("v"))
    assert app.test_client().options("/v/1").status_code == 200
    assert told(app, "/v/1").startswith("Notes.get() got an unexpected keyword argument 'id'")
    assert told(app, "/v/1", method="HEAD").endswith("its argument have the same name.")
    assert "def put(self, id)" in told(app, "/v/1", method="PUT")


def test_a_call_of_what_is_no_plain_method_keeps_its_words(app: App) -> None:
    class Static(MethodView):
        @staticmethod
        def get() -> str:
            return ""

    app.add_url_rule("/v/<id>", view_func=Static.as_view("v"))
    assert told(app, "/v/1").endswith("get() got an unexpected keyword argument 'id'")


# --- views and decorators


def test_a_decorator_without_a_return(app: App) -> None:
    def broken(view: Callable[..., Any]) -> Any:
        functools.wraps(view)

    with pytest.raises(SetupError) as caught:
        app.get("/")(broken(user))
    assert str(caught.value) == (
        "What the URL rule '/' stands above is None and not a view: the decorator below it lacks a"
        " `return` of its function."
    )


def test_a_decorator_without_wraps(app: App) -> None:
    def anonymous(view: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(**values: Any) -> Any:
            return view(**values)

        return wrapper

    first, second = anonymous(user), anonymous(by_number)
    app.add_url_rule("/a", view_func=first)
    with pytest.raises(SetupError) as caught:
        app.add_url_rule("/b", view_func=second)
    assert str(caught.value) == (
        f"The endpoint 'wrapper' is taken: {describe(first)} has it and {describe(second)} would"
        " get it too. They are what one decorator returns, and have its inner function's name:"
        " write @functools.wraps(view) above that function, so that each has its view's name."
    )


# --- what views return


def test_an_iterator_of_numbers(app: App, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/")
    def index() -> Iterator[Any]:
        yield "a"
        yield 1

    assert told(app, "/", buffered=True) == (
        f"The view 'index' ({describe(index).rpartition('(')[2]} returned an iterable that gave 1"
        " (int): give pieces of text or bytes."
    )


def test_an_iterator_of_none_without_a_view(app: App) -> None:
    app.add_url_rule("/", "index", lambda: Response([None]))  # type: ignore[arg-type]
    assert told(app, "/") == (
        "The body of a response is an iterable that gave None: give pieces of text or bytes."
    )


def test_redirect_to_a_function(app: App) -> None:
    app.add_url_rule("/", "index", lambda: redirect(user))  # type: ignore[arg-type]
    assert told(app, "/") == (
        f"redirect takes a URL and not the function {describe(user)}: write"
        " redirect(url_for('user')), with the endpoint of the view."
    )


@pytest.mark.parametrize("location", [None, 7, b"/"])
def test_redirect_to_no_url(app: App, location: Any) -> None:
    app.add_url_rule("/", "index", lambda: redirect(location))
    assert told(app, "/") == (f"redirect takes a URL, text such as '/login', and not {location!r}.")


def test_url_for_without_a_value(app: App) -> None:
    app.add_url_rule("/<name>/<int:id>", "show", lambda name, id: "")
    app.add_url_rule("/", "index", lambda: url_for("show", name="x"))
    assert told(app, "/") == (
        "Could not build url for endpoint 'show' with values ['name']. Did you forget to specify"
        " values ['id']?"
    )


def test_a_coroutine_that_nobody_awaits(app: App) -> None:
    async def fetch() -> str:
        return ""

    coroutine = fetch()
    app.add_url_rule("/", "index", lambda: coroutine)
    message = told(app, "/")
    coroutine.close()
    assert message.partition(") ")[2] == (
        "returned a coroutine that nothing awaited: make the view an `async def` and return what"
        " `await` gives. A decorator around an asynchronous view calls it by"
        " current_app.ensure_sync(view)(...)."
    )


# --- configuration


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (
            "MAX_CONTENT_LENGTH",
            "16MB",
            "'16MB' (str): it must be a whole number of bytes, such as 16 * 1024 * 1024, or None.",
        ),
        (
            "TESTING",
            "False",
            "'False' (str): it must be True or False. In an environment variable write true or"
            " false, as in JSON.",
        ),
        (
            "TRUSTED_HOSTS",
            "example.com",
            "'example.com' (str): it must be a list of host names, such as ['example.com'], or"
            " None.",
        ),
        ("MAX_FORM_PARTS", True, "True (bool): it must be a whole number or None."),
        ("SERVER_NAME", 8000, "8000 (int): it must be text or None."),
        ("SESSION_COOKIE_NAME", None, "None: it must be text."),
    ],
)
def test_a_value_of_the_wrong_type_is_told_before_the_first_request(
    app: App, key: str, value: Any, expected: str
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.debug = app.testing = False
    app.config[key] = value
    with pytest.raises(ConfigError) as caught:
        app.test_client().get("/")
    assert str(caught.value) == f"{key} is {expected}"
    assert caught.value.key == key


def test_a_wrong_configuration_is_logged_and_answered_in_production(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.debug = app.testing = False
    app.config["MAX_FORM_PARTS"] = "many"
    app.register_error_handler(500, lambda error: ("our page", 500))
    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (500, "our page")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ConfigError)


# --- templates


def test_the_search_for_a_template_is_explained(
    app: App, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from microweb import Blueprint, render_template

    (tmp_path / "bp").mkdir()
    (tmp_path / "bp" / "page.html").write_text("found")
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    app.root_path = str(tmp_path)
    app.register_blueprint(Blueprint("blog", "blog", template_folder="bp", root_path=str(tmp_path)))
    app.add_url_rule("/", "index", lambda: render_template("page.html"))
    caplog.set_level("INFO")
    assert app.test_client().get("/").text == "found"
    assert [record.getMessage() for record in caplog.records] == [
        "Looking for the template 'page.html':\n"
        f"  1. application 'example' ({tmp_path}/templates): not there\n"
        f"  2. blueprint 'blog' ({tmp_path}/bp): {tmp_path}/bp/page.html"
    ]


def test_a_missing_template_is_explained(
    app: App, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from microweb import render_template

    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "index.html").write_text("")
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    app.root_path = str(tmp_path)
    app.add_url_rule("/", "index", lambda: render_template("idnex.html"))
    caplog.set_level("INFO")
    assert told(app, "/") == (
        f"There is no template 'idnex.html'. Looked into {tmp_path}/templates. Is it 'index.html'"
        " that you mean?"
    )
    assert [record.getMessage() for record in caplog.records] == [
        "Looking for the template 'idnex.html':\n"
        f"  1. application 'example' ({tmp_path}/templates): not there\n"
        "  No loader has it."
    ]


# --- what may change the values of a URL on its way to the view


class Preprocessing(App):
    def preprocess_request(self) -> Any:
        view_args = request.view_args
        if view_args:
            view_args.pop("lang", None)
        return super().preprocess_request()


def test_views_are_not_checked_where_a_method_may_change_the_values() -> None:
    app = Preprocessing("example", static_folder=None)
    app.testing = True
    app.add_url_rule("/<lang>/hi", "hi", lambda: "hi")
    assert app.test_client().get("/de/hi").text == "hi"


def test_views_are_not_checked_where_a_signal_may_change_the_values(app: App) -> None:
    def change(sender: App) -> None:
        request.view_args = {}

    app.add_url_rule("/<lang>/hi", "hi", lambda: "hi")
    with request_started.connected_to(change, app):
        assert app.test_client().get("/de/hi").text == "hi"
