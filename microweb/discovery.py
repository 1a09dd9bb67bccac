"""Finding an application: by its import path, by its file, or by the usual names."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from types import ModuleType, TracebackType
from typing import IO, Any

import click

from .errors import describe
from .scope import Scope

#: Where an application is looked for if nobody names a module, and under which names in it.
FILES = ("wsgi.py", "app.py")
NAMES = ("app", "application")
FACTORIES = ("create_app", "make_app")


class NoAppException(click.UsageError):
    """No application was found, or it could not be loaded.

    Where the application's own code failed, `__cause__` is its exception.
    """

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message alone: the command line was right, so its usage explains nothing."""
        click.echo(f"Error: {self.format_message()}", file=file, err=file is None)


def is_app(value: object) -> bool:
    """Whether something is an application: a scope that a server can call.

    A proxy such as `current_app` is none, although it looks like one inside of a context.
    """
    return issubclass(type(value), Scope) and callable(value)


def find_app(path: str | None = None) -> Any:
    """Find and import an application.

    :param path: ``module``, ``module:name``, ``module:factory("argument", key=1)``,
        ``folder/file.py`` or a package. None looks for wsgi.py and app.py in the current folder.
    :raises NoAppException: where there is none, saying what was looked for, and where.

    .. code-block:: python

        app = find_app("shop.wsgi:create_app('production')")
    """
    if path:
        module, name = split_path(path)
        return locate_app(prepare_import(module), name)
    for file in FILES:
        if os.path.isfile(file):
            return locate_app(prepare_import(file))
    raise NoAppException(
        f"No application was named, and there is neither {' nor '.join(FILES)} in {os.getcwd()}."
        " Name one with --app module:name or by the variable MICROWEB_APP, or go to its folder."
    )


def split_path(path: str) -> tuple[str, str | None]:
    """Split ``module:name`` into the two.

    >>> split_path("shop.wsgi:app"), split_path("shop/wsgi.py")
    (('shop.wsgi', 'app'), ('shop/wsgi.py', None))
    """
    drive, rest = os.path.splitdrive(path)  # the colon of C:\\shop\\wsgi.py splits nothing
    module, _, name = rest.partition(":")
    return f"{drive}{module}".strip(), name.strip() or None


def prepare_import(path: str) -> str:
    """Make a module importable, and return its dotted name.

    The current folder goes to the front of `sys.path`; before it the folder above the outermost
    package, where the module is in a package.

    :param path: A dotted name, or a file or folder.
    :raises NoAppException: where it can be neither.
    """
    if not path or set(path) <= {".", os.sep}:
        raise NoAppException(
            f"--app needs a module before the name, not {path!r}: write --app module:name, or"
            " --app folder/file.py."
        )
    to_front_of_path(os.getcwd())
    is_file = path.endswith(".py") or os.sep in path
    if is_file:
        _check_file(path)
        path = path.removesuffix(".py")
    elif os.path.isfile("__init__.py") and _is_here(path.partition(".")[0]):
        # As if somebody had gone up first: relative imports work only with the package's name.
        path = path.replace(".", os.sep)
    else:
        return path
    folder, last = os.path.split(os.path.abspath(path))
    names = [] if last == "__init__" else [last]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        names.insert(0, package)
    to_front_of_path(folder)
    return ".".join(names)


def _is_here(name: str) -> bool:
    return os.path.isdir(name) or os.path.isfile(f"{name}.py")


def _check_file(path: str) -> None:
    file = path.rstrip(os.sep)
    if not (os.path.isfile(file) or os.path.isdir(file) or os.path.isfile(f"{file}.py")):
        raise NoAppException(f"There is no file {path!r} to find an application in{_seen_from()}.")
    name = os.path.basename(file).removesuffix(".py")
    if "." in name:
        raise NoAppException(
            f"The file {path!r} cannot be imported: {name!r} has a dot in it. Rename it."
        )


def to_front_of_path(folder: str) -> None:
    """Import from a folder before any other."""
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def _seen_from() -> str:
    return f", seen from {os.getcwd()}"


def locate_app(module_name: str, app_name: str | None = None) -> Any:
    """Import a module and return its application.

    :param module_name: The dotted name, as :func:`prepare_import` returns it.
    :param app_name: A name, or the call of a factory; None looks for the usual names.
    :raises NoAppException: where there is no such module or no application in it.
    """
    module = _import(module_name)
    if app_name is None:
        return find_best_app(module)
    return find_app_by_string(module, app_name)


def _import(name: str) -> ModuleType:
    try:
        with _the_users_code(f"Importing {name!r}"):
            return importlib.import_module(name)
    except NoAppException as error:
        cause = error.__cause__
        if not isinstance(cause, ModuleNotFoundError) or cause.name is None:
            raise
        if not f"{name}.".startswith(f"{cause.name}."):
            raise  # a module that the application itself imports
        parent, _, last = name.rpartition(".")
        hint = f" If {last!r} is a name in {parent!r}, write {parent}:{last}." if parent else ""
        raise NoAppException(
            f"There is no module {name!r} to find an application in{_seen_from()}.{hint}"
        ) from None


def find_best_app(module: ModuleType) -> Any:
    """Return the application of a module that nobody named.

    `app` and `application` come first, then the only application under any name, then what the
    factories `create_app` and `make_app` return.

    :param module: The imported module.
    :raises NoAppException: where there is none, or more than one.
    """
    for name in NAMES:
        if is_app(getattr(module, name, None)):
            return getattr(module, name)
    apps = _apps_in(module)
    if len(apps) > 1:
        raise NoAppException(
            f"The module {module.__name__!r} has {len(apps)} applications: {', '.join(apps)}. Say"
            f" which one: --app {module.__name__}:{next(iter(apps))}."
        )
    if apps:
        return next(iter(apps.values()))
    for name in FACTORIES:
        if callable(getattr(module, name, None)):
            return _call(getattr(module, name), f"{module.__name__}:{name}", [], {})
    raise _nothing_in(module)


def _apps_in(module: ModuleType) -> dict[str, Any]:
    """Return the applications by the first name that each one has."""
    apps: dict[int, tuple[str, Any]] = {}
    for name, value in vars(module).items():
        if is_app(value):
            apps.setdefault(id(value), (name, value))
    return dict(apps.values())


def _nothing_in(module: ModuleType) -> NoAppException:
    name = module.__name__
    for attribute in NAMES:
        value = getattr(module, attribute, None)
        if value is not None and not isinstance(value, ModuleType):
            return _no_app(value, f"{name}:{attribute}")
    # The file, because a module of another folder may have been meant.
    file = getattr(module, "__file__", None)
    return NoAppException(
        f"The module {name!r}{f' ({file})' if file else ''} has no application: nothing called"
        f" {' or '.join(NAMES)}, and no factory {' or '.join(FACTORIES)}. Name what it is called:"
        f" --app {name}:name."
    )


def find_app_by_string(module: ModuleType, text: str) -> Any:
    """Return the application that a name, or the call of a factory, stands for.

    :param module: The imported module.
    :param text: ``"app"``, ``"Shop.app"``, ``"create_app"`` or ``"create_app('test', port=1)"``.
        Arguments are Python literals.
    :raises NoAppException: where it cannot be read, or does not lead to an application.
    """
    names, arguments = _read_name(text)
    value: Any = module
    label = module.__name__
    for position, name in enumerate(names):
        if not hasattr(value, name):
            what = f"The module {label!r}" if position == 0 else repr(label)
            raise NoAppException(f"{what} has no {name!r}.{_hint(name, value)}")
        value = getattr(value, name)
        label += f"{':' if position == 0 else '.'}{name}"
    if is_app(value):
        if arguments is None:
            return value
        raise NoAppException(f"{label} is the application itself: leave out the parentheses.")
    if arguments is not None and callable(value):
        return _call(value, label, *arguments)
    if inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, functools.partial):
        return _call(value, label, [], {})
    raise _no_app(value, label)


def locate_expression(app: Any, path: str | None = None) -> tuple[str, str, str | None]:
    """Return where an application is that :func:`find_app` has found, as a server names it.

    :param app: The application.
    :param path: What `find_app` was given.
    :returns: The module; in it a name, or the call of a factory; and the folder that the module is
        imported from, where that is not the current one or the environment's.
    """
    file = next((file for file in FILES if os.path.isfile(file)), FILES[0])
    module_path, text = split_path(path or file)
    module = sys.modules[prepare_import(module_path)]
    return module.__name__, _expression(module, text, app), _folder_of(module)


def _expression(module: ModuleType, text: str | None, app: Any) -> str:
    if text is None:
        names = [*NAMES, *_apps_in(module)]
        for name in names:
            if getattr(module, name, None) is app:
                return name
        return next(f"{name}()" for name in FACTORIES if hasattr(module, name))
    names, arguments = _read_name(text)
    value: Any = module
    for name in names:
        value = getattr(value, name)
    return text if arguments is not None or is_app(value) else f"{text}()"


def _folder_of(module: ModuleType) -> str | None:
    """Return the folder that a module was imported from, None where servers look anyway."""
    if module.__file__ is None:
        return None
    folder = os.path.abspath(module.__file__)
    is_package = os.path.basename(folder) == "__init__.py"
    for _ in range(module.__name__.count(".") + 1 + is_package):
        folder = os.path.dirname(folder)
    installed = sysconfig.get_paths()
    return None if folder in (os.getcwd(), installed["purelib"], installed["platlib"]) else folder


Arguments = tuple[list[Any], dict[str, Any]]


def _read_name(text: str) -> tuple[list[str], Arguments | None]:
    """Split ``a.b(1, c=2)`` into the names and the arguments, None where it is no call."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        node = None
    arguments: Arguments | None = None
    if isinstance(node, ast.Call):
        arguments = _read_arguments(text, node)
        node = node.func
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise NoAppException(
            f"{text!r} is neither a name nor the call of a factory: write --app module:name or"
            " --app 'module:factory(\"argument\", key=1)'."
        )
    return [node.id, *names], arguments


def _read_arguments(text: str, call: ast.Call) -> Arguments:
    values: dict[str, Any] = {}
    positional: list[Any] = []
    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        for keyword in call.keywords:
            values[keyword.arg or ""] = ast.literal_eval(keyword.value)
    except (TypeError, ValueError):
        values[""] = None
    if "" in values:
        raise NoAppException(
            f"The arguments in {text!r} must be Python literals, such as 'text', 1, True or"
            " ['a', 'b']: names and calls mean nothing on the command line."
        )
    return positional, values


def _hint(name: str, value: Any) -> str:
    if isinstance(value, ModuleType):
        apps = [*_apps_in(value), *(factory for factory in FACTORIES if hasattr(value, factory))]
        if apps:
            return f" There is: {', '.join(apps)}."
    close = get_close_matches(name, [other for other in dir(value) if other[:1] != "_"], 1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _call(factory: Any, label: str, positional: list[Any], keywords: dict[str, Any]) -> Any:
    """Call a factory and return its application."""
    _check_arguments(factory, label, positional, keywords)
    with _the_users_code(f"Calling the factory {label}"):
        app = factory(*positional, **keywords)
    if is_app(app):
        return app
    if app is None:
        raise NoAppException(
            f"The factory {label} returned None and not an application: is a return missing at the"
            f" end of {describe(factory)}?"
        )
    if inspect.iscoroutine(app):
        app.close()  # or Python warns that nobody awaited it
    raise _no_app(app, f"What the factory {label} returned")


def _check_arguments(
    factory: Any, label: str, positional: list[Any], keywords: dict[str, Any]
) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return  # some functions of C have none
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        given = "with these arguments" if positional or keywords else "without arguments"
        names = ", ".join(signature.parameters)
        raise NoAppException(
            f"The factory {label} cannot be called {given}: {error}. It takes ({names}): write them"
            f" as Python literals, --app '{label}(…)'."
        ) from None


def _no_app(value: Any, label: str) -> NoAppException:
    """Return the error for what is no application, saying what it is."""
    if isinstance(value, Scope):
        return NoAppException(
            f"{label} is a blueprint and not an application: name the application that registers"
            " it."
        )
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    article = "an" if kind[0] in "aeiou" else "a"
    message = f"{label} is {article} {kind} and not a microweb application."
    if any(map(is_app, getattr(value, "__dict__", {}).values())):
        wrapper = type(value).__qualname__
        message += (
            f" It wraps one: write app.wsgi_app = {wrapper}(app.wsgi_app), and app stays what it"
            " is."
        )
    return NoAppException(message)


@contextmanager
def _the_users_code(doing: str) -> Iterator[None]:
    """Turn what the application's own code raises into an error with the traceback of that code.

    What is meant for click passes.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        lines = traceback.format_exception(type(error), error, users_traceback(error))
        raise NoAppException(f"{doing} failed.\n\n{''.join(lines).rstrip()}") from error


def users_traceback(error: BaseException) -> TracebackType | None:
    """Return an exception's traceback without the frames that lead to the application's code.

    None where that code did not begin to run, as with a syntax error.
    """
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_LEADING_THERE):
        found = found.tb_next
    return found


_LEADING_THERE = (__file__, importlib.__file__, "<frozen importlib")
