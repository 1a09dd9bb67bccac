"""Routing as Flask's users know it: options of rules, converters, redirects, hosts, URLs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, BuildError, RequestRedirect, ValidationError

from microweb import App, Blueprint, abort, redirect, request, session, url_for


def where(**values: Any) -> str:
    """A view that says by which endpoint and values it was reached."""
    return f"{request.endpoint} {values}" if values else str(request.endpoint)


def built(app: App, *endpoints: str, **values: Any) -> list[str]:
    with app.test_request_context():
        return [url_for(endpoint, **values) for endpoint in endpoints]


# --- the options of a rule


def test_methods_are_those_of_the_rule(app: App) -> None:
    app.add_url_rule("/", "one", where, methods=["get", "POST"])
    app.add_url_rule("/", "two", where, methods={"PUT"})
    app.add_url_rule("/", "three", where, methods=("PATCH",))
    client = app.test_client()
    methods = ("GET", "POST", "PUT", "PATCH")
    answers = [client.open("/", method=method).text for method in methods]
    assert answers == ["one", "one", "two", "three"]
    refused = client.delete("/")
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_defaults_are_values_of_the_view(app: App) -> None:
    app.add_url_rule("/pages/", "pages", where, defaults={"page": 1, "kind": "all"})
    assert app.test_client().get("/pages/").text == "pages {'page': 1, 'kind': 'all'}"


def test_the_url_of_a_default_is_redirected_to_the_rule_of_the_defaults(app: App) -> None:
    app.add_url_rule("/pages/", "pages", where, defaults={"page": 1})
    app.add_url_rule("/pages/<int:page>", "pages", where)
    client = app.test_client()
    response = client.get("/pages/1?q=1")
    assert (response.status_code, response.location) == (308, "http://localhost/pages/?q=1")
    assert client.get("/pages/2").text == "pages {'page': 2}"
    assert built(app, "pages", page=1) == ["/pages/"]
    assert built(app, "pages", page=2) == ["/pages/2"]


def test_redirects_to_defaults_may_be_switched_off(app: App) -> None:
    app.url_map.redirect_defaults = False
    app.add_url_rule("/pages/", "pages", where, defaults={"page": 1})
    app.add_url_rule("/pages/<int:page>", "pages", where)
    assert app.test_client().get("/pages/1").text == "pages {'page': 1}"


@pytest.mark.parametrize(
    ("rule", "strict", "path", "status"),
    [
        ("/a/", None, "/a/", 200),
        ("/a/", None, "/a", 308),
        ("/a/", True, "/a", 308),
        ("/a/", False, "/a", 200),
        ("/a/", False, "/a/", 200),
        ("/a", None, "/a/", 404),
        ("/a", True, "/a/", 404),
        ("/a", False, "/a/", 200),
    ],
)
@pytest.mark.parametrize("of_the_map", [False, True])
def test_a_slash_at_the_end_is_strict_or_not(
    app: App, rule: str, strict: bool | None, path: str, status: int, of_the_map: bool
) -> None:
    if of_the_map and strict is not None:
        app.url_map.strict_slashes = strict
        app.add_url_rule(rule, "index", where)
    else:
        app.add_url_rule(rule, "index", where, strict_slashes=strict)
    assert app.test_client().get(path).status_code == status


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_redirect_to_the_slash_keeps_method_and_query(app: App, method: str) -> None:
    app.add_url_rule("/a b/", "index", lambda: request.method, methods=["GET", "POST"])
    client = app.test_client()
    response = client.open("/a b?x=1&x=%C3%A9", method=method)
    assert (response.status_code, response.location) == (
        *(308, "http://localhost/a%20b/?x=1&x=%C3%A9"),
    )
    assert client.open("/a b", method=method, follow_redirects=True).text == method


@pytest.mark.parametrize(
    ("merge", "path", "status", "location"),
    [
        (None, "//a///b?x=1", 308, "http://localhost/a/b?x=1"),
        (True, "/a//b", 308, "http://localhost/a/b"),
        (False, "/a//b", 404, None),
        (False, "/a/b", 200, None),
    ],
)
def test_slashes_are_merged_or_not(
    app: App, merge: bool | None, path: str, status: int, location: str | None
) -> None:
    app.add_url_rule("/a/b", "index", where, merge_slashes=merge)
    environ = {"PATH_INFO": path.partition("?")[0]}
    response = app.test_client().get(path.replace("//", "/"), environ_overrides=environ)
    assert (response.status_code, response.location) == (status, location)


def test_slashes_in_a_path_converter_stay(app: App) -> None:
    app.add_url_rule("/<path:path>", "index", where)
    environ = {"PATH_INFO": "/a//b"}
    response = app.test_client().get("/", environ_overrides=environ)
    assert (response.status_code, response.text) == (200, "index {'path': 'a//b'}")


def test_a_rule_may_redirect_without_a_view(app: App) -> None:
    app.add_url_rule("/old/<int:id>", "old", redirect_to="new/<id>")
    app.add_url_rule("/new/<int:id>", "new", where)
    response = app.test_client().get("/old/7?x=1")
    assert (response.status_code, response.location) == (308, "http://localhost/new/7")


def test_a_rule_may_redirect_by_a_function(app: App) -> None:
    app.add_url_rule("/old/<int:id>", "old", where, redirect_to=lambda adapter, id: f"new/{id + 1}")
    assert app.test_client().get("/old/7").location == "http://localhost/new/8"


def test_an_alias_is_redirected_to_its_rule(app: App) -> None:
    app.add_url_rule("/users/<name>", "user", where)
    app.add_url_rule("/people/<name>", "user", where, alias=True)
    response = app.test_client().get("/people/ada")
    assert (response.status_code, response.location) == (308, "http://localhost/users/ada")
    assert built(app, "user", name="ada") == ["/users/ada"]


def test_a_build_only_rule_builds_and_never_matches(app: App) -> None:
    app.add_url_rule("/files/<name>", "files", build_only=True)
    assert built(app, "files", name="a") == ["/files/a"]
    assert app.test_client().get("/files/a").status_code == 404


def test_a_websocket_rule_is_for_websockets(app: App) -> None:
    app.add_url_rule("/socket", "socket", where, websocket=True)
    assert built(app, "socket") == ["ws://localhost/socket"]
    assert app.test_client().get("/socket").status_code == 400


@pytest.mark.parametrize("own", [False, True])
def test_automatic_options_are_the_views_the_rules_or_the_configurations(
    app: App, own: bool
) -> None:
    def by_view() -> str:
        return "view"

    by_view.provide_automatic_options = own  # type: ignore[attr-defined]
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = not own
    app.add_url_rule("/config", "config", where)
    app.add_url_rule("/rule", "rule", where, provide_automatic_options=own)
    app.add_url_rule("/view", "view", by_view)
    client = app.test_client()
    statuses = [client.options(path).status_code for path in ("/config", "/rule", "/view")]
    assert statuses == ([405, 200, 200] if own else [200, 405, 405])


def test_methods_that_a_view_requires_are_added(app: App) -> None:
    def view() -> str:
        return request.method

    view.methods = ["PUT"]  # type: ignore[attr-defined]
    view.required_methods = ["patch", "DELETE"]  # type: ignore[attr-defined]
    app.add_url_rule("/", "own", view)
    client = app.test_client()
    methods = ("PUT", "PATCH", "DELETE", "OPTIONS", "GET")
    answers = [client.open("/", method=method) for method in methods]
    assert [response.status_code for response in answers] == [200, 200, 200, 200, 405]
    assert [response.text for response in answers[:4]] == ["PUT", "PATCH", "DELETE", ""]


# --- converters


ID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
CONVERTED: list[tuple[str, str, object]] = [
    ("<v>", "a b", "a b"),
    ("<v>", "a/b", None),
    ("<string:v>", "é", "é"),
    ("<default:v>", "a", "a"),
    ("<string(length=2):v>", "ab", "ab"),
    ("<string(length=2):v>", "abc", None),
    ("<string(minlength=2, maxlength=3):v>", "a", None),
    ("<string(minlength=2, maxlength=3):v>", "abc", "abc"),
    ("<string(minlength=2, maxlength=3):v>", "abcd", None),
    ("<any(a, 'b c'):v>", "b c", "b c"),
    ("<any(a, b):v>", "c", None),
    ("<path:v>", "a/b", "a/b"),
    ("<path:v>", "a/b/", "a/b/"),
    ("<int:v>", "007", 7),
    ("<int:v>", "-7", None),
    ("<int:v>", "7.0", None),
    ("<int(signed=True):v>", "-7", -7),
    ("<int(fixed_digits=3):v>", "007", 7),
    ("<int(fixed_digits=3):v>", "7", None),
    ("<int(min=2, max=4):v>", "1", None),
    ("<int(min=2, max=4):v>", "4", 4),
    ("<int(min=2, max=4):v>", "5", None),
    ("<float:v>", "1.5", 1.5),
    ("<float:v>", "1", None),
    ("<float:v>", "-1.5", None),
    ("<float(signed=True):v>", "-1.5", -1.5),
    ("<float(min=1.0, max=2.0):v>", "2.5", None),
    ("<uuid:v>", ID, UUID(ID)),
    ("<uuid:v>", ID.upper(), UUID(ID)),
    ("<uuid:v>", ID[:-1], None),
    ("a-<int:v>-b", "a-7-b", 7),
    ("<v>.html", "a.b.html", "a.b"),
]


@pytest.mark.parametrize(("rule", "text", "value"), CONVERTED)
def test_a_converter_of_a_rule_takes_these_texts(
    app: App, rule: str, text: str, value: object
) -> None:
    seen: list[object] = []

    def view(v: object) -> str:
        seen.append(v)
        return ""

    app.add_url_rule(f"/{rule}", "view", view)
    status = app.test_client().get(f"/{text}").status_code
    assert (status, seen) == ((404, []) if value is None else (200, [value]))


@pytest.mark.parametrize(
    ("rule", "value", "url"),
    [
        ("<v>", "a b/é", "/a%20b/%C3%A9"),
        ("<path:v>", "a/b", "/a/b"),
        ("<int:v>", 7, "/7"),
        ("<int:v>", "7", "/7"),
        ("<int(fixed_digits=3):v>", 7, "/007"),
        ("<float:v>", 1.5, "/1.5"),
        ("<any(a, b):v>", "b", "/b"),
        ("<uuid:v>", UUID(ID), f"/{ID}"),
    ],
)
def test_a_converter_writes_its_value(app: App, rule: str, value: object, url: str) -> None:
    app.add_url_rule(f"/{rule}", "view", where)
    assert built(app, "view", v=value) == [url]


def test_rules_are_weighed_by_their_parts_and_not_by_their_order(app: App) -> None:
    for rule in (
        *("/<path:path>", "/<name>", "/<int:id>", "/static", "/<name>/edit", "/new/<name>"),
        *("/new/edit", "/a-<name>", "/<float:number>"),
    ):
        app.add_url_rule(rule, rule, where)
    client = app.test_client()
    answers = {
        path: client.get(path).text.split()[0]
        for path in (
            *("/static", "/7", "/ada", "/1.5", "/a-b", "/x/edit", "/new/edit", "/new/x"),
            "/a/b/c",
        )
    }
    assert answers == {
        "/static": "/static",
        "/7": "/<int:id>",
        "/ada": "/<name>",
        "/1.5": "/<float:number>",
        "/a-b": "/a-<name>",
        "/x/edit": "/<name>/edit",
        "/new/edit": "/new/edit",
        "/new/x": "/new/<name>",
        "/a/b/c": "/<path:path>",
    }


class TwoConverter(BaseConverter):
    """Takes two slashed parts, and both of its own arguments."""

    regex = "[^/]+/[^/]+"
    part_isolating = False
    weight = 50

    def __init__(self, url_map: Any, separator: str = "+", limit: int = 100) -> None:
        super().__init__(url_map)
        self.separator = separator
        self.limit = limit

    def to_python(self, value: str) -> str:
        if len(value) > self.limit:
            raise ValidationError
        return value.replace("/", self.separator)

    def to_url(self, value: str) -> str:
        return value.replace(self.separator, "/")


def test_a_converter_of_the_application_has_arguments_weight_and_parts(app: App) -> None:
    app.url_map.converters["two"] = TwoConverter
    app.add_url_rule("/<two('-', limit=5):v>", "two", where)
    app.add_url_rule("/<path:v>", "path", where)
    client = app.test_client()
    answers = [client.get(path).text for path in ("/a/b", "/a/b/c")]
    assert answers == ["two {'v': 'a-b'}", "path {'v': 'a/b/c'}"]
    # Where a converter says no, no other rule is asked.
    assert client.get("/aaa/bbb").status_code == 404
    assert built(app, "two", v="a-b") == ["/a/b"]


def test_a_converter_may_read_the_session_before_the_view(app: App) -> None:
    class Mine(BaseConverter):
        def to_python(self, value: str) -> str:
            return f"{session.get('user')}'s {value}"

    app.url_map.converters["mine"] = Mine
    app.add_url_rule("/<mine:v>", "mine", where)
    client = app.test_client()
    with client.session_transaction() as opened:
        opened["user"] = "ada"
    assert client.get("/book").text == """mine {'v': "ada's book"}"""


# --- hosts


@pytest.mark.parametrize(
    ("trusted", "host", "status"),
    [
        (None, "evil.test", 200),
        (["example.com"], "example.com", 200),
        (["example.com"], "example.com:8000", 200),
        (["example.com"], "www.example.com", 400),
        (["example.com"], "evil.test", 400),
        ([".example.com"], "example.com", 200),
        ([".example.com"], "a.b.example.com", 200),
        ([".example.com"], "badexample.com", 400),
        (["example.com", "localhost"], "localhost", 200),
    ],
)
def test_hosts_are_trusted_or_a_bad_request(
    app: App, trusted: list[str] | None, host: str, status: int
) -> None:
    app.config["TRUSTED_HOSTS"] = trusted
    app.add_url_rule("/", "index", lambda: request.host)
    client = app.test_client()
    response = client.get("/", base_url=f"http://{host}")
    assert response.status_code == status
    assert client.get("/nowhere", base_url=f"http://{host}").status_code == (
        404 if status == 200 else 400
    )


def test_hooks_run_for_a_host_that_is_not_trusted(app: App) -> None:
    log: list[str] = []
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    app.before_request(lambda: log.append("before"))
    app.teardown_request(lambda exc: log.append("teardown"))
    app.register_error_handler(400, lambda error: ("not here", 400))
    response = app.test_client().get("/", base_url="http://evil.test")
    assert (response.status_code, response.text, log) == (400, "not here", ["before", "teardown"])


def test_rules_for_hosts_need_host_matching() -> None:
    app = App("example", static_folder=None, host_matching=True)
    app.add_url_rule("/", "any", where, host="<name>.example.com")
    app.add_url_rule("/", "own", where, host="www.example.com")
    app.add_url_rule("/", "with-port", where, host="localhost:8000")
    client = app.test_client()
    hosts = ("www.example.com", "ada.example.com", "localhost:8000")
    answers = [client.get("/", base_url=f"http://{host}").text for host in hosts]
    assert answers == ["own", "any {'name': 'ada'}", "with-port"]
    assert client.get("/", base_url="http://localhost").status_code == 404
    assert built(app, "any", name="x") == ["http://x.example.com/"]


def test_subdomains_are_below_the_server_name() -> None:
    app = App("example", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com:8000"
    app.add_url_rule("/", "index", where)
    app.add_url_rule("/", "www", where, subdomain="www")
    app.add_url_rule("/", "user", where, subdomain="<name>")
    client = app.test_client()
    hosts = ("example.com:8000", "www.example.com:8000", "ada.example.com:8000")
    answers = [client.get("/", base_url=f"http://{host}").text for host in hosts]
    assert answers == ["index", "www", "user {'name': 'ada'}"]
    assert client.get("/", subdomain="www").text == "www"
    assert built(app, "index", "www") == ["/", "http://www.example.com:8000/"]


@pytest.mark.filterwarnings("ignore:Current server name")
def test_another_host_than_the_server_name_matches_no_subdomain() -> None:
    app = App("example", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "index", where)
    assert app.test_client().get("/", base_url="http://other.test").status_code == 404


def test_without_subdomain_matching_the_server_name_restricts_nothing(app: App) -> None:
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "index", lambda: f"{request.host} {url_for('index', _external=True)}")
    client = app.test_client()
    hosts = ("example.com", "www.example.com", "other.test")
    answers = [client.get("/", base_url=f"http://{host}").text for host in hosts]
    assert answers == [f"{host} http://example.com/" for host in hosts]


# --- url_for


def stage(app: App) -> App:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.add_url_rule("/<int:id>", "show", where)
    app.add_url_rule("/", "index", where)
    app.add_url_rule("/search", "search", where)
    app.add_url_rule("/read/<name>", "page", where)
    app.add_url_rule("/write/<name>", "page", where, methods=["POST"])
    app.register_blueprint(blog)
    return app


@pytest.mark.parametrize(
    ("endpoint", "values", "url"),
    [
        ("search", {"q": ["b", "a"], "n": None, "z": ""}, "/search?q=b&q=a&z="),
        ("search", {"q": (1, 2)}, "/search?q=1&q=2"),
        ("search", {"q": "a&b=c d/é"}, "/search?q=a%26b%3Dc+d/%C3%A9"),
        ("search", {"q": True}, "/search?q=True"),
        ("search", {"_anchor": "x y"}, "/search#x%20y"),
        ("search", {"q": 1, "_anchor": "top"}, "/search?q=1#top"),
        ("page", {"name": "a", "_method": "POST"}, "/write/a"),
        ("page", {"name": "a", "_method": "GET"}, "/read/a"),
        ("page", {"name": "a"}, "/read/a"),
        ("blog.show", {"id": 1, "page": 2}, "/blog/1?page=2"),
        ("index", {"_external": True}, "http://localhost/"),
        ("index", {"_scheme": "https"}, "https://localhost/"),
        ("index", {"_scheme": "https", "_external": True}, "https://localhost/"),
        ("index", {"_scheme": "", "_external": True}, "//localhost/"),
    ],
)
def test_a_url_in_a_request(app: App, endpoint: str, values: dict[str, Any], url: str) -> None:
    assert built(stage(app), endpoint, **values) == [url]


@pytest.mark.parametrize(
    ("endpoint", "values", "message"),
    [
        ("blog.shw", {"id": 1}, "Did you mean 'blog.show'"),
        ("blog.show", {}, "Did you forget to specify values ['id']?"),
        ("page", {"name": "a", "_method": "PUT"}, "Did you mean to use methods"),
    ],
)
def test_a_url_that_cannot_be_built_says_what_was_meant(
    app: App, endpoint: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(BuildError) as caught:
        built(stage(app), endpoint, **values)
    assert message in str(caught.value)


def test_a_url_outside_of_a_request_is_whole(app: App) -> None:
    stage(app).config["SERVER_NAME"] = "example.com"
    with app.app_context():
        assert url_for("index") == "http://example.com/"
        assert url_for("index", _external=False) == "/"
        assert url_for("index", _scheme="https") == "https://example.com/"
        with pytest.raises(ValueError, match="_scheme"):
            url_for("index", _scheme="https", _external=False)


def test_a_scheme_of_a_relative_url_is_refused_in_a_request(app: App) -> None:
    with stage(app).test_request_context(), pytest.raises(ValueError, match="_scheme"):
        url_for("index", _scheme="https", _external=False)


# --- redirects and errors


@pytest.mark.parametrize("code", [None, 301, 302, 303, 305, 307, 308])
def test_a_redirect_has_its_code(app: App, code: int | None) -> None:
    def index() -> Any:
        return redirect("/there?a=1") if code is None else redirect("/there?a=1", code=code)

    app.add_url_rule("/", "index", index)
    response = app.test_client().get("/")
    assert (response.status_code, response.location) == (code or 302, "/there?a=1")
    assert response.mimetype == "text/html"


@pytest.mark.parametrize(
    ("code", "arguments", "headers"),
    [
        (401, {"www_authenticate": "basic"}, {"WWW-Authenticate": "Basic realm=members"}),
        (405, {"valid_methods": ["GET", "PUT"]}, {"Allow": "GET, PUT"}),
        (416, {"length": 10}, {"Content-Range": "bytes */10"}),
        (429, {"retry_after": 60}, {"Retry-After": "60"}),
        (503, {"retry_after": 60}, {"Retry-After": "60"}),
    ],
)
def test_abort_takes_what_the_error_knows(
    app: App, code: int, arguments: dict[str, Any], headers: dict[str, str]
) -> None:
    from werkzeug.datastructures import WWWAuthenticate

    if code == 401:
        arguments = {"www_authenticate": WWWAuthenticate("basic", {"realm": "members"})}
    app.add_url_rule("/", "index", lambda: abort(code, **arguments))
    response = app.test_client().get("/")
    assert response.status_code == code
    assert {name: response.headers[name] for name in headers} == headers


def test_a_routing_exception_reaches_no_handler_of_exceptions(app: App) -> None:
    app.register_error_handler(Exception, lambda error: ("handled", 299))
    app.register_error_handler(HTTPException, lambda error: ("handled", 299))
    app.register_error_handler(RequestRedirect, lambda error: ("handled", 299))
    app.add_url_rule("/a/", "a", where)
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/a", "/b")] == [308, 299]
    assert client.post("/a/").status_code == 299
