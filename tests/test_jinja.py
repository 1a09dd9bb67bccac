"""What needs Jinja: blocks on their own, and the loader that asks each scope in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
import markupsafe
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment
from werkzeug.exceptions import NotFound

from microweb import (
    App,
    Blueprint,
    before_render_template,
    g,
    render_block,
    render_template,
    template_rendered,
)
from microweb.errors import MicrowebError, OutsideContext, SetupError
from microweb.jinja import DispatchingJinjaLoader, Environment, escape, explanation, nearest


def block(
    main: str,
    name: str = "b",
    values: Mapping[str, Any] | None = None,
    **others: str,
) -> str:
    """Render a block of the template `main`, beside other templates."""
    app = App("example", static_folder=None, template_folder=None)
    app.jinja_loader = jinja2.DictLoader({"main": main, **others})
    with app.app_context():
        return render_block("main", name, **(values or {}))


MACROS = "{% macro f(x) %}<{{ x }}>{% endmacro %}"
TOP = {
    "a variable": "{% set v = 5 %}{% block b %}{{ v }}{% endblock %}",
    "a variable of several lines": "{% set v %}5{% endset %}{% block b %}{{ v }}{% endblock %}",
    "an import": "{% import 'macros' as m %}{% block b %}{{ m.f(5) }}{% endblock %}",
    "a name that is imported": "{% from 'macros' import f %}{% block b %}{{ f(5) }}{% endblock %}",
    "a macro": "{% macro f(x) %}<{{ x }}>{% endmacro %}{% block b %}{{ f(5) }}{% endblock %}",
}


@pytest.mark.parametrize("kind", TOP)
def test_a_block_knows_what_stands_at_the_top(kind: str) -> None:
    text = "5" if kind.startswith("a variable") else "<5>"
    assert block(TOP[kind], macros=MACROS) == text


@pytest.mark.parametrize("kind", TOP)
def test_a_block_of_a_child_knows_what_stands_at_the_top_of_it(kind: str) -> None:
    text = "5" if kind.startswith("a variable") else "<5>"
    child = "{% extends 'base' %}\n\n" + TOP[kind].replace("%}{%", "%}\n{%")
    assert block(child, base="<html>{% block b %}{% endblock %}", macros=MACROS).strip() == text


@pytest.mark.parametrize("kind", TOP)
@pytest.mark.parametrize("before", ["\n", "<html>", "{# a comment #}\n", "{{ 1 }}"])
def test_text_before_it_makes_no_difference(kind: str, before: str) -> None:
    text = "5" if kind.startswith("a variable") else "<5>"
    assert block(before + TOP[kind], macros=MACROS) == text


@pytest.mark.parametrize("before", ["\n", "{# a comment #}\n", "{% import 'macros' as m %}\n"])
def test_text_before_the_parent_is_named_makes_no_difference(before: str) -> None:
    child = before + "{% extends 'base' %}{% block b %}child {{ super() }}{% endblock %}"
    assert block(child, base="{% block b %}base{% endblock %}", macros=MACROS) == "child base"


@pytest.mark.parametrize("kind", TOP)
def test_a_block_of_a_parent_knows_what_stands_at_the_top_of_it(kind: str) -> None:
    text = "5" if kind.startswith("a variable") else "<5>"
    child = "{% extends 'base' %}{% block b %}{{ super() }}{% endblock %}"
    assert block(child, base="<!doctype html>\n" + TOP[kind], macros=MACROS) == text


def test_a_block_of_any_ancestor_is_found() -> None:
    others = {
        "base": "{% extends 'root' %}{% block c %}base c {{ super() }}{% endblock %}",
        "root": "r{% block c %}root c{% endblock %}{% block d %}root d{% endblock %}",
    }
    child = "{% extends 'base' %}{% block b %}{% endblock %}"
    assert block(child, "c", None, **others) == "base c root c"
    assert block(child, "d", None, **others) == "root d"


def test_super_goes_up_through_all_ancestors() -> None:
    others = {
        "base": "{% extends 'root' %}{% block b %}2 {{ super() }}{% endblock %}",
        "root": "{% block b %}3{% endblock %}",
    }
    child = "{% extends 'base' %}{% block b %}1 {{ super() }}{% endblock %}"
    assert block(child, "b", None, **others) == "1 2 3"


def test_the_parent_may_be_a_value_of_the_context() -> None:
    child = "{% extends base %}{% block b %}{{ super() }} of {{ base }}{% endblock %}"
    bases = {name: "{% block b %}" + name + "{% endblock %}" for name in ("one", "two")}
    assert [block(child, values={"base": name}, **bases) for name in bases] == [
        "one of one",
        "two of two",
    ]


def test_a_page_that_extends_only_sometimes_has_its_block_in_both_cases() -> None:
    child = "{% if full %}{% extends 'base' %}{% endif %}{% block b %}b{% endblock %}"
    for full in (True, False):
        assert block(child, values={"full": full}, base="{% block b %}{% endblock %}") == "b"


def test_blocks_inside_of_blocks_are_rendered_alone_and_with_theirs() -> None:
    main = "{% block outer %}({% block inner %}i{% endblock %}){% endblock %}"
    assert (block(main, "inner"), block(main, "outer")) == ("i", "(i)")


def test_a_block_may_show_another_one_by_self() -> None:
    main = "{% block a %}A{% endblock %}{% block b %}{{ self.a() }}{% endblock %}"
    assert block(main) == "A"


def test_a_block_includes_other_templates() -> None:
    main = "{% block b %}{% include 'part' %}{% endblock %}"
    assert block(main, values={"x": 4}, part="part {{ x }}") == "part 4"


def test_a_value_that_only_the_whole_page_needs_may_be_missing() -> None:
    assert block("{{ user.name }}{% block b %}b{% endblock %}") == "b"


def test_an_error_in_the_block_is_raised() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'missing' is undefined"):
        block("{% block b %}{{ missing.name }}{% endblock %}")


@pytest.mark.parametrize(
    ("main", "blocks"),
    [
        ("{% extends 'base' %}{% block b %}{% endblock %}", "'a', 'b'"),
        ("{% block c %}{% endblock %}", "'c'"),
        ("text", "none at all"),
    ],
)
def test_a_missing_block_is_named_with_those_that_there_are(main: str, blocks: str) -> None:
    with pytest.raises(SetupError) as caught:
        block(main, "missing", base="{% block a %}{% endblock %}")
    assert str(caught.value) == (
        f"The template 'main' has no block 'missing'. Its blocks are: {blocks}."
    )
    assert isinstance(caught.value, MicrowebError)


@pytest.fixture
def rows() -> App:
    app = App("example", static_folder=None, template_folder=None)
    app.jinja_loader = jinja2.DictLoader(
        {
            "list.html": "<table>{% block rows %}{% for r in rows %}<p>{{ r }}{{ own }}</p>"
            "{% endfor %}{% endblock %}</table>",
            "list.txt": "{% block rows %}{{ rows }}{% endblock %}",
        }
    )
    return app


def test_a_view_answers_with_a_fragment_of_its_page(rows: App) -> None:
    @rows.get("/")
    def view() -> str:
        g.own = "!"
        return render_block("list.html", "rows", rows=["<a>"], own=g.own)

    assert rows.test_client().get("/").text == "<p>&lt;a&gt;!</p>"


def test_the_name_of_the_template_decides_over_escaping(rows: App) -> None:
    with rows.app_context():
        assert render_block("list.txt", "rows", rows="<a>") == "<a>"


def test_context_processors_add_their_names(rows: App) -> None:
    rows.context_processor(lambda: {"own": "!", "rows": [2]})
    with rows.app_context():
        assert render_block("list.html", "rows") == "<p>2!</p>"
        assert render_block("list.html", "rows", rows=[1]) == "<p>1!</p>"


def test_the_first_template_that_exists_or_a_template_object_is_taken(rows: App) -> None:
    with rows.app_context():
        assert render_block(["none.html", "list.html"], "rows", rows=[1]) == "<p>1</p>"
        template = rows.jinja_env.get_template("list.html")
        assert render_block(template, "rows", rows=[1]) == "<p>1</p>"
        with pytest.raises(jinja2.TemplateNotFound):
            render_block("none.html", "rows")


def test_a_template_from_a_string_has_no_source_for_its_block(rows: App) -> None:
    with rows.app_context():
        made = rows.jinja_env.from_string("{% block b %}{% endblock %}")
        with pytest.raises(SetupError) as caught:
            render_block(made, "b")
    assert str(caught.value) == (
        "render_block needs the source of its template None, and there is none: it is from a"
        " string. Keep it in a template folder."
    )


def test_values_may_have_any_name(rows: App) -> None:
    made = "{% block b %}{{ template_name_or_list }}{{ block_name }}{{ template }}{% endblock %}"
    rows.jinja_loader = jinja2.DictLoader({"made": made})
    with rows.app_context():
        text = render_block(
            "made",
            "b",
            template_name_or_list=1,
            block_name=2,
            template=3,
        )
    assert text == "123"


def test_a_block_is_signalled_as_its_template(rows: App) -> None:
    log: list[Any] = []

    def before(sender: App, template: Any, context: dict[str, Any]) -> None:
        log.append(("before", template.name, context))

    def after(sender: App, template: Any, context: dict[str, Any]) -> None:
        log.append(("after", template.name, context))

    with (
        rows.app_context(),
        before_render_template.connected_to(before, rows),
        template_rendered.connected_to(after, rows),
    ):
        render_block("list.html", "rows", rows=[])
    context = log[0][2]
    assert sorted(context) == ["g", "rows"]
    assert log == [("before", "list.html", context), ("after", "list.html", context)]


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("branches", {"user": 1}, "U"),
        ("branches", {}, "E"),
        ("branches", {"other": 1}, ""),
        ("fragment", {}, "base5!"),
    ],
)
def test_what_a_condition_sets_or_extends_counts(
    rows: App, template: str, values: dict[str, Any], text: str
) -> None:
    rows.jinja_loader = jinja2.DictLoader(
        {
            "branches": "x{% if user %}{% set name = 'U' %}{% elif other %}text{% else %}"
            "{% set name = 'E' %}{% endif %}{% block rows %}{{ name }}{% endblock %}",
            "base": "<html>{% set v = 5 %}{% block rows %}base{{ v }}{% endblock %}",
            "fragment": "{% if not whole %}{% extends 'base' %}{% endif %}"
            "{% block rows %}{{ super() }}!{% endblock %}",
        }
    )
    with rows.app_context():
        assert render_block(template, "rows", **values) == text


def test_an_error_in_a_block_names_the_line_of_the_template(rows: App) -> None:
    rows.jinja_loader = jinja2.DictLoader({"t": "\n{% block b %}\n\n{{ 1 / 0 }}{% endblock %}"})
    with rows.app_context(), pytest.raises(ZeroDivisionError) as caught:
        render_block("t", "b")
    assert (caught.traceback[-1].lineno, caught.traceback[-1].name) == (3, "block 'b'")


def test_a_block_needs_an_application() -> None:
    with pytest.raises(OutsideContext, match="application context"):
        render_block("list.html", "rows")


# --- the loader


class Recording(jinja2.BaseLoader):
    """A loader that cannot list, and records what it was asked for."""

    def __init__(self, **templates: str) -> None:
        self.templates = templates
        self.asked: list[str] = []

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Any]:
        self.asked.append(template)
        if template not in self.templates:
            raise jinja2.TemplateNotFound(template)
        return self.templates[template], None, lambda: True


def test_loaders_are_asked_in_turn_and_no_further(app: App) -> None:
    loaders = {name: Recording(**{name: name}) for name in ("first", "second", "third")}
    app.jinja_loader = loaders["first"]
    for name in ("second", "third"):
        blueprint = Blueprint(name, __name__)
        blueprint.jinja_loader = loaders[name]
        app.register_blueprint(blueprint)
    with app.app_context():
        assert render_template("second") == "second"
    assert [loader.asked for loader in loaders.values()] == [["second"], ["second"], []]


def test_a_loader_that_cannot_list_does_not_hide_the_missing_template(app: App) -> None:
    app.jinja_loader = Recording()
    with app.app_context(), pytest.raises(jinja2.TemplateNotFound) as caught:
        render_template("page.html")
    assert str(caught.value) == "There is no template 'page.html'. Looked into Recording."


def test_an_error_of_a_loader_is_not_taken_for_a_missing_template(app: App) -> None:
    class Broken(jinja2.BaseLoader):
        def get_source(self, environment: jinja2.Environment, template: str) -> Any:
            raise NotFound("of its own")

    app.jinja_loader = Broken()
    with app.app_context(), pytest.raises(NotFound, match="of its own"):
        render_template("page.html")


def test_a_mistake_in_a_template_names_its_line(app: App) -> None:
    app.jinja_loader = jinja2.DictLoader({"page.html": "one\n{% if %}"})
    with app.app_context(), pytest.raises(jinja2.TemplateSyntaxError) as caught:
        render_template("page.html")
    assert (caught.value.name, caught.value.lineno) == ("page.html", 2)


@pytest.mark.parametrize("explained", [True, False])
def test_each_search_is_logged_where_it_is_asked_for(
    app: App, caplog: pytest.LogCaptureFixture, explained: bool
) -> None:
    app.config["EXPLAIN_TEMPLATE_LOADING"] = explained
    app.jinja_loader = jinja2.DictLoader({"page.html": "page"})
    with caplog.at_level("INFO"), app.app_context():
        render_template("page.html")
        with pytest.raises(jinja2.TemplateNotFound):
            render_template("none.html")
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"] * explained


def test_an_explanation_names_each_place_and_what_was_found() -> None:
    loader = jinja2.FileSystemLoader(["one", "two"])
    assert explanation("a.html", [("application 'x'", loader, None), ("b", loader, "two/a")]) == (
        "Looking for the template 'a.html':\n"
        "  1. application 'x' (one, two): not there\n"
        "  2. b (one, two): two/a"
    )
    assert explanation("a.html", []).endswith("\n  No loader has it.")


# --- the environment


def test_an_environment_takes_another_loader(app: App) -> None:
    own = jinja2.DictLoader({})
    assert Environment(app, loader=own).loader is own
    made = Environment(app)
    assert isinstance(made.loader, DispatchingJinjaLoader)
    assert (made.app, made.loader.app) == (app, app)


# --- a name that is near


@pytest.mark.parametrize(
    ("asked", "names", "near"),
    [
        ("hme.html", ["home.html", "undef.html"], "home.html"),
        ("idnex.html", ["index.html", "base.html"], "index.html"),
        ("Home.html", ["home.html"], "home.html"),
        ("home.htm", ["home.html", "base.html"], "home.html"),
        ("hme.html", ["home.html.j2"], "home.html.j2"),
        ("home.txt", ["home.html", "home.txt.j2"], "home.txt.j2"),
        ("users/lst.html", ["users/list.html", "posts/list.html"], "users/list.html"),
        ("user/list.html", ["users/list.html", "posts/list.html"], "users/list.html"),
        ("users\\list.html", ["users/list.html"], "users/list.html"),
        # A folder too little or too much.
        ("list.html", ["base.html", "users/list.html"], "users/list.html"),
        ("templates/home.html", ["home.html"], "home.html"),
        ("nope.html", ["undef.html", "home.html", "page.html"], None),
        ("mail.welcome.html", ["mail.goodbye.html"], None),
        ("administration/a.html", ["administration/b.html"], None),
        ("blog/index.html", ["shop/index.html"], None),
        ("a.html", [], None),
    ],
)
def test_a_name_is_near_by_what_is_its_own(asked: str, names: list[str], near: str | None) -> None:
    assert nearest(asked, names) == near


# --- what is done otherwise than by Jinja, for speed alone


class Tagged:
    def __html__(self) -> str:
        return "<b>"


@given(
    st.text("ab&<>'\"ü\ud800")
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.lists(st.text("<&"))
    | st.text("<&").map(markupsafe.Markup)
    | st.builds(Tagged)
)
def test_values_are_escaped_as_by_markupsafe(value: Any) -> None:
    assert str(escape(value)) == str(markupsafe.escape(value))


class Raising:
    name = "attribute"

    def __getitem__(self, key: str) -> str:
        return f"item {key}"

    @property
    def broken(self) -> str:
        raise AttributeError("of the property")


class Row(dict[str, Any]):
    name = "attribute"


TEMPLATES = {
    "base": "{% block top %}{{ title }}{% endblock %}|{% block body %}{% endblock %}|{{ limit }}",
    "page": """{% extends "base" %}{% from "macros" import field with context %}
{% block body %}{% for value in values %}{{ value.name }};{{ value.items }};{{ value.broken }};
{{ value.nothing is defined }}{{ value["name"] }}{{ loop.cycle("<", title) }}{{ loop.index }}
{{ loop.changed(value is mapping) }}{{ field(value.name) }}{% endfor %}
{% set caught %}{{ title }}{% endset %}{{ caught }}{{ title ~ "<" }}{{ title|upper }}
{% include "part" %}{% autoescape false %}{{ title }}{% endautoescape %}{{ super() }}
{% call(x) box("<") %}{{ x }}{{ title }}{% endcall %}{% endblock %}""".replace(
        '"macros" import field', '"macros" import field, box'
    ),
    "macros": "{% macro field(name) %}<i>{{ name }}{{ limit }}{% endmacro %}"
    "{% macro box(x) %}[{{ caller(x) }}]{% endmacro %}",
    "part": "{{ title }} {{ limit }} {{ own|default('none') }}",
}
VALUES = [
    {"name": "<a>"},
    Row(name="<item>"),
    Raising(),
    {"items": 5, "broken": "'"},
    None,
    "x" * 99,
]


def test_a_template_renders_as_in_jinjas_own_environment() -> None:
    app = App("example", static_folder=None, template_folder=None)
    app.jinja_options = {"autoescape": True}
    app.jinja_loader = jinja2.DictLoader(TEMPLATES)
    plain = jinja2.Environment(loader=jinja2.DictLoader(TEMPLATES), autoescape=True)
    app.jinja_env.globals["limit"] = plain.globals["limit"] = "<&>"
    names: dict[str, Any] = {"title": "<Salt & 'pepper'>", "values": VALUES}
    with app.app_context():
        for given_names in (names, {**names, "limit": 7}, {"title": 1, "values": []}, {}):
            expected = plain.get_template("page").render(given_names)
            assert render_template("page", **given_names) == expected


class Called:
    @jinja2.pass_context
    def with_context(self, context: jinja2.runtime.Context, x: Any) -> Any:
        return x, context.name, context.get("z")

    @jinja2.pass_eval_context
    def __call__(self, context: Any, x: Any) -> Any:
        return x, context.autoescape

    def method(self, x: Any, y: int = 1) -> Any:
        return x, y

    def stop(self) -> Any:
        raise StopIteration


@jinja2.pass_environment
def with_environment(environment: jinja2.Environment, x: Any) -> Any:
    return x, environment.autoescape


CALLS = [
    "called.method(x)",
    "called.method(x, y=x)",
    "called.with_context(x)",
    "called(x)",
    "with_environment(x)",
    "called.stop()",
    "called.stop() is defined",
    "length(x)",
    "x.upper()",
    "cls(x, 'utf-8')",
    "shown(x)",
    "shown(x, 1, 2, z=3)",
    "shown(b=x)",
    "loop.cycle(x, '<')",
    "loop.changed(x)",
    "missing(x)",
    "called.method()",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("escaping", [False, True])
def test_what_a_template_calls_is_called_as_jinja_calls_it(
    call: str, asynchronous: bool, escaping: bool
) -> None:
    macro = "{% macro shown(a, b='<') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}"
    source = f"{macro}{{% for z in [1, 2] %}}{{{{ {call} }}}}{{% endfor %}}"
    app = App("example", static_folder=None, template_folder=None)
    app.jinja_options = {"autoescape": escaping, "enable_async": asynchronous}
    answers = []
    for environment in (app.jinja_env, jinja2.Environment(**app.jinja_options)):
        environment.globals.update(
            called=Called(), with_environment=with_environment, length=len, cls=bytes
        )
        try:
            answers.append(environment.from_string(source).render(x="<x>"))
        except Exception as error:
            answers.append(f"{type(error).__name__}: {error}")
    assert answers[0] == answers[1]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["name", "items", "broken", "nothing", "upper"])
def test_a_dot_means_what_it_means_to_jinja(value: Any, name: str) -> None:
    environment = App("example").jinja_env
    found, expected = (
        one.getattr(value, name) for one in (environment, jinja2.Environment(autoescape=True))
    )
    assert type(found) is type(expected)
    assert isinstance(found, jinja2.Undefined) or found == expected


def test_a_template_sees_globals_that_come_later_and_keeps_its_own() -> None:
    app = App("example", static_folder=None, template_folder=None)
    app.jinja_loader = jinja2.DictLoader({"a": "{{ x }}{{ y }}", "b": "{{ x }}{{ y }}"})
    environment = app.jinja_env
    own = environment.get_template("a", globals={"x": "own "})
    other = environment.get_template("b")
    environment.globals.update(x="all ", y="later")
    assert (own.render(), other.render(), other.render(x="given ")) == (
        *("own later", "all later", "given later"),
    )
    own.globals["y"] = "changed"
    assert (own.render(), other.render()) == ("own changed", "all later")
    assert environment.overlay().get_template("b").render() == "all later"


def test_an_environment_may_keep_its_globals_in_another_way() -> None:
    class Copying(Environment):
        def make_globals(self, d: Any) -> Any:
            return {**self.globals, **(d or {})}

    class Own(App):
        jinja_environment = Copying

    app = Own("example")
    app.jinja_env.globals["x"] = "1"
    assert app.jinja_env.from_string("{{ x }}{{ y }}").render(y=2) == "12"


def test_a_sandbox_stays_one() -> None:
    class Safe(Environment, SandboxedEnvironment):
        pass

    class Own(App):
        jinja_environment = Safe

    environment = Own("example").jinja_env
    assert environment.from_string("{{ row.name }}").render(row={"name": 1}) == "1"
    for source in ("{{ row.__class__.__mro__ }}", "{{ view.__globals__.escape }}"):
        with pytest.raises(SecurityError):
            environment.from_string(source).render(row={}, view=escape)


def test_as_many_templates_are_kept_as_the_environment_should() -> None:
    app = App("example", static_folder=None, template_folder=None)
    app.jinja_options = {"cache_size": 2}
    app.jinja_loader = jinja2.DictLoader({name: name for name in "abc"})
    environment = app.jinja_env
    first = environment.get_template("a")
    assert environment.get_template("a") is first
    assert [environment.get_template(name).render() for name in "bc"] == ["b", "c"]
    assert environment.get_template("a") is not first
    assert environment.cache is not None
    environment.cache.clear()
    assert environment.get_template("b").render() == "b"
    for size in (0, -1):
        app = App("example", static_folder=None, template_folder=None)
        app.jinja_options = {"cache_size": size}
        app.jinja_loader = jinja2.DictLoader({"a": "a"})
        assert app.jinja_env.get_template("a").render() == "a"
