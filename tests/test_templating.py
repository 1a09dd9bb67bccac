"""Templates: what they know, where they are found, and how they are rendered."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateNotFound

import microweb
from microweb import (
    App,
    Blueprint,
    g,
    get_template_attribute,
    render_template,
    render_template_string,
    request,
    session,
    stream_template,
    stream_template_string,
)
from microweb.errors import MissingPackage


def with_templates(folder: Path, **templates: str) -> App:
    """Return an application with templates; two underscores in a name are a dot."""
    (folder / "templates").mkdir(exist_ok=True)
    for name, source in templates.items():
        (folder / "templates" / name.replace("__", ".")).write_text(source, encoding="utf-8")
    app = App("example", root_path=str(folder), static_folder=None)
    app.config.update(TESTING=True, SECRET_KEY="a key for tests only")
    return app


# --- rendering


def test_a_view_renders_a_template(tmp_path: Path) -> None:
    app = with_templates(tmp_path, hello__html="<p>Hello, {{ name }}!</p>")
    app.add_url_rule("/<name>", "hello", lambda name: render_template("hello.html", name=name))
    response = app.test_client().get("/Ada")
    assert response.text == "<p>Hello, Ada!</p>"
    assert response.content_type == "text/html; charset=utf-8"


def test_the_first_template_that_exists_is_taken(tmp_path: Path) -> None:
    app = with_templates(tmp_path, second__html="second", third__html="third")
    with app.app_context():
        assert render_template(["first.html", "second.html", "third.html"]) == "second"


def test_a_template_object_is_rendered_too(tmp_path: Path) -> None:
    app = with_templates(tmp_path)
    with app.app_context():
        assert render_template(app.jinja_env.from_string("{{ a }}"), a=1) == "1"


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    app = with_templates(tmp_path)
    with app.app_context():
        with pytest.raises(TemplateNotFound) as caught:
            render_template("none.html")
        assert caught.value.name == "none.html"
        with pytest.raises(TemplateNotFound, match=r"one\.html, two\.html"):
            render_template(["one.html", "two.html"])


def test_templates_extend_and_include_others(tmp_path: Path) -> None:
    app = with_templates(
        tmp_path,
        base__html="[{% block body %}{% endblock %}]",
        part__html="part {{ name }}",
        page__html="{% extends 'base.html' %}{% block body %}{% include 'part.html' %}"
        "{% endblock %}",
    )
    with app.app_context():
        assert render_template("page.html", name="one") == "[part one]"


def test_templates_may_be_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "a.html").write_text("a")
    app = App("example", root_path=str(tmp_path), template_folder="views")
    with app.app_context():
        assert render_template("a.html") == "a"


# --- what templates know


def test_a_template_knows_the_request_session_g_and_config(app: App) -> None:
    @app.get("/<name>")
    def index(name: str) -> str:
        g.user, session["n"] = "ada", 1
        return render_template_string(
            "{{ request.path }} {{ session.n }} {{ g.user }} {{ config.TESTING }}"
            " {{ url_for('index', name='x') }} {{ get_flashed_messages() }}"
        )

    assert app.test_client().get("/a").text == "/a 1 ada True /x []"


def test_a_template_without_a_request_knows_that_there_is_none(app: App) -> None:
    source = "{% if request %}request{% else %}none{% endif %} {% if session %}session{% endif %}"
    with app.app_context():
        assert render_template_string(source) == "none "


def test_an_imported_macro_knows_the_request_too(tmp_path: Path) -> None:
    app = with_templates(
        tmp_path,
        macros__html="{% macro here() %}{{ request.path }}{% endmacro %}",
        page__html="{% from 'macros.html' import here %}{{ here() }}",
    )
    app.add_url_rule("/<name>", "page", lambda name: render_template("page.html"))
    client = app.test_client()
    assert [client.get("/a").text, client.get("/b").text] == ["/a", "/b"]


def test_context_processors_add_names(app: App) -> None:
    @app.context_processor
    def add() -> dict[str, Any]:
        return {"a": 1, "double": lambda x: x * 2}

    with app.test_request_context():
        assert render_template_string("{{ a }} {{ double(21) }}") == "1 42"


def test_explicit_arguments_come_before_context_processors(app: App) -> None:
    app.context_processor(lambda: {"a": "processor", "b": "processor"})
    with app.test_request_context():
        assert render_template_string("{{ a }} {{ b }}", a="argument") == "argument processor"


def test_context_processors_come_before_globals(app: App) -> None:
    app.add_template_global(lambda: "global", "who")
    app.context_processor(lambda: {"who": lambda: "processor"})
    with app.test_request_context():
        assert render_template_string("{{ who() }}") == "processor"
        assert render_template_string("{{ who }}", who="argument") == "argument"


def test_context_processors_of_blueprints_come_after_the_applications(app: App) -> None:
    log: list[str] = []
    parent, child = Blueprint("parent", __name__), Blueprint("child", __name__)

    def processor(name: str) -> Any:
        def process() -> dict[str, str]:
            log.append(name)
            return {"who": name}

        return process

    for scope, name in ((child, "child"), (parent, "parent"), (app, "app")):
        scope.context_processor(processor(name))
    child.app_context_processor(processor("for all"))
    child.add_url_rule("/", "index", lambda: render_template_string("{{ who }}"))
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    app.add_url_rule("/own", "own", lambda: render_template_string("{{ who }}"))
    client = app.test_client()
    assert client.get("/").text == "child"
    assert log == ["app", "for all", "parent", "child"]
    assert client.get("/own").text == "for all"


def test_context_processors_work_without_a_request(app: App) -> None:
    app.context_processor(lambda: {"a": 1})
    with app.app_context():
        assert render_template_string("{{ a }}") == "1"


def test_an_overridden_update_template_context_is_called() -> None:
    class Own(App):
        def update_template_context(self, context: dict[str, Any]) -> None:
            super().update_template_context(context)
            context["own"] = "yes"

    with Own("example").app_context():
        assert render_template_string("{{ own }}") == "yes"


# --- filters, tests, globals


def test_a_filter_is_registered_with_and_without_parentheses(app: App) -> None:
    @app.template_filter
    def bare(text: str) -> str:
        return f"bare {text}"

    @app.template_filter()
    def empty(text: str) -> str:
        return f"empty {text}"

    @app.template_filter("named")
    def something(text: str) -> str:
        return f"named {text}"

    @app.template_filter(name="keyword")
    def something_else(text: str) -> str:
        return f"keyword {text}"

    assert (bare("x"), empty("x"), something("x")) == ("bare x", "empty x", "named x")
    with app.app_context():
        source = "{{ 'x'|bare }}, {{ 'x'|empty }}, {{ 'x'|named }}, {{ 'x'|keyword }}"
        assert render_template_string(source) == "bare x, empty x, named x, keyword x"
        assert "something" not in app.jinja_env.filters


def test_a_test_is_registered_with_and_without_parentheses(app: App) -> None:
    @app.template_test
    def bare(value: int) -> bool:
        return value == 1

    @app.template_test()
    def empty(value: int) -> bool:
        return value == 2

    @app.template_test("named")
    def something(value: int) -> bool:
        return value == 3

    with app.app_context():
        source = "{{ 1 is bare }} {{ 2 is empty }} {{ 3 is named }} {{ 4 is bare }}"
        assert render_template_string(source) == "True True True False"


def test_a_global_is_registered_with_and_without_parentheses(app: App) -> None:
    @app.template_global
    def bare() -> str:
        return "bare"

    @app.template_global()
    def empty() -> str:
        return "empty"

    @app.template_global("named")
    def something() -> str:
        return "named"

    with app.app_context():
        assert render_template_string("{{ bare() }} {{ empty() }} {{ named() }}") == (
            "bare empty named"
        )


def test_template_functions_are_registered_without_decorators(app: App) -> None:
    app.add_template_filter(str.upper, "shout")
    app.add_template_test(str.isupper, "loud")
    app.add_template_global(len, "size")
    with app.app_context():
        assert render_template_string("{{ 'a'|shout }} {{ 'A' is loud }} {{ size('abc') }}") == (
            "A True 3"
        )


def test_a_blueprint_registers_template_functions_for_all(app: App) -> None:
    blog = Blueprint("blog", __name__)

    @blog.app_template_filter
    def bare(text: str) -> str:
        return f"bare {text}"

    @blog.app_template_test("loud")
    def is_loud(text: str) -> bool:
        return text.isupper()

    @blog.app_template_global()
    def answer() -> int:
        return 42

    blog.add_app_template_filter(str.upper, "shout")
    app.register_blueprint(blog)
    with app.app_context():
        source = "{{ 'x'|bare }} {{ 'X' is loud }} {{ answer() }} {{ 'x'|shout }}"
        assert render_template_string(source) == "bare x True 42 X"


def test_template_functions_may_come_after_the_first_look_at_the_environment(app: App) -> None:
    blog = Blueprint("blog", __name__)
    blog.add_app_template_filter(str.lower, "whisper")
    app.jinja_env.trim_blocks = True
    app.add_template_filter(str.upper, "shout")
    app.add_template_test(str.isupper, "loud")
    app.add_template_global(len, "size")
    app.register_blueprint(blog)
    with app.app_context():
        source = "{{ 'a'|shout }} {{ 'A' is loud }} {{ size('abc') }} {{ 'A'|whisper }}"
        assert render_template_string(source) == "A True 3 a"


def test_a_template_folder_of_a_blueprint_may_come_late_too(app: App, tmp_path: Path) -> None:
    (tmp_path / "late.html").write_text("late")
    assert app.jinja_env is app.jinja_env
    app.register_blueprint(Blueprint("late", __name__, template_folder=tmp_path))
    with app.app_context():
        assert render_template("late.html") == "late"


# --- escaping


@pytest.mark.parametrize(
    ("filename", "escaped"),
    [
        ("a.html", True),
        ("a.htm", True),
        ("a.xml", True),
        ("a.xhtml", True),
        ("a.svg", True),
        ("deep/a.html", True),
        (None, True),
        ("a.txt", False),
        ("a.js", False),
        ("html", False),
    ],
)
def test_values_are_escaped_by_the_ending_of_the_name(filename: str | None, escaped: bool) -> None:
    assert App("example", static_folder=None).select_jinja_autoescape(filename) is escaped


def test_values_are_escaped_in_html_and_not_in_text(tmp_path: Path) -> None:
    app = with_templates(tmp_path, a__html="{{ x }} {{ x|safe }}", a__txt="{{ x }}")
    with app.app_context():
        assert render_template("a.html", x="<&>") == "&lt;&amp;&gt; <&>"
        assert render_template("a.txt", x="<&>") == "<&>"
        assert render_template_string("{{ x }}", x="<&>") == "&lt;&amp;&gt;"
        assert (
            render_template_string("{% autoescape false %}{{ x }}{% endautoescape %}", x="<") == "<"
        )


def test_json_in_a_template_is_safe_in_a_script(app: App) -> None:
    with app.app_context():
        assert render_template_string("{{ x|tojson }}", x="</script>&'") == (
            '"\\u003c/script\\u003e\\u0026\\u0027"'
        )


def test_json_in_a_template_is_written_by_the_application(app: App) -> None:
    from datetime import date

    with app.app_context():
        assert render_template_string("{{ x|tojson }}", x=date(2024, 2, 29)) == '"2024-02-29"'


def test_json_in_a_template_keeps_the_order_of_its_keys(app: App) -> None:
    with app.app_context():
        assert render_template_string("{{ x|tojson }}", x={"b": 1, "a": 2}) == '{"b": 1, "a": 2}'


# --- streaming


def test_a_template_is_streamed_within_its_request(tmp_path: Path) -> None:
    log: list[str] = []
    app = with_templates(
        tmp_path, list__html="{% for n in numbers %}{{ n }} {{ request.path }};{% endfor %}"
    )
    app.teardown_request(lambda exc: log.append("teardown"))

    @app.get("/list")
    def numbers() -> Iterator[str]:
        def count() -> Iterator[int]:
            for number in range(3):
                log.append(str(number))
                yield number

        return stream_template("list.html", numbers=count())

    assert app.test_client().get("/list", buffered=True).text == "0 /list;1 /list;2 /list;"
    assert log == ["0", "1", "2", "teardown"]


def test_a_text_is_streamed_as_a_template(app: App) -> None:
    app.context_processor(lambda: {"b": 2})
    app.add_url_rule("/", "index", lambda: stream_template_string("{{ a }}{{ b }}<", a="<"))
    response = app.test_client().get("/", buffered=True)
    assert response.text == "&lt;2<"
    assert "Content-Length" not in response.headers


def test_a_missing_template_is_noticed_before_streaming(tmp_path: Path) -> None:
    app = with_templates(tmp_path)
    with app.app_context(), pytest.raises(TemplateNotFound):
        stream_template("none.html")


# --- the environment


def test_a_macro_is_called_from_python(tmp_path: Path) -> None:
    app = with_templates(
        tmp_path,
        macros__html="{% macro hello(name) %}Hello, {{ name }}!{% endmacro %}{% set a = 1 %}",
    )
    with app.app_context():
        assert get_template_attribute("macros.html", "hello")("<Ada>") == "Hello, &lt;Ada&gt;!"
        assert get_template_attribute("macros.html", "a") == 1
        with pytest.raises(AttributeError):
            get_template_attribute("macros.html", "nothing")


def test_options_of_the_environment_are_those_of_the_class() -> None:
    class Own(App):
        jinja_options = {"variable_start_string": "[[", "variable_end_string": "]]"}  # noqa: RUF012

    with Own("example").app_context():
        assert render_template_string("[[ a ]] {{ a }}", a=1) == "1 {{ a }}"


def test_extensions_of_the_environment_are_added_by_hand(app: App) -> None:
    app.jinja_env.add_extension("jinja2.ext.do")
    with app.app_context():
        assert render_template_string("{% set l = [] %}{% do l.append(1) %}{{ l }}") == "[1]"


def test_changed_templates_are_read_again_in_debug(tmp_path: Path) -> None:
    app = with_templates(tmp_path)
    assert app.jinja_env.auto_reload is False
    debug = with_templates(tmp_path)
    debug.debug = True
    assert debug.jinja_env.auto_reload is True
    wanted = with_templates(tmp_path)
    wanted.config["TEMPLATES_AUTO_RELOAD"] = True
    assert wanted.jinja_env.auto_reload is True


def test_two_applications_have_two_environments(app: App) -> None:
    other = App("other")
    other.add_template_global(lambda: "other", "who")
    assert "who" not in app.jinja_env.globals
    with app.app_context(), other.app_context():
        assert render_template_string("{{ who() }}") == "other"


def test_a_class_of_templates_chooses_its_own_autoescape() -> None:
    class Own(App):
        def select_jinja_autoescape(self, filename: str | None) -> bool:
            return False

    with Own("example").app_context():
        assert render_template_string("{{ x }}", x="<") == "<"


# --- without Jinja


def test_without_jinja_rendering_says_what_to_install(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "microweb.jinja", raising=False)
    monkeypatch.delattr(microweb, "jinja", raising=False)
    app.add_url_rule("/", "index", lambda: render_template_string("a"))
    with pytest.raises(MissingPackage) as caught:
        app.test_client().get("/")
    assert str(caught.value) == (
        "Rendering templates needs Jinja2. Install it with: pip install Jinja2"
    )
    assert caught.value.package == "Jinja2"
    assert isinstance(caught.value, ImportError)


def test_without_jinja_everything_else_works(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "microweb.jinja", raising=False)
    monkeypatch.delattr(microweb, "jinja", raising=False)
    app.context_processor(dict)
    app.add_template_filter(str.upper)
    app.register_blueprint(Blueprint("blog", __name__, template_folder="templates"))
    app.add_url_rule("/", "index", lambda: request.path)
    assert app.test_client().get("/").text == "/"
