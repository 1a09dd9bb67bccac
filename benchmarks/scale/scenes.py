"""What grows in each comparison, and which requests are timed while it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ROUTES = (10, 100, 1_000, 10_000)
HOOKS = (0, 1, 5, 10, 50)
DEPTHS = (1, 2, 5, 10)

# As many for every size, so that more routes do not mean more work for the harness, too.
TIMED_PATHS = 10

PEERS = ("microweb", "flask", "falcon", "bottle")
BASELINE = "microweb"


class NotApplicableError(Exception):
    """A framework has nothing to express a scene with."""


@dataclass(frozen=True)
class Ask:
    """A request and what must be answered; without a body only the status counts."""

    path: str
    status: int = 200
    body: str | None = None


@dataclass(frozen=True)
class Scene:
    """An application that comes in several sizes."""

    name: str
    title: str
    unit: str
    sizes: Sequence[int]
    build: Callable[[ModuleType, int], WSGIApplication]
    asks: Callable[[int], Sequence[Ask]]


def load(peer: str) -> ModuleType:
    return import_module(f"benchmarks.scale.peers.{peer}_peer")


def of_routes(
    name: str,
    title: str,
    rule: Callable[[int], str],
    path: Callable[[int], str],
    missing: bool = False,
) -> Scene:
    """A scene of one route after the other, of which ten are asked for, evenly spread."""

    def build(peer: ModuleType, size: int) -> WSGIApplication:
        return _factory(peer, "routes")(list(map(rule, range(size))))

    def asks(size: int) -> Sequence[Ask]:
        # From the first to the last; in each size as many of them are even as are odd.
        numbers = [pick * (size - 1) // (TIMED_PATHS - 1) for pick in range(TIMED_PATHS)]
        if missing:
            return [Ask(path(number), status=404) for number in numbers]
        return [Ask(path(number), body=str(number)) for number in numbers]

    return Scene(name, title, "routes", ROUTES, build, asks)


def of_one_route(
    name: str, title: str, unit: str, sizes: Sequence[int], path: Callable[[int], str]
) -> Scene:
    """A scene in which the same view gets more and more around it."""

    def build(peer: ModuleType, size: int) -> WSGIApplication:
        return _factory(peer, name)(size)

    def asks(size: int) -> Sequence[Ask]:
        return [Ask(path(size), body="0")]

    return Scene(name, title, unit, sizes, build, asks)


def _factory(peer: ModuleType, name: str) -> Callable[[object], WSGIApplication]:
    factory = getattr(peer, name, None)
    if factory is None:
        raise NotApplicableError(f"{peer.__name__} has no {name}")
    return cast("Callable[[object], WSGIApplication]", factory)


def _mixed_rule(number: int) -> str:
    return f"/a{number}/<int:id>" if number % 2 else f"/a{number}/list"


def _leaf_path(depth: int) -> str:
    return "".join(f"/level{level}" for level in range(depth)) + "/leaf"


SCENES: Sequence[Scene] = (
    of_routes("static", "/a7/list", "/a{}/list".format, "/a{}/list".format),
    of_routes("dynamic", "/a7/<name>", "/a{}/<name>".format, "/a{}/ada".format),
    of_routes(
        "mixed",
        "/a6/list, /a7/<int:id>",
        _mixed_rule,
        lambda number: f"/a{number}/42" if number % 2 else f"/a{number}/list",
    ),
    of_routes(
        "deep",
        "/a/b/c/<x>/d7/<int:id>/e",
        "/a/b/c/<x>/d{}/<int:id>/e".format,
        "/a/b/c/ada/d{}/42/e".format,
    ),
    of_routes("siblings", "/<int:id>/x7", "/<int:id>/x{}".format, "/42/x{}".format),
    of_routes(
        "missing", "404 beside /a7/<int:id>", _mixed_rule, "/a{}/none/such".format, missing=True
    ),
    of_one_route("hooks", "hooks before and after", "pairs", HOOKS, lambda pairs: "/"),
    of_one_route("blueprints", "nested blueprints", "levels", DEPTHS, _leaf_path),
)
