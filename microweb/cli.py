"""The command ``microweb``: run an application, list its routes, open a shell with it."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from types import ModuleType
from typing import Any

import click

from . import app as app_module
from .config import load_dotenv_files
from .errors import place
from .serving import serve

_FILES = ("wsgi", "app")
_NAMES = ("app", "application")
_FACTORIES = ("create_app", "make_app")


@click.group()
@click.option("-A", "--app", "path", help="The application: module, module:name or module:factory.")
@click.option("--debug/--no-debug", default=None, help="Switch debug mode on or off.")
@click.version_option(package_name="microweb-framework", prog_name="microweb")
@click.pass_context
def main(context: click.Context, path: str | None, debug: bool | None) -> None:
    """Work with a microweb application.

    Without --app (or MICROWEB_APP) it is looked for in wsgi.py and app.py.
    """
    load_dotenv_files()
    _switch_debug(debug)
    context.obj = path or os.environ.get("MICROWEB_APP")


def _switch_debug(debug: bool | None) -> None:
    if debug is not None:
        os.environ["MICROWEB_DEBUG"] = "1" if debug else "0"


@main.command()
@click.option("-h", "--host", help="The address to listen on (127.0.0.1).")
@click.option("-p", "--port", type=int, help="The port (8000, or the next free one).")
@click.option("--reload/--no-reload", default=None, help="Restart when a file changes.")
@click.option("--debugger/--no-debugger", default=None, help="Debug in the browser.")
@click.option("--debug/--no-debug", default=None, help="Switch debug mode on or off.")
@click.option("--with-threads/--without-threads", default=True, help="A thread for each request.")
@click.pass_obj
def run(
    path: str | None,
    host: str | None,
    port: int | None,
    reload: bool | None,
    debugger: bool | None,
    debug: bool | None,
    with_threads: bool,
) -> None:
    """Serve the application for development."""
    _switch_debug(debug)
    os.environ["MICROWEB_RUN_FROM_CLI"] = "true"
    app = load_app(path)
    serve(
        app,
        app.name,
        host,
        port,
        use_reloader=app.debug if reload is None else reload,
        use_debugger=app.debug if debugger is None else debugger,
        threaded=with_threads,
    )


@main.command()
@click.option(
    "-s",
    "--sort",
    type=click.Choice(["rule", "endpoint", "methods"]),
    default="rule",
    help="What to sort by.",
)
@click.pass_obj
def routes(path: str | None, sort: str) -> None:
    """List the routes, with the file and line of each view."""
    app = load_app(path)
    rows = [
        (
            rule.rule,
            ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})),
            rule.endpoint,
            place(app.view_functions.get(rule.endpoint)),
        )
        for rule in app.url_map.iter_rules()
    ]
    column = {"rule": 0, "methods": 1, "endpoint": 2}[sort]
    rows.sort(key=lambda row: (row[column], *row))
    for line in table([("Rule", "Methods", "Endpoint", "View"), *rows]):
        click.echo(line)


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, the first row as its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


@main.command()
@click.pass_obj
def shell(path: str | None) -> None:
    """Open a Python shell in the application's context."""
    import code

    app = load_app(path)
    with app.app_context() as context:
        names = {"app": app, "g": context.g}
        code.interact(f"microweb application {app.name!r}: app, g", local=names, exitmsg="")


def load_app(path: str | None) -> app_module.App:
    """Find and import an application.

    :param path: ``module``, ``module:name``, or None to look into wsgi.py and app.py.
    :raises click.ClickException: where there is none, saying what was looked for.
    """
    sys.path.insert(0, os.getcwd())
    if path is not None:
        module_name, _, name = path.partition(":")
        return _app_of(_import(_module_name(module_name)), name)
    for module_name in _FILES:
        if os.path.isfile(f"{module_name}.py"):
            return _app_of(_import(module_name), "")
    raise click.ClickException(
        "No application found: there is neither wsgi.py nor app.py in this folder. Name one with"
        " --app module:name, or by the variable MICROWEB_APP."
    )


def _module_name(path: str) -> str:
    """Return the dotted name of a module that is given by it or by its file."""
    if not path or (path.startswith(".") and os.sep not in path):
        raise click.ClickException(
            "--app needs the name or the file of a module: --app module:name."
        )
    if not path.endswith(".py") and os.sep not in path:
        return path
    folder, file = os.path.split(os.path.abspath(path.removesuffix(".py")))
    names = [file]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        names.insert(0, package)
    sys.path.insert(0, folder)
    return ".".join(names)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise click.ClickException(
            f"There is no module {name!r} to find an application in, seen from {os.getcwd()}."
        ) from None


def _app_of(module: ModuleType, name: str) -> app_module.App:
    if name:
        found = getattr(module, name.removesuffix("()"), None)
        if found is None:
            raise click.ClickException(f"The module {module.__name__!r} has no {name!r}.")
        return _called(found, f"{module.__name__}:{name}")
    for candidate in (*_NAMES, *_FACTORIES):
        if hasattr(module, candidate):
            return _called(getattr(module, candidate), f"{module.__name__}:{candidate}")
    instances = [value for value in vars(module).values() if isinstance(value, app_module.App)]
    if len(instances) == 1:
        return instances[0]
    raise click.ClickException(
        f"The module {module.__name__!r} has no application called app or application, and no"
        f" factory create_app or make_app. Name what it is called: --app {module.__name__}:name."
    )


def _called(found: Any, name: str) -> app_module.App:
    if isinstance(found, app_module.App):
        return found
    app = found
    if inspect.isfunction(found):
        try:
            inspect.signature(found).bind()
        except TypeError as error:
            raise click.ClickException(
                f"The factory {name} cannot be called without arguments: {error}."
            ) from None
        app = found()
    if isinstance(app, app_module.App):
        return app
    if app is None:
        raise click.ClickException(f"The factory {name} returned None: is a return missing?")
    kind = f"{type(app).__module__}.{type(app).__qualname__}".removeprefix("builtins.")
    raise click.ClickException(f"{name} is a {kind} and not a microweb application.")
