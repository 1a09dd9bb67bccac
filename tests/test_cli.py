"""The command `microweb`: its options and variables, `run`, `routes`, `shell`, and its mistakes.

Real servers and terminals are in `tests/servers/test_command_line.py`.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import platform
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from shutil import which
from socket import create_server
from typing import Any

import click
import pytest
import werkzeug.routing
from click.testing import CliRunner, Result

import microweb as package
from microweb import App, Blueprint, cli, current_app, serving
from microweb.cli import AppGroup, MicrowebGroup, ScriptInfo, main
from microweb.commands import common_options
from microweb.listing import in_match_order
from microweb.routing import URLMap, URLRule

APP = """\
from microweb import App

app = App(__name__, static_folder=None)

@app.get("/users/<int:id>")
def user(id):
    return str(id)

@app.post("/a")
def create():
    return ""

@app.cli.command()
def hello():
    "Say hello."
    print("hello from", app.name, "debug" if app.debug else "")
"""
#: What everybody sees who asks for help.
COMMANDS = """\
Commands:
  deploy  Write the files for uWSGI and nginx, or for other servers.
  routes  List the routes, with the file and line of each view.
  run     Serve the application on this machine, for development.
  shell   Open a Python shell in the application's context.
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the environment back as it was, and begin without variables of microweb."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("MICROWEB_"):
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: None) -> Iterator[Path]:
    """A current folder with an application; what is imported from it is forgotten."""
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    importlib.invalidate_caches()
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def microweb(*args: str, group: click.Command = main, **kwargs: Any) -> Result:
    """Type a command line; as with a program that has ended, the environment is as before."""
    before = dict(os.environ)
    runner = CliRunner()
    try:
        return runner.invoke(group, args, prog_name="microweb", catch_exceptions=False, **kwargs)
    finally:
        os.environ.clear()
        os.environ.update(before)


def output(*args: str, **kwargs: Any) -> str:
    """Return what a command line writes that works."""
    result = microweb(*args, **kwargs)
    assert result.exit_code == 0, result.output
    return result.output


def mistake(*args: str, **kwargs: Any) -> str:
    """Return the message for a command line that is wrong."""
    result = microweb(*args, **kwargs)
    assert result.exit_code == 2, result.output
    return result.output.partition("Error: ")[2]


# --- the group


def test_it_runs_as_a_module_and_as_a_program(folder: Path) -> None:
    program = Path(sys.executable).with_name("microweb")
    for command in ([sys.executable, "-m", "microweb"], [str(program)]):
        done = subprocess.run(
            [*command, "hello"], check=False, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "hello from app \n", "")


def test_the_version_names_what_it_stands_on() -> None:
    assert output("--version") == (
        f"microweb {package.__version__}\n"
        f"Werkzeug {metadata.version('werkzeug')}\n"
        f"Python {platform.python_version()}\n"
    )


def test_importing_the_package_does_not_import_click() -> None:
    code = "import microweb, sys; print('click' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_help_lists_the_commands_of_the_application(folder: Path, args: tuple[str, ...]) -> None:
    text = output(*args)
    assert text.startswith("Usage: microweb [OPTIONS] COMMAND [ARGS]...\n")
    assert text.endswith(COMMANDS.replace("  routes", "  hello   Say hello.\n  routes", 1))


@pytest.mark.parametrize(
    "args",
    [
        ("--help", "--app", "other"),
        ("--app", "other", "--help"),
        ("--help", "-e", "other.env"),
        ("-e", "other.env"),
    ],
)
def test_help_comes_after_the_options_that_it_depends_on(
    folder: Path, args: tuple[str, ...]
) -> None:
    (folder / "other.py").write_text(APP.replace("hello", "other"))
    (folder / "other.env").write_text("MICROWEB_APP=other\n")
    help = args if "--help" in args else (*args, "--help")
    assert "  other   Say other.\n" in output(*help)


def test_an_application_that_fails_does_not_hide_the_commands(folder: Path) -> None:
    (folder / "app.py").write_text("def broken(:\n")
    for args in ((), ("--help",)):
        result = microweb(*args, color=True)
        assert result.exit_code == 0
        assert result.output.count("SyntaxError: invalid syntax") == 1
        assert "\x1b[31mError: Importing 'app' failed." in result.output
        assert result.output.endswith(COMMANDS)


def test_an_application_that_fails_leaves_its_commands_unknown(folder: Path) -> None:
    (folder / "app.py").unlink()
    result = microweb("hello")
    assert result.exit_code == 2
    assert result.output.count("No application was named") == 1
    assert result.output.endswith("Error: No such command 'hello'. Did you mean 'shell'?\n")


def test_an_error_of_a_function_that_makes_the_application_is_shown(environment: None) -> None:
    def create_app() -> App:
        raise ValueError("no database")

    text = output("--help", group=MicrowebGroup(name="shop", create_app=create_app))
    assert "in create_app" in text
    assert "ValueError: no database\n" in text
    assert text.endswith(COMMANDS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("rum", "No such command 'rum'. Did you mean 'run'?\n"),
        ("helo", "No such command 'helo'. Did you mean 'hello'?\n"),
        ("xyz", "No such command 'xyz'. There are: deploy, hello, routes, run, shell.\n"),
    ],
)
def test_a_wrong_command_is_answered_with_the_nearest(
    folder: Path, wrong: str, message: str
) -> None:
    assert mistake(wrong) == message


def test_completion_knows_all_commands(folder: Path) -> None:
    typed = {"_MICROWEB_COMPLETE": "bash_complete", "COMP_WORDS": "microweb ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("microweb"))],
        check=False,
        env={**os.environ, **typed},
        capture_output=True,
        text=True,
        timeout=60,
    )
    names = ["deploy", "hello", "routes", "run", "shell"]
    assert done.stdout.split() == [f"plain,{name}" for name in names]


def test_completion_says_nothing_of_an_application_that_fails(folder: Path) -> None:
    from click.shell_completion import ShellComplete

    (folder / "app.py").write_text("1 / 0\n")
    names = ShellComplete(main, {}, "microweb", "_C").get_completions([], "r")
    assert [item.value for item in names] == ["routes", "run"]


def test_an_application_makes_commands_in_groups(folder: Path) -> None:
    (folder / "app.py").write_text(
        APP + "@app.cli.group()\ndef db(): 'Keep the database.'\n"
        "@db.command()\ndef upgrade():\n"
        "    from microweb import current_app\n    print(current_app.name, 'upgraded')\n"
    )
    assert output("db", "upgrade") == "app upgraded\n"
    assert mistake("db", "upgrad") == "No such command 'upgrad'. Did you mean 'upgrade'?\n"


def test_the_context_of_the_application_is_there_for_its_parameters(folder: Path) -> None:
    (folder / "app.py").write_text(
        APP + "import click\nfrom microweb import current_app\n"
        "@app.cli.command(with_appcontext=False)\n"
        "@click.option('--name', default=lambda: current_app.name)\n"
        "def show(name): print(name)\n"
    )
    assert output("show") == "app\n"


# --- plugins


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], MicrowebGroup]:
    """Install a distribution with one plugin, and return a new command line."""

    def install(entry: str) -> MicrowebGroup:
        info = tmp_path / "shop_plugin-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-plugin\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[microweb.commands]\n{entry}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        return MicrowebGroup(name="microweb")

    return install


def test_installed_plugins_bring_commands(
    folder: Path, plugins: Callable[[str], MicrowebGroup]
) -> None:
    (folder / "shop_plugin.py").write_text(
        "import click\n@click.command()\ndef restock():\n    'Fill the shelves.'\n"
        "    click.echo('full')\n"
    )
    group = plugins("restock = shop_plugin:restock")
    (folder / "app.py").unlink()
    assert output("restock", group=group) == "full\n"
    assert "  restock  Fill the shelves.\n" in output("--help", group=group)


def test_a_plugin_that_fails_is_named_and_the_rest_works(
    folder: Path, plugins: Callable[[str], MicrowebGroup]
) -> None:
    group = plugins("restock = no_such_module:restock")
    assert output("hello", group=group) == (
        "The plugin 'restock' of shop-plugin cannot be loaded (no_such_module:restock):"
        " ModuleNotFoundError: No module named 'no_such_module'\n"
        "hello from app \n"
    )


def test_a_plugin_of_no_distribution_is_named_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = metadata.EntryPoint("restock", "no_such_module:restock", "microweb.commands")
    monkeypatch.setattr(cli, "entry_points", lambda group: [entry])
    text = output("hello", group=MicrowebGroup(name="microweb"))
    assert text.startswith("The plugin 'restock' cannot be loaded (no_such_module:restock): ")


# --- a program of one's own


def test_a_program_has_its_own_application_and_name(app: App, environment: None) -> None:
    @click.group(cls=MicrowebGroup, create_app=lambda: app)
    @click.option("--key")
    def shop(key: str | None) -> None:
        """Manage the shop."""
        click.echo(f"key {key}")

    @shop.command()
    def name() -> None:
        click.echo(current_app.name)

    assert output("--key", "1", "name", group=shop) == "key 1\nexample\n"
    assert "Manage the shop." in output("--help", group=shop)
    assert json.loads(output("routes", "--json", group=shop).partition("\n")[2]) == []
    for args in (("--app", "other", "name"), ("routes", "--app", "other")):
        assert mistake(*args, group=shop).endswith(
            "Invalid value for '-A' / '--app': this program makes its application by itself.\n"
        )


def test_a_program_leaves_out_what_it_does_not_want(environment: None) -> None:
    group = MicrowebGroup(name="shop", add_default_commands=False, add_version_option=False)
    assert mistake("--version", group=group).startswith("No such option")
    assert group.commands == {}
    quiet = MicrowebGroup(name="shop", add_help_option=False, invoke_without_command=True)
    assert output(group=quiet) == ""


def test_a_group_within_another_program_keeps_what_that_program_gave(app: App) -> None:
    info = ScriptInfo(create_app=lambda: app)
    group = MicrowebGroup(name="shop", context_settings={"obj": info, "max_content_width": 60})
    assert json.loads(output("routes", "--json", group=group)) == []
    assert json.loads(output("routes", "--json", obj=info)) == []


def test_what_extension_authors_import_is_there() -> None:
    names = {
        *("AppGroup", "MicrowebGroup", "NoAppException", "ScriptInfo", "find_app"),
        *("find_app_by_string", "find_best_app", "load_dotenv", "locate_app", "main"),
        *("pass_script_info", "prepare_import", "routes_command", "run_command"),
        *("shell_command", "with_appcontext"),
    }
    assert names <= set(vars(cli))


# --- options and variables that all commands know


@pytest.mark.parametrize(
    "args",
    [
        ("--app", "other", "routes"),
        ("-A", "other:app", "routes"),
        ("routes", "--app", "other"),
        ("routes", "-A", "other.py"),
        ("--app", "app", "routes", "--app", "other"),
    ],
)
def test_the_application_is_named_before_or_after_the_command(
    folder: Path, args: tuple[str, ...]
) -> None:
    (folder / "other.py").write_text(APP.replace('"/a"', '"/other"'))
    assert "/other" in output(*args)


def test_the_application_is_named_by_a_variable(folder: Path) -> None:
    (folder / "other.py").write_text(APP.replace('"/a"', '"/other"'))
    assert "/other" in output("routes", env={"MICROWEB_APP": "other"})


@pytest.mark.parametrize(
    ("args", "variable", "debug"),
    [
        (("--debug", "hello"), None, True),
        (("--no-debug", "hello"), "1", False),
        (("hello",), "yes", True),
        (("hello",), "0", False),
        (("hello",), None, False),
    ],
)
def test_debug_mode_is_switched(
    folder: Path, args: tuple[str, ...], variable: str | None, debug: bool
) -> None:
    text = output(*args, env={"MICROWEB_DEBUG": variable})
    assert text == f"hello from app {'debug' if debug else ''}\n"


def test_debug_mode_of_the_application_itself_stays(folder: Path) -> None:
    (folder / "app.py").write_text(APP + "app.debug = True\n")
    assert output("hello") == "hello from app debug\n"
    assert output("--no-debug", "hello") == "hello from app \n"


def test_debug_mode_is_known_while_the_application_is_made(folder: Path) -> None:
    (folder / "app.py").write_text(APP + "print('debug is', app.debug)\n")
    for args in (("--debug", "routes"), ("routes", "--debug")):
        assert output(*args).startswith("debug is True\n")
        del sys.modules["app"]


def test_app_run_does_nothing_under_the_command_line(folder: Path) -> None:
    (folder / "app.py").write_text(APP + "app.run(port=1)\n")
    assert output("hello") == "hello from app \n"


SHOW = """\
import os, click
@app.cli.command()
def show(): click.echo(" ".join(os.environ.get(f"SHOW_{name}", "-") for name in "ABCD"))
"""


@pytest.fixture
def files(folder: Path) -> Path:
    """Three files of variables, each with one more than the one before."""
    pytest.importorskip("dotenv", reason="python-dotenv is not installed")
    (folder / "app.py").write_text(APP + SHOW)
    (folder / "own.env").write_text("SHOW_A=named\n")
    (folder / ".env").write_text("SHOW_A=env\nSHOW_B=env\n")
    (folder / ".microwebenv").write_text("SHOW_A=own\nSHOW_B=own\nSHOW_C=own\n")
    return folder


@pytest.mark.parametrize(
    ("args", "env", "expected"),
    [
        (("show",), {}, "env env own -"),
        (("-e", "own.env", "show"), {}, "named env own -"),
        (("show",), {"MICROWEB_ENV_FILE": "own.env"}, "named env own -"),
        (("show",), {"SHOW_A": "set", "SHOW_C": "set"}, "set env set -"),
        (("-e", "own.env", "show"), {"SHOW_A": "set"}, "set env own -"),
        (("show",), {"MICROWEB_SKIP_DOTENV": "1"}, "- - - -"),
        (("show",), {"MICROWEB_SKIP_DOTENV": "0"}, "env env own -"),
        (("-e", "own.env", "show"), {"MICROWEB_SKIP_DOTENV": "1"}, "named - - -"),
    ],
)
def test_files_of_variables_come_in_order(
    files: Path, args: tuple[str, ...], env: dict[str, str], expected: str
) -> None:
    assert output(*args, env=env) == f"{expected}\n"


def test_a_program_may_leave_the_usual_files_alone(files: Path) -> None:
    group = MicrowebGroup(name="shop", load_dotenv=False)
    assert output("show", group=group) == "- - - -\n"


def test_a_file_named_behind_the_command_comes_first_too(files: Path) -> None:
    (files / ".env").write_text("MICROWEB_APP=app\nMICROWEB_ROUTES_SORT=rule\n")
    (files / "own.env").write_text("MICROWEB_APP=other\nMICROWEB_ROUTES_SORT=methods\n")
    (files / "other.py").write_text(APP.replace('"/a"', '"/other"'))
    assert "/a" in output("routes")
    text = output("routes", "-e", "own.env")
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["/users/<int:id>", "/other"]


def test_a_variable_that_was_changed_meanwhile_stays(files: Path) -> None:
    @click.group(cls=MicrowebGroup)
    def shop() -> None:
        os.environ["SHOW_B"] = "changed"

    @shop.command(params=common_options())
    def show() -> None:
        click.echo(f"{os.environ['SHOW_A']} {os.environ['SHOW_B']}")

    (files / "own.env").write_text("SHOW_A=named\nSHOW_B=named\n")
    assert output("show", "-e", "own.env", group=shop) == "named changed\n"


def test_debug_mode_on_the_command_line_comes_before_the_files(files: Path) -> None:
    (files / ".env").write_text("MICROWEB_DEBUG=1\n")
    (files / "own.env").write_text("MICROWEB_DEBUG=0\n")
    (files / "app.py").write_text(APP + "print('debug is', app.debug)\n")
    for args, debug in (
        (("routes",), True),
        (("routes", "-e", "own.env"), False),
        (("routes", "--debug", "-e", "own.env"), True),
        (("routes", "-e", "own.env", "--debug"), True),
        (("--debug", "routes", "-e", "own.env"), True),
        (("--no-debug", "routes"), False),
    ):
        sys.modules.pop("app", None)
        assert output(*args).startswith(f"debug is {debug}\n"), args


def test_a_file_of_variables_that_is_not_there(folder: Path) -> None:
    for args in (("-e", "no.env", "hello"), ("routes", "-e", "no.env")):
        assert mistake(*args) == (
            "Invalid value for '-e' / '--env-file': File 'no.env' does not exist.\n"
        )


def test_a_file_of_variables_that_is_no_text(files: Path) -> None:
    (files / "own.env").write_bytes(b"\xff\xfe")
    assert mistake("-e", "own.env", "hello") == (
        "Invalid value for '-e' / '--env-file': The file 'own.env' is not text in UTF-8: 'utf-8'"
        " codec can't decode byte 0xff in position 0: invalid start byte.\n"
    )


def test_a_file_of_variables_needs_its_package(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)  # as if it were not installed
    assert mistake("-e", "own.env", "show") == (
        "Invalid value for '-e' / '--env-file': Reading the file 'own.env' needs python-dotenv."
        " Install it with: pip install python-dotenv\n"
    )
    remark = (
        " * There is a file {}, which needs python-dotenv to be read: pip install python-dotenv"
    )
    result = microweb("show")
    assert result.stdout == "- - - -\n"
    assert result.stderr.splitlines() == [remark.format(".env"), remark.format(".microwebenv")]
    assert output("show", env={"MICROWEB_SKIP_DOTENV": "1"}) == "- - - -\n"


# --- run


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect what Werkzeug's server would be started with."""
    calls: list[dict[str, Any]] = []

    def run_simple(hostname: str, port: int, application: Any, **options: Any) -> None:
        calls.append({"hostname": hostname, "port": port, "application": application, **options})

    monkeypatch.setattr(serving, "run_simple", run_simple)
    return calls


@pytest.fixture
def taken_port() -> Iterator[int]:
    with create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_run_serves_on_this_machine(
    folder: Path, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()  # the real default one may be taken on the machine of the tests
    monkeypatch.setattr(serving, "DEFAULT_PORT", port)
    assert output("run") == (
        " * Serving microweb application 'app' for development (debug mode: off)\n"
    )
    (call,) = served
    assert call.pop("application") is sys.modules["app"].app
    assert call == {
        "hostname": "127.0.0.1",
        "port": port,
        "ssl_context": None,
        "use_reloader": False,
        "use_debugger": False,
        "threaded": True,
        "extra_files": None,
        "exclude_patterns": None,
    }


@pytest.fixture
def all_ports_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else runs on the machine of the tests; nothing listens on them here."""
    monkeypatch.setattr(serving, "_is_free", lambda host, port: True)


@pytest.mark.usefixtures("all_ports_are_free")
@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("-h", "0.0.0.0", "-p", "9000"), {"hostname": "0.0.0.0", "port": 9000}),
        (("--host", "::1", "--port", "0"), {"hostname": "::1", "port": 0}),
        (("--reload",), {"use_reloader": True, "use_debugger": False}),
        (("--debugger",), {"use_reloader": False, "use_debugger": True}),
        (("--debug",), {"use_reloader": True, "use_debugger": True}),
        (("--debug", "--no-reload"), {"use_reloader": False, "use_debugger": True}),
        (("--debug", "--no-debugger"), {"use_reloader": True, "use_debugger": False}),
        (("--with-threads",), {"threaded": True}),
        (("--without-threads",), {"threaded": False}),
        (("--extra-files", os.pathsep.join(["a", "b c", ""])), {"extra_files": ["a", "b c"]}),
        (("--exclude-patterns", "*.txt"), {"exclude_patterns": ["*.txt"]}),
    ],
)
def test_run_takes_what_the_server_can_do(
    folder: Path, served: list[dict[str, Any]], args: tuple[str, ...], expected: dict[str, Any]
) -> None:
    output("run", *args)
    assert {key: served[0][key] for key in expected} == expected


@pytest.mark.usefixtures("all_ports_are_free")
def test_options_of_run_are_variables_too(folder: Path, served: list[dict[str, Any]]) -> None:
    variables = {
        "MICROWEB_RUN_HOST": "0.0.0.0",
        "MICROWEB_RUN_PORT": "9000",
        "MICROWEB_RUN_RELOAD": "true",
        "MICROWEB_RUN_EXTRA_FILES": os.pathsep.join("ab"),
    }
    output("run", env=variables)
    output("run", "--port", "9001", env=variables)
    assert [call["hostname"] for call in served] == ["0.0.0.0", "0.0.0.0"]
    assert [call["port"] for call in served] == [9000, 9001]
    assert [call["use_reloader"] for call in served] == [True, True]
    assert served[0]["extra_files"] == ["a", "b"]


@pytest.mark.usefixtures("all_ports_are_free")
def test_variables_of_run_may_stand_in_files(files: Path, served: list[dict[str, Any]]) -> None:
    (files / ".env").write_text("MICROWEB_RUN_PORT=9000\n")
    (files / "own.env").write_text("MICROWEB_RUN_PORT=9001\n")
    output("run")
    output("run", "-e", "own.env")
    assert [call["port"] for call in served] == [9000, 9001]


@pytest.mark.parametrize(
    ("port", "message"),
    [
        ("x", "Invalid value for '-p' / '--port': 'x' is not a valid integer.\n"),
        (
            "70000",
            "Invalid value for '-p' / '--port': 70000 is no port: ports go from 0 to 65535.\n",
        ),
        ("-1", "Invalid value for '-p' / '--port': -1 is no port: ports go from 0 to 65535.\n"),
    ],
)
def test_a_wrong_port(folder: Path, port: str, message: str) -> None:
    assert mistake("run", "--port", port) == message


def test_a_default_port_that_is_taken_is_left_for_the_next(
    folder: Path,
    served: list[dict[str, Any]],
    taken_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "DEFAULT_PORT", taken_port)
    result = microweb("run")
    port = served[0]["port"]
    assert port > taken_port
    assert result.stderr.splitlines() == [
        f" * Port {taken_port} is taken by another program: using {port} instead",
        " * Serving microweb application 'app' for development (debug mode: off)",
    ]


def test_no_default_port_is_free(
    folder: Path,
    served: list[dict[str, Any]],
    taken_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "DEFAULT_PORT", taken_port)
    monkeypatch.setattr(serving, "_PORTS_TRIED", 1)
    result = microweb("run")
    assert (result.exit_code, result.output) == (
        1,
        f"Ports {taken_port} to {taken_port} on 127.0.0.1 are all taken: choose one with"
        " app.run(port=...) or --port.\n",
    )


def test_a_port_that_was_asked_for_and_is_taken(
    folder: Path, served: list[dict[str, Any]], taken_port: int
) -> None:
    result = microweb("run", "--port", str(taken_port))
    assert (result.exit_code, result.output) == (
        1,
        f"Port {taken_port} on 127.0.0.1 is taken by another program. Stop that program, or choose"
        " another port; port 0 takes any that is free.\n",
    )


def test_an_address_of_another_machine(folder: Path) -> None:
    result = microweb("run", "--host", "192.0.2.1", "--port", "9000")
    assert (result.exit_code, result.output) == (
        1,
        "Cannot listen on 192.0.2.1:9000: Cannot assign requested address.\n",
    )


def test_a_unix_socket_needs_no_port(folder: Path, served: list[dict[str, Any]]) -> None:
    output("run", "--host", f"unix://{folder}/socket")
    output("run", "--host", f"unix://{folder}/socket", "--port", "80")
    assert [call["hostname"] for call in served] == [f"unix://{folder}/socket"] * 2


def test_a_restart_keeps_the_port(
    folder: Path, restarted: None, served: list[dict[str, Any]], taken_port: int
) -> None:
    # The parent process holds it.
    assert output("run", env={"MICROWEB_CHOSEN_PORT": str(taken_port)}) == ""
    assert served[0]["port"] == taken_port


def test_an_application_that_fails_at_once_ends_run(
    folder: Path, served: list[dict[str, Any]]
) -> None:
    (folder / "app.py").write_text("1 / 0\n")
    text = mistake("run", "--debug")
    assert text.startswith("Importing 'app' failed.\n\nTraceback (most recent call last):\n")
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert served == []


@pytest.fixture
def restarted(monkeypatch: pytest.MonkeyPatch, environment: None) -> None:
    """As in the process that the reloader has started."""
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")


@pytest.mark.usefixtures("restarted")
def test_an_application_broken_by_a_change_is_served_as_its_error(
    folder: Path, served: list[dict[str, Any]]
) -> None:
    (folder / "app.py").write_text("def create_app():\n    1 / 0\n")
    text = output("run", "--debug")
    assert text.startswith("Error: Calling the factory app:create_app failed.\n\nTraceback")
    (call,) = served
    assert (call["use_reloader"], call["use_debugger"]) == (True, True)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as caught:
            call["application"]({}, None)
        assert [entry.name for entry in caught.traceback[1:]] == ["application", "create_app"]


@pytest.mark.usefixtures("restarted")
def test_an_application_that_a_change_took_away_is_served_as_its_error(
    folder: Path, served: list[dict[str, Any]]
) -> None:
    (folder / "app.py").write_text("app = None\n")
    output("run", "--reload")
    with pytest.raises(
        cli.NoAppException, match="The module 'app' .* has no application"
    ) as caught:
        served[0]["application"]({}, None)
    assert [entry.name for entry in caught.traceback[1:]] == ["application"]
    assert served[0]["use_debugger"] is False


@pytest.mark.usefixtures("restarted")
def test_a_function_broken_by_a_change_is_served_as_its_error(
    served: list[dict[str, Any]],
) -> None:
    def create_app() -> App:
        raise ValueError("no database")

    text = output("run", group=MicrowebGroup(name="shop", create_app=create_app))
    assert "ValueError: no database" in text
    with pytest.raises(ValueError, match="no database"):
        served[0]["application"]({}, None)


def test_a_certificate_may_be_a_context(folder: Path, served: list[dict[str, Any]]) -> None:
    (folder / "secure.py").write_text(
        "import ssl\ncontext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
    )
    output("run", "--cert", "secure:context")
    assert isinstance(served[0]["ssl_context"], ssl.SSLContext)


def test_a_certificate_may_be_a_file_with_its_key(
    folder: Path, served: list[dict[str, Any]]
) -> None:
    openssl = which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    new = "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run([openssl, *new.split()], check=True, capture_output=True)
    output("run", "--cert", "cert.pem", "--key", "key.pem")
    assert isinstance(served[0]["ssl_context"], ssl.SSLContext)


def test_a_certificate_is_made_on_the_spot(
    folder: Path, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert mistake("run", "--cert", "adhoc") == (
        "Invalid value for --cert: a certificate made on the spot needs cryptography. Install it"
        " with: pip install cryptography\n"
    )
    monkeypatch.setattr(cli, "find_spec", lambda name: "installed")
    output("run", "--cert", "adhoc")
    assert served[0]["ssl_context"] == "adhoc"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ("--cert", "cert.pem"),
            "--cert: the certificate file 'cert.pem' needs --key, the file of its private key.",
        ),
        (("--key", "key.pem"), "--key: a key needs --cert, the file of the certificate."),
        (
            ("--cert", "adhoc", "--key", "key.pem"),
            "--key: a key only goes with a certificate.",
        ),
        (
            ("--cert", "app:app"),
            "--cert: 'app:app' is neither a file, nor 'adhoc', nor the import path of an"
            " ssl.SSLContext.",
        ),
        (
            ("--cert", "nowhere.pem"),
            "--cert: 'nowhere.pem' is neither a file, nor 'adhoc', nor the import path of an"
            " ssl.SSLContext.",
        ),
        (
            ("--cert", ".."),
            "--cert: '..' is neither a file, nor 'adhoc', nor the import path of an"
            " ssl.SSLContext.",
        ),
        (
            ("--cert", "cert.pem", "--key", "none.pem"),
            "'--key': File 'none.pem' does not exist.",
        ),
    ],
)
def test_a_certificate_that_does_not_fit(folder: Path, args: tuple[str, ...], message: str) -> None:
    for name in ("cert.pem", "key.pem"):
        (folder / name).touch()
    assert mistake("run", *args) == f"Invalid value for {message}\n"


def test_a_certificate_that_is_none(folder: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (folder / name).write_text("nothing")
    text = mistake("run", "--cert", "cert.pem", "--key", "key.pem")
    assert text.startswith(
        "Invalid value for --cert: 'cert.pem' with the key 'key.pem' cannot be used: [SSL]"
    )


# --- routes


def rows(*args: str, **kwargs: Any) -> list[list[str]]:
    """Return the table of routes, without its head."""
    return [line.split() for line in output("routes", *args, **kwargs).splitlines()[2:]]


def test_routes_lists_rules_methods_endpoints_and_places(folder: Path) -> None:
    assert output("routes") == (
        "Rule             Methods  Endpoint  View\n"
        "---------------  -------  --------  --------\n"
        "/a               POST     create    app.py:9\n"
        "/users/<int:id>  GET      user      app.py:5\n"
    )


def test_places_outside_of_the_folder_are_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert [row[3] for row in rows("--app", "../app.py")] == [
        f"{folder}/app.py:9",
        f"{folder}/app.py:5",
    ]


def test_routes_shows_all_methods(folder: Path) -> None:
    assert output("routes", "--all-methods") == (
        "Rule             Methods             Endpoint  View\n"
        "---------------  ------------------  --------  --------\n"
        "/a               OPTIONS, POST       create    app.py:9\n"
        "/users/<int:id>  GET, HEAD, OPTIONS  user      app.py:5\n"
    )


def test_routes_writes_json(folder: Path) -> None:
    first, second = json.loads(output("routes", "--json"))
    assert first == {"endpoint": "create", "methods": ["POST"], "rule": "/a", "view": "app.py:9"}
    assert second["rule"] == "/users/<int:id>"
    (third, _) = json.loads(output("routes", "--json", "--all-methods"))
    assert third["methods"] == ["OPTIONS", "POST"]


@pytest.fixture
def several(app: App) -> dict[str, Any]:
    """How to call a command line for an application with several routes."""
    for rule, endpoint, methods in (
        ("/<path:rest>", "b", ["GET"]),
        ("/z", "a", ["PUT"]),
        ("/<name>", "d", ["DELETE"]),
        ("/a", "c", ["GET", "POST"]),
    ):
        app.add_url_rule(rule, endpoint, lambda **values: "", methods=methods)
    return {"obj": ScriptInfo(create_app=lambda: app)}


@pytest.mark.parametrize(
    ("sort", "endpoints"),
    [
        ((), "abcd"),
        (("-s", "endpoint"), "abcd"),
        (("--sort", "methods"), "dbca"),
        (("--sort", "rule"), "dbca"),
        (("--sort", "domain"), "dbca"),
        (("--sort", "match"), "acdb"),
    ],
)
def test_routes_can_be_sorted(
    several: dict[str, Any], sort: tuple[str, ...], endpoints: str
) -> None:
    found = json.loads(output("routes", "--json", *sort, **several))
    assert "".join(route["endpoint"] for route in found) == endpoints


def test_no_routes() -> None:
    info = ScriptInfo(create_app=lambda: App("empty", static_folder=None))
    assert output("routes", obj=info) == "No routes were registered.\n"
    assert output("routes", "--json", obj=info) == "[]\n"


def test_hosts_have_a_column(environment: None) -> None:
    app = App("hosts", static_folder=None, host_matching=True)
    app.add_url_rule("/", "b", lambda: "", host="b.example")
    app.add_url_rule("/", "a", lambda: "", host="c.example")
    app.add_url_rule("/any", "c", lambda: "")
    kwargs = {"obj": ScriptInfo(create_app=lambda: app)}
    assert [row[:2] for row in rows("--sort", "domain", **kwargs)] == [
        ["-", "/any"],
        ["b.example", "/"],
        ["c.example", "/"],
    ]
    assert output("routes", **kwargs).startswith("Host ")
    assert [route["host"] for route in json.loads(output("routes", "--json", **kwargs))] == [
        "c.example",
        "b.example",
        "",
    ]


def test_subdomains_have_a_column(app: App) -> None:
    blueprint = Blueprint("shop", __name__, subdomain="shop")
    blueprint.add_url_rule("/", "index", lambda: "")
    app.register_blueprint(blueprint)
    app.add_url_rule("/", "index", lambda: "")
    kwargs = {"obj": ScriptInfo(create_app=lambda: app)}
    assert output("routes", **kwargs).startswith("Subdomain  Rule  ")
    assert [row[:4] for row in rows(**kwargs)] == [
        ["-", "/", "GET", "index"],
        ["shop", "/", "GET", "shop.index"],
    ]


def test_a_route_without_a_view_and_one_of_any_method(app: App) -> None:
    app.add_url_rule("/later", "later")
    app.url_map.add(werkzeug.routing.Rule("/any", endpoint="any"))
    kwargs = {"obj": ScriptInfo(create_app=lambda: app)}
    assert rows(**kwargs) == [["/any", "any", "any", "-"], ["/later", "GET", "later", "-"]]
    assert json.loads(output("routes", "--json", **kwargs))[0]["view"] is None


def test_a_decorated_view_is_shown_where_it_is_written(app: App) -> None:
    from functools import partial, wraps

    def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        return wrapper

    def own() -> str:
        return ""

    app.add_url_rule("/a", "a", decorator(own))
    app.add_url_rule("/b", "b", partial(own))
    place = f"test_cli.py:{own.__code__.co_firstlineno}"
    found = json.loads(output("routes", "--json", obj=ScriptInfo(create_app=lambda: app)))
    assert [route["view"].endswith(place) for route in found] == [True, True]


def test_the_order_of_matching_is_that_of_werkzeug() -> None:
    """Of the rules that match a path each for itself, the map takes the one listed first."""
    segments = ["a", "<int:n>", "<x>", "<any(a, b):y>", "v<int:m>", "<float:f>", "<path:p>"]
    texts = [
        f"/{first}/{second}" if second else f"/{first}"
        for first, second in itertools.product(segments, ["", "a", "<z>", "<int:k>"])
        if not first.startswith("<path") or not second.startswith("<path")
    ]
    paths = ["/a", "/1", "/b", "/v1", "/1.5", "/c", "/a/a", "/a/1", "/b/a", "/1/1", "/v1/c", "/c/c"]
    for start in range(0, len(texts), 5):
        turned = texts[start:] + texts[:start]
        url_map = URLMap()
        for text in turned:
            url_map.add(URLRule(text, endpoint=text))
        listed = [rule.rule for rule in in_match_order(url_map.in_order)]
        assert sorted(listed) == sorted(texts)
        for path in paths:
            matching = [text for text in listed if _matches(text, path)]
            assert url_map.bind("localhost").match(path)[0] == matching[0]


def _matches(text: str, path: str) -> bool:
    return URLMap([URLRule(text, endpoint=text)]).bind("localhost").test(path)


# --- shell


def shell(*args: str, typed: str = "", **kwargs: Any) -> str:
    return output("shell", *args, input=typed, **kwargs)


@pytest.fixture(autouse=True)
def prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have prompts that the shell does not need to set, and leave behind."""
    for name in ("ps1", "ps2"):
        monkeypatch.setattr(sys, name, "> ", raising=False)


def test_the_shell_has_the_names_of_the_application(folder: Path) -> None:
    (folder / "app.py").write_text(
        APP + "@app.shell_context_processor\ndef names(): return {'answer': 42}\n"
    )
    text = shell(typed="app.name, answer\ng.word = 1\nfrom microweb import g as same\nsame\n")
    assert text.startswith(
        f"Python {platform.python_version()} on {sys.platform}\n"
        "microweb application 'app', debug mode off: answer, app, g\n"
    )
    assert "('app', 42)\n" in text
    assert "{'word': 1}" in text


def test_the_shell_takes_the_common_options(folder: Path) -> None:
    (folder / "other.py").write_text(APP)
    assert "application 'other', debug mode on" in shell("--app", "other", "--debug")


def test_the_shell_begins_with_the_startup_file(folder: Path) -> None:
    (folder / "start.py").write_text("answer = 42\napp = 'not the application'\n")
    text = shell(typed="answer, app.name\n", env={"PYTHONSTARTUP": "start.py"})
    assert "(42, 'app')\n" in text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0\n", 'File "start.py", line 1, in <module>'),
        ("def f(:\n", 'File "start.py", line 1'),
        (None, "No such file or directory: 'start.py'"),
    ],
)
def test_a_startup_file_that_fails_is_shown(
    folder: Path, capfd: pytest.CaptureFixture[str], source: str | None, message: str
) -> None:
    if source is not None:
        (folder / "start.py").write_text(source)
    text = shell(typed="app.name\n", env={"PYTHONSTARTUP": "start.py"})
    assert message in text
    assert "cli.py" not in text
    assert "'app'\n" in text


def test_a_terminal_is_set_up_as_python_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readline = pytest.importorskip("readline")
    calls: list[str] = []
    before = readline.get_completer()
    monkeypatch.setattr(sys, "__interactivehook__", lambda: calls.append("hook"), raising=False)
    namespace = {"application_of_the_shop": 1}
    monkeypatch.setattr(sys, "stdin", _Terminal())
    try:
        cli._prepare_keyboard(namespace)
        assert calls == ["hook"]
        assert readline.get_completer()("application_of", 0) == "application_of_the_shop"
        monkeypatch.setitem(sys.modules, "readline", None)  # as on other systems
        cli._prepare_keyboard(namespace)
        assert calls == ["hook", "hook"]
        monkeypatch.delattr(sys, "__interactivehook__")  # as with python -S
        cli._prepare_keyboard(namespace)
        assert calls == ["hook", "hook"]
    finally:
        readline.set_completer(before)


class _Terminal:
    def isatty(self) -> bool:
        return True


# --- what was already there


@pytest.mark.parametrize(
    ("app_path", "message"),
    [
        (
            "nowhere",
            "There is no module 'nowhere' to find an application in, seen from {folder}.\n",
        ),
        ("app:nothing", "The module 'app' has no 'nothing'. There is: app.\n"),
        (
            "app:create",
            "What the factory app:create returned is a str and not a microweb application.\n",
        ),
    ],
)
def test_a_wrong_application_is_explained(folder: Path, app_path: str, message: str) -> None:
    expected = message.replace("{folder}", str(folder))
    assert mistake("--app", app_path, "routes") == expected
    assert mistake("routes", "--app", app_path) == expected


def test_the_group_is_the_one_that_extensions_know() -> None:
    assert isinstance(main, AppGroup)
    assert main.list_commands(click.Context(main, obj=_EMPTY)) == [
        *("deploy", "routes", "run", "shell"),
    ]


_EMPTY = ScriptInfo(create_app=lambda: App("empty"))
