"""The URLs of plain endpoints, built from what their rules say in public, in front of Werkzeug.

Whatever a :class:`Builder` is not sure of it leaves to :meth:`werkzeug.routing.MapAdapter.build`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
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
    """Builds the path and query of an endpoint that has one plain rule.

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
        self._names = frozenset(name for name, _, _ in self._variables)

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
            if name in self._names or value is None:
                continue
            many = value if isinstance(value, (list, tuple, set)) else (value,)
            pairs += [f"{_quoted(name)}={_quoted(one)}" for one in many if one is not None]
        return f"?{'&'.join(pairs)}" if pairs else ""


def builder_of(url_map: Map, endpoint: str) -> Builder | None:
    """Return what builds the URLs of an endpoint; None where Werkzeug has to.

    :param url_map: The map of the rules.
    :param endpoint: The endpoint.
    """
    if not isinstance(url_map, URLMap) or url_map.host_matching or url_map.sort_parameters:
        return None
    rules = url_map.by_endpoint.get(endpoint, ())
    rule = rules[0] if len(rules) == 1 else None
    if not isinstance(rule, URLRule) or type(rule).build is not Rule.build:
        return None
    return None if rule.subdomain or rule.defaults or rule.websocket else Builder(rule)


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
    if isinstance(value, bytes):
        return quote_plus(value, safe=_QUERY_SAFE)
    text = str(value)
    return text if _is_word(text) else quote_plus(text, safe=_QUERY_SAFE)
