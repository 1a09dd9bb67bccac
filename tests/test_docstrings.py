"""What a user calls, passes or overrides says what it is for, and its examples run."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import pytest

import microweb
from microweb.lazy import lazy

PACKAGE = Path(microweb.__file__).parent

#: The modules that users import from.
PUBLIC = (
    *("microweb", "microweb.cli", "microweb.commands", "microweb.compat.flask", "microweb.config"),
    *("microweb.ctx", "microweb.errors", "microweb.globals", "microweb.json"),
    *("microweb.json.provider", "microweb.json.tag", "microweb.logging", "microweb.sessions"),
    *("microweb.signals", "microweb.templating", "microweb.testing", "microweb.typing"),
    *("microweb.views", "microweb.wrappers"),
)

#: A function that a decorator decorates is described in the prose.
DECORATED = {"f", "func"}


class Documented(NamedTuple):
    """Something public: where it is, what it is, and the class that it is defined in.

    A base class that no module exports is there for its methods; the classes below it say how an
    object is made.
    """

    name: str
    value: Any
    owner: type | None = None
    is_exported: bool = True


def source_of(module: str) -> str:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text(encoding="utf-8")


def public_names(module: str) -> set[str]:
    """Return the classes and functions that a module defines, or imports ``as`` its own."""
    names: set[str] = set()
    for node in ast.parse(source_of(module)).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.asname for alias in node.names if alias.asname)
    return {name for name in names if not name.startswith("_")}


def name_of(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def is_ours(value: Any) -> bool:
    return (getattr(value, "__module__", None) or "").split(".")[0] == "microweb"


def members(cls: type) -> Iterator[Documented]:
    """Give the public methods and properties of a class and of its bases, if they are ours."""
    for owner in filter(is_ours, cls.__mro__):
        for name, value in vars(owner).items():
            function = getattr(value, "__func__", value)
            # A method under another name is documented under its own.
            plain = isinstance(function, FunctionType) and function.__name__ == name
            if not name.startswith("_") and (plain or isinstance(value, (lazy, property))):
                yield Documented(f"{name_of(owner)}.{name}", function if plain else value, owner)


@cache
def surface() -> dict[str, Documented]:
    """Return everything public by its name."""
    found: dict[str, Documented] = {}
    for module in PUBLIC:
        for name in public_names(module):
            value = getattr(import_module(module), name)
            if not is_ours(value) or not isinstance(value, (FunctionType, type)):
                continue
            found[name_of(value)] = Documented(name_of(value), value)
            if isinstance(value, type):
                for base in filter(is_ours, value.__mro__):
                    hidden = Documented(name_of(base), base, is_exported=False)
                    found.setdefault(hidden.name, hidden)
                found.update((member.name, member) for member in members(value))
    return found


def functions() -> list[Documented]:
    """Return what has parameters to document: functions, methods, and classes that are made."""
    return [
        each
        for each in surface().values()
        if isinstance(each.value, FunctionType)
        or (isinstance(each.value, type) and each.is_exported and maker(each.value) is not None)
    ]


def maker(cls: type) -> FunctionType | None:
    """Return the `__init__` of a class, if it is ours."""
    found = next((base for base in cls.__mro__ if "__init__" in vars(base)), object)
    return vars(found)["__init__"] if is_ours(found) else None


def prose(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "")


def shared(owner: type | None) -> set[str]:
    """Return the parameters that a class describes once, where every method has them."""
    found: set[str] = set()
    for cls in () if owner is None else filter(is_ours, owner.__mro__):
        for paragraph in prose(cls).split("\n\n"):
            if paragraph.startswith("In every method"):
                found.update(re.findall(r"`(\w+)`", paragraph))
    return found


def inherited(function: Callable[..., Any], owner: type | None) -> set[str]:
    """Return the parameters that the method of a base class has too: its words stand for both."""
    found: set[str] = set()
    for base in () if owner is None else owner.__mro__[1:]:
        original = vars(base).get(function.__name__)
        original = getattr(original, "__func__", original)
        if callable(original):
            found.update(inspect.signature(original).parameters)
    return found


def undocumented(each: Documented) -> list[str]:
    """Return the parameters that neither the docstring nor that of a base class describes."""
    if isinstance(each.value, type):
        owner: type | None = each.value
        function = maker(each.value)
        assert function is not None
        text = "\n".join(prose(cls) for cls in each.value.__mro__ if is_ours(cls))
        known: set[str] = set()
    else:
        function, owner = each.value, each.owner
        text = prose(function)
        known = shared(owner) | inherited(function, owner)
    missing = []
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters if owner is None else parameters[1:]:
        name = parameter.name
        told = bool(re.search(rf"^:param {re.escape(name)}:", text, re.MULTILINE))
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            told = told or bool(re.search(r"\b(arguments?|keywords?)\b", text))
        if not (told or name in known or name in DECORATED or name == "_"):
            missing.append(name)
    return missing


def test_the_surface_is_what_users_know() -> None:
    names = set(surface())
    assert names >= {
        "microweb.app.App",
        "microweb.handling.Handling.make_response",
        "microweb.blueprint.Blueprint.record",
        "microweb.folders.Folders.open_resource",
        "microweb.helpers.url_for",
        "microweb.request.Request.args",
        "microweb.scope.Scope.before_request",
        "microweb.sessions.SessionInterface.open_session",
        "microweb.views.View.as_view",
        "microweb.working.Working.run",
    }
    assert len(names) > 300


def test_everything_public_has_a_docstring_that_begins_with_a_sentence() -> None:
    wrong = []
    for name, each in surface().items():
        first = prose(each.value).split("\n\n")[0]
        if not first[:1].isupper() or not re.search(r"\.[`)]*(\s|\Z)", first):
            wrong.append(f"{name}: {first!r}")
    assert wrong == []


def test_every_parameter_is_documented() -> None:
    missing = {each.name: names for each in functions() if (names := undocumented(each))}
    assert missing == {}


def test_no_docstring_names_a_parameter_that_there_is_not() -> None:
    wrong = []
    for each in surface().values():
        named = re.findall(r"^:param (\w+):", prose(each.value), re.MULTILINE)
        called = maker(each.value) if isinstance(each.value, type) else each.value
        known = inspect.signature(called).parameters if callable(called) else {}
        wrong += [f"{each.name}: {name}" for name in named if name not in known]
    assert wrong == []


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_module_has_a_docstring(module: str) -> None:
    text = ast.get_docstring(ast.parse(source_of(module))) or ""
    assert re.search(r"\.(\s|\Z)", text.split("\n\n")[0])


# --- the examples


def modules() -> list[str]:
    """Return the names of all modules of the package."""
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


@pytest.mark.parametrize("module", [name for name in modules() if ">>> " in source_of(name)])
def test_the_doctests_of_a_module_pass(module: str) -> None:
    result = doctest.testmod(import_module(module), optionflags=doctest.ELLIPSIS)
    assert (result.failed, result.attempted > 0) == (0, True)


def blocks(module: str) -> Iterator[str]:
    """Give the Python code that stands in the docstrings of a module."""
    for node in ast.walk(ast.parse(source_of(module))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node) or ""
            for block in text.split(".. code-block:: python\n")[1:]:
                indented = re.match(r"(?:[ \t]*\n|[ ]+.*(?:\n|\Z))*", block)
                yield textwrap.dedent(indented[0] if indented else "").strip("\n")


@pytest.mark.parametrize("module", modules())
def test_the_code_in_docstrings_is_python(module: str) -> None:
    for block in blocks(module):
        assert block
        ast.parse(f"async def example():\n{textwrap.indent(block, '    ')}")
