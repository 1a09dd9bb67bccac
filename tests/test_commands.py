"""What commands are written with: `AppGroup`, `ScriptInfo` and the application's context."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from microweb import App, current_app, g
from microweb.commands import (
    AppGroup,
    NoAppException,
    ScriptInfo,
    pass_script_info,
    with_appcontext,
)
from microweb.context import current

WEB = "from microweb import App\n\napp = App('found')\nother = App('other')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with an application, and an environment that says nothing of one."""
    for name in list(os.environ):
        if name.startswith("MICROWEB_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "app.py").write_text(WEB)
    importlib.invalidate_caches()
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def invoke(command: click.Command, *args: str, **kwargs: Any) -> str:
    result = CliRunner().invoke(command, args, catch_exceptions=False, **kwargs)
    assert result.exit_code == 0, result.output
    return result.output


# --- the application of a command


def test_an_application_is_found_once() -> None:
    info = ScriptInfo()
    assert info.load_app().import_name == "found"
    assert info.load_app() is info.load_app()


def test_the_path_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROWEB_APP", "app:other")
    assert ScriptInfo().load_app().import_name == "other"
    assert ScriptInfo("app:app").load_app().import_name == "found"


def test_a_function_makes_the_application(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROWEB_APP", "app:other")
    calls: list[str] = []

    def create_app() -> App:
        calls.append("create_app")
        return app

    info = ScriptInfo(create_app=create_app)
    assert info.load_app() is info.load_app() is app
    assert calls == ["create_app"]


def test_a_function_that_makes_no_application() -> None:
    with pytest.raises(NoAppException) as caught:
        ScriptInfo(create_app=lambda: None).load_app()
    assert caught.value.format_message() == (
        "create_app returned None and not a microweb application: is a return missing?"
    )


@pytest.mark.parametrize(
    ("variable", "flag", "before", "after"),
    [
        ("1", True, False, True),
        ("0", True, True, False),
        (None, True, True, True),
        (None, True, False, False),
        ("1", False, False, False),
    ],
)
def test_the_variable_switches_debug_mode(
    app: App,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    flag: bool,
    before: bool,
    after: bool,
) -> None:
    app.debug = before
    if variable is not None:
        monkeypatch.setenv("MICROWEB_DEBUG", variable)
    info = ScriptInfo(create_app=lambda: app, set_debug_flag=flag)
    assert info.load_app().debug is after


def test_an_application_that_cannot_be_loaded_is_tried_again(folder: Path) -> None:
    info = ScriptInfo("broken")
    (folder / "broken.py").write_text("1 / 0\n")
    with pytest.raises(NoAppException, match="ZeroDivisionError"):
        info.load_app()
    (folder / "broken.py").write_text(WEB)
    importlib.invalidate_caches()
    assert info.load_app().import_name == "found"


def test_commands_share_what_is_in_the_info() -> None:
    @click.command()
    @pass_script_info
    def show(info: ScriptInfo) -> None:
        click.echo(f"{info.load_app().name} {info.data}")

    info = ScriptInfo()
    info.data["key"] = "shared"
    assert invoke(show, obj=info) == "found {'key': 'shared'}\n"
    assert invoke(show) == "found {}\n"


# --- the context of a command


@click.command()
@click.argument("word", default="")
@with_appcontext
def say(word: str) -> None:
    """Say where it is."""
    click.echo(f"{current_app.name} {word}".strip())


def test_a_command_of_its_own_finds_the_application() -> None:
    assert invoke(say) == "found\n"
    assert invoke(say, "aloud", obj=ScriptInfo("app:other")) == "other aloud\n"
    assert say.help == "Say where it is."


def test_without_a_command_line_around_it_an_open_context_is_enough(app: App) -> None:
    with app.app_context():
        g.word = "kept"
        assert invoke(say) == "example\n"
        assert g.word == "kept"


def test_the_context_of_the_same_application_is_not_opened_again(app: App) -> None:
    contexts: list[object] = []

    @click.command()
    @with_appcontext
    @with_appcontext
    def look() -> None:
        contexts.append(current.get())

    with app.app_context() as context:
        invoke(look, obj=ScriptInfo(create_app=lambda: app))
    with app.test_request_context() as manager:
        invoke(look, obj=ScriptInfo(create_app=lambda: app))
    assert contexts == [context, manager]


def test_the_context_of_another_application_is_opened_over_it(app: App) -> None:
    with app.app_context() as context:
        assert invoke(say, obj=ScriptInfo()) == "found\n"
        assert current.get() is context


def test_the_context_is_open_until_the_command_line_has_ended(app: App) -> None:
    events: list[str] = []

    @app.teardown_appcontext
    def teardown(error: BaseException | None) -> None:
        events.append("teardown")

    @click.command()
    @with_appcontext
    @click.pass_context
    def work(ctx: click.Context) -> str:
        ctx.call_on_close(lambda: events.append(f"close in {current_app.name}"))
        events.append("work")
        return "value"

    runner = CliRunner()
    result = runner.invoke(
        work, obj=ScriptInfo(create_app=lambda: app), standalone_mode=False, catch_exceptions=False
    )
    assert result.return_value == "value"
    assert events == ["work", "close in example", "teardown"]
    assert current.get() is None


def test_a_command_that_fails_closes_its_context(app: App) -> None:
    @click.command()
    @with_appcontext
    def fail() -> None:
        raise click.ClickException("It failed.")

    result = CliRunner().invoke(fail, obj=ScriptInfo(create_app=lambda: app))
    assert (result.exit_code, result.output) == (1, "Error: It failed.\n")
    assert current.get() is None


def test_options_below_the_decorator_are_seen() -> None:
    @click.command()
    @with_appcontext
    @click.option("--word")
    @click.pass_context
    def show(ctx: click.Context, word: str) -> None:
        click.echo(f"{word} {ctx.info_name} {current_app.name}")

    assert invoke(show, "--word", "hi") == "hi show found\n"


def test_no_application_is_said(folder: Path) -> None:
    (folder / "app.py").unlink()
    result = CliRunner().invoke(say)
    assert (result.exit_code, result.output) == (
        2,
        f"Error: No application was named, and there is neither wsgi.py nor app.py in {folder}."
        " Name one with --app module:name or by the variable MICROWEB_APP, or go to its folder.\n",
    )


# --- groups


def test_commands_of_a_group_have_the_context() -> None:
    group = AppGroup("shop")

    @group.command("name-it", short_help="Name it.")
    @click.option("--loud", is_flag=True)
    def name_it(loud: bool) -> None:
        click.echo(current_app.name.upper() if loud else current_app.name)

    @group.command(with_appcontext=False)
    def without() -> None:
        click.echo(repr(current.get()))

    assert invoke(group, "name-it") == "found\n"
    assert invoke(group, "name-it", "--loud") == "FOUND\n"
    assert invoke(group, "without") == "None\n"


def test_decorators_work_without_parentheses() -> None:
    group = AppGroup("shop")

    @group.command
    def name() -> None:
        click.echo(current_app.name)

    @group.group
    def stock() -> None:
        """Look after the stock."""

    @stock.command
    def count() -> None:
        click.echo(f"{current_app.name}: 3")

    assert isinstance(name, click.Command)
    assert isinstance(stock, AppGroup)
    assert invoke(group, "name") == "found\n"
    assert invoke(group, "stock", "count") == "found: 3\n"


def test_groups_in_a_group_are_of_its_class_unless_they_say_so() -> None:
    group = AppGroup("shop")

    @group.group()
    def inner() -> None: ...

    @group.group(cls=click.Group)
    def plain() -> None: ...

    assert type(inner) is AppGroup
    assert type(plain) is click.Group


@pytest.mark.parametrize(
    ("names", "wrong", "message"),
    [
        (["upgrade", "downgrade"], "upgrad", "No such command 'upgrad'. Did you mean 'upgrade'?"),
        (["list", "add"], "xyz", "No such command 'xyz'. There are: add, list."),
        ([], "xyz", "No such command 'xyz'."),
    ],
)
def test_a_wrong_command_is_answered_with_the_nearest(
    names: list[str], wrong: str, message: str
) -> None:
    group = AppGroup("db", [click.Command(name) for name in names])
    result = CliRunner().invoke(group, [wrong])
    assert (result.exit_code, result.output) == (
        2,
        f"Usage: db [OPTIONS] COMMAND [ARGS]...\nTry 'db --help' for help.\n\nError: {message}\n",
    )


def test_a_group_that_takes_other_spellings_is_left_alone() -> None:
    settings = {"token_normalize_func": str.lower}
    group = AppGroup("db", [click.Command("list", callback=lambda: click.echo("listed"))])
    group.context_settings = settings
    assert invoke(group, "LIST") == "listed\n"


def test_a_wrong_option_is_still_one() -> None:
    result = CliRunner().invoke(AppGroup("db"), ["--nothing"])
    assert "No such option" in result.output
