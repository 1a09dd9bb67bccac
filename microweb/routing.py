"""URL rules: the records that decorators write, and Werkzeug's map of them.

Werkzeug's :class:`~werkzeug.routing.Map` is the truth for matching, redirects and building URLs.
What is compiled of its rules answers the plain cases: :mod:`microweb.matching` the requests, and
:mod:`microweb.building` the URLs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from werkzeug.routing import BaseConverter, Map, Rule

from .errors import SetupError, describe

View: TypeAlias = Callable[..., Any]
#: A rule, what it has behind some slash (None: nothing), and the variables before that.
Rest: TypeAlias = tuple[Rule, str | None, tuple[tuple[str, BaseConverter], ...]]


#: The pieces of a rule: slashes, variables, and the text between them.
TOKEN = re.compile(
    r"(?P<slash>/)"
    r"|<(?:(?P<converter>[a-zA-Z_][a-zA-Z0-9_]*)(?:\((?P<arguments>.*?)\))?:)?"
    r"(?P<variable>[a-zA-Z_][a-zA-Z0-9_]*)>"
    r"|(?P<static>[^/<]+)"
)


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
    :ivar converters: What turns the texts of the variables into values, by name.
    """

    converters: dict[str, BaseConverter]
    _reading = False
    provide_automatic_options = False
    max_content_length: int | None = None

    def compile(self) -> None:
        """Read the pattern; Werkzeug calls this when the rule comes into a map.

        :raises SyntaxError: for a variable that is there twice.
        """
        self.converters = {}
        self._reading = True
        try:
            super().compile()
        finally:
            self._reading = False

    def get_converter(
        self,
        variable_name: str,
        converter_name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> BaseConverter:
        """Make the converter of a variable, and remember it while the pattern is read.

        :param variable_name: The name of the variable.
        :param converter_name: The name of its converter in the map.
        :param args: The arguments of the converter in the pattern.
        :param kwargs: The same by name.
        :raises SyntaxError: for a variable that is there twice.
        :raises LookupError: where the map has no such converter.
        """
        converter = super().get_converter(variable_name, converter_name, args, kwargs)
        if self._reading:
            if variable_name in self.converters and variable_name not in (self.defaults or ()):
                raise SyntaxError(f"the variable {variable_name!r} is there twice")
            self.converters[variable_name] = converter
        return converter

    # Not public, but nothing breaks if Werkzeug stops calling it: without this a rule takes 1 ms
    # to register, for two functions that only some rules ever need, and 10,000 rules take 15 s.
    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """Return what builds the URL of the rule, and is compiled when it is first called."""
        if self.defaults:  # they are written into it, which may fail
            return super()._compile_builder(append_unknown)
        return _LateBuilder(self, append_unknown)


class _LateBuilder:
    """Stands for a function of a rule until it is called: 10,000 rules have 20,000 of them.

    :param rule: The rule.
    :param append_unknown: Other values go into the query.
    """

    __slots__ = ("_append_unknown", "_build", "_rule")

    def __init__(self, rule: URLRule, append_unknown: bool) -> None:
        self._rule = rule
        self._append_unknown = append_unknown
        self._build: Callable[..., tuple[str, str]] | None = None

    def __get__(self, rule: Rule, owner: type | None = None) -> _LateBuilder:
        return self  # Werkzeug binds what it gets

    def __call__(self, /, **values: Any) -> tuple[str, str]:
        if self._build is None:
            compiled = Rule._compile_builder(self._rule, self._append_unknown)
            self._build = compiled.__get__(self._rule, None)
        return self._build(**values)


class URLMap(Map):
    """Werkzeug's map, which also remembers which rules came in, in which order.

    What a matcher wants to know of all rules is noted as they come, so that the first request does
    not wait for a look at each of them.

    :ivar in_order: The rules.
    :ivar by_endpoint: The rules by endpoint.
    :ivar by_start: The rules that can match by their first segment, with what is behind it; under
        None those that begin with a variable, with all of it.
    :ivar with_defaults: Those that have defaults.
    :ivar is_plain: None has a subdomain, is for a WebSocket, or has an empty segment.

    :param args: What :class:`werkzeug.routing.Map` takes.
    :param kwargs: The same by name.

    .. code-block:: python

        app.url_map.converters["date"] = DateConverter  # before the first <date:day>
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.in_order: list[Rule] = []
        self.by_endpoint: dict[Any, list[Rule]] = {}
        self.by_start: dict[str | None, list[Rest]] = {}
        self.with_defaults: list[Rule] = []
        self.is_plain = True
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
            self.by_endpoint.setdefault(rule.endpoint, []).append(rule)
            if rule.subdomain or rule.websocket or "//" in rule.rule:
                self.is_plain = False
            if not rule.build_only:
                self._note_start(rule)

    def _note_start(self, rule: Rule) -> None:
        if rule.defaults:
            self.with_defaults.append(rule)
        segment, slash, following = rule.rule[1:].partition("/")
        if "<" in segment:
            self.by_start.setdefault(None, []).append((rule, rule.rule[1:], ()))
        else:
            self.by_start.setdefault(segment, []).append((rule, following if slash else None, ()))


def same_requests(rule: Rule) -> tuple[Any, ...]:
    """Return a key that two rules share if they match the same URLs, methods apart."""
    pattern = (
        rule.rule
        if "<" not in rule.rule
        else "".join(
            f"<{token['converter'] or 'default'}({token['arguments'] or ''})>"
            if token["variable"]
            else token[0]
            for token in TOKEN.finditer(rule.rule)
        )
    )
    return rule.subdomain, rule.host, rule.websocket, pattern
