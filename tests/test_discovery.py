"""Finding an application: every way to name one, and what each mistake is answered with."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from microweb import App
from microweb.discovery import (
    NoAppException,
    find_app,
    find_app_by_string,
    find_best_app,
    is_app,
    locate_app,
    prepare_import,
    split_path,
    users_traceback,
)

ONE = "from microweb import App\n\n{name} = App('{name}')\n"
FACTORY = "from microweb import App\n\ndef {name}({parameters}):\n    return App('made')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder; what is imported from it is forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    importlib.invalidate_caches()
    yield tmp_path
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
        if any(place.startswith(str(tmp_path)) for place in places):
            del sys.modules[name]


def write(folder: Path, path: str, source: str = "") -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    return file


def message(path: str | None) -> str:
    """What somebody reads who names an application that is not there."""
    with pytest.raises(NoAppException) as caught:
        find_app(path)
    return caught.value.format_message()


# --- where an application is looked for


@pytest.mark.parametrize(
    "path",
    [
        "site_.web",
        "site_.web:app",
        "site_.web:Shop.app",
        "site_/web.py",
        "site_/web",
        "./site_/web.py:app",
        "{folder}/site_/web.py",
        "{folder}/site_/web.py:app",
        " site_.web : app ",
    ],
)
def test_an_application_is_named_by_module_or_file(folder: Path, path: str) -> None:
    write(folder, "site_/__init__.py")
    source = ONE.format(name="app") + "class Shop:\n    app = app\n"
    write(folder, "site_/web.py", source)
    assert find_app(path.format(folder=folder)).import_name == "app"
    assert "site_.web" in sys.modules


@pytest.mark.parametrize("path", ["site_", "site_:app", "site_/", "./site_", "site_/__init__.py"])
def test_an_application_is_in_a_package(folder: Path, path: str) -> None:
    write(folder, "site_/__init__.py", ONE.format(name="app"))
    assert find_app(path).import_name == "app"
    assert "site_" in sys.modules


def test_a_file_in_nested_packages_has_its_full_name(folder: Path) -> None:
    write(folder, "shop/__init__.py")
    write(folder, "shop/web/__init__.py", "name = 'of the package'")
    write(folder, "shop/web/main.py", "from . import name\n" + ONE.format(name="app"))
    assert find_app("shop/web/main.py").import_name == "app"
    assert sys.modules["shop.web.main"].name == "of the package"


@pytest.mark.parametrize("path", ["main", "main.py", None])
def test_inside_of_a_package_relative_and_plain_imports_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    write(folder, "shop/__init__.py")
    write(folder, "shop/beside.py", "value = 1")
    source = "from .beside import value\nimport beside\n" + ONE.format(name="app")
    write(folder, "shop/app.py" if path is None else "shop/main.py", source)
    monkeypatch.chdir(folder / "shop")
    assert find_app(path).import_name == "app"


def test_inside_of_a_package_modules_of_other_places_keep_their_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "shop/__init__.py")
    monkeypatch.chdir(folder / "shop")
    assert prepare_import("installed.web") == "installed.web"
    assert sys.path[0] == str(folder / "shop")


def test_without_a_name_wsgi_py_comes_before_app_py(folder: Path) -> None:
    write(folder, "app.py", ONE.format(name="app"))
    assert find_app().import_name == "app"
    write(folder, "wsgi.py", ONE.format(name="application"))
    assert find_app("").import_name == "application"


def test_a_colon_of_a_drive_splits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import ntpath

    monkeypatch.setattr(os, "path", ntpath)
    assert split_path(r"C:\shop\wsgi.py") == (r"C:\shop\wsgi.py", None)
    assert split_path(r"C:\shop\wsgi.py:app") == (r"C:\shop\wsgi.py", "app")


def test_a_folder_comes_to_the_path_once(folder: Path) -> None:
    prepare_import("a")
    prepare_import("b")
    assert sys.path.count(str(folder)) == 1


# --- which one of a module


@pytest.mark.parametrize("name", ["app", "application", "shop", "_private"])
def test_the_usual_names_and_a_single_one_are_found(folder: Path, name: str) -> None:
    write(folder, "web.py", ONE.format(name=name))
    assert find_app("web").import_name == name


@pytest.mark.parametrize("name", ["create_app", "make_app"])
@pytest.mark.parametrize("parameters", ["", "settings=None", "*args, **options"])
def test_a_factory_is_called(folder: Path, name: str, parameters: str) -> None:
    write(folder, "web.py", FACTORY.format(name=name, parameters=parameters))
    assert find_app("web").import_name == "made"


def test_usual_names_come_before_others_and_factories_last(folder: Path) -> None:
    others = ONE.format(name="shop") + ONE.format(name="application")
    write(folder, "web.py", others + "def create_app(): 1 / 0\n")
    assert find_app("web").import_name == "application"
    write(folder, "web2.py", ONE.format(name="shop") + "def create_app(): 1 / 0\n")
    assert find_app("web2").import_name == "shop"


def test_one_application_under_two_names_is_one(folder: Path) -> None:
    write(folder, "web.py", ONE.format(name="shop") + "other = shop\n")
    assert find_app("web").import_name == "shop"


def test_a_proxy_is_not_taken_for_an_application(folder: Path, app: App) -> None:
    write(folder, "web.py", "from microweb import current_app\n" + ONE.format(name="shop"))
    with app.app_context():
        assert find_app("web").import_name == "shop"


def test_only_applications_are_applications(app: App) -> None:
    from microweb import Blueprint

    assert is_app(app)
    assert not any(map(is_app, (App, Blueprint("shop", __name__), lambda: app, None)))


@pytest.mark.parametrize(
    ("call", "made"),
    [
        ("create_app('a')", "('a', 1, None)"),
        ("create_app('a', 2)", "('a', 2, None)"),
        ('create_app("a", key=[1, {"b": None}])', "('a', 1, [1, {'b': None}])"),
        ("create_app(name='a', number=-2)", "('a', -2, None)"),
        ("Shop.create_app(True)", "(True, 1, None)"),
        ("ready", "('ready', 1, None)"),
        ("ready()", "('ready', 1, None)"),
        ("Made", "class"),
        ("called()", "called"),
    ],
)
def test_a_factory_takes_literals(folder: Path, call: str, made: str) -> None:
    write(
        folder,
        "web.py",
        "from functools import partial\n"
        "from microweb import App\n"
        "def create_app(name, number=1, key=None):\n"
        "    return App(repr((name, number, key)))\n"
        "ready = partial(create_app, 'ready')\n"
        "class Shop:\n"
        "    create_app = staticmethod(create_app)\n"
        "class Made(App):\n"
        "    def __init__(self): super().__init__('class')\n"
        "class Called:\n"
        "    def __call__(self): return App('called')\n"
        "called = Called()\n",
    )
    assert find_app(f"web:{call}").import_name == made


def test_a_factory_without_a_signature_is_called(folder: Path, app: App) -> None:
    class Odd:
        __signature__ = "none that inspect can read"

        def __call__(self) -> App:
            return app

    write(folder, "web.py")
    module = importlib.import_module(prepare_import("web"))
    module.odd = Odd()  # type: ignore[attr-defined]
    assert find_app_by_string(module, "odd()") is app


def test_the_parts_can_be_used_by_themselves(folder: Path) -> None:
    write(folder, "web.py", ONE.format(name="app"))
    module = importlib.import_module(prepare_import("web"))
    assert locate_app("web") is locate_app("web", "app") is find_best_app(module) is module.app


# --- mistakes


def test_nothing_at_all(folder: Path) -> None:
    assert message(None) == (
        f"No application was named, and there is neither wsgi.py nor app.py in {folder}. Name one"
        " with --app module:name or by the variable MICROWEB_APP, or go to its folder."
    )


@pytest.mark.parametrize("path", [":app", ".", "..:app", "/"])
def test_no_module(folder: Path, path: str) -> None:
    assert message(path) == (
        f"--app needs a module before the name, not {path.partition(':')[0]!r}: write --app"
        " module:name, or --app folder/file.py."
    )


def test_a_module_that_does_not_exist(folder: Path) -> None:
    assert message("nowhere") == (
        f"There is no module 'nowhere' to find an application in, seen from {folder}."
    )


def test_a_dot_in_place_of_a_colon(folder: Path) -> None:
    write(folder, "web.py", ONE.format(name="app"))
    assert message("web.app") == (
        f"There is no module 'web.app' to find an application in, seen from {folder}. If 'app' is a"
        " name in 'web', write web:app."
    )


def test_a_file_that_does_not_exist(folder: Path) -> None:
    assert message("shop/web.py") == (
        f"There is no file 'shop/web.py' to find an application in, seen from {folder}."
    )


def test_a_file_that_cannot_be_a_module(folder: Path) -> None:
    write(folder, "shop/web.old.py", ONE.format(name="app"))
    assert message("shop/web.old.py") == (
        "The file 'shop/web.old.py' cannot be imported: 'web.old' has a dot in it. Rename it."
    )


def test_an_import_error_of_the_application_keeps_its_traceback(folder: Path) -> None:
    file = write(folder, "web.py", "\nimport missing_package\n")
    assert message("web") == (
        "Importing 'web' failed.\n\n"
        "Traceback (most recent call last):\n"
        f'  File "{file}", line 2, in <module>\n'
        "    import missing_package\n"
        "ModuleNotFoundError: No module named 'missing_package'"
    )


def test_a_syntax_error_shows_file_and_line(folder: Path) -> None:
    file = write(folder, "web.py", "app = 1\ndef index(:\n")
    lines = message("web").splitlines()
    assert lines[:4] == [
        "Importing 'web' failed.",
        "",
        f'  File "{file}", line 2',
        "    def index(:",
    ]
    assert lines[-1] == "SyntaxError: invalid syntax"


def test_an_error_of_the_application_is_the_cause(folder: Path) -> None:
    write(folder, "web.py", "def create_app():\n    1 / 0\n")
    with pytest.raises(NoAppException) as caught:
        find_app("web")
    assert caught.value.format_message().startswith("Calling the factory web:create_app failed.")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    found = users_traceback(caught.value.__cause__)
    assert found is not None
    assert found.tb_frame.f_code.co_name == "create_app"


def test_what_is_meant_for_click_passes(folder: Path) -> None:
    source = "import click\ndef create_app(): raise click.ClickException('Set SHOP_KEY first.')\n"
    write(folder, "web.py", source)
    with pytest.raises(click.ClickException, match="^Set SHOP_KEY first.$"):
        find_app("web")


def test_several_applications(folder: Path) -> None:
    write(folder, "web.py", ONE.format(name="shop") + ONE.format(name="blog"))
    assert message("web") == (
        "The module 'web' has 2 applications: shop, blog. Say which one: --app web:shop."
    )


def test_no_application_in_a_module(folder: Path) -> None:
    file = write(folder, "web.py", "from microweb import App\nimport types as app\n")
    assert message("web") == (
        f"The module 'web' ({file}) has no application: nothing called app or application, and no"
        " factory create_app or make_app. Name what it is called: --app web:name."
    )


def test_no_application_in_a_folder_without_init(folder: Path) -> None:
    (folder / "web").mkdir()
    assert message("web").startswith("The module 'web' has no application: ")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ap", " There is: shop, create_app."),
        ("Holder.ap", " Did you mean 'app'?"),
        ("Holder.xyz", ""),
    ],
)
def test_a_name_that_is_not_there(folder: Path, name: str, hint: str) -> None:
    source = FACTORY.format(name="create_app", parameters="") + ONE.format(name="shop")
    write(folder, "web.py", source + "class Holder:\n    app = shop\n")
    holder, _, last = name.rpartition(".")
    where = f"'web:{holder}'" if holder else "The module 'web'"
    assert message(f"web:{name}") == f"{where} has no {last!r}.{hint}"


def test_a_name_in_a_module_without_applications(folder: Path) -> None:
    write(folder, "web.py", "apple = 1\n")
    assert message("web:app") == "The module 'web' has no 'app'. Did you mean 'apple'?"


@pytest.mark.parametrize("name", ["1", "app[0]", "app app", "create_app(", "'app'", "f()()"])
def test_what_is_neither_name_nor_call(folder: Path, name: str) -> None:
    write(folder, "web.py", ONE.format(name="app"))
    assert message(f"web:{name}") == (
        f"{name!r} is neither a name nor the call of a factory: write --app module:name or --app"
        " 'module:factory(\"argument\", key=1)'."
    )


@pytest.mark.parametrize(
    "call", ["f(x)", "f(open('x'))", "f(*[1])", "f(**{'a': 1})", "f(a=b)", "f({[]: 1})"]
)
def test_arguments_that_are_no_literals(folder: Path, call: str) -> None:
    write(folder, "web.py", FACTORY.format(name="f", parameters="*a, **k"))
    assert message(f"web:{call}") == (
        f"The arguments in {call!r} must be Python literals, such as 'text', 1, True or"
        " ['a', 'b']: names and calls mean nothing on the command line."
    )


def test_a_factory_that_needs_arguments(folder: Path) -> None:
    write(folder, "web.py", FACTORY.format(name="create_app", parameters="name, key=None"))
    assert (
        message("web")
        == message("web:create_app")
        == (
            "The factory web:create_app cannot be called without arguments: missing a required"
            " argument: 'name'. It takes (name, key): write them as Python literals, --app"
            " 'web:create_app(…)'."
        )
    )
    assert message("web:create_app('a', nam='b')") == (
        "The factory web:create_app cannot be called with these arguments: got an unexpected"
        " keyword argument 'nam'. It takes (name, key): write them as Python literals, --app"
        " 'web:create_app(…)'."
    )


def test_a_factory_that_returns_nothing(folder: Path) -> None:
    file = write(folder, "web.py", "\ndef create_app():\n    pass\n")
    assert message("web") == (
        "The factory web:create_app returned None and not an application: is a return missing at"
        f" the end of 'create_app' ({file}:2)?"
    )


def test_a_factory_that_returns_something_else(folder: Path) -> None:
    write(folder, "web.py", "def create_app():\n    return {}\n")
    assert message("web") == (
        "What the factory web:create_app returned is a dict and not a microweb application."
    )


def test_an_async_factory(folder: Path) -> None:
    write(folder, "web.py", "async def create_app():\n    pass\n")
    assert message("web") == (
        "What the factory web:create_app returned is a coroutine and not a microweb application."
    )


def test_an_application_is_not_called(folder: Path) -> None:
    write(folder, "web.py", ONE.format(name="app"))
    assert message("web:app()") == ("web:app is the application itself: leave out the parentheses.")


@pytest.mark.parametrize("path", ["web", "web:app"])
def test_an_application_of_another_framework(folder: Path, path: str) -> None:
    write(folder, "web.py", "from flask import Flask\napp = Flask(__name__)\n")
    assert message(path) == "web:app is a flask.app.Flask and not a microweb application."


def test_something_of_an_article(folder: Path) -> None:
    write(folder, "web.py", "app = 1\n")
    assert message("web") == "web:app is an int and not a microweb application."


@pytest.mark.parametrize("path", ["web", "web:app"])
def test_a_blueprint(folder: Path, path: str) -> None:
    write(folder, "web.py", "from microweb import Blueprint\napp = Blueprint('shop', __name__)\n")
    assert message(path) == (
        "web:app is a blueprint and not an application: name the application that registers it."
    )


def test_an_application_in_a_wrapper(folder: Path) -> None:
    write(
        folder,
        "web.py",
        "from microweb import App\nfrom werkzeug.middleware.proxy_fix import ProxyFix\n"
        "app = ProxyFix(App(__name__))\n",
    )
    assert message("web") == (
        "web:app is a werkzeug.middleware.proxy_fix.ProxyFix and not a microweb application. It"
        " wraps one: write app.wsgi_app = ProxyFix(app.wsgi_app), and app stays what it is."
    )


def test_the_message_is_shown_without_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    NoAppException("Name one.", click.Context(click.Command("run"))).show()
    assert capsys.readouterr() == ("", "Error: Name one.\n")
