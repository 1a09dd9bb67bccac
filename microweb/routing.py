"""URL rules: the records that decorators write, Werkzeug's map, and the matcher in front of it.

Werkzeug's :class:`~werkzeug.routing.Map` is the truth for matching, redirects and building URLs.
The :class:`Matcher` is compiled from the public attributes of its rules and answers the plain
hits; whatever it is not sure of, it leaves to the map.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from werkzeug.routing import BaseConverter, IntegerConverter, Map, Rule
from werkzeug.routing.rules import parse_converter_args

from .errors import SetupError, describe

View: TypeAlias = Callable[..., Any]
#: A rule that matched, and the values that it took from the URL.
Hit: TypeAlias = tuple[Rule, dict[str, Any]]


class Unsure(Enum):
    """The answer of a matcher that leaves a path to Werkzeug."""

    UNSURE = "unsure"


UNSURE = Unsure.UNSURE


@dataclass
class Route:
    """What one `@app.route` wrote down.

    :ivar rule: The URL pattern, such as ``/users/<int:id>``, without a blueprint's prefix.
    :ivar endpoint: The name for :func:`microweb.url_for`, without a blueprint's name.
    :ivar view: The view function; None where `endpoint` or `view_functions` names it later.
    :ivar methods: The methods that the rule answers to, HEAD apart (it follows GET).
    :ivar automatic_options: Answer OPTIONS with the list of methods.
    :ivar max_content_length: The longest body in bytes, where the route has a limit of its own.
    :ivar options: What else was given: the arguments of Werkzeug's `Rule`.
    """

    rule: str
    endpoint: str
    view: View | None
    methods: frozenset[str]
    automatic_options: bool | None = None
    max_content_length: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Return the options of `add_url_rule` that make the same route again."""
        return {
            **self.options,
            "methods": sorted(self.methods),
            "provide_automatic_options": self.automatic_options,
            "max_content_length": self.max_content_length,
        }

    def __str__(self) -> str:
        where = f" of {describe(self.view)}" if self.view is not None else ""
        return f"{self.rule!r}{where}"


def make_route(
    rule: str, endpoint: str | None, view: View | None, options: dict[str, Any]
) -> Route:
    """Write the record of one registration, taking what the view itself says into account.

    A view may carry `methods`, `required_methods` and `provide_automatic_options`.

    :raises SetupError: for an option that cannot be used.
    """
    if not isinstance(rule, str):
        raise SetupError(f"A URL rule is text such as '/', and not {rule!r}.")
    if endpoint is not None and not isinstance(endpoint, str):
        raise SetupError(
            f"The endpoint of {rule!r} is text, and not {endpoint!r}: give a view as view_func=."
        )
    _refuse_class(rule, view)
    if view is not None and not callable(view):
        raise SetupError(f"The view of {rule!r} is {view!r} and not a function.")
    if endpoint is None:
        endpoint = getattr(view, "__name__", None)
    if endpoint is None:
        raise SetupError(f"The URL rule {rule!r} needs a view function or an endpoint=.")
    methods = options.pop("methods", None)
    if methods is None:
        methods = getattr(view, "methods", None) or ("GET",)
    plural = isinstance(methods, Iterable) and not isinstance(methods, str)
    listed = tuple(methods) if plural else ()
    if not listed or not all(isinstance(method, str) for method in listed):
        raise TypeError(
            f"The methods of {rule!r} must be a list of strings, such as ['POST'], not {methods!r}."
        )
    automatic = options.pop("provide_automatic_options", None)
    if automatic is None:
        automatic = getattr(view, "provide_automatic_options", None)
    required = getattr(view, "required_methods", ())
    limit = options.pop("max_content_length", None)
    if isinstance(limit, bool) or not isinstance(limit, (int, type(None))):
        raise SetupError(
            f"The max_content_length of {rule!r} must be a whole number of bytes, not {limit!r}."
        )
    return Route(
        rule=rule,
        endpoint=endpoint,
        view=view,
        methods=frozenset(method.upper() for method in (*listed, *required)),
        automatic_options=automatic,
        max_content_length=limit,
        options=options,
    )


def _refuse_class(rule: str, view: Any) -> None:
    """Refuse a class-based view that is not made into a function."""
    called = getattr(view, "__func__", None)
    cls = getattr(view, "__self__", None) if called is not None else view
    uncalled = getattr(called, "__name__", None) == "as_view"
    if isinstance(cls, type) and hasattr(cls, "as_view") and (uncalled or cls is view):
        name = cls.__name__
        raise SetupError(
            f"The view of {rule!r} is {'the class ' + name if cls is view else name + '.as_view'}:"
            f" write view_func={name}.as_view({name.lower()!r}), which makes a function of it."
        )


def explain_rule(rule: str, route: Route, error: Exception, url_map: Map) -> SetupError:
    """Return what is wrong with a URL rule, from what Werkzeug said of it."""
    subject = f"The URL rule {rule!r}"
    if route.view is not None:
        subject += f" of {describe(route.view)}"
    converter = _UNKNOWN_CONVERTER.match(str(error))
    if converter:
        known = ", ".join(sorted(url_map.converters))
        name = converter[1]
        turned = re.search(rf"<{re.escape(name)}:(\w+)>", rule)
        if turned and turned[1] in url_map.converters:
            return SetupError(
                f"{subject} has the name before the converter: write <{turned[1]}:{name}>."
            )
        return SetupError(
            f"{subject} uses the converter {name!r}, which does not exist. There are: {known}. Add"
            f" your own before this route: app.url_map.converters[{name!r}] = …"
        )
    if isinstance(error, SyntaxError):
        return SetupError(f"{subject} has the same variable twice.")
    if isinstance(error, ValueError) and "malformed" in str(error):
        return SetupError(
            f"{subject} cannot be read: a variable is written <name> or <converter:name>."
        )
    unknown = sorted(set(route.options) - _OPTIONS)
    if isinstance(error, TypeError) and unknown:
        return SetupError(
            f"{subject} has no option {unknown[0]!r}. There are: {', '.join(sorted(_OPTIONS))}."
        )
    return SetupError(f"{subject} cannot be used: {error}")


_OPTIONS = {
    *("alias", "build_only", "defaults", "endpoint", "host", "max_content_length", "merge_slashes"),
    *("methods", "provide_automatic_options", "redirect_to", "strict_slashes", "subdomain"),
    "websocket",
}
_UNKNOWN_CONVERTER = re.compile(r".*the converter '(.*)' does not exist")


class URLRule(Rule):
    """Werkzeug's rule, with what microweb decides by rule.

    :ivar provide_automatic_options: OPTIONS is answered with the list of methods.
    :ivar max_content_length: The longest body in bytes; None: as the configuration says.
    """

    provide_automatic_options = False
    max_content_length: int | None = None


class URLMap(Map):
    """Werkzeug's map, which also remembers which rules came in, in which order.

    :param args: What :class:`werkzeug.routing.Map` takes.
    :param kwargs: The same by name.

    .. code-block:: python

        app.url_map.converters["date"] = DateConverter  # before the first <date:day>
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.in_order: list[Rule] = []
        #: Called before each addition; it may refuse it with an exception.
        self.before_add: Callable[[], None] = lambda: None
        super().__init__(*args, **kwargs)

    def add(self, rulefactory: Any) -> None:
        """Add a rule, or what a rule factory makes.

        :param rulefactory: A :class:`werkzeug.routing.Rule`, or what gives several.
        """
        self.before_add()
        for rule in rulefactory.get_rules(self):
            super().add(rule)
            self.in_order.append(rule)


def same_requests(rule: Rule) -> tuple[Any, ...]:
    """Return a key that two rules share if they match the same URLs, methods apart."""
    pattern = "".join(
        f"<{token['converter'] or 'default'}({token['arguments'] or ''})>"
        if token["variable"]
        else token[0]
        for token in _TOKEN.finditer(rule.rule)
    )
    return rule.subdomain, rule.host, rule.websocket, pattern


class Matcher:
    """A tree of URL segments that finds the rule of a path, or leaves it to Werkzeug.

    It knows segments that are static and segments that are one variable. Wherever a rule has
    something else (several variables in a segment, defaults, redirects, any method), the tree says
    :data:`UNSURE`, and a walk that meets this gives up. Alternatives are tried in Werkzeug's
    order: static segments first, then variables by weight, then by the order of registration.

    :param url_map: The map to compile; the matcher does not see what is added to it later.
    """

    def __init__(self, url_map: Map) -> None:
        self._root = _Node()
        # Whole paths without variables; None where a rule is for any method: the tree answers.
        self._static: dict[str, dict[str, Rule | Unsure] | None] = {}
        #: Whether the tree holds all rules, so that what it does not find is not there.
        self._complete = False
        rules = url_map.in_order if isinstance(url_map, URLMap) else []
        if url_map.host_matching or any(
            rule.subdomain or rule.websocket or "//" in rule.rule for rule in rules
        ):
            return
        # A rule with defaults makes Werkzeug redirect from the other rules of its endpoint.
        redirecting = {rule.endpoint for rule in rules if rule.defaults}
        for rule in rules:
            if not rule.build_only:
                self._add(rule, rule.endpoint in redirecting or rule.redirect_to or rule.alias)
        self._root.sort()
        self._complete = isinstance(url_map, URLMap)

    def match(self, path: str, method: str) -> Hit | Unsure | None:
        """Return the rule and its values, None for a 404, or `UNSURE` where Werkzeug must say.

        :param path: The decoded path.
        """
        methods = self._static.get(path)
        if methods is not None:
            rule = methods.get(method, UNSURE)
            return UNSURE if rule is UNSURE else (rule, {})
        if not self._complete or "//" in path or path[:1] != "/":
            return UNSURE
        values: list[str] = []
        leaf = _find(self._root, path.split("/"), 1, method, values)
        return leaf if leaf is None or leaf is UNSURE else leaf.hit(values)

    def _add(self, rule: Rule, unsure: Any) -> None:
        segments = _segments(rule)
        node = self._root
        for position, segment in enumerate(segments, 1):
            if isinstance(segment, str):
                node = node.static.setdefault(segment, _Node())
            elif segment.isolating or (segment.whole and position == len(segments)):
                node = node.variable(segment)
            else:
                node.unsure = True
                return
        converters = [segment.converter for segment in segments if not isinstance(segment, str)]
        leaf: _Leaf | Unsure = UNSURE if unsure else _Leaf(rule, converters)
        node.end(rule, leaf)
        if not converters:
            self._add_static(rule, "/" + "/".join(map(str, segments)), bool(unsure))

    def _add_static(self, rule: Rule, path: str, unsure: bool) -> None:
        methods = self._static.setdefault(path, {})
        if rule.methods is None or methods is None:
            self._static[path] = None
            return
        for method in rule.methods:
            methods.setdefault(method, UNSURE if unsure else rule)


class _Leaf:
    """The end of a rule: turns the texts of its variables into values."""

    def __init__(self, rule: Rule, converters: list[tuple[str, BaseConverter]]) -> None:
        self.rule = rule
        self.converters = [(name, _conversion(converter)) for name, converter in converters]

    def hit(self, texts: list[str]) -> Hit | Unsure:
        values: dict[str, Any] = {}
        try:
            for (name, convert), text in zip(self.converters, texts, strict=True):
                values[name] = text if convert is None else convert(text)
        except ValueError:  # Werkzeug says what this means: a ValidationError is a 404
            return UNSURE
        return self.rule, values


class _Node:
    """A position between two segments: where the walk can go from here, and what ends here."""

    __slots__ = ("lenient", "methods", "static", "unsure", "unsure_end", "variables")

    def __init__(self) -> None:
        self.static: dict[str, _Node] = {}
        self.variables: list[_Variable] = []
        #: What ends here, by method.
        self.methods: dict[str, _Leaf | Unsure] = {}
        #: A rule goes on from here with something that the tree does not know.
        self.unsure = False
        #: A rule for any method ends here.
        self.unsure_end = False
        #: A rule that does not insist on its slash ends here.
        self.lenient = False

    def variable(self, segment: _Segment) -> _Node:
        converter = segment.converter[1]
        key = (converter.regex, converter.weight, segment.isolating)
        for variable in self.variables:
            if variable.key == key:
                return variable.node
        self.variables.append(_Variable(key, _test(converter)))
        return self.variables[-1].node

    def end(self, rule: Rule, leaf: _Leaf | Unsure) -> None:
        self.lenient = self.lenient or not rule.strict_slashes
        if rule.methods is None:
            self.unsure_end = True
        for method in rule.methods or ():
            self.methods.setdefault(method, leaf)

    def sort(self) -> None:
        self.variables.sort(key=lambda variable: variable.key[1])
        for node in (*self.static.values(), *(variable.node for variable in self.variables)):
            node.sort()


class _Variable:
    """The way from a node over one variable; `test` says whether a text can be its value."""

    __slots__ = ("isolating", "key", "node", "test")

    def __init__(self, key: tuple[str, int, bool], test: Callable[[str], Any]) -> None:
        self.key = key
        self.isolating = key[2]
        self.test = test
        self.node = _Node()


def _find(
    node: _Node, parts: list[str], position: int, method: str, values: list[str]
) -> _Leaf | Unsure | None:
    """Walk on from a node; `values` collects the texts of the variables on the way."""
    if position == len(parts):
        if node.unsure_end or "" in node.static:  # "": a redirect to the path with a slash
            return UNSURE
        # With other methods than this one it is a 405, unless another way leads to a rule.
        return node.methods.get(method, UNSURE) if node.methods else None
    part = parts[position]
    child = node.static.get(part)
    if child is not None:
        leaf = _find(child, parts, position + 1, method, values)
        if leaf is not None:
            return leaf
    if node.unsure or (node.lenient and not part):
        return UNSURE
    for variable in node.variables:
        if variable.isolating:
            text, following = part, position + 1
        else:
            text, following = "/".join(parts[position:]), len(parts)
        if variable.test(text):
            values.append(text)
            leaf = _find(variable.node, parts, following, method, values)
            if leaf is not None:
                return leaf
            values.pop()
    return None


class _Segment:
    """What stands between two slashes of a rule, where it is not static.

    :ivar whole: It is one variable and nothing else.
    :ivar isolating: It is so, and the variable holds no slash.
    """

    def __init__(self, rule: Rule, tokens: list[re.Match[str]]) -> None:
        token = tokens[0]
        self.whole = len(tokens) == 1
        arguments, keywords = parse_converter_args(token["arguments"] or "")
        name = token["variable"] or ""
        if self.whole:
            self.converter = (
                name,
                rule.get_converter(name, token["converter"] or "default", arguments, keywords),
            )
        self.isolating = self.whole and self.converter[1].part_isolating


def _segments(rule: Rule) -> list[str | _Segment]:
    """Split a rule at its slashes, the first one apart."""
    groups: list[list[re.Match[str]]] = []
    for token in _TOKEN.finditer(rule.rule):
        if token["slash"]:
            groups.append([])
        else:
            groups[-1].append(token)
    return [
        "".join(token[0] for token in tokens)
        if all(token["static"] for token in tokens)
        else _Segment(rule, tokens)
        for tokens in groups
    ]


_TOKEN = re.compile(
    r"(?P<slash>/)"
    r"|<(?:(?P<converter>[a-zA-Z_][a-zA-Z0-9_]*)(?:\((?P<arguments>.*?)\))?:)?"
    r"(?P<variable>[a-zA-Z_][a-zA-Z0-9_]*)>"
    r"|(?P<static>[^/<]+)"
)


def _test(converter: BaseConverter) -> Callable[[str], Any]:
    """Return a test for the texts that a converter's expression matches."""
    if converter.regex == r"\d+":
        return str.isdecimal  # the same: \d is the Unicode category Nd
    if converter.regex == "[^/]{1,}":
        return bool
    return re.compile(rf"(?P<__werkzeug_0>{converter.regex})\Z").match


def _conversion(converter: BaseConverter) -> Callable[[str], Any] | None:
    """Return what turns a text into a value; None where the text is the value."""
    if type(converter).to_python is BaseConverter.to_python:
        return None
    if type(converter) is IntegerConverter and (
        not converter.fixed_digits and converter.min is None and converter.max is None
    ):
        return int
    return converter.to_python
