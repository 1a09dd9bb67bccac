"""The imports of the package point one way, typing imports included; a table says which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import microweb

PACKAGE = Path(microweb.__file__).parent

#: What each module may import from the package, floor by floor. A module stands below everything
#: that it may import, so that there can be no circle.
MAY_IMPORT: dict[str, set[str]] = {
    # 1: what stands alone
    "errors": set(),
    "lazy": set(),
    "signals": set(),
    "provider": {"lazy"},
    "tagged": {"errors", "provider"},
    # 2: what a request is made of
    "config": {"errors"},
    "request": {"errors", "lazy"},
    "response": {"errors", "lazy"},
    "routing": {"errors"},
    "jinja": {"errors"},
    # 3: what is done with it
    "input": {"errors"},
    "sessions": {"config", "errors", "request", "response", "tagged"},
    "files": {"request", "response"},
    "convert": {"provider", "response"},
    "scope": {"errors", "lazy", "response", "routing"},
    "typing": {"response", "scope"},
    # 4: what one request needs of the application
    "context": {"errors", "input", "lazy", "request", "response", "sessions"},
    "blueprint": {"errors", "routing", "scope"},
    "plan": {"routing", "scope"},
    # 5: tools around the application
    "streaming": set(),
    "logging": {"context"},
    "serving": {"errors"},
    "testing": {"context", "errors", "response", "sessions"},
    # 6: the application, in four steps
    "assembly": {
        *("blueprint", "config", "context", "errors", "files", "lazy", "logging", "plan"),
        *("provider", "request", "response", "routing", "scope", "sessions"),
    },
    "rendering": {
        *("assembly", "context", "errors", "jinja", "lazy", "scope", "sessions", "signals"),
    },
    "handling": {"context", "convert", "rendering", "response"},
    "app": {
        *("assembly", "config", "context", "convert", "errors", "handling", "input"),
        *("request", "response", "routing", "serving", "signals", "streaming", "testing"),
    },
    # 7: what stands above the application
    "globals": {"app", "context", "request", "sessions"},
    "cli": {"app", "config", "errors", "serving"},
    # 8: what views call
    "helpers": {
        *("app", "context", "files", "globals", "rendering", "response", "sessions", "signals"),
    },
    "templating": {"globals", "jinja", "rendering"},
    # 9: the faces, which only gather names
    "json": {"context", "helpers", "provider"},
    "json.provider": {"provider"},
    "json.tag": {"tagged"},
    "ctx": {"context", "helpers"},
    "wrappers": {"request", "response"},
    "__init__": {
        *("app", "blueprint", "config", "globals", "helpers", "json", "request", "response"),
        *("signals", "templating"),
    },
    "__main__": {"cli"},
}

#: Imports inside of functions that are allowed: what only some users need, or need late.
LATE = {("app", "testing"), ("rendering", "jinja"), ("templating", "jinja")}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def named(path: Path) -> str:
    """Return the name of a module within the package: that of a package for its `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imports(path: Path, module: str) -> list[tuple[str, bool]]:
    """Return what a module imports from the package, and whether it does so inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("microweb")]
            assert not names, f"{module} imports {names} by its absolute name"
        if isinstance(node, ast.ImportFrom):
            assert node.level or not (node.module or "").startswith("microweb"), module
            if node.level:
                outside = node.level - (len(path.relative_to(PACKAGE).parts) - 1)
                assert outside == 1, f"{module} imports from its own folder"
                names = [node.module] if node.module else [alias.name for alias in node.names]
                found.extend((name, id(node) in inside) for name in names)
    return found


def test_the_table_names_every_module() -> None:
    assert {named(path) for path in modules()} == set(MAY_IMPORT)


def test_the_table_only_points_up_the_page() -> None:
    order = list(MAY_IMPORT)
    wrong = [
        (module, name)
        for module, names in MAY_IMPORT.items()
        for name in names
        if order.index(name) >= order.index(module)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", modules(), ids=named)
def test_imports_are_those_of_the_table(path: Path) -> None:
    found = {name for name, _ in imports(path, named(path))}
    assert found <= MAY_IMPORT[named(path)]


@pytest.mark.parametrize("path", modules(), ids=named)
def test_only_the_listed_imports_are_late(path: Path) -> None:
    late = {(named(path), name) for name, inside in imports(path, named(path)) if inside}
    assert late <= LATE


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_fits_into_five_hundred_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
