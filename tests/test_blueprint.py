"""Blueprints: names, prefixes, nesting, and what an application takes over from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from microweb import App, Blueprint, Response, abort, g, render_template, request, url_for
from microweb.errors import SetupError


def where() -> str:
    """Say which endpoint and URL a request is at."""
    return f"{request.endpoint} {request.path}"


def blueprint(name: str, url_prefix: str | None = None, **options: Any) -> Blueprint:
    """Return a blueprint with one view, `index`."""
    found = Blueprint(name, __name__, url_prefix=url_prefix, **options)
    found.add_url_rule("/", "index", where)
    return found


# --- names and prefixes


def test_a_view_of_a_blueprint_has_its_name_and_prefix(app: App) -> None:
    app.register_blueprint(blueprint("blog", "/blog"))
    assert app.test_client().get("/blog/").text == "blog.index /blog/"
    with app.test_request_context():
        assert url_for("blog.index") == "/blog/"


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_a_blueprint_has_the_method_shortcuts(app: App, method: str) -> None:
    blog = Blueprint("blog", __name__)
    getattr(blog, method)("/")(where)
    app.register_blueprint(blog)
    assert app.test_client().open("/", method=method.upper()).text == "blog.where /"


def test_a_blueprint_without_a_prefix_stands_at_the_root(app: App) -> None:
    app.register_blueprint(blueprint("blog"))
    assert app.test_client().get("/").text == "blog.index /"


def test_a_prefix_given_at_registration_comes_first(app: App) -> None:
    app.register_blueprint(blueprint("blog", "/blog"), url_prefix="/news")
    client = app.test_client()
    assert client.get("/news/").text == "blog.index /news/"
    assert client.get("/blog/").status_code == 404


def test_a_prefix_of_none_at_registration_leaves_the_blueprint_its_own(app: App) -> None:
    app.register_blueprint(blueprint("blog", "/blog"), url_prefix=None)
    assert app.test_client().get("/blog/").text == "blog.index /blog/"


@pytest.mark.parametrize(
    ("prefix", "rule", "url"),
    [
        ("/blog", "/post", "/blog/post"),
        ("/blog/", "/post", "/blog/post"),
        ("/blog/", "post", "/blog/post"),
        ("/blog", "post", "/blog/post"),
        ("/blog", "", "/blog"),
        ("/blog", "/", "/blog/"),
        ("/", "/post", "/post"),
        ("/<int:id>", "/post", "/7/post"),
    ],
)
def test_prefix_and_rule_are_joined_by_one_slash(
    app: App, prefix: str, rule: str, url: str
) -> None:
    blog = Blueprint("blog", __name__, url_prefix=prefix)
    blog.add_url_rule(rule, "post", lambda **values: request.path)
    app.register_blueprint(blog)
    assert app.test_client().get(url).text == url


def test_a_prefix_starts_with_a_slash(app: App) -> None:
    with pytest.raises(SetupError) as caught:
        app.register_blueprint(blueprint("blog", "blog"))
    assert str(caught.value) == (
        "The url_prefix 'blog' of blueprint 'blog' must start with a slash: write '/blog'."
    )


@pytest.mark.parametrize("name", ["", "my.blog"])
def test_a_name_is_not_empty_and_has_no_dot(name: str) -> None:
    with pytest.raises(SetupError) as caught:
        Blueprint(name, __name__)
    assert str(caught.value) == (
        f"A blueprint cannot be named {name!r}: the name is the part of its endpoints before the"
        " dot, so it is not empty and has no dot."
    )


def test_an_endpoint_of_a_blueprint_has_no_dot() -> None:
    blog = Blueprint("blog", __name__)
    with pytest.raises(SetupError, match="dot"):
        blog.add_url_rule("/", "post.index", where)


def test_another_blueprint_of_the_same_name_is_refused(app: App) -> None:
    app.register_blueprint(blueprint("blog", "/one"))
    with pytest.raises(SetupError) as caught:
        app.register_blueprint(blueprint("blog", "/two"))
    assert str(caught.value) == (
        "The name 'blog' is taken by another blueprint already, registered by"
        f" {app.blueprints['blog'].registered_at}: give this registration a name of its own, with"
        " name=."
    )


def test_the_same_blueprint_again_needs_another_name(app: App) -> None:
    blog = blueprint("blog", "/one")
    app.register_blueprint(blog)
    with pytest.raises(SetupError, match="^The name 'blog' is taken by the same blueprint already"):
        app.register_blueprint(blog, url_prefix="/two")
    app.register_blueprint(blog, url_prefix="/two", name="news")
    client = app.test_client()
    assert [client.get("/one/").text, client.get("/two/").text] == [
        "blog.index /one/",
        "news.index /two/",
    ]
    assert app.blueprints == {"blog": blog, "news": blog}


def test_the_request_knows_its_blueprints(app: App) -> None:
    seen: list[object] = []
    shop, cart = Blueprint("shop", __name__), Blueprint("cart", __name__)

    @cart.get("/")
    def index() -> str:
        seen.extend([request.endpoint, request.blueprint, request.blueprints])
        return ""

    shop.register_blueprint(cart)
    app.register_blueprint(shop)
    app.test_client().get("/")
    assert seen == ["shop.cart.index", "shop.cart", ["shop.cart", "shop"]]


# --- defaults and subdomains


def test_url_defaults_fill_in_a_variable_of_the_prefix(app: App) -> None:
    blog = Blueprint("blog", __name__, url_defaults={"lang": "en"})
    blog.add_url_rule("/", "index", lambda lang: lang)
    app.register_blueprint(blog)
    app.register_blueprint(blog, name="de", url_prefix="/de", url_defaults={"lang": "de"})
    client = app.test_client()
    assert [client.get("/").text, client.get("/de/").text] == ["en", "de"]


def test_url_defaults_of_a_parent_are_its_own(app: App) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/parent", url_defaults={"lang": "en"})
    child = Blueprint("child", __name__, url_prefix="/child")
    child.add_url_rule("/", "index", lambda **values: values)
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert app.test_client().get("/parent/child/").json == {}


def test_functions_for_url_defaults_are_those_of_the_endpoint(app: App) -> None:
    log: list[str] = []
    parent, child = Blueprint("parent", __name__), blueprint("child")
    app.url_defaults(lambda endpoint, values: log.append(f"app {endpoint}"))
    parent.url_defaults(lambda endpoint, values: log.append(f"parent {endpoint}"))
    child.url_defaults(lambda endpoint, values: log.append(f"child {endpoint}"))
    parent.app_url_defaults(lambda endpoint, values: log.append(f"for all {endpoint}"))
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    app.add_url_rule("/own", "own", where)
    with app.test_request_context():
        url_for("parent.child.index")
        url_for("own")
    assert log == [
        *("app parent.child.index", "for all parent.child.index"),
        *("parent parent.child.index", "child parent.child.index"),
        *("app own", "for all own"),
    ]


def test_a_language_in_the_url_goes_in_and_out(app: App) -> None:
    pages = Blueprint("pages", __name__, url_prefix="/<lang>")

    @pages.url_value_preprocessor
    def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
        assert values is not None
        g.lang = values.pop("lang")

    @pages.url_defaults
    def give(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("lang", g.lang)

    @pages.get("/")
    def index() -> str:
        return url_for(".about")

    pages.add_url_rule("/about", "about", where)
    app.register_blueprint(pages)
    assert app.test_client().get("/de/").text == "/de/about"


def test_subdomains_of_nested_blueprints_are_joined(app: App) -> None:
    app = App("example", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    parent, child = blueprint("parent", subdomain="api"), blueprint("child", subdomain="v1")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    client = app.test_client()
    assert client.get("/", base_url="http://api.example.com").text == "parent.index /"
    assert client.get("/", base_url="http://v1.api.example.com").text == "parent.child.index /"


def test_a_child_without_a_subdomain_is_on_that_of_its_parent() -> None:
    app = App("example", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    parent, child = Blueprint("parent", __name__, subdomain="api"), blueprint("child")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    client = app.test_client()
    assert client.get("/", base_url="http://api.example.com").text == "parent.child.index /"


# --- nesting


def test_prefixes_of_nested_blueprints_are_joined(app: App) -> None:
    shop, cart, item = blueprint("shop", "/shop"), blueprint("cart", "/cart"), blueprint("item")
    cart.register_blueprint(item, url_prefix="/item")
    shop.register_blueprint(cart)
    app.register_blueprint(shop)
    client = app.test_client()
    assert [client.get(url).text for url in ("/shop/", "/shop/cart/", "/shop/cart/item/")] == [
        "shop.index /shop/",
        "shop.cart.index /shop/cart/",
        "shop.cart.item.index /shop/cart/item/",
    ]
    assert list(app.blueprints) == ["shop", "shop.cart", "shop.cart.item"]


def test_a_nested_blueprint_may_get_another_name(app: App) -> None:
    shop, cart = Blueprint("shop", __name__), blueprint("cart", "/cart")
    shop.register_blueprint(cart)
    shop.register_blueprint(cart, name="basket", url_prefix="/basket")
    app.register_blueprint(shop)
    assert app.test_client().get("/basket/").text == "shop.basket.index /basket/"


def test_two_children_of_one_name_are_refused(app: App) -> None:
    shop = Blueprint("shop", __name__)
    shop.register_blueprint(blueprint("cart", "/one"))
    shop.register_blueprint(blueprint("cart", "/two"))
    with pytest.raises(SetupError, match=r"^The name 'shop\.cart' is taken by another blueprint"):
        app.register_blueprint(shop)


def test_a_blueprint_is_not_nested_in_itself() -> None:
    shop = Blueprint("shop", __name__)
    with pytest.raises(SetupError) as caught:
        shop.register_blueprint(shop)
    assert str(caught.value) == "Blueprint 'shop' cannot be nested in itself."


def test_a_leading_dot_means_the_current_blueprint(app: App) -> None:
    shop, cart = blueprint("shop", "/shop"), Blueprint("cart", __name__, url_prefix="/cart")
    cart.add_url_rule("/", "index", lambda: f"{url_for('.index')} {url_for('shop.index')}")
    shop.register_blueprint(cart)
    app.register_blueprint(shop)
    assert app.test_client().get("/shop/cart/").text == "/shop/cart/ /shop/"


# --- hooks


def test_hooks_for_all_requests_run_on_every_request(app: App) -> None:
    log: list[str] = []
    blog = blueprint("blog", "/blog")

    @blog.before_app_request
    def before() -> None:
        log.append("before")

    @blog.after_app_request
    def after(response: Response) -> Response:
        log.append("after")
        return response

    @blog.teardown_app_request
    def teardown(exc: BaseException | None) -> None:
        log.append("teardown")

    @blog.app_url_value_preprocessor
    def preprocess(endpoint: str | None, values: dict[str, Any] | None) -> None:
        log.append(f"values of {endpoint}")

    app.register_blueprint(blog)
    app.add_url_rule("/", "index", where)
    client = app.test_client()
    client.get("/")
    client.get("/nowhere")
    assert log == [
        *("values of index", "before", "after", "teardown"),
        *("values of None", "before", "after", "teardown"),
    ]


def test_hooks_of_a_blueprint_leave_other_views_alone(app: App) -> None:
    log: list[str] = []
    blog = blueprint("blog", "/blog")
    blog.before_request(lambda: log.append("before"))
    blog.teardown_request(lambda exc: log.append("teardown"))
    app.register_blueprint(blog)
    app.register_blueprint(blueprint("shop", "/shop"))
    client = app.test_client()
    client.get("/shop/")
    assert log == []
    client.get("/blog/")
    assert log == ["before", "teardown"]


def test_hooks_for_all_requests_are_taken_once_from_a_blueprint_registered_twice(app: App) -> None:
    log: list[str] = []
    blog = blueprint("blog", "/one")
    blog.before_app_request(lambda: log.append("for all"))
    blog.before_request(lambda: log.append(str(request.blueprint)))
    app.register_blueprint(blog)
    app.register_blueprint(blog, url_prefix="/two", name="news")
    client = app.test_client()
    client.get("/one/")
    client.get("/two/")
    assert log == ["for all", "blog", "for all", "news"]


def test_a_blueprint_gives_everything_to_each_of_two_applications() -> None:
    log: list[str] = []
    blog = blueprint("blog", "/blog")
    blog.before_app_request(lambda: log.append("before"))
    blog.app_errorhandler(404)(lambda error: ("not in the blog", 404))
    blog.add_app_template_filter(str.upper, "shout")
    answers = []
    for name in ("one", "two"):
        app = App(name, static_folder=None)
        app.register_blueprint(blog)
        answers.append(app.test_client().get("/nowhere").text)
        assert "shout" in app.jinja_env.filters
    assert answers == ["not in the blog", "not in the blog"]
    assert log == ["before", "before"]


def test_hooks_run_in_the_order_in_which_blueprints_are_registered(app: App) -> None:
    log: list[str] = []
    app.before_request(lambda: log.append("app, before"))
    for name in ("one", "two"):
        found = blueprint(name, f"/{name}")
        found.before_app_request(lambda name=name: log.append(name))
        app.register_blueprint(found)
    app.before_request(lambda: log.append("app, after"))
    app.test_client().get("/")
    assert log == ["app, before", "one", "two", "app, after"]


def test_an_error_handler_for_all_requests_answers_everywhere(app: App) -> None:
    blog = blueprint("blog", "/blog")

    @blog.app_errorhandler(404)
    def missing(error: Exception) -> tuple[str, int]:
        return "nothing here", 404

    @blog.app_errorhandler(ValueError)
    def wrong(error: ValueError) -> str:
        return f"wrong: {error}"

    @app.get("/wrong")
    def broken() -> str:
        raise ValueError("value")

    app.register_blueprint(blog)
    client = app.test_client()
    assert [client.get("/nowhere").text, client.get("/wrong").text] == [
        "nothing here",
        "wrong: value",
    ]


def test_an_error_handler_of_a_blueprint_is_for_its_views_only(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")

    @blog.get("/")
    def index() -> str:
        abort(403)

    @blog.errorhandler(403)
    def forbidden(error: Exception) -> tuple[str, int]:
        return "not in the blog", 403

    app.register_blueprint(blog)
    app.add_url_rule("/", "index", index)
    client = app.test_client()
    assert client.get("/blog/").text == "not in the blog"
    assert "not in the blog" not in client.get("/").text


# --- the lock


def test_a_registered_blueprint_takes_nothing_more(app: App) -> None:
    blog = blueprint("blog", "/blog")
    app.register_blueprint(blog)
    for call, register in (
        ("add_url_rule", lambda: blog.get("/late")(where)),
        ("before_request", lambda: blog.before_request(lambda: None)),
        ("after_request", lambda: blog.after_request(lambda response: response)),
        ("teardown_request", lambda: blog.teardown_request(lambda exc: None)),
        ("before_app_request", lambda: blog.before_app_request(lambda: None)),
        ("after_app_request", lambda: blog.after_app_request(lambda response: response)),
        ("teardown_app_request", lambda: blog.teardown_app_request(lambda exc: None)),
        ("context_processor", lambda: blog.context_processor(dict)),
        ("app_context_processor", lambda: blog.app_context_processor(dict)),
        ("register_error_handler", lambda: blog.errorhandler(404)(lambda error: "")),
        ("app_errorhandler", lambda: blog.app_errorhandler(404)(lambda error: "")),
        ("app_template_filter", lambda: blog.app_template_filter(str.upper)),
        ("app_template_test", lambda: blog.app_template_test(str.isupper)),
        ("app_template_global", lambda: blog.app_template_global(str.upper)),
        ("register_blueprint", lambda: blog.register_blueprint(blueprint("late"))),
    ):
        with pytest.raises(SetupError) as caught:
            register()
        message = str(caught.value)
        start = f"{call}() comes too late for blueprint 'blog': it has been registered by "
        assert message.startswith(f"{start}{__file__}:")
        assert message.endswith(". Register a blueprint after everything is on it.")


def test_a_nested_blueprint_takes_nothing_more_once_its_parent_is_registered(app: App) -> None:
    shop, cart = Blueprint("shop", __name__), Blueprint("cart", __name__)
    shop.register_blueprint(cart)
    cart.add_url_rule("/", "index", where)
    app.register_blueprint(shop)
    with pytest.raises(SetupError, match=r"^add_url_rule\(\) comes too late for blueprint 'cart'"):
        cart.add_url_rule("/late", "late", where)
    assert app.test_client().get("/").text == "shop.cart.index /"


# --- clashes


def test_a_url_of_a_blueprint_that_is_taken_is_refused(app: App) -> None:
    app.add_url_rule("/blog/", "own", lambda: "")
    with pytest.raises(SetupError, match="^GET '/blog/' is registered twice: by '/blog/' of "):
        app.register_blueprint(blueprint("blog", "/blog"))


def test_endpoints_of_two_blueprints_do_not_clash(app: App) -> None:
    app.register_blueprint(blueprint("one", "/one"))
    app.register_blueprint(blueprint("two", "/two"))
    app.add_url_rule("/", "index", lambda: "own")
    client = app.test_client()
    assert [client.get(url).text for url in ("/", "/one/", "/two/")] == [
        "own",
        "one.index /one/",
        "two.index /two/",
    ]


# --- folders


def test_static_files_of_a_blueprint_are_below_its_prefix(app: App, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("a")
    blog = Blueprint(
        "blog", __name__, url_prefix="/blog", static_folder="files", root_path=str(tmp_path)
    )
    app.register_blueprint(blog)
    client = app.test_client()
    assert client.get("/blog/files/a.txt", buffered=True).text == "a"
    assert client.get("/blog/files/b.txt", buffered=True).status_code == 404
    with app.test_request_context():
        assert url_for("blog.static", filename="a.txt") == "/blog/files/a.txt"


def test_static_files_of_a_blueprint_may_have_another_url(app: App, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    blog = Blueprint("blog", __name__, static_folder=tmp_path, static_url_path="/blog-files")
    app.register_blueprint(blog)
    assert app.test_client().get("/blog-files/a.txt", buffered=True).text == "a"


def test_a_resource_of_a_blueprint_is_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("data")
    blog = Blueprint("blog", __name__, root_path=str(tmp_path))
    with blog.open_resource("data.txt", "r") as file:
        assert file.read() == "data"


def test_templates_of_a_blueprint_come_after_those_of_the_application(tmp_path: Path) -> None:
    for folder, names in {"app": ["both"], "one": ["both", "second"], "two": ["second"]}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text(f"{name} of {folder}")
    app = App("example", root_path=str(tmp_path), template_folder="app", static_folder=None)
    for name in ("one", "two"):
        app.register_blueprint(
            Blueprint(name, __name__, template_folder=name, root_path=str(tmp_path))
        )
    with app.app_context():
        assert render_template("both") == "both of app"
        assert render_template("second") == "second of one"


# --- records


def test_a_blueprint_can_be_read_before_it_is_registered() -> None:
    blog = blueprint("blog", "/blog")
    assert [(route.rule, route.endpoint, route.view) for route in blog.routes] == [
        ("/", "index", where)
    ]


def test_a_recorded_function_is_called_with_the_application_at_registration(app: App) -> None:
    log: list[object] = []
    blog: Any = blueprint("blog", "/blog")
    blog.record(lambda state: log.append((state.app, state.first_registration)))
    blog.record_once(lambda state: log.append("once"))
    app.register_blueprint(blog)
    app.register_blueprint(blog, name="news", url_prefix="/news")
    assert log == [(app, True), "once", (app, False)]


def test_an_endpoint_of_a_blueprint_may_get_its_view_later(app: App) -> None:
    blog: Any = Blueprint("blog", __name__)
    blog.add_url_rule("/", endpoint="index")
    blog.endpoint("index")(where)
    app.register_blueprint(blog)
    assert app.test_client().get("/").text == "blog.index /"


def test_the_blueprints_of_an_application_are_listed_in_order(app: App) -> None:
    one, two = blueprint("one", "/one"), blueprint("two", "/two")
    app.register_blueprint(one)
    app.register_blueprint(two)
    listed: Any = getattr(app, "iter_blueprints")  # noqa: B009 - not there yet for mypy
    assert list(listed()) == [one, two]
