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
    "bounded": set(),
    "signals": set(),
    "listing": {"errors"},
    "cookies": set(),
    "signing": set(),
    # 2: what a request is made of
    "config": {"errors"},
    "forwarded": set(),
    "checks": {"config", "errors", "forwarded"},
    "headers": set(),
    "response": {"cookies", "headers"},
    "provider": {"lazy", "response"},
    "tagged": {"errors", "provider"},
    "input": set(),
    "identity": {"forwarded"},
    "values": set(),
    "multipart": set(),
    "request": {"errors", "identity", "input", "lazy", "multipart", "values"},
    "typing": {"response"},
    "routing": {"errors"},
    "segments": {"routing"},
    "matching": {"routing", "segments"},
    "building": {"routing"},
    "guarded": {"routing"},
    "jinja": {"bounded", "errors"},
    # 3: what is done with it
    "sessions": {"config", "cookies", "errors", "request", "response", "signing", "tagged"},
    "files": {"bounded", "request", "response"},
    "convert": {"headers", "provider", "response"},
    "folders": {"errors", "lazy", "response"},
    "scope": {"errors", "folders", "routing", "typing"},
    "streaming": {"response"},
    # 4: what one request needs of the application, and one process
    "context": {"errors", "input", "lazy", "request", "response", "sessions"},
    "discovery": {"errors", "scope"},
    "commands": {"config", "context", "discovery", "errors"},
    "blueprint": {
        "folders",
        "commands",
        "context",
        "errors",
        "lazy",
        "response",
        "routing",
        "scope",
    },
    "logging": {"context"},
    "access": {"context", "logging", "request"},
    "front": {"access", "context"},
    "plan": {"building", "front", "matching", "routing", "scope", "typing"},
    "jobs": {"errors"},
    "loop": {"errors", "jobs"},
    "background": {"errors"},
    "worker": {"background", "errors", "loop"},
    "health": {"errors", "scope"},
    # 5: tools around the application
    "target": {"context", "request"},
    "debug": {"context", "errors", "plan", "request", "routing", "signals"},
    "nearness": set(),
    "pages": {"context", "convert", "errors", "nearness", "response"},
    "serving": set(),
    "testing": {"commands", "context", "errors", "response", "sessions"},
    # 6: the application, in six steps
    "assembly": {
        *("blueprint", "commands", "config", "context", "errors", "files", "folders", "guarded"),
        *("lazy", "logging", "loop", "plan", "provider", "request", "response", "routing", "scope"),
        *("sessions", "typing", "worker"),
    },
    "linking": {
        *("access", "assembly", "building", "checks", "context", "debug", "errors", "forwarded"),
        *("front", "health", "matching", "plan", "provider", "request", "response", "routing"),
        *("scope", "sessions"),
    },
    "working": {
        *("config", "context", "errors", "health", "linking", "scope", "serving", "testing"),
        "worker",
    },
    "rendering": {
        *("context", "errors", "jinja", "lazy", "scope", "sessions", "signals", "working"),
    },
    "handling": {
        *("context", "convert", "debug", "errors", "pages", "rendering", "response", "signals"),
        *("streaming", "typing"),
    },
    "app": {
        *("access", "context", "convert", "errors", "handling", "headers", "input", "matching"),
        *("plan", "request", "response", "routing", "signals", "streaming", "target", "typing"),
    },
    # 7: what stands above the application
    "globals": {"app", "context", "request", "sessions"},
    "deploy": set(),
    "deploy.access": set(),
    "deploy.ports": set(),
    "deploy.writing": set(),
    "deploy.site": {"errors"},
    "deploy.python": {"deploy.site"},
    "deploy.nginx": {"deploy.site"},
    "deploy.systemd": {"deploy.python", "deploy.site"},
    "deploy.gathering": {"deploy.ports", "deploy.site", "deploy.systemd", "errors"},
    "deploy.apache": {"deploy.nginx", "deploy.python", "deploy.site"},
    "deploy.gunicorn": {"deploy.python", "deploy.site"},
    "deploy.command_lines": {"deploy.python", "deploy.site"},
    "deploy.uwsgi": {"deploy.python", "deploy.site"},
    "deploy.stacks": {
        *(
            "deploy.apache",
            "deploy.gunicorn",
            "deploy.command_lines",
            "deploy.nginx",
            "deploy.python",
        ),
        *("deploy.site", "deploy.systemd", "deploy.uwsgi"),
    },
    "deploy.running": {"deploy.access", "deploy.site"},
    "deploy.trial": {"deploy.running", "deploy.site", "discovery"},
    "deploy.releasing": {"deploy.running", "deploy.site", "deploy.stacks", "deploy.trial"},
    "deploy.trying": {
        *("deploy.apache", "deploy.nginx", "deploy.running", "deploy.site", "deploy.uwsgi"),
    },
    "deploy.checking": {
        *("deploy.access", "deploy.ports", "deploy.site", "deploy.stacks", "deploy.trial"),
        *("deploy.trying", "deploy.uwsgi"),
    },
    "deploy.command": {
        *("commands", "deploy.checking", "deploy.gathering", "deploy.releasing", "deploy.site"),
        *("deploy.stacks", "deploy.writing", "discovery", "errors"),
    },
    "cli": {"commands", "config", "deploy.command", "discovery", "listing", "serving"},
    # 8: what views call, and what they are
    "helpers": {
        *("app", "context", "errors", "files", "globals", "loop", "rendering", "response"),
        *("sessions", "signals"),
    },
    "templating": {"app", "context", "jinja", "rendering"},
    "views": {"errors", "globals", "loop", "typing"},
    # 9: the faces, which only gather names
    "json": {"context", "helpers", "provider"},
    "json.provider": {"provider"},
    "json.tag": {"tagged"},
    "ctx": {"context", "helpers"},
    "wrappers": {"request", "response"},
    "compat": set(),
    "compat.flask": {
        *("app", "blueprint", "cli", "config", "ctx", "errors", "folders", "globals", "helpers"),
        *("json", "logging", "sessions", "signals", "templating", "testing", "typing", "views"),
        "wrappers",
    },
    "__init__": {
        *("app", "blueprint", "config", "globals", "helpers", "json", "request", "response"),
        *("signals", "templating"),
    },
    "__main__": {"cli"},
}

#: Imports inside of functions that are allowed: what only some users need, or need late.
LATE = {
    ("assembly", "commands"),
    ("blueprint", "commands"),
    ("deploy.command", "deploy.checking"),
    ("deploy.command", "deploy.gathering"),
    ("deploy.command", "deploy.releasing"),
    ("deploy.command", "deploy.site"),
    ("deploy.command", "deploy.stacks"),
    ("handling", "debug"),
    ("linking", "access"),
    ("linking", "debug"),
    ("handling", "pages"),
    ("rendering", "jinja"),
    ("templating", "jinja"),
    ("worker", "background"),
    ("working", "health"),
    ("working", "testing"),
}


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
                folders = path.relative_to(PACKAGE).parts[:-1]
                start = folders[: len(folders) - node.level + 1]
                names = [node.module] if node.module else [alias.name for alias in node.names]
                found.extend((".".join([*start, name]), id(node) in inside) for name in names)
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
