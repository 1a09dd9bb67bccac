"""What a developer sees in debug mode at a URL that no rule matches: the routes, and a hint."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, Rule

from .context import Context, current, current_request_id
from .convert import problem
from .errors import from_here, place
from .nearness import VARIABLE, likenesses
from .response import Response

#: How many routes a page lists at most; an application may have thousands.
LIST_LIMIT = 100

#: How much two paths must have in common to be near each other (1: all).
_NEAR = 0.6


def explain_miss(app: Any, error: HTTPException, response: Response) -> None:
    """Say more in the answer to a URL that the router refused, for whoever wrote the application.

    An HTML page lists the routes with the nearest one marked, problem details get the members
    ``hint`` and ``nearest``. An error that a view raised, that a handler took or that has words of
    its own stays as it is.

    :param response: The answer as it would be in production; status and headers stay.
    """
    context = current.get()
    if context is None or context.routing_exception is not error or context.answered_by:
        return
    if type(error) is NotFound:
        miss = _not_found(app, context)
    elif type(error) is MethodNotAllowed:
        miss = _wrong_method(app, context, error)
    else:
        return
    if response.mimetype == "application/problem+json":
        members = {**problem(error, current_request_id()), **miss.members()}
        response.set_data(app.json.dumps(members) + "\n")
    elif response.mimetype == "text/html":
        response.set_data(_page(app, error, context, miss))


@dataclass
class Entry:
    """A rule in the list.

    :ivar likeness: How near the rule is to the path that was asked for, from 0 to 1.
    :ivar refused: The variable that the path has no value for, and what stands in its place.
    :ivar is_nearest: No rule is nearer.
    """

    rule: Rule
    endpoint: str
    methods: str
    where: str
    is_static: bool
    likeness: float = 0.0
    refused: tuple[str, str] | None = None
    is_nearest: bool = False

    @property
    def text(self) -> str:
        """The rule, after the host or subdomain that it is for."""
        host = self.rule.host or (f"{self.rule.subdomain}." if self.rule.subdomain else "")
        return f"{host}{self.rule.rule}"


@dataclass
class Miss:
    """What is said about one URL.

    :ivar hint: Text; what stands between backticks is code.
    :ivar heading: What the list shows.
    :ivar note: What the list does not show.
    """

    entries: list[Entry]
    hint: str
    heading: str
    nearest: Entry | None = None
    note: str = ""

    def members(self) -> dict[str, str]:
        """The extension members of problem details (RFC 9457 section 3.2)."""
        nearest = {} if self.nearest is None else {"nearest": self.nearest.rule.rule}
        return {"hint": self.hint, **nearest}


def _not_found(app: Any, context: Context) -> Miss:
    entries = _entries(app)
    near = likenesses(context.request.path, [entry.rule for entry in entries])
    for entry in entries:
        entry.likeness, entry.refused = near.get(id(entry.rule), (0.0, None))
    nearest = max(entries, key=lambda entry: _rank(context, entry), default=None)
    if nearest is not None and nearest.likeness < _NEAR:
        nearest = None
    for entry in entries:
        entry.is_nearest = nearest is not None and entry.rule.rule == nearest.rule.rule
    shown = entries
    note = ""
    if len(entries) > LIST_LIMIT:
        chosen = {
            id(entry) for entry in sorted(entries, key=lambda entry: -entry.likeness)[:LIST_LIMIT]
        }
        shown = [entry for entry in entries if id(entry) in chosen]
        note = (
            f"These are the {LIST_LIMIT} of {len(entries)} routes that are nearest to the URL;"
            " `microweb routes` lists all."
        )
    hint = _no_hint(entries) if nearest is None else _hint(context, nearest, entries)
    return Miss(shown, hint, "The routes of the application", nearest, note)


def _rank(context: Context, entry: Entry) -> tuple[float, bool, bool, bool]:
    is_here = not _is_elsewhere(context, entry.rule)
    answers = _answers(entry.rule, context.request.method)
    # Static files are near to any path that begins like theirs; a view is what was meant.
    return entry.likeness, not entry.is_static, is_here, answers


def _wrong_method(app: Any, context: Context, error: MethodNotAllowed) -> Miss:
    method, path = context.request.method, context.request.path
    rules = list(_matching(context.url_adapter, error.valid_methods or ()))
    entries = [entry for entry in _entries(app) if any(entry.rule is rule for rule in rules)]
    allowed = ", ".join(f"`{each}`" for each in error.valid_methods or ())
    hint = f"`{path}` does not answer {method}, only {allowed}."
    for entry in entries:
        view = app.view_functions.get(entry.endpoint)
        if view is not None and not entry.is_static:
            # HEAD follows GET.
            hint += " " + _advice(entry, view, "GET" if method == "HEAD" else method)
            break
    return Miss(entries, hint, "The routes of this URL")


#: The methods that have a decorator of their own, such as `@app.get`.
_SHORT = ("GET", "POST", "PUT", "DELETE", "PATCH")


def _advice(entry: Entry, view: Any, method: str) -> str:
    """Return what to write for another method under a rule, however that is registered."""
    methods = [*(entry.methods or "HEAD").split(", "), method]
    view_class = getattr(inspect.unwrap(view), "view_class", None)
    if isinstance(view_class, type):
        return _advice_for_class(view_class, methods)
    # The prefix of a blueprint is not in its decorators, and a host stands beside the rule.
    scope = "blueprint" if "." in entry.endpoint else "app"
    rule = repr(entry.rule.rule) if entry.text == entry.rule.rule and scope == "app" else "…"
    own = f"{method.lower()}({rule})" if method in _SHORT else f"route({rule}, methods={[method]})"
    return (
        f"Let the view `{entry.endpoint}` answer it too, with"
        f" `@{scope}.route({rule}, methods={methods!r})` in place of `@{scope}.get` or the like, or"
        f" write another view, with `@{scope}.{own}`."
    )


def _advice_for_class(view_class: type, methods: list[str]) -> str:
    """Return what to write in a class-based view; the last one of the methods is the new one."""
    *present, method = methods
    # Its module may not be imported from here: it stands above the application.
    is_method_view = any(
        (each.__module__, each.__name__) == (f"{__package__}.views", "MethodView")
        for each in view_class.__mro__
    )
    lacks = is_method_view and not hasattr(view_class, method.lower())
    give = f"Give the class `{view_class.__name__}` a method `{method.lower()}`"
    found = vars(view_class).get("methods")
    as_found = isinstance(found, set) and found - {"HEAD", "OPTIONS"} == {*present} - {"OPTIONS"}
    if lacks and as_found and method in (*_SHORT, "OPTIONS", "TRACE"):
        return f"{give}."
    return (
        f"{give + ', and name' if lacks else 'Name'} {method} in the `methods` of the class"
        f" `{view_class.__name__}`, or in those that its rule is given: `methods={methods!r}`."
    )


def _matching(adapter: MapAdapter | None, methods: Any) -> Iterator[Rule]:
    for method in methods:
        try:
            # Without an adapter there are no methods, and so nothing to match.
            rule, _ = adapter.match(method=method, return_rule=True)  # type: ignore[union-attr]
        except Exception:  # whatever a converter does: then this method is left out
            continue
        yield rule


def _entries(app: Any) -> list[Entry]:
    """Return the rules that requests are matched with, static files last."""
    entries = [
        _entry(app, rule)
        for rule in app.url_map.iter_rules()
        if not (rule.build_only or rule.websocket)
    ]
    return sorted(entries, key=lambda entry: (entry.is_static, entry.text, entry.methods))


def _entry(app: Any, rule: Rule) -> Entry:
    blueprint, _, name = rule.endpoint.rpartition(".")
    scope = app.blueprints.get(blueprint, app) if blueprint else app
    is_static = name == "static" and rule.rule.endswith("/<path:filename>")
    automatic = {"HEAD"}
    if getattr(rule, "provide_automatic_options", False):
        automatic.add("OPTIONS")
    return Entry(
        rule=rule,
        endpoint=rule.endpoint,
        methods=", ".join(sorted((rule.methods or {"any"}) - automatic)),
        where=(scope.static_folder or "") if is_static else _where(app, rule),
        is_static=is_static,
    )


def _where(app: Any, rule: Rule) -> str:
    view = app.view_functions.get(rule.endpoint)
    return "a redirect" if view is None and rule.redirect_to else place(view)


def _hint(context: Context, nearest: Entry, entries: list[Entry]) -> str:
    told = _difference(context, nearest)
    same = [entry for entry in entries if entry.text == nearest.text]
    if _answers(nearest.rule, context.request.method):  # the nearest of them does, if any
        return told
    methods = {each for entry in same for each in (entry.methods or "HEAD").split(", ")}
    only = f"answers {' and '.join(sorted(methods))} only."
    return f"{told[:-1]}, and {only}" if told.endswith(_WITH_SLASH) else f"{told} The rule {only}"


_WITH_SLASH = ", with a slash at its end."


def _answers(rule: Rule, method: str) -> bool:
    return rule.methods is None or method in rule.methods


def _is_elsewhere(context: Context, rule: Rule) -> bool:
    """Whether a rule is for another host or subdomain than the one that was asked."""
    wanted = rule.host or rule.subdomain
    with suppress(Exception):  # of a router of one's own, or there is none
        adapter: Any = context.url_adapter
        asked = adapter.server_name if adapter.map.host_matching else adapter.subdomain
        return bool(wanted) and "<" not in str(wanted) and wanted != asked
    return False


def _difference(context: Context, nearest: Entry) -> str:
    """Return in what the path differs from the rule that is nearest, methods apart."""
    path, rule = context.request.path, nearest.rule.rule
    foreign = _foreign(rule)
    if foreign is not None:
        return (
            f"In the rule `{rule}` ({from_here(nearest.where)}) `{foreign[0]}` is plain text. A"
            f" variable is written `{foreign[1]}`: `{rule.replace(*foreign)}`."
        )
    if nearest.likeness < 1 and nearest.refused is None:
        return f"Is it `{nearest.text}` that you mean?"
    if nearest.refused is not None:
        variable, text = nearest.refused
        return f"The rule `{rule}` is near, but its variable `{variable}` does not take `{text}`."
    if _is_elsewhere(context, nearest.rule):
        return f"The rule `{rule}` is for another host: `{nearest.text}`."
    lacks_slash = rule.endswith("/") and not path.endswith("/")
    texts = VARIABLE.sub("\0", rule.strip("/")).split("\0")
    if any(text not in path.strip("/") for text in texts):
        end = _WITH_SLASH if lacks_slash else "."
        return f"Upper and lower case count in a URL: the rule is `{rule}`{end}"
    if lacks_slash:
        return f"The rule is `{rule}`{_WITH_SLASH}"
    if path.endswith("/") and not rule.endswith("/"):
        return (
            f"The URL has a slash at its end and the rule `{rule}` has none. Ask for it without,"
            f" or write the rule as `{rule}/`: then the URL without the slash is redirected."
        )
    return f"Is it `{rule}` that you mean?"


def _foreign(rule: str) -> tuple[str, str] | None:
    """Return a variable that is written as in other frameworks, and how it is written here."""
    for variable in VARIABLE.finditer(rule):
        name = variable["braces"] or variable["colon"]
        if name:
            return variable[0], f"<{name}>"
    return None


def _no_hint(entries: list[Entry]) -> str:
    if all(entry.is_static for entry in entries):
        return (
            "The application has no views yet. Is the module that has them imported, and is each"
            " blueprint registered with `app.register_blueprint()`?"
        )
    return (
        "No route is near this URL. If it belongs to a blueprint: is that registered, with"
        " `app.register_blueprint()`, and under the `url_prefix` that the URL has?"
    )


# --- the page


def _page(app: Any, error: HTTPException, context: Context, miss: Miss) -> str:
    request = context.request
    title = f"{error.code} {error.name}"
    rows = Markup("\n").join(_row(entry, request.root_path) for entry in miss.entries)
    return _PAGE.format(
        title=title,
        method=request.method,
        root=request.root_path,
        path=request.path,
        hint=_coded(miss.hint),
        heading=miss.heading,
        rows=rows,
        note=Markup("<p>{}</p>").format(_coded(miss.note)) if miss.note else "",
        app=app.name,
        style=_STYLE,
    )


def _coded(text: str) -> Markup:
    """Escape a text, and mark as code what stands between backticks."""
    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _row(entry: Entry, root: str) -> Markup:
    rule = Markup("<code>{}</code>").format(entry.text)
    plain = "<" not in entry.text and entry.text.startswith("/")
    if plain and "GET" in (entry.rule.methods or ()):
        rule = Markup('<a href="{}">{}</a>').format(quote(root + entry.text), rule)
    return _ROW.format(
        near=Markup(' class="near"') if entry.is_nearest else "",
        methods=entry.methods,
        rule=rule,
        marker=Markup(" <mark>nearest</mark>") if entry.is_nearest else "",
        endpoint=entry.endpoint,
        where=from_here(entry.where),
    )


_ROW = Markup(
    "<tr{near}><td>{methods}</td><td>{rule}{marker}</td><td>{endpoint}</td>"
    "<td><code>{where}</code></td></tr>"
)

_PAGE = Markup(
    """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: {method} {path}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="asked"><strong>{method}</strong> <code><span>{root}</span>{path}</code></p>
<p class="hint">{hint}</p>
<h2>{heading}</h2>
<table>
<thead><tr><th>Methods</th><th>Rule</th><th>Endpoint</th><th>View</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
{note}
<footer>The application <code>{app}</code> runs in debug mode, and so shows this page. Without it a
client gets the plain error.</footer>
</main>
</body>
</html>
"""
)

_STYLE = Markup(
    """
:root { color-scheme: light dark; --back: #fff; --text: #1f2328; --quiet: #57606a;
  --line: #d0d7de; --code: #f2f4f6; --near: #fff8dc; --mark: #ffdf7e; --marked: #4a3200;
  --link: #0b57a4; --hint: #eaf3ff; --edge: #2f7dd1 }
@media (prefers-color-scheme: dark) {
  :root { --back: #14181d; --text: #e4e8ec; --quiet: #a2abb5; --line: #353c44; --code: #222931;
    --near: #2d2914; --mark: #e9c04a; --marked: #221a00; --link: #86bbff; --hint: #17273a;
    --edge: #5a9ee8 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 70rem; margin: 0 auto; padding: 2rem 1.25rem }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
code { font: .9em/1.4 ui-monospace, Menlo, Consolas, monospace }
p code { background: var(--code); border-radius: .25rem; padding: .1em .3em }
.hint code { background: none; padding: 0; font-weight: 600 }
td:first-child { font-size: .875rem }
.asked { font-size: 1.1rem; margin: .5rem 0 1.25rem }
.asked span, footer { color: var(--quiet) }
.hint { margin: 0; padding: .75rem 1rem; background: var(--hint);
  border-left: .25rem solid var(--edge); border-radius: .25rem }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; vertical-align: baseline; padding: .4rem .75rem .4rem 0;
  border-bottom: 1px solid var(--line) }
th { color: var(--quiet); font-weight: 500; font-size: .875rem }
td:last-child { color: var(--quiet) }
td:first-child, th:first-child { padding-left: .5rem }
.near td { background: var(--near) }
mark { background: var(--mark); color: var(--marked); border-radius: 1rem; padding: .05rem .5rem;
  font-size: .75rem; font-weight: 600; white-space: nowrap }
a { color: var(--link) }
footer { margin-top: 2rem; font-size: .875rem }
@media (max-width: 44rem) {
  main { padding: 1.25rem 1rem }
  thead { display: none }
  table, tbody, tr, td { display: block }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line) }
  td, td:first-child { border: 0; padding: .05rem .5rem }
  td:nth-child(-n + 2) { display: inline }
  .near { background: var(--near) }
}
"""
)
