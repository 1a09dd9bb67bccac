"""The URLs of plain endpoints, built from what their rules say in public, in front of Werkzeug.

Whatever a :class:`Builder` or a :class:`Choice` is not sure of it leaves to
:meth:`werkzeug.routing.MapAdapter.build`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast
from urllib.parse import quote, quote_plus

from werkzeug.routing import BaseConverter, IntegerConverter, Map, Rule

from .routing import TOKEN, URLMap, URLRule

#: What stands in a path as it is (WHATWG URL, "URL-path-segment string"), and in a query.
_PATH_SAFE = "!$&'()*+,/:;=@"
_QUERY_SAFE = "!$'()*,/:;?@"
#: Whether a text has letters and digits only, which are never quoted: most values have, and to
#: quote takes ten times as long as to look.
_is_word = re.compile("[a-zA-Z0-9_]*").fullmatch


class Builder:
    """Builds the path and query of one plain rule.

    :param rule: The rule.

    >>> url_map = URLMap([URLRule("/users/<int:id>", endpoint="user", methods=["GET"])])
    >>> builder_of(url_map, "user").build({"id": 7, "page": 2})
    'users/7?page=2'
    """

    def __init__(self, rule: URLRule) -> None:
        text = re.sub("/{2,}", "/", rule.rule) if rule.merge_slashes else rule.rule
        self._head = ""
        #: Of each variable: its name, what writes it, and the text behind it.
        self._variables: list[tuple[str, Callable[[Any], str], str]] = []
        for token in TOKEN.finditer(text):
            name = token["variable"]
            if name:
                self._variables.append((name, _writer(rule.converters[name]), ""))
            elif self._variables:
                name, write, tail = self._variables[-1]
                self._variables[-1] = name, write, tail + quote(token[0], safe=_PATH_SAFE)
            else:
                self._head += quote(token[0], safe=_PATH_SAFE)
        #: What the query leaves out: the variables, and what the rule has a default for.
        self._arguments = frozenset(rule.arguments)

    def build(self, values: dict[str, Any]) -> str | None:
        """Return the path without its first slash, and the query; None: ask Werkzeug.

        :param values: The values of the variables; others are for the query.
        """
        url = self._head
        try:
            # A call for each value that needs none would cost as much as all the rest.
            for name, write, tail in self._variables:
                value = values[name]
                if write is _path_text and type(value) is str and _is_word(value):
                    url += value + tail
                elif write is _number and type(value) is int:
                    url += f"{value}{tail}"
                elif value is None:
                    return None
                else:
                    url += write(value) + tail
            if len(values) > len(self._variables):
                url += self._query(values)
        except Exception:  # Werkzeug says what is missing, or what a converter refuses
            return None
        return url.lstrip("/")

    def _query(self, values: dict[str, Any]) -> str:
        pairs = []
        for name, value in values.items():
            if name in self._arguments or value is None:
                continue
            key = _quoted(name)
            if isinstance(value, (list, tuple, set)):
                pairs += [f"{key}={_quoted(one)}" for one in value if one is not None]
            else:
                pairs.append(f"{key}={_quoted(value)}")
        return f"?{'&'.join(pairs)}" if pairs else ""


class Choice:
    """Builds with the first of several rules that the values fit, in Werkzeug's order.

    :param rules: The rules of one endpoint, for the same methods.

    >>> index = URLRule("/", endpoint="index", methods=["GET"], defaults={"page": 1})
    >>> page = URLRule("/<int:page>", endpoint="index", methods=["GET"])
    >>> choice = builder_of(URLMap([index, page]), "index")
    >>> choice.build({"page": 1}), choice.build({"page": 2})
    ('', '2')
    """

    def __init__(self, rules: Iterable[URLRule]) -> None:
        #: Of each rule: the variables that it needs, its defaults, and what builds it.
        self._ways = [
            (tuple(rule.converters), dict(rule.defaults or {}), Builder(rule))
            for rule in sorted(rules, key=URLRule.build_compare_key)
        ]

    def build(self, values: dict[str, Any]) -> str | None:
        """Return the path without its first slash, and the query; None: ask Werkzeug.

        :param values: The values of the variables; others are for the query.
        """
        given = values.get
        try:
            for needed, defaults, builder in self._ways:
                # Loops, which are called in no time: an all() takes 0.3 µs for each rule.
                for name in needed:
                    if given(name) is None:
                        break
                else:
                    for name, default in defaults.items():
                        if given(name) is not None and default != values[name]:
                            break
                    else:
                        return builder.build(values)
        except Exception:  # of a value that cannot be compared
            return None
        return None


#: What builds the URLs of an endpoint, and whether its values are injected before.
Link: TypeAlias = tuple["Builder | Choice", bool]


class Links(dict[Any, "Link | None"]):
    """What builds the URLs of the endpoints, each made when its first URL is asked for.

    None stands for an endpoint that is left to Werkzeug.

    :param url_map: The map of the rules.
    :param injects: Whether functions add values for an endpoint.
    """

    def __init__(self, url_map: Map, injects: Callable[[str], bool]) -> None:
        self._url_map = url_map
        self._injects = injects

    def __missing__(self, endpoint: str) -> Link | None:
        builder = builder_of(self._url_map, endpoint)
        link = None if builder is None else (builder, self._injects(endpoint))
        if endpoint in getattr(self._url_map, "by_endpoint", ()):  # others a client may have chosen
            self[endpoint] = link
        return link


def builder_of(url_map: Map, endpoint: str) -> Builder | Choice | None:
    """Return what builds the URLs of an endpoint; None where Werkzeug has to.

    :param url_map: The map of the rules.
    :param endpoint: The endpoint.
    """
    if not isinstance(url_map, URLMap) or url_map.host_matching or url_map.sort_parameters:
        return None
    rules = url_map.by_endpoint.get(endpoint, ())
    if not rules or not all(map(_is_plain, rules)):
        return None
    plain = cast("list[URLRule]", rules)
    if len(plain) == 1 and not plain[0].defaults:
        return Builder(plain[0])
    # Where the methods differ, Werkzeug looks first for a rule with that of the request.
    return Choice(plain) if all(rule.methods == plain[0].methods for rule in plain) else None


def _is_plain(rule: Rule) -> bool:
    return (
        isinstance(rule, URLRule)
        and type(rule).build is Rule.build
        and type(rule).suitable_for is Rule.suitable_for
        and not rule.subdomain
        and not rule.websocket
        # A default for a variable is written into the path.
        and not any(name in rule.converters for name in rule.defaults or ())
    )


def _writer(converter: BaseConverter) -> Callable[[Any], str]:
    if type(converter).to_url is BaseConverter.to_url:
        return _path_text
    if type(converter) is IntegerConverter and not converter.fixed_digits:
        return _number
    return converter.to_url


def _path_text(value: Any) -> str:
    return quote(str(value), safe=_PATH_SAFE)


def _number(value: Any) -> str:
    return str(value if type(value) is int else int(value))


def _quoted(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if isinstance(value, bytes):
        return quote_plus(value, safe=_QUERY_SAFE)
    text = str(value)
    return text if _is_word(text) else quote_plus(text, safe=_QUERY_SAFE)
