"""The command `microweb`, as a user types it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

APP = """\
from microweb import App

app = App(__name__, static_folder=None)

@app.get("/users/<int:id>")
def user(id):
    return str(id)

@app.post("/a")
def create():
    return ""
"""


def microweb(folder: Path, *arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microweb", *arguments],
        check=False,
        cwd=folder,
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def test_routes_lists_rules_methods_endpoints_and_places(folder: Path) -> None:
    lines = microweb(folder, "routes").stdout.splitlines()
    assert [re.split(r"  +", line) for line in lines] == [
        ["Rule", "Methods", "Endpoint", "View"],
        ["-" * 15, "-" * 7, "-" * 8, "-" * len(f"{folder}/app.py:9")],
        ["/a", "POST", "create", f"{folder}/app.py:9"],
        ["/users/<int:id>", "GET", "user", f"{folder}/app.py:5"],
    ]


def test_routes_can_be_sorted_by_endpoint_or_methods(folder: Path) -> None:
    by_endpoint = microweb(folder, "routes", "--sort", "endpoint").stdout.splitlines()[2:]
    by_methods = microweb(folder, "routes", "--sort", "methods").stdout.splitlines()[2:]
    assert [line.split()[2] for line in by_endpoint] == ["create", "user"]
    assert [line.split()[1] for line in by_methods] == ["GET", "POST"]


@pytest.mark.parametrize("name", ["app", "app:app", "app.py", "app.py:app"])
def test_an_application_is_named_by_module_and_name(folder: Path, name: str) -> None:
    assert microweb(folder, "--app", name, "routes").returncode == 0


def test_a_factory_is_called(folder: Path) -> None:
    source = APP.replace("app = App", "def create_app():\n    return app\n\napp = App")
    (folder / "site_.py").write_text(source)
    assert microweb(folder, "--app", "site_:create_app", "routes").returncode == 0
    assert microweb(folder, "--app", "site_:create_app()", "routes").returncode == 0


def test_wsgi_py_comes_before_app_py(folder: Path) -> None:
    (folder / "wsgi.py").write_text("from microweb import App\napplication = App(__name__)\n")
    assert "/static/<path:filename>" in microweb(folder, "routes").stdout


def test_the_shell_has_the_application_in_its_context(folder: Path) -> None:
    done = microweb(folder, "shell", input="from microweb import current_app\ncurrent_app.name\n")
    assert "'app'" in done.stdout


def test_debug_mode_is_switched_before_the_application_is_made(folder: Path) -> None:
    done = microweb(folder, "--debug", "shell", input="print('debug is', app.debug)\n")
    assert "debug is True" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--app", "nowhere", "routes"],
            "Error: There is no module 'nowhere' to find an application in, seen from {folder}.\n",
        ),
        (["--app", "app:nothing", "routes"], "Error: The module 'app' has no 'nothing'.\n"),
        (
            ["--app", "app:user", "routes"],
            "Error: The factory app:user cannot be called without arguments:"
            " missing a required argument: 'id'.\n",
        ),
        (
            ["--app", "app:create", "routes"],
            "Error: app:create is a str and not a microweb application.\n",
        ),
    ],
)
def test_a_wrong_name_is_explained(folder: Path, arguments: list[str], message: str) -> None:
    done = microweb(folder, *arguments)
    assert (done.returncode, done.stderr) == (1, message.replace("{folder}", str(folder)))


def test_no_application_is_explained(tmp_path: Path) -> None:
    done = microweb(tmp_path, "routes")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: No application found: there is neither wsgi.py nor app.py in this folder. Name one"
        " with --app module:name, or by the variable MICROWEB_APP.\n",
    )


def test_a_module_without_an_application_is_explained(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    done = microweb(tmp_path, "routes")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: The module 'app' has no application called app or application, and no factory"
        " create_app or make_app. Name what it is called: --app app:name.\n",
    )


def test_an_error_inside_the_application_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import missing_package\n")
    done = microweb(tmp_path, "routes")
    assert done.returncode == 1
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'missing_package'\n")


def test_the_version_is_that_of_the_package() -> None:
    import microweb as package

    done = microweb(Path.cwd(), "--version")
    assert done.stdout == f"microweb, version {package.__version__}\n"


@pytest.mark.parametrize("path", ["./app.py", "{folder}/app.py", "{folder}/app.py:app"])
def test_an_application_is_named_by_its_file(folder: Path, path: str) -> None:
    done = microweb(Path("/"), "--app", path.format(folder=folder), "routes")
    if path.startswith("."):
        done = microweb(folder, "--app", path, "routes")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_in_a_package_is_imported_by_its_full_name(folder: Path) -> None:
    package = folder / "site_" / "web"
    package.mkdir(parents=True)
    for path in (package, package.parent):
        (path / "__init__.py").touch()
    (package / "main.py").write_text("from . import __name__ as name\n" + APP)
    assert microweb(folder, "--app", "site_/web/main.py", "routes").returncode == 0


def test_an_application_of_another_framework_is_named(folder: Path) -> None:
    (folder / "other.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    done = microweb(folder, "--app", "other", "routes")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: other:app is a flask.app.Flask and not a microweb application.\n",
    )


def test_a_factory_that_returns_nothing_is_named(folder: Path) -> None:
    (folder / "factory.py").write_text("def create_app():\n    pass\n")
    done = microweb(folder, "--app", "factory", "routes")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: The factory factory:create_app returned None: is a return missing?\n",
    )
