"""Which hooks and which error handler a request gets: decided by its plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
)

from microweb import App, Blueprint, abort, request
from microweb.errors import SetupError
from microweb.plan import Misses, Plan
from microweb.scope import Hooks, error_key


def say(text: str) -> Callable[[Any], tuple[str, int]]:
    """Return an error handler that answers with a text."""
    return lambda error: (text, 200)


def raising(error: Exception) -> Callable[[], str]:
    """Return a view that raises."""

    def view() -> str:
        raise error

    return view


class Parent(Exception):
    """An error."""


class Child(Parent):
    """A nearer error."""


class Teapot(HTTPException):
    """An HTTP error with a code that another class has too."""

    code = 404


# --- one scope


def test_a_handler_of_the_nearest_class_is_chosen(app: App) -> None:
    app.register_error_handler(Exception, say("Exception"))
    app.register_error_handler(Parent, say("Parent"))
    app.register_error_handler(Child, say("Child"))
    app.add_url_rule("/child", "child", raising(Child()))
    app.add_url_rule("/parent", "parent", raising(Parent()))
    app.add_url_rule("/other", "other", raising(ValueError()))
    client = app.test_client()
    answers = [client.get(url).text for url in ("/child", "/parent", "/other")]
    assert answers == ["Child", "Parent", "Exception"]


def test_a_handler_of_a_parent_class_takes_the_error(app: App) -> None:
    app.register_error_handler(LookupError, say("LookupError"))
    app.add_url_rule("/", "index", raising(KeyError("x")))
    assert app.test_client().get("/").text == "LookupError"


def test_the_first_base_class_with_a_handler_counts(app: App) -> None:
    class Both(KeyError, ValueError):
        pass

    app.register_error_handler(ValueError, say("ValueError"))
    app.register_error_handler(LookupError, say("LookupError"))
    app.add_url_rule("/", "index", raising(Both()))
    assert app.test_client().get("/").text == "LookupError"


def test_a_handler_is_registered_by_code_or_by_class_alike(app: App) -> None:
    app.register_error_handler(404, say("by code"))
    app.register_error_handler(Forbidden, say("by class"))
    app.add_url_rule("/", "index", raising(Forbidden()))
    client = app.test_client()
    assert [client.get("/nowhere").text, client.get("/").text] == ["by code", "by class"]


def test_the_later_one_of_two_handlers_for_the_same_error_counts(app: App) -> None:
    app.register_error_handler(404, say("first"))
    app.register_error_handler(NotFound, say("second"))
    assert app.test_client().get("/nowhere").text == "second"


def test_a_handler_of_a_code_comes_before_one_of_http_exception(app: App) -> None:
    app.register_error_handler(Exception, say("Exception"))
    app.register_error_handler(HTTPException, say("HTTPException"))
    app.register_error_handler(404, say("404"))
    app.add_url_rule("/", "index", raising(Forbidden()))
    client = app.test_client()
    assert [client.get("/nowhere").text, client.get("/").text] == ["404", "HTTPException"]


def test_a_handler_of_exception_catches_404_and_405_too(app: App) -> None:
    seen: list[Exception] = []

    @app.errorhandler(Exception)
    def everything(error: Exception) -> tuple[str, int]:
        seen.append(error)
        return "caught", 400

    app.add_url_rule("/", "index", lambda: "", methods=["POST"])
    client = app.test_client()
    assert [client.get("/nowhere").text, client.get("/").text] == ["caught", "caught"]
    assert [type(error) for error in seen] == [NotFound, MethodNotAllowed]


def test_a_handler_of_404_is_not_for_another_class_with_the_code(app: App) -> None:
    app.register_error_handler(404, say("404"))
    app.register_error_handler(Teapot, say("teapot"))
    app.add_url_rule("/", "index", raising(Teapot()))
    assert app.test_client().get("/").text == "teapot"


def test_a_handler_of_500_takes_what_nothing_else_does(app: App) -> None:
    app.testing = False
    app.register_error_handler(500, say("500"))
    app.register_error_handler(Parent, say("Parent"))
    app.add_url_rule("/value", "value", raising(ValueError()))
    app.add_url_rule("/child", "child", raising(Child()))
    app.add_url_rule("/abort", "abort", raising(InternalServerError()))
    client = app.test_client()
    answers = [client.get(url).text for url in ("/value", "/child", "/abort")]
    assert answers == ["500", "Parent", "500"]


def test_a_handler_may_raise_another_error(app: App) -> None:
    app.register_error_handler(Parent, raising_handler(Forbidden()))
    app.register_error_handler(403, say("403"))
    app.testing = False
    app.add_url_rule("/", "index", raising(Parent()))
    # The second error is nobody's: it is answered as a server error.
    assert app.test_client().get("/").status_code == 500


def raising_handler(error: Exception) -> Callable[[Any], str]:
    """Return an error handler that raises."""

    def handler(caught: Any) -> str:
        raise error

    return handler


def test_a_handler_is_given_the_error(app: App) -> None:
    seen: list[Any] = []

    @app.errorhandler(Child)
    def keep(error: Child) -> str:
        seen.append(error)
        return ""

    error = Child("evidence")
    app.add_url_rule("/", "index", raising(error))
    app.test_client().get("/")
    assert seen == [error]


def test_errors_of_hooks_are_handled_as_those_of_views(app: App) -> None:
    app.register_error_handler(Parent, say("Parent"))

    @app.before_request
    def fail() -> None:
        raise Child

    assert app.test_client().get("/").text == "Parent"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (404, (404, NotFound)),
        (NotFound, (404, NotFound)),
        (HTTPException, (None, HTTPException)),
        (Exception, (None, Exception)),
        (Child, (None, Child)),
        (Teapot, (404, Teapot)),
    ],
)
def test_a_handler_is_kept_under_code_and_class(given: Any, key: object) -> None:
    assert error_key(given) == key


def test_a_code_that_is_no_error_is_refused(app: App) -> None:
    with pytest.raises(SetupError, match=r"^200 is not an HTTP error: handle one of 400, 401, "):
        app.errorhandler(200)(say("fine"))


@pytest.mark.parametrize("given", ["404", BaseException, KeyboardInterrupt, NotFound(), None])
def test_what_is_neither_code_nor_class_of_exceptions_is_refused(app: App, given: Any) -> None:
    with pytest.raises(SetupError) as caught:
        app.register_error_handler(given, say("no"))
    assert str(caught.value) == (
        f"{given!r} is neither a status code nor a class of exceptions: an error handler is"
        " registered for one of these, as in errorhandler(404)."
    )


# --- application and blueprints


def nested(app: App, error: Exception) -> tuple[Blueprint, Blueprint]:
    """Return parent and child blueprint; a view of the child raises. Register them later."""
    parent = Blueprint("parent", __name__, url_prefix="/parent")
    child = Blueprint("child", __name__, url_prefix="/child")
    child.add_url_rule("/", "index", raising(error))
    return parent, child


def answer(app: App, parent: Blueprint, child: Blueprint) -> str:
    """Register the blueprints and return what the child's view answers."""
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    return app.test_client().get("/parent/child/").text


def test_the_innermost_blueprint_comes_first(app: App) -> None:
    parent, child = nested(app, Child())
    for scope, name in ((app, "app"), (parent, "parent"), (child, "child")):
        scope.register_error_handler(Child, say(name))
    assert answer(app, parent, child) == "child"


def test_a_blueprint_comes_before_the_application_even_with_a_farther_class(app: App) -> None:
    parent, child = nested(app, Child())
    app.register_error_handler(Child, say("app"))
    parent.register_error_handler(Exception, say("parent"))
    assert answer(app, parent, child) == "parent"


def test_a_code_of_the_application_comes_before_a_class_of_a_blueprint(app: App) -> None:
    parent, child = nested(app, NotFound())
    app.register_error_handler(404, say("app 404"))
    child.register_error_handler(HTTPException, say("child HTTPException"))
    assert answer(app, parent, child) == "app 404"


def test_a_code_of_a_parent_comes_before_one_of_the_application(app: App) -> None:
    parent, child = nested(app, NotFound())
    app.register_error_handler(404, say("app"))
    parent.register_error_handler(404, say("parent"))
    assert answer(app, parent, child) == "parent"


def test_without_a_handler_in_blueprints_the_application_answers(app: App) -> None:
    parent, child = nested(app, Child())
    app.register_error_handler(Parent, say("app"))
    child.register_error_handler(ValueError, say("child"))
    assert answer(app, parent, child) == "app"


def test_a_server_error_is_answered_by_the_blueprint(app: App) -> None:
    parent, child = nested(app, ValueError("broken"))
    app.testing = False
    app.register_error_handler(500, say("app"))
    parent.register_error_handler(500, say("parent"))
    assert answer(app, parent, child) == "parent"


# --- misses below a prefix


def test_a_miss_below_a_prefix_is_answered_by_its_blueprint(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.add_url_rule("/post", "post", lambda: "", methods=["POST"])
    blog.register_error_handler(404, say("no such post"))
    blog.register_error_handler(405, say("not like this"))
    app.register_blueprint(blog)
    app.register_error_handler(404, say("no such page"))
    client = app.test_client()
    urls = ("/blog/nothing", "/blog/", "/blog", "/blog/post", "/", "/blogs/nothing")
    assert [client.get(url).text for url in urls] == [
        *("no such post", "no such post", "no such post", "not like this"),
        *("no such page", "no such page"),
    ]


def test_the_longest_prefix_answers_a_miss(app: App) -> None:
    outer = Blueprint("outer", __name__, url_prefix="/a")
    inner = Blueprint("inner", __name__, url_prefix="/a/b")
    outer.register_error_handler(404, say("outer"))
    inner.register_error_handler(404, say("inner"))
    app.register_blueprint(outer)
    app.register_blueprint(inner)
    client = app.test_client()
    assert [client.get("/a/x").text, client.get("/a/b/x").text] == ["outer", "inner"]


def test_a_slash_at_its_end_makes_a_prefix_no_longer(app: App) -> None:
    outer = Blueprint("outer", __name__, url_prefix="/a/")
    inner = Blueprint("inner", __name__, url_prefix="/a/b")
    outer.register_error_handler(404, say("outer"))
    inner.register_error_handler(404, say("inner"))
    app.register_blueprint(outer)
    app.register_blueprint(inner)
    client = app.test_client()
    assert [client.get("/a/x").text, client.get("/a/b/x").text] == ["outer", "inner"]


def test_a_miss_below_a_nested_prefix_asks_the_parents_too(app: App) -> None:
    shop = Blueprint("shop", __name__, url_prefix="/shop")
    cart = Blueprint("cart", __name__, url_prefix="/cart")
    shop.register_error_handler(404, say("shop"))
    cart.register_error_handler(405, say("cart"))
    cart.add_url_rule("/", "index", lambda: "", methods=["POST"])
    shop.register_blueprint(cart)
    app.register_blueprint(shop)
    client = app.test_client()
    assert [client.get("/shop/cart/x").text, client.get("/shop/cart/").text] == ["shop", "cart"]


def test_a_miss_below_a_prefix_without_a_handler_is_the_applications(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.register_error_handler(403, say("blog"))
    app.register_blueprint(blog)
    app.register_error_handler(404, say("app"))
    assert app.test_client().get("/blog/nothing").text == "app"


def test_a_blueprint_without_a_prefix_owns_no_misses(app: App) -> None:
    for name, prefix in (("one", None), ("two", "/")):
        found = Blueprint(name, __name__, url_prefix=prefix)
        found.register_error_handler(404, say(name))
        app.register_blueprint(found)
    assert app.test_client().get("/nowhere").status_code == 404


def test_a_variable_in_a_prefix_stands_for_one_segment(app: App) -> None:
    team = Blueprint("team", __name__, url_prefix="/<lang>/team")
    team.register_error_handler(404, say("team"))
    app.register_blueprint(team)
    client = app.test_client()
    assert client.get("/de/team/nobody").text == "team"
    assert client.get("/de/other").status_code == 404
    assert client.get("/de/at/team/nobody").status_code == 404


def test_signs_in_a_prefix_stand_for_themselves(app: App) -> None:
    found = Blueprint("v1", __name__, url_prefix="/v1.0")
    found.register_error_handler(404, say("v1"))
    app.register_blueprint(found)
    client = app.test_client()
    assert client.get("/v1.0/x").text == "v1"
    assert client.get("/v1x0/x").status_code == 404


def test_a_miss_below_a_prefix_runs_no_hooks_of_the_blueprint(app: App) -> None:
    log: list[str] = []
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.before_request(lambda: log.append("blog"))
    blog.register_error_handler(404, say(""))
    app.before_request(lambda: log.append(f"app {request.blueprint}"))
    app.register_blueprint(blog)
    app.test_client().get("/blog/nothing")
    assert log == ["app None"]


def test_a_blueprint_that_is_registered_twice_owns_both_prefixes(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/one")
    blog.register_error_handler(404, say("blog"))
    app.register_blueprint(blog)
    app.register_blueprint(blog, name="two", url_prefix="/two")
    client = app.test_client()
    assert [client.get("/one/x").text, client.get("/two/x").text] == ["blog", "blog"]


# --- the record itself


def hooks(name: str) -> Hooks:
    """Return hooks that are texts, to compare them."""
    found: Any = Hooks()
    for kind in ("url_value_preprocessors", "before", "after", "teardown", "context_processors"):
        setattr(found, kind, [f"{name} {kind} 1", f"{name} {kind} 2"])
    hooks: Hooks = found
    return hooks


def test_a_plan_merges_scopes_in_the_order_of_their_calls() -> None:
    plan: Any = Plan(None, [hooks("app"), hooks("blog")])
    assert plan.before == ("app before 1", "app before 2", "blog before 1", "blog before 2")
    assert plan.after == ("blog after 2", "blog after 1", "app after 2", "app after 1")
    assert plan.teardown == (
        *("blog teardown 2", "blog teardown 1"),
        *("app teardown 2", "app teardown 1"),
    )
    assert plan.url_value_preprocessors == (
        *("app url_value_preprocessors 1", "app url_value_preprocessors 2"),
        *("blog url_value_preprocessors 1", "blog url_value_preprocessors 2"),
    )
    assert plan.context_processors == (
        *("app context_processors 1", "app context_processors 2"),
        *("blog context_processors 1", "blog context_processors 2"),
    )


def test_a_plan_does_not_see_what_is_added_later() -> None:
    scope = hooks("app")
    plan = Plan(None, [scope])
    scope.before.append(lambda: None)
    scope.error_handlers[error_key(404)] = say("late")
    assert len(plan.before) == 2
    assert plan.error_handler(NotFound()) is None


def test_a_plan_without_handlers_finds_none() -> None:
    assert Plan(None, [Hooks()]).error_handler(BadRequest()) is None


def test_misses_outside_of_all_prefixes_have_the_plan_for_everywhere() -> None:
    everywhere, inside = Plan(None, [hooks("app")]), Plan(None, [hooks("blog")])
    misses = Misses(everywhere)
    misses.add("/blog", inside)
    assert misses.plan("/blog/x") is inside
    assert misses.plan("/blog") is inside
    assert misses.plan("/blogger") is everywhere
    assert misses.plan("/") is everywhere


def test_abort_in_a_view_goes_the_same_way(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")

    @blog.get("/")
    def index() -> str:
        abort(404)

    blog.register_error_handler(404, say("blog"))
    app.register_error_handler(404, say("app"))
    app.register_blueprint(blog)
    assert app.test_client().get("/blog/").text == "blog"
