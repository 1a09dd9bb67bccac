"""What debug mode shows at a URL that no rule matches."""

from __future__ import annotations

import json
import os
import re
from html import unescape
from typing import Any, ClassVar

import pytest
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, Rule, ValidationError

from microweb import App, Blueprint, Response, abort, request
from microweb.errors import place
from microweb.identity import KEY
from microweb.nearness import likeness, likenesses
from microweb.pages import LIST_LIMIT
from microweb.views import MethodView, View

NAMED = {KEY: "a-7"}  # a request that has its id already

JSON = {"Accept": "application/json"}
MARK = "<mark>nearest</mark>"


@pytest.fixture
def app(app: App) -> App:
    """The application in debug mode, with a few routes."""
    app.debug = True

    @app.get("/")
    def index() -> str:
        return ""

    @app.get("/users")
    def users() -> str:
        return ""

    @app.get("/users/<int:id>/edit")
    def edit(id: int) -> str:
        return ""

    @app.post("/articles")
    def publish() -> str:
        return ""

    return app


def page(app: App, path: str, **options: Any) -> str:
    return app.test_client().open(path, **options).text


def hint(app: App, path: str, method: str = "GET") -> str:
    """Return the hint of the page, as a reader sees it."""
    (found,) = re.findall(r'<p class="hint">(.*?)</p>', page(app, path, method=method))
    return unescape(re.sub("<[^>]*>", "", found))


def rows(text: str) -> list[str]:
    """Return the lines of the table, as a reader sees them."""
    found = re.findall(r"<tr[^>]*><td>(.*?)</td></tr>", text)
    return [unescape(re.sub("<[^>]+>", "", row.replace("</td><td>", " | "))) for row in found]


def shown(location: str) -> str:
    """Return how a page shows a file: from the current folder on."""
    return location.removeprefix(os.getcwd() + os.sep)


# --- 404


def test_a_404_lists_the_routes_with_the_nearest_one_marked(app: App) -> None:
    response = app.test_client().get("/userz")
    assert response.status == "404 NOT FOUND"
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Vary"] == "Accept"
    places = {name: place(view) for name, view in app.view_functions.items()}
    assert rows(response.text) == [
        f"GET | / | index | {shown(places['index'])}",
        f"POST | /articles | publish | {shown(places['publish'])}",
        f"GET | /users nearest | users | {shown(places['users'])}",
        f"GET | /users/<int:id>/edit | edit | {shown(places['edit'])}",
    ]
    assert "<title>404 Not Found: GET /userz</title>" in response.text
    assert "<h1>404 Not Found</h1>" in response.text


def test_the_page_needs_nothing_but_itself(app: App) -> None:
    text = page(app, "/userz")
    assert "<script" not in text
    assert "src=" not in text
    assert "url(" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert re.findall(' href="(.*?)"', text) == ["/", "/users"]


def test_links_lead_to_where_the_application_is_mounted(app: App) -> None:
    text = page(app, "/userz", base_url="http://localhost/my app/")
    assert re.findall(' href="(.*?)"', text) == ["/my%20app/", "/my%20app/users"]
    assert "<span>/my app</span>/userz" in text


def test_everything_is_escaped(app: App) -> None:
    app.import_name = "<b>app</b>"
    app.add_url_rule("/<any('<i>', b):x>/&amp;", "<u>", lambda x: "")
    text = page(app, "/%3Cscript%3E'%22`x`<b>")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "<i>" not in text
    assert "<u>" not in text
    assert "&amp;amp;" in text
    assert "&lt;script&gt;&#39;&#34;" in text


def test_of_two_rules_with_one_path_both_are_marked(app: App) -> None:
    app.add_url_rule("/users", "create", lambda: "", methods=["POST", "PUT"])
    assert page(app, "/userz").count(MARK) == 2


def test_without_debug_mode_the_page_is_plain(app: App) -> None:
    app.debug = False
    assert page(app, "/userz") == NotFound().get_body()


def test_the_answer_to_head_has_no_body(app: App) -> None:
    response = app.test_client().head("/userz")
    assert (response.status_code, response.data) == (404, b"")
    assert int(response.headers["Content-Length"]) > 1000


def test_a_404_of_a_view_is_its_own(app: App) -> None:
    app.add_url_rule("/gone", "gone", lambda: abort(404, "No such article."))
    assert page(app, "/gone") == NotFound("No such article.").get_body()


def test_a_404_that_a_handler_took_is_the_handlers(app: App) -> None:
    app.register_error_handler(404, lambda error: ("mine", 404))
    assert page(app, "/userz") == "mine"
    app.register_error_handler(404, lambda error: error)
    assert page(app, "/userz") == NotFound().get_body()


def test_a_serializer_of_ones_own_is_asked_alone() -> None:
    class Own(App):
        def make_error_response(self, e: HTTPException) -> Response:
            return Response(f"{e.code} at {request.path}", e.code)

    app = Own("example", static_folder=None)
    app.debug = True
    assert page(app, "/userz") == "404 at /userz"


def test_a_404_with_words_of_its_own_stays_as_it_is(app: App) -> None:
    class Own(NotFound):
        description = "Not here."

    class Converter(BaseConverter):
        def to_python(self, value: str) -> str:
            raise Own

    app.url_map.converters["own"] = Converter
    app.add_url_rule("/own/<own:x>", "own", lambda x: "")
    assert page(app, "/own/1") == Own().get_body()


def test_an_error_outside_of_a_request_is_plain(app: App) -> None:
    with app.app_context():
        response = app.make_error_response(NotFound())
    assert response.get_data(as_text=True) == NotFound().get_body()
    assert app.make_error_response(NotFound()).data == response.data


def test_problem_details_get_a_hint_as_extension_members(app: App) -> None:
    response = app.test_client().get("/userz", headers=JSON, environ_base=NAMED)
    assert response.content_type == "application/problem+json"
    assert json.loads(response.data) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": NotFound.description,
        "request_id": "a-7",
        "hint": "Is it `/users` that you mean?",
        "nearest": "/users",
    }
    assert int(response.headers["Content-Length"]) == len(response.data)


def test_without_a_near_route_problem_details_name_none(app: App) -> None:
    response = app.test_client().get("/something/else", headers=JSON)
    assert "nearest" not in json.loads(response.data)


# --- the hint


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/userz", "Is it /users that you mean?"),
        ("/users/7/edti", "Is it /users/<int:id>/edit that you mean?"),
        (
            "/users/ada/edit",
            "The rule /users/<int:id>/edit is near, but its variable <int:id> does not take ada.",
        ),
        ("/Users", "Upper and lower case count in a URL: the rule is /users."),
        (
            "/users/",
            "The URL has a slash at its end and the rule /users has none. Ask for it without, or"
            " write the rule as /users/: then the URL without the slash is redirected.",
        ),
        (
            "/something/else",
            "No route is near this URL. If it belongs to a blueprint: is that registered, with"
            " app.register_blueprint(), and under the url_prefix that the URL has?",
        ),
    ],
)
def test_the_hint_says_what_may_be_wrong(app: App, path: str, expected: str) -> None:
    assert hint(app, path) == expected


@pytest.mark.parametrize(
    ("rule", "methods", "request_line", "expected"),
    [
        (
            "/g/",
            ["GET"],
            "POST /g",
            "The rule is /g/, with a slash at its end, and answers GET only.",
        ),
        (
            "/g/",
            ["GET", "POST"],
            "DELETE /g",
            "The rule is /g/, with a slash at its end, and answers GET and POST only.",
        ),
        (
            "/g/<int:id>/",
            ["PUT"],
            "GET /g/7",
            "The rule is /g/<int:id>/, with a slash at its end, and answers PUT only.",
        ),
        (
            "/g/",
            ["GET"],
            "POST /G",
            "Upper and lower case count in a URL: the rule is /g/, with a slash at its end, and"
            " answers GET only.",
        ),
        (
            "/g/",
            ["GET"],
            "POST /G/",
            "Upper and lower case count in a URL: the rule is /g/. The rule answers GET only.",
        ),
        ("/g", ["GET"], "GET /G/", "Upper and lower case count in a URL: the rule is /g."),
        (
            "/g",
            ["GET"],
            "POST /g/",
            "The URL has a slash at its end and the rule /g has none. Ask for it without, or write"
            " the rule as /g/: then the URL without the slash is redirected. The rule answers GET"
            " only.",
        ),
        (
            "/goods/",
            ["GET"],
            "POST /goodz",
            "Is it /goods/ that you mean? The rule answers GET only.",
        ),
        (
            "/goods",
            ["HEAD"],
            "GET /goodz",
            "Is it /goods that you mean? The rule answers HEAD only.",
        ),
        (
            "/goods/<int:id>",
            ["GET"],
            "POST /goods/x",
            "The rule /goods/<int:id> is near, but its variable <int:id> does not take x. The rule"
            " answers GET only.",
        ),
    ],
)
def test_the_hint_tells_the_methods_too_where_another_was_asked_for(
    rule: str, methods: list[str], request_line: str, expected: str
) -> None:
    app = App("example", static_folder=None)
    app.debug = True
    app.add_url_rule(rule, "g", lambda **values: "", methods=methods)
    method, _, path = request_line.partition(" ")
    assert app.test_client().open(path, method=method).status_code == 404
    assert hint(app, path, method) == expected


def test_the_methods_are_those_of_all_views_under_the_rule(app: App) -> None:
    app.add_url_rule("/g/", "g", lambda: "")
    app.add_url_rule("/g/", "h", lambda: "", methods=["PUT"])
    assert hint(app, "/g", "POST").endswith(" answers GET and PUT only.")


def test_of_equal_rules_the_one_that_answers_the_method_is_meant(app: App) -> None:
    app.add_url_rule("/a/", "a", lambda: "")
    app.add_url_rule("/A", "b", lambda: "", methods=["POST"])
    app.url_map.add(Rule("/any/", endpoint="a"))
    assert hint(app, "/a", "POST") == "Upper and lower case count in a URL: the rule is /A."
    assert hint(app, "/anu", "DELETE") == "Is it /any/ that you mean?"


@pytest.mark.parametrize(
    ("rule", "variable", "right"),
    [
        ("/pages/{slug}", "{slug}", "/pages/<slug>"),
        ("/pages/{slug:str}", "{slug:str}", "/pages/<slug>"),
        ("/pages/:slug", ":slug", "/pages/<slug>"),
    ],
)
def test_a_variable_as_in_other_frameworks_is_put_right(
    app: App, rule: str, variable: str, right: str
) -> None:
    app.add_url_rule(rule, "page", lambda: "")
    where = shown(place(app.view_functions["page"]))
    assert hint(app, "/pages/hello") == (
        f"In the rule {rule} ({where}) {variable} is plain text. A variable is written <slug>:"
        f" {right}."
    )


def test_a_rule_that_fits_and_still_does_not_match_is_only_named(app: App) -> None:
    class Later(BaseConverter):
        """Takes a value when it sees it for the third time, behind both matchers."""

        seen = 0

        def to_python(self, value: str) -> str:
            Later.seen += 1
            if Later.seen < 3:
                raise ValidationError
            return value

    app.url_map.converters["later"] = Later
    app.add_url_rule("/later/<later:x>", "later", lambda x: "")
    assert hint(app, "/later/1") == "Is it /later/<later:x> that you mean?"


def test_an_application_without_views_is_told_so() -> None:
    app = App("example")
    app.debug = True
    expected = (
        "The application has no views yet. Is the module that has them imported, and is each"
        " blueprint registered with app.register_blueprint()?"
    )
    assert hint(app, "/") == expected
    bare = App("example", static_folder=None)
    bare.debug = True
    assert hint(bare, "/") == expected
    assert rows(page(bare, "/")) == []


def test_a_rule_of_another_host_is_shown_with_it() -> None:
    app = App("example", static_folder=None, host_matching=True)
    app.debug = True
    app.add_url_rule("/users", "users", lambda: "", host="api.example.com")
    text = page(app, "/users", base_url="http://example.com")
    assert rows(text)[0].startswith("GET | api.example.com/users nearest | users")
    assert " href=" not in text
    assert "is for another host: <code>api.example.com/users</code>" in text


def test_a_rule_of_the_host_that_was_asked_is_not_one_of_another() -> None:
    app = App("example", static_folder=None, host_matching=True)
    app.debug = True
    app.add_url_rule("/g/", "other", lambda: "", host="a.example.com")
    app.add_url_rule("/g/", "own", lambda: "", host="b.example.com", methods=["GET", "PUT"])
    text = page(app, "/g", base_url="http://b.example.com", method="POST")
    assert "with a slash at its end, and answers GET and PUT only." in text


def test_a_404_of_a_router_of_ones_own_is_explained_too() -> None:
    class Own(App):
        def create_url_adapter(self, request: Any) -> Any:
            raise NotFound

    app = Own("example", static_folder=None)
    app.debug = True
    app.add_url_rule("/g/", "g", lambda: "")
    assert hint(app, "/g", "POST").endswith("/, with a slash at its end, and answers GET only.")


def test_a_rule_of_a_subdomain_is_shown_with_it() -> None:
    app = App("example", static_folder=None, subdomain_matching=True)
    app.debug = True
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/users", "users", lambda: "", subdomain="api")
    text = page(app, "/users", base_url="http://example.com")
    assert "is for another host: <code>api./users</code>" in text


# --- the list


def test_static_files_stand_last_with_their_folders() -> None:
    app = App("example", root_path="/app")
    app.debug = True
    blueprint = Blueprint("admin", "admin", root_path="/bp", static_folder="files")
    blueprint.add_url_rule("/zoo", "zoo", lambda: "")
    app.register_blueprint(blueprint, url_prefix="/admin")
    found = rows(page(app, "/nowhere"))
    assert [row.split(" | ")[1] for row in found] == [
        "/admin/zoo",
        "/admin/files/<path:filename>",
        "/static/<path:filename>",
    ]
    assert [row.split(" | ")[3] for row in found[1:]] == ["/bp/files", "/app/static"]


def test_rules_that_no_request_is_matched_with_are_left_out(app: App) -> None:
    app.add_url_rule("/userz", "built", lambda: "", build_only=True)
    app.add_url_rule("/socket", "socket", lambda: "", websocket=True)
    assert not {"built", "socket"} & {row.split(" | ")[2] for row in rows(page(app, "/userz"))}


def test_a_rule_that_only_redirects_says_so(app: App) -> None:
    app.url_map.add(Rule("/old", endpoint="old", methods=["GET"], redirect_to="/users"))
    assert "GET | /old | old | a redirect" in rows(page(app, "/nowhere"))


def test_a_rule_for_any_method_says_so(app: App) -> None:
    app.url_map.add(Rule("/any", endpoint="users"))
    assert "any | /any | users" in "\n".join(rows(page(app, "/nowhere")))


def test_of_many_routes_the_nearest_are_listed() -> None:
    app = App("example", static_folder=None)
    app.debug = True
    for number in range(1000):
        app.add_url_rule(f"/page{number}/<name>", f"page{number}", lambda name: "")
    text = page(app, "/page777/a/b")
    found = rows(text)
    assert len(found) == LIST_LIMIT
    assert any("/page777/<name> nearest" in row for row in found)
    assert (
        "<p>These are the 100 of 1000 routes that are nearest to the URL; <code>microweb"
        " routes</code> lists all.</p>" in text
    )


# --- 405


def test_a_405_says_which_methods_and_views_the_url_has(app: App) -> None:
    app.add_url_rule("/users", "create", lambda: "", methods=["POST"])
    response = app.test_client().put("/users")
    assert response.status == "405 METHOD NOT ALLOWED"
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    found = rows(response.text)
    assert [row.rpartition(" | ")[0] for row in found] == [
        "GET | /users | users",
        "POST | /users | create",
    ]
    assert hint(app, "/users", "PUT") == (
        "/users does not answer PUT, only GET, HEAD, OPTIONS, POST. Let the view users answer it"
        " too, with @app.route('/users', methods=['GET', 'PUT']) in place of @app.get or the like,"
        " or write another view, with @app.put('/users')."
    )


def advice(app: App, path: str, method: str) -> str:
    """Return what the hint of a 405 says behind the methods that there are."""
    return hint(app, path, method).partition(". ")[2]


def test_the_advice_for_a_405_works_where_it_is_followed(app: App) -> None:
    assert advice(app, "/users", "POST") == (
        "Let the view users answer it too, with @app.route('/users', methods=['GET', 'POST']) in"
        " place of @app.get or the like, or write another view, with @app.post('/users')."
    )
    app.post("/users")(lambda: "first")
    assert app.test_client().post("/users").text == "first"
    other = App("other", static_folder=None)
    other.route("/users", methods=["GET", "POST"])(lambda: "second")
    assert other.test_client().post("/users").text == "second"


@pytest.mark.parametrize(
    ("methods", "method", "expected"),
    [
        (
            ["GET"],
            "TRACE",
            ["route('/x', methods=['GET', 'TRACE'])", "route('/x', methods=['TRACE'])"],
        ),
        (["HEAD"], "POST", ["route('/x', methods=['HEAD', 'POST'])", "post('/x')"]),
        (["OPTIONS"], "GET", ["route('/x', methods=['OPTIONS', 'GET'])", "get('/x')"]),
    ],
)
def test_the_advice_for_methods_of_another_kind(
    app: App, methods: list[str], method: str, expected: list[str]
) -> None:
    app.add_url_rule("/x", "x", lambda: "", methods=methods)
    told = advice(app, "/x", method)
    assert re.findall(r"@app\.((?:route|get|post)\(.*?\))", told) == expected


def test_for_head_a_view_has_to_answer_get(app: App) -> None:
    with app.test_request_context("/articles", method="HEAD", headers=JSON) as context:
        assert isinstance(context.request.routing_exception, MethodNotAllowed)
        response = app.make_error_response(context.request.routing_exception)
    problem = json.loads(response.data)
    assert "`/articles` does not answer HEAD," in problem["hint"]
    assert "methods=['POST', 'GET'])` in place" in problem["hint"]
    assert problem["hint"].endswith("with `@app.get('/articles')`.")


def test_the_decorator_of_a_blueprint_is_told_without_its_prefix(app: App) -> None:
    blueprint = Blueprint("blog", __name__, url_prefix="/blog")
    blueprint.add_url_rule("/posts", "posts", lambda: "")
    app.register_blueprint(blueprint)
    assert advice(app, "/blog/posts", "POST") == (
        "Let the view blog.posts answer it too, with @blueprint.route(…, methods=['GET', 'POST'])"
        " in place of @blueprint.get or the like, or write another view, with @blueprint.post(…)."
    )


class Page(View):
    def dispatch_request(self) -> str:
        return ""


class Notes(MethodView):
    def get(self) -> str:
        return ""

    def put(self) -> str:
        return ""


class Listed(Notes):
    methods: ClassVar[list[str]] = ["GET"]


@pytest.mark.parametrize(
    ("view_class", "methods", "method", "expected"),
    [
        (Notes, None, "POST", "Give the class Notes a method post."),
        (
            Notes,
            ["GET"],
            "POST",
            "Give the class Notes a method post, and name POST in the methods of the class Notes,"
            " or in those that its rule is given: methods=['GET', 'POST'].",
        ),
        (
            Notes,
            ["GET"],
            "PUT",
            "Name PUT in the methods of the class Notes, or in those that its rule is given:"
            " methods=['GET', 'PUT'].",
        ),
        (
            Listed,
            None,
            "POST",
            "Give the class Listed a method post, and name POST in the methods of the class Listed,"
            " or in those that its rule is given: methods=['GET', 'POST'].",
        ),
        (
            Page,
            None,
            "POST",
            "Name POST in the methods of the class Page, or in those that its rule is given:"
            " methods=['GET', 'POST'].",
        ),
    ],
)
def test_a_405_of_a_class_says_what_the_class_lacks(
    app: App, view_class: type[View], methods: list[str] | None, method: str, expected: str
) -> None:
    options: dict[str, Any] = {} if methods is None else {"methods": methods}
    app.add_url_rule("/x", view_func=view_class.as_view("x"), **options)
    assert advice(app, "/x", method) == expected


def test_a_405_of_a_rule_without_a_view_gives_no_advice(app: App) -> None:
    app.url_map.add(Rule("/old", endpoint="old", methods=["GET"], redirect_to="/users"))
    assert advice(app, "/old", "POST") == ""


def test_a_405_of_a_static_file_names_no_view() -> None:
    app = App("example")
    app.debug = True
    assert hint(app, "/static/style.css", "POST") == (
        "/static/style.css does not answer POST, only GET, HEAD, OPTIONS."
    )


def test_a_405_as_problem_details_has_the_hint(app: App) -> None:
    response = app.test_client().get("/articles", headers=JSON)
    problem = json.loads(response.data)
    assert problem["detail"] == MethodNotAllowed.description
    assert problem["hint"].startswith("`/articles` does not answer GET, only `OPTIONS`, `POST`.")


def test_a_405_of_a_view_is_its_own(app: App) -> None:
    app.add_url_rule("/own", "own", lambda: abort(405))
    assert page(app, "/own") == MethodNotAllowed().get_body()


def test_a_converter_that_fails_does_not_spoil_the_page(app: App) -> None:
    class Broken(BaseConverter):
        def to_python(self, value: str) -> str:
            raise LookupError(value)

    app.url_map.converters["broken"] = Broken
    app.add_url_rule("/broken/<broken:x>", "broken", lambda x: "", methods=["PUT"])
    text = page(app, "/broken/1")
    assert rows(text) == []
    assert hint(app, "/broken/1") == "/broken/1 does not answer GET, only OPTIONS, PUT."


# --- likeness


def near(path: str, rule: str) -> tuple[float, tuple[str, str] | None]:
    made = Rule(rule, endpoint="x")
    Map([made])
    return likeness(path, made)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/users", "/users"),
        ("/USERS/", "/users"),
        ("/users/7", "/users/<int:id>"),
        ("/users/a/b/c", "/users/<path:rest>"),
        ("/a/users/b", "/<x>/users/<y>"),
        ("/users/7", "/users/{id}"),
        ("/", "/"),
    ],
)
def test_a_path_that_fits_is_wholly_alike(path: str, rule: str) -> None:
    assert near(path, rule) == (1.0, None)


@pytest.mark.parametrize(
    ("path", "rule", "refused"),
    [
        ("/users/x", "/users/<int:id>", ("<int:id>", "x")),
        ("/users/Ada", "/users/<int:id>", ("<int:id>", "Ada")),
        ("/users/12", "/users/<string(length=3):id>", ("<string(length=3):id>", "12")),
        ("/a/x/y", "/a/<int:b>/<int:c>", ("<int:b>", "x")),
        ("/a/1/y", "/a/<int:b>/<int:c>", ("<int:c>", "y")),
    ],
)
def test_the_variable_that_refuses_a_value_is_told(
    path: str, rule: str, refused: tuple[str, str]
) -> None:
    ratio, told = near(path, rule)
    assert told == refused
    assert 0.3 < ratio < 1


def test_a_variable_does_not_make_everything_near() -> None:
    assert near("/contcat", "/contact")[0] > near("/contcat", "/<int:id>")[0]
    assert near("/a-long-name/b-long-name", "/<x>")[0] < 0.6
    assert near("/x", "/")[0] == 0


def test_several_variables_in_a_segment_are_left_as_they_are() -> None:
    ratio, refused = near("/files/a.txt/7", "/files/<name>.<kind>/<int:id>")
    assert refused is None
    assert 0.6 < ratio < 1


def test_a_long_path_and_very_many_rules_are_compared_in_part() -> None:
    rules = [Rule(f"/section{number}/<int:id>", endpoint=str(number)) for number in range(2_000)]
    wanted = rules[1234]
    Map(rules)
    found = likenesses("/section1234/x" + "/y" * 5_000, rules)
    assert len(found) == 500
    assert id(wanted) in found
    ratios = {id(rule): found[id(rule)][0] for rule in rules if id(rule) in found}
    assert max(ratios, key=lambda key: ratios[key]) == id(wanted)
