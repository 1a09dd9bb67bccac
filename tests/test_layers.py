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
    "json": {"lazy"},
    # 2: what a request is made of
    "config": {"errors"},
    "request": {"json", "errors", "lazy"},
    "response": {"json", "errors", "lazy"},
    "routing": {"errors"},
    "templating": {"errors"},
    # 3: what is done with it
    "input": {"errors"},
    "sessions": {"config", "errors", "json", "request", "response"},
    "files": {"request", "response"},
    "convert": {"json", "response"},
    "scope": {"errors", "response", "routing"},
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
        *("blueprint", "config", "context", "errors", "files", "json", "lazy", "logging", "plan"),
        *("request", "response", "routing", "scope", "sessions"),
    },
    "rendering": {
        "assembly",
        "context",
        "errors",
        "lazy",
        "scope",
        "sessions",
        "signals",
        "templating",
    },
    "handling": {"context", "convert", "rendering", "response"},
    "app": {
        *("assembly", "config", "context", "convert", "errors", "handling", "input"),
        *("request", "response", "routing", "serving", "signals", "streaming", "testing"),
    },
    # 7: what stands above the application
    "proxies": {"app", "context", "request", "sessions"},
    "cli": {"app", "config", "errors", "serving"},
    # 8: what views call
    "helpers": {
        *("app", "context", "files", "proxies", "rendering", "response", "sessions", "signals"),
    },
    # 9: the face
    "__init__": {
        *("app", "blueprint", "config", "helpers", "proxies", "request", "response", "signals"),
    },
    "__main__": {"cli"},
}

#: Imports inside of functions that are allowed: what only some users need, or need late.
LATE = {("app", "testing")}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


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
                names = [node.module] if node.module else [alias.name for alias in node.names]
                found.extend((name, id(node) in inside) for name in names)
    return found


def test_the_table_names_every_module() -> None:
    assert {path.stem for path in modules()} == set(MAY_IMPORT)


def test_the_table_only_points_up_the_page() -> None:
    order = list(MAY_IMPORT)
    wrong = [
        (module, name)
        for module, names in MAY_IMPORT.items()
        for name in names
        if order.index(name) >= order.index(module)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_imports_are_those_of_the_table(path: Path) -> None:
    found = {name for name, _ in imports(path, path.stem)}
    assert found <= MAY_IMPORT[path.stem]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_only_the_listed_imports_are_late(path: Path) -> None:
    late = {(path.stem, name) for name, inside in imports(path, path.stem) if inside}
    assert late <= LATE


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_a_module_fits_into_five_hundred_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
