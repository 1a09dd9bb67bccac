"""Templates as Flask's users know them: names, escaping, loaders, the environment, streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from markupsafe import Markup

from microweb import (
    App,
    Blueprint,
    Response,
    before_render_template,
    flash,
    g,
    get_template_attribute,
    render_template,
    render_template_string,
    session,
    stream_template,
    stream_template_string,
    template_rendered,
)
from microweb.errors import OutsideContext
from microweb.templating import DispatchingJinjaLoader, Environment


def loading(app: App, **templates: str) -> App:
    """Give an application templates; two underscores in a name are a dot."""
    app.jinja_loader = jinja2.DictLoader(
        {name.replace("__", "."): source for name, source in templates.items()}
    )
    return app


# --- what a template knows


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ config.TESTING }} {{ config['SECRET_KEY'][:5] }}", "True a key"),
        ("{{ request.method }} {{ request.path }} {{ request.args.q }}", "GET /page 1"),
        ("{{ session.user }} {{ 'user' in session }}", "ada True"),
        ("{{ g.name }} {{ g.get('none', 'default') }} {{ 'name' in g }}", "here default True"),
        ("{{ g.nothing is defined }}", "False"),
        ("{{ url_for('page', q=2) }}", "/page?q=2"),
        ("{{ url_for('page', _external=True, _anchor='top') }}", "http://localhost/page#top"),
        ("{{ get_flashed_messages() }}", "[&#39;hello&#39;]"),
        (
            "{% for c, m in get_flashed_messages(with_categories=true) %}{{ c }}:{{ m }}"
            "{% endfor %}",
            "note:hello",
        ),
        ("{{ get_flashed_messages(category_filter=['error']) }}", "[]"),
        ("{{ missing }}", ""),
        ("{{ missing is defined }}", "False"),
    ],
)
def test_a_template_knows_its_globals(app: App, source: str, text: str) -> None:
    @app.get("/page")
    def page() -> str:
        session["user"] = "ada"
        g.name = "here"
        flash("hello", "note")
        return render_template_string(source)

    assert app.test_client().get("/page?q=1").text == text


def test_a_name_of_a_missing_value_is_an_error(app: App) -> None:
    with app.app_context(), pytest.raises(jinja2.UndefinedError, match="'missing' is undefined"):
        render_template_string("{{ missing.attribute }}")


def test_explicit_arguments_beat_context_processors_and_these_beat_globals(app: App) -> None:
    app.add_template_global(lambda: "global", "a")
    app.add_template_global(lambda: "global", "b")
    app.context_processor(lambda: {"b": "processor", "c": "processor", "config": "processor"})
    app.context_processor(lambda: {"c": "second", "d": "second"})
    with app.app_context():
        source = "{{ a() }} {{ b }} {{ c }} {{ d }} {{ config }}"
        assert render_template_string(source, d="argument") == (
            "global processor second argument processor"
        )
        assert render_template_string("{{ request }} {{ g }}", request="mine", g="too") == (
            "mine too"
        )


def test_an_included_template_knows_the_context_and_an_imported_one_the_globals(app: App) -> None:
    loading(
        app,
        included__html="{{ a }}{{ request.path }}",
        imported__html="{% macro m() %}{{ a }}{{ request.path }}{{ g.x }}{% endmacro %}",
        page__html="{% include 'included.html' %}|{% import 'imported.html' as i %}{{ i.m() }}|"
        "{% import 'imported.html' as j with context %}{{ j.m() }}",
    )
    with app.test_request_context("/p"):
        g.x = "g"
        assert render_template("page.html", a="A") == "A/p|/pg|A/pg"


def test_rendering_needs_an_application(app: App) -> None:
    for render in (
        lambda: render_template("a.html"),
        lambda: render_template_string(""),
        lambda: stream_template("a.html"),
        lambda: stream_template_string(""),
        lambda: get_template_attribute("a.html", "a"),
    ):
        with pytest.raises(OutsideContext, match="application context"):
            render()


def test_a_receiver_finds_request_and_g_in_the_context(app: App) -> None:
    found: list[list[str]] = []

    def receive(sender: App, template: Any, context: dict[str, Any]) -> None:
        found.append(sorted(context))

    with app.test_request_context(), template_rendered.connected_to(receive, app):
        render_template_string("", a=1)
    assert found == [["a", "g", "request"]]


def test_every_way_of_rendering_is_signalled_before_and_after(app: App) -> None:
    loading(app, a__html="{{ x }}")
    log: list[tuple[str, str | None, Any]] = []

    def before(sender: App, template: Any, context: dict[str, Any]) -> None:
        log.append(("before", template.name, context["x"]))

    def after(sender: App, template: Any, context: dict[str, Any]) -> None:
        log.append(("after", template.name, context["x"]))

    with (
        app.app_context(),
        before_render_template.connected_to(before, app),
        template_rendered.connected_to(after, app),
    ):
        render_template("a.html", x=1)
        render_template_string("", x=2)
        assert list(stream_template("a.html", x=3)) == ["3"]
        assert "".join(stream_template_string("y", x=4)) == "y"
    names = ["a.html", None, "a.html", None]
    assert log == [
        (when, name, x) for x, name in enumerate(names, 1) for when in ("before", "after")
    ]


# --- escaping


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", "&lt;"),
        ("a.htm", "&lt;"),
        ("a.xml", "&lt;"),
        ("a.xhtml", "&lt;"),
        ("a.svg", "&lt;"),
        ("a.txt", "<"),
        ("a.js", "<"),
        ("a.html.txt", "<"),
        ("html", "<"),
        ("a.HTML", "<"),
    ],
)
def test_the_ending_decides_whether_values_are_escaped(app: App, name: str, text: str) -> None:
    app.jinja_loader = jinja2.DictLoader({name: "{{ x }}"})
    with app.app_context():
        assert render_template(name, x="<") == text
        assert render_template(name, x=Markup("<")) == "<"
        assert "".join(stream_template(name, x="<")) == text


def test_templates_from_a_text_are_escaped(app: App) -> None:
    with app.app_context():
        assert render_template_string("{{ x }}{{ x|safe }}", x="<") == "&lt;<"
        assert "".join(stream_template_string("{{ x }}", x="<")) == "&lt;"


def test_options_decide_over_escaping(app: App) -> None:
    app.jinja_options["autoescape"] = False
    with app.app_context():
        assert render_template_string("{{ x }}", x="<") == "<"


# --- where templates are found


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The folders of an application and two blueprints."""
    for owner, names in {
        "app": ["all.html"],
        "one": ["all.html", "blueprints.html", "one.html"],
        "two": ["all.html", "blueprints.html", "two.html"],
    }.items():
        (tmp_path / owner / "templates").mkdir(parents=True)
        for name in names:
            (tmp_path / owner / "templates" / name).write_text(owner)
    return tmp_path


def with_folders(folders: Path) -> App:
    app = App("example", root_path=str(folders / "app"), static_folder=None)
    for name in ("one", "two"):
        root = str(folders / name)
        blueprint = Blueprint(name, __name__, root_path=root, template_folder="templates")
        app.register_blueprint(blueprint)
    return app


@pytest.mark.parametrize(
    ("name", "owner"),
    [("all.html", "app"), ("blueprints.html", "one"), ("one.html", "one"), ("two.html", "two")],
)
def test_the_application_comes_first_and_then_blueprints_in_their_order(
    folders: Path, name: str, owner: str
) -> None:
    app = with_folders(folders)
    with app.app_context():
        assert render_template(name) == owner


def test_all_templates_are_listed(folders: Path) -> None:
    names = ["all.html", "blueprints.html", "one.html", "two.html"]
    assert with_folders(folders).jinja_env.list_templates() == names


def test_a_blueprint_finds_the_template_of_the_application_first_too(folders: Path) -> None:
    app = App("example", root_path=str(folders / "app"), static_folder=None)
    one = Blueprint("one", __name__, root_path=str(folders / "one"), template_folder="templates")
    one.add_url_rule("/", "view", lambda: render_template("all.html"))
    app.register_blueprint(one)
    assert app.test_client().get("/").text == "app"


def test_without_a_folder_there_is_no_loader() -> None:
    app = App("example", template_folder=None, static_folder=None)
    assert app.jinja_loader is None
    assert Blueprint("b", __name__).jinja_loader is None
    with app.app_context(), pytest.raises(jinja2.TemplateNotFound) as caught:
        render_template("a.html")
    assert (caught.value.name, str(caught.value)) == ("a.html", "a.html")


def test_the_loader_of_an_application_may_be_replaced_or_extended(folders: Path) -> None:
    app = with_folders(folders)
    own = jinja2.DictLoader({"all.html": "own", "new.html": "new"})
    assert app.jinja_loader is not None
    app.jinja_loader = jinja2.ChoiceLoader([own, app.jinja_loader])
    with app.app_context():
        names = ["all.html", "new.html", "blueprints.html"]
        assert [render_template(name) for name in names] == ["own", "new", "one"]


def test_a_class_of_applications_or_blueprints_brings_its_loader() -> None:
    class Own(App):
        jinja_loader = jinja2.DictLoader({"a.html": "app"})

    class OwnBlueprint(Blueprint):
        jinja_loader = jinja2.DictLoader({"a.html": "blueprint", "b.html": "blueprint"})

    app = Own("example", static_folder=None)
    app.register_blueprint(OwnBlueprint("own", __name__))
    with app.app_context():
        assert [render_template(name) for name in ("a.html", "b.html")] == ["app", "blueprint"]


def test_a_blueprint_may_be_given_a_loader(app: App) -> None:
    blueprint = Blueprint("own", __name__)
    blueprint.jinja_loader = jinja2.FunctionLoader(lambda name: f"made of {name}")
    app.register_blueprint(blueprint)
    with app.app_context():
        assert render_template("anything") == "made of anything"


def test_a_nested_blueprint_brings_its_templates(folders: Path) -> None:
    app = App("example", root_path=str(folders / "app"), static_folder=None)
    outer = Blueprint("outer", __name__)
    inner = Blueprint("one", __name__, root_path=str(folders / "one"), template_folder="templates")
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    with app.app_context():
        assert render_template("one.html") == "one"


# --- the environment


def test_the_environment_is_of_the_class_of_the_application() -> None:
    class OwnEnvironment(Environment):
        def __init__(self, app: Any, **options: Any) -> None:
            super().__init__(app, **options)
            self.filters["twice"] = lambda text: text * 2

        def join_path(self, template: str, parent: str) -> str:
            return f"{parent.rpartition('/')[0]}/{template}"

    class Own(App):
        jinja_environment = OwnEnvironment
        jinja_loader = jinja2.DictLoader({"a/page": "{% include 'part' %}", "a/part": "part"})

    app = Own("example", static_folder=None)
    assert type(app.jinja_env) is OwnEnvironment
    assert app.jinja_env.app is app
    assert isinstance(app.jinja_env.loader, DispatchingJinjaLoader)
    with app.app_context():
        assert render_template("a/page") == "part"
        assert render_template_string("{{ 'a'|twice }}") == "aa"


def test_the_environment_is_made_once_and_when_it_is_needed(app: App) -> None:
    assert "jinja_env" not in vars(app)
    assert app.jinja_env is app.jinja_env


def test_the_parts_of_an_environment_are_methods_of_the_application() -> None:
    class Own(App):
        def create_global_jinja_loader(self) -> jinja2.BaseLoader:
            return jinja2.DictLoader({"escaped": "{{ x }}", "plain": "{{ x }}"})

        def select_jinja_autoescape(self, filename: str | None) -> bool:
            return filename == "escaped"

        def create_jinja_environment(self) -> Environment:
            environment = super().create_jinja_environment()
            environment.globals["own"] = "global"
            return environment

        def update_template_context(self, context: dict[str, Any]) -> None:
            super().update_template_context(context)
            context["seen"] = sorted(context)

    with Own("example", static_folder=None).app_context():
        assert render_template("escaped", x="<") == "&lt;"
        assert render_template("plain", x="<") == "<"
        assert render_template_string("{{ own }} {{ seen }}", x=1) == "global ['g', 'x']"


def test_options_of_the_class_and_of_the_application_reach_jinja() -> None:
    class Own(App):
        jinja_options = {"extensions": ["jinja2.ext.do"]}  # noqa: RUF012

    app = Own("example", static_folder=None)
    app.jinja_options["trim_blocks"] = True
    with app.app_context():
        source = "{% set l = [] %}\n{% do l.append(1) %}\n{{ l }}"
        assert render_template_string(source) == "[1]"
    assert Own.jinja_options == {"extensions": ["jinja2.ext.do"]}


# --- streams


def test_a_stream_comes_in_pieces_within_its_request(app: App) -> None:
    log: list[str] = []
    loading(app, page__html="{% for n in numbers %}[{{ n }} {{ request.path }}]{% endfor %}")

    def count() -> Iterator[int]:
        for number in range(2):
            log.append(f"made {number}")
            yield number

    @app.get("/stream")
    def view() -> Response:
        return app.response_class(stream_template("page.html", numbers=count()))

    app.teardown_request(lambda error: log.append("teardown"))
    response = app.test_client().get("/stream")
    assert "".join(piece.decode() for piece in response.iter_encoded()) == "[0 /stream][1 /stream]"
    response.close()
    assert log == ["made 0", "made 1", "teardown"]


def test_an_error_in_a_stream_reaches_the_server(app: App) -> None:
    app.add_url_rule("/", "view", lambda: stream_template_string("a{{ 1 // 0 }}b"))
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/", buffered=True)


# --- pieces of templates


def test_a_macro_called_from_python_escapes_and_knows_the_request(app: App) -> None:
    loading(
        app,
        m__html="{% macro hello(name='you') %}Hello {{ name }}{{ request.path }}{% endmacro %}"
        "{% set number = 5 %}",
    )
    with app.test_request_context("/p"):
        hello = get_template_attribute("m.html", "hello")
        assert hello("<Ada>") == Markup("Hello &lt;Ada&gt;/p")
        assert isinstance(hello(), Markup)
        assert get_template_attribute("m.html", "number") == 5
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            get_template_attribute("m.html", "nothing")
        with pytest.raises(jinja2.TemplateNotFound):
            get_template_attribute("none.html", "hello")


def test_json_in_a_template_is_the_providers_and_safe_in_html(app: App) -> None:
    with app.app_context():
        value = {"b": "</script>'&", "a": None}
        assert render_template_string("{{ x|tojson }}", x=value) == (
            '{"b": "\\u003c/script\\u003e\\u0027\\u0026", "a": null}'
        )
        assert render_template_string("{{ x|tojson(indent=2) }}", x=[1]) == "[\n  1\n]"
        assert render_template_string("<a b='{{ x|tojson }}'>", x="'") == "<a b='\"\\u0027\"'>"
        with pytest.raises(ValueError, match="NaN"):
            render_template_string("{{ x|tojson }}", x=float("nan"))


# --- a missing template


@pytest.mark.parametrize("mode", ["DEBUG", "TESTING"])
def test_a_developer_reads_where_a_template_was_looked_for(folders: Path, mode: str) -> None:
    app = with_folders(folders)
    app.config[mode] = True
    with app.app_context():
        with pytest.raises(jinja2.TemplateNotFound) as caught:
            render_template("al.html")
        looked = ", ".join(str(folders / name / "templates") for name in ("app", "one", "two"))
        assert str(caught.value) == (
            f"There is no template 'al.html'. Looked into {looked}. Is it 'all.html' that you mean?"
        )
        assert (caught.value.name, caught.value.templates) == ("al.html", ["al.html"])
        with pytest.raises(jinja2.TemplateNotFound, match=f"Looked into {looked}.$"):
            render_template_string("{% include 'quite/different' %}")


def test_a_missing_template_is_only_named_otherwise(folders: Path) -> None:
    app = with_folders(folders)
    with app.app_context(), pytest.raises(jinja2.TemplateNotFound) as caught:
        render_template("al.html")
    assert str(caught.value) == "al.html"


def test_of_several_names_the_first_that_exists_is_taken(folders: Path) -> None:
    app = with_folders(folders)
    app.testing = True
    with app.app_context():
        assert render_template(["none.html", "two.html", "one.html"]) == "two"
        with pytest.raises(jinja2.TemplatesNotFound) as caught:
            render_template(["none.html", "nothing.html"])
        assert caught.value.templates == ["none.html", "nothing.html"]
        source = "{% include 'none' ignore missing %}{% include ['none', 'two.html'] %}"
        assert render_template_string(source) == "two"
