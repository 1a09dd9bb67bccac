"""The routes of an application, as ``microweb routes`` lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from werkzeug.routing import Rule

from .errors import from_here, place


def list_routes(
    app: Any, sort: str = "endpoint", all_methods: bool = False
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the routes of an application, and the columns of their table.

    :param sort: ``endpoint``, ``methods``, ``domain`` (host or subdomain), ``rule`` or ``match``,
        which is the order in which they are tried.
    :param all_methods: With HEAD and OPTIONS.
    """
    rules = in_match_order(getattr(app.url_map, "in_order", app.url_map.iter_rules()))
    domain = _domain_column(app, rules)
    routes = [_describe_rule(app, rule, domain, all_methods) for rule in rules]
    if sort != "match":
        column = domain if sort == "domain" else sort
        routes.sort(key=lambda route: (route.get(column or "") or "", route["rule"]))
    return routes, [*([] if domain is None else [domain]), "rule", "methods", "endpoint", "view"]


def _domain_column(app: Any, rules: list[Rule]) -> str | None:
    if app.url_map.host_matching:
        return "host"
    return "subdomain" if any(rule.subdomain for rule in rules) else None


def _describe_rule(app: Any, rule: Rule, domain: str | None, all_methods: bool) -> dict[str, Any]:
    hidden = set() if all_methods else {"HEAD", "OPTIONS"}
    view = app.view_functions.get(rule.endpoint)
    described = {
        "endpoint": rule.endpoint,
        "methods": sorted((rule.methods or {"any"}) - hidden),
        "rule": rule.rule,
        "view": None if view is None else from_here(place(view)),
    }
    return described if domain is None else {domain: getattr(rule, domain) or "", **described}


def in_match_order(rules: Iterable[Rule]) -> list[Rule]:
    """Sort rules as the router tries them: of two that match a request, the first one is taken.

    :param rules: In the order of their registration.

    Segment by segment, static text is tried before variables, and a variable of small weight
    before one of great weight.
    """
    rules = list(rules)
    first_seen: dict[tuple[Any, ...], int] = {}
    keys: dict[int, list[Any]] = {}
    for rule in rules:
        path: tuple[Any, ...] = ()
        key = keys[id(rule)] = []
        # What Werkzeug compiles of a rule is not public, and there is no other word on its order.
        for part in getattr(rule, "_parts", ()):
            path = (*path, part.static, part.content)
            seen = first_seen.setdefault(path, len(first_seen))
            key.append((not part.static, () if part.static else part.weight, seen))
    return sorted(rules, key=lambda rule: keys[id(rule)])


def table(rows: list[dict[str, Any]], columns: list[str]) -> list[str]:
    """Return the lines of a table with a head."""
    cells = [
        [column.capitalize() for column in columns],
        *([_cell(row[column]) for column in columns] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def _cell(value: list[str] | str | None) -> str:
    return (", ".join(value) if isinstance(value, list) else value) or "-"
