"""Routes as records, the URL map, and what the matcher in front of it may and may not answer."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, abort
from werkzeug.routing import BaseConverter, Map, RequestRedirect, Rule, ValidationError

from microweb import App, request
from microweb.errors import SetupError, describe
from microweb.matching import Matcher
from microweb.routing import Route, URLMap, URLRule, make_route, same_requests


def view(**values: Any) -> dict[str, Any]:
    """A view that says what it was called with."""
    rule = request.url_rule
    assert rule is not None
    return {"endpoint": request.endpoint, "values": values}


# --- records


def test_a_route_takes_its_endpoint_and_methods_from_the_view() -> None:
    def hello() -> str:
        return ""

    route = make_route("/hello", None, hello, {})
    assert route == Route("/hello", "hello", hello, frozenset({"GET"}))
    hello.methods = ["post"]  # type: ignore[attr-defined]
    hello.required_methods = ["patch"]  # type: ignore[attr-defined]
    hello.provide_automatic_options = False  # type: ignore[attr-defined]
    route = make_route("/hello", "other", hello, {"strict_slashes": False})
    assert route.endpoint == "other"
    assert route.methods == {"POST", "PATCH"}
    assert route.automatic_options is False
    assert route.options == {"strict_slashes": False}


def test_what_is_given_comes_before_what_the_view_says() -> None:
    def hello() -> str:
        return ""

    hello.methods = ["post"]  # type: ignore[attr-defined]
    hello.provide_automatic_options = False  # type: ignore[attr-defined]
    route = make_route("/", None, hello, {"methods": ["put"], "provide_automatic_options": True})
    assert route.methods == {"PUT"}
    assert route.automatic_options is True


def test_a_route_without_a_view_needs_an_endpoint() -> None:
    with pytest.raises(SetupError) as caught:
        make_route("/hello", None, None, {})
    assert str(caught.value) == "The URL rule '/hello' needs a view function or an endpoint=."


def test_methods_must_not_be_a_text() -> None:
    with pytest.raises(TypeError) as caught:
        make_route("/hello", "hello", None, {"methods": "GET"})
    assert str(caught.value) == (
        "The methods of '/hello' must be a list of strings, such as ['POST'], not 'GET'."
    )


def test_a_route_says_where_its_view_is_written() -> None:
    assert str(make_route("/a", None, view, {})) == (
        f"'/a' of 'view' ({__file__}:{view.__code__.co_firstlineno})"
    )
    assert str(make_route("/a", "a", None, {})) == "'/a'"


# --- the map


def test_the_map_remembers_the_order_of_its_rules() -> None:
    rules = [URLRule(path, endpoint=path) for path in ("/<b>", "/a", "/<int:c>")]
    url_map = URLMap(rules[:2])
    url_map.add(rules[2])
    assert url_map.in_order == rules


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("/<a>", "/<b>", True),
        ("/<int:a>/x", "/<int:b>/x", True),
        ("/<string:a>", "/<a>", False),
        ("/<int:a>", "/<int(min=1):a>", False),
        ("/a", "/a/", False),
        ("/a", "/A", False),
    ],
)
def test_two_rules_are_for_the_same_requests_whatever_their_variables_are_called(
    first: str, second: str, same: bool
) -> None:
    keys = [same_requests(URLRule(rule)) for rule in (first, second)]
    assert (keys[0] == keys[1]) is same


# --- the matcher

Expected = tuple[str, dict[str, Any]] | type[HTTPException]


def matcher_of(url_map: Map) -> Matcher[Rule]:
    return Matcher(url_map, lambda rule, method: rule)


def ask(rules: list[Rule], path: str, method: str = "GET", **options: Any) -> tuple[Any, Expected]:
    """Return what the matcher says, and what Werkzeug says, of a request."""
    url_map = URLMap(rules, **options)
    found = matcher_of(url_map).match(path, method)
    try:
        rule, values = url_map.bind("localhost").match(path, method=method, return_rule=True)
    except HTTPException as error:
        return found, type(error)
    return found, (rule.endpoint, dict(values))


def rule(path: str, endpoint: str = "", **options: Any) -> URLRule:
    options.setdefault("methods", ["GET"])
    return URLRule(path, endpoint=endpoint or path, **options)


ANSWERED: list[tuple[list[Rule], str, tuple[str, dict[str, Any]]]] = [
    ([rule("/")], "/", ("/", {})),
    ([rule("/a/b")], "/a/b", ("/a/b", {})),
    ([rule("/a/")], "/a/", ("/a/", {})),
    ([rule("/<x>")], "/é b", ("/<x>", {"x": "é b"})),
    ([rule("/<x>/<int:y>/")], "/a/07/", ("/<x>/<int:y>/", {"x": "a", "y": 7})),
    ([rule("/<x>"), rule("/a")], "/a", ("/a", {})),
    ([rule("/<x>"), rule("/<int:x>")], "/7", ("/<int:x>", {"x": 7})),
    ([rule("/<x>"), rule("/<int:x>")], "/a", ("/<x>", {"x": "a"})),
    ([rule("/<path:x>"), rule("/<x>")], "/a", ("/<x>", {"x": "a"})),
    ([rule("/<path:x>"), rule("/<x>")], "/a/b", ("/<path:x>", {"x": "a/b"})),
    ([rule("/a/<x>"), rule("/<y>/b")], "/a/b", ("/a/<x>", {"x": "b"})),
    ([rule("/a/b/c"), rule("/a/<x>/d")], "/a/b/d", ("/a/<x>/d", {"x": "b"})),
]


@pytest.mark.parametrize(("rules", "path", "expected"), ANSWERED)
def test_plain_rules_are_answered_as_werkzeug_answers_them(
    rules: list[Rule], path: str, expected: tuple[str, dict[str, Any]]
) -> None:
    found, werkzeugs = ask([rule.empty() for rule in rules], path)
    assert isinstance(found, tuple)
    assert (found[0].endpoint, found[1]) == expected
    assert werkzeugs == expected


class Refusing(BaseConverter):
    def to_python(self, value: str) -> str:
        raise ValidationError


LEFT: list[tuple[list[Rule], str, Expected]] = [
    # Whatever the method is, a rule without methods answers before those behind it.
    ([rule("/a", "any", methods=None), rule("/a", "get")], "/a", ("any", {})),
    ([rule("/<x>", "any", methods=None), rule("/<x>", "get")], "/a", ("any", {"x": "a"})),
    # Leading slashes are one to Werkzeug, so that no path finds this rule.
    ([rule("//a", merge_slashes=False)], "//a", NotFound),
    ([rule("/a/")], "/a", RequestRedirect),
    ([rule("/a")], "//a", ("/a", {})),
    ([rule("/a/b")], "/a//b", RequestRedirect),
    ([rule("/a", strict_slashes=False)], "/a/", ("/a", {})),
    ([rule("/a/", strict_slashes=False)], "/a", ("/a/", {})),
    ([rule("/a", methods=["POST"])], "/a", MethodNotAllowed),
    ([rule("/a", methods=["POST"]), rule("/<x>")], "/a", ("/<x>", {"x": "a"})),
    ([rule("/<x>-<y>")], "/a-b", ("/<x>-<y>", {"x": "a", "y": "b"})),
    ([rule("/<path:x>/b")], "/a/a/b", ("/<path:x>/b", {"x": "a/a"})),
    ([rule("/a", redirect_to="/b")], "/a", RequestRedirect),
    ([rule("/a", "x"), rule("/b", "x", alias=True)], "/b", RequestRedirect),
    ([rule("/a", "x", defaults={"p": 1}), rule("/<int:p>", "x")], "/1", RequestRedirect),
    ([rule("/a", "x", defaults={"p": 1}), rule("/<int:p>", "x")], "/a", ("x", {"p": 1})),
    ([rule("/<no:x>")], "/a", NotFound),
    ([rule("/<int:x>")], "/" + "9" * 5_000, NotFound),
    ([rule("/a", build_only=True)], "/a", NotFound),
    ([rule("/<int(fixed_digits=2):x>")], "/7", NotFound),
    ([rule("/<float:x>")], "/7", NotFound),
    ([rule("/<x>")], "/", NotFound),
    ([rule("/a")], "", NotFound),
    ([rule("/")], "", RequestRedirect),
]


@pytest.mark.parametrize(("rules", "path", "expected"), LEFT)
def test_what_the_matcher_answers_otherwise_is_still_what_werkzeug_says(
    rules: list[Rule], path: str, expected: Expected
) -> None:
    found, werkzeugs = ask(
        [
            type(rule)(rule.rule, **rule.get_empty_kwargs(), merge_slashes=rule.merge_slashes)
            for rule in rules
        ],
        path,
        converters={"no": Refusing},
    )
    assert werkzeugs == expected
    if isinstance(found, tuple):
        assert (found[0].endpoint, found[1]) == expected
    if found is None:
        assert expected is NotFound


@pytest.mark.parametrize("options", [{"host_matching": True}, {}])
def test_hosts_subdomains_and_websockets_are_left_to_werkzeug(options: dict[str, Any]) -> None:
    other: dict[str, Any] = {"host": "a.example"} if options else {"subdomain": "a"}
    for more in (other, {"websocket": True, **({"host": "b.example"} if options else {})}):
        url_map = URLMap([rule("/a", **more)], **options)
        for path in ("/a", "/b"):
            found = matcher_of(url_map).match(path, "GET")
            assert found is not None
            assert not isinstance(found, tuple)


@pytest.mark.parametrize(
    ("path", "upgrade", "status"),
    [("/a", "websocket", 400), ("/b", "websocket", 404), ("/a", "h2c", 200)],
)
def test_the_handshake_of_a_websocket_is_no_request_for_a_page(
    app: App, path: str, upgrade: str, status: int
) -> None:
    app.add_url_rule("/a", "a", lambda: "a page")
    response = app.test_client().get(path, headers={"Connection": "Upgrade", "Upgrade": upgrade})
    assert response.status_code == status


def test_a_target_that_cannot_be_made_is_tried_again() -> None:
    failing = True

    def target(rule: Rule, method: str) -> Rule:
        if failing:
            raise RuntimeError("not yet")
        return rule

    texts = ("/a/b", "/c/<n>", "/d/<int:n>/e")
    url_map = URLMap([URLRule(text, endpoint=text, methods=["GET"]) for text in texts])
    matcher = Matcher(url_map, target)
    paths = "/a/b", "/c/x", "/d/7/e"
    for path in paths * 2:
        with pytest.raises(RuntimeError, match="not yet"):
            matcher.match(path, "GET")
    failing = False
    for path, rule in zip(paths, url_map.in_order, strict=True):
        found = matcher.match(path, "GET")
        assert isinstance(found, tuple)
        assert found[0] is rule


def test_threads_that_come_at_once_find_the_same() -> None:
    texts = [f"/a/<n>/b{number}/<int:m>" for number in range(50)]
    url_map = URLMap([URLRule(text, endpoint=text, methods=["GET"]) for text in texts])
    made: Counter[str] = Counter()

    def target(rule: Rule, method: str) -> str:
        made[f"{method} {rule.rule}"] += 1
        time.sleep(0.0005)  # others come while the node is being made
        return rule.rule

    matcher = Matcher(url_map, target)
    barrier = Barrier(4)

    def ask(_: int) -> list[Any]:
        barrier.wait()
        return [matcher.match(f"/a/x/b{number}/7", "GET") for number in range(50)]

    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(ask, range(4)):
            assert answers == [(text, {"n": "x", "m": 7}) for text in texts]
    assert set(made.values()) == {1}


def test_paths_that_clients_choose_are_not_remembered() -> None:
    texts = ("/a", "/b/", "/<n>", "/u/<int:n>", "/p/<path:n>", "/s/x-<n>")
    url_map = URLMap(
        [URLRule(text, endpoint=text, methods=["GET"], strict_slashes=False) for text in texts]
    )
    matcher = Matcher(url_map, lambda rule, method: rule)

    def ask(number: int) -> None:
        for prefix in ("/a", "/b/", "/", "/u/", "/p/x/", "/s/x-", "/no/"):
            for method in ("GET", "POST", f"M{number}"):
                matcher.match(f"{prefix}{number}", method)
                matcher.match(prefix, method)

    ask(0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, 300):
            ask(number)
        assert tracemalloc.get_traced_memory()[0] - before < 8_000
    finally:
        tracemalloc.stop()


def test_a_map_of_another_class_is_left_to_werkzeug() -> None:
    matcher = matcher_of(Map([Rule("/a", endpoint="a", methods=["GET"])]))
    for path in ("/a", "/b"):
        found = matcher.match(path, "GET")
        assert found is not None
        assert not isinstance(found, tuple)


def test_each_hit_has_values_of_its_own() -> None:
    for path, rules in (("/a", [rule("/a")]), ("/a", [rule("/<x>")])):
        matcher = matcher_of(URLMap(rules))
        first, second = matcher.match(path, "GET"), matcher.match(path, "GET")
        assert isinstance(first, tuple)
        assert isinstance(second, tuple)
        first[1]["changed"] = True
        assert "changed" not in second[1]


# --- in an application


def client_of(app: App, *rules: str, **options: Any) -> Any:
    for number, text in enumerate(rules):
        app.add_url_rule(text, f"view{number}", view, **options)
    return app.test_client()


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("/<x>", "/%C3%A9%2Fb", None),
        ("/<x>", "/%C3%A9", {"x": "é"}),
        ("/<string(length=2):x>", "/ab", {"x": "ab"}),
        ("/<int:x>", "/007", {"x": 7}),
        ("/<int(signed=True):x>", "/-7", {"x": -7}),
        ("/<int(min=2, max=3):x>", "/4", None),
        ("/<float:x>", "/1.5", {"x": 1.5}),
        ("/<float:x>", "/1", None),
        ("/<any(a, b):x>", "/b", {"x": "b"}),
        ("/<any(a, b):x>", "/c", None),
        ("/<path:x>", "/a/b/", {"x": "a/b/"}),
        ("/<path:x>.<ext>", "/a/b.tar", {"x": "a/b", "ext": "tar"}),
        ("/v<int:major>.<int:minor>/", "/v1.2/", {"major": 1, "minor": 2}),
    ],
)
def test_converters_make_values_of_the_path(
    app: App, text: str, path: str, values: dict[str, Any] | None
) -> None:
    response = client_of(app, text).get(path)
    if values is None:
        assert response.status_code == 404
    else:
        assert response.json == {"endpoint": "view0", "values": values}


def test_a_path_without_its_slash_is_sent_on_with_the_query(app: App) -> None:
    response = client_of(app, "/a/").get("/a?b=é")
    assert response.status_code == 308
    assert response.headers["Location"] == "http://localhost/a/?b=%C3%A9"


def test_slashes_are_merged_by_a_redirect_that_stays_on_the_host(app: App) -> None:
    client = client_of(app, "/a/b", "/<x>/")
    response = client.get("/a//b")
    assert (response.status_code, response.headers["Location"]) == (308, "http://localhost/a/b")
    for path in ("//evil.example", "///evil.example/", "/\\evil.example", "//evil.example//a"):
        environ = {"PATH_INFO": path}
        location = client.get("/", environ_overrides=environ).headers.get("Location")
        assert location is None or location.startswith("http://localhost/"), path
    response = client.get("/", environ_overrides={"PATH_INFO": "//evil.example"})
    assert response.headers["Location"] == "http://localhost/evil.example/"


def test_a_wrong_method_is_a_405_that_names_the_right_ones(app: App) -> None:
    response = client_of(app, "/a", "/<x>", methods=["POST"]).get("/a")
    assert response.status_code == 405
    assert response.headers["Allow"] == "OPTIONS, POST"


def test_a_custom_converter_matches_and_builds(app: App) -> None:
    class Pair(BaseConverter):
        regex = r"\d+,\d+"

        def to_python(self, value: str) -> tuple[int, ...]:
            return tuple(map(int, value.split(",")))

        def to_url(self, value: Any) -> str:
            return ",".join(map(str, value))

    app.url_map.converters["pair"] = Pair
    client = client_of(app, "/<pair:x>")
    assert client.get("/1,2").json["values"] == {"x": [1, 2]}
    with app.test_request_context():
        assert app.url_for("view0", x=(3, 4)) == "/3,4"


@pytest.mark.parametrize("text", ["/<look:x>", "/<look:x>-<y>"])
def test_a_converter_may_end_the_request_with_an_http_error(app: App, text: str) -> None:
    class Looking(BaseConverter):
        def to_python(self, value: str) -> str:
            abort(410)

    seen: list[str] = []
    app.url_map.converters["look"] = Looking

    @app.before_request
    def before() -> None:
        seen.append("before")

    assert client_of(app, text).get("/a-b").status_code == 410
    assert seen == ["before"]


@pytest.mark.parametrize("text", ["/<look:x>", "/<look:x>-<y>"])
def test_a_converter_may_look_at_the_request_and_the_view_still_knows_its_rule(
    app: App, text: str
) -> None:
    class Looking(BaseConverter):
        def to_python(self, value: str) -> str:
            return f"{request.method} {value}"

    app.url_map.converters["look"] = Looking
    response = client_of(app, text).get("/a-b")
    assert response.json["endpoint"] == "view0"
    assert response.json["values"]["x"].startswith("GET a")


@pytest.mark.parametrize("text", ["/<break:x>", "/<break:x>-<y>"])
def test_a_converter_that_fails_is_the_applications_error(app: App, text: str) -> None:
    class Breaking(BaseConverter):
        def to_python(self, value: str) -> str:
            raise LookupError(value)

    app.url_map.converters["break"] = Breaking
    app.config.update(TESTING=False)
    ended: list[BaseException | None] = []
    app.teardown_appcontext(ended.append)
    response = client_of(app, text).get("/a-b")
    assert response.status_code == 500
    assert [type(error) for error in ended] == [LookupError]


def test_the_same_url_twice_is_refused_and_different_methods_are_not(app: App) -> None:
    app.add_url_rule("/<a>", "get", view)
    app.add_url_rule("/<b>", "post", lambda b: "posted", methods=["POST"])
    with pytest.raises(SetupError) as caught:
        app.add_url_rule("/<c>", "again", lambda c: "again", methods=["GET", "PUT"])
    assert str(caught.value).startswith("GET '/<c>' is registered twice: by '/<a>' of 'view' (")
    assert str(caught.value).endswith("Only the first would ever be called.")
    client = app.test_client()
    assert client.get("/x").json == {"endpoint": "get", "values": {"a": "x"}}
    assert client.post("/x").text == "posted"


def test_a_rule_that_is_added_while_testing_counts_for_the_next_request(app: App) -> None:
    client = client_of(app, "/a")
    assert client.get("/b").status_code == 404
    app.add_url_rule("/b", "b", view)
    assert client.get("/b").json == {"endpoint": "b", "values": {}}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            "/<integer:id>",
            "uses the converter 'integer', which does not exist. There are: any, default, float,"
            " int, path, string, uuid. Add your own before this route:"
            " app.url_map.converters['integer'] = …",
        ),
        ("/<int:id", "cannot be read: a variable is written <name> or <converter:name>."),
        ("/<int id>", "cannot be read: a variable is written <name> or <converter:name>."),
        ("/<a>/<a>", "has the same variable twice."),
    ],
)
def test_a_rule_that_cannot_be_used_is_explained(app: App, rule: str, message: str) -> None:
    def index() -> str:
        return ""

    with pytest.raises(SetupError) as caught:
        app.get(rule)(index)
    assert str(caught.value) == f"The URL rule {rule!r} of {describe(index)} {message}"


def test_an_option_that_there_is_not_is_named(app: App) -> None:
    with pytest.raises(SetupError, match="has no option 'method'. There are: alias, "):
        app.add_url_rule("/", "index", str, method=["POST"])


def test_a_decorator_without_its_parentheses_is_refused(app: App) -> None:
    def index() -> str:
        return ""

    for decorator, name in ((app.get, "get"), (app.route, "route")):
        with pytest.raises(SetupError) as caught:
            decorator(index)  # type: ignore[arg-type]
        assert str(caught.value) == (
            f"{name} needs the URL rule: write @app.{name}('/…') above {describe(index)}."
        )
    with pytest.raises(SetupError) as caught:
        app.errorhandler(index)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"errorhandler needs what it handles: write @app.errorhandler(404) above {describe(index)}."
    )
    with pytest.raises(SetupError, match=r"^get needs a URL rule, text such as '/', not None\."):
        app.get(None)  # type: ignore[arg-type]


def test_a_view_must_be_callable(app: App) -> None:
    with pytest.raises(SetupError, match="^The view of '/' is 'text' and not a function"):
        app.add_url_rule("/", "index", "text")  # type: ignore[arg-type]
