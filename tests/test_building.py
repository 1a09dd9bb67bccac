"""Which URLs are built without Werkzeug, and that nothing else changes by that."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.routing import BuildError, Map, MapAdapter, Rule

from microweb import App, Blueprint, request, url_for
from microweb.building import Builder, Choice, Links, builder_of
from microweb.routing import URLMap, URLRule


def rule(text: str, **options: Any) -> URLRule:
    return URLRule(text, **{"endpoint": "one", "methods": ["GET"], **options})


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        ([rule("/a/<n>")], Builder),
        ([rule("/"), rule("/<int:page>")], Choice),
        ([rule("/", defaults={"page": 1}), rule("/<int:page>")], Choice),
        ([rule("/", defaults={"page": 1})], Choice),
        # The method of the request decides.
        ([rule("/a"), rule("/b", methods=["POST"])], type(None)),
        # The default is a part of the path.
        ([rule("/<n>", defaults={"n": "a"})], type(None)),
        ([rule("/a", subdomain="www")], type(None)),
        ([rule("/a", websocket=True, methods=None)], type(None)),
        ([Rule("/a", endpoint="one")], type(None)),
        ([rule("/a", endpoint="two")], type(None)),
    ],
)
def test_plain_endpoints_are_built_without_werkzeug(rules: list[Rule], kind: type) -> None:
    assert type(builder_of(URLMap(rules), "one")) is kind


@pytest.mark.parametrize("options", [{"host_matching": True}, {"sort_parameters": True}])
def test_maps_that_have_more_to_say_are_left_to_werkzeug(options: dict[str, Any]) -> None:
    assert builder_of(URLMap([rule("/a")], **options), "one") is None
    assert builder_of(Map([Rule("/a", endpoint="one")]), "one") is None


def test_a_rule_that_builds_in_its_own_way_does() -> None:
    class Shouting(URLRule):
        def build(self, values: Any, append_unknown: bool = True) -> tuple[str, str] | None:
            return "", "/LOUD"

    class Never(URLRule):
        def suitable_for(self, values: Any, method: str | None = None) -> bool:
            return False

    for cls in (Shouting, Never):
        assert builder_of(URLMap([cls("/a", endpoint="one")]), "one") is None


@pytest.mark.parametrize(
    "values",
    [{}, {"n": None}, {"n": "ab"}, {"other": 1}],
    ids=["missing", "none", "refused", "another"],
)
def test_what_does_not_fit_is_for_werkzeug_to_explain(values: dict[str, Any]) -> None:
    builder = builder_of(URLMap([rule("/<int:n>")]), "one")
    assert builder is not None
    assert builder.build(values) is None


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, ""),
        ({"page": 1}, ""),
        ({"page": None, "q": "a b"}, "?q=a+b"),
        ({"page": 2}, "2"),
        ({"page": "1"}, "1"),  # not the default, which is a number
        ({"page": 2, "q": ["x", None, 3]}, "2?q=x&q=3"),
    ],
)
def test_the_pages_of_a_list_have_their_usual_urls(values: dict[str, Any], url: str) -> None:
    rules = [rule("/<int:page>"), rule("/", defaults={"page": 1})]
    builder = builder_of(URLMap(rules), "one")
    assert builder is not None
    assert builder.build(values) == url
    assert rules[0].map.bind("localhost").build("one", values) == f"/{url}"


def test_links_keep_nothing_under_names_that_are_no_endpoints() -> None:
    asked: list[str] = []

    def injects(endpoint: str) -> bool:
        asked.append(endpoint)
        return False

    links = Links(URLMap([rule("/a")]), injects)
    for name in ("no", "one", "no", "one"):
        assert (links[name] is None) == (name == "no")
    assert list(links) == asked == ["one"]


@pytest.fixture
def built(app: App, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that tells which URLs Werkzeug has built."""
    built: list[str] = []
    build = MapAdapter.build

    def watched(self: MapAdapter, endpoint: str, *args: Any, **kwargs: Any) -> str:
        built.append(endpoint)
        return build(self, endpoint, *args, **kwargs)

    monkeypatch.setattr(MapAdapter, "build", watched)
    return built


def test_a_request_links_to_plain_endpoints_alone(app: App, built: list[str]) -> None:
    @app.route("/", defaults={"page": 1})
    @app.route("/<int:page>")
    def index(page: int) -> list[str]:
        return [
            url_for("index", page=1),
            url_for("index", page=page + 1, q="é"),
            url_for("user", name="ada lovelace", _anchor="top"),
            url_for("user", name="ada", _external=True),
        ]

    app.add_url_rule("/users/<name>", "user", lambda name: "")
    client = app.test_client()
    assert client.get("/7", base_url="https://shop.example:444/app").json == [
        "/app/",
        "/app/8?q=%C3%A9",
        "/app/users/ada%20lovelace#top",
        "https://shop.example:444/app/users/ada",
    ]
    assert built == ["user"]


def test_values_may_be_called_as_the_parameters_of_functions_are(app: App) -> None:
    @app.route("/")
    def index() -> str:
        return url_for("index", self=1, values=2, context=3, adapter=4, method=5)

    assert app.test_client().get("/").text == "/?self=1&values=2&context=3&adapter=4&method=5"


def test_values_are_injected_once_and_a_failure_tells_of_them(app: App) -> None:
    calls: list[str] = []
    told: list[dict[str, Any]] = []

    @app.url_defaults
    def add_language(endpoint: str, values: dict[str, Any]) -> None:
        calls.append(endpoint)
        values.setdefault("lang", "de")

    def handle(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
        told.append(values)
        return "/elsewhere"

    app.url_build_error_handlers.append(handle)
    app.add_url_rule("/<lang>/a/<int:n>", "a", lambda **values: "")

    @app.route("/")
    def index() -> list[str]:
        return [url_for("a", n=1), url_for("a"), url_for("a", n=1, _external=True), url_for("no")]

    assert app.test_client().get("/").json == [
        *("/de/a/1", "/elsewhere", "http://localhost/de/a/1", "/elsewhere")
    ]
    assert calls == ["a", "a", "a", "no"]
    own = {"_anchor": None, "_method": None, "_scheme": None, "_external": False}
    assert told == [{"lang": "de", **own}] * 2


def test_an_overridden_injection_is_asked(app: App) -> None:
    app.add_url_rule("/<n>", "one", lambda n: url_for("one"))
    client = app.test_client()
    with pytest.raises(BuildError):
        client.get("/a")

    def inject(endpoint: str, values: dict[str, Any]) -> None:
        values["n"] = "injected"

    app.inject_url_defaults = inject  # type: ignore[method-assign]
    assert client.get("/a").text == "/injected"


def test_the_link_of_another_blueprint_is_relative_to_the_rule_of_the_moment(app: App) -> None:
    blog, shop = Blueprint("blog", "blog"), Blueprint("shop", "shop")
    for blueprint in (blog, shop):
        blueprint.add_url_rule(f"/{blueprint.name}", "index", lambda: url_for(".index"))
    app.register_blueprint(blog)
    app.register_blueprint(shop)

    @app.before_request
    def move() -> None:
        if "moved" in request.args:
            request.url_rule = next(app.url_map.iter_rules("shop.index"))

    client = app.test_client()
    assert client.get("/blog").text == "/blog"
    assert client.get("/shop").text == "/shop"
    assert client.get("/blog?moved").text == "/shop"


def test_a_mounted_application_with_letters_in_its_root(app: App, built: list[str]) -> None:
    app.add_url_rule("/a", "a", lambda: url_for("a"))
    client = app.test_client()
    assert client.get("/a", environ_overrides={"SCRIPT_NAME": "/app//"}).text == "/app/a"
    assert built == []
    assert client.get("/a", environ_overrides={"SCRIPT_NAME": "/\xc3\xa9"}).text == "/é/a"
    assert built == ["a"]
